/*
 * From the neutral VM to a Proxmox VE configuration: pure, one small function
 * a rule. Parameter names and values are the API's; which release knows what
 * comes from pve_features.c.
 */
#ifndef CORE_MAP_H
#define CORE_MAP_H

#include "json.h"
#include "vm.h"

/* A name Proxmox VE takes (DNS name): blanks and underscores become '-',
 * other characters go, labels of at most 63; "vm" where nothing is left.
 * To be freed. */
char *map_name(const char *name);

/* 804 for "8.4.1"; 0 where it is not a version. */
unsigned map_release(const char *version);

/*
 * The VM's parameters for create, without disks, networks and description:
 * an object of texts. release as map_release. choices: "cpu", "machine",
 * "onboot", "serial" override. Sentences for the operator are appended to
 * warnings (an array).
 */
json_t *map_config(const struct vm *vm, unsigned release, const json_t *choices,
	json_t *warnings);

/* "virtio=AA:BB:..,bridge=vmbr0,tag=10,link_down=1"; tag 0: none. To be
 * freed. */
char *map_net(const char *model, const char *mac, const char *bridge,
	unsigned tag, bool link_down);

/* One disk's place on a bus. bus "scsi", "sata", "ide", "virtio". The key
 * ("scsi0") is written to key. Value: "VOLID,discard=on,...". -1 where the
 * bus has no such place. To be freed. */
int map_disk(const char *bus, unsigned index, const char *volid, bool iothread,
	char key[16], char **value);

#endif
