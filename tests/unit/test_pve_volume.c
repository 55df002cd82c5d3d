/* Proxmox VE client: storages, volumes, devices, the guest's agent, by small
 * answers of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "pveops.h"

#define STORAGES "GET " NODE "/storage"
#define AGENT NODE "/qemu/120/agent/"
#define EMPTY "{\"data\":[]}"

/* ---- storages ---- */

/* As the API lists them: without `format` (before it was asked for), with
 * it, and one of each kind. */
static const char storages[] =
	"{\"data\":["
	"{\"storage\":\"local\",\"type\":\"dir\",\"content\":\"iso,images\","
	"\"active\":1,\"enabled\":1,\"shared\":0,\"avail\":\"1000\","
	"\"total\":4000,\"used\":3000},"
	"{\"storage\":\"zfs\",\"type\":\"zfspool\",\"content\":\"images\","
	"\"active\":1,\"enabled\":1,"
	"\"format\":[{\"raw\":1,\"subvol\":1},\"raw\"]},"
	"{\"storage\":\"vg\",\"type\":\"lvm\",\"content\":\"images\","
	"\"active\":1,\"enabled\":1},"
	"{\"storage\":\"thin\",\"type\":\"lvmthin\",\"content\":\"images\","
	"\"active\":1,\"enabled\":1},"
	"{\"storage\":\"nfs1\",\"type\":\"nfs\",\"content\":\"images\","
	"\"active\":0,\"enabled\":1,"
	"\"format\":[{\"raw\":1,\"qcow2\":1,\"vmdk\":0},\"qcow2\"]},"
	"{\"storage\":\"off\",\"type\":\"dir\",\"content\":\"images\","
	"\"active\":0,\"enabled\":0},"
	"{\"storage\":\"iso\",\"type\":\"dir\",\"content\":\"iso\","
	"\"active\":1,\"enabled\":1},"
	"{\"storage\":\"pbs\",\"type\":\"pbs\",\"content\":\"images\","
	"\"active\":1,\"enabled\":1},"
	"{\"storage\":\"krbd\",\"type\":\"rbd\",\"content\":\"images\","
	"\"active\":1,\"enabled\":1},"
	"{\"storage\":\"ceph\",\"type\":\"rbd\",\"content\":\"images\","
	"\"active\":1,\"enabled\":1},"
	"{\"storage\":\"new\",\"type\":\"fancy\",\"content\":\"images\","
	"\"active\":1,\"enabled\":1}]}";

static void check_row(const json_t *rows, const char *name, const char *formats,
	bool thin, bool zeroed)
{
	const json_t *row;
	size_t i;

	json_array_foreach ((json_t *)rows, i, row) {
		_free_ char *f = NULL;

		if (strcmp(json_str(row, "storage"), name) != 0)
			continue;
		f = json_line(json_object_get(row, "formats"));
		assert_string_equal(f, formats);
		assert_int_equal(json_flag(row, "thin", !thin), thin);
		assert_int_equal(json_flag(row, "zeroed", !zeroed), zeroed);
		return;
	}
	fail_msg("no %s", name);
}

static void list_storages(void **state)
{
	struct fix f;
	_json_ json_t *s = NULL, *again = NULL;

	(void)state;
	fix_open(&f, "8.4.21");
	web_ok(&f.w, STORAGES, storages);
	web_on(&f.w, "GET /api2/json/storage/zfs", 1, "200 OK",
		"{\"data\":{\"sparse\":1}}");
	web_on(&f.w, "GET /api2/json/storage/zfs", -1,
		"403 Permission check failed (/storage/zfs, "
		"Datastore.Allocate)",
		NULL_DATA);
	web_ok(&f.w, "GET /api2/json/storage/krbd", "{\"data\":{\"krbd\":1}}");
	web_ok(&f.w, "GET /api2/json/storage/ceph", "{\"data\":{}}");
	assert_int_equal(pve_storages(f.p, &s, &f.e), 0);
	check_row(s, "krbd", "[\"raw\"]", true, true);
	check_row(s, "ceph", "[]", true, true);
	check_row(s, "local", "[\"raw\",\"qcow2\",\"vmdk\"]", true, true);
	check_row(s, "zfs", "[\"raw\"]", true, true);
	check_row(s, "vg", "[\"raw\"]", false, false);
	check_row(s, "thin", "[\"raw\"]", true, false);
	check_row(s, "nfs1", "[\"raw\",\"qcow2\"]", true, true);
	check_row(s, "iso", "[]", true, true);
	check_row(s, "pbs", "[]", false, false);
	/* A type that came after us: nothing is taken for granted. */
	check_row(s, "new", "[\"raw\"]", false, false);
	assert_int_equal(json_u64(json_array_get(s, 0), "avail", 0), 1000);
	assert_string_equal(
		json_str(json_array_get(s, 4), "default_format"), "qcow2");
	assert_int_equal(pve_storages(f.p, &again, &f.e), 0);
	check_row(again, "zfs", "[\"raw\"]", false, true);
	fix_close(&f);
}

static void unfit(void **state)
{
	static const struct {
		const char *storage, *why;
	} rows[] = {
		{"off", "storage off is disabled, or not for this node"},
		{"nfs1", "storage nfs1 is not active"},
		{"ceph",
			"storage ceph has no block devices on the node: set "
			"KRBD on it (pvesm set STORAGE --krbd 1)"},
		{"iso", "storage iso takes no VM disks (content type images)"},
		{"pbs",
			"storage pbs is of a kind whose disks are no file or "
			"device of the node"},
		{"nope",
			"storage nope is not there, or this login may not see "
			"it"},
	};
	struct fix f;
	char *volid = NULL;

	(void)state;
	fix_open(&f, "8.4.21");
	web_ok(&f.w, STORAGES, storages);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(pve_volume_alloc(f.p, rows[i].storage, 120,
					 NULL, 1, NULL, &volid, &f.e),
			-1);
		assert_int_equal(f.e.code, ERR_STORAGE_UNFIT);
		assert_string_equal(f.e.why, rows[i].why);
	}
	assert_int_equal(pve_volume_alloc(f.p, "vg", 120, "qcow2", 1, NULL,
				 &volid, &f.e),
		-1);
	assert_string_equal(f.e.why, "storage vg cannot hold qcow2");
	assert_int_equal(web_count(&f.w, "POST"), 0);
	fix_close(&f);
}

/* ---- alloc ---- */

#define CONTENT_L "GET " NODE "/storage/local/content"
#define ALLOC_L "POST " NODE "/storage/local/content"
#define VOL(name) "{\"volid\":\"local:120/" name "\",\"used\":7}"

static int told(void *arg, const char *volid, struct err *e)
{
	(void)e;
	str_set(arg, volid);
	return 0;
}

/* The number after those that are listed; the mark keeps the name apart from
 * those that are not. */
static void alloc_names(void **state)
{
	struct fix f;
	_free_ char *a = NULL, *b = NULL, *c = NULL, *name = NULL;
	const struct pve_naming naming = {told, &name};

	(void)state;
	fix_open(&f, "8.4.21");
	assert_int_equal(strspn(f.p->mark, "0123456789abcdef"), 8);
	snprintf(f.p->mark, sizeof(f.p->mark), "0ff1ce00");
	web_ok(&f.w, STORAGES, storages);
	web_on(&f.w, CONTENT_L, 1, "200 OK", EMPTY);
	web_ok(&f.w, CONTENT_L,
		"{\"data\":[" VOL("vm-120-disk-0.raw") "," //
		VOL("vm-120-disk-9-0badcafe.qcow2") ","    //
		VOL("vm-120-cloudinit.qcow2") ","          //
					      "{\"volid\":\"local:1120/"
					      "vm-1120-disk-77.raw\"}]}");
	web_on(&f.w, ALLOC_L, 1, "200 OK",
		"{\"data\":\"local:120/vm-120-disk-0-0ff1ce00.qcow2\"}");
	web_on(&f.w, ALLOC_L, 1, "200 OK",
		"{\"data\":\"local:120/vm-120-disk-10-0ff1ce00.raw\"}");
	assert_int_equal(pve_volume_alloc(f.p, "local", 120, "qcow2", 1025,
				 &naming, &a, &f.e),
		0);
	assert_string_equal(a, "local:120/vm-120-disk-0-0ff1ce00.qcow2");
	assert_string_equal(name, a);
	/* The node may not list that one: the next has another name all the
	 * same. */
	assert_string_not_equal(f.p->mark, "0ff1ce00");
	snprintf(f.p->mark, sizeof(f.p->mark), "0ff1ce00");
	assert_int_equal(web_count(&f.w,
				 "vmid=120&filename=vm-120-disk-0-0ff1ce00."
				 "qcow2&size=2&format=qcow2\n"),
		1);
	assert_int_equal(pve_volume_alloc(f.p, "local", 120, NULL, 1 << 20,
				 NULL, &b, &f.e),
		0);
	assert_string_equal(b, "local:120/vm-120-disk-10-0ff1ce00.raw");
	assert_int_equal(web_count(&f.w,
				 "filename=vm-120-disk-10-0ff1ce00.raw&"
				 "size=1024&format=raw\n"),
		1);
	/* Block storages: no extension, whole MiB. */
	snprintf(f.p->mark, sizeof(f.p->mark), "0ff1ce00");
	web_ok(&f.w, "GET " NODE "/storage/thin/content", EMPTY);
	web_ok(&f.w, "POST " NODE "/storage/thin/content",
		"{\"data\":\"thin:vm-120-disk-0-0ff1ce00\"}");
	assert_int_equal(pve_volume_alloc(f.p, "thin", 120, NULL, (1 << 20) + 1,
				 &naming, &c, &f.e),
		0);
	assert_string_equal(name, c);
	assert_int_equal(web_count(&f.w,
				 "filename=vm-120-disk-0-0ff1ce00&size=2048&"
				 "format=raw\n"),
		1);
	fix_close(&f);
}

/* Two clients never ask for one name: that of a run that was killed is not
 * asked for again by the next. */
static void alloc_marks(void **state)
{
	struct fix f, g;

	(void)state;
	fix_open(&f, "8.4.21");
	fix_open(&g, "8.4.21");
	assert_string_not_equal(f.p->mark, g.p->mark);
	fix_close(&f);
	fix_close(&g);
}

#define OURS "vm-120-disk-0-0ff1ce00.raw"

/* The answer is lost: a volume that comes and stays is ours; none is
 * ERR_TIMEOUT; what the node refuses is refused at once. */
static void alloc_lost(void **state)
{
	struct fix f;
	_free_ char *a = NULL;
	char *b = NULL;

	(void)state;
	fix_open(&f, "8.4.21");
	snprintf(f.p->mark, sizeof(f.p->mark), "0ff1ce00");
	web_ok(&f.w, STORAGES, storages);
	web_on(&f.w, CONTENT_L, 3, "200 OK", EMPTY);
	web_on(&f.w, CONTENT_L, 1, "200 OK",
		"{\"data\":[{\"volid\":\"local:120/" OURS "\",\"used\":1}]}");
	web_on(&f.w, CONTENT_L, 3, "200 OK", "{\"data\":[" VOL(OURS) "]}");
	web_on(&f.w, CONTENT_L, -1, "200 OK", EMPTY);
	web_on(&f.w, ALLOC_L, 1, "596 Connection timed out", "");
	web_drop(&f.w, ALLOC_L, 1);
	web_on(&f.w, ALLOC_L, 1, "500 not enough free space", NULL_DATA);
	f.p->patience = 5;
	assert_int_equal(pve_volume_alloc(f.p, "local", 120, "raw", 4096, NULL,
				 &a, &f.e),
		0);
	assert_string_equal(a, "local:120/" OURS);
	assert_int_equal(web_count(&f.w, CONTENT_L), 7);
	f.p->patience = 0.05;
	assert_int_equal(pve_volume_alloc(f.p, "local", 120, "raw", 4096, NULL,
				 &b, &f.e),
		-1);
	assert_int_equal(f.e.code, ERR_TIMEOUT);
	assert_int_equal(pve_volume_alloc(f.p, "local", 120, "raw", 4096, NULL,
				 &b, &f.e),
		-1);
	assert_int_equal(f.e.code, ERR_NO_SPACE);
	assert_string_equal(f.e.what, "allocate 4.0 KiB for VM 120 on local");
	assert_null(b);
	assert_int_equal(web_count(&f.w, ALLOC_L), 3);
	fix_close(&f);
}

/* An answer without a volume id: the volume is looked for all the same. */
static void alloc_nameless(void **state)
{
	struct fix f;
	_free_ char *a = NULL;
	char *b = NULL;

	(void)state;
	fix_open(&f, "8.4.21");
	snprintf(f.p->mark, sizeof(f.p->mark), "0ff1ce00");
	web_ok(&f.w, STORAGES, storages);
	web_ok(&f.w, ALLOC_L, NULL_DATA);
	web_on(&f.w, CONTENT_L, 1, "200 OK", EMPTY);
	web_on(&f.w, CONTENT_L, 3, "200 OK", "{\"data\":[" VOL(OURS) "]}");
	web_ok(&f.w, CONTENT_L, EMPTY);
	assert_int_equal(pve_volume_alloc(f.p, "local", 120, "raw", 4096, NULL,
				 &a, &f.e),
		0);
	assert_string_equal(a, "local:120/" OURS);
	snprintf(f.p->mark, sizeof(f.p->mark), "0ff1ce00");
	f.p->patience = 0.05;
	assert_int_equal(pve_volume_alloc(f.p, "local", 120, "raw", 4096, NULL,
				 &b, &f.e),
		-1);
	assert_int_equal(f.e.code, ERR_PVE_SERVER);
	assert_string_equal(f.e.why, "the answer names no volume for " OURS);
	fix_close(&f);
}

static void removed(void **state)
{
	static const char gone[] = "500 no such logical volume pve/x";
	struct fix f;

	(void)state;
	fix_open(&f, "5.4");
	web_on(&f.w, "DELETE " NODE "/storage/thin/content/thin:vm-120-disk-0",
		1, "200 OK", NULL_DATA);
	web_on(&f.w, "DELETE " NODE "/storage/thin/content/thin:vm-120-disk-0",
		1, gone, NULL_DATA);
	web_on(&f.w, "", -1, "403 Permission check failed (/x, Y)", NULL_DATA);
	assert_int_equal(pve_volume_free(f.p, "thin:vm-120-disk-0", &f.e), 0);
	assert_int_equal(pve_volume_free(f.p, "thin:vm-120-disk-0", &f.e), 0);
	assert_int_equal(pve_volume_free(f.p, "thin:vm-120-disk-0", &f.e), -1);
	assert_int_equal(f.e.code, ERR_PVE_PERMISSION);
	assert_int_equal(pve_volume_free(f.p, "none", &f.e), -1);
	assert_int_equal(f.e.code, ERR_BAD_INPUT);
	assert_int_equal(pve_volume_free(f.p, "thin:1/../x", &f.e), -1);
	assert_int_equal(web_count(&f.w, "DELETE"), 3);
	fix_close(&f);
}

/* Words that nobody knows: the list of volumes decides. */
static void removed_already(void **state)
{
	static const char list[] = "GET " NODE "/storage/thin/content";
	static const char sorry[] =
		"500 lvremove 'pve/x' error:   Failed to find it";
	struct fix f;

	(void)state;
	fix_open(&f, "5.4");
	web_on(&f.w, "DELETE " NODE "/storage/thin/content/thin:vm-120-disk-0",
		-1, sorry, NULL_DATA);
	web_on(&f.w, list, 1, "200 OK",
		"{\"data\":[{\"volid\":\"thin:vm-120-disk-1\"}]}");
	web_on(&f.w, list, 1, "200 OK",
		"{\"data\":[{\"volid\":\"thin:vm-120-disk-0\"}]}");
	web_on(&f.w, list, -1, "403 Permission check failed (/x, Y)",
		NULL_DATA);
	assert_int_equal(pve_volume_free(f.p, "thin:vm-120-disk-0", &f.e), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			pve_volume_free(f.p, "thin:vm-120-disk-0", &f.e), -1);
		assert_int_equal(f.e.code, ERR_PVE_SERVER);
		assert_non_null(strstr(f.e.why, "Failed to find it"));
	}
	fix_close(&f);
}

/* ---- devices ---- */

static void devices(void **state)
{
	struct fix f;
	_json_ json_t *pci = NULL;

	(void)state;
	fix_open(&f, "6.0-4");
	web_ok(&f.w, "GET " NODE "/hardware/pci",
		"{\"data\":[{\"id\":\"01:00.0\"},{\"id\":\"0000:02:00.1\"}]}");
	assert_int_equal(pve_pci(f.p, &pci, &f.e), 0);
	assert_string_equal(
		json_str(json_array_get(pci, 0), "id"), "0000:01:00.0");
	assert_string_equal(
		json_str(json_array_get(pci, 1), "id"), "0000:02:00.1");
	fix_close(&f);
}

/* ---- agent ---- */

static void fstrim(void **state)
{
	struct fix f;
	_json_ json_t *paths = NULL;
	uint64_t trimmed = 1;

	(void)state;
	fix_open(&f, "8.4.21");
	web_on(&f.w, "POST " AGENT "fstrim", 1, "200 OK",
		"{\"data\":{\"result\":{\"paths\":["
		"{\"path\":\"/\",\"trimmed\":5000000000,\"minimum\":0},"
		"{\"path\":\"/boot\",\"trimmed\":\"7\"},"
		"{\"path\":\"/x\",\"error\":\"not supported\"}]}}}");
	web_on(&f.w, "POST " AGENT "fstrim", -1, "596 Connection timed out",
		"");
	assert_int_equal(pve_agent_fstrim(f.p, 120, &trimmed, &paths, &f.e), 0);
	assert_true(trimmed == 5000000007);
	assert_int_equal(json_array_size(paths), 3);
	assert_string_equal(
		json_str(json_array_get(paths, 2), "error"), "not supported");
	trimmed = 1;
	assert_int_equal(pve_agent_fstrim(f.p, 120, &trimmed, NULL, &f.e), -1);
	assert_int_equal(f.e.code, ERR_TIMEOUT);
	assert_int_equal(trimmed, 1);
	fix_close(&f);
}

#define EXEC_STATUS "GET " AGENT "exec-status"

static void exec(void **state)
{
	static const char *const one[] = {"uname -a", NULL};
	static const char *const two[] = {"sh", "-c; x", NULL};
	struct fix f;
	_free_ char *out = NULL, *errs = NULL;
	int code = -1;

	(void)state;
	fix_open(&f, "7.4-16");
	web_ok(&f.w, "POST " AGENT "exec", "{\"data\":{\"pid\":\"138\"}}");
	web_on(&f.w, EXEC_STATUS, 2, "200 OK", "{\"data\":{\"exited\":0}}");
	web_on(&f.w, EXEC_STATUS, 1, "200 OK",
		"{\"data\":{\"exited\":true,\"exitcode\":3,"
		"\"out-data\":\"hi\",\"err-data\":\"oh\"}}");
	web_on(&f.w, EXEC_STATUS, 1, "200 OK",
		"{\"data\":{\"exited\":1,\"signal\":9}}");
	web_ok(&f.w, EXEC_STATUS, "{\"data\":{\"exited\":0}}");
	assert_int_equal(
		pve_agent_exec(f.p, 120, one, 5, &code, NULL, NULL, &f.e), -1);
	assert_int_equal(f.e.code, ERR_INTERNAL);
	assert_int_equal(
		pve_agent_exec(f.p, 120, two, 5, &code, &out, &errs, &f.e), 0);
	assert_int_equal(code, 3);
	assert_string_equal(out, "hi");
	assert_string_equal(errs, "oh");
	assert_int_equal(web_count(&f.w, "command=sh&command=-c%3B%20x\n"), 1);
	assert_int_equal(web_count(&f.w, "exec-status?pid=138 "), 3);
	assert_int_equal(
		pve_agent_exec(f.p, 120, two, 5, &code, NULL, NULL, &f.e), 0);
	assert_int_equal(code, 137);
	f.p->release = 800;
	assert_int_equal(
		pve_agent_exec(f.p, 120, one, 0.05, &code, NULL, NULL, &f.e),
		-1);
	assert_int_equal(f.e.code, ERR_TIMEOUT);
	assert_string_equal(f.e.what, "run uname -a in VM 120");
	fix_close(&f);
}

static void silent(void **state)
{
	static const char *const texts[] = {
		"500 No QEMU guest agent configured",
		"500 VM 120 is not running",
		"500 QEMU guest agent is not running",
		"500 VM 120 qmp command 'guest-ping' failed - got timeout"};
	struct fix f;

	(void)state;
	fix_open(&f, "8.4.21");
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		web_clear(&f.w);
		web_on(&f.w, "", -1, texts[i], NULL_DATA);
		assert_int_equal(pve_agent_ping(f.p, 120, &f.e), -1);
		assert_int_equal(f.e.code, ERR_AGENT_SILENT);
		assert_string_equal(f.e.what, "reach the agent in VM 120");
	}
	fix_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_storages),
		cmocka_unit_test(unfit),
		cmocka_unit_test(alloc_names),
		cmocka_unit_test(alloc_marks),
		cmocka_unit_test(alloc_lost),
		cmocka_unit_test(alloc_nameless),
		cmocka_unit_test(removed),
		cmocka_unit_test(removed_already),
		cmocka_unit_test(devices),
		cmocka_unit_test(fstrim),
		cmocka_unit_test(exec),
		cmocka_unit_test(silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
