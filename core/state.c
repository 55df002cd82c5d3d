/* The state directory: see state.h. */
#include "state.h"

#include <stdlib.h>
#include <unistd.h>

#include "str.h"

static char *state_dir(void)
{
	const char *env = getenv("VMFERRY_STATE");
	const char *home = getenv("HOME");

	if (env && *env)
		return xstrdup(env);
	if (geteuid() == 0 || !home)
		return xstrdup("/var/lib/vmferry");
	return path_join(home, ".local/state/vmferry");
}

int state_path(const char *name, char **out, struct err *e)
{
	_free_ char *dir = state_dir();

	if (file_mkdirs(dir, 0700, e))
		return err_in(e, "make the state directory");
	*out = name ? path_join(dir, name) : xstrdup(dir);
	return 0;
}
