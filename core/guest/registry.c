/*
 * What the registry of a Windows guest says: its release, which drivers and
 * services there are, and which of them start at boot. Keys as Microsoft
 * documents them: Select\\Current, Services\\NAME\\Start (0 boot, 1 system, 2
 * automatic, 3 on demand, 4 disabled), and from Windows 8 on
 * Services\\NAME\\StartOverride, whose value "0" stands for it.
 */
#include <stdlib.h>
#include <string.h>

#include "../str.h"
#include "own.h"

#define CURRENT "Microsoft\\Windows NT\\CurrentVersion"
/* Windows 11 calls itself Windows 10 in ProductName. */
#define BUILD_11 22000

/* What the choice of a bus and the way to virtio want to know. */
static const char *const services[] = {"storahci", "msahci", "atapi",
	"intelide", "pciide", "viostor", "vioscsi", "netkvm", "lsi_sas",
	"pvscsi", "vmxnet3ndis6", "e1iexpress", "VMTools", "QEMU-GA"};

static char *text(
	struct guest *g, const char *hive, const char *key, const char *value)
{
	_json_ json_t *v = g->ops->registry(g, hive, key, value);

	return json_is_string(v) ? str_printable_dup(json_string_value(v))
				 : NULL;
}

/* -1: there is no such number. */
static int64_t number(
	struct guest *g, const char *hive, const char *key, const char *value)
{
	_json_ json_t *v = g->ops->registry(g, hive, key, value);

	return json_is_integer(v) ? json_integer_value(v) : -1;
}

static int64_t start_of(
	struct guest *g, const char *hive, unsigned set, const char *name)
{
	_free_ char *key = xasprintf("ControlSet%03u\\Services\\%s", set, name);
	_free_ char *over = xasprintf("%s\\StartOverride", key);
	int64_t start = number(g, hive, key, "Start");
	int64_t instead = start < 0 ? -1 : number(g, hive, over, "0");

	return instead < 0 ? start : instead;
}

static void starts(struct guest *g, const char *hive, json_t *facts)
{
	int64_t set = number(g, hive, "Select", "Current");
	json_t *out;

	if (set < 1 || set > 999)
		return;
	out = json_object();
	for (size_t i = 0; i < ARRAY_LEN(services); i++) {
		int64_t start = start_of(g, hive, set, services[i]);

		if (start >= 0)
			json_put_u64(out, services[i], start);
	}
	json_put(facts, "starts", out);
}

/* "10.0" of Windows 10, Server 2016 and later; "6.1", "5.2" before. */
static char *version(struct guest *g, const char *hive)
{
	int64_t major = number(g, hive, CURRENT, "CurrentMajorVersionNumber");
	int64_t minor = number(g, hive, CURRENT, "CurrentMinorVersionNumber");

	if (major > 0 && minor >= 0)
		return xasprintf("%u.%u", (unsigned)major, (unsigned)minor);
	return text(g, hive, CURRENT, "CurrentVersion");
}

static char *product(struct guest *g, const char *hive, const char *build)
{
	_free_ char *name = text(g, hive, CURRENT, "ProductName");
	uint64_t n = 0;

	if (name && str_starts(name, "Windows 10 ") && build &&
		str_u64(build, UINT32_MAX, &n) == 0 && n >= BUILD_11)
		name[9] = '1';
	return name ? xstrdup(name) : NULL;
}

static void release(struct guest *g, const char *hive, json_t *facts)
{
	_free_ char *build = text(g, hive, CURRENT, "CurrentBuild");
	_free_ char *v = version(g, hive), *name = NULL, *full = NULL;

	if (!build)
		build = text(g, hive, CURRENT, "CurrentBuildNumber");
	name = product(g, hive, build);
	json_put_str(facts, "version", v);
	json_put_str(facts, "build", build);
	if (!name)
		return;
	/* XP and 2003 have "Microsoft " before it. */
	full = xasprintf("%s (%s, build %s)",
		str_starts(name, "Microsoft ") ? name + 10 : name, v ? v : "?",
		build ? build : "?");
	json_put_str(facts, "name", full);
}

void guest_registry_facts(struct guest *g, const char *config, json_t *facts)
{
	_json_ json_t *names = g->ops->list(g, config);
	const json_t *v;
	size_t i;

	json_array_foreach (names, i, v) {
		const char *name = json_string_value(v);
		_free_ char *path = path_join(config, name);

		if (str_eqi(name, "SYSTEM"))
			starts(g, path, facts);
		else if (str_eqi(name, "SOFTWARE"))
			release(g, path, facts);
	}
}
