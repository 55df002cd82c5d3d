/* What the host can compress with: see esxi_packer() in esxi.h. */
#include <string.h>

#include "esxi_int.h"

/* Exactly these lines; the host's words go into no command. */
static char *pick(char *text)
{
	static const char *const known[] = {"pigz -p 1", "gzip"};
	const char *tool = NULL;
	bool nice = false;
	char *line;

	while ((line = str_line(&text))) {
		for (size_t i = 0; i < ARRAY_LEN(known); i++)
			if (!tool && strcmp(line, known[i]) == 0)
				tool = known[i];
		nice |= strcmp(line, "nice") == 0;
	}
	return tool ? xasprintf("%s%s -1 -c", nice ? "nice -n 19 " : "", tool)
		    : NULL;
}

int esxi_packer(struct esxi *x, char **out, struct err *e)
{
	struct esxi_call c = {.cmd = ESXI_PACKERS};
	int rc = esxi_run(x, &c, 1, e);

	if (rc == 0)
		rc = esxi_check(&c, e);
	if (rc == 0)
		*out = pick(c.out);
	esxi_calls_free(&c, 1);
	return rc ? err_in(e, "ask the host what it compresses with") : 0;
}
