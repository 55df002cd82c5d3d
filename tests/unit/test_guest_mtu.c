/* The MTU in each stack's file, a whole file before and after. The guest is a
 * directory tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guest/network.h"
#include "guest_dir.h"
#include "str.h"

static const struct {
	const char *stack, *before, *after; /* after null: left alone */
} rows[] = {
	{"ifupdown",
		"iface ens192 inet static\n\taddress 192.0.2.7/24\n\n"
		"iface lo inet loopback\n",
		"iface ens192 inet static\n\taddress 192.0.2.7/24\n"
		"\tmtu 1400\n\niface lo inet loopback\n"},
	{"ifupdown",
		"iface ens192 inet static\n\tmtu 9000\n\taddress 1.2.3.4/8\n",
		"iface ens192 inet static\n\tmtu 1400\n\taddress 1.2.3.4/8\n"},
	{"ifupdown", "iface ens192 inet dhcp\n", NULL},
	{"netplan",
		"network:\n  ethernets:\n    ens192:\n      dhcp4: true # a\n",
		"network:\n  ethernets:\n    ens192:\n      mtu: 1400\n"
		"      dhcp4: true # a\n"},
	{"netplan", "network:\n  ethernets:\n    ens192: {mtu: 9000}\n",
		"network:\n  ethernets:\n    ens192: {mtu: 1400}\n"},
	{"networkd", "[Match]\nName=ens192\n\n[Network]\nDHCP=yes\n",
		"[Match]\nName=ens192\n\n[Network]\nDHCP=yes\n\n[Link]\n"
		"MTUBytes=1400\n"},
	{"networkd", "[Match]\nName=ens192\n[Link]\nMTUBytes=9000\n",
		"[Match]\nName=ens192\n[Link]\nMTUBytes=1400\n"},
	{"nm", "[connection]\nid=a\n\n[802-3-ethernet]\nmtu=9000\n",
		"[connection]\nid=a\n\n[802-3-ethernet]\nmtu=1400\n"},
	{"nm", "[connection]\nid=a\n\n[ethernet]\n",
		"[connection]\nid=a\n\n[ethernet]\nmtu=1400\n"},
	{"ifcfg", "DEVICE=ens192\n", "DEVICE=ens192\nMTU=1400\n"},
	{"ifcfg-suse", "STARTMODE='auto'\nMTU='9000'\n",
		"STARTMODE='auto'\nMTU='1400'\n"},
};

/* What becomes of that row's file with these settings of the NIC. */
static void try_row(size_t i, json_t *nic, struct guest_changes *cs)
{
	_json_ json_t *list = json_array();
	struct guest *g = guest_dir_new();
	json_t *c = net_iface(list, "ens192", "/etc/f");

	json_put_str(c, "stack", rows[i].stack);
	guest_dir_put(g, "/etc/f", rows[i].before);
	mtu_change(g, c, "ens192", nic, cs);
	guest_dir_free(g);
}

static void file_by_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_changes_ struct guest_changes cs = {0};
		_json_ json_t *nic = json_object();

		json_put_u64(nic, "mtu", 1400);
		try_row(i, nic, &cs);
		assert_int_equal(cs.n, rows[i].after != NULL);
		assert_int_equal(cs.n_left, rows[i].after == NULL);
		if (rows[i].after)
			assert_string_equal(cs.c[0].after, rows[i].after);
	}
}

/* Nothing is asked for, and the bridge carries so much: only what is larger
 * changes, and what the file does not say is 1500. */
static void by_the_bridge(void **state)
{
	static const unsigned carries[] = {9000, 1500, 1400};

	(void)state;
	for (size_t i = 0; i < 3 * ARRAY_LEN(rows); i++) {
		const char *before = rows[i / 3].before;
		unsigned most = carries[i % 3];
		bool large = most == 1400 ||
			(most == 1500 && strstr(before, "9000"));
		_free_ char *value = xasprintf("%u", most);
		_changes_ struct guest_changes cs = {0};
		_json_ json_t *nic = json_object();

		json_put_u64(nic, "bridge_mtu", most);
		try_row(i / 3, nic, &cs);
		assert_int_equal(cs.n + cs.n_left, large);
		if (cs.n)
			assert_non_null(strstr(cs.c[0].after, value));
	}
}

/* A bridge whose MTU is not set: nothing changes, and more than usual is
 * said. */
static void by_no_bridge(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_changes_ struct guest_changes cs = {0};
		_json_ json_t *nic = json_object();

		try_row(i, nic, &cs);
		assert_int_equal(cs.n, 0);
		assert_int_equal(
			cs.n_left, strstr(rows[i].before, "9000") != NULL);
	}
}

/* The operator's word stands; that the bridge carries less is said. */
static void more_than_the_bridge(void **state)
{
	_changes_ struct guest_changes cs = {0};
	_json_ json_t *list = json_array(), *nic = json_object();
	struct guest *g = guest_dir_new();
	json_t *c = net_iface(list, "ens192", "/etc/f");

	(void)state;
	json_put_str(c, "stack", "ifcfg");
	guest_dir_put(g, "/etc/f", "DEVICE=ens192\n");
	json_put_u64(nic, "bridge_mtu", 1500);
	json_put_u64(nic, "mtu", 9000);
	mtu_change(g, c, "ens192", nic, &cs);
	assert_int_equal(cs.n, 1);
	assert_int_equal(cs.n_left, 1);
	assert_non_null(strstr(cs.left[0], "more than its bridge carries"));
	guest_dir_free(g);
}

/* No MTU at all; one that the card below needs too. */
static void what_is_said(void **state)
{
	_changes_ struct guest_changes cs = {0};
	_json_ json_t *list = json_array(), *nic = json_object();
	struct guest *g = guest_dir_new();
	json_t *c = net_iface(list, "br0", "/etc/f");

	(void)state;
	json_put_str(c, "stack", "ifcfg");
	guest_dir_put(g, "/etc/f", "DEVICE=br0\n");
	json_put_u64(nic, "mtu", 20);
	mtu_change(g, c, "ens192", nic, &cs);
	assert_int_equal(cs.n, 0);
	assert_int_equal(cs.n_left, 1);
	json_put_u64(nic, "mtu", 9000);
	mtu_change(g, c, "ens192", nic, &cs);
	assert_int_equal(cs.n, 1);
	assert_int_equal(cs.n_left, 2);
	assert_non_null(strstr(cs.left[1], "ens192"));
	guest_dir_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_by_file),
		cmocka_unit_test(by_the_bridge),
		cmocka_unit_test(by_no_bridge),
		cmocka_unit_test(more_than_the_bridge),
		cmocka_unit_test(what_is_said),
	};

	return cmocka_run_group_tests_name("mtu", tests, NULL, NULL);
}
