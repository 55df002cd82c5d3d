/* `vmkfstools -t0`: see blockmap.h. Keeps true: what is not understood to
 * the letter is an error, so that nobody takes a guess for a hole. */
#include "blockmap.h"

#include <stdlib.h>
#include <string.h>

#include "str.h"

#define LINES_MAX 4000000 /* 64 TiB of 16 MiB runs */

/* "   123", up to the character that ends it. -1: not a number. */
static int number(const char **p, char end, uint64_t *out)
{
	const char *s = *p;
	char digits[24];
	size_t n = 0;

	while (*s == ' ')
		s++;
	while (s[n] >= '0' && s[n] <= '9' && n < sizeof(digits) - 1)
		n++;
	memcpy(digits, s, n);
	digits[n] = '\0';
	if (s[n] != end || str_u64(digits, INT64_MAX, out))
		return -1;
	*p = s + n + 1;
	return 0;
}

static int literal(const char **p, const char *text)
{
	size_t n = strlen(text);

	if (strncmp(*p, text, n) != 0)
		return -1;
	*p += n;
	return 0;
}

static int run_kind(const char **p, bool *data)
{
	static const struct {
		const char *mark;
		bool data;
	} kinds[] = {
		{"VMFS -- LVID:", true},
		{"VMFS Z- LVID:", false},
		{"NOMP -- :", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (literal(p, kinds[i].mark))
			continue;
		*data = kinds[i].data;
		return 0;
	}
	return -1;
}

static int parse_run(const char *line, struct extent *x)
{
	const char *p = line;

	if (literal(&p, "[") || number(&p, ':', &x->offset) ||
		number(&p, ']', &x->length) || literal(&p, " --> [") ||
		run_kind(&p, &x->data))
		return -1;
	/* Where on the volume it lies is not our business. */
	return x->length && str_ends(p, "]") ? 0 : -1;
}

static int bad(struct err *e, size_t line, const char *text, const char *why)
{
	return err_set(e, ERR_ESXI_COMMAND, "block map, line %zu: %s: %.80s",
		line, why, text);
}

struct parse {
	uint64_t capacity, next; /* where the next run must begin */
	struct extents x;
};

static int take_line(struct parse *p, char *text, size_t line, struct err *e)
{
	char *s = str_trim(text);
	struct extent run;
	uint64_t room;

	if (!*s || (!p->next && str_starts(s, "Mapping for file ")))
		return 0;
	if (line > LINES_MAX)
		return bad(e, line, s, "the map does not end");
	if (parse_run(s, &run))
		return bad(e, line, s, "not understood");
	if (run.offset != p->next)
		return bad(e, line, s, "not behind the run before");
	p->next += run.length;
	room = p->capacity - extents_end(&p->x);
	extents_add(&p->x, run.length < room ? run.length : room, run.data);
	return 0;
}

int blockmap_parse(
	const char *text, uint64_t capacity, struct extents *out, struct err *e)
{
	_free_ char *copy = xstrdup(text);
	struct parse p = {.capacity = capacity};
	char *rest = copy, *s;

	for (size_t line = 1; (s = str_line(&rest)); line++) {
		if (take_line(&p, s, line, e)) {
			extents_free(&p.x);
			return -1;
		}
	}
	if (p.next < capacity) {
		extents_free(&p.x);
		return err_set(e, ERR_ESXI_COMMAND,
			"the block map ends at byte %llu of %llu",
			(unsigned long long)p.next,
			(unsigned long long)capacity);
	}
	*out = p.x;
	return 0;
}
