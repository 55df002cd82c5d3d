/* What an OVF envelope means: the machine. Disks and cards: ovf_hw.c. */
#include "ovf_doc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "guestos.h"
#include "str.h"

/* --- units --- */

/* "2^20", "1024": the number at *p, which moves on. */
static int factor(const char **p, uint64_t *out)
{
	uint64_t base = 0, power = 0, v = 1;
	const char *s = *p;

	if (!isdigit((unsigned char)*s))
		return -1;
	for (; isdigit((unsigned char)*s) && base < 1000000; s++)
		base = base * 10 + *s - '0';
	if (*s == '^') {
		for (s++; isdigit((unsigned char)*s) && power < 100; s++)
			power = power * 10 + *s - '0';
		for (; power; power--)
			if (__builtin_mul_overflow(v, base, &v))
				return -1;
	} else {
		v = base;
	}
	*p = s;
	*out = v;
	return 0;
}

/* DSP0004's "byte * 2^20" without its blanks. */
static int programmatic(const char *p, uint64_t *out)
{
	uint64_t v = 1, f;

	while (*p) {
		if (*p++ != '*' || factor(&p, &f) ||
			__builtin_mul_overflow(v, f, &v))
			return -1;
	}
	*out = v;
	return 0;
}

int ovf_units(const char *s, uint64_t def, uint64_t *out)
{
	static const struct {
		const char *name;
		uint64_t bytes;
	} names[] = {
		{"kilobytes", 1u << 10},
		{"kb", 1u << 10},
		{"megabytes", 1u << 20},
		{"mb", 1u << 20},
		{"gigabytes", 1u << 30},
		{"gb", 1u << 30},
	};
	_buf_ struct buf b = {0};

	for (; s && *s; s++)
		if (!isspace((unsigned char)*s))
			buf_addc(&b, *s);
	if (!b.len) {
		*out = def;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (str_eqi(b.s, names[i].name)) {
			*out = names[i].bytes;
			return 0;
		}
	}
	if (strncasecmp(b.s, "byte", 4) != 0)
		return -1;
	return programmatic(b.s + (tolower(b.s[4]) == 's' ? 5 : 4), out);
}

/* --- items --- */

bool ovf_item_applies(const struct ovf_doc *d, const struct ovf_item *i)
{
	_free_ char *copy = xstrdup(i->configuration);
	char *save = NULL;

	if (!copy || !*copy)
		return true;
	for (char *w = strtok_r(copy, " ", &save); w && d->configuration;
		w = strtok_r(NULL, " ", &save))
		if (strcmp(w, d->configuration) == 0)
			return true;
	return false;
}

static void set_cpus(const struct ovf_item *i, struct vm *v)
{
	uint64_t n;

	if (str_u64(i->quantity, 4096, &n) || !n)
		vm_warn(v,
			"The number of CPUs is '%s', which cannot be; taken "
			"as %u.",
			i->quantity ? i->quantity : "", v->cpus);
	else
		v->cpus = (unsigned)n;
	if (i->cores && str_u64(i->cores, 4096, &n) == 0 && n)
		v->cores_per_socket = (unsigned)n;
}

static void set_memory(const struct ovf_item *i, struct vm *v)
{
	uint64_t n, unit;

	/* Without a unit ovftool means MiB. */
	if (ovf_units(i->units, 1u << 20, &unit) ||
		str_u64(i->quantity, UINT64_MAX, &n) ||
		__builtin_mul_overflow(n, unit, &n) || n < 1u << 20)
		vm_warn(v,
			"The memory is '%s' of '%s', which cannot be: set it "
			"by hand.",
			i->quantity ? i->quantity : "",
			i->units ? i->units : "");
	else
		v->memory_mib = n >> 20;
}

static void add_passthrough(const struct ovf_item *i, struct vm *v)
{
	struct vm_passthrough *p = vm_add_passthrough(v);

	p->slot = xasprintf("pciPassthru%zu", v->n_passthrough - 1);
	p->name = xstrdup(i->title);
	vm_warn(v,
		"%s (%s) is a device of the ESXi host; pass a device of the "
		"new host through by hand where it is needed.",
		p->slot, i->subtype);
}

static void set_item(const struct ovf_item *i, struct vm *v)
{
	const char *type = i->type ? i->type : "";

	if (strcmp(type, "3") == 0)
		set_cpus(i, v);
	else if (strcmp(type, "4") == 0)
		set_memory(i, v);
	else if (i->subtype &&
		strncasecmp(i->subtype, "vmware.pci.passthrough", 22) == 0)
		add_passthrough(i, v);
	else if (i->subtype && strncasecmp(i->subtype, "vmware.vtpm", 11) == 0)
		v->tpm = true;
	else if ((strcmp(type, "15") == 0 || strcmp(type, "16") == 0) &&
		i->resource && strstr(i->resource, "/file/"))
		vm_warn(v,
			"The CD-ROM image of the package is not carried "
			"over: %s",
			i->resource);
}

/* --- the machine --- */

/* "vmx-08 vmx-09" is 8; other makers' types are none. */
static char *hw_version(const char *type)
{
	uint64_t n;
	_free_ char *digits = NULL;

	if (!type || strncasecmp(type, "vmx-", 4) != 0)
		return NULL;
	digits = xstrndup(type + 4, strspn(type + 4, "0123456789"));
	return str_u64(digits, 999, &n) ? NULL : xasprintf("%u", (unsigned)n);
}

static void set_guest(const struct ovf_doc *d, struct vm *v)
{
	const struct guestos *g = d->os_type ? guestos_find(d->os_type) : NULL;
	uint64_t n;

	if (!g && str_u64(d->os_id, UINT32_MAX, &n) == 0)
		g = guestos_by_cim((unsigned)n);
	if (!g || !*g->api) {
		v->guest = xstrdup(d->os_type);
		return;
	}
	v->guest = xstrdup(g->id);
}

static void set_firmware(const struct ovf_doc *d, struct vm *v)
{
	bool on;

	if (d->firmware && str_eqi(d->firmware, "efi"))
		v->firmware = VM_UEFI;
	else if (d->firmware && !str_eqi(d->firmware, "bios"))
		vm_warn(v, "The firmware is '%s'; taken as BIOS.", d->firmware);
	v->secure_boot = v->firmware == VM_UEFI &&
		str_bool(d->secure_boot, &on) == 0 && on;
	v->nested = str_bool(d->nested, &on) == 0 && on;
}

static void set_items(const struct ovf_doc *d, struct vm *v)
{
	for (size_t i = 0; i < d->n_items; i++)
		if (ovf_item_applies(d, &d->items[i]))
			set_item(&d->items[i], v);
	if (!v->memory_mib)
		vm_warn(v, "The package does not say how much memory.");
	if (d->n_configurations > 1)
		vm_warn(v, "The package has %zu configurations; '%s' is taken.",
			d->n_configurations,
			d->configuration ? d->configuration : "");
}

int ovf_parse(const char *text, size_t len, const char *path, struct vm **out,
	struct err *e)
{
	_ovf_doc_ struct ovf_doc *d = NULL;
	_vm_ struct vm *v = NULL;

	if (ovf_read(text, len, &d, e))
		return -1;
	v = vm_new();
	v->name = xstrdup(d->name && *d->name ? d->name : d->id);
	v->config = xstrdup(path);
	v->annotation = xstrdup(d->annotation);
	v->hw_version = hw_version(d->system_type);
	v->snapshots = 0;
	set_guest(d, v);
	set_firmware(d, v);
	set_items(d, v);
	if (ovf_disks(d, path, v, e))
		return -1;
	ovf_nics(d, v);
	vm_sort(v);
	*out = v;
	v = NULL;
	return 0;
}
