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
#include "own.h"

static const char *const drivers[] = {"virtio_pci", "virtio_blk", "virtio_scsi",
	"virtio_net", "ahci", "ata_piix", "sd_mod", "e1000"};
#define N ARRAY_LEN(drivers)

static json_t *flags(const bool *found)
{
	json_t *o = json_object();

	for (size_t i = 0; i < N; i++)
		json_put_bool(o, drivers[i], found[i]);
	return o;
}

/* modules.dep of a distribution's kernel has about a megabyte. */
static char *list_text(struct guest *g, const char *path)
{
	char *out;

	return g->ops->read(g, path, 16 << 20, &out, NULL, NULL) ? NULL : out;
}

/* Modules of the tree that a rebuilt initramfs could hold. */
static void at_hand(struct guest *g, const char *version, bool *found)
{
	_free_ char *path = xasprintf("/lib/modules/%s/modules.dep", version);
	_free_ char *text = list_text(g, path);

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
	_free_ char *text = list_text(g, path);

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

static void look_inside(
	struct guest *g, const char *path, bool *found, json_t *kernel)
{
	char tmp[] = "/tmp/vmferry-initramfs.XXXXXX";
	struct err e = {0};
	int fd = mkstemp(tmp);

	if (fd < 0)
		return;
	close(fd);
	if (g->ops->download(g, path, tmp, &e) ||
		initramfs_has(tmp, drivers, N, found, &e))
		json_put_str(kernel, "unreadable", e.why);
	unlink(tmp);
}

static json_t *kernel_json(struct guest *g, const char *version)
{
	bool inside[N] = {0}, hand[N] = {0};
	_free_ char *initramfs = initramfs_of(g, version);
	json_t *k = json_object();

	json_put_str(k, "version", version);
	json_put_str(k, "initramfs", initramfs);
	if (initramfs)
		look_inside(g, initramfs, inside, k);
	built_in(g, version, inside);
	at_hand(g, version, hand);
	for (size_t i = 0; i < N; i++)
		hand[i] |= inside[i];
	json_put(k, "in_initramfs", flags(inside));
	json_put(k, "available", flags(hand));
	return k;
}

void guest_kernels(struct guest *g, json_t *facts)
{
	_json_ json_t *names = g->ops->list(g, "/boot");
	json_t *list = json_array(), *v, *best = NULL;
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
		json_array_append_new(list, k);
		/* The newest is what boot loaders take unless told. */
		if (!best ||
			strverscmp(json_str(best, "version"), name + 8) < 0)
			best = k;
	}
	if (best)
		json_put_bool(best, "default", true);
	json_put(facts, "kernels", list);
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

static void by_kernel(
	const json_t *k, const char **bus, const char **nic, char **reason)
{
	const char *version = json_str_or(k, "version", "?");
	bool pci = has(k, "in_initramfs", "virtio_pci");
	bool scsi = has(k, "in_initramfs", "virtio_scsi");
	bool net = has(k, "available", "virtio_net");

	if (pci && scsi) {
		*bus = "scsi";
		*nic = net ? "virtio" : "e1000";
		*reason = xasprintf(N_("The initramfs of kernel %s holds "
				       "virtio_pci and virtio_scsi."),
			version);
		return;
	}
	*nic = "e1000";
	*bus = has(k, "in_initramfs", "ahci") ? "sata" : "ide";
	*reason = xasprintf(N_("The initramfs of kernel %s has no %s: it would "
			       "not find its disk on virtio; %s is used.%s"),
		version, pci ? "virtio_scsi" : "virtio_pci",
		strcmp(*bus, "sata") ? "IDE" : "AHCI",
		has(k, "available", "virtio_scsi")
			? N_(" The kernel has the modules: once the initramfs "
			     "is rebuilt in the guest, virtio can be used.")
			: "");
}

void guest_propose(const json_t *facts, const struct vm *vm, const char **bus,
	const char **nic, char **reason)
{
	const json_t *k = default_kernel(facts);

	free(*reason);
	*reason = NULL;
	if (k && json_str(k, "initramfs") && !json_str(k, "unreadable"))
		by_kernel(k, bus, nic, reason);
	else
		by_guestos(vm, bus, nic, reason);
}
