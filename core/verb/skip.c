/* `vmferry skip JOB STEP REASON`: the next run passes over a step; the reason
 * stands in the journal. Only steps that the rest does not rely on. */
#include "../i18n.h"
#include "../job.h"
#include "../step.h"
#include "../verb.h"

static int skip(const char *name, const struct step *s, const char *reason,
	struct err *e)
{
	_journal_ struct journal *j = NULL;
	_job_ struct job *job = NULL;
	json_t *d;

	if (job_open(name, &job, e) || job_lock(job, e) ||
		journal_open(job->dir, NULL, &j, e))
		return -1;
	if (journal_ended(j, s->kind))
		return err_set(e, ERR_NOT_FOUND, "%s is done already", s->kind);
	d = json_object();
	json_put_str(d, "id", "skip");
	json_put_str(d, "value", reason);
	return journal_add(j, s->kind, "decision", d, e);
}

static int run(int argc, char **argv, struct out *o, struct err *e)
{
	const struct step *s;

	if (argc != 4 || !*argv[3])
		return verb_usage(&verb_skip, e);
	s = step_find(argv[2]);
	if (!s)
		return err_set(e, ERR_NOT_FOUND, "no step %s", argv[2]);
	if (!(s->flags & STEP_SKIPPABLE))
		return err_set(e, ERR_USAGE,
			"%s cannot be skipped: later steps rely on it",
			s->kind);
	if (skip(argv[1], s, argv[3], e))
		return -1;
	out_f(o, "%s: %s will be skipped; go on with: vmferry run %s\n",
		argv[1], s->kind, argv[1]);
	return 0;
}

const struct verb verb_skip = {
	.name = "skip",
	.args = "JOB STEP REASON",
	.help = N_("pass over a step that may be skipped, with a reason"),
	.run = run,
};
