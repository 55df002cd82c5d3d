/*
 * The JSON form of a VM (docs/vm-json.md). Keeps true: it is made and read
 * from one table of fields, so that both directions know the same names.
 */
#include "vm.h"

#include <string.h>

#include "str.h"

/* --- names --- */

static const char *const bus_names[] = {
	[VM_BUS_SCSI] = "scsi",
	[VM_BUS_IDE] = "ide",
	[VM_BUS_SATA] = "sata",
	[VM_BUS_NVME] = "nvme",
	NULL,
};
static const char *const firmware_names[] = {
	[VM_BIOS] = "bios", [VM_UEFI] = "uefi", NULL};
static const char *const mac_names[] = {
	[VM_MAC_NONE] = "none",
	[VM_MAC_GENERATED] = "generated",
	[VM_MAC_VPX] = "vpx",
	[VM_MAC_STATIC] = "static",
	NULL,
};
static const char *const mode_names[] = {
	[VM_DISK_PERSISTENT] = "persistent",
	[VM_DISK_INDEPENDENT] = "independent-persistent",
	[VM_DISK_NONPERSISTENT] = "independent-nonpersistent",
	NULL,
};

const char *vm_bus_name(enum vm_bus b)
{
	return bus_names[b];
}

const char *vm_disk_mode_name(enum vm_disk_mode m)
{
	return mode_names[m];
}

/* --- the table --- */

enum field_type {
	F_TEXT, /* char *; null: absent */
	F_U64,
	F_UINT,
	F_INT, /* -1: unknown, absent */
	F_HEX, /* unsigned as "0x8086"; 0: absent */
	F_BOOL,
	F_ENUM,
};

struct field {
	const char *key;
	enum field_type type;
	size_t at;
	const char *const *names; /* F_ENUM, null-terminated */
};

#define FIELD(s, t, m)                                            \
	{                                                         \
		.key = #m, .type = t, .at = offsetof(struct s, m) \
	}
#define CHOICE(s, m, n)                                                 \
	{                                                               \
		.key = #m, .type = F_ENUM, .at = offsetof(struct s, m), \
		.names = n                                              \
	}

static const struct field vm_fields[] = {
	FIELD(vm, F_TEXT, id),
	FIELD(vm, F_TEXT, name),
	FIELD(vm, F_TEXT, config),
	FIELD(vm, F_TEXT, guest),
	FIELD(vm, F_TEXT, guest_detail),
	FIELD(vm, F_TEXT, annotation),
	FIELD(vm, F_TEXT, uuid),
	FIELD(vm, F_TEXT, power),
	FIELD(vm, F_TEXT, hw_version),
	CHOICE(vm, firmware, firmware_names),
	FIELD(vm, F_BOOL, secure_boot),
	FIELD(vm, F_BOOL, tpm),
	FIELD(vm, F_BOOL, encrypted),
	FIELD(vm, F_BOOL, nested),
	FIELD(vm, F_UINT, cpus),
	FIELD(vm, F_UINT, cores_per_socket),
	FIELD(vm, F_U64, memory_mib),
	FIELD(vm, F_INT, snapshots),
	{0},
};

static const struct field disk_fields[] = {
	FIELD(vm_disk, F_TEXT, slot),
	CHOICE(vm_disk, bus, bus_names),
	FIELD(vm_disk, F_INT, controller),
	FIELD(vm_disk, F_INT, unit),
	FIELD(vm_disk, F_TEXT, model),
	FIELD(vm_disk, F_TEXT, file),
	FIELD(vm_disk, F_TEXT, path),
	FIELD(vm_disk, F_TEXT, data),
	FIELD(vm_disk, F_U64, capacity),
	FIELD(vm_disk, F_U64, used),
	CHOICE(vm_disk, mode, mode_names),
	FIELD(vm_disk, F_BOOL, snapshot),
	FIELD(vm_disk, F_BOOL, thin),
	FIELD(vm_disk, F_TEXT, create_type),
	FIELD(vm_disk, F_TEXT, cid),
	FIELD(vm_disk, F_TEXT, unsupported),
	FIELD(vm_disk, F_TEXT, refusal),
	{0},
};

static const struct field nic_fields[] = {
	FIELD(vm_nic, F_TEXT, slot),
	FIELD(vm_nic, F_INT, index),
	FIELD(vm_nic, F_TEXT, model),
	FIELD(vm_nic, F_TEXT, mac),
	CHOICE(vm_nic, mac_kind, mac_names),
	FIELD(vm_nic, F_TEXT, network),
	FIELD(vm_nic, F_BOOL, connected),
	FIELD(vm_nic, F_INT, pci_slot),
	{0},
};

static const struct field passthrough_fields[] = {
	FIELD(vm_passthrough, F_TEXT, slot),
	FIELD(vm_passthrough, F_TEXT, address),
	FIELD(vm_passthrough, F_HEX, vendor),
	FIELD(vm_passthrough, F_HEX, device),
	FIELD(vm_passthrough, F_TEXT, name),
	{0},
};

/* --- to JSON --- */

static void put_int(json_t *o, const char *key, int v)
{
	if (v != -1)
		json_put(o, key, json_integer(v));
}

static void put_hex(json_t *o, const char *key, unsigned v)
{
	char text[16];

	if (!v)
		return;
	snprintf(text, sizeof(text), "0x%04x", v);
	json_put_str(o, key, text);
}

static void put_field(json_t *o, const void *base, const struct field *f)
{
	const void *p = (const char *)base + f->at;

	switch (f->type) {
	case F_TEXT:
		json_put_str(o, f->key, *(char *const *)p);
		break;
	case F_U64:
		json_put_u64(o, f->key, *(const uint64_t *)p);
		break;
	case F_UINT:
		json_put_u64(o, f->key, *(const unsigned *)p);
		break;
	case F_INT:
		put_int(o, f->key, *(const int *)p);
		break;
	case F_HEX:
		put_hex(o, f->key, *(const unsigned *)p);
		break;
	case F_BOOL:
		json_put_bool(o, f->key, *(const bool *)p);
		break;
	case F_ENUM:
		json_put_str(o, f->key, f->names[*(const unsigned *)p]);
		break;
	}
}

static void put_fields(json_t *o, const void *base, const struct field *f)
{
	for (; f->key; f++)
		put_field(o, base, f);
}

static json_t *list_json(
	const void *base, size_t n, size_t size, const struct field *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *o = json_object();

		put_fields(o, (const char *)base + i * size, f);
		json_array_append_new(list, o);
	}
	return list;
}

json_t *vm_to_json(const struct vm *v)
{
	json_t *o = json_object(), *warnings = json_array();

	put_fields(o, v, vm_fields);
	json_put(o, "disks",
		list_json(
			v->disks, v->n_disks, sizeof(*v->disks), disk_fields));
	json_put(o, "nics",
		list_json(v->nics, v->n_nics, sizeof(*v->nics), nic_fields));
	json_put(o, "passthrough",
		list_json(v->passthrough, v->n_passthrough,
			sizeof(*v->passthrough), passthrough_fields));
	for (size_t i = 0; i < v->n_warnings; i++)
		json_array_append_new(warnings, json_text(v->warnings[i]));
	json_put(o, "warnings", warnings);
	return o;
}

/* --- from JSON --- */

static int get_enum(const json_t *j, const char *const *names, unsigned *out)
{
	const char *s = json_string_value(j);

	for (unsigned i = 0; s && names[i]; i++) {
		if (strcmp(names[i], s) == 0) {
			*out = i;
			return 0;
		}
	}
	return -1;
}

static int get_hex(const json_t *j, unsigned *out)
{
	uint64_t v;

	if (str_hex64(json_string_value(j), &v) || v > UINT32_MAX)
		return -1;
	*out = v;
	return 0;
}

static bool in_range(const json_t *j, json_int_t min, json_int_t max)
{
	return json_is_integer(j) && json_integer_value(j) >= min &&
		json_integer_value(j) <= max;
}

/* 0, or -1 where the value is of the wrong type or out of range. */
static int get_field(const json_t *j, void *p, const struct field *f)
{
	switch (f->type) {
	case F_TEXT:
		if (!json_is_string(j))
			return -1;
		str_set(p, json_string_value(j));
		return 0;
	case F_U64:
		if (!in_range(j, 0, INT64_MAX))
			return -1;
		*(uint64_t *)p = json_integer_value(j);
		return 0;
	case F_UINT:
		if (!in_range(j, 0, UINT32_MAX))
			return -1;
		*(unsigned *)p = json_integer_value(j);
		return 0;
	case F_INT:
		if (!in_range(j, 0, INT32_MAX))
			return -1;
		*(int *)p = json_integer_value(j);
		return 0;
	case F_HEX:
		return get_hex(j, p);
	case F_BOOL:
		if (!json_is_boolean(j))
			return -1;
		*(bool *)p = json_is_true(j);
		return 0;
	case F_ENUM:
		return get_enum(j, f->names, p);
	}
	return -1;
}

/* Absent members keep what base has. */
static int get_fields(
	const json_t *o, void *base, const struct field *f, struct err *e)
{
	if (!json_is_object(o))
		return err_set(e, ERR_BAD_INPUT, "not a JSON object");
	for (; f->key; f++) {
		const json_t *j = json_object_get(o, f->key);

		if (j && !json_is_null(j) &&
			get_field(j, (char *)base + f->at, f))
			return err_set(e, ERR_BAD_INPUT,
				"member '%s' of a VM has a wrong value",
				f->key);
	}
	return 0;
}

/* *list: the array of that name, null where absent. */
static int list_of(
	const json_t *o, const char *key, const json_t **list, struct err *e)
{
	const json_t *j = json_object_get(o, key);

	if (j && !json_is_array(j))
		return err_set(e, ERR_BAD_INPUT, "member '%s' is no list", key);
	*list = j;
	return 0;
}

static void *add_disk(struct vm *v)
{
	return vm_add_disk(v);
}

static void *add_nic(struct vm *v)
{
	return vm_add_nic(v);
}

static void *add_passthrough(struct vm *v)
{
	return vm_add_passthrough(v);
}

static const struct part {
	const char *key;
	void *(*add)(struct vm *v);
	const struct field *fields;
} parts[] = {
	{"disks", add_disk, disk_fields},
	{"nics", add_nic, nic_fields},
	{"passthrough", add_passthrough, passthrough_fields},
};

static int get_part(
	const json_t *o, struct vm *v, const struct part *p, struct err *e)
{
	const json_t *list = NULL;

	if (list_of(o, p->key, &list, e))
		return -1;
	for (size_t i = 0; i < json_array_size(list); i++)
		if (get_fields(
			    json_array_get(list, i), p->add(v), p->fields, e))
			return -1;
	return 0;
}

static int get_warnings(const json_t *o, struct vm *v, struct err *e)
{
	const json_t *list = NULL;

	if (list_of(o, "warnings", &list, e))
		return -1;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *s = json_string_value(json_array_get(list, i));

		if (!s)
			return err_set(e, ERR_BAD_INPUT,
				"a member of 'warnings' is no text");
		vm_warn(v, "%s", s);
	}
	return 0;
}

int vm_from_json(const json_t *j, struct vm **out, struct err *e)
{
	_vm_ struct vm *v = vm_new();

	if (get_fields(j, v, vm_fields, e))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (get_part(j, v, &parts[i], e))
			return -1;
	if (get_warnings(j, v, e))
		return -1;
	*out = v;
	v = NULL;
	return 0;
}
