/*
 * OVF envelopes (DSP0243 1.x and 2.x) as VMware, VirtualBox and others write
 * them, and OVA archives. Only text is read here, no disk.
 */
#ifndef CORE_OVF_H
#define CORE_OVF_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "vm.h"

#define OVF_MAX (16u << 20) /* bytes of an envelope */

/*
 * An envelope of one virtual system to a VM. path is the envelope's own (or
 * null): disk files are looked for beside it. Never opens another file, never
 * the network; a document with a DOCTYPE (entities) is refused, as are
 * several systems in one package, OVF 0.9, and file references that lead out
 * of the package: ERR_BAD_OVF with the cause.
 *
 * Where the package has several configurations its default one is taken, with
 * a warning. A disk's capacity is 0 where the package leaves it open.
 */
int ovf_parse(const char *text, size_t len, const char *path, struct vm **out,
	struct err *e);

/* --- OVA: a tar archive of the envelope, a manifest and the disks --- */

struct ova_member {
	char *name;
	uint64_t offset, size; /* of its data in the archive, bytes */
};

struct ova {
	struct ova_member *members; /* files only, as stored */
	size_t n;
	size_t ovf; /* index of the envelope */
};

/*
 * List the archive's members by their headers (ustar, GNU, pax); their data
 * are not read. fd must be seekable; its position is not used. ERR_BAD_OVF
 * (not a tar, a damaged header, cut off, no .ovf inside), ERR_IO.
 */
int ova_list(int fd, struct ova **out, struct err *e);
void ova_free(struct ova *a);
void cleanup_ova(struct ova **a);
#define _ova_ __attribute__((cleanup(cleanup_ova)))

/* The member of that name, or null. */
const struct ova_member *ova_find(const struct ova *a, const char *name);

/* Read a member of at most max bytes; *out is NUL-terminated, to be freed. */
int ova_read(int fd, const struct ova_member *m, size_t max, char **out,
	struct err *e);

/*
 * The envelope inside, read as ovf_parse does, with warnings where a disk or
 * the manifest's names do not go with the members, and with the disks' path
 * left null: they are members of the archive, by their file name.
 */
int ova_parse(int fd, const char *path, struct vm **out, struct err *e);

#endif
