/*
 * qemu.h - a command line in the making, shared by qemu.c and qemudisk.c.
 */
#ifndef LAB_PVE_QEMU_H
#define LAB_PVE_QEMU_H

#include "pve.h"

struct build {
	struct task *t;
	int vmid;
	const json_t *conf;
	json_t *argv;
	json_t *boot; /* device names in boot order */
	bool q35;
	unsigned scsihw;  /* controllers already there, a bit each */
	unsigned bridges; /* pci.1 and pci.2, a bit each */
	bool ahci;
	bool failed;
};

/* Adds an option and its value (freed here; NULL: none). */
void build_arg(struct build *b, const char *opt, char *val);
void build_fail(struct build *b, const char *text);
/* ",bootindex=N" of a device in the boot order, or ""; caller frees. */
char *build_bootindex(const struct build *b, const char *dev);
/* Makes sure that the bridge pci.N is there: 1 at 0x1e, 2 at 0x1f. */
void build_bridge(struct build *b, int n);
/* Path and format of a drive's image; false: b has failed. */
bool build_image(struct build *b, const char *key, const char *value,
	char **path, char *format);
/* The disk or CD drive of one key. */
void build_drive(struct build *b, const char *key, const char *value);

#endif
