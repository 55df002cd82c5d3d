/*
 * ovh_auth.c - who asks, by three keys and a signature over the request.
 *
 * The stand-in's clock is "clock" seconds ahead of this machine's, so that a
 * client without the offset of /auth/time is refused.
 */
#include "ovh.h"

#include <fnmatch.h>
#include <openssl/rand.h>
#include <stdio.h>

#define CLOCK_TOLERANCE 60 /* seconds; chosen, not known */

static int64_t clock_now(void)
{
	return now_ms() / 1000 + ji(state_of(&ovh), "clock");
}

/* AS+CK+METHOD+URL+BODY+TIME, the URL byte for byte as it was sent. */
static bool signature_ok(
	const struct call *c, const char *consumer, const char *when)
{
	const char *sent = c->header(c, "X-Ovh-Signature");
	auto_free char *text = fmt("%s+%s+%s+https://%s%s+%s+%s",
		js(jo(state_of(&ovh), "application"), "secret"), consumer,
		c->method, c->host, c->target, c->body ? c->body : "", when);
	auto_free char *hex = sha1_hex(text);
	auto_free char *want = fmt("$1$%s", hex);

	return sent && !strcmp(sent, want);
}

static bool granted(const struct call *c, const json_t *rules)
{
	auto_free char *call = fmt("%s %s", c->method, c->path);
	const json_t *r;
	size_t i;

	json_array_foreach (rules, i, r)
		if (fnmatch(json_string_value(r), call, 0) == 0)
			return true;
	return false;
}

static bool application_ok(struct call *c)
{
	const char *key = c->header(c, "X-Ovh-Application");

	if (key && !strcmp(key, js(jo(state_of(&ovh), "application"), "key")))
		return true;
	call_fail(c, 403, "INVALID_KEY", "Invalid application key");
	return false;
}

static bool time_ok(const char *when)
{
	long long diff = when ? strtoll(when, NULL, 10) - clock_now() : 0;

	return when && diff >= -CLOCK_TOLERANCE && diff <= CLOCK_TOLERANCE;
}

int ovh_login(struct call *c)
{
	const char *key = c->header(c, "X-Ovh-Consumer");
	const char *when = c->header(c, "X-Ovh-Timestamp");
	const json_t *consumer;

	if (!strcmp(c->path, "/auth/time") ||
		!strcmp(c->path, "/auth/validate"))
		return 0;
	if (!application_ok(c))
		return -1;
	if (!strcmp(c->path, "/auth/credential"))
		return 0;
	consumer = key ? json_object_get(jo(state_of(&ovh), "consumers"), key)
		       : NULL;
	if (!consumer || strcmp(js(consumer, "status"), "validated"))
		call_fail(c, 403, "NOT_CREDENTIAL",
			"This credential does not exist or is not valid");
	else if (!time_ok(when) || !signature_ok(c, key, when))
		call_fail(c, 400, "INVALID_SIGNATURE", "Invalid signature");
	else if (!granted(c, jo(consumer, "rules")))
		call_fail(c, 403, "NOT_GRANTED_CALL",
			"This call has not been granted");
	return c->status ? -1 : 0;
}

void ovh_time(struct call *c)
{
	call_ok(c, json_integer(clock_now()));
}

/* 32 characters nobody can guess. */
static char *key_new(void)
{
	unsigned char b[16];
	char *s = xalloc(33);

	if (RAND_bytes(b, sizeof(b)) != 1)
		abort();
	for (size_t i = 0; i < sizeof(b); i++)
		snprintf(s + 2 * i, 3, "%02x", b[i]);
	return s;
}

static json_t *rules_read(const json_t *asked)
{
	json_t *rules = json_array();
	const json_t *r;
	size_t i;

	json_array_foreach (asked, i, r) {
		if (!js(r, "method") || !js(r, "path"))
			continue;
		auto_free char *text =
			fmt("%s %s", js(r, "method"), js(r, "path"));

		json_array_append_new(rules, json_string(text));
	}
	return rules;
}

void ovh_credential_ask(struct call *c)
{
	auto_json json_t *rules =
		rules_read(json_object_get(c->params, "accessRules"));
	auto_free char *key = key_new(), *token = key_new(), *url = NULL;

	if (!json_array_size(rules)) {
		call_fail(c, 400, "INVALID_ARGUMENT",
			"Missing or empty accessRules");
		return;
	}
	url = fmt("https://%s%s/auth/validate?credentialToken=%s", c->host,
		c->h->prefix, token);
	json_object_set_new(jo(state_of(&ovh), "consumers"), key,
		jp("{s:s,s:O,s:s}", "status", "pendingValidation", "rules",
			rules, "token", token));
	call_ok(c,
		jp("{s:s,s:s,s:s}", "validationUrl", url, "consumerKey", key,
			"state", "pendingValidation"));
}

/* What the operator does in a browser. */
void ovh_credential_validate(struct call *c)
{
	const char *token = js(c->query, "credentialToken"), *key;
	json_t *one;

	c->type = "text/html";
	json_object_foreach (jo(state_of(&ovh), "consumers"), key, one) {
		if (!token || !js(one, "token") ||
			strcmp(js(one, "token"), token))
			continue;
		js_set(one, "status", "validated");
		json_object_del(one, "token");
		call_ok(c, json_string("Your token is valid now."));
		return;
	}
	call_fail(c, 404, "NO_SUCH_TOKEN", "This token is not known");
}

void ovh_credential_show(struct call *c)
{
	const char *key = c->header(c, "X-Ovh-Consumer");
	const json_t *one =
		json_object_get(jo(state_of(&ovh), "consumers"), key);
	json_t *rules = json_array();
	const json_t *r;
	size_t i;

	json_array_foreach (jo(one, "rules"), i, r) {
		const char *text = json_string_value(r);
		size_t n = strcspn(text, " ");

		json_array_append_new(rules,
			jp("{s:s%,s:s}", "method", text, n, "path",
				text + n + 1));
	}
	call_ok(c,
		jp("{s:s,s:o,s:n,s:b}", "status", js(one, "status"), "rules",
			rules, "expiration", "ovhSupport", false));
}
