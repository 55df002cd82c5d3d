/*
 * auth.c - tickets, CSRF tokens and API tokens.
 *
 * Users: root@pam (everything), viewer@pve (PVEAuditor on /), importer@pve
 * (a role that may create VMs, as in the captures).  Their tokens and root's
 * password lie as files in DIR.  The secret that signs tickets does too, so
 * a ticket outlives a restart.
 */
#include "pve.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define TICKET_S 7200

static char *password, *secret;

static char *keep_secret(const char *name, char *(*make)(void))
{
	auto_free char *path = fmt("%s/%s", lab.dir, name);
	char *s = file_read(path, NULL);

	if (!s) {
		auto_free char *fresh = make();
		auto_free char *line = fmt("%s\n", fresh);

		if (file_write(path, line, strlen(line), 0600)) {
			perror(path);
			exit(1);
		}
		s = file_read(path, NULL);
	}
	chomp(s);
	return s;
}

static char *make_password(void)
{
	return random_hex(8);
}

static char *make_secret(void)
{
	return random_hex(32);
}

static void keep_token(const char *file, const char *id, int privsep)
{
	auto_free char *path = fmt("%s/%s", lab.dir, file), *line = NULL;
	json_t *t = json_object_get(lab.tokens, id);

	if (!t) {
		auto_free char *uuid = random_uuid();

		t = jp("{s:s,s:i}", "value", uuid, "privsep", privsep);
		json_object_set_new(lab.tokens, id, t);
	}
	line = fmt("%s=%s\n", id, js(t, "value"));
	if (file_write(path, line, strlen(line), 0600)) {
		perror(path);
		exit(1);
	}
}

void auth_setup(void)
{
	password = keep_secret("password", make_password);
	secret = keep_secret("secret", make_secret);
	keep_token("token", "root@pam!vmferry", 0);
	keep_token("token-sep", "root@pam!sep", 1);
	keep_token("token-viewer", "viewer@pve!tok", 0);
	keep_token("token-importer", "importer@pve!tok", 0);
}

/* n bytes of HMAC over the text, in base64. */
static char *sign(const char *text, size_t n)
{
	unsigned char out[256 + 32];
	unsigned len = 0;

	for (size_t at = 0; at < n; at += len) {
		auto_free char *s = fmt("%zu %s", at, text);

		HMAC(EVP_sha256(), secret, (int)strlen(secret), (void *)s,
			strlen(s), out + at, &len);
	}
	return base64(out, n);
}

static char *ticket_make(const char *user, time_t t)
{
	auto_free char *plain = fmt("PVE:%s:%08lX", user, (long)t);
	auto_free char *sig = sign(plain, 256);

	return fmt("%s::%s", plain, sig);
}

/* The user of a valid ticket, or NULL. */
static char *ticket_user(const char *ticket)
{
	const char *at, *sig = strstr(ticket, "::");
	char *user;
	long t;

	if (!starts(ticket, "PVE:") || !sig || !(at = strchr(ticket, '@')) ||
		!(at = strchr(at, ':')) || at > sig)
		return NULL;
	t = strtol(at + 1, NULL, 16);
	if (t < time(NULL) - TICKET_S || t > time(NULL) + 300)
		return NULL;
	user = fmt("%.*s", (int)(at - ticket - 4), ticket + 4);
	auto_free char *want = ticket_make(user, t);

	if (strcmp(want, ticket) == 0)
		return user;
	free(user);
	return NULL;
}

static char *csrf_make(const char *user, time_t t)
{
	auto_free char *plain = fmt("%08lX:%s", (long)t, user);
	auto_free char *sig = sign(plain, 32);

	sig[strcspn(sig, "=")] = '\0';
	return fmt("%08lX:%s", (long)t, sig);
}

static bool csrf_ok(const char *user, const char *token)
{
	time_t t = strtol(token, NULL, 16);
	auto_free char *want = csrf_make(user, t);

	return t > time(NULL) - TICKET_S && !strcmp(want, token);
}

void auth_free(struct auth *who)
{
	free(who->user);
	free(who->token);
	free(who->id);
}

static int token_check(const char *given, struct auth *who, const char **why)
{
	auto_free char *id = xstrdup(given);
	char *value = strchr(id, '='), *bang;
	const char *want;

	*why = lab.rel >= 804 ? "Authentication failed!"
			      : "invalid token value!";
	if (!value)
		return -1;
	*value++ = '\0';
	lab_lock();
	want = js(json_object_get(lab.tokens, id), "value");
	bang = want && !strcmp(want, value) ? strchr(id, '!') : NULL;
	lab_unlock();
	if (!bang)
		return -1;
	who->id = xstrdup(id);
	who->token = xstrdup(bang + 1);
	who->user = fmt("%.*s", (int)(bang - id), id);
	return 0;
}

/* The value of PVEAuthCookie, decoded. */
static char *cookie_ticket(const char *cookie)
{
	const char *at = strstr(cookie, "PVEAuthCookie=");
	char *t;

	if (!at)
		return NULL;
	at += strlen("PVEAuthCookie=");
	t = fmt("%.*s", (int)strcspn(at, "; "), at);
	url_decode(t, false);
	return t;
}

int auth_check(const struct http_req *q, struct auth *who, const char **why)
{
	auto_free char *ticket = NULL;

	if (q->authz && starts(q->authz, "PVEAPIToken=") && lab.rel >= 601)
		return token_check(q->authz + strlen("PVEAPIToken="), who, why);
	*why = "No ticket";
	ticket = q->cookie ? cookie_ticket(q->cookie) : NULL;
	if (!ticket)
		return -1;
	*why = lab.rel >= 804 ? "Authentication failed!"
			      : "permission denied - invalid PVE ticket";
	who->user = ticket_user(ticket);
	if (!who->user)
		return -1;
	who->id = xstrdup(who->user);
	*why = "Permission denied - invalid csrf token";
	if (strcmp(q->method, "GET") &&
		!(q->csrf && csrf_ok(who->user, q->csrf)))
		return -1;
	return 0;
}

bool auth_is_root(const struct auth *who)
{
	return !strcmp(who->id, "root@pam");
}

char *auth_login(const char *user, const char *pw, char **csrf)
{
	auto_free char *renew = ticket_user(pw);
	time_t now = time(NULL);

	if (!(renew && !strcmp(renew, user)) &&
		(strcmp(user, "root@pam") || strcmp(pw, password)))
		return NULL;
	*csrf = csrf_make(user, now);
	return ticket_make(user, now);
}
