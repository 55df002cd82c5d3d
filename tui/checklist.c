/*
 * The checklist screen: steps, the step at hand, progress, log.
 */
#include <string.h>

#include "core/i18n.h"
#include "core/str.h"

#include "own.h"

static const struct {
	const char *mark;
	enum tui_role role;
} marks[] = {
	[TUI_TODO] = {"[ ]", TUI_NORMAL},
	[TUI_RUNNING] = {"[>]", TUI_HEAD},
	[TUI_DONE] = {"[x]", TUI_GOOD},
	[TUI_FAILED] = {"[!]", TUI_BAD},
	[TUI_ASKS] = {"[?]", TUI_WARN},
	[TUI_UNDONE] = {"[<]", TUI_WARN},
	[TUI_SKIPPED] = {"[-]", TUI_DIM},
};

const char *step_mark(enum tui_step_state st, enum tui_role *role)
{
	*role = marks[st].role;
	return marks[st].mark;
}

void tui_progress_rate(struct tui_progress *p, double rate)
{
	if (p->n_rates == TUI_RATES) {
		memmove(p->rates, p->rates + 1,
			(TUI_RATES - 1) * sizeof(*p->rates));
		p->n_rates--;
	}
	p->rates[p->n_rates++] = rate;
	p->rate = rate;
}

int progress_percent(const struct tui_progress *p)
{
	if (!p->total)
		return 0;
	if (p->done >= p->total)
		return 100;
	return (int)((double)p->done * 100 / (double)p->total);
}

void progress_words(const struct tui_progress *p, char *out, size_t size)
{
	char done[STR_SIZE_LEN], total[STR_SIZE_LEN], rate[STR_SIZE_LEN],
		left[STR_SIZE_LEN];
	int n;

	str_size(done, p->done);
	str_size(total, p->total);
	str_size(rate, p->rate > 0 ? (uint64_t)p->rate : 0);
	n = snprintf(out, size, _("%s of %s, %s/s"), done, total, rate);
	if (p->eta >= 0 && n > 0 && (size_t)n < size)
		snprintf(out + n, size - n, _(", %s left"),
			str_duration(left, p->eta));
}

/* --- drawing -------------------------------------------------------------- */

static void draw_step(struct tui *t, const struct tui_checklist *c, int i,
	int y, int x, int w)
{
	const struct tui_step *s = &c->steps[i];
	char time[STR_SIZE_LEN] = "", n[16];
	enum tui_role role;
	const char *mark = step_mark(s->state, &role);
	bool here = i == c->selected;
	int tw, nw = c->n > 9 ? 3 : 2;

	if (s->seconds >= 0 && s->state != TUI_TODO)
		str_duration(time, s->seconds);
	tw = tui_width(time);
	draw_text(t, y, x, 3, role, mark);
	snprintf(n, sizeof(n), "%*d ", nw, i + 1);
	draw_text(t, y, x + 3, nw + 1, TUI_DIM, n);
	draw_text(t, y, x + 4 + nw, w - 5 - nw - (tw ? tw + 1 : 0),
		here                           ? TUI_FOCUS
			: s->state == TUI_TODO ? TUI_NORMAL
					       : role,
		s->name);
	draw_text(t, y, x + w - tw - 1, tw, TUI_DIM, time);
}

static void draw_steps(struct tui *t, struct tui_checklist *c, struct tui_box b)
{
	if (!c->moved && c->current >= 0)
		c->selected = c->current;
	if (c->selected >= c->n)
		c->selected = c->n - 1;
	if (c->selected < c->top)
		c->top = c->selected;
	if (c->selected >= c->top + b.h)
		c->top = c->selected - b.h + 1;
	if (c->top > c->n - b.h)
		c->top = c->n - b.h;
	if (c->top < 0)
		c->top = 0;
	for (int i = 0; i < b.h && c->top + i < c->n; i++)
		draw_step(t, c, c->top + i, b.y + i, b.x, b.w);
	draw_more(t, b, c->top > 0, c->top + b.h < c->n);
}

static void add_part(
	struct tui_text *x, const char *head, const char *text, int indent)
{
	if (!text || !*text)
		return;
	tui_text_add(x, TUI_HEAD, 0, "%s", head);
	tui_text_add(x, TUI_NORMAL, indent, "%s", text);
}

static void draw_parts(struct tui *t, struct tui_checklist *c, struct tui_box b)
{
	struct tui_parts parts = {0};
	struct tui_pager p = {.top = c->scroll};
	const struct tui_step *s;

	if (c->selected < 0 || c->selected >= c->n)
		return;
	s = &c->steps[c->selected];
	tui_text_add(&p.text, TUI_HEAD, 0, "%d/%d  %s", c->selected + 1, c->n,
		s->name);
	if (s->result)
		tui_text_add(&p.text, marks[s->state].role, 0, "%s", s->result);
	if (c->parts)
		c->parts(c->arg, c->selected, &parts);
	add_part(&p.text, _("What happened"), parts.now, 0);
	add_part(&p.text, _("Why"), parts.why, 0);
	add_part(&p.text, _("By hand"), parts.manual, 2);
	add_part(&p.text, _("If it goes wrong"), parts.trouble, 0);
	pager_rows(t, &p, b);
	c->scroll = p.top;
	tui_text_free(&p.text);
}

/* What is copied, how far: one line, or two where they do not fit. */
static char *progress_line(const struct tui_progress *p, int w, int *lines)
{
	char words[128];
	bool two;

	progress_words(p, words, sizeof(words));
	two = p->what && tui_width(p->what) + 2 + tui_width(words) > w - 2;
	*lines = two ? 2 : 1;
	return xasprintf("%s%s%s", p->what ? p->what : "",
		!p->what      ? ""
			: two ? "\n"
			      : "  ",
		words);
}

static void draw_progress(struct tui *t, const struct tui_progress *p,
	const char *line, int y, int w)
{
	char bar[256], spark[TUI_RATES * 4 + 1], percent[16];
	int at, cells = w / 3;

	y += draw_wrapped(
		     t, (struct tui_box){y, 1, 2, w - 2}, TUI_NORMAL, line) -
		1;
	tui_bar(bar, sizeof(bar), w / 2, progress_percent(p));
	at = 1 + (int)strlen(bar);
	draw_text(t, y + 1, 1, w / 2, TUI_GOOD, bar);
	snprintf(percent, sizeof(percent), " %3d %%", progress_percent(p));
	draw_text(t, y + 1, at, 7, TUI_NORMAL, percent);
	tui_spark(spark, sizeof(spark), cells, p->rates, p->n_rates);
	draw_text(t, y + 1, at + 9, cells, TUI_DIM, spark);
}

static void draw_log(
	struct tui *t, const struct tui_checklist *c, struct tui_box b)
{
	int first = c->log_n > b.h ? c->log_n - b.h : 0;

	for (int i = 0; i < b.h && first + i < c->log_n; i++)
		draw_text(t, b.y + i, b.x + 1, b.w - 2, TUI_DIM,
			c->log[first + i]);
}

#define STEPS_WANT 24 /* lines, for the parts beside them too */
#define LOG_MIN 3

#define TIME_COLS 9 /* "12 min 03 s" is rare: the name gives way */

/* The steps' columns: two fifths, and no more than they need. */
static int steps_width(const struct tui_checklist *c, int w)
{
	int left = w * 2 / 5, most = 0;

	for (int i = 0; i < c->n; i++) {
		int n = tui_width(c->steps[i].name) + 8 + TIME_COLS;

		most = n > most ? n : most;
	}
	left = left > most ? most : left;
	return left < 36 ? 36 : left;
}

void checklist_draw(struct tui *t, struct tui_checklist *c, struct tui_box b)
{
	int left = steps_width(c, b.w), words = 0, fixed;
	_free_ char *line = progress_line(&c->progress, b.w, &words);
	int want = c->n > STEPS_WANT ? c->n : STEPS_WANT, log, low, y;

	fixed = 1 + (c->progress.shown ? words + 2 : 0);
	/* The log has what the steps leave, never under three lines. */
	log = b.h - fixed - want > LOG_MIN ? b.h - fixed - want : LOG_MIN;
	low = log + fixed;
	y = b.y + b.h - low;
	draw_steps(t, c, (struct tui_box){b.y, 1, b.h - low, left - 1});
	draw_vline(t, b.y, left + 1, b.h - low);
	draw_parts(t, c,
		(struct tui_box){b.y, left + 1, b.h - low, b.w - left - 1});
	if (c->progress.shown) {
		draw_hline(t, y, 0, b.w);
		draw_progress(t, &c->progress, line, y + 1, b.w);
		y += words + 2;
	}
	draw_hline(t, y, 0, b.w);
	draw_log(t, c, (struct tui_box){y + 1, 0, log, b.w});
}

/* --- keys ----------------------------------------------------------------- */

static int move_by(struct tui_checklist *c, int d)
{
	int to = c->selected + d;

	if (to >= 0 && to < c->n)
		c->selected = to;
	c->moved = c->selected != c->current;
	c->scroll = 0;
	return TUI_STAY;
}

int checklist_key(struct tui *t, struct tui_checklist *c, int key)
{
	(void)t;
	switch (key) {
	case TUI_KEY_UP:
		return move_by(c, -1);
	case TUI_KEY_DOWN:
		return move_by(c, 1);
	case TUI_KEY_HOME:
		return move_by(c, -c->selected);
	case TUI_KEY_END:
		return move_by(c, c->current - c->selected);
	case TUI_KEY_PGUP:
		c->scroll -= 5;
		return TUI_STAY;
	case TUI_KEY_PGDN:
		c->scroll += 5;
		return TUI_STAY;
	default:
		return TUI_UNUSED;
	}
}
