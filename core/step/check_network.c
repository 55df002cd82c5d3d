/*
 * Is the new server reachable, from outside the guest: the address on its
 * NIC as the agent tells, ping and the operator's TCP ports from here.
 */
#include "../hoster_job.h"
#include "../i18n.h"

#include <string.h>

#include "../probe.h"
#include "../pve.h"
#include "../stop.h"
#include "../str.h"
#include "../target.h"

/* The planned addresses, without prefix, and the one that was moved, into
 * out; their number. */
static size_t addresses(const struct run *r, char out[][64], size_t max)
{
	const json_t *nics = json_at(r->plan, "target.nics"), *n;
	const char *moved = run_str(r, "hoster.address", "");
	size_t i, found = 0;
	bool seen = !hoster_job_managed(r);

	json_array_foreach (nics, i, n) {
		const char *a = json_str(n, "address");

		if (!a || found == max)
			continue;
		snprintf(out[found], 64, "%.*s", (int)strcspn(a, "/"), a);
		seen |= strcmp(out[found], moved) == 0;
		found++;
	}
	if (!seen && found < max)
		snprintf(out[found++], 64, "%s", moved);
	return found;
}

static bool has_address(const json_t *interfaces, const char *want)
{
	const json_t *n, *a;
	size_t i, k;

	json_array_foreach (interfaces, i, n)
		json_array_foreach (json_object_get(n, "addresses"), k, a)
			if (strcmp(json_str_or(a, "address", ""), want) == 0)
				return true;
	return false;
}

/* The agent's word; a silent agent leaves only the look from outside. */
static int ask_agent(
	struct run *r, const char *address, json_t *seen, struct err *e)
{
	double until = now_mono() + 60;
	struct pve *p;

	if (run_pve(r, &p, e))
		return -1;
	for (;;) {
		_json_ json_t *list = NULL;

		if (pve_agent_interfaces(p, run_vmid(r), &list, e)) {
			if (e->code != ERR_AGENT_SILENT &&
				e->code != ERR_TIMEOUT)
				return -1;
			json_put_str(seen, "agent", "silent");
			return 0;
		}
		if (has_address(list, address)) {
			json_put_str(seen, "agent", "has it");
			return 0;
		}
		if (now_mono() > until)
			return err_set(e, ERR_NET_UNREACHABLE,
				"no interface of the guest has %s", address);
		if (stop_sleep(1000, e))
			return -1;
	}
}

static int probe_ports(
	struct run *r, const char *address, json_t *seen, struct err *e)
{
	const json_t *ports = json_at(r->plan, "checks.tcp"), *p;
	json_t *list = json_array();
	size_t i;

	json_put(seen, "tcp", list);
	json_array_foreach (ports, i, p) {
		unsigned port = json_integer_value(p) & 0xffff;

		if (probe_tcp(address, port, 60, e))
			return -1;
		json_array_append_new(list, json_integer(port));
		run_say(r, "  %s answers on TCP port %u", address, port);
	}
	return 0;
}

/* Between the guest and the world lie the bridge and the hoster: who of them
 * has the address, in words. */
static void who_has_it(struct run *r, const char *address, struct err *e)
{
	const json_t *nics = json_at(r->plan, "target.nics");
	const char *bridge = json_str_or(
		json_array_get(nics, target_moved_nic(r)), "bridge", "vmbr0");
	_free_ char *said = NULL, *arp = NULL;
	char mac[PROBE_MAC_LEN];
	struct err why = {0};

	if (!hoster_job_managed(r) || e->code == ERR_STOPPED ||
		strcmp(address, run_str(r, "hoster.address", "")))
		return;
	if (probe_arp(bridge, address, 3, mac, &why) == 0)
		arp = xasprintf("%s answers ARP on %s", mac, bridge);
	else
		arp = xstrdup(why.why);
	said = hoster_job_word(r);
	why = *e;
	err_set(e, why.code, "%s; %s; %s", why.why, arp,
		said ? said : "the hoster does not tell where it points");
}

static int check_one(
	struct run *r, const char *address, json_t *seen, struct err *e)
{
	json_put_str(seen, "address", address);
	if (ask_agent(r, address, seen, e))
		return -1;
	if (run_flag(r, "checks.ping", true)) {
		double ms;

		if (probe_ping(address, 60, &ms, e))
			return -1;
		json_put(seen, "ping_ms", json_real(ms));
		run_say(r, "  %s answers ping", address);
	}
	return probe_ports(r, address, seen, e);
}

static int gate(struct run *r, const struct err *cause, struct err *e)
{
	static const struct ask_choice c[] = {{"retry", N_("look again")},
		{"accept", N_("it is reachable, or I will see to it")},
		{NULL, NULL}};
	const struct question q = {.id = "reachable",
		.kind = ASK_CHOICE,
		.once = true,
		.choices = c,
		.text = N_("The new server does not answer. Look again?"),
		.why = cause->why,
		.help = N_("In the VM's console: ip -br a; ip r; ping the "
			   "gateway. Here: ip neigh; the bridge's VLAN. At the "
			   "hoster: where the address points, and its virtual "
			   "MAC.")};
	const char *a;

	run_say(r, "  %s", cause->why);
	if (run_ask(r, &q, &a, e))
		return -1;
	if (strcmp(a, "accept") == 0)
		return 0;
	*e = *cause;
	return -1;
}

static int check(struct run *r, struct err *e)
{
	char a[8][64];

	(void)e;
	return addresses(r, a, ARRAY_LEN(a)) == 0;
}

static int run(struct run *r, struct err *e)
{
	char a[8][64];
	size_t n = addresses(r, a, ARRAY_LEN(a));

	for (size_t i = 0; i < n; i++) {
		json_t *seen = json_object();
		struct err cause = {0};
		int rc = check_one(r, a[i], seen, &cause);

		json_put_str(seen, "name", "network");
		json_put_bool(seen, "reachable", rc == 0);
		if (run_note(r, "measure", seen, e))
			return -1;
		if (rc == 0)
			continue;
		if (cause.code == ERR_STOPPED) {
			*e = cause;
			return -1;
		}
		who_has_it(r, a[i], &cause);
		if (gate(r, &cause, e))
			return -1;
	}
	return 0;
}

const struct step step_check_network = {
	.kind = "check_network",
	.order = 150,
	.flags = STEP_SKIPPABLE,
	.doing = N_("Check that the new server is reachable"),
	.why = N_(
		"A server that is up but not reachable is down for its users. "
		"The look is from outside the guest."),
	.manual = N_("qm agent VMID network-get-interfaces\n"
		     "ping ADDRESS\nnc -z ADDRESS 22"),
	.trouble =
		N_("Mostly the bridge, the VLAN, the gateway, or the virtual "
		   "MAC at the hoster. The old server is one undo away."),
	.check = check,
	.run = run,
};
