/*
 * cloud-init writes the network anew when it takes the machine for another
 * instance (new MAC, new DMI). It is told to leave it alone, as its manual
 * says: network: {config: disabled}.
 */
#include <string.h>

#include "../str.h"
#include "network.h"

#define DIR "/etc/cloud/cloud.cfg.d"
#define OFF DIR "/99-disable-network-config.cfg"

static bool installed(struct guest *g)
{
	if (guest_has(g, "/etc/cloud/cloud-init.disabled"))
		return false;
	return guest_has(g, "/usr/bin/cloud-init") ||
		guest_has(g, "/usr/local/bin/cloud-init");
}

/* "config: disabled" under "network:", on one line or two. */
static bool says_off(const char *text)
{
	const char *at = strstr(text, "network:");

	return at && (at == text || at[-1] == '\n') &&
		strstr(at, "config: disabled");
}

static bool is_off(struct guest *g)
{
	_json_ json_t *names = g->ops->list(g, DIR);
	const json_t *v;
	size_t i;

	json_array_foreach (names, i, v) {
		_free_ char *path = path_join(DIR, json_string_value(v));
		_free_ char *text =
			str_ends(path, ".cfg") ? guest_text(g, path) : NULL;

		if (text && says_off(text))
			return true;
	}
	return false;
}

void cloudinit_change(struct guest *g, struct guest_changes *cs)
{
	if (!installed(g) || is_off(g))
		return;
	guest_change_add(g, cs, OFF, "network: {config: disabled}\n", 0644,
		"cloud-init does not write the network anew.");
}
