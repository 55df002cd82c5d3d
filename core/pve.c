/* The connection to one Proxmox VE: certificate, login, release, node. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "pve_priv.h"
#include "i18n.h"
#include "trust.h"

#define PORT 8006
#define OLDEST 503

void pve_note(struct pve *p, const char *fmt, ...)
{
	_free_ char *raw = NULL, *line = NULL;
	va_list ap;

	if (!p->note)
		return;
	va_start(ap, fmt);
	if (vasprintf(&raw, fmt, ap) < 0)
		abort();
	va_end(ap);
	line = str_printable_dup(raw);
	p->note(p->note_arg, line);
}

void pve_set_note(
	struct pve *p, void (*note)(void *arg, const char *line), void *arg)
{
	p->note = note;
	p->note_arg = arg;
}

void pve_set_told(struct pve *p, const struct told *t)
{
	p->told = *t;
}

const char *pve_node(const struct pve *p)
{
	return p->node;
}

const char *pve_version_text(const struct pve *p)
{
	return p->version;
}

unsigned pve_release(const struct pve *p)
{
	return p->release;
}

static int ask_trust(void *arg, const char *fingerprint, struct err *e)
{
	struct pve *p = arg;

	return trust_check(TRUST_TLS, p->host, p->port, NULL, fingerprint,
		p->accept_cert, e);
}

/* "8.4.21", "6.4-14" to 804, 604. */
static int release_of(const char *version, unsigned *release)
{
	_free_ char *major = xstrndup(version, strcspn(version, "."));
	const char *rest = version + strlen(major);
	_free_ char *minor = NULL;
	uint64_t a, b;

	if (*rest)
		rest++;
	minor = xstrndup(rest, strspn(rest, "0123456789"));
	if (str_u64(major, 99, &a) < 0 || str_u64(minor, 99, &b) < 0)
		return -1;
	*release = a * 100 + b;
	return 0;
}

/* "8.4.21"; "6.4-14"; 5.x has the part behind the dash in `release`. */
static int read_version(struct pve *p, struct err *e)
{
	_json_ json_t *data = NULL;
	_free_ char *version = NULL;
	const char *text, *release;
	struct err why = {0};

	if (pve_call(p, "GET", "/version", NULL, NULL, &data, &why) < 0) {
		/* The header of a token is not even looked at. */
		if (p->token && strcmp(why.why, "No ticket") == 0)
			return err_set(e, ERR_PVE_AUTH,
				"this Proxmox VE is too old for API tokens "
				"(6.2 and later): give user and password");
		if (e)
			*e = why;
		return -1;
	}
	text = json_str_or(data, "version", "");
	release = json_str_or(data, "release", "");
	if (release_of(text, &p->release) < 0)
		return err_set(e, ERR_PVE_SERVER,
			"the answer to GET /version has no version");
	version = p->release < 600 ? xasprintf("%s-%s", text, release)
				   : xstrdup(text);
	str_printable(p->version, sizeof(p->version), version);
	if (p->release < OLDEST)
		return err_set(e, ERR_PVE_VERSION,
			"this is Proxmox VE %s; vmferry knows 5.3 and later",
			p->version);
	return 0;
}

/* The member that answers us; null where we may not see that. */
static const char *own_node(const json_t *members)
{
	const json_t *m;
	size_t i;

	json_array_foreach ((json_t *)members, i, m)
		if (strcmp(json_str_or(m, "type", ""), "node") == 0 &&
			json_flag(m, "local", false))
			return json_str(m, "name");
	return NULL;
}

static int choose_node(struct pve *p, const json_t *nodes, struct err *e)
{
	_json_ json_t *members = NULL;
	_buf_ struct buf names = {0};
	const char *own = NULL;
	const json_t *n;
	size_t i;

	json_array_foreach ((json_t *)nodes, i, n)
		buf_addf(&names, "%s%s", i ? ", " : "",
			json_str_or(n, "node", "?"));
	if (json_array_size(nodes) == 1)
		own = json_str(json_array_get(nodes, 0), "node");
	else if (pve_call(p, "GET", "/cluster/status", NULL, NULL, &members,
			 NULL) == 0)
		own = own_node(members);
	if (!own)
		return err_set(e, ERR_NOT_FOUND,
			"say which node of the cluster: %s",
			names.len ? names.s : N_("it names none"));
	str_set(&p->node, own);
	return 0;
}

static int check_node(struct pve *p, const json_t *nodes, struct err *e)
{
	const json_t *n;
	size_t i;

	json_array_foreach ((json_t *)nodes, i, n) {
		if (strcmp(json_str_or(n, "node", ""), p->node) != 0)
			continue;
		if (json_flag(n, "online", true))
			return 0;
		return err_set(
			e, ERR_PVE_CONNECT, "node %s is offline", p->node);
	}
	return err_set(e, ERR_NOT_FOUND, "there is no node %s", p->node);
}

static int find_node(struct pve *p, struct err *e)
{
	_json_ json_t *nodes = NULL;

	if (pve_nodes(p, &nodes, e) < 0)
		return -1;
	return p->node ? check_node(p, nodes, e) : choose_node(p, nodes, e);
}

void pve_new_mark(struct pve *p)
{
	unsigned char raw[4];

	if (getrandom(raw, sizeof(raw), 0) != sizeof(raw))
		abort();
	hex_encode(p->mark, raw, sizeof(raw));
}

int pve_open(const struct pve_target *t, struct pve **out, struct err *e)
{
	_pve_ struct pve *p = xcalloc(1, sizeof(*p));
	struct http_opts o = {
		.trust = ask_trust, .trust_arg = p, .lost = ERR_PVE_CONNECT};

	p->host = xstrdup(t->host);
	p->port = t->port ? t->port : PORT;
	p->node = xstrdup(t->node);
	p->user = xstrdup(t->user);
	p->secret = t->secret;
	p->accept_cert = xstrdup(t->accept_cert);
	p->token = strchr(t->user, '!');
	p->pause_ms = 500;
	p->patience = 60;
	pve_new_mark(p);
	o.host = p->host;
	o.port = p->port;
	if (http_open(&o, &p->http, e) < 0 || read_version(p, e) < 0 ||
		find_node(p, e) < 0)
		return err_in(
			e, "log in to Proxmox VE at %s:%u", p->host, p->port);
	*out = p;
	p = NULL;
	return 0;
}

void pve_close(struct pve *p)
{
	if (!p)
		return;
	http_close(p->http);
	pve_forget_login(p);
	free(p->host);
	free(p->node);
	free(p->user);
	free(p->accept_cert);
	free(p);
}

void cleanup_pve(struct pve **p)
{
	pve_close(*p);
}
