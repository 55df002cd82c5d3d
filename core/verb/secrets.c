/* `vmferry secrets`: what is kept in STATE/secrets, by name, never by value;
 * `vmferry secrets forget NAME` removes it. */
#include <string.h>

#include "../i18n.h"
#include "../kept.h"
#include "../verb.h"

static int list(struct out *o, struct err *e)
{
	_secrets_ struct secrets *s = secrets_new();
	const char *name;

	if (kept_load(s, e))
		return -1;
	for (size_t i = 0; (name = secrets_name(s, i)); i++) {
		_free_ char *clean = str_printable_dup(name);

		out_f(o, "%s\n", clean);
	}
	return 0;
}

static int forget(const char *name, struct out *o, struct err *e)
{
	bool was;

	if (kept_forget(name, &was, e))
		return -1;
	if (!was)
		return err_set(e, ERR_NOT_FOUND, "nothing is kept as %s", name);
	out_f(o, "%s: forgotten\n", name);
	return 0;
}

static int run(int argc, char **argv, struct out *o, struct err *e)
{
	if (argc == 1)
		return list(o, e);
	if (argc == 3 && strcmp(argv[1], "forget") == 0)
		return forget(argv[2], o, e);
	return verb_usage(&verb_secrets, e);
}

const struct verb verb_secrets = {
	.name = "secrets",
	.args = "[forget NAME]",
	.help = N_("what is kept on this machine, by name; forget one"),
	.run = run,
};
