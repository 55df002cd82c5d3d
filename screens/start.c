/* Start: jobs that are not finished first, then a new migration, then what
 * is over. Reads the state directory only. */
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "core/job.h"
#include "tui/dialog.h"
#include "tui/table.h"
#include "wizard.h"

struct start {
	struct wizard *w;
	json_t *jobs; /* unfinished first */
	int open;     /* so many; row `open` is the new migration */
};

enum { START_NEW = WIZ_OWN, START_REPORT, START_UNDO, START_REMOVE };

static bool is_over(const json_t *job)
{
	const char *s = json_str_or(job, "state", "");

	return strcmp(s, "done") == 0 || strcmp(s, "undone") == 0 ||
		strcmp(s, "bad") == 0;
}

static void read_jobs(struct start *s)
{
	_json_ json_t *all = NULL;
	json_t *job;
	size_t i;

	s->jobs = json_array();
	if (job_list(&all, NULL))
		return;
	json_array_foreach (all, i, job)
		if (!is_over(job))
			json_array_append(s->jobs, job);
	s->open = json_array_size(s->jobs);
	json_array_foreach (all, i, job)
		if (is_over(job))
			json_array_append(s->jobs, job);
}

static const json_t *job_of(const struct start *s, int row)
{
	if (row == s->open)
		return NULL;
	return json_array_get(s->jobs, row < s->open ? row : row - 1);
}

/* What a state means to a person, and what Enter does. */
static const char *in_words(const json_t *job)
{
	const char *s = json_str_or(job, "state", "");

	if (strcmp(s, "running") == 0)
		return _("at work: watch");
	if (strcmp(s, "undoing") == 0)
		return _("going back: watch");
	if (strcmp(s, "waiting") == 0)
		return _("waits for your answer");
	if (strcmp(s, "failed") == 0)
		return _("failed: see what to do");
	if (strcmp(s, "done") == 0)
		return _("done");
	if (strcmp(s, "undone") == 0)
		return _("taken back");
	if (strcmp(s, "bad") == 0)
		return _("damaged");
	return json_flag(job, "interrupted", false) ? _("interrupted: go on")
						    : _("stopped: go on");
}

static const char *cell(void *arg, int row, int col, char *buf, size_t n)
{
	const json_t *job = job_of(arg, row);
	const char *created;

	if (!job)
		return col == 0    ? _("+ new")
			: col == 1 ? _("begin a new migration")
				   : "";
	if (col == 0)
		return json_str_or(job, "name", "?");
	if (col == 1)
		return in_words(job);
	if (col == 2)
		return json_str_or(job, "title", "");
	created = json_str_or(job, "created", "");
	snprintf(buf, n, "%.10s %.5s", created,
		strlen(created) > 16 ? created + 11 : "");
	return buf;
}

static char *details(void *arg, int row)
{
	const json_t *job = job_of(arg, row), *error;
	_free_ char *doing = NULL, *why = NULL, *next = NULL;
	_buf_ struct buf b = {0};

	if (!job)
		return xstrdup(_("A new migration: source, VM, target, "
				 "network, review. Nothing is changed before "
				 "you type the VM's name."));
	error = json_object_get(job, "error");
	/* It was the operator's wish, and Enter goes on. */
	if (strcmp(json_str_or(error, "id", ""), "STOPPED") == 0)
		error = NULL;
	doing = i18n_said(json_str_or(job, "doing", ""));
	why = i18n_said(json_str_or(error, "why", ""));
	next = i18n_said(json_str_or(error, "next", ""));
	buf_addf(&b, "%s\n", doing);
	if (error)
		buf_addf(&b, "%s  %s\n%s\n", json_str_or(error, "id", ""), why,
			next);
	return buf_steal(&b);
}

static enum tui_role role(void *arg, int row)
{
	const json_t *job = job_of(arg, row);
	const char *s = json_str_or(job, "state", "");

	if (!job)
		return TUI_HEAD;
	if (strcmp(s, "failed") == 0 || strcmp(s, "bad") == 0)
		return TUI_BAD;
	if (strcmp(s, "waiting") == 0 || strcmp(s, "stopped") == 0)
		return TUI_WARN;
	return is_over(job) ? TUI_DIM : TUI_GOOD;
}

static const char *this_host(char *buf, size_t n)
{
	char name[65] = "";

	gethostname(name, sizeof(name) - 1);
	snprintf(buf, n,
		wizard_on_node()
			? _("This host, %s, is a Proxmox VE node: the target "
			    "is found by itself.")
			: _("This host, %s, is not a Proxmox VE node: copies "
			    "into volumes need one, scan and plan do not."),
		name);
	return buf;
}

static const struct tui_column *columns(void)
{
	static struct tui_column c[4];

	c[0] = (struct tui_column){.title = _("Job"), .min = 12, .weight = 1};
	c[1] = (struct tui_column){.title = _("State"), .min = 24};
	c[2] = (struct tui_column){
		.title = _("What"), .min = 14, .weight = 2, .drop = 1};
	c[3] = (struct tui_column){
		.title = _("Begun (UTC)"), .min = 16, .drop = 2};
	return c;
}

static int removed(struct wizard *w, const char *name)
{
	_free_ char *text = xasprintf(
		_("The journal and report of %s are gone then; source and "
		  "target are not touched. Type its name to remove it:"),
		name);
	struct args a = {0};
	struct err e = {0};

	if (!tui_confirm_typed(w->t, _("Remove a job"), text, name))
		return TUI_STAY;
	args_add(&a, "remove");
	args_add(&a, name);
	if (child_verb(w, _("Removing"), &a, false, NULL, &e) == 0)
		return WIZ_START;
	if (e.code != ERR_STOPPED)
		wizard_error(w, &e);
	return TUI_STAY;
}

/* Enter on a row, or one of its keys. */
static int chosen(struct start *s, int row, int id)
{
	const json_t *job = job_of(s, row);
	struct wizard *w = s->w;

	if (id == START_NEW || (id == TUI_OK && !job))
		return WIZ_NEXT;
	if (!job)
		return TUI_STAY;
	if (strcmp(json_str_or(job, "state", ""), "bad") == 0) {
		tui_message(w->t, json_str_or(job, "name", "?"),
			json_str_or(json_object_get(job, "error"), "why", ""));
		return TUI_STAY;
	}
	snprintf(w->job, sizeof(w->job), "%s", json_str_or(job, "name", ""));
	if (id == START_REMOVE)
		return removed(w, w->job);
	if (id == START_UNDO) {
		w->way_back = true;
		return WIZ_CHECKLIST;
	}
	if (id == START_REPORT || is_over(job)) {
		report_page(w, w->job, false);
		return TUI_STAY;
	}
	return WIZ_CHECKLIST;
}

static int action(struct tui *t, struct tui_screen *sc, int id)
{
	(void)t;
	if (id == TUI_QUIT || id == TUI_BACK)
		return TUI_QUIT;
	return chosen(sc->arg, sc->table->selected, id);
}

int page_start(struct wizard *w)
{
	struct start s = {.w = w};
	struct tui_table tb = {.columns = columns(),
		.n_columns = 4,
		.cell = cell,
		.details = details,
		.role = role,
		.arg = &s};
	struct tui_key keys[] = {{TUI_KEY_ENTER, _("Choose"), TUI_OK, false},
		{'n', _("New"), START_NEW, false},
		{'r', _("Report"), START_REPORT, false},
		{'w', _("Way back"), START_UNDO, false},
		{'x', _("Remove"), START_REMOVE, false},
		{'q', _("Quit"), TUI_QUIT, false},
		/* There is no page before: it quits, and is not called Back. */
		{TUI_KEY_ESC, _("Quit"), TUI_QUIT, true}, {0, NULL, 0, false}};
	char host[200];
	struct tui_screen sc = {.title = _("Start"),
		.crumbs = wizard_crumbs(1),
		.intro = this_host(host, sizeof(host)),
		.help = "start",
		.keys = keys,
		.table = &tb,
		.action = action,
		.arg = &s};
	int id;

	read_jobs(&s);
	tb.rows = json_array_size(s.jobs) + 1;
	id = tui_run(w->t, &sc);
	tui_table_done(&tb);
	json_decref(s.jobs);
	return id == TUI_QUIT || id == TUI_HANGUP ? WIZ_QUIT : id;
}
