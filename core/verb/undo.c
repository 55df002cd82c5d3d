/* `vmferry undo JOB`: the way back, newest step first. */
#include <getopt.h>

#include "../i18n.h"
#include "../run.h"
#include "../verb.h"

static const struct option longopts[] = {
	{"to", required_argument, NULL, 't'},
	{"answers", required_argument, NULL, 'a'},
	{"secrets", required_argument, NULL, 's'},
	{0},
};

static void say(void *arg, const char *line)
{
	struct out *o = arg;

	o->note(o, line);
}

static int undo(const char *name, const struct run_opts *o, const char *to,
	struct out *out, struct err *e)
{
	_job_ struct job *job = NULL;

	if (to && !step_find(to))
		return err_set(e, ERR_USAGE, "no step %s", to);
	if (job_open(name, &job, e) || run_undo(job, o, to, e))
		return -1;
	if (to)
		out_f(out, "%s: undone down to %s\n", job->name, to);
	else
		out_f(out, "%s: undone\n", job->name);
	return 0;
}

static int run(int argc, char **argv, struct out *out, struct err *e)
{
	_secrets_ struct secrets *secrets = secrets_new();
	struct run_opts o = {.secrets = secrets, .say = say, .arg = out};
	const char *to = NULL, *path = NULL;
	int c;

	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		if (c == 't')
			to = optarg;
		else if (c == 'a')
			o.answers = optarg;
		else if (c == 's')
			path = optarg;
		else
			return verb_usage(&verb_undo, e);
	}
	if (optind + 1 != argc)
		return verb_usage(&verb_undo, e);
	if (path && secrets_load(secrets, path, e))
		return -1;
	return undo(argv[optind], &o, to, out, e);
}

const struct verb verb_undo = {
	.name = "undo",
	.args = "JOB [--to STEP] [--answers FILE] [--secrets FILE]",
	.help = N_("take back what a job did; the source VM starts again"),
	.run = run,
};
