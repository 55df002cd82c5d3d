/*
 * Pinned host keys and certificates: see trust.h. Keeps true: a pin once
 * made is never replaced, only forgotten on purpose; the file is only ever
 * replaced as a whole, under the lock STATE/trust.lock.
 */
#include "trust.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "i18n.h"
#include "state.h"
#include "str.h"

#define TRUST_MAX (1 << 20)

static const struct {
	const char *word; /* in the file */
	const char *noun;
	enum err_code is_new, changed;
} kinds[] = {
	[TRUST_SSH] = {"ssh", N_("host key"), ERR_SSH_HOSTKEY_NEW,
		ERR_SSH_HOSTKEY_CHANGED},
	[TRUST_TLS] = {"tls", N_("TLS certificate"), ERR_PVE_CERT_NEW,
		ERR_PVE_CERT_CHANGED},
};

struct pin {
	enum trust_kind kind;
	char *host, *algo, *fingerprint; /* algo null for TLS */
	unsigned port;
};

struct pins {
	struct pin *v;
	size_t n;
};
#define _pins_ __attribute__((cleanup(pins_free)))

static void pin_free(struct pin *p)
{
	str_set(&p->host, NULL);
	str_set(&p->algo, NULL);
	str_set(&p->fingerprint, NULL);
}

static void pins_free(struct pins *p)
{
	for (size_t i = 0; i < p->n; i++)
		pin_free(&p->v[i]);
	cleanup_free(&p->v);
}

static void pins_add(struct pins *p, enum trust_kind kind, const char *host,
	unsigned port, const char *algo, const char *fingerprint)
{
	p->v = xreallocarray(p->v, p->n + 1, sizeof(*p->v));
	p->v[p->n++] = (struct pin){.kind = kind,
		.host = xstrdup(host),
		.port = port,
		.algo = kind == TRUST_SSH ? xstrdup(algo) : NULL,
		.fingerprint = xstrdup(fingerprint)};
}

static struct pin *pins_find(
	struct pins *p, enum trust_kind kind, const char *host, unsigned port)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].kind == kind && p->v[i].port == port &&
			str_eqi(p->v[i].host, host))
			return &p->v[i];
	return NULL;
}

/* "HOST:PORT", cut in place; the host may be an IPv6 address. */
static int host_port(char *s, unsigned *port)
{
	char *colon = strrchr(s, ':');
	uint64_t v;

	if (!colon || colon == s || str_u64(colon + 1, 65535, &v))
		return -1;
	*colon = '\0';
	*port = v;
	return 0;
}

static int pin_parse(char *line, struct pins *p)
{
	char *word[5] = {NULL}, *save = NULL;
	size_t n = 0;
	unsigned port;

	for (char *w = strtok_r(line, " \t", &save); w && n < 5;
		w = strtok_r(NULL, " \t", &save))
		word[n++] = w;
	if (n == 0)
		return 0;
	if (n == 4 && strcmp(word[0], "ssh") == 0 && !host_port(word[1], &port))
		pins_add(p, TRUST_SSH, word[1], port, word[2], word[3]);
	else if (n == 3 && strcmp(word[0], "tls") == 0 &&
		!host_port(word[1], &port))
		pins_add(p, TRUST_TLS, word[1], port, NULL, word[2]);
	else
		return -1;
	return 0;
}

static int bad_line(const char *path, unsigned line, struct err *e)
{
	return err_set(e, ERR_BAD_INPUT, "%s line %u is not a pin", path, line);
}

static int pins_read(struct pins *p, struct err *e)
{
	_free_ char *path = NULL, *text = NULL;
	unsigned line = 0;
	size_t len;
	char *at, *l;

	if (state_path("trust", &path, e))
		return -1;
	if (!file_exists(path))
		return 0;
	if (file_read(path, TRUST_MAX, &text, &len, e))
		return -1;
	for (at = text; (l = str_line(&at));) {
		line++;
		if (*l != '#' && pin_parse(l, p))
			return bad_line(path, line, e);
	}
	/* A NUL: what stands behind it must not be lost. */
	return at < text + len
		? bad_line(path, line + (at == text || !at[-1]), e)
		: 0;
}

static int pins_write(const struct pins *p, struct err *e)
{
	_free_ char *path = NULL;
	_buf_ struct buf b = {0};

	for (size_t i = 0; i < p->n; i++) {
		const struct pin *q = &p->v[i];

		buf_addf(&b, "%s %s:%u", kinds[q->kind].word, q->host, q->port);
		if (q->algo)
			buf_addf(&b, " %s", q->algo);
		buf_addf(&b, " %s\n", q->fingerprint);
	}
	if (state_path("trust", &path, e))
		return -1;
	return file_write(path, b.s ? b.s : "", b.len, 0600, e);
}

/* Held until *fd is closed. */
static int trust_lock(int *fd, struct err *e)
{
	_free_ char *path = NULL;

	if (state_path("trust.lock", &path, e))
		return -1;
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*fd < 0 || flock(*fd, LOCK_EX))
		return err_sys(e, ERR_IO, "%s", path);
	return 0;
}

/* What stands in the file is words between blanks. */
static bool one_word(const char *s)
{
	const char *at = s;

	while (at && isgraph((unsigned char)*at))
		at++;
	return at > s && !*at;
}

static int check_words(enum trust_kind kind, const char *host, unsigned port,
	const char *algo, const char *fingerprint, struct err *e)
{
	if (!one_word(host))
		return err_set(
			e, ERR_BAD_INPUT, "'%s' is not a host's name", host);
	if (!port || port > 65535)
		return err_set(e, ERR_BAD_INPUT, "%u is not a port", port);
	if ((kind == TRUST_SSH && !one_word(algo)) || !one_word(fingerprint))
		return err_set(
			e, ERR_BAD_INPUT, "not a fingerprint: %s", fingerprint);
	return 0;
}

static bool same(enum trust_kind kind, const char *a, const char *b)
{
	return kind == TRUST_TLS ? str_eqi(a, b) : strcmp(a, b) == 0;
}

int trust_check(enum trust_kind kind, const char *host, unsigned port,
	const char *algo, const char *fingerprint, const char *accept,
	struct err *e)
{
	_pins_ struct pins p = {0};
	_close_ int lock = -1;
	const struct pin *pin;

	if (check_words(kind, host, port, algo, fingerprint, e) ||
		trust_lock(&lock, e) || pins_read(&p, e))
		return err_in(e, "check the %s of %s", kinds[kind].noun, host);
	pin = pins_find(&p, kind, host, port);
	if (pin && same(kind, pin->fingerprint, fingerprint))
		return 0;
	if (pin)
		return err_set(e, kinds[kind].changed,
			"%s:%u shows %s%s%s, pinned is %s%s%s", host, port,
			algo ? algo : "", algo ? " " : "", fingerprint,
			pin->algo ? pin->algo : "", pin->algo ? " " : "",
			pin->fingerprint);
	if (!accept ||
		(strcmp(accept, TRUST_FIRST) != 0 &&
			!same(kind, accept, fingerprint)))
		return err_set(e, kinds[kind].is_new,
			"%s:%u is met for the first time and shows "
			"%s%s%s%s%s",
			host, port, algo ? algo : "", algo ? " " : "",
			fingerprint, accept ? ": " : "",
			accept ? N_("not the one that was to be accepted")
			       : "");
	pins_add(&p, kind, host, port, algo, fingerprint);
	return pins_write(&p, e);
}

int trust_get(enum trust_kind kind, const char *host, unsigned port,
	char **algo, char **fingerprint, struct err *e)
{
	_pins_ struct pins p = {0};
	const struct pin *pin;

	/* Without the lock: the file is only ever replaced as a whole. */
	if (pins_read(&p, e))
		return -1;
	pin = pins_find(&p, kind, host, port);
	if (algo)
		*algo = pin ? xstrdup(pin->algo) : NULL;
	*fingerprint = pin ? xstrdup(pin->fingerprint) : NULL;
	return 0;
}

int trust_forget(
	enum trust_kind kind, const char *host, unsigned port, struct err *e)
{
	_pins_ struct pins p = {0};
	_close_ int lock = -1;
	size_t kept = 0, all;

	if (trust_lock(&lock, e) || pins_read(&p, e))
		return err_in(e, "forget the %s of %s", kinds[kind].noun, host);
	all = p.n;
	for (size_t i = 0; i < all; i++) {
		struct pin *q = &p.v[i];

		if (q->kind == kind && (!port || q->port == port) &&
			str_eqi(q->host, host))
			pin_free(q);
		else
			p.v[kept++] = *q;
	}
	p.n = kept;
	if (kept == all)
		err_set(e, ERR_NOT_FOUND, "no %s of %s is pinned",
			kinds[kind].noun, host);
	else if (pins_write(&p, e) == 0)
		return 0;
	return err_in(e, "forget the %s of %s", kinds[kind].noun, host);
}

int trust_list(json_t **out, struct err *e)
{
	_pins_ struct pins p = {0};
	json_t *list;

	if (pins_read(&p, e))
		return -1;
	list = json_array();
	for (size_t i = 0; i < p.n; i++) {
		json_t *o = json_object();

		json_put_str(o, "kind", kinds[p.v[i].kind].word);
		json_put_str(o, "host", p.v[i].host);
		json_put_u64(o, "port", p.v[i].port);
		json_put_str(o, "algorithm", p.v[i].algo);
		json_put_str(o, "fingerprint", p.v[i].fingerprint);
		json_array_append_new(list, o);
	}
	*out = list;
	return 0;
}
