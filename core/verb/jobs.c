/* `vmferry jobs`: every job of this machine, newest first. */
#include <string.h>

#include "../i18n.h"
#include "../job.h"
#include "../verb.h"

/* Columns of the widest state, at least 9. */
static int widest(const struct out *o, const json_t *list)
{
	const json_t *job;
	int most = 9;
	size_t i;

	json_array_foreach (list, i, job) {
		_free_ char *s = out_said(o, json_str_or(job, "state", "?"));
		int cols = str_cols(s);

		most = cols > most ? cols : most;
	}
	return most;
}

static void show(struct out *o, const json_t *job, int width)
{
	const json_t *error = json_object_get(job, "error");
	_free_ char *state = out_said(o, json_str_or(job, "state", "?"));
	_buf_ struct buf padded = {0};
	char created[32];

	buf_pad(&padded, state, width);
	snprintf(created, sizeof(created), "%.16s",
		json_str_or(job, "created", "?"));
	if (strlen(created) > 10)
		created[10] = ' ';
	out_f(o, "%-16s %s %-16s %-17s %s\n", json_str_or(job, "name", "?"),
		padded.s, json_str_or(job, "step", "-"), created,
		error ? json_str_or(error, "id", "?")
		      : json_str_or(job, "title", ""));
}

static int run(int argc, char **argv, struct out *o, struct err *e)
{
	bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
	_json_ json_t *list = NULL;
	const json_t *job;
	size_t i;

	if (argc > 1 && !json)
		return verb_usage(&verb_jobs, e);
	if (job_list(&list, e))
		return -1;
	if (json) {
		_free_ char *text = json_pretty(list);

		out_puts(o, text);
		return 0;
	}
	if (!json_array_size(list))
		out_notef(o, "no jobs yet; vmferry run --plan FILE makes one");
	json_array_foreach (list, i, job)
		show(o, job, widest(o, list));
	return 0;
}

const struct verb verb_jobs = {
	.name = "jobs",
	.args = "[--json]",
	.help = N_("list jobs with their state"),
	.run = run,
};
