/* An account at a hoster of the test's own words, for test_hoster*.c. Each
 * test has its own server, secrets and settings. */
#ifndef TESTS_UNIT_HOSTERTEST_H
#define TESTS_UNIT_HOSTERTEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#include "errtest.h"
#include "hoster.h"
#include "pveweb.h"

#define APP "applicationkey16"
#define SECRET "application-secret-of-32-chars-00"
#define CONSUMER "consumer-key-of-32-characters-000"
#define TOKEN "0123456789abcdef-token"
#define PASSWORD "robot-Password-7"
#define AHEAD 5000 /* seconds that OVH's clock is ahead here */

static struct web w;
static struct secrets *store;
static json_t *settings;
static struct buf told;

static inline void tell(void *arg, const char *line)
{
	(void)arg;
	buf_addf(&told, "%s\n", line);
}

/* As the real ones: the connection stays. */
static inline enum tlsd_then serve(void *arg, const char *req, struct buf *out)
{
	enum tlsd_then then = web_serve(arg, req, out);

	return then == TLSD_CLOSE ? TLSD_KEEP : then;
}

static inline int setup(void **state)
{
	_free_ char *url = NULL;

	(void)state;
	web_start(&w);
	w.d.serve = serve;
	store = secrets_new();
	secrets_put(store, "hoster.application_key", APP);
	secrets_put(store, "hoster.application_secret", SECRET);
	secrets_put(store, "hoster.consumer_key", CONSUMER);
	secrets_put(store, "hoster.token", TOKEN);
	secrets_put(store, "hoster.user", "#ws+test");
	secrets_put(store, "hoster.password", PASSWORD);
	url = xasprintf("https://127.0.0.1:%u/1.0", w.d.port);
	settings = json_object();
	json_put_str(settings, "url", url);
	json_put_str(settings, "fingerprint", w.d.fingerprint);
	json_put(settings, "poll", json_real(0.01));
	json_put(settings, "patience", json_real(2));
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	web_end(&w);
	secrets_free(store);
	json_decref(settings);
	buf_free(&told);
	return 0;
}

static inline struct hoster_conn *open_dry(const char *name, bool dry)
{
	const struct hoster_opts o = {.settings = settings,
		.secrets = store,
		.dry = dry,
		.say = tell};
	const struct hoster *h;
	struct hoster_conn *c = NULL;
	struct err e = {0};

	if (strcmp(name, "ovh") == 0) {
		_free_ char *now = xasprintf("%ld", time(NULL) + AHEAD);

		web_on(&w, "GET /1.0/auth/time", -1, "200 OK", now);
	}
	if (hoster_find(name, &h, &e) || hoster_open(h, &o, &c, &e))
		fail_msg("%s: %s", err_id(e.code), e.why);
	return c;
}

static inline struct hoster_conn *open_(const char *name)
{
	return open_dry(name, false);
}

/* "Name: value" of the newest request that has it; to be freed. */
static inline char *header(const char *name)
{
	const char *at = NULL, *p = w.log.s;
	_free_ char *key = xasprintf("\r\n%s: ", name);

	while (p && (p = strstr(p, key)))
		at = p += strlen(key);
	return at ? xstrndup(at, strcspn(at, "\r")) : NULL;
}

static inline json_t *server(const char *id, const char *ip)
{
	return json_pack("{s:s,s:s,s:s}", "id", id, "name", id, "ip", ip);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
