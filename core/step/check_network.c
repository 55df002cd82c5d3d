/*
 * Is the new server reachable: the address on its NIC and its gateway as the
 * guest itself sees them (agent, else SSH), ping and the operator's TCP ports
 * from outside, which is from here.
 */
#include "../guest_job.h"
#include "../guest_reboot.h"
#include "../guest_said.h"
#include "../guest_shell.h"
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

/* Not for the gate: the worker is to end. */
static bool must_end(const struct err *e)
{
	return e->code == ERR_STOPPED || e->code == ERR_ANSWER_NEEDED;
}

/* The agent's word: 1 it has the address, 0 not, -1 it is silent or fails. */
static int agent_has(struct run *r, const char *address, struct err *e)
{
	_json_ json_t *list = NULL;
	struct pve *p;

	if (run_pve(r, &p, e) || pve_agent_interfaces(p, run_vmid(r), &list, e))
		return -1;
	return has_address(list, address);
}

/* The same by SSH, where the plan has it. */
static int shell_has(struct run *r, const char *address, struct err *e)
{
	_free_ char *text = NULL;
	_json_ json_t *said = NULL;
	const json_t *v;
	size_t i;

	if (guest_ssh_shell(r, GUEST_NETWORK, 30, &text, e))
		return -1;
	said = guest_said_network(text);
	json_array_foreach (json_object_get(said, "addresses"), i, v)
		if (strcmp(json_string_value(v), address) == 0)
			return 1;
	return said ? 0 : err_set(e, ERR_AGENT_SILENT, "no ip(8) in the guest");
}

#define NOBODY_TELLS 2

/* 1 it has the address, 0 not, NOBODY_TELLS, or -1; *by: who told. */
static int inside_has(
	struct run *r, const char *address, const char **by, struct err *e)
{
	int rc = agent_has(r, address, e);

	*by = "agent";
	if (rc >= 0 || (e->code != ERR_AGENT_SILENT && e->code != ERR_TIMEOUT))
		return rc;
	if (!guest_ssh_wanted(r))
		return NOBODY_TELLS;
	*by = "ssh";
	rc = shell_has(r, address, e);
	if (rc >= 0 || must_end(e))
		return rc;
	run_say(r, "  SSH: %s", e->why);
	return NOBODY_TELLS;
}

/* The guest's own word; where it has none, only the look from outside is
 * left. */
static int ask_inside(
	struct run *r, const char *address, json_t *seen, struct err *e)
{
	double until = now_mono() + 60;

	for (;;) {
		const char *by;
		int rc = inside_has(r, address, &by, e);

		if (rc < 0)
			return -1;
		if (rc == NOBODY_TELLS) {
			json_put_str(seen, "agent", "silent");
			return 0;
		}
		if (rc == 1) {
			json_put_str(seen, by, N_("has it"));
			return 0;
		}
		if (now_mono() > until)
			return err_set(e, ERR_NET_UNREACHABLE,
				"no interface of the guest has %s", address);
		if (stop_sleep(1000, e))
			return -1;
	}
}

/* --- the gateway, as the guest sees it --- */

/* Is via one of the gateways that the plan gives? *first: one of them,
 * borrowed from want, null where it gives none. */
static bool is_planned(const json_t *want, const char *via, const char **first)
{
	const json_t *n;
	size_t i;

	*first = NULL;
	json_array_foreach (json_object_get(want, "nics"), i, n) {
		const char *g = json_str(n, "gateway");

		if (g && via && strcmp(g, via) == 0)
			return true;
		if (g && !*first)
			*first = g;
	}
	return false;
}

/* What the guest's own words mean. */
static int judge_gateway(struct run *r, const json_t *said, struct err *e)
{
	_json_ json_t *want = guest_job_wanted(r);
	const char *via = json_str(said, "gateway"), *planned;

	if (!is_planned(want, via, &planned) && planned)
		return err_set(e, ERR_NET_UNREACHABLE,
			"the guest's default route goes by %s, not by %s",
			via ? via : N_("no gateway"), planned);
	if (strcmp(json_str_or(said, "gateway_seen", ""), "absent") == 0)
		return err_set(e, ERR_NET_UNREACHABLE,
			"the guest's gateway %s answers it neither ping nor "
			"ARP",
			via);
	return 0;
}

/* Asked until it is right or a minute is over: a bridge learns, a route comes
 * after its address. *said is a new reference. */
static int ask_gateway(
	struct run *r, json_t **said, const char **by, struct err *e)
{
	double until = now_mono() + 60;

	for (;;) {
		_free_ char *text = NULL;

		if (guest_shell(r, GUEST_NETWORK, 30, &text, by, e))
			return -1;
		json_decref(*said);
		*said = guest_said_network(text);
		if (!*said)
			return err_set(
				e, ERR_AGENT_SILENT, "no ip(8) in the guest");
		if (judge_gateway(r, *said, e) == 0)
			return 0;
		if (now_mono() > until || stop_sleep(2000, e))
			return -1;
	}
}

/* ERR_NET_UNREACHABLE where the guest sees no gateway, or a wrong one. What
 * cannot be asked is said. */
static int check_gateway(struct run *r, json_t *seen, struct err *e)
{
	_json_ json_t *said = NULL;
	const char *by = "agent", *via;
	int rc = ask_gateway(r, &said, &by, e);

	json_put_str(seen, "by", by);
	json_put_str(seen, "gateway", json_str(said, "gateway"));
	json_put_str(seen, "seen", json_str(said, "gateway_seen"));
	if (rc && (must_end(e) || e->code == ERR_NET_UNREACHABLE))
		return -1;
	if (rc) {
		json_put_str(seen, "not_asked", e->why);
		run_say(r, "  its gateway could not be asked for: %s", e->why);
		return 0;
	}
	via = json_str(said, "gateway");
	if (via)
		run_say(r, "  gateway %s: %s", via,
			json_str_or(said, "gateway_seen", "?"));
	return 0;
}

/* --- from outside --- */

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
		arp = xasprintf(N_("%s answers ARP on %s"), mac, bridge);
	else
		arp = xstrdup(why.why);
	said = hoster_job_word(r);
	why = *e;
	err_set(e, why.code, "%s; %s; %s", why.why, arp,
		said ? said : N_("the hoster does not tell where it points"));
}

static int check_one(
	struct run *r, const char *address, json_t *seen, struct err *e)
{
	json_put_str(seen, "address", address);
	if (ask_inside(r, address, seen, e))
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

/* One look, into the journal; what it does not find is the operator's to
 * judge. data is stolen. */
static int settle(struct run *r, json_t *data, const char *address, int rc,
	struct err *cause, struct err *e)
{
	_json_ json_t *seen = data;

	if (rc && must_end(cause)) {
		*e = *cause;
		return -1;
	}
	json_put_bool(seen, "reachable", rc == 0);
	if (run_note(r, "measure", json_incref(seen), e))
		return -1;
	if (rc == 0)
		return 0;
	if (address)
		who_has_it(r, address, cause);
	return gate(r, cause, e);
}

static bool is_windows(const struct run *r)
{
	return strcmp(json_str_or(guest_job_facts(r), "family", ""),
		       "windows") == 0;
}

static int look_around(struct run *r, struct err *e)
{
	char a[8][64];
	size_t n = addresses(r, a, ARRAY_LEN(a));
	struct err cause = {0};
	json_t *seen;
	int rc;

	for (size_t i = 0; i < n; i++) {
		seen = json_object();
		json_put_str(seen, "name", "network");
		rc = check_one(r, a[i], seen, &cause);
		if (settle(r, seen, a[i], rc, &cause, e))
			return -1;
	}
	if (is_windows(r))
		return 0;
	seen = json_object();
	json_put_str(seen, "name", "gateway");
	rc = check_gateway(r, seen, &cause);
	return settle(r, seen, NULL, rc, &cause, e);
}

/* A restart that the guest asks for comes when it is known to be reachable,
 * and it has to be so afterwards. One that is under way is waited for. */
static int run(struct run *r, struct err *e)
{
	int again;

	if (!guest_reboot_pending(r) && look_around(r, e))
		return -1;
	again = is_windows(r) ? 0 : guest_reboot_if_needed(r, e);
	if (again <= 0)
		return again;
	return look_around(r, e);
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
