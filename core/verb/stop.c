/* `vmferry stop JOB`: ask the worker to end, and see that it did. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>

#include "../i18n.h"
#include "../job.h"
#include "../stop.h"
#include "../verb.h"

#define PATIENCE 120 /* seconds: a flush of a slow disk may take that long */

static const struct option longopts[] = {
	{"timeout", required_argument, NULL, 't'},
	{0},
};

static int wait_free(struct job *job, uint64_t patience, struct err *e)
{
	double end = now_mono() + patience;

	while (job_worker_pid(job) != 0) {
		if (now_mono() > end)
			return err_set(e, ERR_TIMEOUT,
				"the worker still works on %s after %llu s",
				job->name, (unsigned long long)patience);
		if (stop_sleep(50, e))
			return -1;
	}
	return 0;
}

static int stop(
	const char *name, uint64_t patience, struct out *o, struct err *e)
{
	_job_ struct job *job = NULL;
	pid_t pid;

	if (job_open(name, &job, e))
		return -1;
	pid = job_worker_pid(job);
	if (pid == 0) {
		out_f(o, "%s: nothing is working on it\n", job->name);
		return 0;
	}
	if (pid < 0)
		return err_set(e, ERR_JOB_BUSY,
			"its worker is in another container: stop it there");
	/* Gone in this very moment is as good as stopped. */
	if (kill(pid, SIGTERM) && errno != ESRCH)
		return err_sys(e, ERR_PERMISSION, "signal process %d", pid);
	out_notef(o, "asked process %d to stop; waiting", (int)pid);
	if (wait_free(job, patience, e))
		return -1;
	out_f(o, "%s: stopped; vmferry run %s goes on\n", job->name, name);
	return 0;
}

static int run(int argc, char **argv, struct out *o, struct err *e)
{
	uint64_t patience = PATIENCE;
	int c;

	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1)
		if (c != 't' || str_u64(optarg, 86400, &patience))
			return verb_usage(&verb_stop, e);
	if (optind + 1 != argc)
		return verb_usage(&verb_stop, e);
	if (stop(argv[optind], patience, o, e))
		return err_in(e, "stop %s", argv[optind]);
	return 0;
}

const struct verb verb_stop = {
	.name = "stop",
	.args = "JOB [--timeout SECONDS]",
	.help = N_("end the job's worker; run goes on where it stopped"),
	.run = run,
};
