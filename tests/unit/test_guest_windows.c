/* A Windows guest told by its files and its registry, the bus proposed for it,
 * and NTFS's dirty flag. The guest is a directory tree, its hives are made by
 * hivexregedit from the text here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "guest_dir.h"
#include "proc.h"
#include "str.h"

static void windows_by_its_files(void **state)
{
	static const struct {
		const char *driver, *name, *bus;
	} row[] = {
		{"/WINDOWS/system32/drivers/atapi.sys", "before Vista", "ide"},
		{"/Windows/System32/drivers/MSAHCI.SYS", "Vista, 7", "sata"},
		{"/Windows/System32/Drivers/StorAHCI.sys", "Windows 8",
			"sata"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct guest *w = guest_dir_new();
		_json_ json_t *facts = NULL;
		_free_ char *reason = NULL;
		struct vm vm = {0};
		const char *bus, *nic;

		w->family = "windows";
		guest_dir_put(w, row[i].driver, "");
		guest_dir_put(w,
			"/Program Files/VMware/VMware Tools/vmtoolsd.exe", "");
		assert_int_equal(guest_facts(w, &facts, NULL), 0);
		assert_non_null(strstr(json_str(facts, "name"), row[i].name));
		assert_string_equal(json_str(facts, "tools"), "vmware-tools");
		guest_propose(facts, &vm, true, &bus, &nic, &reason);
		assert_string_equal(bus, row[i].bus);
		assert_string_equal(nic, "e1000");
		guest_dir_free(w);
	}
}

/* A driver's file is no reason for virtio. */
static void windows_never_virtio(void **state)
{
	struct guest *w = guest_dir_new();
	_json_ json_t *facts = NULL;
	_free_ char *reason = NULL;
	struct vm vm = {0};
	const char *bus, *nic;

	(void)state;
	w->family = "windows";
	guest_dir_put(w, "/Windows/System32/drivers/vioscsi.sys", "");
	guest_dir_put(w, "/Windows/System32/drivers/storahci.sys", "");
	assert_int_equal(guest_facts(w, &facts, NULL), 0);
	assert_true(
		json_flag(json_object_get(facts, "drivers"), "vioscsi", false));
	guest_propose(facts, &vm, true, &bus, &nic, &reason);
	assert_string_equal(bus, "sata");
	guest_dir_free(w);
}

/* --- the registry --- */

#define SYSTEM "/Windows/System32/config/SYSTEM"
#define SERVICE(name, start)                \
	"[\\ControlSet002\\Services\\" name \
	"]\n\"Start\"=dword:0000000" #start "\n"
#define OVERRIDE(name, start)                                                \
	"[\\ControlSet002\\Services\\" name "\\StartOverride]\n\"0\"=dword:" \
	"0000000" #start "\n"

/* A guest with that SYSTEM; services are of the current control set. */
static struct guest *windows(const char *services, const char *current)
{
	struct guest *w = guest_dir_new();
	_free_ char *system = xasprintf(
		"[\\]\n\n[\\Select]\n\"Current\"=dword:00000002\n"
		"[\\ControlSet001]\n\n[\\ControlSet001\\Services]\n\n"
		"[\\ControlSet001\\Services\\viostor]\n"
		"\"Start\"=dword:00000000\n"
		"[\\ControlSet002]\n\n[\\ControlSet002\\Services]\n\n%s",
		services);
	_free_ char *software =
		xasprintf("[\\Microsoft]\n\n[\\Microsoft\\Windows NT]\n\n"
			  "[\\Microsoft\\Windows NT\\CurrentVersion]\n%s",
			current);

	w->family = "windows";
	guest_dir_put(w, "/Windows/System32/drivers/storahci.sys", "");
	guest_dir_hive(w, SYSTEM, system);
	guest_dir_hive(w, "/Windows/System32/config/software", software);
	return w;
}

static json_t *facts_of(struct guest *w)
{
	json_t *facts = NULL;

	assert_int_equal(guest_facts(w, &facts, NULL), 0);
	return facts;
}

static void release_of_the_registry(void **state)
{
	static const struct {
		const char *values, *name, *version;
		bool old;
	} row[] = {
		{"\"ProductName\"=\"Windows Server 2008 R2 Standard\"\n"
		 "\"CurrentVersion\"=\"6.1\"\n\"CurrentBuild\"=\"7601\"\n",
			"Windows Server 2008 R2 Standard (6.1, build 7601)",
			"6.1", false},
		{"\"ProductName\"=\"Windows 10 Pro\"\n"
		 "\"CurrentVersion\"=\"6.3\"\n\"CurrentBuild\"=\"22631\"\n"
		 "\"CurrentMajorVersionNumber\"=dword:0000000a\n"
		 "\"CurrentMinorVersionNumber\"=dword:00000000\n",
			"Windows 11 Pro (10.0, build 22631)", "10.0", false},
		{"\"ProductName\"=\"Windows 10 Pro\"\n"
		 "\"CurrentBuildNumber\"=\"19045\"\n"
		 "\"CurrentMajorVersionNumber\"=dword:0000000a\n"
		 "\"CurrentMinorVersionNumber\"=dword:00000000\n",
			"Windows 10 Pro (10.0, build 19045)", "10.0", false},
		{"\"ProductName\"=\"Microsoft Windows Server 2003\"\n"
		 "\"CurrentVersion\"=\"5.2\"\n\"CurrentBuild\"=\"3790\"\n",
			"Windows Server 2003 (5.2, build 3790)", "5.2", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct guest *w = windows("", row[i].values);
		_json_ json_t *facts = facts_of(w);

		assert_string_equal(json_str(facts, "name"), row[i].name);
		assert_string_equal(json_str(facts, "version"), row[i].version);
		assert_int_equal(guest_windows_old(facts), row[i].old);
		guest_dir_free(w);
	}
}

static void starts_of_the_registry(void **state)
{
	struct guest *w =
		windows(SERVICE("storahci", 0) OVERRIDE("storahci", 3)
				SERVICE("vioscsi", 0) SERVICE("VMTools", 2)
					SERVICE("QEMU-GA", 2),
			"");
	_json_ json_t *facts = facts_of(w);
	const json_t *starts = json_object_get(facts, "starts");

	(void)state;
	assert_int_equal(json_u64(starts, "storahci", 9), 3);
	assert_int_equal(json_u64(starts, "vioscsi", 9), 0);
	/* Of another control set. */
	assert_null(json_object_get(starts, "viostor"));
	assert_string_equal(json_str(facts, "tools"), "vmware-tools");
	assert_true(json_flag(facts, "agent", false));
	guest_dir_free(w);
}

/* The driver that starts at boot decides, not the one that is there. */
static void bus_by_the_registry(void **state)
{
	static const struct {
		const char *services, *bus, *reason;
	} row[] = {
		{SERVICE("storahci", 0), "sata", "boots from SATA"},
		{SERVICE("storahci", 0) OVERRIDE("storahci", 3)
				SERVICE("atapi", 0) SERVICE("intelide", 0),
			"ide", "boots from IDE"},
		{SERVICE("storahci", 3) SERVICE("vioscsi", 0), "sata",
			"reg add"},
		{SERVICE("msahci", 0), "sata", "boots from SATA"},
		{SERVICE("atapi", 0) SERVICE("pciide", 0), "ide",
			"boots from IDE"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct guest *w = windows(row[i].services, "");
		_json_ json_t *facts = facts_of(w);
		_free_ char *reason = NULL;
		struct vm vm = {0};
		const char *bus, *nic;

		guest_propose(facts, &vm, true, &bus, &nic, &reason);
		assert_string_equal(bus, row[i].bus);
		assert_string_equal(nic, "e1000");
		if (!strstr(reason, row[i].reason))
			fail_msg("row %zu: %s", i, reason);
		guest_dir_free(w);
	}
}

/* No registry, or one of noise: by files. */
static void broken_hive_is_passed_over(void **state)
{
	struct guest *w = windows(SERVICE("storahci", 3), "");
	_json_ json_t *facts = NULL;
	_free_ char *reason = NULL;
	struct vm vm = {0};
	const char *bus, *nic;

	(void)state;
	guest_dir_put(w, SYSTEM, "regf and no more");
	facts = facts_of(w);
	assert_null(json_object_get(facts, "starts"));
	guest_propose(facts, &vm, true, &bus, &nic, &reason);
	assert_string_equal(bus, "sata");
	guest_dir_free(w);
}

/* --- NTFS --- */

static bool image_is_dirty(const char *path)
{
	_free_ char *image = NULL;
	uint64_t at;
	uint32_t len;
	size_t n;

	assert_int_equal(file_read(path, 64 << 20, &image, &n, NULL), 0);
	assert_true(guest_ntfs_volume((unsigned char *)image, &at, &len));
	assert_true(at + len <= n);
	return guest_ntfs_dirty((unsigned char *)image + at, len);
}

static void run_it(const char *const argv[])
{
	struct err e = {0};

	if (proc_must(argv, NULL, NULL, ERR_IO, &e))
		fail_msg("%s: %s", argv[0], e.why);
}

static void dirty_ntfs(void **state)
{
	/* Above 64 KiB the boot sector has the power of two. */
	static const char *const clusters[] = {"4096", "65536", "262144"};
	unsigned char none[512] = {0};
	uint64_t at;
	uint32_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(clusters); i++) {
		struct guest *w = guest_dir_new();
		_free_ char *img = path_join(guest_dir_root(w), "ntfs");

		run_it((const char *const[]){
			"truncate", "-s", "48M", img, NULL});
		run_it((const char *const[]){"mkntfs", "-q", "-F", "-Q", "-s",
			"512", "-p", "0", "-H", "16", "-S", "63", "-c",
			clusters[i], img, NULL});
		assert_false(image_is_dirty(img));
		run_it((const char *const[]){"ntfsfix", img, NULL});
		assert_true(image_is_dirty(img));
		run_it((const char *const[]){"ntfsfix", "-d", img, NULL});
		assert_false(image_is_dirty(img));
		guest_dir_free(w);
	}
	assert_false(guest_ntfs_volume(none, &at, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_by_its_files),
		cmocka_unit_test(windows_never_virtio),
		cmocka_unit_test(release_of_the_registry),
		cmocka_unit_test(starts_of_the_registry),
		cmocka_unit_test(bus_by_the_registry),
		cmocka_unit_test(broken_hive_is_passed_over),
		cmocka_unit_test(dirty_ntfs),
	};

	return cmocka_run_group_tests_name("windows", tests, NULL, NULL);
}
