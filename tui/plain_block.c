/*
 * Tables, texts and the checklist as lines.
 */
#include <string.h>

#include "core/i18n.h"
#include "core/str.h"

#include "plain.h"

#define CELL 256

/* --- table ---------------------------------------------------------------- */

static void say_row(struct tui *t, struct tui_table *tb, int at)
{
	struct buf b = {0};
	char cell[CELL];

	for (int i = 0; i < tb->n_columns; i++) {
		table_cell(tb, tb->order[at], i, cell, sizeof(cell));
		if (i == 0)
			buf_addf(&b, "%3d) %s", at + 1, cell);
		else if (*cell)
			buf_addf(&b, "; %s: %s", _(tb->columns[i].title), cell);
	}
	plain_say(t, "%s", b.s);
	buf_free(&b);
}

static void say_rows(struct tui *t, struct tui_table *tb)
{
	table_arrange(tb);
	for (int i = 0; i < tb->shown; i++)
		say_row(t, tb, i);
	if (*tb->filter)
		plain_say(t, _("Filter \"%s\": %d of %d"), tb->filter,
			tb->shown, tb->rows);
	else if (!tb->shown)
		plain_say(t, "%s", tb->empty ? tb->empty : _("Nothing here."));
}

static bool select_number(struct tui_table *tb, const char *s)
{
	uint64_t v;

	if (str_u64(s, tb->shown, &v) != 0 || v < 1)
		return false;
	tb->selected = tb->order[v - 1];
	return true;
}

static int choose_row(struct tui *t, struct tui_screen *s)
{
	struct tui_table *tb = s->table;
	_free_ char *details =
		tb->details ? tb->details(tb->arg, tb->selected) : NULL;

	if (details)
		plain_say(t, "%s", details);
	return screen_action(t, s, TUI_OK);
}

/* "/text", "s", "S": what the list shows. */
static bool arrange_command(struct tui_table *tb, const char *line)
{
	if (*line == '/')
		snprintf(tb->filter, sizeof(tb->filter), "%s", line + 1);
	else if (strcmp(line, "s") == 0)
		table_sort_next(tb);
	else if (strcmp(line, "S") == 0)
		tb->reverse = !tb->reverse;
	else
		return false;
	return true;
}

/* "r", or "r 3" for row 3. */
static int row_command(struct tui *t, struct tui_screen *s, char *line)
{
	char *blank = strchr(line, ' ');

	if (blank && blank == line + 1) {
		if (!select_number(s->table, blank + 1))
			return TUI_UNUSED;
		*blank = 0;
	}
	return plain_command(t, s, line);
}

int plain_table(struct tui *t, struct tui_screen *s)
{
	struct tui_table *tb = s->table;
	_free_ char *actions = plain_actions(s);
	_free_ char *prompt =
		xasprintf(_("Number, /text: filter, s: sort, %s: "), actions);

	say_rows(t, tb);
	for (;;) {
		_free_ char *line = xstrdup(plain_ask(t, prompt));
		int id;

		if (!line)
			return TUI_STAY;
		if (select_number(tb, line))
			return choose_row(t, s);
		id = row_command(t, s, line);
		if (id == TUI_UNUSED && arrange_command(tb, line))
			return TUI_STAY;
		if (id != TUI_UNUSED && strcmp(line, "?") != 0)
			return id;
		if (id == TUI_UNUSED)
			plain_say(t, "%s", _("! none of these"));
	}
}

/* --- text ----------------------------------------------------------------- */

static int say_text(struct tui *t, const struct tui_pager *p)
{
	int n = 0;

	for (int i = 0; i < p->text.n; i++) {
		const struct tui_line *l = &p->text.lines[i];

		if (l->id)
			plain_say(t, "%d) %s", ++n, l->text);
		else
			plain_say(t, "%s", l->text);
	}
	return n;
}

static bool select_line(struct tui_pager *p, const char *s)
{
	uint64_t v;

	if (str_u64(s, p->text.n, &v) != 0 || v < 1)
		return false;
	for (int i = 0; i < p->text.n; i++)
		if (p->text.lines[i].id && --v == 0) {
			p->selected = i;
			return true;
		}
	return false;
}

int plain_pager(struct tui *t, struct tui_screen *s)
{
	_free_ char *actions = plain_actions(s);
	int n = say_text(t, s->pager);
	const char *first = n       ? _("Number, ")
		: plain_has_next(s) ? ""
				    : _("Enter: go on, ");
	_free_ char *prompt = xasprintf("%s%s: ", first, actions);

	for (;;) {
		const char *line = plain_ask(t, prompt);
		int id;

		if (!line)
			return TUI_STAY;
		if (!*line) {
			s->pager->selected = -1;
			return screen_action(t, s, TUI_OK);
		}
		if (select_line(s->pager, line))
			return screen_action(t, s, TUI_OK);
		id = plain_command(t, s, line);
		if (id != TUI_UNUSED && strcmp(line, "?") != 0)
			return id;
		if (id == TUI_UNUSED)
			plain_say(t, "%s", _("! none of these"));
	}
}

/* --- checklist ------------------------------------------------------------ */

#define TOLD 64

static void say_step(struct tui *t, const struct tui_checklist *c, int i)
{
	const struct tui_step *s = &c->steps[i];
	enum tui_role role;
	char time[STR_SIZE_LEN] = "";
	bool timed = s->seconds >= 0 && s->state != TUI_TODO;

	if (timed)
		str_duration(time, s->seconds);
	plain_say(t, "%s %d/%d %s%s%s%s%s%s", step_mark(s->state, &role), i + 1,
		c->n, s->name, timed ? " (" : "", time, timed ? ")" : "",
		s->result ? ": " : "", s->result ? s->result : "");
}

static void say_parts(struct tui *t, const struct tui_checklist *c, int i)
{
	struct tui_parts p = {0};

	if (!c->parts)
		return;
	c->parts(c->arg, i, &p);
	if (p.now)
		plain_say(t, "  %s: %s", _("What happened"), p.now);
	if (p.why)
		plain_say(t, "  %s: %s", _("Why"), p.why);
	if (p.manual)
		plain_say(t, "  %s:\n%s", _("By hand"), p.manual);
	if (p.trouble)
		plain_say(t, "  %s: %s", _("If it goes wrong"), p.trouble);
}

static void say_steps(struct tui *t, struct tui_checklist *c)
{
	for (int i = 0; i < c->n && i < TOLD; i++) {
		if (c->steps[i].state == c->told.state[i])
			continue;
		c->told.state[i] = c->steps[i].state;
		say_step(t, c, i);
		if (c->steps[i].state == TUI_RUNNING ||
			c->steps[i].state == TUI_ASKS)
			say_parts(t, c, i);
	}
}

/* Every tenth part, and a sign of life every half minute. */
static void say_progress(struct tui *t, struct tui_checklist *c)
{
	int percent = progress_percent(&c->progress);
	double now = now_mono();
	char words[128];

	if (!c->progress.shown)
		return;
	if (percent / 10 == c->told.percent / 10 && now < c->told.at + 30)
		return;
	c->told.percent = percent;
	c->told.at = now;
	progress_words(&c->progress, words, sizeof(words));
	plain_say(t, "  %s%s%d %%, %s",
		c->progress.what ? c->progress.what : "",
		c->progress.what ? ": " : "", percent, words);
}

static void say_log(struct tui *t, struct tui_checklist *c)
{
	unsigned fresh = c->log_count - c->told.log_count;

	if (fresh > (unsigned)c->log_n)
		fresh = c->log_n;
	for (int i = c->log_n - (int)fresh; i < c->log_n; i++)
		plain_say(t, "  | %s", c->log[i]);
	c->told.log_count = c->log_count;
}

static void say_changes(struct tui *t, void *arg)
{
	struct tui_screen *s = arg;

	say_log(t, s->checklist);
	say_steps(t, s->checklist);
	say_progress(t, s->checklist);
}

int plain_checklist(struct tui *t, struct tui_screen *s)
{
	struct tui_checklist *c = s->checklist;
	_free_ char *actions = plain_actions(s);
	const char *line;
	int id;

	if (!c->told.begun) {
		for (int i = 0; i < c->n && i < TOLD; i++) {
			c->told.state[i] = c->steps[i].state;
			say_step(t, c, i);
		}
		/* What was logged before is in the log. */
		c->told.log_count = c->log_count;
	}
	c->told.begun = true;
	say_changes(t, s);
	plain_say(t, "%s", actions);
	plain_between(t, say_changes, s);
	line = plain_ask(t, "");
	plain_between(t, NULL, NULL);
	if (!line)
		return TUI_STAY;
	id = *line ? plain_command(t, s, line) : screen_action(t, s, TUI_OK);
	if (id == TUI_UNUSED)
		plain_say(t, "%s", _("! none of these"));
	return id == TUI_UNUSED ? TUI_STAY : id;
}
