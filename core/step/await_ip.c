/*
 * The failover IP at its goal: the hoster's task followed to its end, the
 * virtual MAC taken or made, the guest's network decided. In plans only where
 * the hoster has an API. Undo removes what this step made, before move_ip's
 * undo moves the address back.
 */
#include "../hoster_job.h"
#include "../i18n.h"

static int check(struct run *r, struct err *e)
{
	(void)e;
	return !hoster_job_managed(r);
}

const struct step step_await_ip = {
	.kind = "await_ip",
	.order = 85,
	.flags = STEP_SKIPPABLE,
	.doing = N_("Wait until the failover IP is on the new server"),
	.why = N_("The hoster takes its time for a move. Its virtual MAC and "
		  "gateway must be known before the guest is adapted."),
	.manual = N_("vmferry hoster show ADDRESS SERVER\n"
		     "vmferry hoster mac ADDRESS --create"),
	.trouble = N_("Look at the address in the hoster's console. Way back: "
		      "a virtual MAC that was made here is removed, then the "
		      "address moves back."),
	.check = check,
	.run = hoster_job_finish,
	.verify = hoster_job_verify,
	.undo = hoster_job_unfinish,
};
