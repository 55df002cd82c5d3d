/* Proxmox VE client: one call, its parameters, its failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "pveweb.h"

static const struct pve_at vm100 = {.vmid = 100};
#define CONFIG "/nodes/{node}/qemu/{vmid}/config"
#define VERSION_84 "{\"data\":{\"version\":\"8.4.21\",\"release\":\"8.4\"}}"

static void encoding(void **state)
{
	_buf_ struct buf b = {0};
	struct pve p = {.node = (char[]){"no de"}};
	struct pve_at at = {.vmid = 7,
		.storage = "a/b",
		.volume = "local:100/vm 1.raw",
		.upid = "UPID:n:1:2:3:t:i:root@pam!x:"};
	_free_ char *s = NULL, *u = NULL;

	(void)state;
	pve_encode(&b, "order=scsi0;net0 +%&\xc3\xa4~-_.aZ9");
	assert_string_equal(
		b.s, "order%3Dscsi0%3Bnet0%20%2B%25%26%C3%A4~-_.aZ9");
	s = pve_path(
		&p, "/nodes/{node}/storage/{storage}/content/{volume}", &at);
	assert_string_equal(
		s, "/nodes/no%20de/storage/a%2Fb/content/local:100/vm%201.raw");
	u = pve_path(&p, "/x/{upid}/{vmid}", &at);
	assert_string_equal(
		u, "/x/UPID%3An%3A1%3A2%3A3%3At%3Ai%3Aroot%40pam%21x%3A/7");
	at.storage = "..";
	assert_null(pve_path(&p, "/storage/{storage}", &at));
	at.storage = "";
	assert_null(pve_path(&p, "/storage/{storage}", &at));
	assert_null(pve_path(&p, "/storage/{storage}", NULL));
	assert_null(pve_path(&p, "/x/{nonsense}", &at));
	at.vmid = 0;
	assert_null(pve_path(&p, "/x/{vmid}", &at));
}

/* Nothing answers: a GET is tried three times, a write once. */
static void lost(void **state)
{
	struct web w;
	struct pve *p;
	struct err e;

	(void)state;
	web_start(&w);
	p = web_open(&w, "8.4.21");
	web_drop(&w, "GET /api2/json/version", 2);
	web_on(&w, "GET /api2/json/version", 1, "200 OK", VERSION_84);
	web_on(&w, "GET /api2/json/version", 1, "595 Connection refused", "");
	web_on(&w, "GET /api2/json/version", 1, "503 Service Unavailable", "");
	web_drop(&w, "", -1);
	assert_int_equal(
		pve_call(p, "GET", "/version", NULL, NULL, NULL, &e), 0);
	assert_int_equal(web_count(&w, "GET /"), 3);
	assert_int_equal(
		pve_call(p, "GET", "/version", NULL, NULL, NULL, &e), -1);
	assert_int_equal(e.code, ERR_PVE_CONNECT);
	assert_int_equal(web_count(&w, "GET /"), 6);
	assert_int_equal(
		pve_call(p, "POST", CONFIG, &vm100, NULL, NULL, &e), -1);
	assert_int_equal(e.code, ERR_TIMEOUT);
	assert_int_equal(web_count(&w, "POST /"), 1);
	pve_close(p);
	web_end(&w);
}

static void no_json(void **state)
{
	static const char *const bodies[] = {"", "<html>", "[1]", "{\"x\":1}",
		"{\"data\":", "null", "\"data\""};
	struct web w;
	struct pve *p;
	struct err e;

	(void)state;
	web_start(&w);
	p = web_open(&w, "8.4.21");
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		web_clear(&w);
		web_ok(&w, "", bodies[i]);
		assert_int_equal(
			pve_call(p, "GET", "/version", NULL, NULL, NULL, &e),
			-1);
		assert_int_equal(e.code, ERR_PVE_SERVER);
	}
	pve_close(p);
	web_end(&w);
}

/* What a hostile or broken server writes does not reach a screen raw. */
static void printable(void **state)
{
	struct web w;
	struct pve *p;
	struct err e;

	(void)state;
	web_start(&w);
	p = web_open(&w, "8.4.21");
	web_on(&w, "", 1, "500 \x1b[2Jgone", "");
	web_on(&w, "", 1, "500 x",
		"{\"data\":null,\"message\":\"a\\u001b[31mb\\n\"}");
	pve_call(p, "GET", "/version", NULL, NULL, NULL, &e);
	assert_string_equal(e.why, "?[2Jgone");
	pve_call(p, "GET", "/version", NULL, NULL, NULL, &e);
	assert_string_equal(e.why, "a?[31mb");
	pve_close(p);
	web_end(&w);
}

/* ---- parameters ---- */

static void take_note(void *arg, const char *line)
{
	buf_addf(arg, "%s\n", line);
}

static void unknown_here(void **state)
{
	_pve_params_ struct pve_params ps = {0}, bad = {0};
	struct web w;
	struct pve *p;
	struct err e;

	(void)state;
	web_start(&w);
	p = web_open(&w, "5.4");
	pve_param(&bad, "args", "-S");
	assert_int_equal(
		pve_call(p, "POST", CONFIG, &vm100, &bad, NULL, &e), -1);
	assert_int_equal(e.code, ERR_INTERNAL);
	assert_int_equal(
		pve_call(p, "PUT", CONFIG, &vm100, NULL, NULL, &e), -1);
	assert_int_equal(e.code, ERR_INTERNAL);
	pve_param(&ps, "tags", "a");
	assert_int_equal(
		pve_call(p, "POST", CONFIG, &vm100, &ps, NULL, &e), -1);
	assert_int_equal(e.code, ERR_PVE_VERSION);
	assert_non_null(strstr(e.why, "6.2"));
	assert_int_equal(pve_permissions(p, NULL, &(json_t *){NULL}, &e), -1);
	assert_int_equal(e.code, ERR_PVE_VERSION);
	/* Nothing of this went out. */
	assert_null(w.log.s && *w.log.s ? w.log.s : NULL);
	pve_close(p);
	web_end(&w);
}

#define UNDEFINED                                                          \
	"property is not defined in schema and the schema does not allow " \
	"additional properties"

static void dropped(void **state)
{
	_pve_params_ struct pve_params ps = {0};
	_buf_ struct buf notes = {0};
	struct web w;
	struct pve *p;
	struct err e;

	(void)state;
	web_start(&w);
	p = web_open(&w, "6.0-4");
	pve_set_note(p, take_note, &notes);
	web_on(&w, "", 1, "400 Parameter verification failed.",
		"{\"data\":null,\"errors\":{\"vga\":\"" UNDEFINED "\"}}");
	web_on(&w, "", 1, "200 OK", "{\"data\":null}");
	web_on(&w, "", -1, "400 Parameter verification failed.",
		"{\"data\":null,\"errors\":{\"vga\":\"" UNDEFINED
		"\",\"memory\":\"too much\"}}");
	pve_param(&ps, "memory", "%u", 512);
	pve_param_opt(&ps, "vga", "std");
	pve_param_opt(&ps, "tags", "a;b");
	assert_int_equal(pve_call(p, "POST", CONFIG, &vm100, &ps, NULL, &e), 0);
	assert_int_equal(web_count(&w, "\r\n\r\nmemory=512&vga=std\n"), 1);
	assert_int_equal(web_count(&w, "\r\n\r\nmemory=512\n"), 1);
	assert_string_equal(notes.s,
		"Proxmox VE 6.0-4 has no tags: tags left out (was a;b)\n"
		"Proxmox VE 6.0-4 does not know vga: left out (was std)\n");
	/* Another error beside it: nothing is tried again. */
	buf_clear(&w.log);
	assert_int_equal(
		pve_call(p, "POST", CONFIG, &vm100, &ps, NULL, &e), -1);
	assert_int_equal(e.code, ERR_PVE_PARAM);
	assert_non_null(strstr(e.why, "memory: too much"));
	assert_int_equal(web_count(&w, "POST /"), 1);
	pve_close(p);
	web_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encoding),
		cmocka_unit_test(lost),
		cmocka_unit_test(no_json),
		cmocka_unit_test(printable),
		cmocka_unit_test(unknown_here),
		cmocka_unit_test(dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
