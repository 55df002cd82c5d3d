/*
 * What the APIs of Proxmox VE and of the hosters answer, or what stands in
 * their place: with an http.h of our own, no network and no pauses.
 *
 * An input is p, o, d or h (Proxmox VE, OVHcloud, Dedibox, Hetzner), then one
 * line an answer: "200 BODY"; the text of another status is its reason too.
 * Behind the last line nobody answers.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "hoster_show.h"
#include "http.h"
#include "pve_priv.h"
#include "stop.h"
#include "str.h"
#include "virtio_kit.h"

#define PAUSES 12
#define ADDRESS "203.0.113.77"
#define UPID "UPID:pve:00000001:00000002:65000000:qmstart:100:root@pam:"

const char *const fuzz_seeds[] = {"tests/fuzz/seeds/answers/*", NULL};
const char *const fuzz_words[] = {"\n200 ", "\n404 ", "\n500 ", "\n595 x",
	"null", "{}", "[]", "{\"data\":null}", "{\"data\":[",
	"\"203.0.113.77\"", "\"203.0.113.76/30\"", "18446744073709551616", "-1",
	"1e400", "\"\\u0000\"", "\"stopped\"", "\"exitstatus\":\"OK\"",
	"\"" UPID "\"", "\"errors\":{\"a\":1}", "\\u001b", NULL};

/* --- instead of core/http*.c and core/stop.c --- */

struct http {
	char at;
};

atomic_int stop_asked;

static char *answers;
static unsigned pauses;

int stop_check(struct err *e)
{
	return stop_asked ? err_set(e, ERR_STOPPED, "stopped") : 0;
}

int stop_sleep(unsigned ms, struct err *e)
{
	(void)ms;
	return pauses++ < PAUSES ? 0 : err_set(e, ERR_STOPPED, "stopped");
}

void http_wipe_freed(void)
{
}

int http_open(const struct http_opts *o, struct http **out, struct err *e)
{
	(void)o;
	(void)e;
	*out = xcalloc(1, sizeof(**out));
	return 0;
}

void http_close(struct http *h)
{
	free(h);
}

void http_resp_free(struct http_resp *r)
{
	free(r->reason);
	free(r->type);
	free(r->body);
}

int http_do(struct http *h, const struct http_req *q, struct http_resp *r,
	struct err *e)
{
	char *line = str_line(&answers);
	_free_ char *status = xstrndup(line ? line : "", 3);
	uint64_t n;

	(void)h;
	r->sent = true;
	if (*q->path != '/' || strpbrk(q->path, " \r\n"))
		abort();
	if (!line || str_u64(status, 999, &n))
		return err_set(e, ERR_TIMEOUT, "no answer");
	line += strlen(status);
	line += *line == ' ';
	r->status = n;
	r->reason = xstrdup(n == 200 ? "OK" : line);
	r->type = xstrdup("application/json");
	r->body = xstrdup(line);
	r->len = strlen(line);
	return 0;
}

int http_part(struct http *h, const struct http_part *q,
	struct http_part_answer *a, struct err *e)
{
	(void)h;
	(void)q;
	(void)a;
	return err_set(e, ERR_TIMEOUT, "no answer");
}

void http_part_free(struct http_part_answer *a)
{
	(void)a;
}

char *http_fingerprint(const char *pem)
{
	(void)pem;
	return NULL;
}

/* --- hosters --- */

static void put(struct out *o, const char *s, size_t n)
{
	(void)o;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' && s[i] != '\n')
			abort();
}

static void address(struct hoster_conn *c, const json_t *server)
{
	struct out o = {.put = put};
	_json_ json_t *state = NULL, *pattern = NULL, *end = NULL;
	_free_ char *task = NULL, *mac = NULL;
	struct err e = {0};

	if (hoster_look(c, ADDRESS, true, &state, &e))
		return;
	hoster_show_state(&o, state);
	hoster_pattern(c, state, server, &pattern, &e);
	if (hoster_may_move(c, state, server, &e) == 0 &&
		hoster_move(c, state, server, &task, &e) == 0)
		hoster_settle(c,
			&(struct hoster_wait){.address = ADDRESS,
				.server = server,
				.task = task},
			&end, &e);
	if (hoster_mac_add(c, ADDRESS, NULL, "vm", &mac, &e) == 0)
		hoster_mac_remove(c, ADDRESS, &e);
}

static void hoster(const char *name)
{
	static const char *const names[] = {"hoster.application_key",
		"hoster.application_secret", "hoster.consumer_key",
		"hoster.token", "hoster.user", "hoster.password"};
	_secrets_ struct secrets *s = secrets_new();
	_json_ json_t *servers = NULL, *list = NULL, *all = NULL;
	_hoster_ struct hoster_conn *c = NULL;
	const struct hoster *h = NULL;
	struct out o = {.put = put};
	struct err e = {0};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		secrets_put(s, names[i], "x");
	if (hoster_find(name, &h, &e) ||
		hoster_open(h, &(struct hoster_opts){.secrets = s}, &c, &e) ||
		hoster_servers(c, &servers, &e) ||
		hoster_addresses(c, &list, &e))
		return;
	all = json_pack("{s:s,s:O,s:O}", "title", name, "servers", servers,
		"addresses", list);
	hoster_show_list(&o, all);
	address(c, json_array_get(servers, 0));
}

/* --- Proxmox VE --- */

static void line(void *arg, const char *text, double percent)
{
	_free_ char *clean = str_printable_dup(text);

	(void)arg;
	(void)percent;
	if (strcmp(clean, text))
		abort();
}

static void lists(struct pve *p)
{
	int (*const reads[])(struct pve *, json_t **, struct err *) = {
		pve_nodes, pve_storages, pve_bridges, pve_pci};
	_json_ json_t *rights = NULL, *discs = NULL, *stores = NULL;
	unsigned id;

	for (size_t i = 0; i < ARRAY_LEN(reads); i++) {
		json_t *j = NULL;

		if (reads[i](p, &j, NULL) == 0)
			json_decref(j);
	}
	pve_permissions(p, NULL, &rights, NULL);
	virtio_kit_discs(p, &discs, &stores, NULL);
	pve_next_id(p, 0, &id, NULL);
}

static void volumes(struct pve *p)
{
	_free_ char *volid = NULL, *path = NULL, *format = NULL;
	uint64_t size;

	if (pve_volume_alloc(
		    p, "local", 100, NULL, 1 << 20, NULL, &volid, NULL) == 0 &&
		pve_volume_path(p, volid, &path, &size, &format, NULL) == 0)
		pve_volume_free(p, volid, NULL);
}

static void machine(struct pve *p)
{
	static const char *const argv[] = {"/bin/sh", "-c", "true", NULL};
	const struct pve_progress pr = {.line = line};
	_pve_params_ struct pve_params ps = {0};
	_json_ json_t *config = NULL;
	struct pve_vm_status st;
	unsigned warnings;

	pve_task_wait(p, UPID, &pr, &warnings, NULL);
	pve_vm_config(p, 100, &config, NULL);
	pve_vm_status(p, 100, &st, NULL);
	pve_param(&ps, "name", "a");
	pve_vm_create(p, 100, &ps, &pr, NULL);
	pve_vm_start(p, 100, &pr, NULL);
	pve_vm_destroy(p, 100, &pr, NULL);
	_json_ json_t *cards = NULL, *paths = NULL;
	_free_ char *out = NULL, *errs = NULL;
	uint64_t trimmed;
	int status;

	pve_agent_interfaces(p, 100, &cards, NULL);
	pve_agent_fstrim(p, 100, &trimmed, &paths, NULL);
	pve_agent_exec(p, 100, argv, 5, &status, &out, &errs, NULL);
}

/* As pve_open leaves it, after the answers to it. */
static void pve(char part)
{
	const struct pve_target t = {.host = "pve",
		.user = "root@pam!a",
		.secret = "x",
		.accept_cert = "first"};
	_pve_ struct pve *p = NULL;

	if (pve_open(&t, &p, NULL))
		return;
	p->patience = 0;
	switch (part) {
	case 'v':
		volumes(p);
		break;
	case 'm':
		machine(p);
		break;
	default:
		lists(p);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_free_ char *text = xstrndup((const char *)data, size);
	const char *head = answers = text;

	pauses = 0;
	str_line(&answers);
	switch (*head) {
	case 'o':
		hoster("ovh");
		break;
	case 'd':
		hoster("dedibox");
		break;
	case 'h':
		hoster("hetzner");
		break;
	case 'p':
		pve(head[1]);
	}
	return 0;
}
