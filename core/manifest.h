/*
 * The manifest (.mf) of an OVF package: the digest of each of its files, as
 * lines "SHA256(NAME)= HEX" (DSP0243 9.1). The only proof that an export came
 * over whole.
 */
#ifndef CORE_MANIFEST_H
#define CORE_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "json.h"

struct manifest_line {
	char *algorithm; /* "SHA256", as written */
	char *name;
	char *hex;
};

struct manifest {
	struct manifest_line *lines;
	size_t n;
};

/* ERR_BAD_OVF names the line that is none. */
int manifest_parse(const char *text, struct manifest *out, struct err *e);
void manifest_free(struct manifest *m);
#define _manifest_ __attribute__((cleanup(manifest_free)))
/* The line of that file, or null. */
const struct manifest_line *manifest_find(
	const struct manifest *m, const char *name);

struct manifest_watch {
	/* So many bytes of all that are to be read; -1 ends it. */
	int (*tick)(void *arg, uint64_t done, uint64_t total, struct err *e);
	void *arg;
};

/*
 * Read every file that the manifest of a package lists and compare its
 * digest. path is an .ova, or an .ovf whose manifest NAME.mf stands beside it.
 * *sums, a new reference, is [{"name", "algorithm", "digest", "bytes"}].
 * ERR_MANIFEST names the file that is another, cut off or gone (and where the
 * manifest itself is none, or names no file here), ERR_NOT_FOUND where there
 * is no manifest, ERR_IO.
 */
int manifest_check(const char *path, bool ova, const struct manifest_watch *w,
	json_t **sums, struct err *e);

/* Its name, to be freed; null: there is none. */
char *manifest_name(const char *path, bool ova);

#endif
