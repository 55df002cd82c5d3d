/* `vmferry guided JOB on|off`: whether its worker stops before each step for
 * the operator's word. A worker that runs heeds it at its next step. */
#include "../i18n.h"
#include "../job.h"
#include "../verb.h"

#include <string.h>

static int run(int argc, char **argv, struct out *o, struct err *e)
{
	_job_ struct job *job = NULL;
	bool on;

	if (argc != 3 || str_bool(argv[2], &on))
		return verb_usage(&verb_guided, e);
	if (job_open(argv[1], &job, e) || job_set_guided(job, on, e))
		return err_in(e, "guided %s", argv[1]);
	out_f(o,
		on ? "%s: asks before each step\n"
		   : N_("%s: runs to the next question\n"),
		job->name);
	return 0;
}

const struct verb verb_guided = {
	.name = "guided",
	.args = "JOB on|off",
	.help = N_("ask before each step, or run to the next question"),
	.run = run,
};
