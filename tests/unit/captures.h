/*
 * The real answers in ../shared/pve-captures, each with the request of its
 * line in INDEX.md. Include after pveweb.h. Without ../shared count is 0, and
 * tests skip.
 */
#ifndef TESTS_UNIT_CAPTURES_H
#define TESTS_UNIT_CAPTURES_H

#include <dirent.h>

#define CAPTURES 437 /* at least so many; fewer: something was not read */

struct capture {
	char *name; /* "072-create-vmid-exists" */
	char *raw;
	size_t len;
	/* of its line in INDEX.md */
	char *method, *path;
	/* as this test reads it, not the client */
	unsigned status;
	char *reason;
	json_t *body;
};

static struct capture *captures;
static size_t count;

static inline const char *shared(void)
{
	const char *dir = getenv("VMFERRY_SHARED");

	return dir ? dir : "../shared";
}

/* "| [072-x.http](072-x.http) | `POST /api2/json/nodes` | ..." */
static inline void read_index_line(struct capture *c, const char *index)
{
	_free_ char *key = xasprintf("| [%s.http]", c->name);
	const char *line = strstr(index, key), *s;

	assert_non_null(line);
	s = strchr(line, '`') + 1;
	c->method = xstrndup(s, strcspn(s, " `"));
	s += strlen(c->method) + 1;
	s += strlen("/api2/json") * str_starts(s, "/api2/json");
	c->path = xstrndup(s, strcspn(s, "`?"));
}

static inline void read_answer(struct capture *c)
{
	const char *body = strstr(c->raw, "\r\n\r\n");
	const char *end = strstr(c->raw, "\r\n");
	json_error_t je;

	if (!end)
		return;
	c->status = strtoul(c->raw + 9, NULL, 10);
	c->reason = xstrndup(c->raw + 13, end - c->raw - 13);
	body += 4;
	c->body = json_loadb(
		body, c->len - (body - c->raw), JSON_DECODE_ANY, &je);
}

static inline int by_name(const void *a, const void *b)
{
	return strcmp(((const struct capture *)a)->name,
		((const struct capture *)b)->name);
}

static inline int captures_load(void **state)
{
	_free_ char *dir = path_join(shared(), "pve-captures");
	_free_ char *index_path = path_join(dir, "INDEX.md");
	_free_ char *index = NULL;
	DIR *d = opendir(dir);

	(void)state;
	if (!d || file_read(index_path, 4 << 20, &index, NULL, NULL) < 0) {
		fprintf(stderr, "skipped: no captures in %s\n", dir);
		return 0;
	}
	for (struct dirent *de; (de = readdir(d));) {
		struct capture c = {0};
		_free_ char *path = path_join(dir, de->d_name);

		if (!str_ends(de->d_name, ".http"))
			continue;
		c.name = xstrndup(de->d_name, strlen(de->d_name) - 5);
		assert_int_equal(
			file_read(path, 4 << 20, &c.raw, &c.len, NULL), 0);
		read_index_line(&c, index);
		read_answer(&c);
		captures = xreallocarray(captures, count + 1, sizeof(c));
		captures[count++] = c;
	}
	closedir(d);
	qsort(captures, count, sizeof(*captures), by_name);
	assert_true(count >= CAPTURES);
	return 0;
}

static inline int captures_free(void **state)
{
	(void)state;
	for (size_t i = 0; i < count; i++) {
		free(captures[i].name);
		free(captures[i].raw);
		free(captures[i].method);
		free(captures[i].path);
		free(captures[i].reason);
		json_decref(captures[i].body);
	}
	free(captures);
	return 0;
}

static inline const struct capture *capture(const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(captures[i].name, name) == 0)
			return &captures[i];
	fail_msg("no capture %s", name);
	return NULL;
}

static inline void on_capture(
	struct web *w, const char *call, int times, const struct capture *c)
{
	struct route *r = web_on(w, call, times, "", "");

	buf_clear(&r->raw);
	buf_add(&r->raw, c->raw, c->len);
	if (c->len == 0)
		r->then = TLSD_DROP;
}

#endif
