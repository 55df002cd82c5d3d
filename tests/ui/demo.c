/* build/ui/demo [form|table|pager|checklist|menu|running] [--plain]: look at
 * the widgets with one's own eyes. */
#include <locale.h>
#include <string.h>

#include "widgets.h"

int main(int argc, char **argv)
{
	struct tui_opts o = {.plain = argc > 2};
	const char *what = argc > 1 ? argv[1] : "menu";
	unsigned once_a_second = 1;

	setlocale(LC_ALL, "");
	if (strcmp(what, "form") == 0)
		sample_form(&o, NULL);
	else if (strcmp(what, "table") == 0)
		sample_table(&o, NULL);
	else if (strcmp(what, "pager") == 0)
		sample_pager(&o, NULL);
	else if (strcmp(what, "checklist") == 0)
		sample_checklist(&o, NULL);
	else if (strcmp(what, "running") == 0)
		sample_running(&o, &once_a_second);
	else
		sample_menu(&o, NULL);
	return 0;
}
