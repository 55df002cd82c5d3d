/* Networks by hand, whole guests: netplan, networkd, NetworkManager, ifcfg,
 * SUSE. */
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

/* --- other stacks, whole --- */

static void netplan_far_gateway(void **state)
{
	struct fix *f = *state;

	guest_dir_put(f->g, "/usr/sbin/netplan", "");
	guest_dir_put(
		f->g, "/usr/lib/udev/rules.d/80-net-setup-link.rules", "");
	guest_dir_put(f->g, "/etc/netplan/50-cloud-init.yaml",
		"# é\nnetwork:\n  version: 2\n  ethernets:\n    ens192:\n"
		"      match: {macaddress: \"00:0c:29:01:02:03\"}\n"
		"      addresses:\n      - 192.0.2.7/24 # old\n"
		"      gateway4: 192.0.2.1\n      nameservers:\n"
		"        addresses:\n        - 192.0.2.53\n"
		"        - 192.0.2.54\n");
	guest_dir_put(f->g, "/usr/bin/cloud-init", "");
	work_out(f, "203.0.113.9/32", "62.210.0.1", "9.9.9.9");
	assert_string_equal(after(f, "/etc/netplan/50-cloud-init.yaml"),
		"# é\nnetwork:\n  version: 2\n  ethernets:\n    ens192:\n"
		"      routes: [{to: 0.0.0.0/0, via: 62.210.0.1, "
		"on-link: true}]\n"
		"      match: {macaddress: \"" MAC "\"}\n"
		"      addresses:\n      - 203.0.113.9/32 # old\n"
		"      nameservers:\n        addresses:\n"
		"        - 9.9.9.9\n");
	assert_string_equal(
		after(f,
			"/etc/cloud/cloud.cfg.d/99-disable-network-config.cfg"),
		"network: {config: disabled}\n");
}

static void netplan_empty_forms(void **state)
{
	static const char *const forms[] = {
		"network: {version: 2, ethernets: {ens192: {dhcp4: true}}}\n",
		"network:\n  ethernets:\n    ens192: {}\n",
		"network:\n  ethernets:\n    ens192:\n  version: 2\n",
		("network:\n  ethernets:\n    ens192:\n"
		 "      addresses: ['2001:db8::7/64']\n")};
	struct fix *f = *state;

	guest_dir_put(f->g, "/usr/sbin/netplan", "");
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		guest_dir_put(f->g, "/etc/netplan/a.yaml", forms[i]);
		work_out(f, "203.0.113.9/24", "203.0.113.1", "9.9.9.9");
		assert_non_null(strstr(
			after(f, "/etc/netplan/a.yaml"), "203.0.113.9/24"));
		assert_false(said(f, "check"));
	}
}

static void networkd_far_gateway(void **state)
{
	struct fix *f = *state;

	guest_dir_put(f->g,
		"/etc/systemd/system/multi-user.target.wants/"
		"systemd-networkd.service",
		"");
	guest_dir_put(
		f->g, "/usr/lib/udev/rules.d/80-net-setup-link.rules", "");
	guest_dir_put(f->g, "/etc/systemd/network/10.network",
		"[Match]\nName=ens192\n\n[Network]\nDHCP=yes\n"
		"DNS=192.0.2.53\nDNS=2001:db8::53\n");
	work_out(f, "203.0.113.9/32", "62.210.0.1", "9.9.9.9");
	assert_string_equal(after(f, "/etc/systemd/network/10.network"),
		"[Match]\nName=ens192\n\n[Network]\nDHCP=ipv6\n"
		"DNS=9.9.9.9\nDNS=2001:db8::53\nAddress=203.0.113.9/32\n\n"
		"[Route]\nGateway=62.210.0.1\nGatewayOnlink=yes\n");
}

static void nm_keyfile(void **state)
{
	struct fix *f = *state;
	const char *path =
		"/etc/NetworkManager/system-connections/ens192.nmconnection";

	guest_dir_put(f->g, "/usr/sbin/NetworkManager", "");
	guest_dir_put(f->g, path,
		"[connection]\nid=x\ntype=ethernet\ninterface-name=ens192\n\n"
		"[ipv4]\naddress1=192.0.2.7/24,192.0.2.1\n"
		"dns=192.0.2.53;\nmethod=manual\n\n[ipv6]\nmethod=auto\n");
	work_out(f, "203.0.113.9/32", "62.210.0.1", "9.9.9.9");
	assert_string_equal(after(f, path),
		"[connection]\nid=x\ntype=ethernet\ninterface-name=ens192\n\n"
		"[ipv4]\naddress1=203.0.113.9/32,62.210.0.1\n"
		"dns=9.9.9.9;\nmethod=manual\nroute1=62.210.0.1/32\n\n"
		"[ipv6]\nmethod=auto\n");
}

/* Both families in one line: the other one's servers stay. */
static void networkd_servers_in_a_line(void **state)
{
	struct fix *f = *state;

	guest_dir_put(f->g,
		"/etc/systemd/system/multi-user.target.wants/"
		"systemd-networkd.service",
		"");
	guest_dir_put(f->g, "/etc/systemd/network/10.network",
		"[Match]\nName=ens192\n[Network]\nAddress=192.0.2.7/24\n"
		"DNS=192.0.2.53 2001:db8::53 192.0.2.54\n");
	work_out(f, "203.0.113.9/24", NULL, "9.9.9.9");
	assert_string_equal(after(f, "/etc/systemd/network/10.network"),
		"[Match]\nName=ens192\n[Network]\nAddress=203.0.113.9/24\n"
		"DNS=2001:db8::53\nDNS=9.9.9.9\n");
}

/* netplan and cloud-init say the gateway as a route: no second one. */
static void nm_gateway_is_a_route(void **state)
{
	struct fix *f = *state;
	const char *path =
		"/etc/NetworkManager/system-connections/x.nmconnection";

	guest_dir_put(f->g, "/usr/sbin/NetworkManager", "");
	guest_dir_put(f->g, path,
		"[connection]\ntype=ethernet\ninterface-name=ens192\n"
		"[ipv4]\nmethod=manual\naddress1=192.0.2.7/24\n"
		"route1=0.0.0.0/0,192.0.2.9\nroute1_options=table=7\n"
		"route2=0.0.0.0/0,192.0.2.1\n");
	work_out(f, "203.0.113.9/24", "203.0.113.1", NULL);
	assert_string_equal(after(f, path),
		"[connection]\ntype=ethernet\ninterface-name=ens192\n"
		"[ipv4]\nmethod=manual\naddress1=203.0.113.9/24\n"
		"route1=0.0.0.0/0,192.0.2.9\nroute1_options=table=7\n"
		"route2=0.0.0.0/0,203.0.113.1\n");
	assert_false(said(f, "check"));
}

static void rhel_ifcfg(void **state)
{
	struct fix *f = *state;

#define SCRIPTS "/etc/sysconfig/network-scripts/"
	guest_dir_put(f->g, SCRIPTS "ifcfg-ens192",
		"DEVICE=ens192\nHWADDR=00:0C:29:01:02:03\n"
		"BOOTPROTO=\"dhcp\" # once\nONBOOT=yes\n");
	work_out(f, "203.0.113.9/32", "62.210.0.1", "9.9.9.9");
	assert_string_equal(after(f, SCRIPTS "ifcfg-ens192"),
		"DEVICE=ens192\nHWADDR=" MAC "\n"
		"BOOTPROTO=\"none\" # once\nONBOOT=yes\nIPADDR=203.0.113.9\n"
		"NETMASK=255.255.255.255\nGATEWAY=62.210.0.1\n"
		"DNS1=9.9.9.9\n");
	assert_string_equal(after(f, SCRIPTS "route-ens192"),
		"62.210.0.1 dev ens192\ndefault via 62.210.0.1 dev ens192\n");
}

/* The last assignment is the one that holds. */
static void rhel_numbered_and_twice(void **state)
{
	struct fix *f = *state;

	guest_dir_put(f->g, SCRIPTS "ifcfg-ens192",
		"DEVICE=ens192\nIPADDR1=192.0.2.6\nPREFIX1=24\n"
		"GATEWAY=192.0.2.2\nIPADDR1=192.0.2.7\nGATEWAY=192.0.2.1\n");
	work_out(f, "203.0.113.9/28", "203.0.113.1", NULL);
	assert_string_equal(after(f, SCRIPTS "ifcfg-ens192"),
		"DEVICE=ens192\nIPADDR1=192.0.2.6\nPREFIX1=28\n"
		"GATEWAY=192.0.2.2\nIPADDR1=203.0.113.9\n"
		"GATEWAY=203.0.113.1\n");
	assert_false(said(f, "check"));
}

static void suse_routes(void **state)
{
	struct fix *f = *state;

#define SUSE "/etc/sysconfig/network/"
	guest_dir_put(f->g, SUSE "ifcfg-eth0",
		"BOOTPROTO='static'\nIPADDR='192.0.2.7/24'\n");
	guest_dir_put(f->g, SUSE "routes", "default 192.0.2.1 - -\n");
	guest_dir_put(f->g, SUSE "config",
		"NETCONFIG_DNS_STATIC_SERVERS=\"192.0.2.53\"\n");
	work_out(f, "203.0.113.9/24", "203.0.113.1", "9.9.9.9");
	assert_string_equal(after(f, SUSE "ifcfg-eth0"),
		"BOOTPROTO='static'\nIPADDR='203.0.113.9/24'\n");
	assert_string_equal(
		after(f, SUSE "routes"), "default 203.0.113.1 - -\n");
	assert_string_equal(after(f, SUSE "config"),
		"NETCONFIG_DNS_STATIC_SERVERS=\"9.9.9.9\"\n");
}

/* YaST numbers addresses where the first one has no name. */
static void suse_numbered(void **state)
{
	struct fix *f = *state;

	guest_dir_put(f->g, SUSE "ifcfg-eth0",
		"BOOTPROTO='static'\nIPADDR=''\nIPADDR_0='192.0.2.7'\n"
		"NETMASK_0='255.255.255.0'\nIPADDR_1='192.0.2.8/24'\n");
	work_out(f, "203.0.113.9/28", NULL, NULL);
	assert_string_equal(after(f, SUSE "ifcfg-eth0"),
		"BOOTPROTO='static'\nIPADDR=''\nIPADDR_0='203.0.113.9'\n"
		"NETMASK_0='255.255.255.240'\nIPADDR_1='192.0.2.8/24'\n");
}

/* Two profiles of one card: the one that comes up at the start is meant, not
 * the first by name. */
static void profile_that_is_off(void **state)
{
	struct fix *f = *state;

	guest_dir_put(f->g, SCRIPTS "ifcfg-eth0",
		"DEVICE=eth0\nBOOTPROTO=dhcp\nONBOOT=no\n");
	guest_dir_put(f->g, SCRIPTS "ifcfg-eth0-1",
		"DEVICE=eth0\nONBOOT=yes\nIPADDR=192.0.2.7\nPREFIX=24\n");
	work_out(f, "203.0.113.9/24", NULL, NULL);
	assert_null(after(f, SCRIPTS "ifcfg-eth0"));
	assert_string_equal(after(f, SCRIPTS "ifcfg-eth0-1"),
		"DEVICE=eth0\nONBOOT=yes\nIPADDR=203.0.113.9\nPREFIX=24\n");
	/* Both with an address. */
	guest_dir_put(f->g, SCRIPTS "ifcfg-eth0",
		"DEVICE=eth0\nIPADDR=10.0.0.7\nPREFIX=24\nONBOOT=\"no\"\n");
	work_out(f, "203.0.113.9/24", NULL, NULL);
	assert_null(after(f, SCRIPTS "ifcfg-eth0"));
	assert_non_null(after(f, SCRIPTS "ifcfg-eth0-1"));
	assert_false(said(f, "second address"));
}

static void suse_profile_that_is_off(void **state)
{
	struct fix *f = *state;

	guest_dir_put(f->g, SUSE "ifcfg-eth0",
		"STARTMODE='off'\nIPADDR='192.0.2.7/24'\n");
	guest_dir_put(f->g, SUSE "ifcfg-lan",
		"DEVICE='eth0'\nSTARTMODE='auto'\nIPADDR='192.0.2.8/24'\n");
	work_out(f, "203.0.113.9/24", NULL, NULL);
	assert_null(after(f, SUSE "ifcfg-eth0"));
	assert_string_equal(after(f, SUSE "ifcfg-lan"),
		"DEVICE='eth0'\nSTARTMODE='auto'\nIPADDR='203.0.113.9/24'\n");
}

#define NMDIR "/etc/NetworkManager/system-connections/"

static void nm_profile_that_is_off(void **state)
{
	struct fix *f = *state;

	guest_dir_put(f->g, "/usr/sbin/NetworkManager", "");
	guest_dir_put(f->g, NMDIR "a.nmconnection",
		"[connection]\ninterface-name=ens192\nautoconnect=false\n"
		"[ipv4]\nmethod=manual\naddress1=10.0.0.7/24\n");
	guest_dir_put(f->g, NMDIR "b.nmconnection",
		"[connection]\ninterface-name=ens192\n"
		"[ipv4]\nmethod=manual\naddress1=192.0.2.7/24\n");
	work_out(f, "203.0.113.9/24", NULL, NULL);
	assert_null(after(f, NMDIR "a.nmconnection"));
	assert_string_equal(after(f, NMDIR "b.nmconnection"),
		"[connection]\ninterface-name=ens192\n"
		"[ipv4]\nmethod=manual\naddress1=203.0.113.9/24\n");
}

/* A host route of another kind is not the one to the gateway. */
static void suse_other_host_route(void **state)
{
	struct fix *f = *state;

	guest_dir_put(f->g, SUSE "ifcfg-eth0", "IPADDR='192.0.2.7/24'\n");
	guest_dir_put(f->g, SUSE "routes",
		"10.0.0.5/32 - - eth1\ndefault 192.0.2.1 - -\n");
	work_out(f, "203.0.113.9/32", "62.210.0.1", NULL);
	assert_string_equal(after(f, SUSE "routes"),
		"62.210.0.1/32 - - eth0\n10.0.0.5/32 - - eth1\n"
		"default 62.210.0.1 - -\n");
}

/* Left by an upgrade to netplan: ifup is gone, its file is not read. */
static void stale_files_are_not_read(void **state)
{
	struct fix *f = *state;
	_json_ json_t *facts = NULL;

	guest_dir_put(f->g, ENI, "iface ens192 inet dhcp\n");
	guest_dir_put(f->g, "/usr/sbin/netplan", "");
	guest_dir_put(f->g, "/etc/netplan/a.yaml",
		"network: {ethernets: {ens192: {dhcp4: true}}}\n");
	assert_int_equal(guest_facts(f->g, &facts, NULL), 0);
	assert_string_equal(
		json_string_value(json_at(facts, "network.stack")), "netplan");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(netplan_far_gateway),
		T(netplan_empty_forms),
		T(networkd_far_gateway),
		T(networkd_servers_in_a_line),
		T(nm_keyfile),
		T(nm_gateway_is_a_route),
		T(rhel_ifcfg),
		T(rhel_numbered_and_twice),
		T(suse_routes),
		T(suse_numbered),
		T(suse_other_host_route),
		T(profile_that_is_off),
		T(suse_profile_that_is_off),
		T(nm_profile_that_is_off),
		T(stale_files_are_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
