/*
 * Secrets: see secret.h. Keeps true: a value lies in one page-locked block
 * of its own, and is overwritten before the block is released.
 */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http.h"
#include "json.h"
#include "str.h"

#define SECRETS_MAX 65536 /* bytes in a file of secrets */

struct secret {
	struct secret *next;
	char *name;
	char *value;
	size_t size; /* of the mapping */
};

struct secrets {
	struct secret *first;
};

struct secrets *secrets_new(void)
{
	return xcalloc(1, sizeof(struct secrets));
}

/* Memory that is not swapped, not dumped, and wiped by unlock_free. */
static char *lock_alloc(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	/* Locking may be over the limit for ordinary users: not fatal. */
	(void)mlock(p, size);
	(void)madvise(p, size, MADV_DONTDUMP);
	return p;
}

static void lock_free(char *p, size_t size)
{
	explicit_bzero(p, size);
	munmap(p, size);
}

static void secret_free(struct secret *s)
{
	lock_free(s->value, s->size);
	free(s->name);
	free(s);
}

void secrets_free(struct secrets *s)
{
	if (!s)
		return;
	while (s->first) {
		struct secret *next = s->first->next;

		secret_free(s->first);
		s->first = next;
	}
	free(s);
}

void cleanup_secrets(struct secrets **s)
{
	secrets_free(*s);
}

void secrets_put(struct secrets *s, const char *name, const char *value)
{
	struct secret *n = xcalloc(1, sizeof(*n));
	struct secret **at = &s->first;

	n->name = xstrdup(name);
	n->size = strlen(value) + 1;
	n->value = lock_alloc(n->size);
	memcpy(n->value, value, n->size);
	while (*at && strcmp((*at)->name, name))
		at = &(*at)->next;
	if (*at) {
		n->next = (*at)->next;
		secret_free(*at);
	}
	*at = n;
}

const char *secrets_get(const struct secrets *s, const char *name)
{
	for (const struct secret *p = s->first; p; p = p->next)
		if (strcmp(p->name, name) == 0)
			return p->value;
	return NULL;
}

const char *secrets_name(const struct secrets *s, size_t i)
{
	const struct secret *p = s->first;

	while (p && i--)
		p = p->next;
	return p ? p->name : NULL;
}

int secrets_need(const struct secrets *s, const char *name, const char **value,
	struct err *e)
{
	const char *v = secrets_get(s, name);

	if (!v)
		return err_set(e, ERR_SECRET_MISSING, "%s was not given", name);
	*value = v;
	return 0;
}

static int open_source(const char *path, struct err *e)
{
	struct stat st;
	uint64_t n;
	int fd;

	if (str_starts(path, "fd:")) {
		if (str_u64(path + 3, 1023, &n))
			return err_set(
				e, ERR_USAGE, "%s: not a descriptor", path);
		return n;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e,
			errno == ENOENT ? ERR_NOT_FOUND : ERR_PERMISSION, "%s",
			path);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		((st.st_mode & 077) || st.st_uid != geteuid())) {
		close(fd);
		return err_set(e, ERR_SECRET_OPEN, "%s: mode %03o, owner %d",
			path, (unsigned)(st.st_mode & 0777), (int)st.st_uid);
	}
	return fd;
}

static int read_locked(
	int fd, const char *path, char *text, size_t *len, struct err *e)
{
	size_t at = 0;
	ssize_t n;

	while ((n = read(fd, text + at, SECRETS_MAX - at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, ERR_IO, "read secrets");
		at += n;
		/* Cut, the last one would be another password. */
		if (at == SECRETS_MAX)
			return err_set(e, ERR_BAD_INPUT,
				"%s is larger than %zu bytes", path,
				(size_t)SECRETS_MAX - 1);
	}
	text[at] = '\0';
	*len = at;
	return 0;
}

static int bad_line(int no, struct err *e)
{
	return err_set(
		e, ERR_BAD_INPUT, "secrets: line %d is not NAME=VALUE", no);
}

static int parse_lines(struct secrets *s, char *text, size_t len, struct err *e)
{
	char *p = text, *line;
	int no = 0;

	while ((line = str_line(&p))) {
		char *eq = strchr(line, '=');

		no++;
		if (!*line || *line == '#')
			continue;
		if (!eq || eq == line)
			return bad_line(no, e);
		*eq = '\0';
		secrets_put(s, line, eq + 1);
	}
	/* A NUL, in the last line or after it. */
	return p < text + len ? bad_line(no + (p == text || !p[-1]), e) : 0;
}

int secrets_load(struct secrets *s, const char *path, struct err *e)
{
	_close_ int fd = open_source(path, e);
	size_t len = 0;
	char *text;
	int rc;

	if (fd < 0)
		return err_in(e, "read secrets");
	text = lock_alloc(SECRETS_MAX);
	rc = read_locked(fd, path, text, &len, e);
	if (rc == 0)
		rc = parse_lines(s, text, len, e);
	lock_free(text, SECRETS_MAX);
	return rc;
}

static bool telling(const char *value)
{
	size_t n = strlen(value);
	size_t lower = strspn(value, "abcdefghijklmnopqrstuvwxyz");
	size_t digit = strspn(value, "0123456789");

	return n >= 12 || (n >= 4 && lower < n && digit < n);
}

const char *secrets_find(const struct secrets *s, const char *text)
{
	for (const struct secret *p = s->first; p; p = p->next)
		if (telling(p->value) && strstr(text, p->value))
			return p->name;
	return NULL;
}

/* The length of the longest secret that begins here; 0: none does. Shorter
 * than 4 bytes it cannot be told from ordinary text. */
static size_t longest_here(const struct secrets *s, const char *at)
{
	size_t longest = 0;

	for (const struct secret *p = s->first; p; p = p->next) {
		size_t n = strlen(p->value);

		if (n >= 4 && n > longest && strncmp(at, p->value, n) == 0)
			longest = n;
	}
	return longest;
}

void secrets_redact(const struct secrets *s, char *text)
{
	for (char *at = text; *at; at++) {
		size_t n = longest_here(s, at);

		if (!n)
			continue;
		memmove(at + 3, at + n, strlen(at + n) + 1);
		memcpy(at, "***", 3);
		at += 2;
	}
}

void secrets_harden(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	json_wipe_freed();
	http_wipe_freed();
}
