/* `vmferry answer JOB QUESTION VALUE`: what the wizard's gates do too. */
#include "../ask.h"
#include "../i18n.h"
#include "../job.h"
#include "../verb.h"

/* The status no longer waits where nothing is open any more. */
static void tell_status(struct job *job, struct journal *j, size_t open)
{
	_json_ json_t *s = NULL;

	if (open || job_status(job, &s, NULL))
		return;
	json_put_str(s, "state", "ready");
	json_object_del(s, "question");
	job_status_write(job, j, s);
}

static int answer(const char *name, const char *question, const char *value,
	struct out *o, struct err *e)
{
	_job_ struct job *job = NULL;
	_journal_ struct journal *j = NULL;
	_json_ json_t *open = NULL;
	size_t left;

	if (job_open(name, &job, e) || job_lock(job, e) ||
		journal_open(job->dir, NULL, &j, e) ||
		ask_answer(j, question, value, e) ||
		ask_open(job->dir, &open, e))
		return -1;
	left = json_array_size(open);
	tell_status(job, j, left);
	if (left)
		out_f(o,
			"%s: answered; %zu more to answer: vmferry status %s\n",
			job->name, left, name);
	else
		out_f(o, "%s: answered; go on with: vmferry run %s\n",
			job->name, name);
	return 0;
}

static int run(int argc, char **argv, struct out *o, struct err *e)
{
	if (argc != 4)
		return verb_usage(&verb_answer, e);
	if (answer(argv[1], argv[2], argv[3], o, e))
		return err_in(e, "answer %s of %s", argv[2], argv[1]);
	return 0;
}

const struct verb verb_answer = {
	.name = "answer",
	.args = "JOB QUESTION VALUE",
	.help = N_("answer what a job waits for"),
	.run = run,
};
