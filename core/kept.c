/* Kept secrets: see kept.h. */
#include "kept.h"

#include <string.h>

#include "state.h"
#include "str.h"

#define KEPT_MAX 65536

char *kept_name(
	const char *kind, const char *user, const char *host, unsigned port)
{
	bool bracket = *host == '[';
	const char *end = bracket ? strchr(host, ']') : strchr(host, ':');
	_free_ char *name = NULL, *given = NULL;

	/* Several colons and no bracket: an IPv6 address without a port. */
	if (!bracket && end && strchr(end + 1, ':'))
		end = NULL;
	host += bracket;
	name = end ? xstrndup(host, end - host) : xstrdup(host);
	end = end && bracket ? end + 1 : end;
	given = end && *end == ':' && end[1] ? xstrdup(end + 1)
					     : xasprintf("%u", port);
	return xasprintf(strchr(name, ':') ? "%s %s@[%s]:%s" : "%s %s@%s:%s",
		kind, user, name, given);
}

static char *file(struct err *e)
{
	char *path;

	return state_path("secrets", &path, e) ? NULL : path;
}

int kept_load(struct secrets *s, struct err *e)
{
	_free_ char *path = file(e);

	if (!path)
		return -1;
	return file_exists(path) ? secrets_load(s, path, e) : 0;
}

static bool is_named(const char *line, const char *name)
{
	size_t n = strlen(name);

	return strncmp(line, name, n) == 0 && line[n] == '=';
}

int kept_change(const char *path, const char *name, const char *value,
	bool *was, struct err *e)
{
	_wipe_ char *old = NULL;
	_buf_ struct buf b = {0};
	char *p, *line;

	if (file_exists(path) && file_read(path, KEPT_MAX, &old, NULL, e))
		return -1;
	*was = false;
	p = old;
	while (p && (line = str_line(&p))) {
		if (is_named(line, name))
			*was = true;
		else
			buf_addf(&b, "%s\n", line);
	}
	if (value)
		buf_addf(&b, "%s=%s\n", name, value);
	return *was || value ? file_write(path, b.s ? b.s : "", b.len, 0600, e)
			     : 0;
}

static int change(const char *name, const char *value, bool *was, struct err *e)
{
	_free_ char *path = file(e);

	return path ? kept_change(path, name, value, was, e) : -1;
}

int kept_put(const char *name, const char *value, struct err *e)
{
	bool was;

	if (strpbrk(name, "=\r\n") || strpbrk(value, "\r\n") || *name == '#')
		return err_set(e, ERR_BAD_INPUT,
			"what is kept is one line, and its name has no \"=\"");
	return change(name, value, &was, e);
}

int kept_forget(const char *name, bool *was, struct err *e)
{
	bool there;

	return change(name, NULL, was ? was : &there, e);
}
