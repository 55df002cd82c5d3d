/*
 * The help page of a screen: its text from the caller's table, then its keys
 * from the tables that make the key bar.
 */
#include <string.h>

#include "core/i18n.h"

#include "own.h"

static void add_key(struct tui_text *x, const char *key, const char *label)
{
	char padded[64];

	tui_pad(padded, sizeof(padded), key, 13, false);
	tui_text_add(x, TUI_NORMAL, 15, "  %s%s", padded, label);
}

static void add_keys(struct tui_text *x, const struct tui_key *k)
{
	char name[16];

	for (; k && k->key; k++)
		if (!k->hidden)
			add_key(x, tui_key_name(k->key, name), _(k->label));
}

static void form_help(struct tui_text *x, const struct tui_screen *s)
{
	bool own = false;

	for (const struct tui_key *k = s->keys; k && k->key; k++)
		own |= k->id == TUI_OK && !k->hidden;
	add_key(x, _("Tab, Down"), _("next field"));
	add_key(x, _("Up"), _("field before"));
	add_key(x, _("Enter"),
		_("next field; opens a choice, presses a button"));
	add_key(x, _("Space"), _("changes [ ], opens a choice"));
	add_key(x, "^U ^K ^W", _("clear the line, its rest, a word"));
	if (!own)
		add_key(x, "^N", _("go on"));
}

static void table_help(const struct tui *t, struct tui_text *x)
{
	add_key(x, "/", _("shows only rows with what is typed; Esc: all"));
	add_key(x, "s S", _("sorts by the next column; turns the order"));
	if (!t->plain)
		add_key(x, "d", _("all the details of the row, to scroll"));
}

static void pager_help(struct tui_text *x)
{
	add_key(x, _("Space"), _("next page"));
	add_key(x, _("Tab"), _("next line that Enter works on"));
	add_key(x, "/ n", _("find; find next"));
}

static void checklist_help(struct tui_text *x)
{
	add_key(x, _("Up, Down"), _("look at another step"));
	add_key(x, _("PgUp, PgDn"), _("scroll its description"));
	tui_text_add(x, TUI_NORMAL, 2, "%s",
		_("  [x] done  [>] running  [ ] to do  [!] failed  [?] asks "
		  "you  [<] undone  [-] skipped"));
}

static void plain_help(struct tui_text *x)
{
	add_key(x, _("Enter"), _("keeps the value in brackets"));
	add_key(x, "b", _("back"));
	add_key(x, "q", _("quit"));
	add_key(x, "-", _("empties a value"));
	add_key(x, "=b", _("means the text b itself (so =? =- =q)"));
}

static void common_help(const struct tui *t, struct tui_text *x)
{
	if (t->plain) {
		plain_help(x);
		return;
	}
	add_key(x, _("Esc"), _("back; nothing that was typed is lost"));
	add_key(x, "? ^G", _("this page (^G while typing in a field)"));
	add_key(x, "^L", _("draws the screen again"));
	add_key(x, "^Z", _("to the shell; fg comes back"));
	add_key(x, "^C", _("quit"));
}

void help_text(
	const struct tui *t, const struct tui_screen *s, struct tui_text *x)
{
	const struct tui_help *h = t->o.help;

	while (h && h->id && !(s->help && strcmp(h->id, s->help) == 0))
		h++;
	if (h && h->id) {
		tui_text_add(x, TUI_HEAD, 0, "%s", _(h->title));
		tui_text_add(x, TUI_NORMAL, 0, "%s\n", _(h->text));
	}
	if (s->more)
		s->more(x, s->arg);
	tui_text_add(x, TUI_HEAD, 0, "%s", _("Keys"));
	add_keys(x, s->keys);
	if (!t->plain && s->form)
		form_help(x, s);
	if (s->table)
		table_help(t, x);
	if (!t->plain && s->pager)
		pager_help(x);
	if (!t->plain && s->checklist)
		checklist_help(x);
	common_help(t, x);
}
