/* A plan's "hoster", before anything is asked of it: see hoster_job.h. */
#include "hoster_job.h"

#include <string.h>

#include "guest/addr.h"
#include "i18n.h"
#include "str.h"

static const struct hoster *by_settings(const json_t *settings)
{
	const char *name = json_str_or(settings, "provider", "none");
	const struct hoster *h;

	return hoster_find(name, &h, NULL) ? NULL : h;
}

bool hoster_job_follows(const json_t *settings)
{
	const struct hoster *h = by_settings(settings);

	return h && h->urls;
}

bool hoster_job_managed(const struct run *r)
{
	return hoster_job_follows(json_at(r->plan, "hoster"));
}

bool hoster_job_late(const json_t *settings)
{
	return strcmp(json_str_or(settings, "timing", "early"), "cut-over") ==
		0;
}

int hoster_job_check(const json_t *settings, struct err *e)
{
	const char *name = json_str_or(settings, "provider", "none");
	const char *timing = json_str_or(settings, "timing", "early");
	const char *address = json_str_or(settings, "address", "");
	const struct hoster *h;
	struct addr a;

	if (strcmp(name, "none") == 0)
		return 0;
	if (hoster_find(name, &h, e))
		return -1;
	if (strcmp(timing, "early") && strcmp(timing, "cut-over"))
		return err_set(e, ERR_PLAN_BAD,
			"hoster.timing is early or cut-over, not %s", timing);
	if (h->urls && (strchr(address, '/') || addr_parse(address, &a)))
		return err_set(e, ERR_PLAN_BAD,
			"hoster.address %s is not one IPv4 address", address);
	return 0;
}

static json_t *outage(
	bool early, const struct hoster *h, const char *size, bool chosen)
{
	_free_ char *text = NULL;
	json_t *o = json_object();

	if (early)
		text = xasprintf(N_("the service is down while up to %s are "
				    "copied and the "
				    "VM starts; the address moves meanwhile "
				    "(%s: %s). The "
				    "way back moves it back first."),
			size, h->title, h->outage);
	else
		text = xasprintf(N_("the service is down while up to %s are "
				    "copied, then "
				    "while the address moves (%s: %s), then "
				    "while the VM "
				    "starts. Until the copy is verified the "
				    "way back moves "
				    "nothing."),
			size, h->title, h->outage);
	json_put_str(o, "timing", early ? "early" : "cut-over");
	json_put_str(o, "text", text);
	json_put_bool(o, "chosen", chosen);
	return o;
}

json_t *hoster_job_outage(const json_t *settings, uint64_t bytes)
{
	const struct hoster *h = by_settings(settings);
	bool early = !hoster_job_late(settings);
	char size[STR_SIZE_LEN];
	json_t *list;

	if (!h)
		return NULL;
	str_size(size, bytes);
	list = json_array();
	json_array_append_new(list, outage(early, h, size, true));
	json_array_append_new(list, outage(!early, h, size, false));
	return list;
}

size_t hoster_job_nic(const json_t *plan)
{
	const char *slot = json_string_value(json_at(plan, "hoster.nic"));
	const json_t *nics = json_at(plan, "target.nics"), *n;
	size_t i;

	json_array_foreach (nics, i, n)
		if (slot ? strcmp(json_str_or(n, "slot", ""), slot) == 0
			 : json_str(n, "address") != NULL)
			return i;
	return 0;
}

static const char *planned_address(const json_t *plan)
{
	return json_str(json_array_get(json_at(plan, "target.nics"),
				hoster_job_nic(plan)),
		"address");
}

bool hoster_job_fits(const json_t *plan)
{
	const char *moved = json_string_value(json_at(plan, "hoster.address"));
	const char *address = planned_address(plan);
	size_t n = moved ? strlen(moved) : 0;

	return !address ||
		(n && strncmp(address, moved, n) == 0 &&
			strchr("/", address[n]));
}

int hoster_job_plan(json_t *plan, struct err *e)
{
	const json_t *settings = json_object_get(plan, "hoster");
	json_t *estimate = json_object_get(plan, "estimate"), *list;

	if (hoster_job_check(settings, e))
		return err_in(e, "plan the move of the failover IP");
	list = hoster_job_outage(settings, json_u64(estimate, "written", 0));
	if (list)
		json_put(estimate, "outage", list);
	if (hoster_job_follows(settings) && !hoster_job_fits(plan)) {
		_free_ char *text = xasprintf(
			N_("The guest gets %s, but %s is what moves: leave the "
			   "NIC's address empty to have it set up by the "
			   "hoster's rules."),
			planned_address(plan),
			json_str_or(settings, "address", "?"));

		json_array_append_new(
			json_object_get(plan, "warnings"), json_text(text));
	}
	return 0;
}
