/*
 * Snapshots of a VM on an ESXi host: see esxi.h. A removal is followed by
 * its task, not by the command that asked for it: releases differ in whether
 * that waits, and a consolidation of hours outlives a connection.
 */
#include "esxi_int.h"

#include <stdlib.h>
#include <string.h>

#include "i18n.h"
#include "stop.h"
#include "vmodl.h"

int esxi_snapshots(struct esxi *x, const char *id, json_t **tree, struct err *e)
{
	_free_ char *text = NULL;

	if (esxi_ask(x, ESXI_SNAPSHOTS, id, &text, e) ||
		esxi_text_snapshots(text, tree, e))
		return err_in(e, "list the snapshots of VM %s", id);
	return 0;
}

/* --- tasks --- */

#define PROOFS 3

struct tasks {
	size_t running;
	int percent;     /* of the last one that runs; -1 unknown */
	json_t *ended;   /* keys that were over when we began */
	char error[160]; /* of one that failed */
};

/* Is it a task that folds snapshots? 'vim.Task:' stands before the key. */
static const char *removal_key(const char *moref)
{
	static const char prefix[] = "vim.Task:";

	if (str_starts(moref, prefix))
		moref += strlen(prefix);
	return strstr(moref, "removeAllSnapshots") ||
			strstr(moref, "removeSnapshot") ||
			strstr(moref, "RemoveSnapshot") ||
			strstr(moref, "consolidate")
		? moref
		: NULL;
}

/* One answer of task_info. A task that is forgotten is over. */
static void judge_task(struct tasks *t, const struct esxi_call *c, bool first)
{
	_json_ json_t *info = NULL;
	const char *state, *msg;

	if (vmodl_parse(c->out, &info, NULL, NULL))
		return;
	state = json_str_or(info, "state", "");
	if (strcmp(state, "queued") == 0 || strcmp(state, "running") == 0) {
		t->running++;
		t->percent = (int)json_num(info, "progress", -1);
		return;
	}
	if (first) {
		json_put_bool(t->ended, c->arg, true);
		return;
	}
	if (strcmp(state, "error") != 0)
		return;
	msg = json_str(json_object_get(info, "error"), "msg");
	if (!msg)
		msg = json_str_or(json_object_get(info, "error"), "_type",
			N_("no reason"));
	str_printable(t->error, sizeof(t->error), msg);
}

/* Look at every removal of the VM; first: remember those that are over. */
static int look_at(struct esxi *x, const char *id, struct tasks *t, bool first,
	struct err *e)
{
	_free_ char *text = NULL;
	_json_ json_t *list = NULL;
	_free_ struct esxi_call *c = NULL;
	const json_t *task;
	size_t i, n = 0;
	int rc;

	t->running = 0;
	t->percent = -1;
	if (esxi_ask(x, ESXI_TASKS, id, &text, e) ||
		vmodl_parse(text, &list, NULL, e))
		return -1;
	c = xcalloc(json_array_size(list), sizeof(*c));
	json_array_foreach (list, i, task) {
		const char *moref = json_string_value(task);
		const char *key = moref ? removal_key(moref) : NULL;

		if (key && !json_object_get(t->ended, key))
			c[n++] = (struct esxi_call){
				.cmd = ESXI_TASK, .arg = key};
	}
	rc = n ? esxi_run(x, c, n, e) : 0;
	for (i = 0; rc == 0 && i < n; i++)
		judge_task(t, &c[i], first);
	esxi_calls_free(c, n);
	return rc;
}

static int tell(const struct esxi_progress *p, int percent, const char *state,
	struct err *e)
{
	return p ? p->tell(p->arg, percent, state, e) : 0;
}

/* Until the command has returned and no removal runs. *out: its words. */
static int follow(struct esxi *x, const char *id, struct tasks *t,
	const struct esxi_progress *p, double until, char **out, struct err *e)
{
	bool done = false;

	for (;;) {
		struct err why = {0};

		/* The command's own end means nothing where the link was
		 * lost; the task still tells. */
		if (esxi_aside_wait(x, x->poll_ms / 1000.0, &done, out, &why)) {
			if (why.code != ERR_SSH_LOST) {
				if (e)
					*e = why;
				return -1;
			}
			done = true;
		}
		if (look_at(x, id, t, false, e))
			return -1;
		if (done && !t->running)
			return 0;
		if (tell(p, t->percent, t->running ? "running" : "queued", e))
			return -1;
		if (now_mono() >= until)
			return err_set(e, ERR_TIMEOUT,
				"the snapshots of VM %s are still being "
				"removed; the host goes on with it",
				id);
	}
}

/* Wait for a removal that somebody else has begun. */
static int wait_for_others(struct esxi *x, const char *id, struct tasks *t,
	const struct esxi_progress *p, double until, struct err *e)
{
	for (;;) {
		if (look_at(x, id, t, true, e))
			return -1;
		if (!t->running)
			return 0;
		if (tell(p, t->percent, "running", e) ||
			stop_sleep(x->poll_ms, e))
			return -1;
		if (now_mono() >= until)
			return err_set(e, ERR_TIMEOUT,
				"another removal of snapshots of VM %s still "
				"runs",
				id);
	}
}

static int remove_all(struct esxi *x, const char *id, struct tasks *t,
	const struct esxi_progress *p, double timeout, struct err *e)
{
	double until = now_mono() + timeout;
	_free_ char *out = NULL;
	char said[160];

	if (wait_for_others(x, id, t, p, until, e))
		return -1;
	if (esxi_prove_no_delta(x, id, NULL) == 0)
		return 0;
	for (unsigned i = 0; i <= x->tries; i++) {
		if (i && stop_sleep(x->wait_ms, e))
			return -1;
		if (esxi_aside(x, ESXI_REMOVE_SNAPSHOTS, id, e) ||
			follow(x, id, t, p, until, &out, e))
			return -1;
		if (!out || !esxi_text_busy(out, true))
			break;
	}
	if (!t->error[0] && out && esxi_text_failed(out, said, sizeof(said)))
		snprintf(t->error, sizeof(t->error), "%s", said);
	/* What counts is what lies on the disk; hostd may still be deleting. */
	for (int i = 0; i < PROOFS; i++) {
		if (i && stop_sleep(x->poll_ms, e))
			return -1;
		if (esxi_prove_no_delta(x, id, e) == 0)
			return tell(p, 100, "success", e);
		if (t->error[0])
			break;
	}
	if (t->error[0] && (!e || e->code == ERR_SNAPSHOT_STUCK))
		return err_set(
			e, ERR_SNAPSHOT_STUCK, "the host says: %s", t->error);
	return -1;
}

int esxi_snapshot_remove_all(struct esxi *x, const char *id,
	const struct esxi_progress *progress, double timeout, struct err *e)
{
	struct tasks t = {.ended = json_object()};
	int rc = remove_all(x, id, &t, progress, timeout, e);

	json_decref(t.ended);
	return rc ? err_in(e, "remove the snapshots of VM %s", id) : 0;
}
