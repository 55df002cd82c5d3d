/* A restart on the operator's word: see guest_reboot.h. */
#include "guest_reboot.h"

#include <stdlib.h>
#include <string.h>

#include "boot_look.h"
#include "guest_said.h"
#include "guest_shell.h"
#include "i18n.h"
#include "pve.h"
#include "str.h"

/* After this answer went out. */
#define REBOOT "(sleep 2; reboot) >/dev/null 2>&1 &"
#define PAUSE 2000          /* ms between two questions */
#define PAUSE_REFUSED 30000 /* ms after a login was refused */
#define LOOK 8.0            /* s between two looks at the console */

struct wait {
	struct guest_life was;
	double began, limit;
	const char *by; /* who answered */
	bool alive;     /* somebody did, and it did not go down since */
	bool silent;    /* nobody did, when last asked */
	bool off;       /* the VM does not run */
	struct boot_serial *serial;
	struct boot_sight seen;
};

static void wait_free(struct wait *w)
{
	boot_serial_free(w->serial);
	boot_sight_free(&w->seen);
}

static bool must_end(const struct err *e)
{
	return e->code == ERR_STOPPED || e->code == ERR_ANSWER_NEEDED;
}

/* --- what is in the journal of it --- */

static const json_t *mark(const struct run *r)
{
	const json_t *m = run_recall(r, r->step->kind, "mark");

	return strcmp(json_str_or(m, "name", ""), "reboot") ? NULL : m;
}

bool guest_reboot_pending(const struct run *r)
{
	return json_str_or(mark(r), "boot_id", NULL) != NULL;
}

static void life_recall(const struct run *r, struct guest_life *l)
{
	const json_t *m = mark(r);

	*l = (struct guest_life){.up = json_u64(m, "uptime", 0)};
	snprintf(l->boot, sizeof(l->boot), "%s", json_str_or(m, "boot_id", ""));
}

/* l null: it is over. */
static int put_mark(struct run *r, const struct guest_life *l, struct err *e)
{
	json_t *d = json_object();

	json_put_str(d, "name", "reboot");
	if (l) {
		json_put_str(d, "boot_id", l->boot);
		json_put_u64(d, "uptime", l->up);
	}
	return run_note(r, "mark", d, e);
}

/* An answer is there that nothing took yet. */
static bool answered(const struct run *r)
{
	const char *step = r->step->kind;

	return json_u64(journal_asked(r->j, step, "answer", "restart"), "seq",
		       0) >
		json_u64(journal_asked(r->j, step, "decision", "restart"),
			"seq", 0);
}

/* --- the guest's own word --- */

/* 1: *out is its life; 0: nobody answers; -1: must_end. */
static int ask_life(
	struct run *r, struct guest_life *out, const char **by, struct err *e)
{
	_free_ char *text = NULL;

	if (guest_shell(r, GUEST_LIFE, 30, &text, by, e))
		return must_end(e) ? -1 : 0;
	return guest_said_life(text, out);
}

static int ask_now(struct run *r, bool *now, struct err *e)
{
	static const struct ask_choice c[] = {{"now", N_("restart it now")},
		{"later", N_("I will restart it later")}, {NULL, NULL}};
	const struct question q = {.id = "reboot",
		.kind = ASK_CHOICE,
		.choices = c,
		.once = true,
		.text = N_("The guest asks for a restart. Restart it now?"),
		.why = N_("Something was installed since it started. A restart "
			  "also shows that it comes up a second time."),
		.help = N_("Later, in the guest: reboot")};
	const char *a;

	if (run_ask(r, &q, &a, e))
		return -1;
	*now = strcmp(a, "now") == 0;
	return 0;
}

/* --- until it is back --- */

static void progress(struct run *r, const struct wait *w)
{
	json_t *o = json_object();

	json_put_str(o, "what",
		w->silent ? N_("waiting for the guest to come back")
			  : N_("waiting for the guest to go down"));
	json_put_u64(o, "done", now_mono() - w->began);
	json_put_u64(o, "total", w->limit);
	run_progress(r, o);
}

/* 1: w tells what stands in the way; 0: nothing is seen; -1. */
static int look(struct run *r, struct wait *w, struct err *e)
{
	struct pve_vm_status st;
	struct boot_sight now;
	struct pve *p;
	bool same;

	if (run_pve(r, &p, e) || pve_vm_status(p, run_vmid(r), &st, e))
		return -1;
	w->off = !st.running;
	if (w->off)
		return 1;
	if (boot_look(r, w->serial, &now, e))
		return -1;
	same = now.v.sign == w->seen.v.sign &&
		strcmp(now.v.evidence, w->seen.v.evidence) == 0;
	boot_sight_free(&w->seen);
	w->seen = now;
	return same && now.v.sign != BOOT_NOTHING && now.v.sign != BOOT_LOGIN;
}

/* While a system starts, PAM refuses logins that it takes a moment later
 * (pam_nologin): asked again, but seldom, since accounts get locked. */
static unsigned pause_after(struct run *r)
{
	bool refused = r->guest_why.code == ERR_SSH_AUTH;

	r->guest_why = (struct err){0};
	return refused ? PAUSE_REFUSED : PAUSE;
}

/* One question to the guest: 1 it is back, 0 not yet, -1. */
static int back_yet(struct run *r, struct wait *w, struct err *e)
{
	struct guest_life is;
	int rc = ask_life(r, &is, &w->by, e);

	if (rc < 0)
		return -1;
	if (rc > 0 && guest_life_is_new(&w->was, &is))
		return 1;
	if (rc == 0 && w->alive)
		run_say(r, "  it went down after %.0f s",
			now_mono() - w->began);
	w->alive = rc > 0;
	w->silent = rc == 0;
	return 0;
}

/* 1: it is back; 0: the operator is to judge what w tells; -1. */
static int wait_back(struct run *r, struct wait *w, struct err *e)
{
	double next = now_mono() + run_seconds(r, LOOK);

	w->began = now_mono();
	do {
		int rc;

		progress(r, w);
		if (run_sleep(r, pause_after(r), e))
			return -1;
		rc = back_yet(r, w, e);
		if (rc == 0 && w->silent && now_mono() > next) {
			next = now_mono() + run_seconds(r, LOOK);
			rc = look(r, w, e);
			if (rc > 0)
				return 0;
		}
		if (rc)
			return rc;
	} while (now_mono() - w->began < w->limit);
	return 0;
}

/* --- the operator's judgement --- */

/* To be freed. */
static char *trouble(const struct wait *w)
{
	if (w->off)
		return xstrdup(N_("The VM is off: the guest was shut down "
				  "instead of restarted, or QEMU ended."));
	if (w->seen.v.sign > BOOT_LOGIN)
		return xasprintf(N_("The console shows %s: %s"),
			boot_sign_name(w->seen.v.sign), w->seen.v.evidence);
	if (!w->silent)
		return xstrdup(N_("It runs as before: what it was told did not "
				  "restart it."));
	return xasprintf(N_("It went down, and nobody answers there after "
			    "%.0f s."),
		now_mono() - w->began);
}

static int ask_judgement(
	struct run *r, const struct wait *w, const char **a, struct err *e)
{
	static const struct ask_choice c[] = {{"wait", N_("wait again")},
		{"start", N_("start the VM, where it is off")},
		{"up", N_("it is up: I see the login prompt")},
		{"dead", N_("it does not boot: stop here")}, {NULL, NULL}};
	_free_ char *why = trouble(w);
	const struct question q = {.id = "restart",
		.kind = ASK_CHOICE,
		.choices = c,
		.once = true,
		.text = N_("The guest was restarted and is not back. What does "
			   "the VM's console show?"),
		.why = why,
		.help = w->seen.v.sign > BOOT_LOGIN
			? boot_sign_advice(w->seen.v.sign)
			: N_("Web interface: the VM, Console. It checks a file "
			     "system or installs updates: answer 'wait'. A "
			     "login prompt: 'up'. It still shows the old "
			     "prompt: type reboot there, then 'wait'. The old "
			     "server is one undo away.")};

	run_say(r, "  %s", why);
	return run_ask(r, &q, a, e);
}

/* 1: up; 0: wait again; -1 */
static int judge(struct run *r, struct wait *w, struct err *e)
{
	struct pve *p;
	const char *a;

	if (ask_judgement(r, w, &a, e))
		return -1;
	if (strcmp(a, "up") == 0) {
		w->by = "operator";
		return 1;
	}
	if (strcmp(a, "dead") == 0)
		return err_set(e, ERR_GUEST_BOOT,
			"the operator saw that it does not boot");
	if (strcmp(a, "start") == 0 &&
		(run_pve(r, &p, e) || pve_vm_start(p, run_vmid(r), NULL, e)))
		return -1;
	return 0;
}

/* --- the whole --- */

/* Twice what the operator gave the first start, and four times what that
 * took: a restart goes down first, and may check file systems. */
static double limit_of(const struct run *r)
{
	const json_t *first = run_recall(r, "start_vm", "measure");
	double a = 2.0 * run_u64(r, "checks.boot_timeout", 300), b = 0;

	if (strcmp(json_str_or(first, "name", ""), "seconds to boot") == 0)
		b = 4 * json_number_value(json_object_get(first, "value"));
	return a > b ? a : b;
}

static int note_back(
	struct run *r, const struct wait *w, double began, struct err *e)
{
	json_t *d = json_object();

	run_say(r, "  it is back after %.0f s", now_mono() - began);
	json_put_str(d, "name", "reboot");
	json_put(d, "value", json_real((int)(now_mono() - began)));
	json_put_str(d, "unit", "s");
	json_put_str(d, "by", w->by);
	return run_note(r, "measure", d, e) || put_mark(r, NULL, e) ? -1 : 1;
}

static int await(struct run *r, struct err *e)
{
	__attribute__((cleanup(wait_free))) struct wait w = {
		.began = now_mono(),
		.limit = limit_of(r),
		.serial = boot_serial_open(run_vmid(r))};
	double began = now_mono();
	int rc;

	life_recall(r, &w.was);
	do {
		if (answered(r))
			rc = look(r, &w, e) < 0 ? -1 : 0;
		else
			rc = wait_back(r, &w, e);
		if (rc == 0)
			rc = judge(r, &w, e);
	} while (rc == 0);
	return rc < 0 ? -1 : note_back(r, &w, began, e);
}

/* Where it still runs as it did: told, also by a later worker. Its answer may
 * be lost with its network. */
static int tell(struct run *r, struct err *e)
{
	struct guest_life was, is;
	_free_ char *said = NULL;
	const char *by;
	int rc;

	life_recall(r, &was);
	rc = ask_life(r, &is, &by, e);
	if (rc <= 0 || guest_life_is_new(&was, &is))
		return rc < 0 ? -1 : 0;
	run_say(r, "  restarting the guest");
	if (guest_shell(r, REBOOT, 30, &said, &by, e) && must_end(e))
		return -1;
	return 0;
}

/* 1: the operator wants it now, and the mark is written; 0; -1 */
static int wanted(struct run *r, struct err *e)
{
	_free_ char *text = NULL;
	struct guest_life life;
	const char *by;
	bool now;
	int rc;

	if (guest_shell(r, GUEST_WANTS_REBOOT, 30, &text, &by, e))
		return must_end(e) ? -1 : 0;
	if (strcmp(str_trim(text), "vmferry reboot"))
		return 0;
	rc = ask_life(r, &life, &by, e);
	if (rc <= 0)
		return rc;
	if (ask_now(r, &now, e))
		return -1;
	if (!now)
		return 0;
	return put_mark(r, &life, e) ? -1 : 1;
}

int guest_reboot_if_needed(struct run *r, struct err *e)
{
	int rc = guest_reboot_pending(r) ? 1 : wanted(r, e);

	if (rc <= 0)
		return rc;
	return (!answered(r) && tell(r, e)) ? -1 : await(r, e);
}
