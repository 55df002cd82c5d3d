/*
 * VMware's configuration dictionary: .vmx and .vmsd files as keys and values.
 * Grammar: KEY = "VALUE", keys without regard to case, |XX for a byte, the
 * character set named by .encoding. Values are handed out as UTF-8.
 */
#ifndef CORE_VMX_H
#define CORE_VMX_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "vm.h"

struct vmx_pair {
	char *key;   /* as written */
	char *value; /* decoded, UTF-8 */
	unsigned line;
};

struct vmx {
	struct vmx_pair *pairs; /* sorted by key, ASCII case ignored; unique */
	size_t n;
	char **warnings; /* what was doubtful in the file's form */
	size_t n_warnings;
};

#define VMX_MAX (4u << 20) /* bytes; real ones stay below 100 KiB */

/*
 * Parse len bytes. An empty file is an empty dictionary. A line that is not
 * KEY = VALUE is a warning; a file without one good line is ERR_BAD_VMX, and
 * so are NUL bytes (a file lost in a crash of the host), UTF-16 and a file
 * larger than VMX_MAX. *out is freed with vmx_free.
 */
int vmx_parse(const char *text, size_t len, struct vmx **out, struct err *e);
void vmx_free(struct vmx *x);
void cleanup_vmx(struct vmx **x);
#define _vmx_ __attribute__((cleanup(cleanup_vmx)))

/* The value, or null. Borrowed. */
const char *vmx_get(const struct vmx *x, const char *key);
/* Value of a key made by printf. */
const char *vmx_getf(const struct vmx *x, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * What a .vmx means (core/vmx_vm.c). path is the file's own path on the source
 * (or null): relative disk files are looked for beside it, and a VM without
 * displayName is called after it. Doubts become warnings of the VM; a device
 * is never dropped without one. ERR_BAD_VMX where the dictionary is not a VM's
 * (neither config.version, virtualHW.version, guestOS nor displayName).
 */
int vmx_to_vm(
	const struct vmx *x, const char *path, struct vm **out, struct err *e);

/* The snapshots of a .vmsd (core/vmsd.c), oldest first as listed. */
struct vmsd {
	size_t n;
	char **names; /* displayName, "" where absent */
};

/* An empty file means: never had one. Errors as vmx_parse. */
int vmsd_parse(const char *text, size_t len, struct vmsd **out, struct err *e);
void vmsd_free(struct vmsd *d);
void cleanup_vmsd(struct vmsd **d);
#define _vmsd_ __attribute__((cleanup(cleanup_vmsd)))

#endif
