/*
 * The guest's own package manager (dpkg, rpm), run in the guest's own root,
 * inside the appliance: no network, nothing of this machine.
 *
 * Keeps true: what a simulated run refuses is not begun; its reason is said.
 */
#ifndef CORE_GUEST_PACKAGES_H
#define CORE_GUEST_PACKAGES_H

#include "own.h"

struct guest_package {
	const char *manager; /* "dpkg", "rpm"; static */
	char *name;
	json_t *config; /* of one that is removed: files kept before */
	char *shown;    /* what guest_diff says */
};
void guest_package_free(struct guest_package *p);

/* "dpkg", "rpm", or null: none that is known. */
const char *packages_manager(struct guest *g);

/*
 * Append the change that removes `name`, whose absence why explains, once a
 * simulated run found nothing that needs it. -1, and nothing is appended:
 * ERR_NOT_FOUND it is no package here, ERR_GUEST_ACCESS why it cannot be.
 */
int packages_remove(struct guest *g, const char *name, const char *why,
	struct guest_changes *cs, struct err *e);

/*
 * Do it. What dpkg or rpm refused in spite of the simulated run is no error:
 * *said is then a sentence with its reason, to be freed. ERR_GUEST_ACCESS.
 */
int packages_apply(struct guest *g, const struct guest_package *p, char **said,
	struct err *e);

#endif
