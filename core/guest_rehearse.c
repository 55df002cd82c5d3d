/* A rehearsal within a job: see guest_rehearse.h. */
#include "guest_rehearse.h"

#include <string.h>

#include "bus.h"
#include "i18n.h"
#include "rehearse.h"
#include "str.h"
#include "target.h"

bool guest_rehearsing(const struct run *r)
{
	if (json_is_boolean(json_at(r->plan, "guest.rehearse")))
		return run_flag(r, "guest.rehearse", false);
	return !rehearse_is_slow();
}

static void tick(void *arg, double seconds)
{
	json_t *o = json_object();

	json_put_str(o, "what", N_("rehearsing the start"));
	json_put_u64(o, "done", seconds);
	run_progress(arg, o);
}

static int start_layers(struct run *r, const struct guest_disks *ds,
	json_t **verdict, struct err *e)
{
	_free_ char *screen = path_join(r->job->dir, "rehearsal.ppm");
	const char *macs[8];
	struct rehearsal w = {.disks = ds->d,
		.n = ds->n,
		.bus = target_bus(r),
		.nic = target_nic(r),
		.macs = macs,
		.machine = run_str(r, "target.config.machine", NULL),
		.uefi = strcmp(run_str(r, "target.config.bios", ""), "ovmf") ==
			0,
		.secure_boot = r->vm->secure_boot,
		.patience = run_u64(r, "checks.boot_timeout", 300),
		.no_agent = !json_flag(guest_job_facts(r), "agent", false),
		.screen = screen,
		.progress = tick,
		.arg = r};
	w.memory = r->vm->memory_mib > 2048 ? 2048 : r->vm->memory_mib;
	while (w.n_macs < ARRAY_LEN(macs) && target_mac(r, w.n_macs)) {
		macs[w.n_macs] = target_mac(r, w.n_macs);
		w.n_macs++;
	}
	return rehearse(&w, verdict, e);
}

/* The changes on a layer, and the layer started. *verdict: new reference. */
static int rehearse_once(struct run *r, guest_writer *write, const json_t *yes,
	json_t **verdict, struct err *e)
{
	_disks_ struct guest_disks ds = {0};
	json_t *d;

	run_say(r, "  rehearsal: on a layer, links down");
	if (guest_job_layers(r, &ds, e) || write(r, &ds, yes, e) ||
		start_layers(r, &ds, verdict, e))
		return -1;
	d = json_deep_copy(*verdict);
	json_put_str(d, "name", "rehearsal");
	json_put_str(d, "value", json_str(*verdict, "verdict"));
	run_say(r, "  rehearsal: %s %s", json_str_or(d, "verdict", "?"),
		json_str_or(d, "evidence", ""));
	return run_note(r, "measure", d, e);
}

static int ask_rehearsal(
	struct run *r, const json_t *v, const char **a, struct err *e)
{
	static const struct ask_choice c[] = {
		{"again", N_("rehearse once more")},
		{"next", N_("put the disks on the next bus, rehearse again")},
		{"write", N_("write the changes all the same")}, {NULL, NULL}};
	_free_ char *why = xasprintf("%s: %s", json_str_or(v, "sign", "?"),
		json_str_or(v, "evidence", ""));
	const struct question q = {.id = "rehearsal",
		.kind = ASK_CHOICE,
		.once = true,
		.choices = c,
		.text = N_("The rehearsed start did not come up. What now?"),
		.why = why,
		.help = json_str(v, "advice")};

	return run_ask(r, &q, a, e);
}

/* The ladder's next rung, written down before anything moves. */
static int climb(struct run *r, const json_t *v, struct err *e)
{
	const char *next = bus_next(target_bus(r));
	struct pve *p;
	json_t *d;

	if (!next)
		return err_set(
			e, ERR_GUEST_BOOT, "IDE is the last bus of the ladder");
	run_say(r, "  disks on %s", bus_name(next));
	d = json_object();
	json_put_str(d, "name", "bus");
	json_put_str(d, "value", next);
	json_put_str(d, "bus", next);
	json_put_str(d, "nic", "e1000");
	json_put_str(d, "why", json_str(v, "evidence"));
	return run_note(r, "measure", d, e) || run_pve(r, &p, e) ||
			bus_settle(r, p, e)
		? -1
		: 0;
}

/* The last rehearsal's words, where its question has an answer that nothing
 * took yet. Borrowed. */
static const json_t *pending(const struct run *r)
{
	const json_t *a =
		journal_asked(r->j, "guest_fix", "answer", "rehearsal");
	const json_t *d =
		journal_asked(r->j, "guest_fix", "decision", "rehearsal");

	return a && json_u64(a, "seq", 0) > json_u64(d, "seq", 0)
		? run_recall(r, "guest_fix", "measure")
		: NULL;
}

int guest_rehearse(
	struct run *r, guest_writer *write, const json_t *yes, struct err *e)
{
	for (;;) {
		_json_ json_t *v = json_incref((json_t *)pending(r));
		const char *a;

		if (!v && rehearse_once(r, write, yes, &v, e))
			return -1;
		if (strcmp(json_str_or(v, "verdict", ""), "up") == 0)
			return 0;
		if (ask_rehearsal(r, v, &a, e))
			return -1;
		if (strcmp(a, "write") == 0)
			return 0;
		if (strcmp(a, "next") == 0 && climb(r, v, e))
			return -1;
	}
}
