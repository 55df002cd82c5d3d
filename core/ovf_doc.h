/* An OVF envelope without its XML, shared by ovf.c and ovf_vm.c only. */
#ifndef CORE_OVF_DOC_H
#define CORE_OVF_DOC_H

#include "ovf.h"

struct ovf_file {
	char *id, *href, *compression, *chunk_size;
};

struct ovf_disk {
	char *id, *file_ref, *capacity, *units, *populated, *format, *parent;
};

/* One <Item> of the virtual hardware, as written; absent: null. */
struct ovf_item {
	char *id, *type, *subtype, *parent, *address, *unit;
	char *resource; /* HostResource */
	char *quantity, *units, *connection, *automatic, *cores, *title;
	char *configuration; /* names, separated by blanks */
	char *pci_slot;
};

struct ovf_doc {
	char *name, *id, *system_type, *annotation;
	char *os_type, *os_id;
	char *firmware, *secure_boot, *nested;
	char *configuration; /* the default one, or null */
	size_t n_configurations;
	struct ovf_file *files;
	size_t n_files;
	struct ovf_disk *disks;
	size_t n_disks;
	struct ovf_item *items;
	size_t n_items;
};

/* ovf.c: the only user of libxml2. */
int ovf_read(const char *text, size_t len, struct ovf_doc **out, struct err *e);
void ovf_doc_free(struct ovf_doc *d);
void cleanup_ovf_doc(struct ovf_doc **d);
#define _ovf_doc_ __attribute__((cleanup(cleanup_ovf_doc)))

/* ovf_hw.c: disks with their controllers, and network cards. */
int ovf_disks(
	const struct ovf_doc *d, const char *path, struct vm *v, struct err *e);
void ovf_nics(const struct ovf_doc *d, struct vm *v);

/* ovf_vm.c: the item belongs to the configuration taken. */
bool ovf_item_applies(const struct ovf_doc *d, const struct ovf_item *i);
/* Bytes of "byte * 2^20", "MegaBytes", "byte*1024*1024"; null: def. -1 where
 * it is not understood. */
int ovf_units(const char *s, uint64_t def, uint64_t *out);

#endif
