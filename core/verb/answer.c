/* `vmferry answer JOB QUESTION VALUE`: what the wizard's gates do too. The
 * answer "edit" brings a text along, from a file or standard input. */
#include <string.h>

#include "../ask.h"
#include "../content.h"
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

/* The text of a file, or of "-", kept in the job; *hex stays "" where file is
 * null. */
static int keep(const struct job *job, const char *file, char hex[SHA256_HEX],
	struct err *e)
{
	_free_ char *text = NULL;
	size_t len;

	if (!file)
		return 0;
	if (strcmp(file, "-") == 0)
		file = "/dev/stdin";
	/* One more than allowed: content_check says how large it may be. */
	if (file_read(file, CONTENT_MAX + 1, &text, &len, e) ||
		content_check(text, len, e))
		return err_in(e, "take the text of %s", file);
	return content_keep(job->dir, text, len, hex, e);
}

static int answer(const char *name, const char *question, const char *value,
	const char *file, struct out *o, struct err *e)
{
	char hex[SHA256_HEX] = "";
	_job_ struct job *job = NULL;
	_journal_ struct journal *j = NULL;
	_json_ json_t *open = NULL;
	size_t left;

	if (job_open(name, &job, e) || job_lock(job, e) ||
		journal_open(job->dir, NULL, &j, e) ||
		keep(job, file, hex, e) ||
		ask_answer(j, question, value, *hex ? hex : NULL, e) ||
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
	bool text = argc == 6 && strcmp(argv[4], "--content") == 0;

	/* No getopt: an answer may begin with a dash. */
	if (argc != 4 && !text)
		return verb_usage(&verb_answer, e);
	if (answer(argv[1], argv[2], argv[3], text ? argv[5] : NULL, o, e))
		return err_in(e, "answer %s of %s", argv[2], argv[1]);
	return 0;
}

const struct verb verb_answer = {
	.name = "answer",
	.args = "JOB QUESTION VALUE [--content FILE]",
	.help = N_("answer what a job waits for"),
	.run = run,
};
