/* What stands twice: a section, a key, a value by alias, a card in two files
 * or two stacks. Changed rightly, or said; the same on a rerun. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guest/ini.h"
#include "guestnet.h"

#define PROFILE "/etc/NetworkManager/system-connections/a.nmconnection"
#define NETPLAN "/etc/netplan/50.yaml"

/* Written, looked at again: nothing is left to change, and what was said is
 * said again. */
static void settled(
	struct fix *f, const char *addr, const char *gateway, const char *words)
{
	for (size_t i = 0; i < f->cs.n; i++)
		assert_int_equal(guest_apply(f->g, &f->cs.c[i], NULL), 0);
	work_out(f, addr, gateway, NULL);
	assert_int_equal(f->cs.n, 0);
	assert_true(!words || said(f, words));
}

static void merged(void **state)
{
	static const struct {
		const char *before, *after;
	} row[] = {
		{"[a]\nx=1\n[b]\ny=2\n", NULL},
		{"[a]\nx=1\n\n[b]\ny=2\n\n[a]\nz=3\n",
			"[a]\nx=1\nz=3\n\n[b]\ny=2\n\n"},
		{"[a]\nx=1\n[a]\nx=2", "[a]\nx=2"},
		{"[a]\nx = 1\n# x=0\nxy=1\nx=2\n", "[a]\n# x=0\nxy=1\nx=2\n"},
		{"x=0\n[a]\nx=1\n[b]\nx=2\n", NULL},
		{"[a]\n[a]\n[a]\nk=v\n[c]\n", "[a]\nk=v\n[c]\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		_free_ char *is = NULL;
		_text_ struct text t = {0};

		text_open(&t, row[i].before);
		assert_int_equal(ini_merge(&t), row[i].after != NULL);
		is = text_join(&t);
		assert_string_equal(
			is, row[i].after ? row[i].after : row[i].before);
	}
}

/* NetworkManager's address is that of the second section: that one changes. */
static void keyfile_section(void **state)
{
	struct fix *f = *state;

	guest_dir_put(f->g, "/usr/sbin/NetworkManager", "");
	guest_dir_put(
		f->g, "/usr/lib/udev/rules.d/80-net-setup-link.rules", "");
	guest_dir_put(f->g, PROFILE,
		"[connection]\nid=a\ntype=ethernet\ninterface-name=ens192\n"
		"\n[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=ignore\n\n"
		"[ipv4]\nmethod=manual\naddress1=192.0.2.7/24,192.0.2.1\n");
	work_out(f, "203.0.113.9/24", "203.0.113.1", NULL);
	assert_string_equal(after(f, PROFILE),
		"[connection]\nid=a\ntype=ethernet\ninterface-name=ens192\n"
		"\n[ipv4]\nmethod=manual\n"
		"address1=203.0.113.9/24,203.0.113.1\n\n"
		"[ipv6]\nmethod=ignore\n\n");
	settled(f, "203.0.113.9/24", "203.0.113.1", NULL);
}

/* A value by alias is read, but not changed: that is said, and why. */
static void yaml_alias(void **state)
{
	struct fix *f = *state;

	guest_dir_put(f->g, "/usr/sbin/netplan", "");
	guest_dir_put(
		f->g, "/usr/lib/udev/rules.d/80-net-setup-link.rules", "");
	guest_dir_put(f->g, NETPLAN,
		"network:\n  ethernets:\n    ens192:\n"
		"      addresses: &mine [192.0.2.7/24]\n"
		"      nameservers: {addresses: [192.0.2.53]}\n"
		"    ens224:\n      addresses: *mine\n");
	work_out(f, "203.0.113.9/24", "203.0.113.1", NULL);
	assert_null(after(f, NETPLAN));
	assert_true(said(f, NETPLAN " uses YAML aliases"));
	assert_true(said(f, "set 203.0.113.9/24 in the VM's console"));
	/* Its card keeps its name all the same. */
	assert_non_null(after(f, LINK));
	settled(f, "203.0.113.9/24", "203.0.113.1", "YAML aliases");
}

/* An anchor that nothing refers to is no more than a word. */
static void yaml_anchor(void **state)
{
	struct fix *f = *state;

	guest_dir_put(f->g, "/usr/sbin/netplan", "");
	guest_dir_put(f->g, NETPLAN,
		"network:\n  ethernets:\n    ens192: &card\n"
		"      addresses: [192.0.2.7/24]\n");
	work_out(f, "203.0.113.9/24", NULL, NULL);
	assert_string_equal(after(f, NETPLAN),
		"network:\n  ethernets:\n    ens192: &card\n"
		"      addresses: [203.0.113.9/24]\n");
}

struct two {
	const char *path[2], *text[2], *program;
	const char *changed, *said;
};

/* Two files, or two stacks, that both name the card. */
static const struct two pairs[] = {
	{{"/etc/netplan/10.yaml", "/etc/netplan/90.yaml"},
		{"network: {ethernets: {ens192: {dhcp4: true}}}\n",
			"network: {ethernets: {ens192: {addresses: "
			"[192.0.2.7/24]}}}\n"},
		"/usr/sbin/netplan", "/etc/netplan/90.yaml",
		"ens192 is configured in /etc/netplan/10.yaml too (DHCP)"},
	{{ENI, "/etc/NetworkManager/system-connections/a"},
		{"auto ens192\niface ens192 inet dhcp\n",
			"[connection]\ntype=ethernet\n"
			"interface-name=ens192\n[ipv4]\nmethod=manual\n"
			"address1=192.0.2.7/24\n"},
		"/usr/sbin/NetworkManager",
		"/etc/NetworkManager/system-connections/a",
		"ens192 is configured in " ENI " too (DHCP)"},
	{{ENI, "/etc/NetworkManager/system-connections/a"},
		{"auto ens192\niface ens192 inet dhcp\n",
			"[connection]\ntype=ethernet\n"
			"interface-name=ens192\n[ipv4]\nmethod=auto\n"},
		"/usr/sbin/NetworkManager", ENI,
		"too (DHCP): take out there what is old"},
	{{"/etc/sysconfig/network-scripts/ifcfg-ens192",
		 "/etc/sysconfig/network-scripts/ifcfg-second"},
		{"DEVICE=ens192\nBOOTPROTO=none\nIPADDR=192.0.2.7\n"
		 "PREFIX=24\n",
			"DEVICE=ens192\nIPADDR=192.0.2.8\nPREFIX=24\n"},
		"/usr/sbin/NetworkManager",
		"/etc/sysconfig/network-scripts/ifcfg-ens192",
		"ifcfg-second too (192.0.2.8/24)"},
	{{"/etc/sysconfig/network/ifcfg-ens192",
		 "/etc/sysconfig/network/ifcfg-x"},
		{"STARTMODE=auto\nBOOTPROTO=dhcp\n",
			"DEVICE=ens192\nSTARTMODE=auto\nBOOTPROTO=static\n"
			"IPADDR=192.0.2.8/24\n"},
		"/usr/sbin/wicked", "/etc/sysconfig/network/ifcfg-x",
		"/etc/sysconfig/network/ifcfg-ens192 too (DHCP)"},
};

static void named_twice(void **state)
{
	struct fix *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		const struct two *p = &pairs[i];

		guest_dir_put(f->g,
			"/usr/lib/udev/rules.d/80-net-setup-link.rules", "");
		guest_dir_put(f->g, "/sbin/ifup", "");
		guest_dir_put(f->g, p->program, "");
		for (int k = 0; k < 2; k++)
			guest_dir_put(f->g, p->path[k], p->text[k]);
		work_out(f, "203.0.113.9/24", NULL, NULL);
		assert_non_null(after(f, p->changed));
		assert_non_null(strstr(after(f, p->changed), "203.0.113.9"));
		assert_true(said(f, p->said));
		assert_null(
			after(f, p->path[strcmp(p->changed, p->path[0]) == 0]));
		settled(f, "203.0.113.9/24", NULL, p->said);
		tear_down(state);
		set_up(state);
		f = *state;
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(merged),
		T(keyfile_section),
		T(yaml_alias),
		T(yaml_anchor),
		T(named_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
