/*
 * Hosting providers: one file each in core/hoster/, ending in a
 * `const struct hoster hoster_NAME`. What an address of theirs does: where it
 * points, whether it can point elsewhere, and the virtual MAC behind it.
 * Formats: docs/hosters.md.
 *
 * Keeps true: nothing is cancelled or ordered, ever; a request that changes
 * something is sent once, and after a lost answer the state is read instead;
 * secrets come from struct secrets and go into headers only, which are wiped.
 */
#ifndef CORE_HOSTER_H
#define CORE_HOSTER_H

#include <stdbool.h>

#include "json.h"
#include "secret.h"
#include "str.h"

struct hoster_conn;
struct http_resp;

struct hoster_secret {
	const char *name;  /* in the file of secrets: "hoster.token" */
	const char *label; /* for a form, short; to be translated */
	const char *what;  /* for a person */
};

/* An error word of the hoster's own, and what it means here. */
struct hoster_word {
	const char *word;
	enum err_code code;
};

/*
 * A server is {"id", "name", "ip": its main address, "where", "state"}.
 *
 * A state is {"address", "unit": what moves as one (a block, or addresses
 * with commas), "movable": false where it never moves, "server", "server_ip":
 * where it points (both absent: nowhere), "pending": {"to", "task", "status"}
 * while a task runs on it, "region"}. With its MAC: "mac", "mac_type",
 * "others": [addresses that move with it and have a MAC too], "mac_shared":
 * [addresses outside the unit that share its MAC].
 *
 * A pattern is {"mode": "bridged" | "routed", "address": "A/PREFIX",
 * "gateway", "on_link": bool, "dns": [..], "mtu", "host": [commands for the
 * Proxmox node, absent where it needs none]}.
 */
struct hoster {
	const char *name;   /* the file's: stands in plans, never renamed */
	const char *title;  /* "OVHcloud" */
	const char *outage; /* "mostly under a minute": a move's length */
	const char *limits; /* of requests, in words */
	/* What to create, with which rights, and where. */
	const char *credentials;
	const struct hoster_secret *secrets; /* up to a null name */
	/* Endpoints, the first is the default; null: no API. */
	const char *const *urls;
	const char *const *mac_types; /* first: default; null: no MACs */
	const struct hoster_word *words;
	/* Takes the setting "network": "routed" (with "gateway"). */
	bool routable;
	double poll;     /* seconds between two looks */
	double patience; /* seconds for a whole move */
	unsigned grace;  /* looks until a lost request counts as not made */

	/* Is this machine (hoster_machine) one of theirs? 0 no .. 100. */
	int (*detect)(const json_t *machine);
	/* Once, before the first request; may be null. */
	int (*begin)(struct hoster_conn *c, struct err *e);
	/* Append the header lines of one request. */
	int (*headers)(struct hoster_conn *c, const char *method,
		const char *url, const char *body, struct buf *lines,
		struct err *e);
	/* Word and sentence of an error's body; either may stay. */
	void (*words_of)(
		const json_t *body, const char **word, const char **text);

	int (*servers)(struct hoster_conn *c, json_t *list, struct err *e);
	int (*addresses)(struct hoster_conn *c, json_t *list, struct err *e);
	/* State without MAC. ERR_HOSTER_NOT_FOUND. */
	int (*look)(struct hoster_conn *c, const char *address, json_t *state,
		struct err *e);
	/* The MAC's part of the state; null where look tells it. */
	int (*look_mac)(struct hoster_conn *c, json_t *state, struct err *e);
	/* Would move succeed? ERR_HOSTER_TARGET, ERR_HOSTER_MAC. */
	int (*may_move)(struct hoster_conn *c, const json_t *state,
		const json_t *server, struct err *e);
	/* Ask for the move; *task: its id where there is one. */
	int (*move)(struct hoster_conn *c, const json_t *state,
		const json_t *server, char **task, struct err *e);
	/* ERR_HOSTER_TASK where that task failed; null: no tasks. */
	int (*task)(struct hoster_conn *c, const json_t *state,
		const char *task, struct err *e);
	int (*mac_add)(struct hoster_conn *c, const json_t *state,
		const char *type, const char *name, struct err *e);
	int (*mac_remove)(
		struct hoster_conn *c, const json_t *state, struct err *e);
	int (*pattern)(struct hoster_conn *c, const json_t *state,
		const json_t *server, json_t *out, struct err *e);
	/* Ask for a key that the operator confirms on a page; *url: the page.
	 * Null where keys are made by hand. */
	int (*login)(
		struct hoster_conn *c, char **key, char **url, struct err *e);
};

/* All, null-terminated, in name order. */
extern const struct hoster *const hosters[];
/* ERR_PLAN_BAD names those that are known. */
int hoster_find(const char *name, const struct hoster **out, struct err *e);

/*
 * What can be told of this machine without asking anybody but its resolver:
 * {"hostname", "addresses": [IPv4], "gateway", "resolvers", "reverse"}.
 * resolve false: no question to DNS, no "reverse". New reference.
 */
json_t *hoster_machine(bool resolve);
/* The most likely hoster of a machine; null where none is. */
const struct hoster *hoster_detect(const json_t *machine);

/* --- one account --- */

struct hoster_opts {
	const json_t *settings; /* the plan's "hoster"; borrowed */
	const struct secrets *secrets;
	/* Requests that change something are only told, not sent. */
	bool dry;
	/* Each request as it is sent, without secrets; may be null. */
	void (*say)(void *arg, const char *line);
	void *arg;
};

/* ERR_PLAN_BAD (settings), ERR_SECRET_MISSING, and begin's. */
int hoster_open(const struct hoster *h, const struct hoster_opts *o,
	struct hoster_conn **out, struct err *e);
void hoster_close(struct hoster_conn *c);
void cleanup_hoster(struct hoster_conn **c);
#define _hoster_ __attribute__((cleanup(cleanup_hoster)))

/* New references. "here": true marks the server that this machine is. */
int hoster_servers(struct hoster_conn *c, json_t **out, struct err *e);
int hoster_addresses(struct hoster_conn *c, json_t **out, struct err *e);
/* A server by id, name or main address; null: the one we are on, or that has
 * the address `ip`. ERR_HOSTER_TARGET. */
int hoster_server(struct hoster_conn *c, const char *want, const char *ip,
	json_t **out, struct err *e);

/* New reference; macs: with the MAC's part. */
int hoster_look(struct hoster_conn *c, const char *address, bool macs,
	json_t **state, struct err *e);
/* Does the address point to that server, and no task runs on it? */
bool hoster_points(const json_t *state, const json_t *server);
/* The pre-check, as far as the hoster tells: ERR_HOSTER_BUSY where a task
 * runs, ERR_HOSTER_TARGET, ERR_HOSTER_MAC. */
int hoster_may_move(struct hoster_conn *c, const json_t *state,
	const json_t *server, struct err *e);
/*
 * One request. 0: it was taken (*task may be null). ERR_HOSTER_UNSURE: the
 * answer was lost, so it may have been taken.
 */
int hoster_move(struct hoster_conn *c, const json_t *state,
	const json_t *server, char **task, struct err *e);

/* Told on each look. */
typedef void hoster_watch(void *arg, const json_t *state, double waited);

/*
 * Look until the address points to the server. A hoster that is away or
 * over its limit for a while is waited for; a wrong password is not.
 * ERR_TIMEOUT (patience), ERR_HOSTER_TASK (task failed), ERR_HOSTER_UNSURE
 * (unsure true: grace is over, and nothing says that a move was ever asked).
 */
struct hoster_wait {
	const char *address;
	const json_t *server;
	const char *task; /* or null */
	bool unsure;
	hoster_watch *watch; /* or null */
	void *arg;
};
int hoster_settle(struct hoster_conn *c, const struct hoster_wait *w,
	json_t **state, struct err *e);

/* Make a virtual MAC and wait for it; *mac to be freed. The one that is
 * there already is taken. ERR_HOSTER_MAC. */
int hoster_mac_add(struct hoster_conn *c, const char *address, const char *type,
	const char *name, char **mac, struct err *e);
int hoster_mac_remove(
	struct hoster_conn *c, const char *address, struct err *e);
/* How the guest is to be set up once the address points to that server. */
int hoster_pattern(struct hoster_conn *c, const json_t *state,
	const json_t *server, json_t **out, struct err *e);
/* See struct hoster. ERR_USAGE where keys are made by hand. */
int hoster_login(struct hoster_conn *c, char **key, char **url, struct err *e);

/* --- for core/hoster/ --- */

const char *hoster_setting(const struct hoster_conn *c, const char *key);
const char *hoster_secret(const struct hoster_conn *c, const char *name);
double hoster_poll(const struct hoster_conn *c);
/* Seconds that the hoster's clock is ahead of ours. */
void hoster_set_skew(struct hoster_conn *c, long seconds);
long hoster_skew(const struct hoster_conn *c);

/*
 * One request below the endpoint; path as it goes on the wire, body null or
 * text of the hoster's kind (type). *out: the answer, any JSON value; null
 * reference in a dry run of a write, or where out is null.
 * Errors by status and words: ERR_HOSTER_AUTH, _RIGHTS, _NOT_FOUND, _BUSY,
 * _RATE, _TARGET, _MAC, _DOWN, _REFUSED, _CONNECT; ERR_HOSTER_UNSURE where
 * the answer to a write was lost.
 */
struct hoster_req {
	const char *method, *path, *type, *body;
	double timeout; /* seconds; 0: 60 */
};
int hoster_call(struct hoster_conn *c, const struct hoster_req *q, json_t **out,
	struct err *e);
int hoster_get(struct hoster_conn *c, json_t **out, struct err *e,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The hoster's word of the newest error, "" where none. */
const char *hoster_word(const struct hoster_conn *c);

/* How sure these name servers, or parts of the host's or reverse name, make
 * it: 0, 60 or 90. Both lists end in null. */
int hoster_signs(const json_t *machine, const char *const *resolvers,
	const char *const *names);
/* A name that came from the hoster (server, block, MAC), "" where it is no
 * text or has characters that no such name has: it goes into paths. */
const char *hoster_name(const json_t *v);
/* Append s percent-encoded for a path segment or a form value. */
void hoster_quote(struct buf *b, const char *s);
/* A wait between two looks; longer where the hoster asked for it. */
int hoster_pause(struct hoster_conn *c, struct err *e);
/* "203.0.113.9/29" holds "203.0.113.12"? Text that is no IPv4: false. */
bool hoster_block_has(const char *block, const char *address);
/* Append a text to the list o.key, made where missing. */
void hoster_add(json_t *o, const char *key, const char *text);
/* The pattern of a single address behind a gateway that is not in its
 * network. */
void hoster_single(json_t *out, const char *mode, const char *address,
	const char *gateway, const char *dns1, const char *dns2);

#endif
