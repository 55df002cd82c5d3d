/* The guest's disks of a job: see guest_job.h. */
#include "guest_job.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "content.h"
#include "guest/own.h"
#include "hoster_job.h"
#include "str.h"
#include "target.h"

int guest_job_disks(struct run *r, struct guest_disks *out, struct err *e)
{
	*out = (struct guest_disks){
		.d = xcalloc(run_disks(r), sizeof(*out->d))};
	for (; out->n < run_disks(r); out->n++) {
		char *path, *format;

		if (target_volume(r, out->n, NULL, &path, NULL, &format, e)) {
			guest_disks_free(out);
			return -1;
		}
		out->d[out->n] = (struct guest_disk){path, format};
	}
	return 0;
}

void guest_disks_free(struct guest_disks *ds)
{
	for (size_t i = 0; i < ds->n; i++) {
		if (ds->layers)
			unlink(ds->d[i].path);
		free((char *)ds->d[i].path);
		free((char *)ds->d[i].format);
	}
	free(ds->d);
	*ds = (struct guest_disks){0};
}

int guest_job_layers(struct run *r, struct guest_disks *out, struct err *e)
{
	_disks_ struct guest_disks below = {0};

	if (guest_job_disks(r, &below, e))
		return -1;
	*out = (struct guest_disks){
		.d = xcalloc(below.n, sizeof(*out->d)), .layers = true};
	for (; out->n < below.n; out->n++) {
		char *path;

		if (guest_overlay(&below.d[out->n], &path, e)) {
			guest_disks_free(out);
			return -1;
		}
		out->d[out->n] = (struct guest_disk){path, xstrdup("qcow2")};
	}
	return 0;
}

int guest_job_open(struct run *r, bool write, struct guest **out, struct err *e)
{
	_disks_ struct guest_disks ds = {0};

	if (guest_job_disks(r, &ds, e))
		return -1;
	return guest_open(ds.d, ds.n, write, out, e);
}

const json_t *guest_job_facts(const struct run *r)
{
	return json_object_get(
		run_recall(r, "guest_inspect", "measure"), "facts");
}

bool guest_job_may_add(const struct run *r)
{
	return run_flag(r, "guest.fix", true) &&
		run_flag(r, "allow.guest_fix", true) &&
		run_flag(r, "guest.drivers", true);
}

/* What the plan says of the card's network, and where it is silent the
 * hoster's pattern for the failover IP; a plan with another address there
 * means something else. */
static void network(const struct run *r, size_t i, const json_t *n, json_t *o)
{
	static const char *const keys[] = {
		"address", "gateway", "dns", "address6", "gateway6", "mtu"};
	const json_t *p = hoster_job_pattern(r);
	bool fits = p && i == target_moved_nic(r) && hoster_job_fits(r->plan);

	for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
		json_t *v = json_object_get(n, keys[k]);

		if (!v && fits)
			v = json_object_get(p, keys[k]);
		/* The usual one is nobody's need. */
		if (strcmp(keys[k], "mtu") == 0 &&
			json_integer_value(v) == 1500 &&
			!json_object_get(n, "mtu"))
			continue;
		if (v)
			json_object_set(o, keys[k], v);
	}
}

/* One NIC of the plan, with what its card was on the source. */
static json_t *nic(const struct run *r, size_t i, const json_t *n)
{
	const char *slot = json_str_or(n, "slot", "");
	json_t *o = json_object();

	json_put_u64(o, "index", i);
	json_put_str(o, "mac", target_mac(r, i));
	network(r, i, n, o);
	if (json_object_get(n, "bridge_mtu"))
		json_object_set(
			o, "bridge_mtu", json_object_get(n, "bridge_mtu"));
	for (size_t k = 0; k < r->vm->n_nics; k++) {
		if (strcmp(r->vm->nics[k].slot, slot))
			continue;
		json_put_str(o, "old_mac", r->vm->nics[k].mac);
		if (r->vm->nics[k].pci_slot >= 0)
			json_put_u64(o, "pci_slot", r->vm->nics[k].pci_slot);
	}
	return o;
}

json_t *guest_job_wanted(const struct run *r)
{
	const json_t *nics = json_at(r->plan, "target.nics"), *n;
	json_t *out = json_object(), *list = json_array();
	size_t i;

	json_put(out, "nics", list);
	json_put_bool(out, "tools_off", run_flag(r, "guest.tools_off", true));
	json_put_bool(
		out, "tools_remove", run_flag(r, "guest.tools_remove", false));
	json_put_bool(out, "fstab", run_flag(r, "guest.fstab", true));
	json_put_bool(out, "fstrim", run_flag(r, "guest.fstrim", true));
	json_put_bool(out, "agent", run_flag(r, "guest.agent", false));
	json_put_bool(out, "serial", run_flag(r, "guest.serial", false));
	json_put_str(
		out, "agent_package", run_str(r, "guest.agent_package", NULL));
	json_put_bool(out, "drivers", run_flag(r, "guest.drivers", true));
	json_array_foreach (nics, i, n)
		json_array_append_new(list, nic(r, i, n));
	return out;
}

json_t *guest_job_shown(const struct guest_changes *cs)
{
	json_t *out = json_object(), *list = json_array(), *left = json_array();

	for (size_t i = 0; i < cs->n; i++) {
		_free_ char *diff = guest_diff(&cs->c[i]);
		json_t *o = json_object();

		json_put_str(o, "path", cs->c[i].path);
		json_put_str(o, "why", cs->c[i].why);
		json_put_str(o, "diff", diff);
		json_array_append_new(list, o);
	}
	for (size_t i = 0; i < cs->n_left; i++)
		json_array_append_new(left, json_text(cs->left[i]));
	json_put(out, "changes", list);
	json_put(out, "left", left);
	return out;
}

static int keep_text(const char *dir, const char *text, const char *key,
	json_t *row, struct err *e)
{
	char hex[SHA256_HEX];

	if (!text)
		return 0;
	if (content_keep(dir, text, strlen(text), hex, e))
		return -1;
	json_put_str(row, key, hex);
	return 0;
}

static bool editable(const struct guest_change *c)
{
	if (!c->after || c->kernel || c->copy_of || c->link_to)
		return false;
	return content_check(c->after, strlen(c->after), NULL) == 0 &&
		(!c->before ||
			content_check(c->before, strlen(c->before), NULL) == 0);
}

int guest_job_keep(const char *dir, const struct guest_changes *cs,
	json_t *shown, struct err *e)
{
	const json_t *rows = json_object_get(shown, "changes");

	for (size_t i = 0; i < cs->n; i++) {
		json_t *row = json_array_get(rows, i);

		if (editable(&cs->c[i]) &&
			(keep_text(dir, cs->c[i].before, "before", row, e) ||
				keep_text(
					dir, cs->c[i].after, "after", row, e)))
			return -1;
		if (json_str(row, "after") && !cs->c[i].before)
			json_put_u64(row, "mode", cs->c[i].mode);
	}
	return 0;
}
