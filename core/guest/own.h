/*
 * What the files of core/guest/ share: a guest's files through one small
 * table, so that each matter works the same on libguestfs (access.c) and on
 * a directory tree (tests).
 *
 * Paths are absolute in the guest; links are followed inside it only.
 */
#ifndef CORE_GUEST_OWN_H
#define CORE_GUEST_OWN_H

#include "guest.h"

/* A file larger than this is not a configuration file. */
#define GUEST_FILE_MAX (1 << 20)

struct guest_ops {
	/* The content, NUL-terminated, to be freed. ERR_NOT_FOUND. */
	int (*read)(struct guest *g, const char *path, size_t max, char **out,
		size_t *len, struct err *e);
	/* Replace (owner, mode and context kept) or make with mode; on disk
	 * when it returns. Whole or not at all where a rename can do that; a
	 * file with other hard links or that is immutable is written in place,
	 * and -1 may leave a part of it. */
	int (*write)(struct guest *g, const char *path, const char *text,
		unsigned mode, struct err *e);
	int (*remove)(struct guest *g, const char *path, struct err *e);
	/* mkdir -p with 0755. */
	int (*mkdirs)(struct guest *g, const char *path, struct err *e);
	/* Names in a directory, sorted, without . and ..: an array of texts,
	 * empty where there is no such directory. New reference. */
	json_t *(*list)(struct guest *g, const char *path);
	bool (*exists)(struct guest *g, const char *path);
	/* Where a symbolic link points, null: none. To be freed. */
	char *(*link)(struct guest *g, const char *path);
	/* Copy a file out of the guest into a file of this machine. */
	int (*download)(struct guest *g, const char *path, const char *to,
		struct err *e);
	/* Copy a file to another place in the guest, whole or not at all. */
	int (*copy)(struct guest *g, const char *from, const char *to,
		struct err *e);
	/* The UUID of what the guest called `device` ("/dev/sda2") on its old
	 * hardware, where that is certain: it is of that type ("auto": any),
	 * and the order of disks is known (order.h), or it is the only such
	 * partition of any disk. To be freed; null where it is not certain. */
	char *(*uuid_of)(struct guest *g, const char *device, const char *type);
	/* A symbolic link at path; what is there is replaced. */
	int (*symlink)(struct guest *g, const char *to, const char *path,
		struct err *e);
	/* Put a file of this machine into the place of one in the guest, or
	 * make it, whole or not at all: owner, mode and context of the old one
	 * stay. */
	int (*upload)(struct guest *g, const char *from, const char *to,
		struct err *e);
	/* A value of a registry hive (the path of its file): a number of
	 * REG_DWORD, a text of REG_SZ and REG_EXPAND_SZ; null where there is
	 * none or of another type. key: "Select", "A\\B". Names in any case.
	 * New reference. */
	json_t *(*registry)(struct guest *g, const char *hive, const char *key,
		const char *value);
	/* Run a program of the guest (argv[0] is its path) in the guest's own
	 * root: away from this machine, with no network and no input. What it
	 * said on both streams into *said, to be freed; its status into
	 * *status. A guest that is only looked at takes what is written from
	 * then on, and it is thrown away. ERR_GUEST_ACCESS: it does not run
	 * here, or it was stopped after guest_run_limit; ERR_STOPPED. */
	int (*run)(struct guest *g, const char *const argv[], char **said,
		int *status, struct err *e);
	/* Free bytes on the file system of a path. */
	uint64_t (*free_bytes)(struct guest *g, const char *path);
	int (*close)(struct guest *g, struct err *e);
};

struct guest {
	const struct guest_ops *ops;
	void *priv;
	bool write;
	/* Set by access.c: {"uuid:..": "/dev/.."} is its own business. */
	const char *family; /* "linux", "windows", "other"; static */
	bool clean;         /* file systems were unmounted in order */
	size_t n_disks;
	char *root;      /* the appliance's device of the root file system */
	json_t *notes;   /* sentences for guest_facts */
	json_t *kernels; /* of guest_kernels, looked up once */
	char *hive;      /* access.c: the hive that is open */
	bool thawed;     /* command.c: its layer takes what is written */
};

/* Whole text of a file; null where it is not there, too large, or no text. */
char *guest_text(struct guest *g, const char *path);
bool guest_has(struct guest *g, const char *path);
/* Paths of the files in dir whose names end so, in the order of list; a new
 * reference, empty where there is no such directory. */
json_t *guest_files(struct guest *g, const char *dir, const char *suffix);
/* Append a change; before is read from the guest. The texts are copied. */
void guest_change_add(struct guest *g, struct guest_changes *cs,
	const char *path, const char *after, unsigned mode, const char *why);
/* Append a copy of a file that is no text. */
void guest_copy_add(struct guest_changes *cs, const char *from, const char *to,
	const char *why);
/* Append a symbolic link. */
void guest_link_add(struct guest_changes *cs, const char *to, const char *path,
	const char *why);
/* Append a sentence to what was left alone. */
void guest_left(struct guest_changes *cs, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The text a file will have: the newest change's, else the guest's (cs may be
 * null). To be freed; null where there is none. Two matters may change one
 * file. */
char *guest_future(
	struct guest *g, const struct guest_changes *cs, const char *path);

/* Make a writable qcow2 layer over a disk (overlay.c). *path is to be freed
 * and unlinked. ERR_NOT_FOUND, ERR_IO, ERR_GUEST_ACCESS. */
int guest_overlay(const struct guest_disk *d, char **path, struct err *e);
/* The same at a given place. */
int guest_overlay_at(const struct guest_disk *d, const char *at, struct err *e);

/* Seconds that a program of the guest may take (limit.c); tests lessen it. */
extern unsigned guest_run_limit;
/* The command line that runs argv under the limit in a root of its own; dir:
 * where there what it says is kept meanwhile. Only the array is to be freed;
 * it is good until the next call. */
char **guest_limited(const char *const argv[], const char *dir);
/* From all that it printed: cut to what the program said, and its status.
 * ERR_GUEST_ACCESS: it was stopped, or never came to its end. */
int guest_limited_end(
	const char *program, char *said, int *status, struct err *e);

/* --- the matters --- */

/* Kernels and their initramfs, looked up once (kernels.c). Borrowed. */
const json_t *guest_kernels(struct guest *g);
/* The version of the kernel that the boot loader starts unless told, as far as
 * its configuration is understood (bootmenu.c); to be freed, or null. */
char *guest_boot_kernel(struct guest *g);
/* Copy a guest's file to a temporary one of this machine, which is to be
 * unlinked and freed (kernels.c). */
int guest_fetch(struct guest *g, const char *path, char **tmp, struct err *e);
/* modules.dep and its like, which may be larger than a configuration file. */
char *guest_long_text(struct guest *g, const char *path);
/* Drivers that an initramfs lacks, from the kernel's own modules
 * (drivers.c). What can be added, as lines of paths below /lib/modules/VER;
 * to be freed; null: nothing, or not certain to work. */
struct initramfs;
char *guest_drivers_missing(
	struct guest *g, const struct initramfs *r, const char *version);
void guest_drivers_changes(struct guest *g, struct guest_changes *cs);
int guest_drivers_apply(
	struct guest *g, const struct guest_change *c, struct err *e);
/* Network: facts and changes (network.h). */
void guest_network(struct guest *g, json_t *facts);
void guest_network_changes(
	struct guest *g, const json_t *wanted, struct guest_changes *cs);
/* VMware Tools and fstab (tools.c, fstab.c). remove: the package, where the
 * guest's own package manager can. */
const char *guest_tools(struct guest *g);
void guest_tools_changes(
	struct guest *g, bool remove, struct guest_changes *cs);
/* Keep its units from starting, at once. */
int guest_tools_disarm(struct guest *g, struct err *e);
bool guest_fstab_device_names(struct guest *g);
void guest_fstab_changes(struct guest *g, struct guest_changes *cs);
/* RESUME= of initramfs-tools, GRUB's device.map (fstab.c). */
void guest_names_changes(struct guest *g, struct guest_changes *cs);
/* Weekly fstrim, the agent (after.c). wanted: see guest_changes. */
bool guest_has_agent(struct guest *g);
void guest_fstrim_changes(struct guest *g, struct guest_changes *cs);
void guest_agent_changes(
	struct guest *g, const json_t *wanted, struct guest_changes *cs);
/* A login and the kernel's messages on ttyS0 (serial.c). */
void guest_serial_changes(struct guest *g, struct guest_changes *cs);
/* Put "distro", "version" and "name" of its release into facts (guest.c). */
void guest_release(struct guest *g, json_t *facts);
/*
 * Files that are written so that a kill at any moment loses nothing (put.c).
 */
/* A copy of a file, as it came from the source, in /var/backups/vmferry;
 * the first one counts. */
int guest_keep(struct guest *g, const char *path, struct err *e);
/* The same of a text file whose text is known; it is read back. */
int guest_keep_text(
	struct guest *g, const char *path, const char *text, struct err *e);
/* Give a file a text. before: what it holds, null where there is none; it is
 * noted in the guest while the file is written. */
int guest_put(struct guest *g, const char *path, const char *before,
	const char *text, unsigned mode, struct err *e);
/* A file that was being written when vmferry was killed becomes what it was;
 * nothing to do where there is none. */
int guest_recover(struct guest *g, struct err *e);
bool guest_unfinished(struct guest *g);
/* Where the new file stands until it takes the old one's place: a hidden name
 * beside it, which nothing that reads a directory whole takes for its own. To
 * be freed. */
char *guest_part_of(const char *path);
/* Fingerprints of its SSH server's keys, as "SHA256:..", by the public halves
 * in /etc/ssh; a new reference, empty where there is none (hostkeys.c). */
json_t *guest_hostkeys(struct guest *g);
/* One sentence on a file system that could not be mounted, from mount's words
 * (null: none); to be freed (damage.c). */
char *guest_damage(const char *dev, const char *type, const char *error);
/* NTFS's own word that Windows did not unmount it (ntfs.c). From the first
 * 512 bytes of the volume, where the record of $Volume is (in bytes) and how
 * long; false: no NTFS. Then the record: true where the dirty flag is set. */
bool guest_ntfs_volume(
	const unsigned char boot[512], uint64_t *at, uint32_t *len);
bool guest_ntfs_dirty(unsigned char *record, uint32_t len);
/* Windows (windows.c, registry.c). */
void guest_registry_facts(struct guest *g, const char *config, json_t *facts);
void guest_windows_facts(struct guest *g, json_t *facts);
void guest_windows_propose(
	const json_t *facts, const char **bus, const char **nic, char **reason);
/* UEFI: is there an EFI system partition, has it a loader that needs no boot
 * entry (efi.c)? */
bool guest_has_efi(struct guest *g);
bool guest_efi_fallback(struct guest *g);
void guest_efi_changes(struct guest *g, struct guest_changes *cs);

#endif
