/*
 * One VM of an ESXi host, whole: its .vmx, its disks' descriptors and
 * extents, its snapshots: see esxi.h. What is wrong with a disk becomes a
 * sentence on the disk, so that the operator sees everything at once.
 */
#include "esxi_int.h"

#include <stdlib.h>
#include <string.h>

#include "i18n.h"
#include "vmx.h"

/* --- which --- */

static bool is_called(const json_t *row, const char *key, const char *want)
{
	return strcmp(json_str_or(row, key, ""), want) == 0;
}

/* The rows whose id, or whose name, is the one wanted. */
static size_t count(const json_t *rows, const char *key, const char *want,
	const json_t **last, struct buf *ids)
{
	const json_t *row;
	size_t i, n = 0;

	json_array_foreach (rows, i, row) {
		if (!is_called(row, key, want))
			continue;
		*last = row;
		buf_addf(ids, "%s%s", n ? ", " : "", json_str(row, "id"));
		n++;
	}
	return n;
}

/* An id comes before a name: what a plan holds is an id. */
static int find_row(
	const json_t *rows, const char *want, const json_t **out, struct err *e)
{
	const json_t *found = NULL;
	_buf_ struct buf ids = {0};
	size_t n = count(rows, "id", want, &found, &ids);

	if (n == 0)
		n = count(rows, "name", want, &found, &ids);
	if (n == 0)
		return err_set(e, ERR_VM_NOT_FOUND,
			"the host knows no VM with the id or name '%s'", want);
	if (n > 1)
		return err_set(e, ERR_VM_NOT_FOUND,
			"several VMs are called '%s': give one of the ids %s",
			want, ids.s);
	if (json_flag(found, "invalid", false))
		return err_set(e, ERR_VM_UNSUPPORTED,
			"the host itself cannot read the .vmx of VM %s "
			"(\"Skipping invalid VM\")",
			want);
	*out = found;
	return 0;
}

int esxi_find_again(struct esxi *x, struct vm *vm, struct err *e)
{
	_json_ json_t *volumes = NULL, *rows = NULL;
	const json_t *row, *found = NULL, *other = NULL;
	const char *vmx = vm->config ? vm->config : "?";
	size_t i;

	if (esxi_inventory(x, &volumes, &rows, e))
		return -1;
	json_array_foreach (rows, i, row)
		if (is_called(row, "vmx", vmx))
			found = row;
		else if (is_called(row, "id", vm->id))
			other = row;
	if (found) {
		str_set(&vm->id, json_str(found, "id"));
		return 0;
	}
	return err_set(e, ERR_VM_NOT_FOUND,
		other ? "VM %s of the host is %s now: %s is not there any more"
		      : N_("VM %s (%s) is not on the host: %s is in no VM of "
			   "it"),
		vm->id, other ? json_str_or(other, "name", "?") : vm->name,
		vmx);
}

/* --- the .vmx --- */

static int read_vmx(
	struct esxi_call c[3], const char *path, struct vm **out, struct err *e)
{
	_vmx_ struct vmx *dict = NULL;
	_json_ json_t *tree = NULL;
	_vm_ struct vm *vm = NULL;
	char power[ESXI_POWER_LEN];

	for (int i = 0; i < 3; i++)
		if (esxi_check(&c[i], e))
			return -1;
	if (vmx_parse(c[0].out, c[0].len, &dict, e) ||
		vmx_to_vm(dict, path, &vm, e))
		return err_in(e, "read %s", path);
	if (esxi_text_power(c[1].out, power, e) ||
		esxi_text_snapshots(c[2].out, &tree, e))
		return -1;
	str_set(&vm->power, power);
	vm->snapshots = (int)esxi_snapshot_count(tree);
	*out = vm;
	vm = NULL;
	return 0;
}

static int ask_vmx(struct esxi *x, const char *id, const char *path,
	struct vm **out, struct err *e)
{
	struct esxi_call c[] = {{.cmd = ESXI_TEXT, .arg = path},
		{.cmd = ESXI_STATE, .arg = id},
		{.cmd = ESXI_SNAPSHOTS, .arg = id}};
	int rc = esxi_run(x, c, ARRAY_LEN(c), e);

	if (rc == 0)
		rc = read_vmx(c, path, out, e);
	esxi_calls_free(c, ARRAY_LEN(c));
	if (rc == 0)
		str_set(&(*out)->id, id);
	return rc;
}

/* Every path on the UUID mount point: a volume may be renamed. */
static void set_paths(const json_t *volumes, struct vm *vm)
{
	_free_ char *dir = xstrdup(vm->config);

	dir[strrchr(dir, '/') - dir] = '\0';
	for (size_t i = 0; i < vm->n_disks; i++) {
		struct vm_disk *d = &vm->disks[i];

		free(d->path);
		d->path = d->file ? esxi_path(volumes, dir, d->file) : NULL;
	}
}

/* --- the disks --- */

/* What the shell said about a file that is not as it should be. */
static char *file_trouble(const char *path, const struct esxi_call *stat)
{
	_free_ char *said = xstrdup(stat->out), *all = NULL;

	if (strstr(said, "No such file"))
		all = xasprintf("%s is not there", path);
	else
		all = xasprintf(
			N_("%s cannot be read: %s"), path, str_trim(said));
	return str_printable_dup(all);
}

static void read_desc(struct esxi_desc *d, const char *path,
	const struct esxi_call *text, const struct esxi_call *stat)
{
	struct err e = {0};

	if (stat->status || text->status) {
		d->why = file_trouble(path, stat);
		d->code = ERR_DISK_MISSING;
	} else if (vmdk_parse(text->out, text->len, &d->v, &e)) {
		d->why = xasprintf("%s: %s", path, e.why);
		d->code = e.code;
	}
}

/* STAT and another call for each of n paths, null ones left out; c has 2 * n
 * places, those of path i begin at 2 * i. */
static int for_each(struct esxi *x, const char **paths, size_t n,
	enum esxi_cmd other, struct esxi_call *c, struct err *e)
{
	_free_ struct esxi_call *asked = xcalloc(2 * n, sizeof(*asked));
	size_t k = 0;
	int rc;

	for (size_t i = 0; i < n; i++) {
		if (!paths[i])
			continue;
		asked[k++] =
			(struct esxi_call){.cmd = ESXI_STAT, .arg = paths[i]};
		asked[k++] = (struct esxi_call){.cmd = other, .arg = paths[i]};
	}
	rc = k ? esxi_run(x, asked, k, e) : 0;
	if (rc) {
		esxi_calls_free(asked, k);
		return -1;
	}
	for (size_t i = 0, at = 0; i < n; i++) {
		if (!paths[i])
			continue;
		c[2 * i] = asked[at++];
		c[2 * i + 1] = asked[at++];
	}
	return 0;
}

int esxi_descs_read(
	struct esxi *x, const struct vm *vm, struct esxi_desc *d, struct err *e)
{
	size_t n = vm->n_disks;
	_free_ const char **paths = xcalloc(n, sizeof(*paths));
	_free_ struct esxi_call *c = xcalloc(2 * n, sizeof(*c));

	for (size_t i = 0; i < n; i++)
		paths[i] = vm->disks[i].path;
	if (for_each(x, paths, n, ESXI_TEXT, c, e))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (paths[i])
			read_desc(&d[i], paths[i], &c[2 * i + 1], &c[2 * i]);
		else
			d[i] = (struct esxi_desc){
				.why = xstrdup(N_("its file cannot be found")),
				.code = ERR_DISK_MISSING};
	esxi_calls_free(c, 2 * n);
	return 0;
}

void esxi_descs_free(struct esxi_desc *d, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		vmdk_free(d[i].v);
		free(d[i].why);
	}
}

int esxi_text_stat(const char *text, struct esxi_stat *out)
{
	_free_ char *copy = xstrdup(text);
	uint64_t v[4];
	char *save = NULL, *w = strtok_r(copy, " \n", &save);

	for (int i = 0; i < 4; i++, w = strtok_r(NULL, " \n", &save))
		if (!w || str_u64(w, UINT64_MAX, &v[i]))
			return -1;
	*out = (struct esxi_stat){
		.size = v[0], .blocks = v[1], .mtime = v[2], .inode = v[3]};
	return w ? -1 : 0;
}

/* why is stolen. */
static void refuse(struct vm_disk *d, enum err_code code, char *why)
{
	free(d->unsupported);
	d->unsupported = why;
	str_set(&d->refusal, err_id(code));
}

static void judge_extent(struct vm_disk *d, const struct vmdk *v,
	const struct esxi_call *stat, const struct esxi_call *lock)
{
	struct esxi_stat st;
	struct esxi_lock l;
	struct err e = {0};

	if (stat->status || esxi_text_stat(stat->out, &st)) {
		refuse(d, ERR_DISK_MISSING, file_trouble(d->data, stat));
		return;
	}
	d->used = st.blocks * 512;
	if (esxi_text_lock(lock->out, &l) == 0 && l.blocks)
		d->used = l.blocks * l.block_size;
	if (vmdk_check_size(v, 0, st.size, &e))
		refuse(d, e.code, xstrdup(e.why));
}

/* Only of disks whose data lie in one plain extent. */
static int read_extents(struct esxi *x, struct vm *vm,
	const struct esxi_desc *desc, struct err *e)
{
	size_t n = vm->n_disks;
	_free_ const char **paths = xcalloc(n, sizeof(*paths));
	_free_ struct esxi_call *c = xcalloc(2 * n, sizeof(*c));

	for (size_t i = 0; i < n; i++)
		paths[i] = vm->disks[i].unsupported ? NULL : vm->disks[i].data;
	if (for_each(x, paths, n, ESXI_LOCK, c, e))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (paths[i])
			judge_extent(&vm->disks[i], desc[i].v, &c[2 * i],
				&c[2 * i + 1]);
	esxi_calls_free(c, 2 * n);
	return 0;
}

static void use_desc(
	struct vm_disk *d, const struct esxi_desc *desc, const json_t *volumes)
{
	char *data;

	if (desc->v) {
		vmdk_to_disk(desc->v, d->path, d);
		/* A disk may be called x-000001.vmdk and have no parent. */
		d->snapshot = desc->v->child;
	} else if (!d->unsupported) {
		refuse(d, desc->code, xstrdup(desc->why));
	}
	/* an extent may be named through the volume's name */
	data = d->data;
	if (data)
		d->data = esxi_path(volumes, "/", data);
	free(data);
}

static int read_disks(
	struct esxi *x, const json_t *volumes, struct vm *vm, struct err *e)
{
	_free_ struct esxi_desc *d = xcalloc(vm->n_disks, sizeof(*d));
	int rc = esxi_descs_read(x, vm, d, e);

	for (size_t i = 0; rc == 0 && i < vm->n_disks; i++)
		use_desc(&vm->disks[i], &d[i], volumes);
	if (rc == 0)
		rc = read_extents(x, vm, d, e);
	for (size_t i = 0; rc == 0 && i < vm->n_disks; i++)
		if (vm->disks[i].snapshot)
			rc = esxi_chain_used(x, volumes, &vm->disks[i], e);
	esxi_descs_free(d, vm->n_disks);
	return rc;
}

int esxi_vm(
	struct esxi *x, const char *id_or_name, struct vm **out, struct err *e)
{
	_json_ json_t *volumes = NULL, *rows = NULL;
	_vm_ struct vm *vm = NULL;
	const json_t *row = NULL;

	if (esxi_inventory(x, &volumes, &rows, e) ||
		find_row(rows, id_or_name, &row, e) ||
		ask_vmx(x, json_str(row, "id"), json_str(row, "vmx"), &vm, e))
		return err_in(e, "read VM %s", id_or_name);
	set_paths(volumes, vm);
	if (read_disks(x, volumes, vm, e))
		return err_in(e, "read the disks of VM %s", id_or_name);
	*out = vm;
	vm = NULL;
	return 0;
}
