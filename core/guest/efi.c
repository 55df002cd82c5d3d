/*
 * The loader that UEFI starts when it knows no boot entry: the entries stayed
 * in VMware's .nvram. Debian and Ubuntu do not install it; their shim (or
 * grub alone) is copied to \EFI\BOOT, where grub finds its configuration by
 * the path built into it.
 */
#include <string.h>

#include "../i18n.h"
#include "../str.h"
#include "own.h"

#define EFI "/boot/efi/EFI"
#define FALLBACK EFI "/BOOT/BOOTX64.EFI"

bool guest_has_efi(struct guest *g)
{
	return guest_has(g, EFI);
}

bool guest_efi_fallback(struct guest *g)
{
	return guest_has(g, FALLBACK);
}

static void copy(struct guest *g, const char *dir, const char *from,
	const char *to, struct guest_changes *cs)
{
	_free_ char *a = xasprintf(EFI "/%s/%s", dir, from);
	_free_ char *b = xasprintf(EFI "/BOOT/%s", to);

	if (guest_has(g, a) && !guest_has(g, b))
		guest_copy_add(cs, a, b,
			N_("UEFI finds the boot loader without a boot entry."));
}

static bool has(struct guest *g, const char *dir, const char *name)
{
	_free_ char *path = xasprintf(EFI "/%s/%s", dir, name);

	return guest_has(g, path);
}

void guest_efi_changes(struct guest *g, struct guest_changes *cs)
{
	_json_ json_t *dirs = g->ops->list(g, EFI);
	const json_t *v;
	size_t i;

	if (!guest_has_efi(g) || guest_efi_fallback(g))
		return;
	json_array_foreach (dirs, i, v) {
		const char *dir = json_string_value(v);
		bool shim = has(g, dir, "shimx64.efi");

		if (str_eqi(dir, "BOOT") ||
			(!shim && !has(g, dir, "grubx64.efi")))
			continue;
		copy(g, dir, shim ? "shimx64.efi" : "grubx64.efi",
			"BOOTX64.EFI", cs);
		if (shim) {
			copy(g, dir, "grubx64.efi", "grubx64.efi", cs);
			copy(g, dir, "mmx64.efi", "mmx64.efi", cs);
		}
		return;
	}
	guest_left(cs,
		"no boot loader in " EFI " that could be the fallback: choose "
		"it in the VM's UEFI menu");
}
