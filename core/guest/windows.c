/*
 * A Windows guest, by its files: which release (as far as the choice of a bus
 * needs it), which drivers, VMware Tools. The registry is not read. Names are
 * compared in any case, as Windows does.
 */
#include <string.h>

#include "../str.h"
#include "own.h"

/* The path as the disk spells it; to be freed, null where it is not there. */
static char *spelled(struct guest *g, const char *path)
{
	_free_ char *copy = xstrdup(path);
	char *save = NULL, *out = xstrdup("");

	for (char *w = strtok_r(copy, "/", &save); w;
		w = strtok_r(NULL, "/", &save)) {
		_json_ json_t *names = g->ops->list(g, *out ? out : "/");
		const char *found = NULL;
		const json_t *v;
		size_t i;

		json_array_foreach (names, i, v)
			if (str_eqi(json_string_value(v), w))
				found = json_string_value(v);
		if (!found) {
			free(out);
			return NULL;
		}
		_free_ char *next = xasprintf("%s/%s", out, found);

		str_set(&out, next);
	}
	return out;
}

static bool there(struct guest *g, const char *path)
{
	_free_ char *p = spelled(g, path);

	return p != NULL;
}

static bool in_list(const json_t *names, const char *driver)
{
	_free_ char *file = xasprintf("%s.sys", driver);
	const json_t *v;
	size_t i;

	json_array_foreach (names, i, v)
		if (str_eqi(json_string_value(v), file))
			return true;
	return false;
}

/* storahci came with 8 and 2012, msahci with Vista, winload with Vista. */
static const char *release(struct guest *g, const json_t *drivers)
{
	if (json_flag(drivers, "storahci", false))
		return "Windows 8, Server 2012 or later";
	if (json_flag(drivers, "msahci", false) ||
		there(g, "/Windows/System32/winload.exe"))
		return "Windows Vista, 7, Server 2008 or 2008 R2";
	return "Windows before Vista";
}

void guest_windows_facts(struct guest *g, json_t *facts)
{
	static const char *const known[] = {"storahci", "msahci", "vioscsi",
		"viostor", "netkvm", "pvscsi", "vmxnet3"};
	_free_ char *dir = spelled(g, "/Windows/System32/drivers");
	_json_ json_t *names = dir ? g->ops->list(g, dir) : json_array();
	json_t *drivers = json_object();

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		json_put_bool(drivers, known[i], in_list(names, known[i]));
	json_put(facts, "drivers", drivers);
	json_put_str(facts, "name", release(g, drivers));
	json_put_str(facts, "tools",
		there(g, "/Program Files/VMware/VMware Tools") ? "vmware-tools"
							       : "none");
}

/* Never virtio: a driver's file says nothing of whether it starts at boot. */
void guest_windows_propose(
	const json_t *facts, const char **bus, const char **nic, char **reason)
{
	const char *name = json_str_or(facts, "name", "Windows");
	const json_t *d = json_object_get(facts, "drivers");
	bool ahci = json_flag(d, "storahci", false) ||
		json_flag(d, "msahci", false);

	*bus = ahci ? "sata" : "ide";
	*nic = "e1000";
	*reason = xasprintf("%s boots from %s with the drivers it came with; "
			    "virtio comes after its drivers were installed on "
			    "the running system.",
		name, ahci ? "SATA" : "IDE");
}
