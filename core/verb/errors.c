/* `vmferry errors [ID]`: every error with its advice, from the same table
 * that the dialogs and vmferry-errors(7) are made from. */
#include "../i18n.h"
#include "../verb.h"

static void show(struct out *o, enum err_code code)
{
	out_f(o, "%s%s\n    %s\n", err_id(code),
		err_retryable(code) ? out_word(o, N_(" (may be tried again)"))
				    : "",
		out_word(o, err_advice(code)));
}

static int run(int argc, char **argv, struct out *o, struct err *e)
{
	if (argc > 2)
		return verb_usage(&verb_errors, e);
	if (argc == 2) {
		enum err_code code = err_by_id(argv[1]);

		if (!code)
			return err_set(
				e, ERR_NOT_FOUND, "no error %s", argv[1]);
		show(o, code);
		return 0;
	}
	for (int i = 1; i < ERR_COUNT; i++)
		show(o, i);
	return 0;
}

const struct verb verb_errors = {
	.name = "errors",
	.args = "[ID]",
	.help = N_("list every error with what to do next"),
	.run = run,
};
