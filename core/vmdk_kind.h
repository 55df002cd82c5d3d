/* Kinds of disks and extents, shared by vmdk.c and vmdk_kind.c only. */
#ifndef CORE_VMDK_KIND_H
#define CORE_VMDK_KIND_H

#include "vmdk.h"

/* What a descriptor says beside the fields of struct vmdk. */
struct vmdk_notes {
	bool native;    /* a snapshot of the storage array */
	bool object;    /* names an object, not a file */
	bool encrypted; /* has keys */
	char *filters;  /* ddb.iofilters */
};

bool vmdk_known_extent(const char *type); /* in upper case */

/* By the first bytes: what it is instead of a descriptor; null: may be one. */
const char *vmdk_no_descriptor(const void *data, size_t len);

/* Set create_type's canonical case, child, unsupported and refusal. */
void vmdk_judge(struct vmdk *d, const struct vmdk_notes *n);

#endif
