/*
 * What programs in a guest say, read: fstrim, ip, ping. Pure. The lines to
 * run stand here too, since they and what is read of them belong together.
 */
#ifndef CORE_GUEST_SAID_H
#define CORE_GUEST_SAID_H

#include <stdbool.h>
#include <stdint.h>

#include "json.h"

/* All file systems, on any release of util-linux and on busybox; as a person
 * types it. */
#define GUEST_FSTRIM                                                          \
	"fstrim -av || for m in $(awk "                                       \
	"'$3~/^(ext[34]|xfs|btrfs|vfat|f2fs)$/{print $2}' /proc/mounts); do " \
	"fstrim -v \"$m\"; done"

/*
 * The bytes in fstrim's words, of every release: "/: 1.2 GiB (1234567 bytes)
 * trimmed on /dev/sda1", "/: 1234567 bytes were trimmed" (guest-fixups.md 7).
 * [{"path", "trimmed"}], a new reference, empty where none was trimmed.
 */
json_t *guest_said_fstrim(const char *text, uint64_t *sum);

/* Addresses, the default route, and whether its gateway is there: a ping,
 * or an answer to ARP alone. */
#define GUEST_NETWORK                                                   \
	"echo vmferry addresses; ip -o addr show; "                     \
	"echo vmferry routes; ip route show default; "                  \
	"g=$(ip route show default | sed -n "                           \
	"'s/.*via \\([0-9.]*\\).*/\\1/p' | head -n 1); "                \
	"echo vmferry gateway; [ -z \"$g\" ] || "                       \
	"if ping -c 1 -W 3 \"$g\" >/dev/null 2>&1; then echo answers; " \
	"else ip neigh show \"$g\"; fi; echo vmferry end"

/*
 * What that printed; new reference, null where it is not whole:
 *
 *   {"addresses": ["203.0.113.7"], "gateway": "203.0.113.1" or absent,
 *    "gateway_seen": "answers" | "silent" (it has a MAC address) | "absent"}
 */
json_t *guest_said_network(const char *text);

/* Which start of the system this is. */
#define GUEST_LIFE                                          \
	"cat /proc/sys/kernel/random/boot_id 2>/dev/null; " \
	"echo vmferry up; cut -d. -f1 /proc/uptime"

struct guest_life {
	char boot[40]; /* the kernel's id of this start, or "" */
	uint64_t up;   /* s */
};

/* What that printed; false where it is not whole. */
bool guest_said_life(const char *text, struct guest_life *out);
/* Did it start anew since? By the id, else by an uptime that is less. */
bool guest_life_is_new(
	const struct guest_life *was, const struct guest_life *is);

#endif
