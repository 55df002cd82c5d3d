/*
 * Signs of a console: see oracle.h. The words are those the programs print:
 * initramfs-tools scripts/local, dracut's emergency shell, systemd's
 * emergency.service, the kernel's panic(), GRUB 2 and GRUB Legacy, SeaBIOS
 * boot.c, EDK II BdsDxe and Shell, Windows' stop screens.
 */
#include "oracle.h"

#include <ctype.h>
#include <string.h>

#include "i18n.h"
#include "str.h"

static const struct {
	const char *text;
	enum boot_sign sign;
} words[] = {
	{"(initramfs)", BOOT_INITRAMFS},
	{"ALERT!", BOOT_INITRAMFS},
	{"Gave up waiting for root", BOOT_INITRAMFS},
	{"initramfs emergency recovery shell", BOOT_INITRAMFS},
	{"dracut:/#", BOOT_DRACUT},
	{"rdsosreport.txt", BOOT_DRACUT},
	{"dracut-initqueue timeout", BOOT_DRACUT},
	{"Could not boot.", BOOT_DRACUT},
	{"You are in emergency mode", BOOT_EMERGENCY},
	{"Give root password for maintenance", BOOT_EMERGENCY},
	{"for system maintenance", BOOT_EMERGENCY},
	{"root account is locked", BOOT_EMERGENCY},
	{"Kernel panic - not syncing", BOOT_PANIC},
	{"grub rescue>", BOOT_GRUB},
	{"grub>", BOOT_GRUB},
	{"GRUB Hard Disk Error", BOOT_GRUB},
	{"error: no such device", BOOT_GRUB},
	{"error: unknown filesystem", BOOT_GRUB},
	{"error: no such partition", BOOT_GRUB},
	{"No bootable device", BOOT_NO_DEVICE},
	{"not a bootable disk", BOOT_NO_DEVICE},
	{"Missing operating system", BOOT_NO_DEVICE},
	{"Operating system not found", BOOT_NO_DEVICE},
	{"Non-System disk", BOOT_NO_DEVICE},
	{"UEFI Interactive Shell", BOOT_EFI},
	{"Shell> ", BOOT_EFI},
	{"BdsDxe: No bootable option", BOOT_EFI},
	{"BdsDxe: failed to load", BOOT_EFI},
	{"INACCESSIBLE_BOOT_DEVICE", BOOT_STOP_7B},
	{"INACCESSIBLE BOOT DEVICE", BOOT_STOP_7B},
	{"0x0000007B", BOOT_STOP_7B},
	{"*** STOP: 0x", BOOT_STOP},
	{"A problem has been detected and Windows", BOOT_STOP},
	{"ran into a problem", BOOT_STOP},
	{"blue screen", BOOT_STOP}, /* screen.h: letters that are not read */
	{"BOOTMGR is missing", BOOT_LOADER},
	{"NTLDR is missing", BOOT_LOADER},
	{"0xc000000f", BOOT_LOADER},
	{"0xc0000225", BOOT_LOADER},
	{"0xc000000e", BOOT_LOADER},
};

/* "web01 login:", but not "Last login: Sun Nov 22". */
static bool is_prompt(const char *line)
{
	const char *at = strstr(line, " login:");

	if (!at || at == line || str_starts(line, "Last"))
		return false;
	for (const char *p = line; p < at; p++)
		if (isspace((unsigned char)*p))
			return false;
	return true;
}

static enum boot_sign sign_of(const char *line)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strstr(line, words[i].text))
			return words[i].sign;
	return is_prompt(line) ? BOOT_LOGIN : BOOT_NOTHING;
}

/* A stop screen names the kind of stop on one line, its number on another:
 * the one that says more stays. */
static bool says_less(enum boot_sign now, enum boot_sign before)
{
	return now == BOOT_STOP && before == BOOT_STOP_7B;
}

/* Sequences that colour and move are no words; a line drawn over itself is
 * its last form. */
static char *plain(const char *text)
{
	struct buf b = {0};

	while (*text) {
		if (text[0] == '\033' && text[1] == '[') {
			text += 2;
			text += strspn(text, "0123456789;?");
			text += *text != '\0';
		} else if (text[0] == '\033' && text[1]) {
			text += 2;
		} else if (*text == '\r') {
			if (text[1] != '\n' && text[1] != '\r')
				buf_addc(&b, '\n');
			text++;
		} else {
			buf_addc(&b, *text++);
		}
	}
	return buf_steal(&b);
}

void oracle_read(const char *text, struct boot_verdict *out)
{
	_free_ char *copy = plain(text);
	char *p = copy, *line;

	*out = (struct boot_verdict){0};
	while ((line = str_line(&p))) {
		enum boot_sign s;

		line = str_trim(line);
		s = sign_of(line);
		/* A cursor alone is no word. */
		if (!*line || !strcmp(line, "_") ||
			(s == BOOT_NOTHING && out->sign) ||
			says_less(s, out->sign))
			continue;
		out->sign = s;
		str_printable(out->evidence, sizeof(out->evidence), line);
	}
}

static const struct {
	const char *name, *advice;
} about[] = {
	[BOOT_NOTHING] = {N_("nothing that is known"),
		N_("Look at the VM's console.")},
	[BOOT_LOGIN] = {N_("a login prompt"), N_("It is up.")},
	[BOOT_INITRAMFS] = {N_("the shell of the initramfs"),
		N_("The initramfs does not find the root disk: another bus, or "
		   "the driver added to the initramfs.")},
	[BOOT_DRACUT] = {N_("dracut's emergency shell"),
		N_("The initramfs does not find the root disk: another bus, or "
		   "the driver added to the initramfs.")},
	[BOOT_EMERGENCY] = {N_("systemd's emergency mode"),
		N_("The root disk is found, another file system is not: look "
		   "at /etc/fstab in the guest.")},
	[BOOT_PANIC] = {N_("a kernel panic"),
		N_("With 'Unable to mount root fs' another bus may help; else "
		   "read the console.")},
	[BOOT_GRUB] = {N_("GRUB's prompt"),
		N_("GRUB does not find its files: check that the system disk "
		   "is the first of the boot order.")},
	[BOOT_NO_DEVICE] = {N_("no bootable device"),
		N_("The BIOS finds no boot loader: check the boot order, and "
		   "whether the VM was UEFI on the old host.")},
	[BOOT_EFI] = {N_("the UEFI shell"),
		N_("No boot entry and no \\EFI\\BOOT\\BOOTX64.EFI: let "
		   "guest_fix copy it, or choose the loader's file in the UEFI "
		   "menu.")},
	[BOOT_STOP_7B] = {N_("stop 0x7B, INACCESSIBLE_BOOT_DEVICE"),
		N_("Windows has no boot driver for this bus: SATA, or IDE for "
		   "Windows before Vista.")},
	[BOOT_STOP] = {N_("a stop screen of Windows"),
		N_("Read its number in the console.")},
	[BOOT_LOADER] = {N_("an error of Windows' boot manager"),
		N_("The loader runs, Windows' volume is not found: check the "
		   "order of the disks.")},
};

const char *boot_sign_name(enum boot_sign s)
{
	return about[s].name;
}

const char *boot_sign_advice(enum boot_sign s)
{
	return about[s].advice;
}

bool boot_sign_is_bus(enum boot_sign s)
{
	return s == BOOT_INITRAMFS || s == BOOT_DRACUT || s == BOOT_PANIC ||
		s == BOOT_NO_DEVICE || s == BOOT_STOP_7B || s == BOOT_GRUB;
}
