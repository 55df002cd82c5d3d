/*
 * Hosters as the pages know them: their keys, the choices of a plan, and the
 * look at the address (vmferry hoster show) before the Network page is left,
 * so that a wrong key or an address that cannot move is known here and not at
 * night.
 */
#include "hoster.h"

#include <string.h>

#include "child.h"

/* --- the list of hosters: those with an API, in their order --- */

const struct hoster *hoster_nth(int i)
{
	for (size_t k = 0; hosters[k]; k++)
		if (hosters[k]->urls && i-- == 0)
			return hosters[k];
	return NULL;
}

const struct hoster *hoster_chosen(const struct wizard *w)
{
	return w->hoster >= 2 ? hoster_nth(w->hoster - 2) : NULL;
}

const struct hoster *hoster_planned(const json_t *plan)
{
	const char *name = json_string_value(json_at(plan, "hoster.provider"));
	const struct hoster *h;

	if (!name || hoster_find(name, &h, NULL) || !h->urls)
		return NULL;
	return h;
}

/* --- secrets --- */

const char *hoster_secret_name(size_t i)
{
	const struct hoster *h;

	for (int k = 0; (h = hoster_nth(k)); k++)
		for (const struct hoster_secret *s = h->secrets; s->name; s++)
			if (i-- == 0)
				return s->name;
	return NULL;
}

char *hoster_secret_value(struct wizard *w, const char *name)
{
	const char *have;
	size_t i;

	for (i = 0; (have = hoster_secret_name(i)); i++)
		if (strcmp(have, name) == 0)
			break;
	return w->secret
		->hoster[i < WIZ_HOSTER_SECRETS ? i : WIZ_HOSTER_SECRETS - 1];
}

void hoster_take_secrets(struct wizard *w, const struct secrets *s)
{
	const char *name;

	for (size_t i = 0; (name = hoster_secret_name(i)); i++) {
		const char *v = secrets_get(s, name);

		snprintf(hoster_secret_value(w, name), WIZ_TEXT, "%s",
			v ? v : "");
	}
}

/* --- choices --- */

bool hoster_routed(const struct wizard *w)
{
	const struct hoster *h = hoster_chosen(w);

	return h && h->routable && w->hoster_network == 1;
}

json_t *hoster_choices(const struct wizard *w)
{
	static const char *const timings[] = {"early", "cut-over"};
	const struct hoster *h = hoster_chosen(w);
	json_t *o = json_object();

	json_put_str(o, "provider",
		h                   ? h->name
			: w->hoster ? "manual"
				    : "none");
	if (w->hoster && *w->failover)
		json_put_str(o, "address", w->failover);
	if (!h)
		return o;
	if (*w->hoster_to)
		json_put_str(o, "to", w->hoster_to);
	json_put_str(o, "timing", timings[w->hoster_timing]);
	if (hoster_routed(w)) {
		json_put_str(o, "network", "routed");
		json_put_str(o, "gateway", w->hoster_gateway);
	}
	if (w->hoster_mac || hoster_routed(w))
		json_put_str(o, "mac", "none");
	if (w->hoster_url)
		json_put_str(o, "url", h->urls[w->hoster_url]);
	if (w->hoster_nic < w->n_nics)
		json_put_str(o, "nic", w->nics[w->hoster_nic].slot);
	return o;
}

/* --- the look --- */

bool hoster_ask(struct wizard *w)
{
	const struct hoster *h = hoster_chosen(w);
	_free_ char *busy = NULL, *out = NULL;
	struct args a = {0};
	struct err e = {0};
	json_t *seen;

	json_decref(w->hoster_seen);
	w->hoster_seen = NULL;
	if (!h)
		return true;
	busy = xasprintf(_("Asking %s"), h->title);
	args_add(&a, "hoster");
	args_add(&a, "show");
	args_opt(&a, "--provider", h->name);
	args_opt(&a, "--url", h->urls[w->hoster_url]);
	if (hoster_routed(w))
		args_opt(&a, "--routed", w->hoster_gateway);
	args_add(&a, "--json");
	args_add(&a, w->failover);
	args_add(&a, *w->hoster_to ? w->hoster_to : "here");
	if (child_verb(w, busy, &a, true, &out, &e) == 0 &&
		json_parse(out, strlen(out), &seen, &e) == 0) {
		w->hoster_seen = seen;
		return true;
	}
	if (e.code != ERR_STOPPED)
		wizard_error(w, &e);
	return false;
}
