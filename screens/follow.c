/* A job followed by reading: see follow.h. */
#include "follow.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/step.h"

/* Seconds of a journal's time; 0 where it is none. */
static double seconds_of(const json_t *line)
{
	struct tm tm = {0};
	const char *s = json_str_or(line, "time", "");
	const char *rest = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	uint64_t ms = 0;
	char digits[4] = "";

	if (!rest)
		return 0;
	if (*rest == '.') {
		snprintf(digits, sizeof(digits), "%.3s", rest + 1);
		str_u64(digits, 999, &ms);
	}
	return (double)timegm(&tm) + ms / 1000.0;
}

static int index_of(const struct follow *f, const char *kind)
{
	for (int i = 0; i < f->n; i++)
		if (strcmp(f->kinds[i]->kind, kind) == 0)
			return i;
	return -1;
}

static void set(
	struct tui_step *s, enum tui_step_state state, const char *result)
{
	s->state = state;
	s->result = result;
}

static void on_end(struct tui_step *s, const json_t *data)
{
	const char *result = json_str_or(data, "result", "done");

	s->seconds = json_num(data, "seconds", -1);
	if (strcmp(result, "skipped") == 0)
		set(s, TUI_SKIPPED, _("skipped"));
	else if (strcmp(result, "already") == 0)
		set(s, TUI_DONE, _("nothing to do"));
	else
		set(s, TUI_DONE, NULL);
}

static void on_undo(struct follow *f, struct tui_step *s, const char *phase)
{
	f->undoing = true;
	s->seconds = -1;
	if (strcmp(phase, "begin") == 0)
		set(s, TUI_RUNNING, _("going back"));
	else
		set(s, TUI_UNDONE, _("taken back"));
}

static void on_event(struct follow *f, int i, const json_t *line)
{
	const char *event = json_str_or(line, "event", "");
	const json_t *data = json_object_get(line, "data");
	struct tui_step *s = &f->steps[i];

	if (strcmp(event, "begin") == 0) {
		f->began[i] = seconds_of(line);
		f->undoing = false;
		s->seconds = -1;
		set(s, TUI_RUNNING, NULL);
	} else if (strcmp(event, "end") == 0) {
		on_end(s, data);
	} else if (strcmp(event, "error") == 0) {
		s->seconds = seconds_of(line) - f->began[i];
		set(s, TUI_FAILED, _("failed"));
	} else if (strcmp(event, "question") == 0) {
		set(s, TUI_ASKS, _("asks"));
	} else if (strcmp(event, "answer") == 0 && s->state == TUI_ASKS) {
		set(s, TUI_TODO, NULL);
	} else if (strcmp(event, "undo") == 0) {
		on_undo(f, s, json_str_or(data, "phase", "end"));
	}
}

static int on_line(void *arg, const json_t *line, struct err *e)
{
	struct follow *f = arg;
	int i = index_of(f, json_str_or(line, "step", ""));

	(void)e;
	if (i >= 0)
		on_event(f, i, line);
	return 0;
}

/* "2026-11-22T05:54:12.287Z text": the time of day is enough on a screen. */
static char *log_line(const char *line)
{
	_free_ char *clean = str_printable_dup(line), *said = NULL;

	if (strlen(clean) <= 25 || clean[10] != 'T' || clean[23] != 'Z')
		return i18n_said(clean);
	said = i18n_said(clean + 25);
	return xasprintf("%.8s %s", clean + 11, said);
}

/* A step's own words are indented by two; commands stand at the margin, what
 * a question shows again is further in. */
static bool is_said(const char *line)
{
	size_t n = strlen(line) > 25 ? strspn(line + 25, " ") : 0;

	return n == 2;
}

static void add_log(struct follow *f, const char *line)
{
	if (f->brief && !is_said(line))
		return;
	if (f->log_n == FOLLOW_LOG) {
		free(f->log[0]);
		memmove(f->log, f->log + 1, (FOLLOW_LOG - 1) * sizeof(*f->log));
		f->log_n--;
	}
	f->log[f->log_n++] = log_line(line);
	f->log_count++;
}

/* Whole lines that came since; only the end of a long log. */
static bool read_log(struct follow *f)
{
	_close_ int fd = open(f->log_path, O_RDONLY | O_CLOEXEC);
	static char data[32768];
	char *p = data, *end;
	off_t size;
	ssize_t n;

	if (fd < 0)
		return false;
	size = lseek(fd, 0, SEEK_END);
	if ((uint64_t)size < f->log_at)
		f->log_at = 0; /* it began anew */
	if ((uint64_t)size > f->log_at + sizeof(data) - 1)
		f->log_at = size - sizeof(data) + 1;
	n = pread(fd, data, sizeof(data) - 1, f->log_at);
	if (n <= 0)
		return false;
	data[n] = '\0';
	end = strrchr(data, '\n');
	if (!end)
		return false;
	end[1] = '\0';
	f->log_at += end + 1 - data;
	while ((end = str_line(&p)))
		if (*end)
			add_log(f, end);
	return true;
}

int follow_open(struct follow *f, const char *name, struct err *e)
{
	const json_t *v;
	size_t i;

	*f = (struct follow){0};
	if (job_open(name, &f->job, e) || job_plan(f->job, &f->plan, e)) {
		follow_close(f);
		return -1;
	}
	f->log_path = path_join(f->job->dir, "log");
	json_array_foreach (json_object_get(f->plan, "steps"), i, v) {
		const struct step *s = step_find(json_string_value(v));

		if (!s || f->n == FOLLOW_STEPS)
			continue;
		f->kinds[f->n] = s;
		f->steps[f->n++] =
			(struct tui_step){.name = _(s->doing), .seconds = -1};
	}
	follow_read(f);
	return 0;
}

void follow_close(struct follow *f)
{
	for (int i = 0; i < f->log_n; i++)
		free(f->log[i]);
	free(f->log_path);
	free(f->what);
	json_decref(f->plan);
	json_decref(f->status);
	cleanup_job(&f->job);
	*f = (struct follow){0};
}

/* A step that began and has no worker any more. */
static void interrupted(struct follow *f)
{
	const char *state = follow_state(f);
	bool works =
		strcmp(state, "running") == 0 || strcmp(state, "undoing") == 0;

	for (int i = 0; !works && i < f->n; i++)
		if (f->steps[i].state == TUI_RUNNING)
			set(&f->steps[i], TUI_TODO, _("interrupted"));
}

bool follow_read(struct follow *f)
{
	uint64_t before = f->journal_at;
	json_t *status = NULL;
	bool changed;

	journal_follow(f->job->dir, &f->journal_at, on_line, f, NULL);
	changed = f->journal_at != before;
	if (job_status(f->job, &status, NULL) == 0) {
		changed |= !json_equal(status, f->status);
		json_decref(f->status);
		f->status = status;
	}
	interrupted(f);
	return read_log(f) || changed;
}

const char *follow_state(const struct follow *f)
{
	bool alive = json_integer_value(json_object_get(f->status, "pid")) != 0;
	const char *s = json_str_or(f->status, "state", "ready");

	if (!alive)
		return s;
	return strcmp(s, "undoing") == 0 ? s : "running";
}

int follow_current(const struct follow *f)
{
	return index_of(f, json_str_or(f->status, "step", ""));
}

void follow_progress(struct follow *f, struct tui_progress *p)
{
	const json_t *j = json_object_get(f->status, "progress");
	uint64_t done = json_u64(j, "done", 0);

	p->shown = j && json_object_get(j, "rate") &&
		strcmp(follow_state(f), "running") == 0;
	if (!p->shown)
		return;
	free(f->what);
	p->what = f->what = i18n_said(json_str(j, "what"));
	p->total = json_u64(j, "total", 0);
	p->rate = json_num(j, "rate", 0);
	p->eta = json_num(j, "eta", -1);
	if (done != p->done)
		tui_progress_rate(p, p->rate);
	p->done = done;
}
