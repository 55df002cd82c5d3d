/*
 * The guest's own package manager (dpkg with apt-get, rpm), run in the guest's
 * own root, inside the appliance: no network, nothing of this machine. A
 * package is removed, or installed from files of this machine.
 *
 * Keeps true: what a simulated run refuses is not begun; its reason is said.
 */
#ifndef CORE_GUEST_PACKAGES_H
#define CORE_GUEST_PACKAGES_H

#include "own.h"

struct guest_package {
	const char *manager; /* "dpkg", "rpm"; static */
	char *name;
	json_t *files;  /* of this machine, to install; null: it is removed */
	json_t *config; /* of one that is removed: files kept before */
	char *shown;    /* what guest_diff says */
};
void guest_package_free(struct guest_package *p);
#define _package_ __attribute__((cleanup(cleanup_package)))
void cleanup_package(struct guest_package **p);

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
 * Append the change that installs `name` from path: a .deb or .rpm of this
 * machine, or a directory that holds it and what it needs. Its architecture
 * and release are compared with the guest's, its dependencies by a simulated
 * run. -1, and nothing is appended: ERR_NOT_FOUND, ERR_BAD_INPUT (which file
 * is not one for this guest, and why), ERR_GUEST_ACCESS.
 */
int packages_install(struct guest *g, const char *name, const char *path,
	const char *why, struct guest_changes *cs, struct err *e);

/*
 * Do it. What dpkg or rpm refused in spite of the simulated run is no error:
 * *said is then a sentence with its reason and the state that it left, to be
 * freed. ERR_GUEST_ACCESS, ERR_STOPPED.
 */
int packages_apply(struct guest *g, const struct guest_package *p, char **said,
	struct err *e);

/*
 * Is a package of that version string made for another system than this one
 * (pure)? By the marks that distributions put there: +deb12, ubuntu, .el9,
 * .fc40. distro, version: as guest_facts has them. The system it is for, to
 * be freed; null: nothing says so.
 */
char *packages_foreign(
	const char *package, const char *distro, const char *version);

/* --- shared by packages.c and packages_add.c --- */

/* Run it; 0: status 0. -1 with ERR_GUEST_ACCESS: its own reason, in one line.
 * said (may be null): what it said, to be freed. */
int packages_run(
	struct guest *g, const char *const argv[], char **said, struct err *e);
/* The same with the files added to argv, which ends in null. */
int packages_run_on(struct guest *g, const char *const argv[],
	const json_t *files, char **said, struct err *e);
/* What dpkg says of a package that is in no order ("purge ok half-installed",
 * "deinstall ok config-files"), to be freed; null: it is whole or not there,
 * or rpm's. */
char *packages_state(struct guest *g, const struct guest_package *p);
/* Append the change, which takes p. */
void packages_change(
	struct guest_changes *cs, struct guest_package *p, const char *why);
/* The other half of packages_apply (packages_add.c). */
int packages_put(struct guest *g, const struct guest_package *p, char **said,
	struct err *e);

#endif
