/*
 * Systems that nobody serves any more, as trees made by tests/matrix/trees.sh:
 * what is found in them, the bus that is proposed, and the diff for a new
 * address, against tests/golden/layouts (UPDATE_GOLDEN=1 writes those anew).
 * tests/matrix/layouts does the same on real disks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guest_dir.h"
#include "proc.h"
#include "str.h"

static void same(const char *name, const char *end, const char *text)
{
	_free_ char *path = xasprintf("tests/golden/layouts/%s.%s", name, end);
	_free_ char *want = NULL;

	if (getenv("UPDATE_GOLDEN"))
		assert_int_equal(
			file_write(path, text, strlen(text), 0644, NULL), 0);
	assert_int_equal(file_read(path, 1 << 20, &want, NULL, NULL), 0);
	if (strcmp(want, text))
		fail_msg("%s is not\n%s", path, text);
}

static void put(json_t *o, const json_t *from, const char *key)
{
	json_t *v = json_object_get(from, key);

	json_put(o, key, v ? json_incref(v) : json_null());
}

static void check_facts(struct guest *g, const char *name)
{
	static const char *const keys[] = {
		"name", "distro", "version", "agent", "tools"};
	const struct vm nothing = {0};
	const char *bus, *nic;
	_free_ char *reason = NULL, *text = NULL;
	_json_ json_t *facts = NULL, *o = json_object();
	json_t *kernels = json_array(), *p = json_object(), *k;
	const json_t *net;
	size_t i;

	assert_int_equal(guest_facts(g, &facts, NULL), 0);
	for (i = 0; i < ARRAY_LEN(keys); i++)
		put(o, facts, keys[i]);
	guest_propose(facts, &nothing, true, &bus, &nic, &reason);
	json_put_str(p, "bus", bus);
	json_put_str(p, "nic", nic);
	json_put_str(p, "reason", reason);
	json_put(o, "proposal", p);
	net = json_object_get(facts, "network");
	put(o, net, "stack");
	put(o, net, "interfaces");
	json_array_foreach (json_object_get(facts, "kernels"), i, k) {
		json_t *row = json_object();

		put(row, k, "version");
		put(row, k, "initramfs");
		put(row, k, "default");
		json_array_append_new(kernels, row);
	}
	json_put(o, "kernels", kernels);
	text = json_pretty(o);
	same(name, "json", text);
}

/* The card of the one interface that has an address. */
static json_t *wanted(struct guest *g)
{
	_json_ json_t *facts = NULL, *nic = json_object();
	json_t *want = json_object(), *v;
	const char *name = NULL;
	size_t i;

	assert_int_equal(guest_facts(g, &facts, NULL), 0);
	json_array_foreach (json_at(facts, "network.interfaces"), i, v)
		if (strcmp(json_str_or(v, "name", ""), "lo"))
			name = json_str(v, "name");
	assert_non_null(name);
	json_put_str(nic, "name", name);
	json_put_u64(nic, "index", 0);
	json_put_str(nic, "address", "203.0.113.77/24");
	json_put_str(nic, "gateway", "203.0.113.1");
	json_put_str(nic, "mac", "00:50:56:01:02:03");
	json_put(nic, "dns", json_array());
	json_array_append_new(
		json_object_get(nic, "dns"), json_text("203.0.113.53"));
	json_put(want, "nics", json_array());
	json_array_append(json_object_get(want, "nics"), nic);
	return want;
}

static void check_changes(struct guest *g, const char *name)
{
	_json_ json_t *want = wanted(g);
	_changes_ struct guest_changes cs = {0};
	_buf_ struct buf b = {0};

	assert_int_equal(guest_changes(g, want, &cs, NULL), 0);
	for (size_t i = 0; i < cs.n; i++) {
		_free_ char *diff = guest_diff(&cs.c[i]);

		buf_adds(&b, diff);
		assert_int_equal(guest_apply(g, &cs.c[i], NULL), 0);
	}
	same(name, "diff", b.s ? b.s : "");
	buf_clear(&b);
	for (size_t i = 0; i < cs.n_left; i++)
		buf_addf(&b, "%s\n", cs.left[i]);
	same(name, "left", b.s ? b.s : "");
	/* A second look finds the new address, and nothing more to do. */
	guest_changes_free(&cs);
	assert_int_equal(guest_changes(g, want, &cs, NULL), 0);
	assert_int_equal(cs.n, 0);
}

static void layout(void **state)
{
	const char *name = *state;
	struct guest *g = guest_dir_new();
	const char *argv[] = {
		"tests/matrix/trees.sh", name, guest_dir_root(g), NULL};
	struct err e = {0};

	if (proc_must(argv, NULL, NULL, ERR_IO, &e))
		fail_msg("trees.sh: %s", e.why);
	check_facts(g, name);
	check_changes(g, name);
	guest_dir_free(g);
}

#define LAYOUT(n)                                \
	{                                        \
		n, layout, NULL, NULL, (void *)n \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {LAYOUT("debian7"),
		LAYOUT("ubuntu12"), LAYOUT("rhel6"), LAYOUT("rhel7"),
		LAYOUT("rhel9"), LAYOUT("sles11"), LAYOUT("alpine")};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
