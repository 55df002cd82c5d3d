/*
 * IPv6 in every stack: replaced, added, or left alone where it is not certain.
 * The guest is a directory tree; each row is a whole file before and after.
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
#include "str.h"

#define ADDR "2001:db8:9::7/64"
#define GW "2001:db8:9::1"

struct row {
	const char *stack, *before, *after; /* after null: left alone */
	const char *gateway;
	size_t others; /* interfaces in the same file */
};

static const struct row rows[] = {
	{"ifupdown",
		"iface ens192 inet static\n\taddress 192.0.2.7/24\n"
		"# six\niface ens192 inet6 static\n"
		"\taddress 2001:db8::5\n\tnetmask 64\n"
		"\tgateway 2001:db8::1\n\tdns-nameservers 2001:db8::53\n",
		"iface ens192 inet static\n\taddress 192.0.2.7/24\n"
		"# six\niface ens192 inet6 static\n"
		"\taddress " ADDR "\n"
		"\tgateway " GW "\n\tdns-nameservers 2001:db8::53\n",
		GW, 0},
	{"ifupdown", "iface ens192 inet6 static\n\taddress 2001:db8::5/64\n",
		"iface ens192 inet6 static\n\taddress " ADDR "\n", NULL, 0},
	/* None yet: a stanza of its own behind the last one. */
	{"ifupdown",
		"iface ens192 inet static\n\taddress 192.0.2.7/24\n"
		"\nauto lo\niface lo inet loopback\n",
		"iface ens192 inet static\n\taddress 192.0.2.7/24\n"
		"iface ens192 inet6 static\n\taddress " ADDR "\n\tgateway " GW
		"\n"
		"\nauto lo\niface lo inet loopback\n",
		GW, 0},
	/* Two addresses: whose turn is it? */
	{"ifupdown",
		"iface ens192 inet6 static\n\taddress 2001:db8::5/64\n"
		"\tup ip -6 addr add 2001:db8::6/64 dev ens192\n",
		NULL, GW, 0},
	{"netplan",
		"network:\n  ethernets:\n    ens192:\n      addresses:\n"
		"        - 192.0.2.7/24\n        - \"2001:db8::5/64\"\n"
		"      routes:\n        - to: \"::/0\"\n"
		"          via: \"2001:db8::1\"\n      nameservers:\n"
		"        addresses: [2001:db8::53]\n",
		"network:\n  ethernets:\n    ens192:\n      addresses:\n"
		"        - 192.0.2.7/24\n        - \"" ADDR "\"\n"
		"      routes:\n        - to: \"::/0\"\n"
		"          via: \"" GW "\"\n      nameservers:\n"
		"        addresses: [2001:db8::53]\n",
		GW, 0},
	{"netplan",
		"network:\n  ethernets:\n    ens192:\n"
		"      addresses: [2001:db8::5/64]\n",
		NULL, NULL, 1},
	/* None yet, and interfaces beside it. */
	{"netplan",
		"network:\n  ethernets:\n    ens192:\n"
		"      addresses: [192.0.2.7/24] # four\n"
		"    ens224:\n      addresses: [\"2001:db8::5/64\"]\n",
		"network:\n  ethernets:\n    ens192:\n"
		"      routes: [{to: \"::/0\", via: \"" GW "\"}]\n"
		"      addresses: [\"" ADDR "\", 192.0.2.7/24] # four\n"
		"    ens224:\n      addresses: [\"2001:db8::5/64\"]\n",
		GW, 1},
	{"netplan",
		"network:\n  ethernets:\n    ens192:\n      dhcp4: true\n"
		"      routes:\n        - to: 10.0.0.0/8\n"
		"          via: 192.0.2.1\n",
		"network:\n  ethernets:\n    ens192:\n"
		"      addresses: [\"" ADDR "\"]\n      dhcp4: true\n"
		"      routes:\n"
		"        - {to: \"::/0\", via: \"2001:db8:8::1\", on-link: "
		"true}\n"
		"        - to: 10.0.0.0/8\n          via: 192.0.2.1\n",
		"2001:db8:8::1", 0},
	{"netplan", "network:\n  ethernets:\n    ens224: {}\n", NULL, GW, 0},
	{"ifcfg-suse", "IPADDR='192.0.2.7/24'\nBOOTPROTO='static'\n",
		"IPADDR='192.0.2.7/24'\nBOOTPROTO='static'\n"
		"IPADDR_6='" ADDR "'\n",
		NULL, 0},
	{"ifcfg-suse", "IPADDR_0='2001:db8::5/64'\n", "IPADDR_0='" ADDR "'\n",
		NULL, 0},
	{"networkd",
		"[Match]\nName=ens192\n[Network]\nAddress=192.0.2.7/24\n"
		"Address=2001:db8::5/64\nGateway=192.0.2.1\n"
		"Gateway=2001:db8::1\nDNS=2001:db8::53\n",
		"[Match]\nName=ens192\n[Network]\nAddress=192.0.2.7/24\n"
		"Address=" ADDR "\nGateway=192.0.2.1\n"
		"Gateway=" GW "\nDNS=2001:db8::53\n",
		GW, 0},
	{"networkd", "[Match]\nName=ens192\n\n[Network]\nDHCP=ipv4\n",
		"[Match]\nName=ens192\n\n[Network]\nAddress=" ADDR
		"\nGateway=" GW "\nDHCP=ipv4\n",
		GW, 0},
	{"nm",
		"[ipv4]\nmethod=auto\n\n[ipv6]\n"
		"address1=2001:db8::5/64,2001:db8::1\ndns=2001:db8::53;\n"
		"method=manual\n",
		"[ipv4]\nmethod=auto\n\n[ipv6]\naddress1=" ADDR "," GW
		"\ndns=2001:db8::53;\nmethod=manual\n",
		GW, 0},
	{"nm", "[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=ignore\n",
		"[ipv4]\nmethod=auto\n\n[ipv6]\naddress1=" ADDR "," GW
		"\nmethod=manual\n",
		GW, 0},
	{"ifcfg", "DEVICE=ens192\nIPADDR=192.0.2.7\n",
		"DEVICE=ens192\nIPADDR=192.0.2.7\nIPV6INIT=yes\n"
		"IPV6ADDR=" ADDR "\nIPV6_DEFAULTGW=fe80::1\n",
		"fe80::1", 0},
	{"ifcfg",
		"IPV6ADDR=\"2001:db8::5/64\" # old\n"
		"IPV6_DEFAULTGW=2001:db8::1\n",
		"IPV6ADDR=\"" ADDR "\" # old\nIPV6_DEFAULTGW=" GW "\n", GW, 0},
};

static void file_by_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_changes_ struct guest_changes cs = {0};
		_json_ json_t *list = json_array(), *nic = json_object();
		struct guest *g = guest_dir_new();
		json_t *c = net_iface(list, "ens192", "/etc/f");

		json_put_str(c, "stack", rows[i].stack);
		for (size_t k = 0; k < rows[i].others; k++)
			net_iface(list, "ens224", "/etc/f");
		guest_dir_put(g, "/etc/f", rows[i].before);
		json_put_str(nic, "address6", ADDR);
		json_put_str(nic, "gateway6", rows[i].gateway);
		assert_true(net6_change(g, list, c, nic, &cs));
		if (!rows[i].after) {
			assert_int_equal(cs.n, 0);
			assert_int_equal(cs.n_left, 1);
		} else {
			if (cs.n != 1)
				fail_msg("row %zu: left alone", i);
			assert_string_equal(cs.c[0].after, rows[i].after);
			assert_int_equal(cs.n_left, 0);
			/* Once more it changes nothing. */
			guest_dir_put(g, "/etc/f", rows[i].after);
			guest_changes_free(&cs);
			net6_change(g, list, c, nic, &cs);
			assert_int_equal(cs.n + cs.n_left, 0);
		}
		guest_dir_free(g);
	}
}

static void no_address(void **state)
{
	static const char *const bad[] = {"2001:db8::7", "192.0.2.7/24",
		"2001:db8::7/129", "x/64", "2001:db8::7/64/", ""};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		_changes_ struct guest_changes cs = {0};
		_json_ json_t *list = json_array(), *nic = json_object();
		struct guest *g = guest_dir_new();
		json_t *c = net_iface(list, "ens192", "/etc/f");

		json_put_str(c, "stack", "networkd");
		guest_dir_put(g, "/etc/f", "[Network]\n");
		json_put_str(nic, "address6", bad[i]);
		net6_change(g, list, c, nic, &cs);
		assert_int_equal(cs.n, 0);
		assert_int_equal(cs.n_left, 1);
		guest_dir_free(g);
	}
}

/* IPv4 and IPv6 of one file in one go, through the front. */
static void both_families(void **state)
{
	static const char wanted[] =
		"{\"tools_off\":false,\"nics\":[{\"index\":0,"
		"\"name\":\"ens192\",\"address\":\"203.0.113.7/24\","
		"\"gateway\":\"203.0.113.1\",\"address6\":\"" ADDR
		"\",\"gateway6\":\"" GW "\"}]}";
	_changes_ struct guest_changes cs = {0};
	_json_ json_t *want = NULL;
	struct guest *g = guest_dir_new();

	(void)state;
	guest_dir_put(g, "/sbin/ifup", "");
	guest_dir_put(g, "/etc/network/interfaces",
		"auto ens192\niface ens192 inet static\n"
		"\taddress 192.0.2.7/24\n\tgateway 192.0.2.1\n");
	assert_int_equal(json_parse(wanted, strlen(wanted), &want, NULL), 0);
	assert_int_equal(guest_changes(g, want, &cs, NULL), 0);
	assert_string_equal(cs.c[0].after,
		"auto ens192\niface ens192 inet static\n"
		"\taddress 203.0.113.7/24\n\tgateway 203.0.113.1\n"
		"iface ens192 inet6 static\n\taddress " ADDR "\n\tgateway " GW
		"\n");
	guest_dir_free(g);
}

/* SUSE's way out stands in a file of its own. */
static void suse_routes(void **state)
{
	static const char dir[] = "/etc/sysconfig/network/";
	static const struct {
		const char *before, *gateway, *after;
	} row[] = {
		{NULL, GW, "default " GW " - eth0\n"},
		{"default 192.0.2.1 - eth0", "fe80::1",
			"default 192.0.2.1 - eth0\ndefault fe80::1 - eth0\n"},
		{"# six\ndefault 2001:db8::1 - -\n", GW,
			"# six\ndefault " GW " - -\n"},
		{NULL, "2001:db8:8::1",
			"2001:db8:8::1/128 - - eth0\n"
			"default 2001:db8:8::1 - eth0\n"},
	};
	_free_ char *path = xasprintf("%sifroute-eth0", dir);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		_changes_ struct guest_changes cs = {0};
		_json_ json_t *list = json_array(), *nic = json_object();
		struct guest *g = guest_dir_new();
		_free_ char *file = xasprintf("%sifcfg-eth0", dir);
		json_t *c = net_iface(list, "eth0", file);

		json_put_str(c, "stack", "ifcfg-suse");
		guest_dir_put(g, file, "IPADDR='192.0.2.7/24'\n");
		if (row[i].before)
			guest_dir_put(g, path, row[i].before);
		json_put_str(nic, "address6", ADDR);
		json_put_str(nic, "gateway6", row[i].gateway);
		assert_true(net6_change(g, list, c, nic, &cs));
		assert_int_equal(cs.n, 2);
		assert_string_equal(cs.c[1].path, path);
		assert_string_equal(cs.c[1].after, row[i].after);
		guest_dir_free(g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_by_file),
		cmocka_unit_test(no_address),
		cmocka_unit_test(both_families),
		cmocka_unit_test(suse_routes),
	};

	return cmocka_run_group_tests_name("net6", tests, NULL, NULL);
}
