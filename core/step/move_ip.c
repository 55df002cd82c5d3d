/*
 * The failover IP leaves for the new server. At a hoster with an API the move
 * is asked for here and followed by await_ip; provider "manual" is a gate
 * that says what to do at the hoster and takes the virtual MAC down. Never
 * before the source is proven off, which is looked at once more here.
 */
#include "../esxi.h"
#include "../hoster_job.h"
#include "../i18n.h"
#include "../origin.h"

#include <string.h>

#include "../str.h"

static const char *provider(const struct run *r)
{
	return run_str(r, "hoster.provider", "none");
}

static int preflight(struct run *r, struct err *e)
{
	if (origin_is_file(r) && strcmp(provider(r), "none"))
		run_find(r, LEVEL_WARNING, ERR_NONE,
			"the address %s is taken from whatever answers on it "
			"now",
			run_str(r, "hoster.address", "?"));
	if (hoster_job_managed(r)) {
		hoster_job_preflight(r);
		return 0;
	}
	if (hoster_job_check(json_at(r->plan, "hoster"), e))
		return -1;
	if (strcmp(provider(r), "manual") == 0)
		run_find(r, LEVEL_WARNING, ERR_NONE,
			"the address %s is moved by you at the hoster; vmferry "
			"will wait for it",
			run_str(r, "hoster.address", "?"));
	return 0;
}

static int check(struct run *r, struct err *e)
{
	if (strcmp(provider(r), "none") == 0)
		return 1;
	return hoster_job_managed(r) ? hoster_job_there(r, e) : 0;
}

/* Hours may lie between stop_vm and this step. */
static int still_off(struct run *r, struct err *e)
{
	json_t *proof, *d;
	struct esxi *x;

	/* There is nobody to ask. */
	if (origin_is_file(r))
		return 0;
	if (run_source(r, &x, e) || esxi_prove_off(x, r->vm, &proof, e))
		return -1;
	d = json_object();
	json_put_str(d, "text", N_("the source VM is still off"));
	json_put(d, "evidence", proof);
	return run_note(r, "note", d, e);
}

static int ask_operator(struct run *r, struct err *e)
{
	_free_ char *text =
		xasprintf(N_("Move %s to the new server at the "
			     "hoster, then type its virtual MAC (or: same):"),
			run_str(r, "hoster.address", N_("the failover IP")));
	const struct question q = {.id = "mac",
		.kind = ASK_TEXT,
		.text = text,
		.pattern = "same|([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}",
		.hint = "02:00:00:12:34:56",
		.why = N_(
			"Behind most hosters an address only answers from its "
			"registered virtual MAC."),
		.help = N_(
			"In the hoster's console: move the address to the new "
			"server; create a virtual MAC for it, or move the one "
			"it has. 'same' keeps the VM's MAC.")};
	const char *mac;
	json_t *d;

	if (run_ask(r, &q, &mac, e))
		return -1;
	d = json_object();
	json_put_str(d, "id", "mac");
	json_put_str(d, "value", mac);
	return run_note(r, "decision", d, e);
}

static int run(struct run *r, struct err *e)
{
	if (!hoster_job_managed(r))
		return ask_operator(r, e);
	return still_off(r, e) || hoster_job_ask(r, e) ? -1 : 0;
}

static int verify(struct run *r, struct err *e)
{
	return hoster_job_managed(r) ? hoster_job_asked(r, e) : 0;
}

static int undo(struct run *r, struct err *e)
{
	static const struct ask_choice c[] = {
		{"back", N_("it points to the old server again")},
		{NULL, NULL}};
	_free_ char *text = xasprintf(N_("Has %s been moved back to the old "
					 "server at the hoster?"),
		run_str(r, "hoster.address", N_("the failover IP")));
	const struct question q = {.id = "back",
		.kind = ASK_CHOICE,
		.text = text,
		.choices = c,
		.why = N_("The old VM is reachable only where its address "
			  "points.")};
	const char *a;

	if (hoster_job_managed(r))
		return hoster_job_return(r, e);
	if (!run_recall(r, "move_ip", "decision"))
		return 0;
	return run_ask(r, &q, &a, e);
}

const struct step step_move_ip = {
	.kind = "move_ip",
	.order = 50,
	.flags = STEP_SKIPPABLE | STEP_STOPS,
	.doing = N_("Move the failover IP to the new server"),
	.why = N_("A hosted VM is reachable only where its hoster sends its "
		  "address, and mostly only from the virtual MAC registered "
		  "there."),
	.manual = N_("In the hoster's console: move the address to the new "
		     "server, then create or move its virtual MAC."),
	.trouble =
		N_("If the new VM is not reachable later, look at the hoster's "
		   "console first. Way back: move the address to the old "
		   "server."),
	.preflight = preflight,
	.check = check,
	.run = run,
	.verify = verify,
	.undo = undo,
};
