/*
 * The serial line of a VM of Proxmox VE, where its configuration has
 * "serial0: socket" and vmferry runs on its node: QEMU's socket at
 * /var/run/qemu-server/VMID.serial0 (PVE::QemuServer, as `qm terminal` opens
 * it). Only listened to: a key may change what a guest does. QEMU keeps
 * nothing of what was said before somebody listened, and lets one listen at a
 * time: it is let go as soon as the start was judged.
 */
#ifndef CORE_BOOT_SERIAL_H
#define CORE_BOOT_SERIAL_H

struct boot_serial;

/* Begin to listen; null where there is no such socket (or somebody has it). */
struct boot_serial *boot_serial_open(unsigned vmid);
/* The same by the socket's path. */
struct boot_serial *boot_serial_at(const char *path);
/* All that was said since, at most the last MiB; valid until the next call.
 * "" for null. */
const char *boot_serial_text(struct boot_serial *s);
void boot_serial_free(struct boot_serial *s); /* null allowed */

#endif
