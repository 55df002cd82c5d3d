/* The failover IP of a job: see hoster_job.h. */
#include "hoster_job_int.h"

#include <stdlib.h>
#include <string.h>

#include "i18n.h"
#include "str.h"
#include "target.h"

void hoster_job_close(struct job_conn *j)
{
	hoster_close(j->c);
	json_decref(j->settings);
	json_decref(j->to);
}

/* --- the account --- */

/* Requests go to the job's log: they say what was looked at, and when. */
static void log_request(void *arg, const char *line)
{
	job_log(((struct run *)arg)->job, "hoster: %s", line);
}

int hoster_job_open(struct run *r, struct job_conn *j, struct err *e)
{
	const json_t *nics = json_at(r->plan, "target.nics");
	const json_t *nic = json_array_get(nics, target_moved_nic(r));
	struct hoster_opts o = {
		.secrets = r->opts->secrets, .say = log_request, .arg = r};

	j->r = r;
	j->address = run_str(r, "hoster.address", "");
	j->settings = json_deep_copy(json_at(r->plan, "hoster"));
	if (!json_str(j->settings, "bridge"))
		json_put_str(j->settings, "bridge",
			json_str_or(nic, "bridge", "vmbr0"));
	o.settings = j->settings;
	if (hoster_find(json_str_or(j->settings, "provider", ""), &j->h, e) ||
		hoster_open(j->h, &o, &j->c, e))
		return -1;
	return 0;
}

/* The new server: as the job's journal says, else looked up once. */
int hoster_job_to(struct job_conn *j, struct err *e)
{
	_json_ json_t *made = run_object(j->r, "address", NULL, NULL);

	if (j->to)
		return 0;
	if (json_object_get(made, "server_to")) {
		j->to = json_incref(json_object_get(made, "server_to"));
		return 0;
	}
	return hoster_server(j->c, json_str(j->settings, "to"),
		run_str(j->r, "target.host", NULL), &j->to, e);
}

int hoster_job_look(struct job_conn *j, json_t **state, struct err *e)
{
	return hoster_look(j->c, j->address, true, state, e);
}

/* Where a state points, as a server: enough for a move back. Null: nowhere.
 * New reference. */
json_t *hoster_job_place(const json_t *state)
{
	const char *id = json_str(state, "server");
	const char *ip = json_str(state, "server_ip");
	json_t *o;

	if (!id && !ip)
		return NULL;
	o = json_object();
	json_put_str(o, "id", id);
	json_put_str(o, "ip", ip);
	json_put_str(o, "name", id ? id : ip);
	return o;
}

/* --- before --- */

static void find_state(struct run *r, const json_t *s)
{
	_json_ json_t *from = hoster_job_place(s);
	_free_ char *others = json_join(json_object_get(s, "others"));
	const char *mac = json_str(s, "mac");

	if (mac)
		run_find(r, LEVEL_OK, ERR_NONE,
			"%s points to %s, virtual MAC %s",
			json_str_or(s, "address", "?"), hoster_job_name(from),
			mac);
	else
		run_find(r, LEVEL_OK, ERR_NONE,
			"%s points to %s, without a virtual MAC",
			json_str_or(s, "address", "?"), hoster_job_name(from));
	if (*others)
		run_find(r, LEVEL_WARNING, ERR_NONE,
			"%s moves as a whole: %s leave the old server with it",
			json_str_or(s, "unit", "?"), others);
}

/* Where it points before anything is done: the newest look counts. */
static int note_before(struct run *r, const json_t *state, struct err *e)
{
	json_t *d = json_object();

	json_put_str(d, "name", N_("address before"));
	json_put_str(d, "value",
		json_str_or(state, "server",
			json_str_or(state, "server_ip", "nowhere")));
	json_object_set(d, "state", (json_t *)state);
	return run_note(r, "measure", d, e);
}

static int find_move(struct job_conn *j, struct err *e)
{
	_json_ json_t *s = NULL;

	if (hoster_job_look(j, &s, e) || note_before(j->r, s, e))
		return -1;
	find_state(j->r, s);
	if (hoster_job_to(j, e))
		return -1;
	if (hoster_points(s, j->to)) {
		run_find(j->r, LEVEL_OK, ERR_NONE, "%s points to %s already",
			j->address, hoster_job_name(j->to));
		return 0;
	}
	if (hoster_may_move(j->c, s, j->to, e))
		return -1;
	run_find(j->r, LEVEL_OK, ERR_NONE, "%s can move to %s (%s)",
		json_str_or(s, "unit", "?"), hoster_job_name(j->to),
		j->h->outage);
	return 0;
}

void hoster_job_preflight(struct run *r)
{
	_conn_ struct job_conn j = {0};
	struct err e = {0};

	if (hoster_job_check(json_at(r->plan, "hoster"), &e) ||
		hoster_job_open(r, &j, &e) || find_move(&j, &e))
		run_find_err(r, &e);
}

/* --- what the journal says --- */

static uint64_t seq_of(const struct run *r, const char *step, const char *ev)
{
	return json_u64(journal_last(r->j, step, ev), "seq", 0);
}

/* A request was sent, and no word of what became of it is in the journal. */
bool hoster_job_unsure(const struct run *r)
{
	static const char *const steps[] = {MOVED_BY, AWAITED_BY};

	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		if (seq_of(r, steps[i], "command") >
			seq_of(r, steps[i], "mark"))
			return true;
	return false;
}

/* The newest request was taken; its task where there is one. */
static bool taken(const struct run *r, const char **task)
{
	const json_t *a = run_recall(r, MOVED_BY, "mark");
	const json_t *b = run_recall(r, AWAITED_BY, "mark");
	bool late = seq_of(r, AWAITED_BY, "mark") > seq_of(r, MOVED_BY, "mark");
	const json_t *m = b && (late || !a) ? b : a;

	*task = json_str(m, "task");
	return json_flag(m, "taken", false);
}

int hoster_job_command(struct job_conn *j, const char *text,
	const json_t *server, struct err *e)
{
	json_t *d = json_object();

	json_put_str(d, "text", text);
	json_object_set(d, "server", (json_t *)server);
	json_put_str(d, "where", j->h->title);
	json_put_str(d, "status", "sent");
	return run_note(j->r, "command", d, e);
}

int hoster_job_mark(
	struct run *r, bool was_taken, const char *task, struct err *e)
{
	json_t *d = json_object();

	json_put_bool(d, "taken", was_taken);
	json_put_str(d, "task", task);
	return run_note(r, "mark", d, e);
}

/* --- asking --- */

static void watch(void *arg, const json_t *state, double waited)
{
	const json_t *p = json_object_get(state, "pending");
	struct job_conn *j = arg;
	json_t *o = json_object();
	_free_ char *what = xasprintf("%s: %s", j->h->title,
		p ? json_str_or(p, "status", N_("under way"))
		  : N_("not there yet"));

	json_put_str(o, "what", what);
	json_put_u64(o, "done", waited);
	json_put_u64(o, "total", j->h->patience);
	run_progress(j->r, o);
}

int hoster_job_settle(struct job_conn *j, const json_t *server, bool doubt,
	json_t **state, struct err *e)
{
	struct hoster_wait w = {.address = j->address,
		.server = server,
		.unsure = doubt,
		.watch = watch,
		.arg = j};

	if (!doubt)
		taken(j->r, &w.task);
	return hoster_settle(j->c, &w, state, e);
}

/* Once, with its intent before it and its outcome behind it. */
int hoster_job_send(struct job_conn *j, const json_t *state,
	const json_t *server, struct err *e)
{
	_free_ char *text = xasprintf("move %s to %s",
		json_str_or(state, "unit", "?"), hoster_job_name(server));
	_free_ char *task = NULL;
	_json_ json_t *after = NULL;
	struct err own = {0};

	if (hoster_job_command(j, text, server, e))
		return -1;
	run_say(j->r, "  %s: %s", j->h->title, text);
	if (hoster_move(j->c, state, server, &task, &own) == 0)
		return hoster_job_mark(j->r, true, task, e);
	if (own.code == ERR_HOSTER_UNSURE) {
		run_say(j->r, "  the answer was lost: looking at the state");
		if (hoster_job_settle(j, server, true, &after, e))
			return -1;
		return hoster_job_mark(j->r, true, NULL, e);
	}
	/* A stop leaves the question open, a refusal answers it. */
	if (own.code != ERR_STOPPED && hoster_job_mark(j->r, false, NULL, e))
		return -1;
	*e = own;
	return -1;
}

/* Where the newest request was to move it. New reference. */
static json_t *doubtful(const struct run *r)
{
	const json_t *a = journal_last(r->j, MOVED_BY, "command");
	const json_t *b = journal_last(r->j, AWAITED_BY, "command");
	bool late = json_u64(b, "seq", 0) > json_u64(a, "seq", 0);

	return json_incref(json_at(late ? b : a, "data.server"));
}

int hoster_job_doubt(struct job_conn *j, json_t **state, struct err *e)
{
	_json_ json_t *server = doubtful(j->r), *s = NULL;
	struct err own = {0};

	if (!hoster_job_unsure(j->r))
		return 0;
	run_say(j->r,
		"  a request may have been sent before: looking at the "
		"state");
	if (hoster_job_settle(j, server, true, &s, &own) == 0) {
		if (hoster_job_mark(j->r, true, NULL, e))
			return -1;
	} else if (own.code == ERR_HOSTER_UNSURE) {
		if (hoster_job_mark(j->r, false, NULL, e))
			return -1;
	} else {
		*e = own;
		return -1;
	}
	json_decref(*state);
	*state = NULL;
	return hoster_job_look(j, state, e);
}

/* 1: points there or is on its way, 0: does neither, -1. */
static int on_its_way(struct job_conn *j, const json_t *state,
	const json_t *server, struct err *e)
{
	const json_t *p = json_object_get(state, "pending");
	const char *to = json_str(p, "to"), *task;

	if (hoster_points(state, server))
		return 1;
	if (!p)
		return 0;
	/* Where the hoster does not say whereto, our own request is it. */
	if (to ? strcmp(to, json_str_or(server, "id", "")) == 0
	       : hoster_job_unsure(j->r) || taken(j->r, &task))
		return 1;
	return hoster_may_move(j->c, state, server, e); /* says: busy */
}

bool hoster_job_stands(const json_t *state, const json_t *server)
{
	_json_ json_t *calm = json_copy((json_t *)state);

	json_object_del(calm, "pending");
	return hoster_points(calm, server);
}

int hoster_job_astray(const json_t *state, const json_t *origin, struct err *e)
{
	_json_ json_t *at = hoster_job_place(state);

	return err_set(e, ERR_HOSTER_MOVED, "%s points to %s, not to %s",
		json_str_or(state, "address", "?"), hoster_job_name(at),
		hoster_job_name(origin));
}

/* What leaves the old server with it is the operator's word. */
static int may_take_along(
	struct job_conn *j, const json_t *state, struct err *e)
{
	_free_ char *others = json_join(json_object_get(state, "others"));
	_free_ char *text = xasprintf(N_("%s moves as a whole, and %s with it. "
					 "Move all of it?"),
		json_str_or(state, "unit", "?"), others);
	bool yes = true;

	if (*others &&
		run_allowed(j->r, "move_block", text,
			N_("Other VMs that use these addresses are cut "
			   "off on the old server."),
			&yes, e))
		return -1;
	if (yes)
		return 0;
	return err_set(e, ERR_HOSTER_TARGET, "moving all of %s was refused",
		json_str_or(state, "unit", "?"));
}

static int note_made(struct job_conn *j, const json_t *before, struct err *e)
{
	_json_ json_t *have = run_object(j->r, "address", NULL, NULL);
	json_t *more, *from;

	if (have)
		return 0;
	more = json_object();
	from = hoster_job_place(before);
	if (from)
		json_put(more, "server_from", from);
	json_object_set(more, "server_to", j->to);
	json_put_str(more, "address", j->address);
	json_put_str(more, "mac", json_str(before, "mac"));
	return run_made(
		j->r, "address", json_str_or(before, "unit", "?"), more, e);
}

const json_t *hoster_job_before(const struct run *r)
{
	return json_object_get(run_recall(r, MOVED_BY, "measure"), "state");
}

int hoster_job_there(struct run *r, struct err *e)
{
	_json_ json_t *s = NULL, *made = run_object(r, "address", NULL, NULL);
	_conn_ struct job_conn j = {0};

	if (made)
		return 0;
	if (hoster_job_open(r, &j, e) || hoster_job_look(&j, &s, e) ||
		hoster_job_to(&j, e))
		return -1;
	if (!hoster_job_before(r) && note_before(r, s, e))
		return -1;
	return hoster_points(s, j.to);
}

/* The hoster took a request for this move, and shows nothing of it: 1 it is
 * still to come, -1 its task failed (the next run asks anew), 0 there is
 * none. */
static int already_taken(struct job_conn *j, const json_t *state, struct err *e)
{
	_json_ json_t *to = doubtful(j->r);
	const char *task;

	if (!taken(j->r, &task) || !json_equal(to, j->to))
		return 0;
	if (!task || !j->h->task || j->h->task(j->c, state, task, e) == 0)
		return 1;
	if (e->code == ERR_HOSTER_TASK)
		hoster_job_mark(j->r, false, NULL, NULL);
	return -1;
}

/* Ask for it unless it is there or on its way. */
int hoster_job_ensure(struct job_conn *j, struct err *e)
{
	_json_ json_t *s = NULL, *origin = NULL;
	const json_t *before = hoster_job_before(j->r);
	int rc;

	if (hoster_job_look(j, &s, e) || hoster_job_to(j, e))
		return -1;
	if (!json_object_get(s, "pending") && !hoster_points(s, j->to) &&
		hoster_job_doubt(j, &s, e))
		return -1;
	rc = on_its_way(j, s, j->to, e);
	if (rc < 0 || (rc && note_made(j, before ? before : s, e)))
		return -1;
	if (rc)
		return hoster_job_unsure(j->r)
			? hoster_job_mark(j->r, true, NULL, e)
			: 0;
	rc = already_taken(j, s, e);
	if (rc)
		return rc < 0 ? -1 : 0;
	origin = hoster_job_place(before ? before : s);
	if (origin ? !hoster_job_stands(s, origin)
		   : json_str(s, "server") || json_str(s, "server_ip"))
		return hoster_job_astray(s, origin, e);
	if (hoster_may_move(j->c, s, j->to, e) || may_take_along(j, s, e) ||
		note_made(j, before ? before : s, e))
		return -1;
	return hoster_job_send(j, s, j->to, e);
}

int hoster_job_ask(struct run *r, struct err *e)
{
	_conn_ struct job_conn j = {0};

	return hoster_job_open(r, &j, e) || hoster_job_ensure(&j, e) ? -1 : 0;
}

int hoster_job_asked(struct run *r, struct err *e)
{
	_conn_ struct job_conn j = {0};
	_json_ json_t *s = NULL;
	const char *task;

	if (hoster_job_open(r, &j, e) || hoster_job_look(&j, &s, e) ||
		hoster_job_to(&j, e))
		return -1;
	if (hoster_points(s, j.to) || json_object_get(s, "pending") ||
		taken(r, &task))
		return 0;
	return err_set(e, ERR_HOSTER_TASK, "%s neither points to %s nor moves",
		j.address, hoster_job_name(j.to));
}
