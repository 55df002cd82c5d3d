/*
 * Every real network file of ../shared/corpus/guest-net, each address in it: a
 * goal that is the present address changes no byte; another one is read back
 * as wanted, all other facts stay, and once more it changes nothing. Skipped
 * where the corpus is absent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <glob.h>
#include <cmocka.h>

#include "guest/network.h"
#include "guest_dir.h"
#include "str.h"

struct kind {
	const struct net_stack *stack;
	const char *pattern; /* below guest-net/ */
	const char *place;   /* in the guest; %s: the file's own name */
};

static const struct kind kinds[] = {
	{&net_ifupdown, "interfaces/*", "/etc/network/interfaces"},
	{&net_ifupdown, "alpine-interfaces/*", "/etc/network/interfaces"},
	{&net_netplan, "netplan/*", "/etc/netplan/%s.yaml"},
	{&net_networkd, "networkd/*", "/etc/systemd/network/%s.network"},
	{&net_nm, "nmconnection/*",
		"/etc/NetworkManager/system-connections/%s"},
	{&net_ifcfg, "ifcfg-rhel/*", "/etc/sysconfig/network-scripts/ifcfg-%s"},
	{&net_suse, "ifcfg-suse/*", "/etc/sysconfig/network/ifcfg-%s"},
};

static json_t *facts_of(
	const struct kind *k, struct guest *g, const struct guest_changes *cs)
{
	_json_ json_t *files = json_array();
	json_t *list = json_array();

	k->stack->facts(g, cs, files, list);
	return list;
}

static size_t n_same, n_changed, n_files, n_bad;

static void complain(
	const char *file, const char *what, const char *a, const char *b)
{
	n_bad++;
	print_message("%s: %s\n--- a\n%s\n--- b\n%s\n", file, what, a, b);
}

static struct net_goal goal_of(const json_t *o)
{
	struct net_goal goal = {
		.gateway = json_str(o, "gateway"), .dns = json_str(o, "dns")};

	addr_parse(json_str_or(o, "address", ""), &goal.addr);
	if (goal.gateway && !net_is_v4(goal.gateway))
		goal.gateway = NULL;
	return goal;
}

/* The present address as goal: not one byte changes. */
static void check_same(const struct kind *k, struct guest *g, const json_t *o,
	const char *file)
{
	_changes_ struct guest_changes cs = {0};
	struct net_goal goal = goal_of(o);

	if (!k->stack->change(g, json_str(o, "name"), &goal, &cs))
		complain(file, "not found again", json_str(o, "name"), "");
	for (size_t i = 0; i < cs.n; i++) {
		_free_ char *diff = guest_diff(&cs.c[i]);

		complain(file, "changed without need", diff, "");
	}
	n_same++;
}

/* Of several stanzas of one name: the one with an address. */
static json_t *named(const json_t *list, const char *name)
{
	json_t *v, *found = NULL;
	size_t i;

	json_array_foreach (list, i, v)
		if (strcmp(json_str_or(v, "name", ""), name) == 0 &&
			(!found || !json_str(found, "address")))
			found = v;
	return found;
}

/* All facts but those of the address. */
static char *rest_of(const json_t *list, const char *name)
{
	_json_ json_t *copy = json_deep_copy(list);
	json_t *v = named(copy, name);

	json_object_del(v, "address");
	json_object_del(v, "gateway");
	json_object_del(v, "dns");
	json_object_del(v, "method");
	return json_pretty(copy);
}

static void check_reads(const char *file, const json_t *now,
	const struct net_goal *goal, const char *name)
{
	const json_t *o = named(now, name);
	char want[NET_ADDR_LEN];

	net_addr_text(want, &goal->addr);
	if (strcmp(json_str_or(o, "address", ""), want))
		complain(file, "address", json_str_or(o, "address", "none"),
			want);
	if (goal->gateway &&
		strcmp(json_str_or(o, "gateway", ""), goal->gateway))
		complain(file, "gateway", json_str_or(o, "gateway", "none"),
			goal->gateway);
	if (strcmp(json_str_or(o, "dns", ""), goal->dns))
		complain(file, "dns", json_str_or(o, "dns", "none"), goal->dns);
}

/* The same goal once more changes nothing. */
static void check_idle(const struct kind *k, struct guest *g,
	struct guest_changes *cs, const char *name, const struct net_goal *goal,
	const char *file)
{
	_free_ char *before = cs->n ? xstrdup(cs->c[0].after) : NULL;

	k->stack->change(g, name, goal, cs);
	if (before && strcmp(before, cs->c[0].after))
		complain(file, "not the same twice", before, cs->c[0].after);
}

static void check_new(const struct kind *k, struct guest *g, const json_t *list,
	const char *name, const char *file, const char *addr, const char *gw)
{
	_changes_ struct guest_changes cs = {0};
	struct net_goal goal = {
		.gateway = gw, .dns = "9.9.9.9 149.112.112.112"};
	_json_ json_t *now = NULL;
	_free_ char *rest = rest_of(list, name), *after = NULL;

	addr_parse(addr, &goal.addr);
	if (!k->stack->change(g, name, &goal, &cs)) {
		complain(file, "not changed", name, "");
		return;
	}
	now = facts_of(k, g, &cs);
	check_reads(file, now, &goal, name);
	after = rest_of(now, name);
	if (strcmp(rest, after))
		complain(file, "something else changed", rest, after);
	check_idle(k, g, &cs, name, &goal, file);
	n_changed++;
}

static char *place_of(const struct kind *k, const char *file)
{
	const char *base = strrchr(file, '/') + 1,
		   *mark = strstr(k->place, "%s");
	const char *name = strstr(base, "ifcfg-");
	struct buf b = {0};

	if (!mark)
		return xstrdup(k->place);
	buf_add(&b, k->place, mark - k->place);
	buf_adds(&b, name ? name + 6 : base);
	/* Not a backup by its name. */
	buf_adds(&b, strstr(base, ".bak") || strstr(base, "~") ? "x" : "");
	buf_adds(&b, mark + 2);
	return buf_steal(&b);
}

static bool plain_v4(const json_t *o)
{
	return net_is_v4(json_str_or(o, "address", "")) &&
		strcmp(json_str_or(o, "name", "lo"), "lo");
}

static void one_file(const struct kind *k, const char *file)
{
	struct guest *g = guest_dir_new();
	_free_ char *place = place_of(k, file);
	_json_ json_t *list = NULL;
	const json_t *o;
	size_t i;

	guest_dir_copy(g, place, file);
	guest_dir_put(g, "/etc/sysconfig/network/config",
		"# servers\nNETCONFIG_DNS_STATIC_SERVERS=\"\"\n");
	list = facts_of(k, g, NULL);
	json_array_foreach (list, i, o) {
		const char *name = json_str_or(o, "name", "lo");

		if (!plain_v4(o) || named(list, name) != o)
			continue;
		if (strchr(json_str(o, "address"), '/'))
			check_same(k, g, o, file);
		check_new(
			k, g, list, name, file, "198.18.7.77/24", "198.18.7.1");
		check_new(k, g, list, name, file, "198.18.7.77/32",
			"100.64.0.254");
	}
	n_files++;
	guest_dir_free(g);
}

static void each_file(void **state)
{
	const char *corpus = guest_corpus();

	(void)state;
	if (!corpus) {
		fprintf(stderr, "no ../shared/corpus: skipped\n");
		skip();
	}
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		_free_ char *pattern =
			xasprintf("%s/guest-net/%s", corpus, kinds[i].pattern);
		glob_t found;

		assert_int_equal(glob(pattern, 0, NULL, &found), 0);
		for (size_t f = 0; f < found.gl_pathc; f++)
			one_file(&kinds[i], found.gl_pathv[f]);
		globfree(&found);
	}
	print_message("%zu files, %zu addresses unchanged, %zu changed, "
		      "%zu faults\n",
		n_files, n_same, n_changed, n_bad);
	assert_true(n_same > 100);
	assert_int_equal(n_bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
