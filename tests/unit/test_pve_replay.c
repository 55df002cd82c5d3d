/*
 * The client against real answers: every file of ../shared/pve-captures is
 * served byte for byte and must be read as what it is. The table below says
 * which error each refusal is; a refusal that it does not name fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "pveweb.h"
#include "captures.h"

/* ---- what each refusal is ---- */

static const struct {
	enum err_code code;
	const char *numbers; /* of the captures */
} refusals[] = {
	{ERR_PVE_AUTH, "002 003 004 005 007 010 011 012 013 014 015 016"},
	{ERR_PVE_PERMISSION,
		"050 079 091 092 099 100 101 153 164 237 285 307 325 340 378 "
		"382 401 423"},
	{ERR_PVE_PARAM,
		"006 027 029 032 045 073 074 075 076 077 078 080 122 160 162 "
		"168 195 211 339 366 375 376 444 445 446 451"},
	{ERR_PVE_VERSION, "019 020 021 238"},
	{ERR_NOT_FOUND,
		"022 035 093 152 163 174 205 208 213 337 341 345 400 411"},
	{ERR_STORAGE_UNFIT, "047 081 088 206 207 377"},
	{ERR_VMID_TAKEN, "070 072 317 318"},
	{ERR_PVE_LOCKED, "298 323"},
	{ERR_AGENT_SILENT, "214 215 219 290"},
	{ERR_VM_RUNNING, "256"},
	{ERR_TIMEOUT, "431"},
	{ERR_PVE_CONNECT, "030 031"},
	/* 028 is gzip, which the client never asks for. */
	{ERR_PVE_SERVER,
		"025 026 028 150 151 157 161 167 204 209 232 233 236 "
		"347 381 390"},
};

static enum err_code expected(const char *name)
{
	_free_ char *number = xstrndup(name, 3);

	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		if (strstr(refusals[i].numbers, number))
			return refusals[i].code;
	return ERR_NONE;
}

/* Does path fit "/nodes/{node}/qemu"? A volume may have slashes. */
static bool fits(const char *template, const char *path)
{
	while (*template && *path) {
		if (*template == '{') {
			bool volume = str_starts(template, "{volume}");

			template += strcspn(template, "}") + 1;
			path += volume ? strlen(path) : strcspn(path, "/");
			continue;
		}
		if (*template ++ != *path++)
			return false;
	}
	return !*template && !*path;
}

/* Our endpoint for what was asked; what we never ask goes by another of the
 * same method, for its answer's sake. */
static const struct pve_endpoint *endpoint_of(const struct capture *c)
{
	for (const struct pve_endpoint *ep = pve_endpoints; ep->method; ep++)
		if (strcmp(ep->method, c->method) == 0 &&
			fits(ep->path, c->path))
			return ep;
	if (strcmp(c->method, "GET") == 0)
		return pve_endpoint("GET", "/cluster/status");
	if (strcmp(c->method, "POST") == 0)
		return pve_endpoint("POST", "/nodes/{node}/qemu");
	if (strcmp(c->method, "PUT") == 0)
		return pve_endpoint("PUT", "/nodes/{node}/qemu/{vmid}/unlink");
	return pve_endpoint("DELETE", "/nodes/{node}/qemu/{vmid}");
}

static const struct pve_at everything = {.vmid = 900,
	.storage = "local",
	.volume = "local:900/x.raw",
	.upid = "UPID:pve:00000370:0007E715:6B0239DC:qmcreate:900:root@pam:"};

static void each(struct pve *p, struct web *w, const struct capture *c)
{
	const struct pve_endpoint *ep = endpoint_of(c);
	enum err_code want = expected(c->name);
	_json_ json_t *data = NULL;
	struct err e = {0};
	int rc;

	web_clear(w);
	on_capture(w, "", -1, c);
	p->refused = false;
	rc = pve_call(p, ep->method, ep->path, &everything, NULL, &data, &e);
	if (c->status == 200 && !want) {
		if (rc < 0 ||
			!json_equal(data, json_object_get(c->body, "data")))
			fail_msg("%s: misread: %s %s", c->name, err_id(e.code),
				e.why);
		return;
	}
	if (rc == 0 || e.code != want)
		fail_msg("%s: %s instead of %s: %s", c->name, err_id(e.code),
			err_id(want), e.why);
	assert_null(data);
	assert_true(strlen(e.why) > 3);
}

static void all(void **state)
{
	struct web w;
	struct pve *p;

	(void)state;
	if (!count)
		skip();
	web_start(&w);
	p = web_open(&w, "8.4.21");
	for (size_t i = 0; i < count; i++)
		each(p, &w, &captures[i]);
	pve_close(p);
	web_end(&w);
}

/* ---- what the errors say ---- */

static void words(void **state)
{
	static const struct {
		const char *name, *why;
	} rows[] = {
		{"050-storage-status-forbidden",
			"Permission check failed (/storage/local, "
			"Datastore.Audit|Datastore.AllocateSpace)"},
		{"091-create-forbidden-viewer",
			"Permission check failed (POST /nodes/pve/qemu)"},
		{"076-create-unknown-param",
			"nonsense: property is not defined in schema and the "
			"schema does not allow additional properties"},
		{"088-create-storage-no-images",
			"storage: storage 'isoonly' does not support vm "
			"images"},
		{"079-create-bad-volume",
			"Only root can pass arbitrary filesystem paths."},
		{"072-create-vmid-exists",
			"unable to create VM 900 - VM 900 already exists on "
			"node 'pve'"},
		{"168-config-put-boot-bad",
			"boot: invalid format - format error boot.order: "
			"invalid format - invalid boot device 'scsi99'"},
		{"451-error-with-utf8",
			"name: invalid format - value does not look like a "
			"valid DNS name"},
		{"431-config-put-import-from-slow",
			"no answer within the proxy's 30 s (596 Connection "
			"timed out); the work may go on"},
		{"007-version-no-ticket", "No ticket"},
	};
	struct web w;
	struct pve *p;

	(void)state;
	if (!count)
		skip();
	web_start(&w);
	p = web_open(&w, "8.4.21");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct capture *c = capture(rows[i].name);
		const struct pve_endpoint *ep = endpoint_of(c);
		struct err e = {0};

		web_clear(&w);
		on_capture(&w, "", -1, c);
		p->refused = false;
		assert_int_equal(pve_call(p, ep->method, ep->path, &everything,
					 NULL, NULL, &e),
			-1);
		assert_string_equal(e.why, rows[i].why);
	}
	pve_close(p);
	web_end(&w);
}

/* Ticket and CSRF token of a real login, both ways round. */
static void login(void **state)
{
	struct web w;
	struct pve_target t;
	struct pve *p = NULL;
	struct err e;

	(void)state;
	if (!count)
		skip();
	web_start(&w);
	t = web_target(&w);
	t.user = "root@pam";
	t.secret = "p&ss=w;rd";
	on_capture(&w, "POST /api2/json/access/ticket", 1,
		capture("001-ticket-ok"));
	on_capture(&w, "GET /api2/json/version", -1,
		capture("009-version-ticket"));
	on_capture(&w, "GET /api2/json/nodes", -1, capture("033-nodes"));
	on_capture(&w, "POST /api2/json/access/ticket", -1,
		capture("002-ticket-wrong-password"));
	assert_int_equal(pve_open(&t, &p, &e), 0);
	assert_string_equal(pve_version_text(p), "8.4.21");
	assert_int_equal(pve_release(p), 804);
	assert_string_equal(pve_node(p), "pve");
	assert_non_null(strstr(
		w.log.s, "username=root%40pam&password=p%26ss%3Dw%3Brd"));
	assert_non_null(strstr(
		w.log.s, "Cookie: PVEAuthCookie=PVE%3Aroot%40pam%3A6B0239AD"));
	pve_close(p);
	assert_int_equal(pve_open(&t, &p, &e), -1);
	assert_int_equal(e.code, ERR_PVE_AUTH);
	assert_int_equal(web_count(&w, "POST /api2/json/access/ticket"), 2);
	web_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all),
		cmocka_unit_test(words),
		cmocka_unit_test(login),
	};

	return cmocka_run_group_tests(tests, captures_load, captures_free);
}
