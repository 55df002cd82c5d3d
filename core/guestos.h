/*
 * Guest operating systems by VMware's ids. The id is what somebody chose when
 * the VM was made; an upgrade inside does not change it: a hint, no proof.
 */
#ifndef CORE_GUESTOS_H
#define CORE_GUESTOS_H

enum guestos_family {
	GUESTOS_LINUX,
	GUESTOS_WINDOWS,
	GUESTOS_BSD,
	GUESTOS_SOLARIS,
	GUESTOS_OTHER,
};

struct guestos {
	const char *api; /* "debian12_64Guest" (SOAP, vim-cmd, OVF) */
	const char *id;  /* "debian12-64" (.vmx) */
	const char *name;
	enum guestos_family family;
	unsigned bits;      /* 32 or 64 */
	const char *ostype; /* proposal for Proxmox VE 7.1 and later */
};

/*
 * By either form of the id, in any case, "Server" or "srv". A newer release
 * than those listed, such as "debian14-64", has a row with its system's name
 * and an id "debian". Null where nothing fits. Static storage.
 */
const struct guestos *guestos_find(const char *id);

/* By the number of OVF's OperatingSystemSection (CIM_OperatingSystem.OSType,
 * DMTF CIM schema 2.x); null where unknown. */
const struct guestos *guestos_by_cim(unsigned number);

/* ostype for a Proxmox VE release, 701 for 7.1: "win11" is known from 7.1 on,
 * before it is "win10". */
const char *guestos_pve(const struct guestos *g, unsigned release);

#endif
