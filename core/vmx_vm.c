/* What a .vmx means: the machine as a whole. Its devices: vmx_dev.c. */
#include "vmx.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "guestos.h"
#include "str.h"
#include "vmx_dev.h"

/* Value, or null where absent or empty. */
static const char *text(const struct vmx *x, const char *key)
{
	const char *s = vmx_get(x, key);

	return s && *s ? s : NULL;
}

static uint64_t number(const struct vmx *x, const char *key, uint64_t min,
	uint64_t max, uint64_t def, struct vm *v)
{
	const char *s = text(x, key);
	_free_ char *copy = xstrdup(s ? s : "");
	uint64_t n;

	if (!s)
		return def;
	if (str_u64(str_trim(copy), max, &n) == 0 && n >= min)
		return n;
	vm_warn(v, "%s is '%s', which cannot be; taken as %llu.", key, s,
		(unsigned long long)def);
	return def;
}

/* --- names --- */

static int percent(const char *s)
{
	static const struct {
		const char *code;
		char c;
	} codes[] = {{"%2f", '/'}, {"%5c", '\\'}, {"%25", '%'}};
	_free_ char *head = xstrndup(s, 3);

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (str_eqi(head, codes[i].code))
			return codes[i].c;
	return -1;
}

/* The API writes /, \ and % in names as %2f, %5c and %25. */
static char *decode_name(const char *s)
{
	_buf_ struct buf b = {0};

	while (*s) {
		int c = percent(s);

		buf_addc(&b, c < 0 ? *s : (char)c);
		s += c < 0 ? 1 : 3;
	}
	return buf_steal(&b);
}

/* "/vmfs/volumes/ds/web01/web01.vmx" gives "web01". */
static char *name_by_path(const char *path)
{
	const char *base = strrchr(path, '/');
	size_t n;

	base = base ? base + 1 : path;
	n = strlen(base);
	if (n > 4 && str_eqi(base + n - 4, ".vmx"))
		n -= 4;
	return xstrndup(base, n);
}

static void set_names(const struct vmx *x, const char *path, struct vm *v)
{
	const char *name = text(x, "displayName");

	if (name)
		v->name = decode_name(name);
	else if (path)
		v->name = name_by_path(path);
	v->config = xstrdup(path);
	v->annotation = xstrdup(text(x, "annotation"));
	v->hw_version = xstrdup(text(x, "virtualHW.version"));
}

/* "56 4d 6c ...-6f 0b ..." as 8-4-4-4-12. */
static char *uuid_text(const char *s)
{
	unsigned char b[16];
	char digits[33], h[33];
	size_t n = 0;

	for (; *s && n < 32; s++)
		if (*s != ' ' && *s != '-')
			digits[n++] = *s;
	digits[n] = '\0';
	if (*s || hex_decode(b, 16, digits))
		return NULL;
	hex_encode(h, b, 16);
	return xasprintf(
		"%.8s-%.4s-%.4s-%.4s-%.12s", h, h + 8, h + 12, h + 16, h + 20);
}

static void set_uuid(const struct vmx *x, struct vm *v)
{
	const char *s = text(x, "uuid.bios");

	if (!s)
		return;
	v->uuid = uuid_text(s);
	if (!v->uuid)
		vm_warn(v, "uuid.bios is '%s', which is no UUID.", s);
}

/* --- guest system --- */

/* prettyName='Ubuntu 22.04.3 LTS' out of what the tools wrote. */
static char *pretty_name(const char *data)
{
	static const char mark[] = "prettyName='";
	const char *p = data ? strstr(data, mark) : NULL, *end;

	p = p ? p + strlen(mark) : NULL;
	end = p ? strchr(p, '\'') : NULL;
	return end && end > p ? xstrndup(p, end - p) : NULL;
}

static void set_guest(const struct vmx *x, struct vm *v)
{
	const char *id = text(x, "guestOS");
	const struct guestos *g = id ? guestos_find(id) : NULL;

	v->guest_detail = pretty_name(text(x, "guestInfo.detailed.data"));
	if (!v->guest_detail)
		v->guest_detail = pretty_name(text(x, "guestOS.detailed.data"));
	if (!id)
		return;
	v->guest = xstrdup(g && *g->api ? g->id : id);
	for (char *p = v->guest; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
}

/* --- processor, memory, firmware --- */

static void set_sizes(const struct vmx *x, struct vm *v)
{
	if (!text(x, "memSize"))
		vm_warn(v, "No memSize: VMware gives such a VM 32 MiB.");
	v->memory_mib = number(x, "memSize", 1, 1u << 26, 32, v);
	v->cpus = (unsigned)number(x, "numvcpus", 1, 4096, 1, v);
	/* 0: chosen by the host at power on (hardware version 20). */
	v->cores_per_socket =
		(unsigned)number(x, "cpuid.coresPerSocket", 0, 4096, 1, v);
	if (!v->cores_per_socket)
		v->cores_per_socket = 1;
	v->nested = vmx_flag(x, v, "vhv.enable", false);
}

static void set_firmware(const struct vmx *x, struct vm *v)
{
	const char *firmware = text(x, "firmware");
	/* Not only TRUE: "software" is seen too. */
	const char *added = text(x, "managedvm.autoAddVTPM");

	if (firmware && str_eqi(firmware, "efi"))
		v->firmware = VM_UEFI;
	else if (firmware && !str_eqi(firmware, "bios"))
		vm_warn(v, "firmware is '%s'; taken as BIOS.", firmware);
	v->secure_boot = vmx_flag(x, v, "uefi.secureBoot.enabled", false) &&
		v->firmware == VM_UEFI;
	v->tpm = vmx_flag(x, v, "vtpm.present", false) ||
		(added && !str_eqi(added, "FALSE"));
}

/* --- what stands in the way --- */

static void set_encrypted(const struct vmx *x, struct vm *v)
{
	static const char *const keys[] = {"encryption.keySafe",
		"encryption.data", "vmx.encryptionType", "encryptedVM.guid"};
	const char *type = text(x, "vmx.encryptionType");

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		v->encrypted = v->encrypted || text(x, keys[i]);
	/* Only the TPM's and the firmware's state. */
	if (type && str_eqi(type, "partial"))
		v->encrypted = false;
	if (v->encrypted)
		vm_warn(v,
			"The VM is encrypted: it cannot be moved until its "
			"storage policy is changed to an unencrypted one on "
			"the ESXi side.");
}

static void set_power(const struct vmx *x, struct vm *v)
{
	const char *state = text(x, "checkpoint.vmState");

	if (!state)
		return;
	v->power = xstrdup("suspended");
	vm_warn(v,
		"The VM is suspended (%s): power it on and shut the guest "
		"down, or its memory and unsaved data are lost.",
		state);
}

/* Devices that stay behind. */
static void warn_serial(const struct vmx *x, struct vm *v)
{
	for (int i = 0; i < 32; i++) {
		_free_ char *key = xasprintf("serial%d.present", i);
		const char *type = vmx_getf(x, "serial%d.fileType", i);

		if (vmx_flag(x, v, key, false) && type &&
			!str_eqi(type, "thinprint"))
			vm_warn(v,
				"serial%d (%s %s) is not carried over: the "
				"target gets no serial port.",
				i, type,
				vmx_getf(x, "serial%d.fileName", i) ?: "");
	}
}

static void warn_floppy(const struct vmx *x, struct vm *v)
{
	for (int i = 0; i < 2; i++) {
		const char *type = vmx_getf(x, "floppy%d.fileType", i);
		const char *file = vmx_getf(x, "floppy%d.fileName", i);
		_free_ char *key = xasprintf("floppy%d.present", i);

		/* Present unless said otherwise (libvirt's finding). */
		if (vmx_flag(x, v, key, i == 0) && type &&
			str_eqi(type, "file") && file && *file &&
			!str_eqi(file, "vmware-null-remote-floppy"))
			vm_warn(v,
				"The floppy image in floppy%d is not carried "
				"over: %s",
				i, file);
	}
}

static void warn_usb(const struct vmx *x, struct vm *v)
{
	for (int i = 0; i < 20; i++) {
		const char *dev = vmx_getf(x, "usb.autoConnect.device%d", i);

		if (dev && *dev)
			vm_warn(v,
				"A USB device of the ESXi host is passed "
				"through (%s); plug it into the new host and "
				"add it there.",
				dev);
	}
}

static bool is_vm(const struct vmx *x)
{
	return text(x, "config.version") || text(x, "virtualHW.version") ||
		text(x, "guestOS") || text(x, "displayName");
}

static char *directory(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	if (!path)
		return NULL;
	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, slash - path);
}

int vmx_to_vm(
	const struct vmx *x, const char *path, struct vm **out, struct err *e)
{
	_free_ char *dir = directory(path);
	struct vm *v;

	if (!is_vm(x))
		return err_set(e, ERR_BAD_VMX,
			"neither config.version, virtualHW.version, guestOS "
			"nor displayName: not the configuration of a VM");
	v = vm_new();
	for (size_t i = 0; i < x->n_warnings; i++)
		vm_warn(v, "%s", x->warnings[i]);
	set_names(x, path, v);
	set_uuid(x, v);
	set_guest(x, v);
	set_sizes(x, v);
	set_firmware(x, v);
	set_encrypted(x, v);
	set_power(x, v);
	vmx_disks(x, dir, v);
	vmx_nics(x, v);
	vmx_passthrough(x, v);
	warn_serial(x, v);
	warn_floppy(x, v);
	warn_usb(x, v);
	vm_sort(v);
	*out = v;
	return 0;
}
