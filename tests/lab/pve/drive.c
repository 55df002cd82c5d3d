/*
 * drive.c - disks in a VM's configuration: grammar, checks before a task,
 * and the making of what a value asks for.
 */
#include "pve.h"

#include <sys/stat.h>
#include <unistd.h>

#define VARS_4M "/usr/share/OVMF/OVMF_VARS_4M.fd"
#define VARS_4M_KEYS "/usr/share/OVMF/OVMF_VARS_4M.ms.fd"
#define VARS_2M "/usr/share/OVMF/OVMF_VARS.fd"

static bool numbered(const char *key, const char *base)
{
	long long n;

	return starts(key, base) && number(key + strlen(base), &n) && n >= 0;
}

bool is_drive(const char *key)
{
	return numbered(key, "scsi") || numbered(key, "virtio") ||
		numbered(key, "sata") || numbered(key, "ide") ||
		numbered(key, "efidisk") || numbered(key, "tpmstate");
}

bool is_unused(const char *key)
{
	return numbered(key, "unused");
}

char *drive_volume(const char *key, const char *value)
{
	auto_free char *why = NULL;
	auto_json json_t *p = prop_parse(key, value, &why);

	if (p && js(p, "file"))
		return xstrdup(js(p, "file"));
	return fmt("%.*s", (int)strcspn(value, ","), value);
}

bool drive_is_cdrom(const char *value)
{
	return strstr(value, "media=cdrom") != NULL || starts(value, "none") ||
		starts(value, "cdrom");
}

char *size_print(long long b)
{
	static const char unit[] = "KMG";
	int u = -1;

	while (u < 2 && b && b % 1024 == 0) {
		b /= 1024;
		u++;
	}
	return u < 0 ? fmt("%lld", b) : fmt("%lld%c", b, unit[u]);
}

long long size_parse(const char *s)
{
	static const char unit[] = "KMGT";
	double v;
	char *end;
	const char *u;

	v = strtod(*s == '+' ? s + 1 : s, &end);
	u = *end ? strchr(unit, *end) : NULL;
	for (const char *k = unit; u && k <= u; k++)
		v *= 1024;
	return v < 0 || (*end && !u) ? -1 : (long long)v;
}

static long long kib_up(double kib)
{
	long long whole = (long long)kib;

	return whole < kib ? whole + 1 : whole;
}

bool drive_is_new(const char *volume, char **storage, long long *bytes)
{
	const char *colon = strchr(volume, ':');
	char *end;
	double gib;

	if (!colon || colon[1] < '0' || colon[1] > '9')
		return false;
	gib = strtod(colon + 1, &end);
	if (*end)
		return false;
	if (storage)
		*storage = fmt("%.*s", (int)(colon - volume), volume);
	if (bytes)
		*bytes = kib_up(gib * 1024 * 1024) * 1024;
	return true;
}

static void check_import(struct call *c, const char *key, const char *from,
	bool fresh, long long bytes)
{
	auto_free char *sid = fmt("%.*s", (int)strcspn(from, ":"), from);

	if (!fresh || bytes) {
		call_bad(c, key,
			"'import-from' requires special syntax - use <storage "
			"ID>:0,import-from=<source>");
	} else if (*from == '/') {
		if (!auth_is_root(&c->who))
			call_fail(c, 500,
				"Only root can pass arbitrary filesystem paths."
				" at /usr/share/perl5/PVE/Storage.pm line "
				"581.");
	} else if (!storage_get(sid)) {
		call_fail(c, 500, "storage '%s' does not exist", sid);
	}
}

static void check_one(struct call *c, const char *key, const char *value)
{
	auto_free char *why = NULL, *sid = NULL;
	auto_json json_t *p = prop_parse(key, value, &why);
	const char *file = js(p, "file"), *from = js(p, "import-from");
	const struct storage *s;
	long long bytes = 0;
	bool fresh;

	if (!p || !file) {
		call_bad(c, key, "invalid format - %s", why ? why : "no file");
		return;
	}
	fresh = drive_is_new(file, &sid, &bytes);
	if (from)
		check_import(c, key, from, fresh, bytes);
	if (!strcmp(file, "none") || !strcmp(file, "cdrom"))
		return;
	if (*file == '/') {
		if (!auth_is_root(&c->who))
			call_fail(c, 500,
				"Only root can pass arbitrary filesystem paths."
				" at /usr/share/perl5/PVE/Storage.pm line "
				"581.");
		return;
	}
	if (!sid)
		sid = fmt("%.*s", (int)strcspn(file, ":"), file);
	auto_free char *path = fmt("/storage/%s", sid);

	if (!auth_need(c, path, "Datastore.AllocateSpace"))
		return;
	s = storage_get(sid);
	if (!s)
		call_fail(c, 500, "storage '%s' does not exist", sid);
	else if (fresh && !storage_has(s, "images"))
		call_bad(c, "storage",
			"storage '%s' does not support vm images", sid);
}

bool drives_check(struct call *c, int vmid, const json_t *params)
{
	const char *k;
	json_t *v;

	(void)vmid;
	json_object_foreach ((json_t *)params, k, v)
		if (is_drive(k) && !c->code)
			check_one(c, k, json_string_value(v));
	return !c->code;
}

static const char *vars_template(const json_t *p)
{
	const char *type = js(p, "efitype"), *keys = js(p, "pre-enrolled-keys");

	if (type && !strcmp(type, "4m"))
		return keys && !strcmp(keys, "1") ? VARS_4M_KEYS : VARS_4M;
	return lab.rel >= 701 || access(VARS_2M, R_OK) == 0 ? VARS_2M : VARS_4M;
}

struct source {
	char *path;
	const char *format;
	long long size;
	struct volume v;
};

/* A VMDK extent without a descriptor is copied in vain, but has a size. */
static int raw_size(const struct volume *v, long long *size)
{
	struct stat st;

	if (strcmp(v->format, "vmdk") || stat(v->file, &st))
		return -1;
	*size = (long long)st.st_size;
	return 0;
}

/* Where an import comes from; the texts are those of the captures. */
static int source_find(struct task *t, const char *from, struct source *s)
{
	long long used;

	if (*from == '/') {
		const char *dot = strrchr(from, '.');

		if (access(from, R_OK))
			return task_die(t, "can't find file '%s'", from);
		s->v.file = xstrdup(from);
		snprintf(s->v.format, sizeof(s->v.format), "%.7s",
			dot && strstr("qcow2 vmdk", dot + 1) ? dot + 1 : "raw");
	} else if (volume_parse(from, &s->v)) {
		return task_die(t, "unable to parse volume ID '%s'", from);
	} else if (!volume_exists(&s->v)) {
		return task_die(t, "failed to stat '%s'", s->v.file);
	}
	s->path = s->v.file;
	s->format = s->v.format;
	if (volume_size(&s->v, &s->size, &used) && raw_size(&s->v, &s->size))
		return task_die(t,
			"qemu-img: Could not open '%s': Image is not in %s "
			"format",
			s->path, s->format);
	if (!strcmp(s->format, "vmdk")) {
		auto_free char *head = file_read(s->path, NULL);

		if (head && starts(head, "# Disk DescriptorFile"))
			return task_die(t,
				"%s: multiple children or extents are not "
				"allowed!",
				s->path);
	}
	return 0;
}

static int import(struct task *t, const char *from, const char *sid, int vmid,
	const char *format, char **id)
{
	struct source s = {0};
	auto_volume struct volume dst = {0};
	auto_free char *made = NULL;
	int rc = source_find(t, from, &s);

	if (rc == 0 && *from != '/')
		task_log(t, "create full clone of drive (%s)", from);
	if (rc == 0)
		rc = volume_alloc(t, sid, vmid, NULL, format, s.size, &made);
	if (rc == 0) {
		volume_parse(made, &dst);
		rc = volume_copy(t, s.path, s.format, &dst, s.size, 0);
		if (rc) {
			struct task quiet = {.quiet = true};

			volume_delete(&quiet, made);
			free(quiet.err);
		}
	}
	if (rc == 0) {
		*id = made;
		made = NULL;
	}
	volume_free(&s.v);
	return rc;
}

static int make_efi(struct task *t, const json_t *p, const char *sid, int vmid,
	const char *format, char **id)
{
	const char *vars = vars_template(p);
	struct source s = {0};
	auto_volume struct volume dst = {0};
	int rc = source_find(t, vars, &s);

	if (rc == 0)
		rc = volume_alloc(t, sid, vmid, NULL, format, s.size, id);
	if (rc == 0) {
		volume_parse(*id, &dst);
		rc = volume_copy(t, vars, "raw", &dst, s.size, 0);
	}
	volume_free(&s.v);
	return rc;
}

/* Allocates what "STORAGE:SIZE" and its options ask for. */
static int make_new(
	struct task *t, int vmid, const char *key, const json_t *p, char **id)
{
	const char *from = js(p, "import-from"), *format = js(p, "format");
	auto_free char *sid = NULL;
	long long bytes = 0;

	drive_is_new(js(p, "file"), &sid, &bytes);
	if (storage_usable(t, sid))
		return -1;
	format = format ? format : "raw";
	if (from)
		return import(t, from, sid, vmid, format, id);
	if (starts(key, "efidisk"))
		return make_efi(t, p, sid, vmid, format, id);
	if (starts(key, "tpmstate"))
		return volume_alloc(t, sid, vmid, NULL, "raw", 4 << 20, id);
	return volume_alloc(t, sid, vmid, NULL, format, bytes, id);
}

/* The text that stays in the configuration. */
static char *settle(const char *key, json_t *p, const char *id)
{
	auto_volume struct volume v = {0};
	long long size, used;

	js_set(p, "file", id);
	json_object_del(p, "format");
	json_object_del(p, "import-from");
	if (volume_parse(id, &v) == 0 && volume_size(&v, &size, &used) == 0) {
		auto_free char *text = size_print(size);

		js_set(p, "size", text);
	}
	return prop_print(key, p);
}

/* Newer releases write down which Microsoft keys they enrolled. */
static void note_certs(const char *key, json_t *p)
{
	const json_t *known = json_object_get(
		json_object_get(schema_option(key), "format"), "ms-cert");
	const char *keys = js(p, "pre-enrolled-keys");

	if (known && keys && !strcmp(keys, "1") && !js(p, "ms-cert"))
		js_set(p, "ms-cert", "2023k");
}

int drive_make(struct task *t, int vmid, const char *key, const char *value,
	char **out, json_t *made)
{
	auto_free char *why = NULL, *id = NULL;
	auto_json json_t *p = prop_parse(key, value, &why);
	auto_free char *file = js(p, "file") ? xstrdup(js(p, "file")) : NULL;
	auto_volume struct volume v = {0};

	if (!file)
		return task_die(t, "%s: %s", key, why ? why : "no file");
	if (!strcmp(file, "none") || !strcmp(file, "cdrom") || *file == '/') {
		*out = xstrdup(value);
		return 0;
	}
	if (drive_is_new(file, NULL, NULL)) {
		if (make_new(t, vmid, key, p, &id))
			return -1;
		json_array_append_new(made, json_string(id));
		note_certs(key, p);
		*out = settle(key, p, id);
		if (lab.rel >= 602)
			task_log(t, "%s: successfully created disk '%s'", key,
				*out);
		return 0;
	}
	if (volume_parse(file, &v))
		return task_die(t, "unable to parse volume ID '%s'", file);
	if (storage_usable(t, v.st->id))
		return -1;
	if (!volume_exists(&v))
		return task_die(t, "volume '%s' does not exist", file);
	if (!strcmp(v.vtype, "iso") && !js(p, "media"))
		return task_die(
			t, "explicit 'media=cdrom' is required for iso images");
	*out = settle(key, p, file);
	return 0;
}

void drive_unuse(json_t *conf, const char *volid)
{
	for (int i = 0; i < 256; i++) {
		auto_free char *k = fmt("unused%d", i);
		const char *v = js(conf, k);

		if (v && !strcmp(v, volid))
			return;
		if (v)
			continue;
		js_set(conf, k, volid);
		return;
	}
}
