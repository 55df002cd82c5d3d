/*
 * hoster.h - lab-hoster: the APIs of three hosting providers, for tests.
 *
 * OVHcloud, Scaleway Dedibox (online.net) and Hetzner Robot, each on a port
 * of its own.  What an answer looks like is taken from
 * ../shared/reference/hosters.md; where that page says nothing, README.md
 * says what was chosen.  One state for all, one lock around every request.
 */
#ifndef LAB_HOSTER_H
#define LAB_HOSTER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../common.h"

#define SEGS 12

struct hoster;

/* One request and its answer. */
struct call {
	const struct hoster *h;
	const char *method;
	char *target;    /* as sent: path and query, still encoded */
	char *host;      /* the Host header */
	char *path;      /* behind the API's prefix, still encoded, no query */
	char *seg[SEGS]; /* the path's parts, decoded; "%2F" stays inside */
	size_t segs;
	const char *arg[4]; /* parts that stood where the route has a "?" */
	char *body;
	size_t len;
	json_t *query, *params; /* objects of strings; JSON bodies as sent */
	const char *(*header)(const struct call *c, const char *name);
	void *conn;
	char *user, *password; /* Basic authentication */

	unsigned status; /* 0: not answered yet */
	json_t *out;
	char *code;       /* the error's own id, for the log */
	const char *type; /* Content-Type; null: application/json */
	bool drop;        /* the connection ends without an answer */
	int wait_ms;      /* before the answer, without the lock */
	int retry_s;      /* Retry-After; 0: no such header */
	bool failing;     /* what takes time will fail */
	bool stuck;       /* ... or never end */
};

struct route {
	const char *method, *path; /* "ip/?/move": "?" is any one part */
	void (*fn)(struct call *c);
};

/* What a fault of this name answers. */
struct refusal {
	const char *fault;
	unsigned status;
	const char *code, *text;
};

struct hoster {
	const char *name;   /* also the key of its state */
	const char *prefix; /* "/1.0" */
	int port;           /* added to the base port */
	const struct route *routes;
	const struct refusal *refusals;
	/* Who asks?  0, or -1 when the call was refused. */
	int (*login)(struct call *c);
	/* The form of its errors. */
	json_t *(*error)(unsigned status, const char *code, const char *text);
	/* What time has brought about; true: the state changed. */
	bool (*tick)(json_t *state, int64_t now);
	/* Calls at(arg, address, reaches the node, MAC or null, needs MAC). */
	void (*each)(const json_t *state,
		void (*at)(void *arg, const char *address, bool here,
			const char *mac, bool needs_mac),
		void *arg);
	/* The address that guests use as gateway; of the state. */
	const char *(*gateway)(const json_t *state);
};

extern const struct hoster ovh, dedibox, hetzner;

struct lab {
	const char *dir, *seed;
	const char *bridge; /* null: addresses are only numbers */
	int port;
	json_t *state;
};
extern struct lab lab;

/* ---- util.c: out of memory aborts ---- */

/* "a=1&b=2" into an object of strings; the last of a name counts. */
void form_decode(const char *s, json_t *into);
int64_t now_ms(void);       /* since 1970 */
char *now_text(int64_t ms); /* "2026-11-21T10:00:00+00:00" */
bool mac_ok(const char *s);

/* Member k as truth. */
bool jt(const json_t *o, const char *k);
void js_set(json_t *o, const char *k, const char *v); /* null: JSON null */
/* o[k], an object or array that is there (else aborts). */
json_t *jo(const json_t *o, const char *k);

/* ---- state.c ---- */

/* DIR/state.json, or the seed where there is none yet; -1: said why. */
int state_load(void);
/* As at the very first start. */
int state_reset(void);
/* Replaces DIR/state.json; call after every change. */
void state_save(void);
json_t *state_of(const struct hoster *h);
int state_delay(void);                /* milliseconds that anything takes */
int64_t state_next(const char *what); /* a number nobody had */
char *state_mac(const char *oui);     /* a new address, "52:54:00:.." */

/* ---- call.c ---- */

/* Answers; the first answer stays.  out is taken. */
void call_ok(struct call *c, json_t *out);
void call_fail(struct call *c, unsigned status, const char *code, const char *f,
	...) __attribute__((format(printf, 4, 5)));
/* Parameter as text; null where absent. */
const char *call_arg(const struct call *c, const char *name);
/* The whole request, log and faults included. */
void call_answer(struct call *c);
void call_free(struct call *c);

/* ---- fault.c ---- */

/*
 * POST /lab/fault, GET /lab/state and POST /lab/set, for tests.  True: it was
 * one of them.
 */
bool fault_call(struct call *c);
/*
 * The next fault that this call meets before (after: behind) its work;
 * it has answered where c->status or c->drop is set.
 */
void fault_before(struct call *c);
void fault_after(struct call *c);
/* A fault of that name for this call, and counts it. */
bool fault_hit(const struct call *c, const char *name, json_t **found);

/* ---- wire.c ---- */

/* Makes the lab's network as the state says. */
void wire_update(void);

#endif
