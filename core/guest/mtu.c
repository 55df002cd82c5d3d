/*
 * The largest packet of an interface, in the file that gives it its address:
 * "mtu" of interfaces(5) and netplan, MTUBytes= of systemd.network(5), mtu= of
 * NetworkManager's [ethernet], MTU= of RHEL's and SUSE's ifcfg.
 *
 * A bridge of Proxmox VE without an mtu of its own has the smallest of its
 * ports (the kernel's br_mtu_auto_adjust), and the node's API does not say
 * which that is: nothing is proposed for it. It is 1500 unless somebody set a
 * port's; so a guest that has the usual MTU is right as it is, and of one that
 * has more it is said.
 */
#include <stdlib.h>
#include <string.h>

#include "../str.h"
#include "eni.h"
#include "ini.h"
#include "netplan.h"
#include "network.h"

/* RFC 791 and the field's size. */
#define MTU_MIN 68
#define MTU_MAX 65535
#define MTU_USUAL 1500 /* Ethernet's, and the kernel's where none is set */

/* "mtu N" of the static stanza; another method does not read it in every
 * release. */
static bool in_ifupdown(struct text *t, const char *name, const char *value)
{
	_free_ char *now = xasprintf("\tmtu %s", value);
	struct eni_stanza s;

	for (size_t at = 0; eni_stanza(t, &at, &s);) {
		if (strcmp(s.name, name) || strcmp(s.family, "inet") ||
			strcmp(s.method, "static"))
			continue;
		for (size_t i = s.first; i < s.end; i++) {
			const char *line = t->line[i].s;

			if (str_starts(line + strspn(line, " \t"), "mtu ")) {
				text_set(t, i, now);
				return true;
			}
		}
		text_insert(t, s.end, now);
		return true;
	}
	return false;
}

static bool in_section(
	struct text *t, const char *section, const char *key, const char *value)
{
	struct ini_part p;

	if (!ini_section(t, section, 0, &p)) {
		text_insert(t, t->n, "");
		p = ini_add_section(t, section);
	}
	ini_put(t, &p, key, 0, value);
	return true;
}

/* Two names of one section. */
static bool in_keyfile(struct text *t, const char *value)
{
	static const char old[] = "802-3-ethernet";
	struct ini_part p;

	return in_section(
		t, ini_section(t, old, 0, &p) ? old : "ethernet", "mtu", value);
}

static bool in_shell(struct text *t, const char *value)
{
	struct ini_part p = ini_shell(t);

	ini_put(t, &p, "MTU", 0, value);
	return true;
}

/* The new text of a file; to be freed, null where it is not understood. */
static char *new_text(const char *stack, const char *name, const char *before,
	const char *value)
{
	_text_ struct text t = {0};
	bool done = false;

	if (strcmp(stack, "netplan") == 0)
		return netplan_mtu(before, name, value);
	text_open(&t, before);
	if (strcmp(stack, "ifupdown") == 0)
		done = in_ifupdown(&t, name, value);
	else if (strcmp(stack, "networkd") == 0)
		done = in_section(&t, "Link", "MTUBytes", value);
	else if (strcmp(stack, "nm") == 0)
		done = in_keyfile(&t, value);
	else if (str_starts(stack, "ifcfg"))
		done = in_shell(&t, value);
	return done ? text_join(&t) : NULL;
}

/* --- what is there --- */

static uint64_t of_ifupdown(const struct text *t, const char *name)
{
	struct eni_stanza s;
	uint64_t n = 0;

	for (size_t at = 0; eni_stanza(t, &at, &s);)
		for (size_t i = s.first; !strcmp(s.name, name) && i < s.end;
			i++) {
			char *line = t->line[i].s;

			line += strspn(line, " \t");
			if (str_starts(line, "mtu ")) {
				_free_ char *v = xstrdup(line + 4);

				str_u64(str_trim(v), MTU_MAX, &n);
			}
		}
	return n;
}

/* The MTU that the file gives; the usual one where it gives none. */
static uint64_t now(const char *stack, const char *name, const char *text)
{
	_text_ struct text t = {0};
	_free_ char *v = NULL;
	struct ini_part p;
	uint64_t n = 0;

	if (strcmp(stack, "netplan") == 0) {
		n = netplan_mtu_now(text, name);
		return n ? n : MTU_USUAL;
	}
	text_open(&t, text);
	p = ini_shell(&t);
	if (strcmp(stack, "ifupdown") == 0)
		n = of_ifupdown(&t, name);
	else if (strcmp(stack, "networkd") == 0)
		v = ini_get(&t, "Link", "MTUBytes");
	else if (strcmp(stack, "nm") == 0)
		v = ini_get(&t, "ethernet", "mtu")
			?: ini_get(&t, "802-3-ethernet", "mtu");
	else if (str_starts(stack, "ifcfg"))
		v = ini_value(&t, &p, "MTU", 0);
	if (v)
		str_u64(v, MTU_MAX, &n);
	return n ? n : MTU_USUAL;
}

/* What to write: the operator's word; else the bridge's, where the guest's is
 * larger. 0: nothing. */
static uint64_t goal(const json_t *nic, uint64_t is)
{
	uint64_t bridge = json_u64(nic, "bridge_mtu", 0);

	if (json_object_get(nic, "mtu"))
		return json_u64(nic, "mtu", 0);
	return bridge && bridge < is ? bridge : 0;
}

void mtu_change(struct guest *g, const json_t *c, const char *card,
	const json_t *nic, struct guest_changes *cs)
{
	const char *file = json_str(c, "file");
	const char *name = json_str_or(c, "name", card);
	_free_ char *before = file ? guest_future(g, cs, file) : NULL;
	uint64_t is = before ? now(json_str_or(c, "stack", ""), name, before)
			     : MTU_USUAL;
	uint64_t mtu = goal(nic, is), bridge = json_u64(nic, "bridge_mtu", 0);
	_free_ char *value = xasprintf("%u", (unsigned)mtu), *after = NULL;

	if (!mtu && !json_object_get(nic, "mtu")) {
		if (!bridge && is > MTU_USUAL)
			guest_left(cs,
				"%s has MTU %u in %s, and its bridge's is not "
				"set on the node (mostly it is 1500): look "
				"there "
				"with \"ip link\"; if it is less, set that in "
				"the guest, or connections hang",
				name, (unsigned)is, file);
		return;
	}
	if (bridge && mtu > bridge)
		guest_left(cs,
			"MTU %s of %s is more than its bridge carries (%u): "
			"raise the bridge's, or take that",
			value, name, (unsigned)bridge);
	if (before && mtu >= MTU_MIN && mtu <= MTU_MAX)
		after = new_text(
			json_str_or(c, "stack", ""), name, before, value);
	if (!after) {
		guest_left(cs, "MTU %s of %s: set it in the VM's console",
			value, name);
		return;
	}
	if (strcmp(before, after))
		guest_change_add(g, cs, file, after, 0644,
			"The largest packet fits the new network.");
	if (mtu > MTU_USUAL && strcmp(name, card))
		guest_left(cs,
			"%s stands on %s, which needs MTU %s too: set it in "
			"the VM's console",
			name, card, value);
}
