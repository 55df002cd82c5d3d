/* `vmferry plan`: facts + choices -> plan.json. Offline and pure. */
#include <getopt.h>

#include "../i18n.h"
#include "../plan.h"
#include "../verb.h"

static const struct option longopts[] = {
	{"facts", required_argument, NULL, 'f'},
	{"choices", required_argument, NULL, 'c'},
	{"output", required_argument, NULL, 'o'},
	{0},
};

static int build(const char *facts_path, const char *choices_path,
	const char *output, struct out *o, struct err *e)
{
	_json_ json_t *facts = NULL, *choices = NULL, *plan = NULL;
	_free_ char *text = NULL;
	const json_t *w;
	size_t i;

	if (json_read(facts_path, &facts, e) ||
		json_read(choices_path, &choices, e) ||
		plan_build(facts, choices, &plan, e))
		return -1;
	json_array_foreach (json_object_get(plan, "warnings"), i, w)
		out_notef(o, "warning: %s", json_string_value(w));
	json_array_foreach (json_at(plan, "estimate.outage"), i, w)
		out_notef(o, "%s%s: %s", json_str_or(w, "timing", ""),
			json_flag(w, "chosen", false) ? " (chosen)" : "",
			json_str_or(w, "text", ""));
	if (output)
		return json_write(output, plan, 0600, e);
	text = json_pretty(plan);
	out_puts(o, text);
	return 0;
}

static int run(int argc, char **argv, struct out *o, struct err *e)
{
	const char *facts = NULL, *choices = NULL, *output = NULL;
	int c;

	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		if (c == 'f')
			facts = optarg;
		else if (c == 'c')
			choices = optarg;
		else if (c == 'o')
			output = optarg;
		else
			return verb_usage(&verb_plan, e);
	}
	if (!facts || !choices || optind != argc)
		return verb_usage(&verb_plan, e);
	return build(facts, choices, output, o, e);
}

const struct verb verb_plan = {
	.name = "plan",
	.args = "--facts FILE --choices FILE [--output FILE]",
	.help = N_("make a plan from facts and choices"),
	.run = run,
};
