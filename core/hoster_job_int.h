/* The failover IP of a job, inside: hoster_job.c asks for the move,
 * hoster_job_end.c follows it and takes it back. */
#ifndef CORE_HOSTER_JOB_INT_H
#define CORE_HOSTER_JOB_INT_H

#include "hoster_job.h"

#define MOVED_BY "move_ip" /* the step that keeps what was before */
#define AWAITED_BY "await_ip"

struct job_conn {
	struct run *r;
	const struct hoster *h;
	struct hoster_conn *c;
	const char *address;
	json_t *settings;
	json_t *to; /* the new server; null until hoster_job_to */
};
void hoster_job_close(struct job_conn *j);
#define _conn_ __attribute__((cleanup(hoster_job_close)))

int hoster_job_open(struct run *r, struct job_conn *j, struct err *e);
/* The new server: as the journal says, else looked up. */
int hoster_job_to(struct job_conn *j, struct err *e);
/* State with MAC; new reference. */
int hoster_job_look(struct job_conn *j, json_t **state, struct err *e);

/* Where a state points, as a server: enough for a move back. Null: nowhere.
 * New reference. */
json_t *hoster_job_place(const json_t *state);
static inline const char *hoster_job_name(const json_t *server)
{
	return json_str_or(server, "name", "nowhere");
}
/* As hoster_points, whether a task runs or not. */
bool hoster_job_stands(const json_t *state, const json_t *server);
/* ERR_HOSTER_MOVED: it points neither here nor where it was. */
int hoster_job_astray(const json_t *state, const json_t *origin, struct err *e);
/* The state before the job, null where it is not noted. Borrowed. */
const json_t *hoster_job_before(const struct run *r);

/* A request is about to be sent (for the sake of server); what became of it.
 * Without the second the first is a doubt. */
int hoster_job_command(struct job_conn *j, const char *text,
	const json_t *server, struct err *e);
int hoster_job_mark(
	struct run *r, bool was_taken, const char *task, struct err *e);
bool hoster_job_unsure(const struct run *r);
/* Look long enough to clear a doubt; *state is read anew then. */
int hoster_job_doubt(struct job_conn *j, json_t **state, struct err *e);

/* Ask for the move here unless it is under way or done. */
int hoster_job_ensure(struct job_conn *j, struct err *e);
/* One request, its intent before and its outcome behind it. */
int hoster_job_send(struct job_conn *j, const json_t *state,
	const json_t *server, struct err *e);
/* hoster_settle, with progress; doubt: as hoster_wait's unsure. */
int hoster_job_settle(struct job_conn *j, const json_t *server, bool doubt,
	json_t **state, struct err *e);

#endif
