/*
 * Networks by hand, whole guests with ifupdown: which interface is the NIC,
 * what changes, what is left and said; names pinned by .link files and rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guest/network.h"
#include "guest_dir.h"
#include "guestnet.h"
#include "str.h"

static void plain_ifupdown(void **state)
{
	struct fix *f = *state;

	ifupdown(f,
		"# mine\nauto ens192\niface ens192 inet static\n"
		"\taddress   192.0.2.77\n\tnetmask 255.255.255.0\n"
		"\tbroadcast 192.0.2.255\n\tgateway 192.0.2.1\n"
		"\t# the office\n\tdns-nameservers 192.0.2.53\n\n"
		"# next\nauto lo\niface lo inet loopback\n");
	work_out(f, "203.0.113.7/28", "203.0.113.1", "9.9.9.9");
	assert_string_equal(after(f, ENI),
		"# mine\nauto ens192\niface ens192 inet static\n"
		"\taddress   203.0.113.7\n\tnetmask 255.255.255.240\n"
		"\tbroadcast 203.0.113.15\n\tgateway 203.0.113.1\n"
		"\t# the office\n\tdns-nameservers 9.9.9.9\n\n"
		"# next\nauto lo\niface lo inet loopback\n");
	assert_string_equal(after(f, LINK),
		"# By vmferry: the card keeps the name it had on VMware.\n"
		"[Match]\nMACAddress=" MAC "\nType=ether\n\n[Link]\n"
		"Name=ens192\n");
	assert_int_equal(f->cs.n, 2);
	assert_int_equal(f->cs.n_left, 0);
}

static void continued_lines_and_crlf(void **state)
{
	struct fix *f = *state;

	ifupdown(f,
		"auto ens192\r\niface ens192 inet static\r\n"
		"  address \\\r\n    192.0.2.77/24\r\n"
		"  gateway 192.0.2.1");
	work_out(f, "203.0.113.7/28", "203.0.113.1", NULL);
	assert_string_equal(after(f, ENI),
		"auto ens192\r\niface ens192 inet static\r\n"
		"  address 203.0.113.7/28\r\n  gateway 203.0.113.1");
}

/* What people write behind a value, and a mask where a prefix belongs. */
static void remarks_and_masks(void **state)
{
	struct fix *f = *state;

	ifupdown(f,
		"auto ens192\niface ens192 inet static\n"
		"\taddress  192.0.2.77/255.255.255.0   # of the rack: 4\n"
		"\tgateway 192.0.2.1 # the router\n");
	work_out(f, "203.0.113.7/28", "203.0.113.1", NULL);
	assert_string_equal(after(f, ENI),
		"auto ens192\niface ens192 inet static\n"
		"\taddress  203.0.113.7/28   # of the rack: 4\n"
		"\tgateway 203.0.113.1 # the router\n");
	assert_false(said(f, "check"));
}

/* OVH's form: the gateway is outside, set by hooks. */
static void hooks_follow(void **state)
{
	struct fix *f = *state;

	ifupdown(f,
		"iface ens192 inet static\n"
		"    address 91.121.247.155\n"
		"    netmask 255.255.255.255\n"
		"    broadcast 91.121.247.155\n"
		"    post-up route add 188.165.247.254 dev ens192\n"
		"    post-up route add default gw 188.165.247.254\n"
		"    post-down route del 188.165.247.254 dev ens192\n");
	work_out(f, "91.121.247.155/32", "198.51.100.254", NULL);
	assert_string_equal(after(f, ENI),
		"iface ens192 inet static\n"
		"    address 91.121.247.155\n"
		"    netmask 255.255.255.255\n"
		"    broadcast 91.121.247.155\n"
		"    post-up route add 198.51.100.254 dev ens192\n"
		"    post-up route add default gw 198.51.100.254\n"
		"    post-down route del 198.51.100.254 dev ens192\n");
}

static void far_gateways(void **state)
{
	struct fix *f = *state;
	const char *was = "iface ens192 inet static\n  address 192.0.2.7/24\n"
			  "  gateway 192.0.2.1\n";

	ifupdown(f, was);
	work_out(f, "203.0.113.9/32", "62.210.0.1", NULL);
	assert_string_equal(after(f, ENI),
		"iface ens192 inet static\n  address 203.0.113.9/32\n"
		"  gateway 62.210.0.1\n  pointopoint 62.210.0.1\n");
	work_out(f, "203.0.113.9/29", "62.210.0.1", NULL);
	assert_string_equal(after(f, ENI),
		"iface ens192 inet static\n  address 203.0.113.9/29\n"
		"  post-up ip route add 62.210.0.1 dev ens192\n"
		"  post-up ip route add default via 62.210.0.1 dev ens192\n");
	/* And back into a network of its own. */
	ifupdown(f, after(f, ENI));
	work_out(f, "10.0.0.5/24", "10.0.0.1", NULL);
	assert_non_null(strstr(after(f, ENI), "default via 10.0.0.1 dev"));
}

static void dhcp_becomes_static(void **state)
{
	struct fix *f = *state;

	ifupdown(f, "auto ens192\niface ens192 inet dhcp\n  mtu 1500\n");
	work_out(f, "203.0.113.9/24", "203.0.113.1", NULL);
	assert_string_equal(after(f, ENI),
		"auto ens192\niface ens192 inet static\n  mtu 1500\n"
		"  address 203.0.113.9\n  netmask 255.255.255.0\n"
		"  gateway 203.0.113.1\n");
}

/* The address lives on the bridge; the card's name is what is pinned. */
static void bridge_carries(void **state)
{
	struct fix *f = *state;

	ifupdown(f,
		"iface ens192 inet manual\nauto br0\n"
		"iface br0 inet static\n  address 192.0.2.7/24\n"
		"  gateway 192.0.2.1\n  bridge_ports ens192\n");
	work_out(f, "203.0.113.9/24", "203.0.113.1", NULL);
	assert_string_equal(after(f, ENI),
		"iface ens192 inet manual\nauto br0\n"
		"iface br0 inet static\n  address 203.0.113.9/24\n"
		"  gateway 203.0.113.1\n  bridge_ports ens192\n");
	assert_non_null(after(f, LINK));
	assert_int_equal(f->cs.n_left, 0);
}

static void what_stays_is_said(void **state)
{
	struct fix *f = *state;

	ifupdown(f,
		"iface ens192 inet static\n  address 192.0.2.7/24\n"
		"  gateway 192.0.2.1\niface ens192 inet6 static\n"
		"  address 2001:db8::7/64\niface ens192:1 inet static\n"
		"  address 192.0.2.8/24\n");
	work_out(f, "203.0.113.9/24", NULL, NULL);
	assert_true(said(f, "keeps its IPv6 address 2001:db8::7/64"));
	assert_true(said(f, "ens192:1 keeps its second address 192.0.2.8/24"));
	assert_true(said(f, "keeps its gateway 192.0.2.1"));
	assert_non_null(strstr(after(f, ENI), "2001:db8::7/64\n"));
}

static void sourced_directory(void **state)
{
	struct fix *f = *state;

	ifupdown(f,
		"source /etc/network/interfaces.d/*.cfg\n"
		"source-directory interfaces.d\n");
	guest_dir_put(f->g, "/etc/network/interfaces.d/a.cfg",
		"iface eth9 inet dhcp\n");
	guest_dir_put(f->g, "/etc/network/interfaces.d/ens192",
		"iface ens192 inet static\naddress 192.0.2.7/24\n");
	guest_dir_put(f->g, "/etc/network/interfaces.d/ens192.bak",
		"iface ens192 inet static\naddress 192.0.2.9/24\n"
		"gateway 192.0.2.1\n");
	work_out(f, "203.0.113.9/24", NULL, NULL);
	assert_string_equal(after(f, "/etc/network/interfaces.d/ens192"),
		"iface ens192 inet static\naddress 203.0.113.9/24\n");
}

static void resolv_conf_is_plain(void **state)
{
	struct fix *f = *state;

	ifupdown(f, "iface ens192 inet static\n address 192.0.2.7/24\n");
	guest_dir_put(f->g, "/etc/resolv.conf",
		"search example.org\nnameserver 192.0.2.53\n"
		"nameserver 192.0.2.54\noptions rotate\n");
	work_out(f, "203.0.113.9/24", NULL, "9.9.9.9");
	assert_string_equal(after(f, "/etc/resolv.conf"),
		"search example.org\nnameserver 9.9.9.9\noptions rotate\n");
	guest_dir_put(f->g, "/sbin/resolvconf", "");
	work_out(f, "203.0.113.9/24", NULL, "9.9.9.9");
	assert_null(after(f, "/etc/resolv.conf"));
}

/* --- names --- */

static void rules_get_the_new_mac(void **state)
{
	struct fix *f = *state;

	ifupdown(f, "iface eth0 inet static\n  address 192.0.2.7/24\n");
	guest_dir_put(f->g, RULES,
		"# PCI device 0x15ad:0x07b0 (vmxnet3)\n"
		"SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", "
		"ATTR{address}==\"00:0C:29:01:02:03\", KERNEL==\"eth*\", "
		"NAME=\"eth0\"\n"
		"SUBSYSTEM==\"net\", ATTR{address}==\"" MAC
		"\", NAME=\"eth1\"\n");
	work_out(f, NULL, NULL, NULL);
	assert_string_equal(after(f, RULES),
		"# PCI device 0x15ad:0x07b0 (vmxnet3)\n"
		"SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", "
		"ATTR{address}==\"" MAC "\", KERNEL==\"eth*\", "
		"NAME=\"eth0\"\n"
		"# vmferry: SUBSYSTEM==\"net\", ATTR{address}==\"" MAC
		"\", NAME=\"eth1\"\n");
	assert_int_equal(f->cs.n, 1);
}

/* A rule for VMware's driver would not match virtio. */
static void bound_rule_is_freed(void **state)
{
	struct fix *f = *state;

	ifupdown(f, "iface eth0 inet dhcp\n");
	guest_dir_put(f->g, RULES,
		"SUBSYSTEM==\"net\", DRIVERS==\"vmxnet3\", "
		"ATTR{address}==\"00:0c:29:01:02:03\", NAME=\"eth0\"\n");
	work_out(f, NULL, NULL, NULL);
	assert_string_equal(after(f, RULES),
		"SUBSYSTEM==\"net\", ACTION==\"add\", ATTR{address}==\"" MAC
		"\", NAME=\"eth0\"\n");
}

/* Ubuntu 14.04's systemd-udevd does not read .link files. */
static void old_udev_gets_a_rule(void **state)
{
	struct fix *f = *state;

	guest_dir_put(f->g, "/sbin/ifup", "");
	guest_dir_put(f->g, "/lib/systemd/systemd-udevd", "");
	guest_dir_put(f->g, ENI, "iface eth0 inet dhcp\n");
	work_out(f, NULL, NULL, NULL);
	assert_string_equal(after(f, RULES),
		"SUBSYSTEM==\"net\", ACTION==\"add\", ATTR{address}==\"" MAC
		"\", NAME=\"eth0\"\n");
}

static void masked_link_rules(void **state)
{
	struct fix *f = *state;

	ifupdown(f, "iface eth0 inet dhcp\n");
	guest_dir_link(
		f->g, "/etc/udev/rules.d/80-net-setup-link.rules", "/dev/null");
	work_out(f, NULL, NULL, NULL);
	assert_non_null(after(f, RULES));
}

static void two_cards_cannot_be_told(void **state)
{
	struct fix *f = *state;

	ifupdown(f, "iface lan inet dhcp\niface dmz inet dhcp\n");
	work_out(f, "203.0.113.9/24", NULL, NULL);
	assert_int_equal(f->cs.n, 0);
	assert_true(said(f, "cannot be told"));
}

/* Run again after a crash: the files have the new MAC by then, and the
 * card is found by that. */
static void made_and_looked_at_again(void **state)
{
	struct fix *f = *state;

	guest_dir_put(f->g, "/usr/sbin/netplan", "");
	guest_dir_put(f->g, "/etc/netplan/a.yaml",
		"network:\n  ethernets:\n    lan:\n"
		"      match: {macaddress: \"00:0c:29:01:02:03\"}\n"
		"      addresses: [192.0.2.77/24]\n"
		"    wan:\n      match: {macaddress: "
		"\"00:0c:29:01:02:04\"}\n"
		"      addresses: [198.51.100.7/24]\n");
	work_out(f, "203.0.113.7/28", NULL, NULL);
	assert_non_null(strstr(after(f, "/etc/netplan/a.yaml"), "203.0.113.7"));
	for (size_t i = 0; i < f->cs.n; i++)
		assert_int_equal(guest_apply(f->g, &f->cs.c[i], NULL), 0);
	work_out(f, "203.0.113.7/28", NULL, NULL);
	assert_int_equal(f->cs.n, 0);
	assert_false(said(f, "cannot be told"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(made_and_looked_at_again),
		T(plain_ifupdown),
		T(continued_lines_and_crlf),
		T(remarks_and_masks),
		T(hooks_follow),
		T(far_gateways),
		T(dhcp_becomes_static),
		T(bridge_carries),
		T(what_stays_is_said),
		T(sourced_directory),
		T(resolv_conf_is_plain),
		T(rules_get_the_new_mac),
		T(bound_rule_is_freed),
		T(old_udev_gets_a_rule),
		T(masked_link_rules),
		T(two_cards_cannot_be_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
