/* VM to Proxmox VE configuration: see map.h. */
#include "map.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "guestos.h"
#include "str.h"

char *map_name(const char *name)
{
	_buf_ struct buf b = {0};
	size_t label = 0;

	for (; *name; name++) {
		unsigned char c = *name;

		if (c == ' ' || c == '_')
			c = '-';
		if (!isalnum(c) && c != '-' && c != '.')
			continue;
		/* A label neither begins nor ends with '-'. */
		if (!label && (c == '-' || c == '.'))
			continue;
		if (c == '.') {
			while (b.len && b.s[b.len - 1] == '-')
				b.s[--b.len] = '\0';
			label = 0;
			buf_addc(&b, c);
		} else if (label < 63) {
			label++;
			buf_addc(&b, c);
		}
	}
	while (b.len && (b.s[b.len - 1] == '-' || b.s[b.len - 1] == '.'))
		b.s[--b.len] = '\0';
	if (!b.len)
		buf_adds(&b, "vm");
	return buf_steal(&b);
}

unsigned map_release(const char *version)
{
	unsigned major, minor = 0;

	if (!version || sscanf(version, "%u.%u", &major, &minor) < 1)
		return 0;
	return major * 100 + (minor > 99 ? 99 : minor);
}

static void put_u(json_t *o, const char *key, uint64_t v)
{
	_free_ char *s = xasprintf("%llu", (unsigned long long)v);

	json_put_str(o, key, s);
}

static void warn(json_t *warnings, const char *text)
{
	json_array_append_new(warnings, json_text(text));
}

static void map_cpu(
	json_t *o, const struct vm *vm, unsigned release, const json_t *choices)
{
	const char *cpu = json_str(choices, "cpu");
	unsigned cps = vm->cores_per_socket ? vm->cores_per_socket : 1;

	/* Not divisible: one socket, so that no CPU is lost. */
	if (vm->cpus % cps || cps > vm->cpus)
		cps = vm->cpus;
	put_u(o, "sockets", vm->cpus / cps);
	put_u(o, "cores", cps);
	/* x86-64-v2-AES is known from 8.0 on; kvm64 before it stops recent
	 * guests (RHEL 9: "CPU does not support x86-64-v2"). */
	if (!cpu)
		cpu = vm->nested || release < 800 ? "host" : "x86-64-v2-AES";
	json_put_str(o, "cpu", cpu);
}

static void map_ostype(
	json_t *o, const struct vm *vm, unsigned release, json_t *warnings)
{
	const struct guestos *g = vm->guest ? guestos_find(vm->guest) : NULL;

	if (!g)
		warn(warnings,
			"The guest system is not known to vmferry: ostype "
			"becomes 'other'.");
	json_put_str(o, "ostype", g ? guestos_pve(g, release) : "other");
}

/* What Secure Boot and the TPM become: told, since the operator finds out at
 * the first start otherwise. */
static void warn_firmware(
	const struct vm *vm, unsigned release, json_t *warnings)
{
	if (vm->secure_boot && release < 701)
		warn(warnings,
			"The VM has Secure Boot; this Proxmox VE release has "
			"no keys for it (from 7.1 on): it starts without.");
	else if (vm->secure_boot)
		warn(warnings,
			"Secure Boot stays on, with Microsoft's keys. Keys of "
			"your own (MOK) are not carried over: enroll them "
			"again, or what they signed does not start.");
	if (vm->tpm && release < 701)
		warn(warnings,
			"The VM has a TPM; this Proxmox VE release has none "
			"(from 7.1 on).");
	else if (vm->tpm)
		warn(warnings,
			"The VM gets a new, empty TPM: the old one's content "
			"cannot be moved. Have the BitLocker recovery key at "
			"hand.");
}

static void map_firmware(json_t *o, const struct vm *vm, unsigned release,
	const json_t *choices, json_t *warnings)
{
	const char *was = vm->firmware == VM_UEFI ? "uefi" : "bios";
	const char *now = json_str_or(choices, "firmware", was);

	if (strcmp(was, now))
		warn(warnings,
			"The firmware changes by choice: a system installed "
			"for the other one does not start.");
	if (strcmp(now, "uefi"))
		return;
	json_put_str(o, "bios", "ovmf");
	warn(warnings,
		"UEFI boot entries are not carried over: the guest must have "
		"\\EFI\\BOOT\\BOOTX64.EFI on its EFI partition.");
	warn_firmware(vm, release, warnings);
}

json_t *map_config(const struct vm *vm, unsigned release, const json_t *choices,
	json_t *warnings)
{
	json_t *o = json_object();

	put_u(o, "memory", vm->memory_mib);
	map_cpu(o, vm, release, choices);
	map_ostype(o, vm, release, warnings);
	map_firmware(o, vm, release, choices, warnings);
	json_put_str(o, "machine", json_str(choices, "machine"));
	json_put_str(o, "agent", "1");
	if (json_flag(choices, "serial", false))
		json_put_str(o, "serial0", "socket");
	json_put_str(
		o, "onboot", json_flag(choices, "onboot", false) ? "1" : "0");
	if (vm->uuid) {
		_free_ char *s = xasprintf("uuid=%s", vm->uuid);

		json_put_str(o, "smbios1", s);
	}
	if (vm->n_passthrough)
		warn(warnings,
			"Passthrough devices are not moved: add hostpci by "
			"hand where this node has the like.");
	return o;
}

char *map_net(const char *model, const char *mac, const char *bridge,
	unsigned tag, bool link_down)
{
	_buf_ struct buf b = {0};

	buf_adds(&b, model);
	if (mac) {
		buf_addc(&b, '=');
		for (const char *p = mac; *p; p++)
			buf_addc(&b, toupper((unsigned char)*p));
	}
	buf_addf(&b, ",bridge=%s", bridge);
	if (tag)
		buf_addf(&b, ",tag=%u", tag);
	if (link_down)
		buf_adds(&b, ",link_down=1");
	return buf_steal(&b);
}

int map_disk(const char *bus, unsigned index, const char *volid, bool iothread,
	char key[16], char **value)
{
	/* Places a bus has in every release from 5.3 on (scsi14.. from 6.1). */
	static const struct {
		const char *bus;
		unsigned places;
	} table[] = {{"scsi", 14}, {"virtio", 16}, {"sata", 6}, {"ide", 4}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (strcmp(table[i].bus, bus) || index >= table[i].places)
			continue;
		snprintf(key, 16, "%s%u", bus, index);
		*value = xasprintf("%s,discard=on%s", volid,
			iothread ? ",iothread=1" : "");
		return 0;
	}
	return -1;
}
