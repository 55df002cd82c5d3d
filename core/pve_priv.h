/*
 * Inside the Proxmox VE client: what core/pve*.c share, and what the replay
 * and contract tests look at. Nobody else includes it.
 */
#ifndef CORE_PVE_PRIV_H
#define CORE_PVE_PRIV_H

#include "http.h"
#include "pve.h"
#include "str.h"

struct pve {
	struct http *http;
	char *host;
	unsigned port;
	char *node;
	char *user;
	const char *secret; /* borrowed */
	char *accept_cert;
	bool token;
	char *auth; /* header line with token or ticket */
	char *csrf; /* header line, null for a token */
	char *ticket;
	double login_at; /* now_mono() */
	bool refused;    /* the login was refused: do not knock again */
	char version[32];
	unsigned release;
	void (*note)(void *arg, const char *line);
	void *note_arg;
	struct told told;
	unsigned pause_ms; /* first pause between tries and polls */
	double patience;   /* seconds a lost answer or node is looked for */
	char mark[9];      /* random, at the end of our next volume's name */
};

/* Another mark: no two volumes of ours have one name, listed or not. */
void pve_new_mark(struct pve *p);

void pve_note(struct pve *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- pve_login.c ---- */

/* The headers of a call, logging in or renewing the ticket where that is
 * due. */
int pve_login(struct pve *p, struct err *e);
/* Wipe token, ticket and CSRF token. */
void pve_forget_login(struct pve *p);
/* After a 401: is it worth a fresh login (an old ticket)? Then it is done
 * and 1 returned; else 0, and p->refused is set. -1 with the error. */
int pve_login_again(struct pve *p, struct err *e);

/* ---- pve_error.c: what an answer means ---- */

/* The code that a text of Proxmox VE stands for, def where it says nothing
 * we know. */
enum err_code pve_text_code(const char *text, enum err_code def);
/* A status other than 200 to code and cause; body may be null. call names
 * the call ("POST /nodes/pve/qemu"). Returns -1. */
int pve_refused(const struct http_resp *r, const json_t *body, const char *call,
	struct err *e);

/* ---- pve_params.c: every endpoint and parameter that may be sent ---- */

struct pve_row {
	const char *name; /* "memory"; "scsi[n]" for scsi0, scsi1, ... */
	enum pve_feature feature;
	unsigned first, last; /* of [n] */
};

struct pve_endpoint {
	const char *method, *path;
	enum pve_feature feature;
	const struct pve_row *params, *more; /* null-name terminated */
};

/* Ends with a null method. */
extern const struct pve_endpoint pve_endpoints[];
const struct pve_endpoint *pve_endpoint(const char *method, const char *path);
/* The row of a parameter ("scsi14"), or null. */
const struct pve_row *pve_row(const struct pve_endpoint *ep, const char *key);

/* Where a feature shows in the schemas; method null: nowhere. */
struct pve_evidence {
	const char *method, *path, *param;
	const char *word; /* in the parameter's schema; null: it is there */
};
const struct pve_evidence *pve_feature_evidence(enum pve_feature f);

/* ---- pve_call.c ---- */

/* Append s percent-encoded: everything but A-Z a-z 0-9 - _ . ~ */
void pve_encode(struct buf *b, const char *s);
/* "/nodes/pve/qemu/100/config" of a template. A volume keeps its slashes. */
char *pve_path(const struct pve *p, const char *path, const struct pve_at *at);
/* One exchange: form is the encoded parameters or null. Checks no status. */
int pve_exchange(struct pve *p, const char *method, const char *path,
	const char *form, struct http_resp *r, struct err *e);
/* Parse an answer's body; *out null where it is not a JSON object. */
json_t *pve_parse(const struct http_resp *r);

/* A GET whose data is of this type; another is ERR_PVE_SERVER. */
int pve_get(struct pve *p, const char *path, const struct pve_at *at,
	const struct pve_params *params, json_type type, json_t **data,
	struct err *e);

/* ---- pve_task.c ---- */

/* Wait for the task where data is a UPID; null is done already. */
int pve_finish(struct pve *p, const json_t *data, const struct pve_progress *pr,
	struct err *e);
/* A POST, PUT or DELETE on a VM that may answer with a task. */
int pve_act(struct pve *p, const char *method, const char *path,
	const struct pve_at *at, const struct pve_params *params,
	const struct pve_progress *pr, struct err *e);

#endif
