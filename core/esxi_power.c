/* Power of a VM on an ESXi host, and the proof that it is off: see esxi.h. */
#include "esxi_int.h"

#include <stdlib.h>
#include <string.h>

#include "stop.h"

#define OFF_TIMEOUT 60 /* s from power.off to off */
#define ON_TIMEOUT 300 /* s for power.on */

int esxi_power(struct esxi *x, const char *id, char state[ESXI_POWER_LEN],
	struct err *e)
{
	_free_ char *text = NULL;

	if (esxi_ask(x, ESXI_STATE, id, &text, e) ||
		esxi_text_power(text, state, e))
		return err_in(e, "ask whether VM %s is on", id);
	return 0;
}

static bool is(struct esxi *x, const char *id, const char *state)
{
	char now[ESXI_POWER_LEN];

	return esxi_power(x, id, now, NULL) == 0 && strcmp(now, state) == 0;
}

/* State and question in one channel. */
static int look(struct esxi *x, const char *id, char state[ESXI_POWER_LEN],
	struct err *e)
{
	struct esxi_call c[] = {{.cmd = ESXI_STATE, .arg = id},
		{.cmd = ESXI_QUESTION, .arg = id}};
	int rc = esxi_run(x, c, ARRAY_LEN(c), e);
	char question[200];

	if (rc == 0)
		rc = esxi_check(&c[0], e);
	if (rc == 0 && esxi_text_question(c[1].out, question, sizeof(question)))
		rc = err_set(e, ERR_VM_QUESTION, "%s", question);
	if (rc == 0)
		rc = esxi_text_power(c[0].out, state, e);
	esxi_calls_free(c, ARRAY_LEN(c));
	return rc;
}

int esxi_wait_power(struct esxi *x, const char *id, const char *state,
	double timeout, struct err *e)
{
	double until = now_mono() + timeout;
	unsigned pause = x->poll_ms / 8 + 1;
	char now[ESXI_POWER_LEN];

	for (;; pause = 2 * pause < x->poll_ms ? 2 * pause : x->poll_ms) {
		if (look(x, id, now, e))
			break;
		if (strcmp(now, state) == 0)
			return 0;
		if (now_mono() >= until) {
			err_set(e, ERR_TIMEOUT,
				"VM %s is still %s after %.0f s", id, now,
				timeout);
			break;
		}
		if (stop_sleep(pause, e))
			break;
	}
	return err_in(e, "wait until VM %s is %s", id, state);
}

int esxi_shutdown_guest(struct esxi *x, const char *id, struct err *e)
{
	struct esxi_call c = {.cmd = ESXI_SHUTDOWN, .arg = id};
	int rc = esxi_run(x, &c, 1, e);

	if (rc == 0 &&
		(strstr(c.out, "VMware Tools is not running") ||
			strstr(c.out, "ToolsUnavailable")))
		rc = err_set(e, ERR_ESXI_COMMAND,
			"VMware Tools is not running in VM %s, so its guest "
			"cannot be asked to shut down",
			id);
	else if (rc == 0 && esxi_check(&c, e) && !is(x, id, "off"))
		rc = -1;
	esxi_calls_free(&c, 1);
	return rc ? err_in(e, "shut down the guest of VM %s", id) : 0;
}

static int power_off(struct esxi *x, const char *id, struct err *e)
{
	char state[ESXI_POWER_LEN];

	if (esxi_power(x, id, state, e))
		return -1;
	if (strcmp(state, "off") == 0)
		return 0;
	/* Its memory would be thrown away: not for us to decide. */
	if (strcmp(state, "suspended") == 0)
		return err_set(e, ERR_VM_RUNNING,
			"VM %s is suspended: its memory holds a running "
			"system; power it on and shut it down",
			id);
	if (esxi_ask(x, ESXI_POWER_OFF, id, NULL, e) && !is(x, id, "off"))
		return -1;
	return esxi_wait_power(x, id, "off", OFF_TIMEOUT, e);
}

int esxi_power_off(struct esxi *x, const char *id, struct err *e)
{
	return power_off(x, id, e) ? err_in(e, "power off VM %s", id) : 0;
}

/* power.on does not return while the VM asks something. */
static int follow_power_on(
	struct esxi *x, const char *id, double until, char **out, struct err *e)
{
	char state[ESXI_POWER_LEN];
	bool done = false;

	if (esxi_aside(x, ESXI_POWER_ON, id, e))
		return -1;
	for (;;) {
		if (esxi_aside_wait(x, x->poll_ms / 1000.0, &done, out, e))
			return -1;
		if (done)
			return 0;
		if (look(x, id, state, e))
			return -1;
		if (now_mono() >= until)
			return err_set(e, ERR_TIMEOUT,
				"VM %s is still %s after %d s", id, state,
				ON_TIMEOUT);
	}
}

static int power_on(struct esxi *x, const char *id, struct err *e)
{
	double until = now_mono() + ON_TIMEOUT;
	_free_ char *out = NULL;
	char state[ESXI_POWER_LEN], msg[160];

	for (unsigned t = 0; t <= x->tries; t++) {
		if (esxi_power(x, id, state, e))
			return -1;
		if (strcmp(state, "on") == 0)
			return 0;
		if (t && stop_sleep(x->wait_ms, e))
			return -1;
		if (follow_power_on(x, id, until, &out, e))
			return -1;
		if (!out || !esxi_text_busy(out, true))
			break;
	}
	if (out && esxi_text_failed(out, msg, sizeof(msg)) && !is(x, id, "on"))
		return err_set(e,
			esxi_text_busy(out, true) ? ERR_ESXI_BUSY
						  : ERR_ESXI_COMMAND,
			"power.on %s: %s", id, msg);
	return esxi_wait_power(x, id, "on", OFF_TIMEOUT, e);
}

int esxi_power_on(struct esxi *x, const char *id, struct err *e)
{
	return power_on(x, id, e) ? err_in(e, "power on VM %s", id) : 0;
}
