/* Target: after the login (target_login.c) the place on the node: storage per
 * disk, bridge per NIC, CPU. */
#include <string.h>

#include "tui/text.h"
#include "wizard.h"

/* --- the place --- */

#define FIELDS 160 /* 2 a disk, 5 a NIC, and the VM's own */

struct place {
	struct wizard *w;
	struct tui_field f[FIELDS];
	int n;
	struct tui_option *storages, *bridges;
	char **kept;
	int n_kept;
};

/* A text that lives as long as the page. */
static const char *keep(struct place *p, char *s)
{
	p->kept = xreallocarray(p->kept, p->n_kept + 1, sizeof(*p->kept));
	p->kept[p->n_kept++] = s;
	return s;
}

static const char *storage_off(const json_t *row)
{
	const json_t *v;
	size_t i;

	if (!json_flag(row, "enabled", true) || !json_flag(row, "active", true))
		return _("disabled or not active");
	json_array_foreach (json_object_get(row, "content"), i, v)
		if (strcmp(json_string_value(v), "images") == 0)
			return NULL;
	return _("does not hold VM disks (content images)");
}

static void storage_options(struct place *p)
{
	const json_t *rows = json_object_get(p->w->target, "storages"), *r;
	size_t i;

	p->storages = xcalloc(json_array_size(rows) + 1, sizeof(*p->storages));
	json_array_foreach (rows, i, r) {
		uint64_t avail = json_u64(r, "avail", 0);
		uint64_t total = json_u64(r, "total", 0);
		char bar[64], size[STR_SIZE_LEN];

		tui_bar(bar, sizeof(bar), 12,
			total ? 100.0 * (total - avail) / total : 0);
		p->storages[i] = (struct tui_option){
			.label = json_str_or(r, "storage", "?"),
			.detail = keep(p,
				xasprintf(_("%s %s, %s free"),
					json_str_or(r, "type", "?"), bar,
					str_size(size, avail))),
			.off = storage_off(r)};
	}
}

static void bridge_options(struct place *p)
{
	const json_t *rows = json_object_get(p->w->target, "bridges"), *r;
	size_t i;

	p->bridges = xcalloc(json_array_size(rows) + 1, sizeof(*p->bridges));
	json_array_foreach (rows, i, r)
		p->bridges[i] = (struct tui_option){
			.label = json_str_or(r, "iface", "?"),
			.detail = keep(p,
				xasprintf("%s %s", json_str_or(r, "cidr", ""),
					json_flag(r, "vlan_aware", false)
						? _("VLAN aware")
						: ""))};
}

static struct tui_field *add(struct place *p, struct tui_field f)
{
	if (p->n == FIELDS)
		return &p->f[FIELDS - 1];
	p->f[p->n] = f;
	return &p->f[p->n++];
}

static void add_choice(struct place *p, const char *id, const char *label,
	const struct tui_option *options, int *chosen)
{
	add(p,
		(struct tui_field){.kind = TUI_CHOICE,
			.id = id,
			.label = label,
			.options = options,
			.chosen = chosen});
}

static void add_vm(struct place *p)
{
	static struct tui_option cpus[5], machines[4], buses[5], firmwares[4];
	struct wizard *w = p->w;

	firmwares[0] = (struct tui_option){
		_("as it has"), json_str_or(w->vm, "firmware", "bios"), NULL};
	firmwares[1] = (struct tui_option){
		"BIOS", _("only if the system was installed for it"), NULL};
	firmwares[2] = (struct tui_option){
		"UEFI", _("only if the system was installed for it"), NULL};

	cpus[0] = (struct tui_option){
		_("proposed"), _("runs on every node of a cluster"), NULL};
	cpus[1] = (struct tui_option){
		"host", _("all of this CPU; no live migration"), NULL};
	cpus[2] = (struct tui_option){"x86-64-v2-AES", NULL, NULL};
	cpus[3] = (struct tui_option){"kvm64", _("old guests"), NULL};
	machines[0] = (struct tui_option){
		_("proposed"), _("as the firmware wants it"), NULL};
	machines[1] = (struct tui_option){"q35", NULL, NULL};
	machines[2] = (struct tui_option){"i440fx", NULL, NULL};
	buses[0] = (struct tui_option){
		_("proposed"), _("by what is found inside the guest"), NULL};
	buses[1] = (struct tui_option){"virtio-scsi", NULL, NULL};
	buses[2] = (struct tui_option){"SATA", NULL, NULL};
	buses[3] = (struct tui_option){"IDE", NULL, NULL};
	add(p,
		(struct tui_field){.kind = TUI_TEXT,
			.id = "name",
			.label = _("Name"),
			.value = w->name,
			.size = sizeof(w->name),
			.needed = true});
	add(p,
		(struct tui_field){.kind = TUI_NUMBER,
			.id = "vmid",
			.label = _("VM id"),
			.hint = keep(p,
				xasprintf(_("Empty: the next free one, now "
					    "%u"),
					(unsigned)json_u64(
						w->target, "next_id", 100))),
			.value = w->vmid,
			.size = sizeof(w->vmid),
			.min = 100,
			.max = 999999999});
	add_choice(p, "cpu", _("CPU type"), cpus, &w->cpu);
	add_choice(p, "machine", _("Machine"), machines, &w->machine);
	add_choice(p, "firmware", _("Firmware"), firmwares, &w->firmware);
	add_choice(p, "bus", _("Disk bus"), buses, &w->bus);
	add(p,
		(struct tui_field){.kind = TUI_CHECK,
			.id = "onboot",
			.label = _("Start at boot"),
			.on = &w->onboot});
}

static void add_disk(struct place *p, int i)
{
	static struct tui_option formats[4];
	const json_t *d = json_array_get(json_object_get(p->w->vm, "disks"), i);
	struct disk_choice *c = &p->w->disks[i];
	char size[STR_SIZE_LEN];

	formats[0] = (struct tui_option){
		_("proposed"), _("qcow2 on files, raw on volumes"), NULL};
	formats[1] = (struct tui_option){
		"qcow2", _("snapshots; twice slower on ZFS"), NULL};
	formats[2] = (struct tui_option){"raw", NULL, NULL};
	add(p,
		(struct tui_field){.kind = TUI_HEADING,
			.label = keep(p,
				xasprintf(_("Disk %s, %s"), c->slot,
					str_size(size,
						json_u64(d, "capacity", 0))))});
	add(p,
		(struct tui_field){.kind = TUI_CHECK,
			.label = _("Move it"),
			.on = &c->move});
	add(p,
		(struct tui_field){.kind = TUI_CHOICE,
			.label = _("Storage"),
			.options = p->storages,
			.chosen = &c->storage,
			.needed = true});
	add(p,
		(struct tui_field){.kind = TUI_CHOICE,
			.label = _("Format"),
			.options = formats,
			.chosen = &c->format});
}

static void add_nic(struct place *p, int i)
{
	static struct tui_option models[5];
	const json_t *n = json_array_get(json_object_get(p->w->vm, "nics"), i);
	struct nic_choice *c = &p->w->nics[i];

	models[0] = (struct tui_option){
		_("proposed"), _("by what the guest has drivers for"), NULL};
	models[1] = (struct tui_option){"virtio", NULL, NULL};
	models[2] = (struct tui_option){"e1000", NULL, NULL};
	models[3] = (struct tui_option){"vmxnet3", NULL, NULL};
	add(p,
		(struct tui_field){.kind = TUI_HEADING,
			.label = keep(p,
				xasprintf(_("NIC %s, now on %s"), c->slot,
					json_str_or(n, "network", "?")))});
	add(p,
		(struct tui_field){.kind = TUI_CHOICE,
			.label = _("Bridge"),
			.options = p->bridges,
			.chosen = &c->bridge,
			.needed = true});
	add(p,
		(struct tui_field){.kind = TUI_NUMBER,
			.label = _("VLAN"),
			.hint = _("Empty: none"),
			.value = c->vlan,
			.size = sizeof(c->vlan),
			.min = 1,
			.max = 4094});
	add(p,
		(struct tui_field){.kind = TUI_TEXT,
			.label = _("MAC"),
			.hint = _("The old one is kept: licences and DHCP "
				  "know it. Behind a hoster: the virtual MAC."),
			.value = c->mac,
			.size = sizeof(c->mac),
			.check = check_mac});
	add(p,
		(struct tui_field){.kind = TUI_CHOICE,
			.label = _("Model"),
			.options = models,
			.chosen = &c->model});
}

static int on_place(struct tui *t, struct tui_screen *s, int id)
{
	struct wizard *w = s->arg;

	(void)t;
	return wizard_answer(w, id, WIZ_NEXT);
}

static int place(struct wizard *w)
{
	struct place *p = xcalloc(1, sizeof(*p));
	struct tui_form form = {.fields = p->f, .arg = w};
	struct tui_key keys[] = {{TUI_CTRL('N'), _("Next"), TUI_OK, false},
		{TUI_KEY_ESC, _("Back"), TUI_BACK, false}, {0, NULL, 0, false}};
	struct tui_screen s = {.title = _("Target: the new VM"),
		.crumbs = wizard_crumbs(4),
		.help = "place",
		.keys = keys,
		.form = &form,
		.action = on_place,
		.arg = w};
	int id;

	p->w = w;
	choices_propose(w);
	storage_options(p);
	bridge_options(p);
	add_vm(p);
	for (int i = 0; i < w->n_disks; i++)
		add_disk(p, i);
	for (int i = 0; i < w->n_nics; i++)
		add_nic(p, i);
	form.n = p->n;
	s.intro = keep(p,
		xasprintf(_("Node %s, Proxmox VE %s"),
			json_str_or(w->target, "node", "?"),
			json_str_or(w->target, "version", "?")));
	id = tui_run(w->t, &s);
	for (int i = 0; i < p->n_kept; i++)
		free(p->kept[i]);
	free(p->kept);
	free(p->storages);
	free(p->bridges);
	free(p);
	return wizard_answer(w, id, WIZ_NEXT);
}

int page_target(struct wizard *w)
{
	bool logged_in = w->back && w->target;

	for (;;) {
		int go = logged_in ? WIZ_NEXT : target_login(w);

		if (go != WIZ_NEXT)
			return go;
		logged_in = false;
		go = place(w);
		if (go != WIZ_BACK)
			return go;
	}
}
