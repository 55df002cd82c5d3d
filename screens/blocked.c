/*
 * Review where no plan could be made: what stands in the way, what helps,
 * and a key that does it where vmferry can. Keeps true: a fix changes only
 * choices, as the operator would on the page before.
 */
#include <string.h>

#include "tui/pager.h"
#include "wizard.h"

enum { BLOCKED_FIX = WIZ_OWN };

/* --- fixes: words of what would be done, null where it cannot; done where
 * `now` is set --- */

static char *next_vmid(struct wizard *w, bool now)
{
	if (now)
		w->vmid[0] = '\0';
	return xstrdup(_("Take the next free VM id"));
}

static uint64_t needed(const struct wizard *w)
{
	const json_t *d;
	uint64_t sum = 0;
	size_t i;

	json_array_foreach (json_object_get(w->vm, "disks"), i, d)
		if (i >= (size_t)w->n_disks || w->disks[i].move)
			sum += json_u64(d, "capacity", 0);
	return sum;
}

static char *best_storage(struct wizard *w, bool now)
{
	int best = choices_best_storage(w);
	const json_t *row =
		json_array_get(json_object_get(w->target, "storages"), best);
	char size[STR_SIZE_LEN];
	bool all = true;

	for (int i = 0; i < w->n_disks; i++)
		all &= w->disks[i].storage == best;
	if (best < 0 || all || json_u64(row, "avail", 0) < needed(w))
		return NULL;
	for (int i = 0; now && i < w->n_disks; i++) {
		w->disks[i].storage = best;
		w->disks[i].format = 0;
	}
	return xasprintf(_("Put every disk on %s, which has %s free"),
		json_str_or(row, "storage", "?"),
		str_size(size, json_u64(row, "avail", 0)));
}

static char *fix(struct wizard *w, enum err_code code, bool now)
{
	static const struct {
		enum err_code code;
		char *(*fix)(struct wizard *w, bool now);
	} fixes[] = {
		{ERR_VMID_TAKEN, next_vmid},
		{ERR_NO_SPACE, best_storage},
		{ERR_STORAGE_UNFIT, best_storage},
	};

	for (size_t i = 0; i < ARRAY_LEN(fixes); i++)
		if (fixes[i].code == code)
			return fixes[i].fix(w, now);
	return NULL;
}

static void fill(struct tui_text *x, const struct err *e, const char *way)
{
	_free_ char *why = i18n_said(e->why);

	tui_text_add(x, TUI_HEAD, 0, "%s", _("What stands in the way"));
	tui_text_add(x, TUI_BAD, 11, "  BLOCKER  %s", err_id(e->code));
	tui_text_add(x, TUI_NORMAL, 11, "           %s", why);
	tui_text_add(x, TUI_NORMAL, 0, "%s", "");
	tui_text_add(x, TUI_HEAD, 0, "%s", _("What helps"));
	tui_text_add(x, TUI_NORMAL, 2, "  %s", _(err_advice(e->code)));
	if (way)
		tui_text_add(x, TUI_GOOD, 5, "  f  %s", way);
	tui_text_add(x, TUI_NORMAL, 2, "  %s",
		_("Esc goes back: every choice is as you left it."));
}

int review_blocked(struct wizard *w, const struct err *e)
{
	_free_ char *way = fix(w, e->code, false);
	struct tui_pager pager = {0};
	struct tui_key keys[] = {{'f', _("Fix"), BLOCKED_FIX, !way},
		{TUI_KEY_ENTER, _("Back"), TUI_BACK, false},
		{TUI_KEY_ESC, _("Back"), TUI_BACK, false}, {0, NULL, 0, false}};
	struct tui_screen s = {.title = _("Review: it cannot go like this yet"),
		.crumbs = wizard_crumbs(6),
		.help = "review",
		.keys = keys,
		.pager = &pager};
	int id;

	fill(&pager.text, e, way);
	id = tui_run(w->t, &s);
	tui_text_free(&pager.text);
	if (id != BLOCKED_FIX)
		return wizard_answer(w, id, WIZ_BACK);
	free(fix(w, e->code, true));
	return TUI_STAY;
}
