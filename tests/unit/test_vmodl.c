/* The vmodl dump: core/vmodl.c. Own samples of each dialect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "str.h"
#include "vmodl.h"

static json_t *parse(const char *text)
{
	struct err e = {0};
	json_t *j = NULL;

	if (vmodl_parse(text, &j, NULL, &e))
		fail_msg("%s: %s", err_id(e.code), e.why);
	return j;
}

/* Comma behind the last member, dynamicType: releases before 6.5. */
static void old_style(void **state)
{
	_json_ json_t *j =
		parse("Listsummary:\n\n"
		      "(vim.vm.Summary) {\n"
		      "   dynamicType = <unset>,\n"
		      "   vm = 'vim.VirtualMachine:4',\n"
		      "   runtime = (vim.vm.RuntimeInfo) {\n"
		      "      dynamicType = <unset>,\n"
		      "      powerState = \"poweredOn\",\n"
		      "      question = (vim.vm.QuestionInfo) null,\n"
		      "   },\n"
		      "   numCpu = 2,\n"
		      "   template = false,\n"
		      "}\n");

	(void)state;
	assert_string_equal(json_str(j, "_type"), "vim.vm.Summary");
	assert_string_equal(json_str(j, "vm"), "vim.VirtualMachine:4");
	assert_null(json_object_get(j, "dynamicType"));
	assert_string_equal(json_string_value(json_at(j, "runtime.powerState")),
		"poweredOn");
	assert_true(json_is_null(json_at(j, "runtime.question")));
	assert_int_equal(json_u64(j, "numCpu", 0), 2);
	assert_false(json_flag(j, "template", true));
}

/* ", " behind members: 7.0. No comma behind the last: 6.5 and newer. */
static void new_style(void **state)
{
	_json_ json_t *j = parse("Guest information:\n\n"
				 "(vim.vm.GuestInfo) {\n"
				 "   toolsStatus = \"toolsOk\", \n"
				 "   ipAddress = <unset>, \n"
				 "   big = 18446744073709551615, \n"
				 "   ratio = -0.5, \n"
				 "   net = (vim.vm.GuestInfo.NicInfo) [\n"
				 "      (vim.vm.GuestInfo.NicInfo) {\n"
				 "         network = \"VM Network\", \n"
				 "         ipAddress = (string) [\n"
				 "            \"192.0.2.4\", \n"
				 "            \"2001:db8::4\"\n"
				 "         ], \n"
				 "         none = (string) [], \n"
				 "         deviceConfigId = 4000\n"
				 "      }\n"
				 "   ]\n"
				 "}\n");
	const json_t *nic = json_array_get(json_object_get(j, "net"), 0);

	(void)state;
	assert_true(json_is_null(json_object_get(j, "ipAddress")));
	assert_true(json_is_real(json_object_get(j, "big")));
	assert_true(json_num(j, "ratio", 0) == -0.5);
	assert_string_equal(json_str(nic, "network"), "VM Network");
	assert_int_equal(json_array_size(json_object_get(nic, "ipAddress")), 2);
	assert_string_equal(json_string_value(json_array_get(
				    json_object_get(nic, "ipAddress"), 1)),
		"2001:db8::4");
	assert_int_equal(json_array_size(json_object_get(nic, "none")), 0);
	assert_int_equal(json_u64(nic, "deviceConfigId", 0), 4000);
}

static void check_text(const char *dump, const char *want)
{
	_free_ char *text =
		xasprintf("(a.B) {\n   s = %s,\n   n = 7\n}\n", dump);
	_json_ json_t *j = parse(text);

	assert_string_equal(json_str(j, "s"), want);
	assert_int_equal(json_u64(j, "n", 0), 7);
}

static void strings(void **state)
{
	(void)state;
	check_text("\"\"", "");
	check_text("\"say \\\"hi\\\"\"", "say \"hi\"");
	/* inner quotes as they are */
	check_text("\"no VM \"16\"\"", "no VM \"16\"");
	/* raw line breaks, some behind quotes */
	check_text(
		"\"one\ntwo \"x\"\n\n   four\"", "one\ntwo \"x\"\n\n   four");
	/* a path that ends in a backslash */
	check_text("\"C:\\\"", "C:\\");
	check_text("\"a = (b.C) {\"", "a = (b.C) {");
	check_text("\"gr\xc3\xbc\xc3\x9f\"", "gr\xc3\xbc\xc3\x9f");
}

static void two_dumps(void **state)
{
	const char *text = "(vim.vm.FileInfo) {\n   a = \"1\"\n}\n"
			   "(vim.vm.FileLayout) [\n   'x',\n   'y'\n]\n";
	_json_ json_t *one = NULL, *two = NULL;
	const char *at;
	struct err e;

	(void)state;
	assert_int_equal(vmodl_parse(text, &one, &at, &e), 0);
	assert_int_equal(vmodl_parse(at, &two, &at, &e), 0);
	assert_int_equal(json_array_size(two), 2);
	assert_int_equal(vmodl_parse(at, &two, &at, &e), -1);
}

static void refused(void **state)
{
	static const char *const bad[] = {"", "Get Snapshot:\n",
		"(a.B) {\n   x = 1\n", "(a.B) {\n   x = \"1\n}\n",
		"(a.B) {\n   x 1\n}\n", "(a.B) {\n   x = \n}\n",
		"(a.B) [\n   \"x\"\n", "(a.B) {\n   = 3\n}\n",
		"(a.B) {\n   ...\n}\n", "x (a.B) {\n}\n"};
	_buf_ struct buf deep = {0};
	json_t *j = (json_t *)&j;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		memset(&e, 0, sizeof(e));
		assert_int_equal(vmodl_parse(bad[i], &j, NULL, &e), -1);
		assert_int_equal(e.code, ERR_BAD_INPUT);
	}
	for (int i = 0; i < 100000; i++)
		buf_adds(&deep, i ? "x = (a.B) {\n" : "(a.B) {\n");
	assert_int_equal(vmodl_parse(deep.s, &j, NULL, &e), -1);
	assert_non_null(strstr(e.why, "too deep"));
	/* untouched */
	assert_ptr_equal(j, (json_t *)&j);
}

static void faults(void **state)
{
	char msg[80];

	(void)state;
	assert_true(vmodl_fault("Powering off VM:\n"
				"(vim.fault.InvalidPowerState) {\n"
				"   dynamicType = <unset>,\n"
				"   msg = \"cannot now (Powered Off).\",\n"
				"}\n",
		msg, sizeof(msg)));
	assert_string_equal(msg, "cannot now (Powered Off).");
	assert_true(vmodl_fault("(vim.fault.NotFound) {\n"
				"   msg = \"no VM \"16\"\",\n}\n",
		msg, sizeof(msg)));
	assert_string_equal(msg, "no VM \"16\"");
	/* cut short: the type is left */
	assert_true(vmodl_fault(
		"(vmodl.fault.ManagedObjectNotFound) {\n", msg, sizeof(msg)));
	assert_string_equal(msg, "vmodl.fault.ManagedObjectNotFound");
	/* a task's error is the task's */
	assert_false(vmodl_fault("(vim.TaskInfo) {\n   error = "
				 "(vmodl.fault.RequestCanceled) {\n"
				 "      msg = \"x\"\n   }\n}\n",
		msg, sizeof(msg)));
	assert_false(vmodl_fault("Powered on\n", msg, sizeof(msg)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(old_style),
		cmocka_unit_test(new_style),
		cmocka_unit_test(strings),
		cmocka_unit_test(two_dumps),
		cmocka_unit_test(refused),
		cmocka_unit_test(faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
