/* Parsers of what ESXi commands print: core/esxi_text.c, esxi_list.c,
 * esxi_guest.c. Own samples of each dialect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "esxi_int.h"

#define VOLUMES                                                                \
	"Mount Point                                        Volume Name   "    \
	"UUID                                 Mounted  Type     Size    "      \
	"Free\n"                                                               \
	"-------------------------------------------------  ------------  "    \
	"-----------------------------------  -------  ------  -----  -----\n" \
	"/vmfs/volumes/600d9cc6-915fbb51-f64b-d8d385d87c24  my store 1    "    \
	"600d9cc6-915fbb51-f64b-d8d385d87c24     true  VMFS-6  99992   5915\n" \
	"/vmfs/volumes/95e378c2-863dd2b4                    nfs [x] \xc3\xbc"  \
	"     95e378c2-863dd2b4                    true  NFS     10      0\n"  \
	"/vmfs/volumes/6a91690d-eac44959-2d46-001b21e7d76e                "    \
	"6a91690d-eac44959-2d46-001b21e7d76e     true  vfat   4096   1024\n"   \
	"                                                   gone          "    \
	"11111111-eac44959-2d46-001b21e7d76e    false  VMFS-5      0      0\n"

static void is(const json_t *o, const char *key, const char *want)
{
	const char *s = json_str(o, key);

	assert_non_null(s);
	assert_string_equal(s, want);
}

static void volumes(void **state)
{
	_json_ json_t *v = esxi_text_filesystems(VOLUMES);

	(void)state;
	assert_int_equal(json_array_size(v), 3);
	is(json_array_get(v, 0), "name", "my store 1");
	is(json_array_get(v, 0), "mount",
		"/vmfs/volumes/600d9cc6-915fbb51-f64b-d8d385d87c24");
	assert_int_equal(json_u64(json_array_get(v, 0), "free", 0), 5915);
	is(json_array_get(v, 1), "name", "nfs [x] \xc3\xbc");
	is(json_array_get(v, 1), "type", "NFS");
	is(json_array_get(v, 2), "name", "");
}

static void check_path(
	const json_t *v, const char *dir, const char *file, const char *want)
{
	_free_ char *p = esxi_path(v, dir, file);

	assert_string_equal(p, want);
}

static void paths(void **state)
{
	_json_ json_t *v = esxi_text_filesystems(VOLUMES);

	(void)state;
	check_path(v, "/d", "x.vmdk", "/d/x.vmdk");
	check_path(v, "/d", "[my store 1] a b/c.vmdk",
		"/vmfs/volumes/600d9cc6-915fbb51-f64b-d8d385d87c24/a b/c.vmdk");
	check_path(v, "/d", "/vmfs/volumes/my store 1/a/c.vmdk",
		"/vmfs/volumes/600d9cc6-915fbb51-f64b-d8d385d87c24/a/c.vmdk");
	check_path(v, "/d", "/vmfs/volumes/95e378c2-863dd2b4/c.vmdk",
		"/vmfs/volumes/95e378c2-863dd2b4/c.vmdk");
	check_path(v, "/d", "/vmfs/volumes/unknown/c.vmdk",
		"/vmfs/volumes/unknown/c.vmdk");
	check_path(v, "/d", "/vmfs/devices/x", "/vmfs/devices/x");
}

/* 7.0 and 8.0; ids in the order of text; notes of several lines. */
static void vms_new(void **state)
{
	_json_ json_t *v = esxi_text_vms(
		"Skipping invalid VM '6'\n"
		"Vmid           Name                File                     "
		"Guest OS          Version   Annotation\n"
		"10     vm1       [ds2] vm1_1/vm1_1.vmx       "
		"windows8Server64Guest    vmx-17\n"
		"12     vm2           [ds1] vm2/vm2.vmx        "
		"vmwarePhoton64Guest      vmx-13    First line.\n"
		"\n"
		"   An indented one.\n"
		"13 is a number, not a VM [ds] x.vmx\n"
		"2      Test Test [Test] [Test]   [ds 1] a [b]/a [b].vmx   "
		"otherGuest64    vmx-08              \n",
		NULL);
	const json_t *two = json_array_get(v, 2), *odd = json_array_get(v, 3);

	(void)state;
	assert_int_equal(json_array_size(v), 4);
	is(json_array_get(v, 0), "id", "6");
	assert_true(json_flag(json_array_get(v, 0), "invalid", false));
	is(json_array_get(v, 1), "name", "vm1");
	is(json_array_get(v, 1), "hw", "17");
	assert_null(json_str(json_array_get(v, 1), "annotation"));
	is(two, "annotation",
		"First line.\n\n   An indented one.\n"
		"13 is a number, not a VM [ds] x.vmx");
	is(odd, "name", "Test Test [Test] [Test]");
	is(odd, "datastore", "ds 1");
	is(odd, "file", "[ds 1] a [b]/a [b].vmx");
	is(odd, "guest", "otherGuest64");
}

/* 4.x: one blank between columns; brackets in name and path. */
static void vms_old(void **state)
{
	static const char text[] =
		"Vmid Name      File           Guest OS     Version "
		"Annotation\n"
		"496  a (b: c) [my store 1] d_4/d_4.vmx   winXPProGuest   "
		"vmx-04      \n"
		"497  [prod] web [my store 1] x [nfs] y/x [nfs] y.vmx "
		"other26xLinuxGuest vmx-04 see [ds] a.vmx x vmx-9\n"
		"498  tmpl [my store 1] t/t.vmtx winXPProGuest vmx-04\n";
	_json_ json_t *volumes = esxi_text_filesystems(VOLUMES);
	_json_ json_t *v = esxi_text_vms(text, volumes);

	(void)state;
	assert_int_equal(json_array_size(v), 3);
	is(json_array_get(v, 0), "name", "a (b: c)");
	is(json_array_get(v, 0), "file", "[my store 1] d_4/d_4.vmx");
	is(json_array_get(v, 1), "name", "[prod] web");
	is(json_array_get(v, 1), "file",
		"[my store 1] x [nfs] y/x [nfs] y.vmx");
	is(json_array_get(v, 1), "annotation", "see [ds] a.vmx x vmx-9");
	is(json_array_get(v, 2), "file", "[my store 1] t/t.vmtx");
}

/* A note cannot make a VM of the same id appear twice. */
static void vms_forged(void **state)
{
	_json_ json_t *v = esxi_text_vms(
		"Vmid Name File Guest OS Version Annotation\n"
		"1      a   [ds] a/a.vmx   otherGuest   vmx-13   note\n"
		"1      b   [ds] b/b.vmx   otherGuest   vmx-13\n",
		NULL);
	_json_ json_t *none = esxi_text_vms(
		"Vmid   Name   File   Guest OS   Version   Annotation\n", NULL);

	(void)state;
	assert_int_equal(json_array_size(v), 1);
	is(json_array_get(v, 0), "name", "a");
	assert_int_equal(json_array_size(none), 0);
}

static void processes(void **state)
{
	_json_ json_t *v = esxi_text_processes(
		"a [b] c\n"
		"   World ID: 527611\n"
		"   Process ID: 0\n"
		"   Display Name: a [b] c\n"
		"   Config File: /vmfs/volumes/661ab9c9/a [b]: c/x.vmx\n"
		"\n"
		"two\n"
		"   World ID: 527647\n"
		"   Config File: /vmfs/volumes/661ab9c9/two/x.vmx\n");
	_json_ json_t *none = esxi_text_processes("");

	(void)state;
	assert_int_equal(json_array_size(v), 2);
	is(json_array_get(v, 0), "config",
		"/vmfs/volumes/661ab9c9/a [b]: c/x.vmx");
	is(json_array_get(v, 1), "world", "527647");
	assert_int_equal(json_array_size(none), 0);
}

static void snapshots(void **state)
{
	_json_ json_t *v = NULL, *none = NULL;
	const json_t *kids, *one;
	struct err e;

	(void)state;
	assert_int_equal(esxi_text_snapshots(
				 "Get Snapshot:\n"
				 "|-ROOT\n"
				 "--Snapshot Name        : be: fore\n"
				 "--Snapshot Id        : 14\n"
				 "--Snapshot Desciption  : one\n"
				 "two : 2\n"
				 "--Snapshot Created On  : 4/12/2023 16:12:54\n"
				 "--Snapshot State       : powered on\n"
				 "--|-CHILD\n"
				 "----Snapshot Name        : a\n"
				 "----Snapshot Id        : 15\n"
				 "----Snapshot Desciption  : \n"
				 "----Snapshot Created On  : 5/9/2021 23:50:0\n"
				 "----Snapshot State       : powered off\n"
				 "----|-CHILD\n"
				 "------Snapshot Name        : b\n"
				 "--|-CHILD\n"
				 "----Snapshot Name        : c\n",
				 &v, &e),
		0);
	assert_int_equal(esxi_snapshot_count(v), 4);
	one = json_array_get(v, 0);
	is(one, "name", "be: fore");
	is(one, "id", "14");
	is(one, "description", "one\ntwo : 2");
	kids = json_object_get(one, "children");
	assert_int_equal(json_array_size(kids), 2);
	is(json_array_get(kids, 1), "name", "c");
	assert_int_equal(esxi_text_snapshots("Get Snapshot:\n", &none, &e), 0);
	assert_int_equal(json_array_size(none), 0);
	assert_int_equal(esxi_text_snapshots("Killed\n", &v, &e), -1);
	assert_int_equal(e.code, ERR_ESXI_COMMAND);
}

static void power(void **state)
{
	char s[ESXI_POWER_LEN] = "";
	struct err e;

	(void)state;
	assert_int_equal(
		esxi_text_power("Retrieved runtime info\nPowered on\n", s, &e),
		0);
	assert_string_equal(s, "on");
	assert_int_equal(
		esxi_text_power("Retrieved runtime info\nPowered off\n", s, &e),
		0);
	assert_string_equal(s, "off");
	assert_int_equal(
		esxi_text_power("Retrieved runtime info\nSuspended\n", s, &e),
		0);
	assert_string_equal(s, "suspended");
	assert_int_equal(
		esxi_text_power("Retrieved runtime info\n", s, &e), -1);
	assert_string_equal(s, "suspended");
}

static void version(void **state)
{
	struct esxi_about a;

	(void)state;
	assert_int_equal(
		esxi_text_version("VMware ESXi 8.0.2 build-22380479\n", &a), 0);
	assert_string_equal(a.version, "8.0.2");
	assert_string_equal(a.product, "VMware ESXi");
	assert_string_equal(a.build, "22380479");
	assert_int_equal(a.major, 8);
	assert_int_equal(esxi_text_version("   Product: VMware ESXi\n"
					   "   Version: 5.5.0\n"
					   "   Build: Releasebuild-2068190\n",
				 &a),
		0);
	assert_int_equal(a.major, 5);
	assert_int_equal(a.minor, 5);
	assert_string_equal(a.build, "2068190");
	assert_int_equal(
		esxi_text_version("VMware ESXi 9.1.1 build-25714478\n", &a), 0);
	assert_int_equal(a.major, 9);
	assert_int_equal(esxi_text_version("sh: vmware: not found\n", &a), -1);
}

static void locks(void **state)
{
	struct esxi_lock l;

	(void)state;
	assert_int_equal(
		esxi_text_lock(
			"Lock [type 10c00001 offset 236560384 v 44, hb offset "
			"4091904\n"
			"gen 6155, mode 1, owner 600d9cc6-915fbb51-f64b-"
			"d8d385d87c24 mtime 23668 nHld 0 nOvf 0]\n"
			"Addr <4, 558, 4>, gen 6, links 1, type reg, flags 0, "
			"uid 0, gid 0, mode 600\n"
			"len 42949672960, nb 3487 tbz 0, cow 0, "
			"newSinceEpoch 0, zla 4305, bs 1048576\n",
			&l),
		0);
	assert_int_equal(l.mode, 1);
	assert_string_equal(l.owner, "600d9cc6-915fbb51-f64b-d8d385d87c24");
	assert_true(l.blocks * l.block_size == 3487ULL << 20);
	assert_int_equal(esxi_text_lock("not on NFS\n", &l), -1);
}

static void questions(void **state)
{
	char q[200];

	(void)state;
	assert_false(esxi_text_question("No message.\n", q, sizeof(q)));
	assert_true(esxi_text_question("Virtual machine message 27:\n"
				       "msg.uuid.altered:Moved or copied?\n"
				       "   0. Cancel\n",
		q, sizeof(q)));
	assert_non_null(strstr(q, "Moved or copied?"));
	assert_non_null(strstr(q, "0. Cancel"));
}

static void failures(void **state)
{
	char m[100];

	(void)state;
	assert_true(esxi_text_busy("Failed to login: Connection reset", true));
	assert_true(esxi_text_busy("Killed\n", false));
	/* perhaps it did something before it was killed */
	assert_false(esxi_text_busy("Killed\n", true));
	assert_false(esxi_text_busy("Powered off\n", false));
	assert_true(esxi_text_failed(
		"Powering off VM:\nPower off failed\n", m, sizeof(m)));
	assert_string_equal(m, "Power off failed");
	assert_true(esxi_text_failed(
		"(vim.fault.NoPermission) {\n   msg = \"\"\n}\n", m,
		sizeof(m)));
	assert_string_equal(m, "vim.fault.NoPermission");
	assert_true(esxi_text_failed("Invalid command 'x'.\n", m, sizeof(m)));
	assert_false(esxi_text_failed("Powering off VM:\n", m, sizeof(m)));
	assert_false(esxi_text_failed("", m, sizeof(m)));
}

static void portgroups(void **state)
{
	_json_ json_t *v = esxi_text_portgroups(
		"Name                    Virtual Switch  Active Clients  "
		"VLAN ID\n"
		"----------------------  --------------  --------------  "
		"-------\n"
		"Management Network      vSwitch0                     1     "
		"   0\n"
		"VM  Netz \xc3\xbc         v Switch 1                   3    "
		" 4095\n");

	(void)state;
	assert_int_equal(json_array_size(v), 2);
	is(json_array_get(v, 0), "name", "Management Network");
	is(json_array_get(v, 1), "name", "VM  Netz \xc3\xbc");
	is(json_array_get(v, 1), "vswitch", "v Switch 1");
	assert_int_equal(json_u64(json_array_get(v, 1), "vlan", 0), 4095);
}

static void guest(void **state)
{
	_json_ json_t *g = NULL;
	const json_t *nic;
	struct err e;

	(void)state;
	assert_int_equal(
		esxi_text_guest(
			"Guest information:\n\n"
			"(vim.vm.GuestInfo) {\n"
			"   toolsStatus = \"toolsOk\", \n"
			"   hostName = \"web01\", \n"
			"   net = (vim.vm.GuestInfo.NicInfo) [\n"
			"      (vim.vm.GuestInfo.NicInfo) {\n"
			"         network = \"VM Network\", \n"
			"         ipAddress = (string) [\n"
			"            \"192.0.2.4\"\n"
			"         ], \n"
			"         macAddress = \"00:0c:29:46:9b:0b\", \n"
			"         deviceConfigId = 4000, \n"
			"         ipConfig = (vim.net.IpConfigInfo) {\n"
			"            ipAddress = "
			"(vim.net.IpConfigInfo.IpAddress) [\n"
			"               (vim.net.IpConfigInfo.IpAddress) {\n"
			"                  ipAddress = \"192.0.2.4\", \n"
			"                  prefixLength = 24\n"
			"               }\n"
			"            ]\n"
			"         }\n"
			"      }\n"
			"   ], \n"
			"   ipStack = (vim.vm.GuestInfo.StackInfo) [\n"
			"      (vim.vm.GuestInfo.StackInfo) {\n"
			"         dnsConfig = (vim.net.DnsConfigInfo) {\n"
			"            ipAddress = (string) [\n"
			"               \"192.0.2.53\"\n"
			"            ]\n"
			"         }, \n"
			"         ipRouteConfig = (vim.net.IpRouteConfigInfo) "
			"{\n"
			"            ipRoute = (x.IpRoute) [\n"
			"               (x.IpRoute) {\n"
			"                  network = \"0.0.0.0\", \n"
			"                  prefixLength = 0, \n"
			"                  gateway = (x.Gateway) {\n"
			"                     ipAddress = \"192.0.2.1\", \n"
			"                     device = \"0\"\n"
			"                  }\n"
			"               }\n"
			"            ]\n"
			"         }\n"
			"      }\n"
			"   ]\n"
			"}\n",
			&g, &e),
		0);
	is(g, "hostname", "web01");
	nic = json_array_get(json_object_get(g, "nics"), 0);
	assert_int_equal(json_u64(nic, "key", 0), 4000);
	is(json_array_get(json_object_get(nic, "addresses"), 0), "address",
		"192.0.2.4");
	assert_int_equal(
		json_u64(json_array_get(json_object_get(nic, "addresses"), 0),
			"prefix", 0),
		24);
	is(json_array_get(json_object_get(g, "routes"), 0), "gateway",
		"192.0.2.1");
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(g, "dns"), 0)),
		"192.0.2.53");
}

static void deltas(void **state)
{
	static const char *const yes[] = {"web-000001.vmdk",
		"web-000001-delta.vmdk", "web-000012-sesparse.vmdk"};
	static const char *const no[] = {"web.vmdk", "web-flat.vmdk",
		"web-0001.vmdk", "web2-000001.vmdk", "web-000001-flat.vmdk",
		"web-000001-ctk.vmdk", "web-0000001.vmdk", "we"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		assert_true(esxi_is_delta("web.vmdk", yes[i]));
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		assert_false(esxi_is_delta("web.vmdk", no[i]));
}

/* Nothing from a host is put into a command line but in quotes. */
static void lines(void **state)
{
	static const char evil[] = "'; reboot; echo '";

	(void)state;
	for (int i = 0; i < ESXI_COMMANDS; i++) {
		_free_ char *plain = esxi_line(i, NULL);
		_free_ char *l = esxi_line(i, evil);

		if (strstr(plain, "{}"))
			assert_non_null(
				strstr(l, "''\\''; reboot; echo '\\'''"));
		else
			assert_string_equal(l, plain);
		/* One line destroys: cleanup's, after the name was typed. */
		if (i != ESXI_DESTROY)
			assert_null(strstr(plain, "destroy"));
		assert_null(strstr(plain, "unregister"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(volumes),
		cmocka_unit_test(paths),
		cmocka_unit_test(vms_new),
		cmocka_unit_test(vms_old),
		cmocka_unit_test(vms_forged),
		cmocka_unit_test(processes),
		cmocka_unit_test(snapshots),
		cmocka_unit_test(power),
		cmocka_unit_test(version),
		cmocka_unit_test(locks),
		cmocka_unit_test(questions),
		cmocka_unit_test(failures),
		cmocka_unit_test(portgroups),
		cmocka_unit_test(guest),
		cmocka_unit_test(deltas),
		cmocka_unit_test(lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
