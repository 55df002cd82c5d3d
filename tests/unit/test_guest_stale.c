/* What still names the network that was left is said, and nothing else is.
 * The guest is a directory tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guest_dir.h"
#include "str.h"

static const char redhat[] = "DEVICE=eth0\nBOOTPROTO=static\nONBOOT=yes\n"
			     "IPADDR=192.0.2.7\nNETMASK=255.255.255.0\n";
static const char debian[] = "auto ens192\niface ens192 inet static\n"
			     "\taddress 192.0.2.7/24\n"
			     "\tgateway 192.0.2.1\n";
static const struct {
	const char *path, *text;   /* beside the card's own file */
	const char *address, *say; /* null: nothing */
} rows[] = {
	{"/etc/sysconfig/network", "NETWORKING=yes\nGATEWAY=192.0.2.1\n",
		"203.0.113.77/24",
		"/etc/sysconfig/network, line 2 still names 192.0.2.1 of the "
		"network the VM leaves: look whether it is needed"},
	{"/etc/sysconfig/network-scripts/route-eth0",
		"# via 192.0.2.1\n10.0.0.0/8 via 192.0.2.254 dev eth0\n",
		"203.0.113.77/24",
		"/etc/sysconfig/network-scripts/route-eth0, line 2 still names "
		"192.0.2.254 of the network the VM leaves: look whether it is "
		"needed"},
	{"/etc/rc.local", "route add -net 10.1.0.0/16 gw 198.51.100.1\n",
		"203.0.113.77/24", NULL},
	{"/etc/rc.local", "ip route add 10.1.0.0/16 via 192.0.2.254\n",
		"192.0.2.9/24", NULL},
	{"/etc/rc.local", "echo 1192.0.2.1 192.0.2.1000\n", "203.0.113.77/24",
		NULL},
};

static char *said(size_t row)
{
	_json_ json_t *wanted = json_object(), *nic = json_object(),
		      *nics = json_array();
	_changes_ struct guest_changes cs = {0};
	struct guest *g = guest_dir_new();
	char *out = NULL;

	guest_dir_put(g, "/etc/sysconfig/network-scripts/ifcfg-eth0", redhat);
	guest_dir_put(g, rows[row].path, rows[row].text);
	json_put_u64(nic, "index", 0);
	json_put_str(nic, "address", rows[row].address);
	json_put_str(nic, "mac", "02:00:00:01:02:03");
	json_array_append(nics, nic);
	json_put(wanted, "nics", json_incref(nics));
	guest_network_changes(g, wanted, &cs);
	assert_true(cs.n > 0);
	for (size_t i = 0; i < cs.n_left; i++)
		if (strstr(cs.left[i], "still names")) {
			assert_null(out);
			out = xstrdup(cs.left[i]);
		}
	guest_dir_free(g);
	return out;
}

static void each_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_free_ char *s = said(i);

		if (rows[i].say)
			assert_string_equal(s ? s : "nothing", rows[i].say);
		else
			assert_null(s);
	}
}

/* A hook's route; what is rewritten is not said. */
static void a_hook(void **state)
{
	_json_ json_t *wanted = json_pack("{s:[{s:i,s:s,s:s,s:s}]}", "nics",
		"index", 0, "address", "203.0.113.77/24", "gateway",
		"203.0.113.1", "mac", "02:00:00:01:02:03");
	_free_ char *text = xasprintf(
		"%s\tup ip route add 10.0.0.0/8 via 192.0.2.254\n", debian);
	_changes_ struct guest_changes cs = {0};
	struct guest *g = guest_dir_new();
	size_t n = 0;

	(void)state;
	guest_dir_put(g, "/etc/network/interfaces", text);
	guest_dir_put(g, "/sbin/ifup", "");
	guest_network_changes(g, wanted, &cs);
	for (size_t i = 0; i < cs.n_left; i++)
		n += !!strstr(cs.left[i],
			"interfaces, line 5 still names 192.0.2.254 of");
	assert_int_equal(n, 1);
	guest_dir_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_file),
		cmocka_unit_test(a_hook),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
