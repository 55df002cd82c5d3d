/* A Windows guest told by its files, and the bus proposed for it. The guest is
 * a directory tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "guest_dir.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_by_its_files),
		cmocka_unit_test(windows_never_virtio),
	};

	return cmocka_run_group_tests_name("windows", tests, NULL, NULL);
}
