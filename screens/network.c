/* Network: the addresses inside the guest, the failover IP at the hoster,
 * and what is checked from outside at the end. */
#include <string.h>

#include "core/plan.h"
#include "hoster.h"
#include "inside.h"
#include "wizard.h"

#define FIELDS (WIZ_NICS * 4 + 10 + HOSTER_FIELDS + INSIDE_FIELDS)

struct network {
	struct wizard *w;
	struct tui_field f[FIELDS];
	int n;
	char headings[WIZ_NICS][80];
};

static struct tui_field *add(struct network *p, struct tui_field f)
{
	p->f[p->n] = f;
	return &p->f[p->n++];
}

static void add_nic(struct network *p, int i)
{
	struct nic_choice *c = &p->w->nics[i];

	snprintf(p->headings[i], sizeof(p->headings[i]), _("NIC %s, %s"),
		c->slot, c->mac);
	add(p,
		(struct tui_field){
			.kind = TUI_HEADING, .label = p->headings[i]});
	add(p,
		(struct tui_field){.kind = TUI_TEXT,
			.label = _("New address"),
			.hint = _("Like 203.0.113.77/24. Empty: the guest "
				  "keeps the configuration it has."),
			.value = c->address,
			.size = sizeof(c->address),
			.check = check_cidr});
	add(p,
		(struct tui_field){.kind = TUI_TEXT,
			.label = _("Gateway"),
			.hint = _("May lie outside the prefix, as with most "
				  "failover IPs."),
			.value = c->gateway,
			.size = sizeof(c->gateway),
			.check = check_ip});
	add(p,
		(struct tui_field){.kind = TUI_TEXT,
			.label = _("DNS servers"),
			.hint = _("With blanks between them"),
			.value = c->dns,
			.size = sizeof(c->dns),
			.check = check_ips});
}

static void add_checks(struct network *p)
{
	struct wizard *w = p->w;

	add(p,
		(struct tui_field){
			.kind = TUI_HEADING, .label = _("Inside and after")});
	inside_fields(w, p->f, &p->n);
	add(p,
		(struct tui_field){.kind = TUI_TEXT,
			.label = _("TCP ports"),
			.hint = _("That must answer at the end, like: 22 443"),
			.value = w->tcp,
			.size = sizeof(w->tcp),
			.check = check_ports});
	add(p,
		(struct tui_field){.kind = TUI_NUMBER,
			.id = "keep_days",
			.label = _("Keep VM, days"),
			.hint = _("Days, switched off: it is the way back. "
				  "The last page says the date."),
			.value = w->keep_days,
			.size = sizeof(w->keep_days),
			.min = 1,
			.max = PLAN_KEEP_MAX,
			.needed = true,
			.hidden = wizard_from_file(w)});
}

static int action(struct tui *t, struct tui_screen *s, int id)
{
	(void)t;
	if (id == TUI_OK && !hoster_ask(s->arg))
		return TUI_STAY;
	return wizard_answer(s->arg, id, WIZ_NEXT);
}

int page_network(struct wizard *w)
{
	struct network p = {.w = w};
	struct tui_form form = {.fields = p.f, .arg = w};
	struct tui_key keys[] = {{TUI_CTRL('N'), _("Next"), TUI_OK, false},
		{TUI_KEY_ESC, _("Back"), TUI_BACK, false}, {0, NULL, 0, false}};
	struct tui_screen s = {.title = _("Network and failover IP"),
		.crumbs = wizard_crumbs(5),
		.help = "network",
		.more = hoster_help,
		.keys = keys,
		.form = &form,
		.action = action,
		.arg = w};

	for (int i = 0; i < w->n_nics; i++)
		add_nic(&p, i);
	hoster_fields(w, p.f, &p.n);
	add_checks(&p);
	form.n = p.n;
	return wizard_answer(w, tui_run(w->t, &s), WIZ_NEXT);
}
