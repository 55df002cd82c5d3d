/*
 * The failover IP on the Network page: which hoster, its keys, the address,
 * the new server, when it moves. Before the page is left the hoster is asked
 * (vmferry hoster show), so that a wrong key or an address that cannot move
 * is known here and not at night.
 */
#include "hoster.h"

#include <string.h>

#include "child.h"

/* --- the list of hosters: those with an API, in their order --- */

static const struct hoster *nth(int i)
{
	for (size_t k = 0; hosters[k]; k++)
		if (hosters[k]->urls && i-- == 0)
			return hosters[k];
	return NULL;
}

const struct hoster *hoster_chosen(const struct wizard *w)
{
	return w->hoster >= 2 ? nth(w->hoster - 2) : NULL;
}

const struct hoster *hoster_planned(const json_t *plan)
{
	const char *name = json_string_value(json_at(plan, "hoster.provider"));
	const struct hoster *h;

	if (!name || hoster_find(name, &h, NULL) || !h->urls)
		return NULL;
	return h;
}

/* --- secrets --- */

const char *hoster_secret_name(size_t i)
{
	const struct hoster *h;

	for (int k = 0; (h = nth(k)); k++)
		for (const struct hoster_secret *s = h->secrets; s->name; s++)
			if (i-- == 0)
				return s->name;
	return NULL;
}

char *hoster_secret_value(struct wizard *w, const char *name)
{
	const char *have;
	size_t i;

	for (i = 0; (have = hoster_secret_name(i)); i++)
		if (strcmp(have, name) == 0)
			break;
	return w->secret
		->hoster[i < WIZ_HOSTER_SECRETS ? i : WIZ_HOSTER_SECRETS - 1];
}

void hoster_take_secrets(struct wizard *w, const struct secrets *s)
{
	const char *name;

	for (size_t i = 0; (name = hoster_secret_name(i)); i++) {
		const char *v = secrets_get(s, name);

		snprintf(hoster_secret_value(w, name), WIZ_TEXT, "%s",
			v ? v : "");
	}
}

/* --- choices --- */

json_t *hoster_choices(const struct wizard *w)
{
	static const char *const timings[] = {"early", "cut-over"};
	const struct hoster *h = hoster_chosen(w);
	json_t *o = json_object();

	json_put_str(o, "provider",
		h                   ? h->name
			: w->hoster ? "manual"
				    : "none");
	if (w->hoster && *w->failover)
		json_put_str(o, "address", w->failover);
	if (!h)
		return o;
	if (*w->hoster_to)
		json_put_str(o, "to", w->hoster_to);
	json_put_str(o, "timing", timings[w->hoster_timing]);
	if (w->hoster_mac)
		json_put_str(o, "mac", "none");
	if (w->hoster_url)
		json_put_str(o, "url", h->urls[w->hoster_url]);
	if (w->hoster_nic < w->n_nics)
		json_put_str(o, "nic", w->nics[w->hoster_nic].slot);
	return o;
}

/* --- fields --- */

static const char *const api_fields[] = {
	"hoster_to", "hoster_timing", "hoster_mac", "hoster_note"};

static void show(struct tui_form *form, const char *id, bool on)
{
	struct tui_field *f = tui_form_field(form, id);

	if (f)
		f->hidden = !on;
}

static void changed(struct tui_form *form, struct tui_field *f, void *arg)
{
	struct wizard *w = arg;
	const struct hoster *h = hoster_chosen(w);
	struct tui_field *address = tui_form_field(form, "failover");
	const char *name;

	(void)f;
	w->hoster_url = 0;
	address->hidden = w->hoster == 0;
	address->needed = !address->hidden;
	for (size_t i = 0; i < ARRAY_LEN(api_fields); i++)
		show(form, api_fields[i], h != NULL);
	show(form, "hoster_nic", h && w->n_nics > 1);
	for (size_t i = 0; (name = hoster_secret_name(i)); i++)
		show(form, name, false);
	for (int k = 0; nth(k); k++)
		show(form, nth(k)->urls[0], nth(k) == h && h->urls[1]);
	for (const struct hoster_secret *s = h ? h->secrets : NULL;
		s && s->name; s++)
		show(form, s->name, true);
}

static void add(struct tui_field *f, int *n, struct tui_field one)
{
	f[(*n)++] = one;
}

static void add_which(struct wizard *w, struct tui_field *f, int *n)
{
	static struct tui_option options[8];
	int k = 2;

	options[0] = (struct tui_option){
		_("none"), _("no address to move at a hoster"), NULL};
	options[1] = (struct tui_option){_("by hand"),
		_("vmferry waits and says what to do there"), NULL};
	for (; k < (int)ARRAY_LEN(options) - 1 && nth(k - 2); k++)
		options[k] = (struct tui_option){
			nth(k - 2)->title, nth(k - 2)->outage, NULL};
	add(f, n,
		(struct tui_field){.kind = TUI_CHOICE,
			.id = "hoster",
			.label = _("Hoster"),
			.options = options,
			.chosen = &w->hoster,
			.changed = changed});
}

/* The endpoints of hosters that have several, and every hoster's keys; those
 * of the chosen one are visible. */
static void add_keys(struct wizard *w, struct tui_field *f, int *n)
{
	static struct tui_option urls[12];
	const struct hoster *now = hoster_chosen(w), *h;

	for (int k = 0; (h = nth(k)); k++) {
		int i = 0;

		for (; h->urls[1] && h->urls[i] && i < (int)ARRAY_LEN(urls) - 1;
			i++)
			urls[i] = (struct tui_option){h->urls[i], NULL, NULL};
		if (i)
			add(f, n,
				(struct tui_field){.kind = TUI_CHOICE,
					.id = h->urls[0],
					.label = _("API"),
					.options = urls,
					.chosen = &w->hoster_url,
					.hidden = h != now});
		for (const struct hoster_secret *s = h->secrets; s->name; s++)
			add(f, n,
				(struct tui_field){.kind = TUI_SECRET,
					.id = s->name,
					.label = _(s->label),
					.hint = _("`vmferry hoster help` tells "
						  "where it is made, and with "
						  "which rights."),
					.value =
						hoster_secret_value(w, s->name),
					.size = WIZ_TEXT,
					.hidden = h != now});
	}
}

static void add_nic(struct wizard *w, struct tui_field *f, int *n)
{
	static struct tui_option slots[WIZ_NICS + 1];

	for (int i = 0; i < w->n_nics; i++)
		slots[i] = (struct tui_option){
			w->nics[i].slot, w->nics[i].mac, NULL};
	slots[w->n_nics] = (struct tui_option){NULL, NULL, NULL};
	if (w->hoster_nic >= w->n_nics)
		w->hoster_nic = 0;
	add(f, n,
		(struct tui_field){.kind = TUI_CHOICE,
			.id = "hoster_nic",
			.label = _("On NIC"),
			.options = slots,
			.chosen = &w->hoster_nic,
			.hidden = !hoster_chosen(w) || w->n_nics < 2});
}

static void add_how(struct wizard *w, struct tui_field *f, int *n)
{
	static struct tui_option timings[3], macs[3];
	bool api = hoster_chosen(w) != NULL;

	timings[0] = (struct tui_option){_("early"),
		_("when the VM is off, while its disks are copied"), NULL};
	timings[1] = (struct tui_option){
		_("at cut-over"), _("when the copy is verified"), NULL};
	macs[0] = (struct tui_option){_("the address's"),
		_("taken along, made where there is none"), NULL};
	macs[1] =
		(struct tui_option){_("none"), _("the VM keeps its MAC"), NULL};
	add(f, n,
		(struct tui_field){.kind = TUI_CHOICE,
			.id = "hoster_timing",
			.label = _("Moves"),
			.options = timings,
			.chosen = &w->hoster_timing,
			.hidden = !api});
	add(f, n,
		(struct tui_field){.kind = TUI_CHOICE,
			.id = "hoster_mac",
			.label = _("Virtual MAC"),
			.options = macs,
			.chosen = &w->hoster_mac,
			.hidden = !api});
	add(f, n,
		(struct tui_field){.kind = TUI_NOTE,
			.id = "hoster_note",
			.label = _("The hoster is asked when you go on: where "
				   "the address points, and whether it may "
				   "move. Nothing is moved yet."),
			.role = TUI_DIM,
			.hidden = !api});
}

void hoster_fields(struct wizard *w, struct tui_field *f, int *n)
{
	bool api = hoster_chosen(w) != NULL;

	add(f, n,
		(struct tui_field){
			.kind = TUI_HEADING, .label = _("Failover IP")});
	add_which(w, f, n);
	add_keys(w, f, n);
	add(f, n,
		(struct tui_field){.kind = TUI_TEXT,
			.id = "failover",
			.label = _("Failover IP"),
			.value = w->failover,
			.size = sizeof(w->failover),
			.check = check_ip,
			.hidden = w->hoster == 0,
			.needed = w->hoster != 0});
	add(f, n,
		(struct tui_field){.kind = TUI_TEXT,
			.id = "hoster_to",
			.label = _("New server"),
			.hint = _("Id, name or main address at the hoster. "
				  "Empty: this machine."),
			.value = w->hoster_to,
			.size = sizeof(w->hoster_to),
			.hidden = !api});
	add_nic(w, f, n);
	add_how(w, f, n);
}

/* --- the look --- */

bool hoster_ask(struct wizard *w)
{
	const struct hoster *h = hoster_chosen(w);
	_free_ char *busy = NULL, *out = NULL;
	struct args a = {0};
	struct err e = {0};
	json_t *seen;

	json_decref(w->hoster_seen);
	w->hoster_seen = NULL;
	if (!h)
		return true;
	busy = xasprintf(_("Asking %s"), h->title);
	args_add(&a, "hoster");
	args_add(&a, "show");
	args_opt(&a, "--provider", h->name);
	args_opt(&a, "--url", h->urls[w->hoster_url]);
	args_add(&a, "--json");
	args_add(&a, w->failover);
	args_add(&a, *w->hoster_to ? w->hoster_to : "here");
	if (child_verb(w, busy, &a, true, &out, &e) == 0 &&
		json_parse(out, strlen(out), &seen, &e) == 0) {
		w->hoster_seen = seen;
		return true;
	}
	if (e.code != ERR_STOPPED)
		wizard_error(w, &e);
	return false;
}
