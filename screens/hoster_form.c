/*
 * The failover IP on the Network page: which hoster, its keys, the address,
 * the new server, how and when it moves.
 */
#include <string.h>

#include "tui/pager.h"

#include "hoster.h"

static const char *const api_fields[] = {
	"hoster_to", "hoster_timing", "hoster_note"};

static void show(struct tui_form *form, const char *id, bool on)
{
	struct tui_field *f = tui_form_field(form, id);

	if (f)
		f->hidden = !on;
}

/* What belongs to a bridged and to a routed address. */
static void show_network(struct tui_form *form, const struct wizard *w)
{
	const struct hoster *h = hoster_chosen(w);
	struct tui_field *gateway = tui_form_field(form, "hoster_gateway");

	show(form, "hoster_network", h && h->routable);
	show(form, "hoster_mac", h && !hoster_routed(w));
	gateway->hidden = !hoster_routed(w);
	gateway->needed = hoster_routed(w);
}

static void rerouted(struct tui_form *form, struct tui_field *f, void *arg)
{
	(void)f;
	show_network(form, arg);
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
	show_network(form, w);
	for (size_t i = 0; (name = hoster_secret_name(i)); i++)
		show(form, name, false);
	for (int k = 0; hoster_nth(k); k++)
		show(form, hoster_nth(k)->urls[0],
			hoster_nth(k) == h && h->urls[1]);
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
	for (; k < (int)ARRAY_LEN(options) - 1 && hoster_nth(k - 2); k++)
		options[k] = (struct tui_option){hoster_nth(k - 2)->title,
			hoster_nth(k - 2)->outage, NULL};
	add(f, n,
		(struct tui_field){.kind = TUI_CHOICE,
			.id = "hoster",
			.label = _("Hoster"),
			.hint = _("Proposed where this machine's name tells "
				  "it. None: no address is moved."),
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

	for (int k = 0; (h = hoster_nth(k)); k++) {
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
					.hint = _(
						"Help tells where it is made, "
						"and with which rights."),
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

/* This node's address on the NIC's bridge: the routed guest's gateway. */
static void propose_gateway(struct wizard *w)
{
	const json_t *rows = json_object_get(w->target, "bridges");
	const json_t *row = json_array_get(
		rows, w->n_nics ? w->nics[w->hoster_nic].bridge : 0);
	const char *cidr = json_str_or(row, "cidr", "");

	if (!*w->hoster_gateway)
		snprintf(w->hoster_gateway, sizeof(w->hoster_gateway), "%.*s",
			(int)strcspn(cidr, "/"), cidr);
}

static void add_network(struct wizard *w, struct tui_field *f, int *n)
{
	static struct tui_option networks[3];
	const struct hoster *h = hoster_chosen(w);

	networks[0] = (struct tui_option){
		_("bridged"), _("with the address's virtual MAC"), NULL};
	networks[1] = (struct tui_option){_("routed"),
		_("through this node: servers without virtual MACs"), NULL};
	propose_gateway(w);
	add(f, n,
		(struct tui_field){.kind = TUI_CHOICE,
			.id = "hoster_network",
			.label = _("Guest is"),
			.options = networks,
			.chosen = &w->hoster_network,
			.changed = rerouted,
			.hidden = !h || !h->routable});
	add(f, n,
		(struct tui_field){.kind = TUI_TEXT,
			.id = "hoster_gateway",
			.label = _("Node's address"),
			.hint = _("On the VM's bridge: it becomes the guest's "
				  "gateway."),
			.value = w->hoster_gateway,
			.size = sizeof(w->hoster_gateway),
			.check = check_ip,
			.hidden = !hoster_routed(w),
			.needed = hoster_routed(w)});
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
			.hidden = !api || hoster_routed(w)});
	add(f, n,
		(struct tui_field){.kind = TUI_NOTE,
			.id = "hoster_note",
			.label = _("The hoster is asked when you go on: where "
				   "the address points, and whether it may "
				   "move. Nothing is moved yet."),
			.role = TUI_DIM,
			.hidden = !api});
}

/* The hoster that this machine stands at, by its name and name servers: once,
 * so that "none" can be chosen. No question is asked of anybody. */
static void meet(struct wizard *w)
{
	_json_ json_t *machine = NULL;
	const struct hoster *h;

	if (w->hoster_met)
		return;
	w->hoster_met = true;
	machine = hoster_machine(false);
	h = hoster_detect(machine);
	for (int k = 0; h && hoster_nth(k); k++)
		if (hoster_nth(k) == h)
			w->hoster = k + 2;
}

void hoster_help(struct tui_text *x, void *arg)
{
	const struct hoster *h = hoster_chosen(arg);

	if (!h)
		return;
	tui_text_add(x, TUI_HEAD, 0, "%s", h->title);
	tui_text_add(x, TUI_NORMAL, 0, "%s\n", _(h->credentials));
}

void hoster_fields(struct wizard *w, struct tui_field *f, int *n)
{
	bool api;

	meet(w);
	api = hoster_chosen(w) != NULL;

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
	add_network(w, f, n);
	add_how(w, f, n);
}
