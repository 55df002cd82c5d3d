/* The JSON form of a PCI device, shared by pci.c and pci_form.c only. */
#ifndef CORE_PCI_FORM_H
#define CORE_PCI_FORM_H

#include "json.h"

struct pci_ids {
	unsigned class_id, vendor, device, sub_vendor, sub_device;
};

/* What follows from the numbers alone. New reference. */
json_t *pci_device_json(const char *address, const struct pci_ids *i);

#endif
