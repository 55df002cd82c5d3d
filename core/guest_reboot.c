/* A restart on the operator's word: see guest_reboot.h. */
#include "guest_reboot.h"

#include <stdlib.h>
#include <string.h>

#include "guest_shell.h"
#include "i18n.h"
#include "stop.h"
#include "str.h"

#define BOOT_ID "cat /proc/sys/kernel/random/boot_id"
/* After this answer went out. */
#define REBOOT "(sleep 2; reboot) >/dev/null 2>&1 &"

static bool must_end(const struct err *e)
{
	return e->code == ERR_STOPPED || e->code == ERR_ANSWER_NEEDED;
}

/* The guest's word on one line; to be freed. Null: nobody answers. */
static char *word(struct run *r, const char *script, struct err *e)
{
	_free_ char *text = NULL;
	const char *by;

	if (guest_shell(r, script, 30, &text, &by, e))
		return NULL;
	return str_printable_dup(str_trim(text));
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

/* Until somebody answers there with another boot id. */
static int wait_back(struct run *r, const char *before, struct err *e)
{
	double patience = run_u64(r, "checks.boot_timeout", 300);
	double until = now_mono() + patience;

	do {
		_free_ char *id = NULL;

		if (stop_sleep(2000, e))
			return -1;
		id = word(r, BOOT_ID, e);
		if (!id && must_end(e))
			return -1;
		if (id && *id && strcmp(id, before))
			return 0;
	} while (now_mono() < until);
	return err_set(e, ERR_GUEST_BOOT,
		"the guest was restarted and does not answer after %.0f s",
		patience);
}

static int reboot(struct run *r, const char *id, struct err *e)
{
	double began = now_mono();
	_free_ char *said = NULL;
	json_t *d;

	run_say(r, "  restarting the guest");
	/* Its answer may be lost with its network. */
	said = word(r, REBOOT, e);
	if ((!said && must_end(e)) || wait_back(r, id, e))
		return -1;
	d = json_object();
	json_put_str(d, "name", "reboot");
	json_put(d, "value", json_real((int)(now_mono() - began)));
	json_put_str(d, "unit", "s");
	return run_note(r, "measure", d, e) ? -1 : 1;
}

int guest_reboot_if_needed(struct run *r, struct err *e)
{
	_free_ char *wants = word(r, GUEST_WANTS_REBOOT, e), *id = NULL;
	bool now;

	if (!wants)
		return must_end(e) ? -1 : 0;
	if (strcmp(wants, "vmferry reboot"))
		return 0;
	id = word(r, BOOT_ID, e);
	if (!id)
		return must_end(e) ? -1 : 0;
	if (ask_now(r, &now, e))
		return -1;
	return now ? reboot(r, id, e) : 0;
}
