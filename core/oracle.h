/*
 * The boot oracle: what a guest's console says about its start. Pure: text of
 * a serial line, of a screen (screen.h) or of both goes in, a verdict with
 * the line that proves it comes out.
 */
#ifndef CORE_ORACLE_H
#define CORE_ORACLE_H

#include <stdbool.h>

enum boot_sign {
	BOOT_NOTHING,   /* nothing that is known */
	BOOT_LOGIN,     /* a login prompt */
	BOOT_INITRAMFS, /* the shell of initramfs-tools or mkinitfs */
	BOOT_DRACUT,    /* the shell of dracut */
	BOOT_EMERGENCY, /* systemd's emergency mode */
	BOOT_PANIC,     /* kernel panic */
	BOOT_GRUB,      /* GRUB's rescue prompt, its shell, or its errors */
	BOOT_NO_DEVICE, /* the BIOS finds nothing to boot */
	BOOT_EFI,       /* the UEFI shell, or no boot entry that works */
	BOOT_STOP_7B,   /* Windows: INACCESSIBLE_BOOT_DEVICE */
	BOOT_STOP,      /* Windows: another stop error */
	BOOT_LOADER,    /* Windows' boot manager finds no Windows */
};

struct boot_verdict {
	enum boot_sign sign;
	char evidence[160]; /* the line, printable */
};

/* The last sign in the text; sign BOOT_NOTHING where there is none, with the
 * last line that is not empty as evidence. */
void oracle_read(const char *text, struct boot_verdict *out);
/* "a login prompt", "dracut's emergency shell"; for people through _(). */
const char *boot_sign_name(enum boot_sign s);
/* One sentence: what it means and what to do; likewise. */
const char *boot_sign_advice(enum boot_sign s);
/* The root disk was not found: another bus may help. */
bool boot_sign_is_bus(enum boot_sign s);

#endif
