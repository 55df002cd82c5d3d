/*
 * Facts + choices -> plan, against golden files, and every way a plan is
 * refused. UPDATE_GOLDEN=1 writes the golden files anew: read the diff.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "json.h"
#include "map.h"
#include "plan.h"
#include "str.h"

#define DIR "tests/golden/plan/"

static json_t *load(const char *name)
{
	_free_ char *path = xasprintf(DIR "%s.json", name);
	struct err e = {0};
	json_t *j = NULL;

	if (json_read(path, &j, &e))
		fail_msg("%s: %s", path, e.why);
	return j;
}

static void names(void **state)
{
	static const char *const rows[][2] = {
		{"web01", "web01"},
		{"Mail Server_2", "Mail-Server-2"},
		{"it's \"$(reboot)\" web|22", "its-reboot-web22"},
		{"--a--.b-", "a.b"},
		{"\xd0\xa1\xd0\xb5", "vm"},
		{"...", "vm"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_free_ char *got = map_name(rows[i][0]);

		assert_string_equal(got, rows[i][1]);
	}
}

static void releases(void **state)
{
	(void)state;
	assert_int_equal(map_release("8.4.21"), 804);
	assert_int_equal(map_release("6.4-14"), 604);
	assert_int_equal(map_release("5.4"), 504);
	assert_int_equal(map_release("x"), 0);
	assert_int_equal(map_release(NULL), 0);
}

static void nets(void **state)
{
	_free_ char *a =
		map_net("virtio", "00:50:56:aa:bb:cc", "vmbr0", 0, false);
	_free_ char *b = map_net("e1000", NULL, "vmbr1", 12, true);

	(void)state;
	assert_string_equal(a, "virtio=00:50:56:AA:BB:CC,bridge=vmbr0");
	assert_string_equal(b, "e1000,bridge=vmbr1,tag=12,link_down=1");
}

/* What becomes of Secure Boot and TPM is said, and nothing where there was
 * neither. */
static void keys_and_tpm(void **state)
{
	static const struct {
		unsigned release;
		bool secure, tpm;
		const char *words[2]; /* after the boot entries' */
	} rows[] = {
		{804, false, false, {NULL}},
		{804, true, false, {"Secure Boot stays on"}},
		{804, false, true, {"a new, empty TPM"}},
		{701, true, true, {"Secure Boot stays on", "a new, empty TPM"}},
		{604, true, true, {"it starts without", "has none"}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct vm vm = {.cpus = 1,
			.firmware = VM_UEFI,
			.secure_boot = rows[i].secure,
			.tpm = rows[i].tpm};
		_json_ json_t *said = json_array(), *choices = json_object();
		_json_ json_t *o =
			map_config(&vm, rows[i].release, choices, said);
		size_t n = json_array_size(said), k = 0;

		for (; k < 2 && rows[i].words[k]; k++)
			assert_non_null(strstr(
				json_string_value(json_array_get(said,
					n - rows[i].secure - rows[i].tpm + k)),
				rows[i].words[k]));
		/* One for the guest that is not known, one for the entries. */
		assert_int_equal(n, 2 + k);
		assert_string_equal(json_str(o, "bios"), "ovmf");
	}
}

static void disks(void **state)
{
	_free_ char *v = NULL;
	char key[16];

	(void)state;
	assert_int_equal(map_disk("scsi", 3, "l:x", true, key, &v), 0);
	assert_string_equal(key, "scsi3");
	assert_string_equal(v, "l:x,discard=on,iothread=1");
	assert_int_equal(map_disk("ide", 4, "l:x", false, key, &v), -1);
	assert_int_equal(map_disk("floppy", 0, "l:x", false, key, &v), -1);
}

/* The plan of the golden facts and choices, as text. */
static void golden(void **state)
{
	_json_ json_t *facts = load("facts"), *choices = load("choices");
	_free_ char *want = NULL, *got = NULL;
	_json_ json_t *plan = NULL;
	struct err e = {0};

	(void)state;
	if (plan_build(facts, choices, &plan, &e))
		fail_msg("%s: %s", err_id(e.code), e.why);
	assert_int_equal(plan_check(plan, &e), 0);
	got = json_pretty(plan);
	if (getenv("UPDATE_GOLDEN"))
		file_write(DIR "plan.json", got, strlen(got), 0644, NULL);
	assert_int_equal(
		file_read(DIR "plan.json", 1 << 20, &want, NULL, &e), 0);
	assert_string_equal(got, want);
}

struct refusal {
	const char *where; /* dotted path in facts or choices */
	const char *value; /* JSON put there */
	bool in_facts;
	enum err_code code;
};

/* Put value at a dotted path; numbers index arrays. */
static void patch(json_t *root, const char *path, const char *value)
{
	_free_ char *copy = xstrdup(path);
	json_t *at = root, *v = json_loads(value, JSON_DECODE_ANY, NULL);
	char *save = NULL, *k = strtok_r(copy, ".", &save), *next;

	assert_non_null(v);
	for (; (next = strtok_r(NULL, ".", &save)); k = next) {
		at = json_is_array(at) ? json_array_get(at, strtol(k, NULL, 10))
				       : json_object_get(at, k);
		assert_non_null(at);
	}
	if (json_is_array(at))
		json_array_set_new(at, strtol(k, NULL, 10), v);
	else
		json_object_set_new(at, k, v);
}

static void refused(void **state)
{
	static const struct refusal rows[] = {
		{"vm", "\"nobody\"", false, ERR_VM_NOT_FOUND},
		{"target.storage", "\"nope\"", false, ERR_STORAGE_UNFIT},
		{"target.storage", "\"isoonly\"", false, ERR_STORAGE_UNFIT},
		{"target.storage", "\"small\"", false, ERR_NO_SPACE},
		{"target.bridge", "\"vmbr9\"", false, ERR_PLAN_BAD},
		{"target.vmid", "105", false, ERR_VMID_TAKEN},
		{"target.nics.ethernet0.mac", "\"01:00:00:00:00:01\"", false,
			ERR_PLAN_BAD},
		{"road", "\"air\"", false, ERR_PLAN_BAD},
		{"keep_days", "0", false, ERR_PLAN_BAD},
		{"keep_days", "3651", false, ERR_PLAN_BAD},
		{"target.disks",
			"{\"scsi0:0\": {\"skip\": true}, "
			"\"scsi0:1\": {\"skip\": true}}",
			false, ERR_PLAN_BAD},
		{"target.disks", "{\"scsi0:0\": {\"format\": \"vmdk\"}}", false,
			ERR_STORAGE_UNFIT},
		{"hoster", "{\"provider\": \"ovhh\"}", false, ERR_PLAN_BAD},
		{"hoster",
			"{\"provider\": \"ovh\", \"address\": "
			"\"203.0.113.9/32\"}",
			false, ERR_PLAN_BAD},
		{"hoster",
			"{\"provider\": \"ovh\", \"address\": "
			"\"203.0.113.9\", \"timing\": \"soon\"}",
			false, ERR_PLAN_BAD},
		{"vms.0.encrypted", "true", true, ERR_VM_UNSUPPORTED},
		{"vms.0.power", "\"suspended\"", true, ERR_VM_UNSUPPORTED},
		{"vms.0.disks.0",
			"{\"slot\": \"scsi0:0\", \"bus\": \"scsi\", "
			"\"capacity\": 512, \"unsupported\": \"a RDM\"}",
			true, ERR_DISK_UNSUPPORTED},
		{"target.version", "\"?\"", true, ERR_PLAN_BAD},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_json_ json_t *facts = load("facts"), *plan = NULL;
		_json_ json_t *choices = load("choices");
		struct err e = {0};

		patch(rows[i].in_facts ? facts : choices, rows[i].where,
			rows[i].value);
		if (plan_build(facts, choices, &plan, &e) == 0)
			fail_msg("%s = %s was taken", rows[i].where,
				rows[i].value);
		if (e.code != rows[i].code)
			fail_msg("%s: %s (%s), not %s", rows[i].where,
				err_id(e.code), e.why, err_id(rows[i].code));
		assert_true(e.why[0] && e.what[0]);
	}
}

/* The same input gives the same bytes. */
static void pure(void **state)
{
	_json_ json_t *facts = load("facts"), *choices = load("choices");
	_json_ json_t *a = NULL, *b = NULL;
	_free_ char *x = NULL, *y = NULL;

	(void)state;
	assert_int_equal(plan_build(facts, choices, &a, NULL), 0);
	assert_int_equal(plan_build(facts, choices, &b, NULL), 0);
	x = json_line(a);
	y = json_line(b);
	assert_string_equal(x, y);
}

static size_t place(const json_t *plan, const char *kind)
{
	const json_t *steps = json_object_get(plan, "steps"), *v;
	size_t i;

	json_array_foreach (steps, i, v)
		if (strcmp(json_string_value(v), kind) == 0)
			return i;
	return SIZE_MAX;
}

static bool warned(const json_t *plan, const char *words)
{
	const json_t *list = json_object_get(plan, "warnings"), *v;
	size_t i;

	json_array_foreach (list, i, v)
		if (strstr(json_string_value(v), words))
			return true;
	return false;
}

/* What the bridge of a card carries goes along with the card. */
static void bridge_mtu(void **state)
{
	_json_ json_t *facts = load("facts"), *choices = load("choices");
	_json_ json_t *plan = NULL, *without = NULL;
	json_t *rows = (json_t *)json_at(facts, "target.bridges");
	const json_t *nic;
	size_t i;

	(void)state;
	assert_int_equal(plan_build(facts, choices, &without, NULL), 0);
	json_array_foreach (rows, i, nic)
		json_put_u64(json_array_get(rows, i), "mtu", 1400 + i);
	assert_int_equal(plan_build(facts, choices, &plan, NULL), 0);
	nic = json_array_get(json_at(plan, "target.nics"), 0);
	i = strcmp(json_str(nic, "bridge"), "vmbr1") == 0;
	assert_int_equal(json_u64(nic, "bridge_mtu", 0), 1400 + i);
	nic = json_array_get(json_at(without, "target.nics"), 0);
	assert_null(json_object_get(nic, "bridge_mtu"));
}

/* The serial console inside the guest needs a port of the VM. */
static void serial(void **state)
{
	_json_ json_t *facts = load("facts"), *choices = load("choices");

	(void)state;
	for (int on = 0; on < 2; on++) {
		_json_ json_t *plan = NULL, *guest = json_object();

		json_put_bool(guest, "serial", on);
		json_object_set(choices, "guest", guest);
		assert_int_equal(plan_build(facts, choices, &plan, NULL), 0);
		assert_string_equal(json_str_or(json_at(plan, "target.config"),
					    "serial0", "none"),
			on ? "socket" : "none");
	}
}

/* When the failover IP moves, and what the plan says of the outage. */
static void timing(void **state)
{
	static const char *const rows[][3] = {
		{"ovh", "early", "stop_vm"},
		{"ovh", "cut-over", "verify_disks"},
		{"manual", "early", "stop_vm"},
		{"manual", "cut-over", "verify_disks"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_json_ json_t *facts = load("facts"), *plan = NULL;
		_json_ json_t *choices = load("choices");
		_free_ char *hoster =
			xasprintf("{\"provider\": \"%s\", \"address\": "
				  "\"203.0.113.9\", \"timing\": \"%s\"}",
				rows[i][0], rows[i][1]);
		const json_t *out;
		size_t move;

		patch(choices, "hoster", hoster);
		assert_int_equal(plan_build(facts, choices, &plan, NULL), 0);
		move = place(plan, "move_ip");
		assert_true(move > place(plan, rows[i][2]));
		assert_true(i % 2 || move < place(plan, "create_vm"));
		assert_true(move < place(plan, "guest_inspect"));
		assert_int_equal(place(plan, "await_ip") != SIZE_MAX, i < 2);
		assert_true(i >= 2 || move < place(plan, "await_ip"));
		assert_int_equal(warned(plan, "is what moves"), i < 2);
		out = json_at(plan, "estimate.outage");
		assert_int_equal(json_array_size(out), 2);
		assert_string_equal(
			json_str(json_array_get(out, 0), "timing"), rows[i][1]);
	}
}

static bool has_step(const json_t *plan, const char *kind)
{
	const json_t *v;
	size_t i;

	json_array_foreach (json_object_get(plan, "steps"), i, v)
		if (strcmp(json_string_value(v), kind) == 0)
			return true;
	return false;
}

/* The way to virtio is a step for Windows only. */
static void steps_of_windows(void **state)
{
	_json_ json_t *facts = load("facts"), *choices = load("choices");
	_json_ json_t *linux_plan = NULL, *plan = NULL;
	const json_t *vm = NULL;
	struct err e = {0};

	(void)state;
	assert_int_equal(plan_build(facts, choices, &linux_plan, &e), 0);
	assert_false(has_step(linux_plan, "windows_virtio"));
	assert_int_equal(
		plan_find_vm(facts, json_str(choices, "vm"), &vm, &e), 0);
	json_put_str((json_t *)vm, "guest", "windows9srv-64");
	assert_int_equal(plan_build(facts, choices, &plan, &e), 0);
	assert_true(has_step(plan, "windows_virtio"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(releases),
		cmocka_unit_test(nets),
		cmocka_unit_test(disks),
		cmocka_unit_test(keys_and_tpm),
		cmocka_unit_test(golden),
		cmocka_unit_test(refused),
		cmocka_unit_test(bridge_mtu),
		cmocka_unit_test(serial),
		cmocka_unit_test(timing),
		cmocka_unit_test(pure),
		cmocka_unit_test(steps_of_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
