/*
 * PCI devices by libpci: this machine's own, and those that another side
 * lists by number. One JSON form for all: docs/pci-json.md.
 */
#ifndef CORE_PCI_H
#define CORE_PCI_H

#include "json.h"

/*
 * The devices of this machine, in order of address. A machine without a PCI
 * bus gives an empty list. ERR_IO where the bus is there and cannot be read.
 */
int pci_list(json_t **out, struct err *e);

/*
 * The same from elsewhere: dump is a file as `lspci -xxx` writes it, or null
 * for the devices below sysfs ("/sys/bus/pci" itself reads the bus).
 */
int pci_list_from(
	const char *dump, const char *sysfs, json_t **out, struct err *e);

/* The output of `esxcli hardware pci list` (ESXi 5.5..8), in the same form.
 * ERR_BAD_INPUT. */
int pci_from_esxcli(const char *text, json_t **out, struct err *e);

/* "NVIDIA Corporation GP107 [GeForce GTX 1050 Ti]"; what the list does not
 * have stays a number. To be freed; null where there is no list of ids. */
char *pci_name(unsigned vendor, unsigned device);
/* "Ethernet controller" for 0x0200. To be freed; null as above. */
char *pci_class_name(unsigned class_id);

#endif
