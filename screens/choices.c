/* What was chosen, as the plan wants it; proposals; checks of fields. */
#include <arpa/inet.h>
#include <string.h>

#include "core/map.h"
#include "core/plan.h"
#include "core/state.h"
#include "hoster.h"
#include "inside.h"
#include "wizard.h"

static const json_t *storages(const struct wizard *w)
{
	return json_object_get(w->target, "storages");
}

static const json_t *bridges(const struct wizard *w)
{
	return json_object_get(w->target, "bridges");
}

/* --- proposals --- */

int choices_best_storage(const struct wizard *w)
{
	uint64_t room = 0;
	const json_t *row, *v;
	int best = -1;
	size_t i, k;

	json_array_foreach (storages(w), i, row) {
		bool images = false;

		json_array_foreach (json_object_get(row, "content"), k, v)
			images |= strcmp(json_string_value(v), "images") == 0;
		if (!images || !json_flag(row, "enabled", true) ||
			!json_flag(row, "active", true))
			continue;
		if (best >= 0 && json_u64(row, "avail", 0) <= room)
			continue;
		best = i;
		room = json_u64(row, "avail", 0);
	}
	return best;
}

static unsigned source_vlan(const struct wizard *w, const char *network)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(w->list, "networks"), i, row)
		if (strcmp(json_str_or(row, "name", ""), network) == 0)
			return json_u64(row, "vlan", 0) % 4095;
	return 0;
}

static void propose_disks(struct wizard *w)
{
	const json_t *d;
	int best = recent_row(
		w, "storage", storages(w), "storage", choices_best_storage(w));
	size_t i;

	w->n_disks = 0;
	json_array_foreach (json_object_get(w->vm, "disks"), i, d) {
		struct disk_choice *c = &w->disks[w->n_disks];

		if (w->n_disks == WIZ_DISKS)
			break;
		*c = (struct disk_choice){.storage = best, .move = true};
		snprintf(c->slot, sizeof(c->slot), "%s",
			json_str_or(d, "slot", ""));
		w->n_disks++;
	}
}

static void propose_nics(struct wizard *w)
{
	const json_t *n;
	int bridge;
	size_t i;

	bridge = recent_row(w, "bridge", bridges(w), "iface",
		json_array_size(bridges(w)) ? 0 : -1);
	w->n_nics = 0;
	json_array_foreach (json_object_get(w->vm, "nics"), i, n) {
		struct nic_choice *c = &w->nics[w->n_nics];
		unsigned vlan = source_vlan(w, json_str_or(n, "network", ""));

		if (w->n_nics == WIZ_NICS)
			break;
		*c = (struct nic_choice){.bridge = bridge};
		snprintf(c->slot, sizeof(c->slot), "%s",
			json_str_or(n, "slot", ""));
		snprintf(c->mac, sizeof(c->mac), "%s",
			json_str_or(n, "mac", ""));
		if (vlan)
			snprintf(c->vlan, sizeof(c->vlan), "%u", vlan);
		recent_nic(w, c);
		w->n_nics++;
	}
}

void choices_propose(struct wizard *w)
{
	_free_ char *name = map_name(json_str_or(w->vm, "name", "vm"));

	/* The number of storages and bridges may have changed with the node. */
	for (int i = 0; i < w->n_disks; i++)
		if (w->disks[i].storage >= (int)json_array_size(storages(w)))
			w->choices_for[0] = '\0';
	for (int i = 0; i < w->n_nics; i++)
		if (w->nics[i].bridge >= (int)json_array_size(bridges(w)))
			w->choices_for[0] = '\0';
	if (strcmp(w->choices_for, w->vm_id) == 0)
		return;
	snprintf(w->choices_for, sizeof(w->choices_for), "%s", w->vm_id);
	snprintf(w->name, sizeof(w->name), "%s", name);
	w->vmid[0] = '\0';
	propose_disks(w);
	propose_nics(w);
}

/* --- choices.json --- */

static void put_text(json_t *o, const char *key, const char *s)
{
	if (*s)
		json_put_str(o, key, s);
}

/* The words of s as a list; numbers where numbers is set. */
static json_t *words(const char *s, bool numbers)
{
	json_t *a = json_array();

	while (*s) {
		size_t n = strcspn(s, " ,;");
		_free_ char *word = xstrndup(s, n);
		uint64_t v;

		if (n && !numbers)
			json_array_append_new(a, json_text(word));
		else if (n && str_u64(word, 65535, &v) == 0)
			json_array_append_new(a, json_integer(v));
		s += n + (s[n] != '\0');
	}
	return a;
}

static json_t *disks_json(const struct wizard *w)
{
	static const char *const formats[] = {NULL, "qcow2", "raw"};
	json_t *o = json_object();

	for (int i = 0; i < w->n_disks; i++) {
		const struct disk_choice *c = &w->disks[i];
		json_t *d = json_object();

		json_put_str(d, "storage",
			json_str(json_array_get(storages(w), c->storage),
				"storage"));
		json_put_str(d, "format", formats[c->format]);
		if (!c->move)
			json_put_bool(d, "skip", true);
		json_put(o, c->slot, d);
	}
	return o;
}

static json_t *nics_json(const struct wizard *w)
{
	static const char *const models[] = {
		NULL, "virtio", "e1000", "vmxnet3"};
	json_t *o = json_object();

	for (int i = 0; i < w->n_nics; i++) {
		const struct nic_choice *c = &w->nics[i];
		json_t *n = json_object();
		uint64_t vlan = 0;

		str_u64(c->vlan, 4094, &vlan);
		json_put_u64(n, "vlan", vlan);
		json_put_str(n, "bridge",
			json_str(json_array_get(bridges(w), c->bridge),
				"iface"));
		json_put_str(n, "model", models[c->model]);
		put_text(n, "mac", c->mac);
		put_text(n, "address", c->address);
		put_text(n, "gateway", c->gateway);
		if (*c->dns)
			json_put(n, "dns", words(c->dns, false));
		json_put(o, c->slot, n);
	}
	return o;
}

static json_t *target_json(const struct wizard *w)
{
	static const char *const cpus[] = {
		NULL, "host", "x86-64-v2-AES", "kvm64"};
	static const char *const machines[] = {NULL, "q35", "pc"};
	static const char *const buses[] = {NULL, "scsi", "sata", "ide"};
	static const char *const firmwares[] = {NULL, "bios", "uefi"};
	json_t *t = json_object();
	uint64_t vmid = 0;

	str_u64(w->vmid, 999999999, &vmid);
	put_text(t, "name", w->name);
	json_put_u64(t, "vmid", vmid);
	json_put(t, "disks", disks_json(w));
	json_put(t, "nics", nics_json(w));
	json_put_str(t, "cpu", cpus[w->cpu]);
	json_put_str(t, "machine", machines[w->machine]);
	json_put_str(t, "bus", buses[w->bus]);
	json_put_str(t, "firmware", firmwares[w->firmware]);
	json_put_bool(t, "onboot", w->onboot);
	return t;
}

json_t *choices_json(const struct wizard *w)
{
	json_t *o = json_object(), *part;
	uint64_t days = PLAN_KEEP_DAYS;
	char job[64];

	choices_job_name(w, job, sizeof(job));
	json_put_str(o, "vm", w->vm_id);
	json_put_str(o, "job", job);
	json_put_str(o, "mode", w->guided ? "guided" : "express");
	json_put(o, "target", target_json(w));
	json_put(o, "hoster", hoster_choices(w));
	part = json_object();
	if (*w->tcp)
		json_put(part, "tcp", words(w->tcp, true));
	json_put(o, "checks", part);
	json_put(o, "guest", inside_choices(w));
	str_u64(w->keep_days, PLAN_KEEP_MAX, &days);
	json_put_u64(o, "keep_days", days);
	return o;
}

json_t *choices_facts(const struct wizard *w)
{
	json_t *facts = json_copy(w->list), *vms = json_array();

	json_array_append(vms, (json_t *)w->vm);
	json_put(facts, "vms", vms);
	json_object_set(facts, "target", w->target);
	return facts;
}

void choices_job_name(const struct wizard *w, char *out, size_t size)
{
	char base[48];
	size_t n = 0;

	for (const char *p = w->name; *p && n < sizeof(base) - 1; p++) {
		char c = *p >= 'A' && *p <= 'Z' ? *p + 'a' - 'A' : *p;

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			(n && (c == '.' || c == '-')))
			base[n++] = c;
	}
	base[n] = '\0';
	for (int i = 1; i < 1000; i++) {
		_free_ char *name = NULL, *path = NULL;

		snprintf(
			out, size, i == 1 ? "%s" : "%s-%d", n ? base : "vm", i);
		name = xasprintf("jobs/%s", out);
		if (state_path(name, &path, NULL) || !file_exists(path))
			return;
	}
}

/* --- checks of fields --- */

static bool is_ip(const char *s)
{
	unsigned char b[16];

	return inet_pton(AF_INET, s, b) == 1 || inet_pton(AF_INET6, s, b) == 1;
}

const char *check_host(const struct tui_field *f, void *arg)
{
	const char *s = f->value, *colon = strrchr(s, ':');
	uint64_t port = 1;

	(void)arg;
	if (s[strspn(s,
		    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		    "0123456789.-_:[]")])
		return _("a name or an address, nothing else");
	/* Several colons: IPv6, whose port stands behind a bracket. */
	if (colon && (colon == strchr(s, ':') || colon[-1] == ']') &&
		(str_u64(colon + 1, 65535, &port) || !port))
		return _("the port is 1 to 65535");
	return NULL;
}

/* Only its form: a look at a disk may block. */
const char *check_package(const struct tui_field *f, void *arg)
{
	static const char *const endings[] = {".ova", ".ovf", ".vmx"};
	size_t n = strlen(f->value);

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(endings); i++)
		if (n > 4 && str_eqi(f->value + n - 4, endings[i]))
			return NULL;
	if (n > 5 && str_eqi(f->value + n - 5, ".vmdk"))
		return _("a disk: give the .vmx or .ovf beside it");
	return _("its name ends in .ova, .ovf or .vmx");
}

const char *check_ip(const struct tui_field *f, void *arg)
{
	(void)arg;
	return is_ip(f->value) ? NULL : _("not an IP address");
}

const char *check_cidr(const struct tui_field *f, void *arg)
{
	_free_ char *copy = xstrdup(f->value);
	char *slash = strchr(copy, '/');
	uint64_t bits;

	(void)arg;
	if (!slash)
		return _("give the prefix, as 203.0.113.77/24");
	*slash = '\0';
	if (!is_ip(copy))
		return _("not an IP address");
	if (str_u64(slash + 1, strchr(copy, ':') ? 128 : 32, &bits))
		return _("the prefix is 0 to 32 (IPv6: 128)");
	return NULL;
}

const char *check_ips(const struct tui_field *f, void *arg)
{
	_json_ json_t *a = words(f->value, false);
	const json_t *v;
	size_t i;

	(void)arg;
	json_array_foreach (a, i, v)
		if (!is_ip(json_string_value(v)))
			return _("IP addresses with blanks between them");
	return NULL;
}

const char *check_ports(const struct tui_field *f, void *arg)
{
	_json_ json_t *text = words(f->value, false);
	_json_ json_t *n = words(f->value, true);

	(void)arg;
	return json_array_size(text) == json_array_size(n)
		? NULL
		: _("port numbers with blanks between them");
}

const char *check_mac(const struct tui_field *f, void *arg)
{
	const char *s = f->value;

	(void)arg;
	for (int i = 0; i < 17; i++)
		if (!s[i] ||
			(i % 3 == 2 ? s[i] != ':'
				    : !strchr("0123456789abcdefABCDEF", s[i])))
			return _("a MAC address is like 02:00:00:12:34:56");
	return s[17] ? _("a MAC address is like 02:00:00:12:34:56") : NULL;
}
