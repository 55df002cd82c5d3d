/*
 * The kernels of a guest, and for each whether the drivers that Proxmox VE's
 * hardware needs are in its initramfs, or at least at hand. guest_propose
 * turns that into a disk bus.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../guestos.h"
#include "../i18n.h"
#include "../str.h"
#include "initramfs.h"
#include "own.h"

static const char *const drivers[] = {"virtio_pci", "virtio_blk", "virtio_scsi",
	"virtio_net", "ahci", "ata_piix", "sd_mod", "e1000", "vmw_pvscsi"};
#define N ARRAY_LEN(drivers)

static json_t *flags(const bool *found)
{
	json_t *o = json_object();

	for (size_t i = 0; i < N; i++)
		json_put_bool(o, drivers[i], found[i]);
	return o;
}

char *guest_long_text(struct guest *g, const char *path)
{
	char *out;

	return g->ops->read(g, path, 16 << 20, &out, NULL, NULL) ? NULL : out;
}

/* Modules of the tree that a rebuilt initramfs could hold. */
static void at_hand(struct guest *g, const char *version, bool *found)
{
	_free_ char *path = xasprintf("/lib/modules/%s/modules.dep", version);
	_free_ char *text = guest_long_text(g, path);

	for (size_t i = 0; text && i < N; i++) {
		_free_ char *file = xasprintf("/%s.ko", drivers[i]);

		found[i] = strstr(text, file) != NULL;
	}
}

/* Built into the kernel itself: needs no initramfs. */
static void built_in(struct guest *g, const char *version, bool *found)
{
	_free_ char *path =
		xasprintf("/lib/modules/%s/modules.builtin", version);
	_free_ char *text = guest_long_text(g, path);

	for (size_t i = 0; text && i < N; i++) {
		_free_ char *file = xasprintf("/%s.ko", drivers[i]);

		found[i] |= strstr(text, file) != NULL;
	}
}

static char *initramfs_of(struct guest *g, const char *version)
{
	static const char *const forms[] = {"/boot/initrd.img-%s",
		"/boot/initramfs-%s.img", "/boot/initrd-%s",
		"/boot/initrd-%s.img", "/boot/initramfs-%s"};

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		_buf_ struct buf b = {0};
		const char *mark = strstr(forms[i], "%s");

		buf_add(&b, forms[i], mark - forms[i]);
		buf_adds(&b, version);
		buf_adds(&b, mark + 2);
		if (guest_has(g, b.s))
			return buf_steal(&b);
	}
	return NULL;
}

int guest_fetch(struct guest *g, const char *path, char **tmp, struct err *e)
{
	const char *dir = getenv("TMPDIR");
	_free_ char *to = xasprintf(
		"%s/vmferry-initramfs.XXXXXX", dir && *dir ? dir : "/var/tmp");
	int fd = mkstemp(to);

	if (fd < 0)
		return err_sys(e, ERR_IO, "%s", to);
	close(fd);
	if (g->ops->download(g, path, to, e)) {
		unlink(to);
		return -1;
	}
	*tmp = xstrdup(to);
	return 0;
}

static void look_inside(struct guest *g, const char *path, const char *version,
	bool *found, json_t *kernel)
{
	_initramfs_ struct initramfs r = {0};
	_free_ char *tmp = NULL, *missing = NULL;
	struct err e = {0};
	int rc = guest_fetch(g, path, &tmp, &e);

	if (rc == 0) {
		rc = initramfs_read(tmp, &r, &e);
		unlink(tmp);
	}
	if (rc) {
		json_put_str(kernel, "unreadable", e.why);
		return;
	}
	initramfs_find(&r, drivers, N, found);
	missing = guest_drivers_missing(g, &r, version);
	json_put_str(kernel, "addable", missing);
}

static json_t *kernel_json(struct guest *g, const char *version)
{
	bool inside[N] = {0}, hand[N] = {0};
	_free_ char *initramfs = initramfs_of(g, version);
	json_t *k = json_object();

	json_put_str(k, "version", version);
	json_put_str(k, "initramfs", initramfs);
	if (initramfs)
		look_inside(g, initramfs, version, inside, k);
	built_in(g, version, inside);
	at_hand(g, version, hand);
	for (size_t i = 0; i < N; i++)
		hand[i] |= inside[i];
	json_put(k, "in_initramfs", flags(inside));
	json_put(k, "available", flags(hand));
	return k;
}

static bool has_modules(struct guest *g, const char *version)
{
	_free_ char *path = xasprintf("/lib/modules/%s", version);

	return guest_has(g, path);
}

/* The one that the boot loader starts; the newest where that is not known. */
static json_t *default_of(struct guest *g, json_t *list)
{
	_free_ char *chosen = guest_boot_kernel(g);
	json_t *k, *best = NULL;
	size_t i;

	json_array_foreach (list, i, k) {
		const char *version = json_str(k, "version");

		if (chosen && strcmp(version, chosen) == 0) {
			json_put_str(k, "chosen_by", "GRUB");
			return k;
		}
		if (!best || strverscmp(json_str(best, "version"), version) < 0)
			best = k;
	}
	if (best)
		json_put_str(best, "chosen_by", "newest");
	return best;
}

static json_t *all_kernels(struct guest *g)
{
	_json_ json_t *names = g->ops->list(g, "/boot");
	json_t *list = json_array(), *v, *best;
	size_t i;

	json_array_foreach (names, i, v) {
		const char *name = json_string_value(v);
		json_t *k;

		if (!str_starts(name, "vmlinuz-") &&
			!str_starts(name, "vmlinux-"))
			continue;
		if (strstr(name, "rescue"))
			continue;
		k = kernel_json(g, name + 8);
		/* vmlinux-VER.gz of SUSE, vmlinuz-VER.efi.signed of Ubuntu. */
		if (json_str(k, "initramfs") || has_modules(g, name + 8))
			json_array_append_new(list, k);
		else
			json_decref(k);
	}
	best = default_of(g, list);
	if (best)
		json_put_bool(best, "default", true);
	return list;
}

const json_t *guest_kernels(struct guest *g)
{
	if (!g->kernels)
		g->kernels = all_kernels(g);
	return g->kernels;
}

/* --- the proposal --- */

static const json_t *default_kernel(const json_t *facts)
{
	const json_t *list = json_object_get(facts, "kernels"), *k;
	size_t i;

	json_array_foreach (list, i, k)
		if (json_flag(k, "default", false))
			return k;
	return NULL;
}

static bool has(const json_t *kernel, const char *where, const char *driver)
{
	return json_flag(json_object_get(kernel, where), driver, false);
}

static void by_guestos(
	const struct vm *vm, const char **bus, const char **nic, char **reason)
{
	const struct guestos *s = vm->guest ? guestos_find(vm->guest) : NULL;
	const char *name = s ? s->name : N_("unknown system");

	*bus = "sata";
	*nic = "e1000";
	if (s && s->family == GUESTOS_WINDOWS &&
		(strcmp(s->ostype, "wxp") == 0 ||
			strcmp(s->ostype, "w2k") == 0 ||
			strcmp(s->ostype, "w2k3") == 0))
		*bus = "ide";
	*reason = xasprintf(N_("The inside of the disk is not known; %s boots "
			       "most surely from %s with E1000."),
		name, *bus);
}

/* What is missing for virtio-scsi, in words of a sentence. */
static const char *lacks(const json_t *k)
{
	return has(k, "in_initramfs", "virtio_pci") ? "virtio_scsi"
						    : "virtio_pci";
}

static bool can_virtio(const json_t *k)
{
	return has(k, "in_initramfs", "virtio_pci") &&
		has(k, "in_initramfs", "virtio_scsi");
}

/* Is there a bus of Proxmox VE's that it has the driver of? */
static bool finds_disk(const json_t *k)
{
	return can_virtio(k) || has(k, "in_initramfs", "ahci") ||
		has(k, "in_initramfs", "ata_piix");
}

/* What to rebuild it with: the best that the kernel has. */
static const char *to_rebuild(const json_t *k)
{
	if (has(k, "available", "virtio_scsi"))
		return "virtio_pci virtio_scsi sd_mod";
	return has(k, "available", "ahci") ? "ahci sd_mod" : "ata_piix sd_mod";
}

/* No disk on any bus as it is: what is missing, and what to do. The bus is
 * what the kernel has a driver of, for when that is done. */
static void by_none(const json_t *k, const char **bus, char **reason)
{
	const char *version = json_str_or(k, "version", "?");

	*bus = has(k, "available", "ahci") ? "sata" : "ide";
	if (json_str(k, "addable"))
		*reason = xasprintf(
			N_("The initramfs of kernel %s finds no disk: it has "
			   "none of virtio_scsi, ahci and ata_piix. guest_fix "
			   "can add virtio_scsi to it: let the plan allow that "
			   "(guest.fix, guest.drivers, allow.guest_fix)."),
			version);
	else if (has(k, "in_initramfs", "vmw_pvscsi"))
		*reason = xasprintf(
			N_("The initramfs of kernel %s finds no disk: it has "
			   "none of virtio_scsi, ahci and ata_piix, and is of "
			   "a kind that nothing is added to. It has "
			   "vmw_pvscsi: set scsihw pvscsi in Proxmox VE, or in "
			   "the old VM rebuild it with %s and copy again "
			   "(docs/guest.md)."),
			version, to_rebuild(k));
	else
		*reason = xasprintf(
			N_("The initramfs of kernel %s finds no disk: it has "
			   "none of virtio_scsi, ahci and ata_piix, and is of "
			   "a kind that nothing is added to. In the old VM "
			   "rebuild it with %s and copy again "
			   "(docs/guest.md)."),
			version, to_rebuild(k));
}

static void by_kernel(const json_t *k, bool may_fix, const char **bus,
	const char **nic, char **reason)
{
	const char *version = json_str_or(k, "version", "?");
	bool net = has(k, "available", "virtio_net");

	*bus = "scsi";
	*nic = net ? "virtio" : "e1000";
	if (can_virtio(k)) {
		*reason = xasprintf(N_("The initramfs of kernel %s holds "
				       "virtio_pci and virtio_scsi."),
			version);
		return;
	}
	if (may_fix && json_str(k, "addable")) {
		*reason = xasprintf(N_("The initramfs of kernel %s has no %s, "
				       "which guest_fix adds to it from the "
				       "kernel's own modules; without that it "
				       "would not find its disk."),
			version, lacks(k));
		return;
	}
	*nic = "e1000";
	if (!finds_disk(k)) {
		by_none(k, bus, reason);
		return;
	}
	*bus = has(k, "in_initramfs", "ahci") ? "sata" : "ide";
	*reason = xasprintf(N_("The initramfs of kernel %s has no %s: it would "
			       "not find its disk on virtio; %s is used.%s"),
		version, lacks(k), strcmp(*bus, "sata") ? "IDE" : "AHCI",
		has(k, "available", "virtio_scsi")
			? N_(" The kernel has the modules: once the initramfs "
			     "is rebuilt in the guest, virtio can be used.")
			: "");
}

bool guest_needs_drivers(const json_t *facts)
{
	const json_t *k = default_kernel(facts);

	return k && json_str(k, "initramfs") && !can_virtio(k) &&
		json_str(k, "addable");
}

bool guest_finds_no_disk(const json_t *facts)
{
	const json_t *k = default_kernel(facts);

	return k && json_str(k, "initramfs") && !json_str(k, "unreadable") &&
		!finds_disk(k);
}

void guest_propose(const json_t *facts, const struct vm *vm, bool may_fix,
	const char **bus, const char **nic, char **reason)
{
	const json_t *k = default_kernel(facts);

	free(*reason);
	*reason = NULL;
	if (k && json_str(k, "initramfs") && !json_str(k, "unreadable"))
		by_kernel(k, may_fix, bus, nic, reason);
	else if (json_object_get(facts, "drivers"))
		guest_windows_propose(facts, bus, nic, reason);
	else
		by_guestos(vm, bus, nic, reason);
}
