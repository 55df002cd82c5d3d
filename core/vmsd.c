/* The snapshot database of a VM: see vmx.h. */
#include "vmx.h"

#include <stdlib.h>

#include "str.h"

/* VMware allows 32 in a chain, trees may hold more. */
#define MAX_SNAPSHOTS 4096

void vmsd_free(struct vmsd *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n; i++)
		free(d->names[i]);
	free(d->names);
	free(d);
}

void cleanup_vmsd(struct vmsd **d)
{
	vmsd_free(*d);
}

static bool exists(const struct vmx *x, size_t i)
{
	return vmx_getf(x, "snapshot%zu.uid", i) ||
		vmx_getf(x, "snapshot%zu.filename", i);
}

int vmsd_parse(const char *text, size_t len, struct vmsd **out, struct err *e)
{
	_vmx_ struct vmx *x = NULL;
	struct vmsd *d;
	uint64_t said = 0;

	if (vmx_parse(text, len, &x, e))
		return -1;
	if (str_u64(vmx_get(x, "snapshot.numSnapshots"), MAX_SNAPSHOTS, &said))
		said = 0;
	d = xcalloc(1, sizeof(*d));
	/* Count what is listed where that is more than what is said: one
	 * snapshot overlooked is an incomplete disk. */
	while (d->n < MAX_SNAPSHOTS && (d->n < said || exists(x, d->n))) {
		const char *name = vmx_getf(x, "snapshot%zu.displayName", d->n);

		d->names = xreallocarray(d->names, d->n + 1, sizeof(*d->names));
		d->names[d->n++] = xstrdup(name ? name : "");
	}
	*out = d;
	return 0;
}
