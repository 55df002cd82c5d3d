/* `vmferry remove JOB`: forget a job that is done, taken back, or never
 * began. Touches neither source nor target. */
#include "../i18n.h"
#include "../job.h"
#include "../verb.h"

static int run(int argc, char **argv, struct out *o, struct err *e)
{
	_job_ struct job *job = NULL;

	if (argc != 2)
		return verb_usage(&verb_remove, e);
	if (job_open(argv[1], &job, e))
		return err_in(e, "remove %s", argv[1]);
	if (job_remove(job, e))
		return -1;
	out_f(o, "%s: removed\n", job->name);
	return 0;
}

const struct verb verb_remove = {
	.name = "remove",
	.args = "JOB",
	.help = N_("forget a job that is done, taken back or never began"),
	.run = run,
};
