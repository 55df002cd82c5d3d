/*
 * One call of the API. Keeps true: only what stands in pve_params.c is sent;
 * every value is percent-encoded (pveproxy cuts a form at a bare ';' and a
 * value at a second '='); only a GET is ever sent twice.
 */
#include <stdarg.h>
#include <string.h>

#include "pve_priv.h"
#include "i18n.h"
#include "stop.h"

#define GET_TRIES 3
/* pveproxy itself answers 596 after 30 s, and holds back a 401 for 3. */
#define TIMEOUT_GET 60
#define TIMEOUT_WRITE 120

/* ---- parameters ---- */

void pve_params_free(struct pve_params *ps)
{
	for (size_t i = 0; i < ps->n; i++) {
		free(ps->kv[i].key);
		free(ps->kv[i].value);
	}
	free(ps->kv);
	*ps = (struct pve_params){0};
}

static void __attribute__((format(printf, 4, 0))) add(struct pve_params *ps,
	const char *key, bool optional, const char *fmt, va_list ap)
{
	char *value = NULL;

	if (vasprintf(&value, fmt, ap) < 0)
		abort();
	ps->kv = xreallocarray(ps->kv, ps->n + 1, sizeof(*ps->kv));
	ps->kv[ps->n++] = (struct pve_kv){xstrdup(key), value, optional};
}

void pve_param(struct pve_params *ps, const char *key, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(ps, key, false, fmt, ap);
	va_end(ap);
}

void pve_param_opt(struct pve_params *ps, const char *key, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(ps, key, true, fmt, ap);
	va_end(ap);
}

const char *pve_param_get(const struct pve_params *ps, const char *key)
{
	for (size_t i = 0; ps && i < ps->n; i++)
		if (strcmp(ps->kv[i].key, key) == 0)
			return ps->kv[i].value;
	return NULL;
}

/* ---- encoding ---- */

static void encode_but(struct buf *b, const char *s, const char *keep)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz"
				    "0123456789-_.~";

	for (; *s; s++)
		if (strchr(plain, *s) || strchr(keep, *s))
			buf_addc(b, *s);
		else
			buf_addf(b, "%%%02X", (unsigned char)*s);
}

void pve_encode(struct buf *b, const char *s)
{
	encode_but(b, s, "");
}

/* The value of "{name}"; null: no such name, or not given. */
static const char *place(const struct pve *p, const struct pve_at *at,
	const char *name, size_t n, char vmid[16])
{
	static const struct pve_at nothing = {0};

	if (!at)
		at = &nothing;
	if (n == 4 && strncmp(name, "node", n) == 0)
		return at->node ? at->node : p->node;
	if (n == 4 && strncmp(name, "vmid", n) == 0 && at->vmid) {
		snprintf(vmid, 16, "%u", at->vmid);
		return vmid;
	}
	if (n == 4 && strncmp(name, "upid", n) == 0)
		return at->upid;
	if (n == 7 && strncmp(name, "storage", n) == 0)
		return at->storage;
	if (n == 6 && strncmp(name, "volume", n) == 0)
		return at->volume;
	return NULL;
}

char *pve_path(const struct pve *p, const char *path, const struct pve_at *at)
{
	_buf_ struct buf b = {0};
	char vmid[16];

	while (*path) {
		size_t n = strcspn(path, "{");
		const char *end, *value;

		buf_add(&b, path, n);
		path += n;
		if (!*path)
			break;
		end = strchr(path, '}');
		value = end ? place(p, at, path + 1, end - path - 1, vmid)
			    : NULL;
		/* An empty segment or a dot would be another call. */
		if (!value || !*value || value[0] == '.' || strstr(value, "/."))
			return NULL;
		encode_but(&b, value, str_starts(path, "{volume}") ? "/:" : "");
		path = end + 1;
	}
	return buf_steal(&b);
}

static char *form_of(const struct pve_params *ps)
{
	_buf_ struct buf b = {0};

	for (size_t i = 0; ps && i < ps->n; i++) {
		if (b.len)
			buf_addc(&b, '&');
		pve_encode(&b, ps->kv[i].key);
		buf_addc(&b, '=');
		pve_encode(&b, ps->kv[i].value);
	}
	return buf_steal(&b);
}

/* ---- telling ---- */

/* One call under way. */
struct call {
	struct pve *p;
	const char *method;
	char *path; /* encoded */
	struct pve_params *ps;
	bool get;
	bool relogged;
};

/* "pvesh create /nodes/pve/qemu --vmid 100 --name 'a b'" */
static int tell(const struct call *c, struct err *e)
{
	static const char *const verbs[][2] = {{"GET", "get"},
		{"POST", "create"}, {"PUT", "set"}, {"DELETE", "delete"}};
	_buf_ struct buf b = {0};
	const struct told *t = &c->p->told;

	if (!t->fn)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (strcmp(c->method, verbs[i][0]) == 0)
			buf_addf(&b, "pvesh %s ", verbs[i][1]);
	sh_word(&b, c->path);
	for (size_t i = 0; i < c->ps->n; i++) {
		buf_addf(&b, " --%s ", c->ps->kv[i].key);
		sh_word(&b, c->ps->kv[i].value);
	}
	return t->fn(t->arg, b.s, !c->get, e);
}

/* ---- the exchange ---- */

json_t *pve_parse(const struct http_resp *r)
{
	json_t *j = NULL;

	if (r->len == 0 || json_parse(r->body, r->len, &j, NULL) < 0)
		return NULL;
	if (json_is_object(j))
		return j;
	json_decref(j);
	return NULL;
}

int pve_exchange(struct pve *p, const char *method, const char *path,
	const char *form, struct http_resp *r, struct err *e)
{
	bool query =
		strcmp(method, "GET") == 0 || strcmp(method, "DELETE") == 0;
	bool write = strcmp(method, "GET") != 0;
	_free_ char *full = xasprintf("/api2/json%s%s%s", path,
		query && form && *form ? "?" : "", query && form ? form : "");
	const char *headers[3] = {p->auth, write && p->auth ? p->csrf : NULL};
	const struct http_req q = {
		.method = method,
		.path = full,
		.headers = headers,
		.body = query ? NULL : form,
		.body_len = query || !form ? 0 : strlen(form),
		.timeout = write ? TIMEOUT_WRITE : TIMEOUT_GET,
	};

	return http_do(p->http, &q, r, e);
}

/* Exchange and judge. 0: *body is the answer's object. */
static int once(struct call *c, json_t **body, struct err *e)
{
	_http_resp_ struct http_resp r = {0};
	_wipe_ char *form = form_of(c->ps);
	_free_ char *name = xasprintf("%s %s", c->method, c->path);
	int rc = pve_exchange(c->p, c->method, c->path, form, &r, e);

	if (rc < 0) {
		if (e && !c->get && r.sent && e->code == ERR_PVE_CONNECT)
			e->code = ERR_TIMEOUT;
		return -1;
	}
	*body = pve_parse(&r);
	if (r.status != 200)
		return pve_refused(&r, *body, name, e);
	if (*body && json_object_get(*body, "data"))
		return 0;
	return err_set(e, ERR_PVE_SERVER,
		"the answer to %s is not the API's JSON (%s)", name,
		*r.type ? r.type : N_("no type"));
}

/* once, and again where nothing answered a GET. */
static int some_times(struct call *c, json_t **body, struct err *e)
{
	unsigned pause = c->p->pause_ms;

	for (int i = 1;; i++) {
		struct err why = {0};

		json_decref(*body);
		*body = NULL;
		if (once(c, body, &why) == 0)
			return 0;
		if (!c->get || why.code != ERR_PVE_CONNECT || i == GET_TRIES) {
			if (e)
				*e = why;
			return -1;
		}
		if (stop_sleep(pause, e) < 0)
			return -1;
		pause *= 4;
	}
}

/*
 * Take the parameters that the answer does not know out, where all it
 * complains of is optional. True: there is something to try again.
 */
static bool drop_unknown(struct call *c, const json_t *body)
{
	const json_t *errors = json_object_get(body, "errors");
	size_t known = 0, left = 0;

	for (size_t i = 0; i < c->ps->n; i++) {
		struct pve_kv *kv = &c->ps->kv[i];
		const char *why = json_str(errors, kv->key);

		known += kv->optional && why &&
			strstr(why, "not defined in schema");
	}
	if (known == 0 || known != json_object_size(errors))
		return false;
	for (size_t i = 0; i < c->ps->n; i++) {
		struct pve_kv kv = c->ps->kv[i];

		if (!json_object_get(errors, kv.key)) {
			c->ps->kv[left++] = kv;
			continue;
		}
		pve_note(c->p,
			N_("Proxmox VE %s does not know %s: left out (was %s)"),
			c->p->version, kv.key, kv.value);
		free(kv.key);
		free(kv.value);
	}
	c->ps->n = left;
	return true;
}

static int attempt(struct call *c, json_t **data, struct err *e)
{
	struct err why = {0};
	_json_ json_t *body = NULL;
	int rc = pve_login(c->p, e);

	if (rc < 0)
		return -1;
	if (tell(c, e) < 0)
		return -1;
	rc = some_times(c, &body, &why);
	if (rc < 0 && why.code == ERR_PVE_AUTH && !c->relogged) {
		c->relogged = true;
		rc = pve_login_again(c->p, e);
		if (rc < 0)
			return -1;
		if (rc == 1)
			return attempt(c, data, e);
		rc = -1;
	}
	if (rc < 0 && why.code == ERR_PVE_PARAM && drop_unknown(c, body))
		return attempt(c, data, e);
	if (rc < 0) {
		if (e)
			*e = why;
		return -1;
	}
	if (data)
		*data = json_incref(json_object_get(body, "data"));
	return 0;
}

/* A copy of the parameters, without those that this release lacks. */
static int check_params(struct pve *p, const struct pve_endpoint *ep,
	const struct pve_params *in, struct pve_params *out, struct err *e)
{
	for (size_t i = 0; in && i < in->n; i++) {
		const struct pve_kv *kv = &in->kv[i];
		const struct pve_row *row = pve_row(ep, kv->key);

		if (!row)
			return err_set(e, ERR_INTERNAL,
				"%s %s: parameter %s is not in pve_params.c",
				ep->method, ep->path, kv->key);
		if (kv->optional && !pve_has(p, row->feature)) {
			pve_note(p,
				N_("Proxmox VE %s has no %s: %s left out (was "
				   "%s)"),
				p->version, pve_feature_name(row->feature),
				kv->key, kv->value);
			continue;
		}
		if (pve_need(p, row->feature, e) < 0)
			return -1;
		if (kv->optional)
			pve_param_opt(out, kv->key, "%s", kv->value);
		else
			pve_param(out, kv->key, "%s", kv->value);
	}
	return 0;
}

int pve_call(struct pve *p, const char *method, const char *path,
	const struct pve_at *at, const struct pve_params *params, json_t **data,
	struct err *e)
{
	const struct pve_endpoint *ep = pve_endpoint(method, path);
	_free_ char *full = ep ? pve_path(p, path, at) : NULL;
	_pve_params_ struct pve_params ps = {0};
	struct call c = {.p = p,
		.method = method,
		.path = full,
		.ps = &ps,
		.get = strcmp(method, "GET") == 0};

	if (!ep)
		return err_set(e, ERR_INTERNAL, "%s %s is not in pve_params.c",
			method, path);
	if (!full)
		return err_set(e, ERR_BAD_INPUT,
			"%s %s: a name in this path is missing or bad", method,
			path);
	if (pve_need(p, ep->feature, e) < 0 ||
		check_params(p, ep, params, &ps, e) < 0)
		return -1;
	return attempt(&c, data, e);
}

int pve_get(struct pve *p, const char *path, const struct pve_at *at,
	const struct pve_params *params, json_type type, json_t **data,
	struct err *e)
{
	_json_ json_t *any = NULL;

	if (pve_call(p, "GET", path, at, params, &any, e) < 0)
		return -1;
	if (json_typeof(any) != type)
		return err_set(e, ERR_PVE_SERVER,
			"the answer to GET %s is not what it should be", path);
	*data = any;
	any = NULL;
	return 0;
}
