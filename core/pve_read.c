/* What there is: nodes, storages, bridges, privileges, devices, free ids. */
#include <string.h>

#include "i18n.h"
#include "pve_priv.h"

/* ---- storage types: pve-api.md 6 ---- */

enum {
	FILES = 1,  /* images are files: raw, qcow2, vmdk */
	ZEROED = 2, /* a new volume reads as zeros */
	THIN = 4,   /* takes space as it is written */
	NO_DISKS = 8,
};

static const struct {
	const char *type;
	unsigned flags;
} types[] = {
	{"dir", FILES | ZEROED | THIN},
	{"nfs", FILES | ZEROED | THIN},
	{"cifs", FILES | ZEROED | THIN},
	{"glusterfs", NO_DISKS}, /* gluster://: no file of the node's */
	{"cephfs", NO_DISKS},
	{"btrfs", ZEROED | THIN},
	{"lvm", 0},
	{"lvmthin", THIN},      /* zeroed where its pool is: lvm.h */
	{"zfspool", ZEROED},    /* thin where `sparse` is set */
	{"rbd", ZEROED | THIN}, /* a device where `krbd` is set */
	{"zfs", NO_DISKS},      /* over iSCSI: no device on the node */
	{"iscsi", NO_DISKS},
	{"iscsidirect", NO_DISKS},
	{"pbs", NO_DISKS},
	{"esxi", NO_DISKS},
};

/* An unknown type: raw volumes, nothing taken for granted. */
static unsigned flags_of(const char *type)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (strcmp(types[i].type, type) == 0)
			return types[i].flags;
	return 0;
}

static json_t *split(const char *list)
{
	json_t *out = json_array();

	while (*list) {
		size_t n = strcspn(list, ", ");

		if (n)
			json_array_append_new(out, json_stringn(list, n));
		list += n + strspn(list + n, ", ");
	}
	return out;
}

static bool has_text(const json_t *array, const char *s)
{
	const json_t *v;
	size_t i;

	json_array_foreach ((json_t *)array, i, v)
		if (json_is_string(v) && strcmp(json_string_value(v), s) == 0)
			return true;
	return false;
}

/* What this client can make and fill, of what the storage allows:
 * "format": [{"raw": 1, "qcow2": 1, "subvol": 1}, "raw"]. */
static json_t *formats_of(const json_t *row, unsigned flags)
{
	static const char *const known[] = {"raw", "qcow2", "vmdk"};
	const json_t *set = json_array_get(json_object_get(row, "format"), 0);
	json_t *out = json_array();

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (json_is_object(set) ? json_flag(set, known[i], false)
					: i == 0 || (flags & FILES))
			json_array_append_new(out, json_string(known[i]));
	return out;
}

static const char *default_format(const json_t *row)
{
	const json_t *def = json_array_get(json_object_get(row, "format"), 1);

	return json_is_string(def) ? json_string_value(def) : "raw";
}

/* A flag of its configuration; needs Datastore.Audit, false without. */
static bool storage_flag(struct pve *p, const char *storage, const char *key)
{
	_json_ json_t *config = NULL;

	return pve_call(p, "GET", "/storage/{storage}",
		       &(struct pve_at){.storage = storage}, NULL, &config,
		       NULL) == 0 &&
		json_flag(config, key, false);
}

/* Why the node has no file or device for a disk there, or null. */
static const char *unfit(
	struct pve *p, const char *storage, const char *type, unsigned flags)
{
	if (flags & NO_DISKS)
		return N_(
			"is of a kind whose disks are no file or device of the "
			"node");
	if (strcmp(type, "rbd") == 0 && !storage_flag(p, storage, "krbd"))
		return N_("has no block devices on the node: set KRBD on it "
			  "(pvesm set STORAGE --krbd 1)");
	return NULL;
}

static json_t *storage_row(struct pve *p, const json_t *in)
{
	json_t *o = json_object(), *content;
	const char *name = json_str_or(in, "storage", "");
	const char *type = json_str_or(in, "type", "");
	unsigned flags = flags_of(type);
	bool images, thin = flags & THIN;
	const char *why;

	content = split(json_str_or(in, "content", ""));
	why = has_text(content, "images")
		? unfit(p, name, type, flags)
		: N_("takes no VM disks (content type images)");
	images = !why;
	if (images && strcmp(type, "zfspool") == 0)
		thin = storage_flag(p, name, "sparse");
	json_put_str(o, "storage", name);
	json_put_str(o, "type", type);
	json_put(o, "content", content);
	json_put(o, "formats", images ? formats_of(in, flags) : json_array());
	json_put_str(o, "unfit", why);
	json_put_str(o, "default_format", images ? default_format(in) : NULL);
	json_put_u64(o, "avail", json_u64(in, "avail", 0));
	json_put_u64(o, "total", json_u64(in, "total", 0));
	json_put_u64(o, "used", json_u64(in, "used", 0));
	json_put_bool(o, "shared", json_flag(in, "shared", false));
	json_put_bool(o, "enabled", json_flag(in, "enabled", true));
	json_put_bool(o, "active", json_flag(in, "active", false));
	json_put_bool(o, "thin", thin);
	json_put_bool(o, "zeroed", flags & ZEROED);
	return o;
}

int pve_storages(struct pve *p, json_t **out, struct err *e)
{
	_pve_params_ struct pve_params ps = {0};
	_json_ json_t *data = NULL;
	json_t *rows;
	const json_t *row;
	size_t i;

	pve_param(&ps, "format", "1");
	if (pve_get(p, "/nodes/{node}/storage", NULL, &ps, JSON_ARRAY, &data,
		    e) < 0)
		return err_in(e, "list the storages of %s", p->node);
	rows = json_array();
	json_array_foreach (data, i, row)
		json_array_append_new(rows, storage_row(p, row));
	*out = rows;
	return 0;
}

static int fit(const json_t *s, const char *name, struct err *e)
{
	const char *why = NULL;

	if (!s)
		why = N_("is not there, or this login may not see it");
	else if (!json_flag(s, "enabled", false))
		why = N_("is disabled, or not for this node");
	else if (!json_flag(s, "active", false))
		why = N_("is not active");
	else
		why = json_str(s, "unfit");
	if (why)
		return err_set(
			e, ERR_STORAGE_UNFIT, "storage %s %s", name, why);
	return 0;
}

int pve_storage(struct pve *p, const char *storage, json_t **out, struct err *e)
{
	_json_ json_t *all = NULL;
	json_t *row, *found = NULL;
	size_t i;

	if (pve_storages(p, &all, e) < 0)
		return -1;
	json_array_foreach (all, i, row)
		if (strcmp(json_str_or(row, "storage", ""), storage) == 0)
			found = row;
	if (fit(found, storage, e) < 0)
		return -1;
	*out = json_incref(found);
	return 0;
}

/* ---- the rest ---- */

int pve_nodes(struct pve *p, json_t **out, struct err *e)
{
	_json_ json_t *data = NULL;
	json_t *rows;
	const json_t *row;
	size_t i;

	if (pve_get(p, "/nodes", NULL, NULL, JSON_ARRAY, &data, e) < 0)
		return err_in(e, "list the nodes");
	rows = json_array();
	json_array_foreach (data, i, row) {
		json_t *o = json_object();
		const char *status = json_str_or(row, "status", "online");

		json_put_str(o, "node", json_str_or(row, "node", ""));
		json_put_bool(o, "online", strcmp(status, "offline") != 0);
		json_array_append_new(rows, o);
	}
	*out = rows;
	return 0;
}

/* As it stands in the node's file: a text, or a number. 0: none is set. */
static uint64_t mtu_of(const json_t *row)
{
	uint64_t n = json_u64(row, "mtu", 0);

	str_u64(json_str_or(row, "mtu", ""), 65535, &n);
	return n;
}

int pve_bridges(struct pve *p, json_t **out, struct err *e)
{
	_pve_params_ struct pve_params ps = {0};
	_json_ json_t *data = NULL;
	json_t *rows;
	const json_t *row;
	size_t i;

	pve_param(&ps, "type", "any_bridge");
	if (pve_get(p, "/nodes/{node}/network", NULL, &ps, JSON_ARRAY, &data,
		    e) < 0)
		return err_in(e, "list the bridges of %s", p->node);
	rows = json_array();
	json_array_foreach (data, i, row) {
		json_t *o = json_object();
		const char *ports = json_str(row, "bridge_ports");

		json_put_str(o, "iface", json_str_or(row, "iface", ""));
		json_put_str(o, "type", json_str_or(row, "type", "bridge"));
		json_put_bool(o, "active", json_flag(row, "active", false));
		json_put_bool(o, "vlan_aware",
			json_flag(row, "bridge_vlan_aware", false));
		if (mtu_of(row))
			json_put_u64(o, "mtu", mtu_of(row));
		json_put_str(o, "cidr", json_str(row, "cidr"));
		json_put_str(
			o, "ports", ports ? ports : json_str(row, "ovs_ports"));
		json_put_str(o, "comments", json_str(row, "comments"));
		json_array_append_new(rows, o);
	}
	*out = rows;
	return 0;
}

int pve_permissions(
	struct pve *p, const char *path, json_t **out, struct err *e)
{
	_pve_params_ struct pve_params ps = {0};

	if (path)
		pve_param(&ps, "path", "%s", path);
	if (pve_get(p, "/access/permissions", NULL, &ps, JSON_OBJECT, out, e) <
		0)
		return err_in(e, "read the privileges of %s", p->user);
	return 0;
}

int pve_pci(struct pve *p, json_t **out, struct err *e)
{
	_json_ json_t *data = NULL;
	json_t *row;
	size_t i;

	if (pve_get(p, "/nodes/{node}/hardware/pci", NULL, NULL, JSON_ARRAY,
		    &data, e) < 0)
		return err_in(e, "list the PCI devices of %s", p->node);
	json_array_foreach (data, i, row) {
		const char *id = json_str_or(row, "id", "");
		_free_ char *full = xasprintf("0000:%s", id);

		/* 5.x and 6.0 leave the domain out. */
		if (strlen(id) == strlen("01:00.0"))
			json_put_str(row, "id", full);
	}
	*out = data;
	data = NULL;
	return 0;
}

int pve_next_id(struct pve *p, unsigned want, unsigned *id, struct err *e)
{
	_pve_params_ struct pve_params ps = {0};
	_json_ json_t *data = NULL;
	uint64_t n;

	if (want)
		pve_param(&ps, "vmid", "%u", want);
	if (pve_call(p, "GET", "/cluster/nextid", NULL, &ps, &data, e) < 0)
		return err_in(e,
			want ? "take VM id %u" : N_("find a free VM id"), want);
	n = json_is_integer(data) ? (uint64_t)json_integer_value(data) : 0;
	if (json_is_string(data) &&
		str_u64(json_string_value(data), UINT32_MAX, &n) < 0)
		n = 0;
	if (n == 0 || n > UINT32_MAX)
		return err_set(e, ERR_PVE_SERVER,
			"the answer to GET /cluster/nextid is no VM id");
	*id = n;
	return 0;
}

int pve_vm_exists(struct pve *p, unsigned vmid, bool *exists, struct err *e)
{
	struct err why = {0};
	unsigned id;

	if (pve_next_id(p, vmid, &id, &why) == 0) {
		*exists = false;
		return 0;
	}
	if (why.code == ERR_VMID_TAKEN) {
		*exists = true;
		return 0;
	}
	if (e)
		*e = why;
	return -1;
}
