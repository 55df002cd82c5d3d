/*
 * STATE/recent: hosts, and what was chosen last, proposed next time. Keeps
 * true: no secret is ever in it.
 */
#include <string.h>

#include "core/state.h"
#include "wizard.h"

/* Texts of the wizard, by name. */
static const struct {
	const char *key;
	size_t at, size;
} texts[] = {
#define TEXT(name)                                         \
	{                                                  \
#name, offsetof(struct wizard, name),      \
			sizeof(((struct wizard *)0)->name) \
	}
	TEXT(file),
	TEXT(esxi),
	TEXT(esxi_user),
	TEXT(esxi_key),
	TEXT(pve),
	TEXT(pve_user),
	TEXT(tcp),
	TEXT(keep_days),
	TEXT(ssh_user),
	TEXT(ssh_key),
#undef TEXT
};

static const json_t *target_row(
	const struct wizard *w, const char *list, int row)
{
	return json_array_get(json_object_get(w->target, list), row);
}

static void nic_key(
	const struct wizard *w, const struct nic_choice *c, char out[WIZ_TEXT])
{
	snprintf(out, WIZ_TEXT, "%s %s", json_str_or(w->vm, "name", "?"),
		c->slot);
}

static void keep_nics(struct wizard *w)
{
	json_t *nics = json_object_get(w->recent, "nics");

	if (!nics) {
		nics = json_object();
		json_put(w->recent, "nics", nics);
	}
	for (int i = 0; i < w->n_nics; i++) {
		const struct nic_choice *c = &w->nics[i];
		json_t *n = json_object();
		char key[WIZ_TEXT];

		json_put_str(n, "address", c->address);
		json_put_str(n, "gateway", c->gateway);
		json_put_str(n, "dns", c->dns);
		nic_key(w, c, key);
		json_put(nics, key, n);
	}
}

void wizard_remember(struct wizard *w)
{
	_free_ char *path = NULL;

	if (state_path("recent", &path, NULL))
		return;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		json_put_str(w->recent, texts[i].key, (char *)w + texts[i].at);
	json_put_str(w->recent, "from", w->from ? "file" : "esxi");
	if (w->n_disks)
		json_put_str(w->recent, "storage",
			json_str(target_row(w, "storages", w->disks[0].storage),
				"storage"));
	if (w->n_nics)
		json_put_str(w->recent, "bridge",
			json_str(target_row(w, "bridges", w->nics[0].bridge),
				"iface"));
	keep_nics(w);
	json_write(path, w->recent, 0600, NULL);
}

void wizard_recall(struct wizard *w)
{
	_free_ char *path = NULL;

	if (state_path("recent", &path, NULL) ||
		json_read(path, &w->recent, NULL) ||
		!json_is_object(w->recent)) {
		json_decref(w->recent);
		w->recent = json_object();
		return;
	}
	w->from = strcmp(json_str_or(w->recent, "from", ""), "file") == 0;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const char *s = json_str(w->recent, texts[i].key);

		if (s)
			snprintf((char *)w + texts[i].at, texts[i].size, "%s",
				s);
	}
}

int recent_row(const struct wizard *w, const char *name, const json_t *rows,
	const char *key, int def)
{
	const char *last = json_str_or(w->recent, name, "");
	const json_t *row;
	size_t i;

	json_array_foreach (rows, i, row)
		if (strcmp(json_str_or(row, key, ""), last) == 0)
			return i;
	return def;
}

void recent_nic(const struct wizard *w, struct nic_choice *c)
{
	const json_t *n;
	char key[WIZ_TEXT];

	nic_key(w, c, key);
	n = json_object_get(json_object_get(w->recent, "nics"), key);
	snprintf(c->address, sizeof(c->address), "%s",
		json_str_or(n, "address", ""));
	snprintf(c->gateway, sizeof(c->gateway), "%s",
		json_str_or(n, "gateway", ""));
	snprintf(c->dns, sizeof(c->dns), "%s", json_str_or(n, "dns", ""));
}
