/* Words of programs in a guest: see guest_said.h. */
#include "guest_said.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "str.h"

/* --- fstrim --- */

/* The number before " bytes", wherever it stands in the line. */
static int bytes_of(char *line, uint64_t *n)
{
	char *end = strstr(line, " bytes"), *p = end;

	while (p && p > line && isdigit((unsigned char)p[-1]))
		p--;
	if (!p || p == end)
		return -1;
	*end = '\0';
	return str_u64(p, UINT64_MAX, n);
}

json_t *guest_said_fstrim(const char *text, uint64_t *sum)
{
	_free_ char *copy = xstrdup(text);
	json_t *out = json_array();
	char *p = copy, *line;

	*sum = 0;
	while ((line = str_line(&p))) {
		char *colon = strstr(line, ": ");
		_free_ char *path = NULL;
		uint64_t n;
		json_t *o;

		if (*line != '/' || !colon || !strstr(colon, "trimmed") ||
			bytes_of(colon, &n))
			continue;
		*colon = '\0';
		path = str_printable_dup(line);
		o = json_object();
		json_put_str(o, "path", path);
		json_put_u64(o, "trimmed", n);
		json_array_append_new(out, o);
		*sum += n;
	}
	return out;
}

/* --- network --- */

/* The word behind another one, cut at a blank or a slash; to be freed. */
static char *word_after(const char *line, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = line; (p = strstr(p, word)); p += n) {
		if ((p != line && p[-1] != ' ') || p[n] != ' ')
			continue;
		p += n + strspn(p + n, " ");
		return xstrndup(p, strcspn(p, " /\t"));
	}
	return NULL;
}

static void add_address(json_t *out, const char *line)
{
	_free_ char *four = word_after(line, "inet");
	_free_ char *six = word_after(line, "inet6");
	_free_ char *clean = str_printable_dup(four ? four : six ? six : "");

	if (*clean && strcmp(clean, "127.0.0.1") && strcmp(clean, "::1") &&
		!str_starts(clean, "fe80:"))
		json_array_append_new(
			json_object_get(out, "addresses"), json_text(clean));
}

static void read_line(json_t *out, const char *part, const char *line)
{
	if (strcmp(part, "addresses") == 0) {
		add_address(out, line);
	} else if (strcmp(part, "routes") == 0) {
		_free_ char *via = word_after(line, "via");
		_free_ char *clean = via ? str_printable_dup(via) : NULL;

		if (clean && !json_str(out, "gateway"))
			json_put_str(out, "gateway", clean);
	} else if (strcmp(part, "gateway") == 0) {
		if (strcmp(line, "answers") == 0)
			json_put_str(out, "gateway_seen", "answers");
		else if (strstr(line, " lladdr "))
			json_put_str(out, "gateway_seen", "silent");
	}
}

json_t *guest_said_network(const char *text)
{
	_free_ char *copy = xstrdup(text);
	_json_ json_t *out = json_object();
	const char *part = "";
	char *p = copy, *line;

	json_put(out, "addresses", json_array());
	while ((line = str_line(&p))) {
		if (str_starts(line, "vmferry "))
			part = line + strlen("vmferry ");
		else
			read_line(out, part, line);
	}
	if (strcmp(part, "end"))
		return NULL;
	if (json_str(out, "gateway") && !json_str(out, "gateway_seen"))
		json_put_str(out, "gateway_seen", "absent");
	return json_incref(out);
}

/* --- which start it is --- */

static bool is_uuid(const char *s)
{
	return strlen(s) == 36 && strspn(s, "0123456789abcdef-") == 36;
}

bool guest_said_life(const char *text, struct guest_life *out)
{
	_free_ char *copy = xstrdup(text);
	struct guest_life l = {0};
	bool marked = false;
	char *p = copy, *line;

	while ((line = str_line(&p))) {
		if (!marked && is_uuid(line))
			memcpy(l.boot, line, 37);
		if (marked && str_u64(line, UINT32_MAX, &l.up) == 0) {
			*out = l;
			return true;
		}
		marked |= strcmp(line, "vmferry up") == 0;
	}
	return false;
}

bool guest_life_is_new(
	const struct guest_life *was, const struct guest_life *is)
{
	if (*was->boot && *is->boot)
		return strcmp(was->boot, is->boot) != 0;
	return is->up < was->up;
}
