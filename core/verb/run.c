/* `vmferry run` and what it shares with `vmferry undo`: a plan is carried
 * out in its job directory; the same command goes on after any end. */
#include <getopt.h>

#include "../i18n.h"
#include "../plan.h"
#include "../run.h"
#include "../verb.h"

static const struct option longopts[] = {
	{"plan", required_argument, NULL, 'p'},
	{"name", required_argument, NULL, 'n'},
	{"answers", required_argument, NULL, 'a'},
	{"secrets", required_argument, NULL, 's'},
	{"until", required_argument, NULL, 'u'},
	{"guided", no_argument, NULL, 'g'},
	{0},
};

static void say(void *arg, const char *line)
{
	struct out *o = arg;

	o->note(o, line);
}

/* The job's name where none is given: the plan's, else the new VM's. */
static char *name_of(const json_t *plan, const char *given)
{
	char *s;

	if (!given)
		given = json_str(plan, "name");
	if (!given)
		given = json_str_or(
			json_object_get(plan, "target"), "name", "vm");
	s = xstrdup(given);
	for (char *p = s; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	return s;
}

static int open_job(const char *plan_path, const char *name, struct job **job,
	struct err *e)
{
	_json_ json_t *plan = NULL;
	_free_ char *job_name = NULL;

	if (!plan_path)
		return job_open(name, job, e);
	if (json_read(plan_path, &plan, e) || plan_check(plan, e))
		return -1;
	job_name = name_of(plan, name);
	return job_create(job_name, plan, job, e);
}

static int parse(int argc, char **argv, struct run_opts *o, const char **plan,
	const char **name, const char **secrets)
{
	int c;

	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		switch (c) {
		case 'p':
			*plan = optarg;
			break;
		case 'n':
			*name = optarg;
			break;
		case 'a':
			o->answers = optarg;
			break;
		case 's':
			*secrets = optarg;
			break;
		case 'u':
			o->until = optarg;
			break;
		case 'g':
			o->guided = true;
			break;
		default:
			return -1;
		}
	}
	if (!*name && optind < argc)
		*name = argv[optind++];
	return optind == argc && (*plan || *name) ? 0 : -1;
}

static int run(int argc, char **argv, struct out *out, struct err *e)
{
	const char *plan = NULL, *name = NULL, *secrets_path = NULL;
	_secrets_ struct secrets *secrets = secrets_new();
	struct run_opts o = {.secrets = secrets, .say = say, .arg = out};
	_job_ struct job *job = NULL;

	if (parse(argc, argv, &o, &plan, &name, &secrets_path))
		return verb_usage(&verb_run, e);
	if (o.until && !step_find(o.until))
		return err_set(e, ERR_USAGE, "no step %s", o.until);
	if (secrets_path && secrets_load(secrets, secrets_path, e))
		return -1;
	if (open_job(plan, name, &job, e))
		return -1;
	out_notef(out, "job %s in %s", job->name, job->dir);
	if (run_job(job, &o, e))
		return -1;
	out_f(out, "%s: done\n", job->name);
	return 0;
}

const struct verb verb_run = {
	.name = "run",
	.args = "(JOB | --plan FILE [--name JOB]) [--answers FILE] "
		"[--secrets FILE] [--until STEP] [--guided]",
	.help = N_("carry out a plan, or go on with a job"),
	.run = run,
};
