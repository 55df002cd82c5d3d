/*
 * Network cards and passed-through devices of a .vmx, and what vmx_disk.c
 * shares with them. Keeps true: a device that is configured but not taken over
 * leaves a warning.
 */
#include "vmx_dev.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "guestos.h"
#include "i18n.h"
#include "pci.h"
#include "str.h"

bool vmx_flag(const struct vmx *x, struct vm *v, const char *key, bool def)
{
	const char *s = vmx_get(x, key);
	bool b;

	if (!s || !*s)
		return def;
	if (str_bool(s, &b) == 0)
		return b;
	vm_warn(v, "%s is '%s', neither TRUE nor FALSE; taken as TRUE.", key,
		s);
	return true;
}

bool vmx_flagf(const struct vmx *x, struct vm *v, const char *slot,
	const char *leaf, bool def)
{
	_free_ char *key = xasprintf("%s.%s", slot, leaf);

	return vmx_flag(x, v, key, def);
}

const char *vmx_after(const char *s, const char *prefix)
{
	_free_ char *head = NULL;

	/* Cheap for the many keys that are of another kind. */
	if ((*s | 0x20) != (*prefix | 0x20))
		return NULL;
	head = xstrndup(s, strlen(prefix));
	return str_eqi(head, prefix) ? s + strlen(prefix) : NULL;
}

int vmx_small_number(const char **p)
{
	const char *s = *p;
	int v = 0, n = 0;

	for (; isdigit((unsigned char)s[n]) && n < 3; n++)
		v = v * 10 + s[n] - '0';
	if (!n || isdigit((unsigned char)s[n]) || (n > 1 && s[0] == '0'))
		return -1;
	*p = s + n;
	return v;
}

/* "PREFIXn.leaf" with these two; the number, or -1. */
static int index_of(const char *key, const char *prefix, const char *leaf)
{
	const char *p = vmx_after(key, prefix);
	int v = p ? vmx_small_number(&p) : -1;

	return v >= 0 && str_eqi(p, leaf) ? v : -1;
}

/* --- network cards --- */

/* Six pairs of hex digits with : or - to lower case; null where it is none. */
static char *mac_text(const char *s)
{
	char digits[13];
	unsigned char b[6];
	size_t n = 0;

	for (; *s && n < 12; s++)
		if (*s != ':' && *s != '-')
			digits[n++] = *s;
	digits[n] = '\0';
	if (*s || hex_decode(b, 6, digits))
		return NULL;
	return xasprintf("%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2],
		b[3], b[4], b[5]);
}

/*
 * Static addresses stand in .address, the others in .generatedAddress; where
 * the right one is missing the other is taken. Null: never powered on.
 */
static void set_mac(struct vm_nic *n, const struct vmx *x, struct vm *v)
{
	const char *type = vmx_getf(x, "%s.addressType", n->slot);
	const char *fixed = vmx_getf(x, "%s.address", n->slot);
	const char *made = vmx_getf(x, "%s.generatedAddress", n->slot);
	bool is_static = type && str_eqi(type, "static");
	const char *mac = is_static ? fixed : made;

	if (!mac || !*mac)
		mac = is_static ? made : fixed;
	if (!mac || !*mac)
		return;
	n->mac = mac_text(mac);
	if (!n->mac) {
		vm_warn(v, "%s has '%s' as its MAC address, which is none.",
			n->slot, mac);
		return;
	}
	if (mac == fixed)
		n->mac_kind = VM_MAC_STATIC;
	else
		n->mac_kind = type && str_eqi(type, "vpx") ? VM_MAC_VPX
							   : VM_MAC_GENERATED;
}

static void set_model(struct vm_nic *n, const struct vmx *x, struct vm *v)
{
	const char *dev = vmx_getf(x, "%s.virtualDev", n->slot);
	const char *features = vmx_getf(x, "%s.features", n->slot);
	const struct guestos *g = v->guest ? guestos_find(v->guest) : NULL;

	if (!dev || !*dev)
		dev = !g || g->bits == 64 ? "e1000" : "flexible";
	else if (str_eqi(dev, "vmxnet") && features &&
		strcmp(features, "15") == 0)
		dev = "vmxnet2";
	n->model = xstrdup(dev);
}

static void set_network(struct vm_nic *n, const struct vmx *x, struct vm *v)
{
	const char *name = vmx_getf(x, "%s.networkName", n->slot);
	const char *group = vmx_getf(x, "%s.dvs.portgroupId", n->slot);

	if (name && *name) {
		n->network = xstrdup(name);
	} else if (group && *group) {
		n->network = xstrdup(group);
		vm_warn(v,
			"%s is on a distributed switch; only vCenter knows "
			"the name of its port group %s.",
			n->slot, group);
	}
}

static void add_nic(const struct vmx *x, int index, struct vm *v)
{
	struct vm_nic *n = vm_add_nic(v);
	const char *pci;
	uint64_t slot;

	n->index = index;
	n->slot = xasprintf("ethernet%d", index);
	set_model(n, x, v);
	set_mac(n, x, v);
	set_network(n, x, v);
	n->connected = vmx_flagf(x, v, n->slot, "startConnected", true);
	pci = vmx_getf(x, "%s.pciSlotNumber", n->slot);
	if (str_u64(pci, INT32_MAX, &slot) == 0)
		n->pci_slot = (int)slot;
}

void vmx_nics(const struct vmx *x, struct vm *v)
{
	for (size_t i = 0; i < x->n; i++) {
		int n = index_of(x->pairs[i].key, "ethernet", ".present");

		if (n >= 0 && vmx_flag(x, v, x->pairs[i].key, false))
			add_nic(x, n, v);
	}
}

/* --- passed-through devices --- */

/* "0x10de", "10de"; newer hosts write allowedDevices = "0x10de:0x1eb8,...". */
static unsigned id16(const char *s)
{
	uint64_t v;

	return str_hex64(s, &v) == 0 && v <= 0xffff ? (unsigned)v : 0;
}

static void set_ids(struct vm_passthrough *p, const struct vmx *x)
{
	const char *allowed = vmx_getf(x, "%s.allowedDevices", p->slot);
	_free_ char *copy = xstrdup(allowed ? allowed : "");
	char *colon = strchr(copy, ':');

	p->vendor = id16(vmx_getf(x, "%s.vendorId", p->slot));
	p->device = id16(vmx_getf(x, "%s.deviceId", p->slot));
	if (p->vendor || !colon)
		return;
	*colon = '\0';
	colon[1 + strcspn(colon + 1, ",: ")] = '\0';
	p->vendor = id16(copy);
	p->device = id16(colon + 1);
}

static void add_passthrough(const struct vmx *x, int index, struct vm *v)
{
	struct vm_passthrough *p = vm_add_passthrough(v);
	const char *vgpu;

	p->slot = xasprintf("pciPassthru%d", index);
	p->address = xstrdup(vmx_getf(x, "%s.id", p->slot));
	set_ids(p, x);
	vgpu = vmx_getf(x, "%s.vgpu", p->slot);
	if (vgpu && *vgpu)
		p->name = xasprintf("vGPU %s", vgpu);
	else if (p->vendor)
		p->name = pci_name(p->vendor, p->device);
	vm_warn(v,
		"%s (%s) is a device of the ESXi host; pass a device of the "
		"new host through by hand where it is needed.",
		p->slot, p->name ? p->name : N_("unknown device"));
}

void vmx_passthrough(const struct vmx *x, struct vm *v)
{
	for (size_t i = 0; i < x->n; i++) {
		int n = index_of(x->pairs[i].key, "pciPassthru", ".present");

		if (n >= 0 && vmx_flag(x, v, x->pairs[i].key, false))
			add_passthrough(x, n, v);
	}
}
