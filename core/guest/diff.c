/*
 * A unified diff of two small texts, for the operator's eyes: longest common
 * subsequence by lines, 3 lines of context. Configuration files only, so the
 * quadratic table is small.
 */
#include <stdlib.h>
#include <string.h>

#include "../charset.h"
#include "../str.h"
#include "own.h"
#include "packages.h"

#define CONTEXT 3
#define LINES_MAX 4000 /* beyond, the whole file is shown as replaced */

struct lines {
	char *text;
	char **line;
	size_t n;
	bool no_newline; /* at the end */
};

static struct lines split(const char *s)
{
	struct lines l = {.text = xstrdup(s ? s : "")};
	size_t len = strlen(l.text);
	char *p = l.text;

	l.no_newline = len && l.text[len - 1] != '\n';
	while (p && *p) {
		char *nl = strchr(p, '\n');

		l.line = xreallocarray(l.line, l.n + 1, sizeof(*l.line));
		l.line[l.n++] = p;
		if (nl)
			*nl++ = '\0';
		p = nl;
	}
	return l;
}

static void lines_free(struct lines *l)
{
	free(l->line);
	free(l->text);
}

/* One line of the edit script: ' ', '-' or '+', and the text. */
struct edit {
	char kind;
	const char *text;
	bool open; /* a last line without newline */
};

static bool is_open(const struct lines *l, size_t i)
{
	return l->no_newline && i + 1 == l->n;
}

static bool same(
	const struct lines *a, size_t i, const struct lines *b, size_t k)
{
	/* A last line without newline differs from one with it. */
	return is_open(a, i) == is_open(b, k) &&
		strcmp(a->line[i], b->line[k]) == 0;
}

/* t[i][k]: length of the longest common subsequence of a[i..] and b[k..]. */
static unsigned short *lcs_table(const struct lines *a, const struct lines *b)
{
	size_t w = b->n + 1;
	unsigned short *t = xcalloc((a->n + 1) * w, sizeof(*t));

	for (size_t i = a->n; i-- > 0;)
		for (size_t k = b->n; k-- > 0;)
			t[i * w + k] = same(a, i, b, k)
				? t[(i + 1) * w + k + 1] + 1
				: t[(i + 1) * w + k] >= t[i * w + k + 1]
				? t[(i + 1) * w + k]
				: t[i * w + k + 1];
	return t;
}

static size_t script(
	const struct lines *a, const struct lines *b, struct edit *out)
{
	bool big = a->n > LINES_MAX || b->n > LINES_MAX;
	unsigned short *t = big ? NULL : lcs_table(a, b);
	size_t i = 0, k = 0, n = 0, w = b->n + 1;

	while (i < a->n || k < b->n) {
		if (!big && i < a->n && k < b->n && same(a, i, b, k)) {
			out[n++] =
				(struct edit){' ', a->line[i], is_open(a, i)};
			i++;
			k++;
		} else if (i < a->n &&
			(k == b->n || big ||
				t[(i + 1) * w + k] >= t[i * w + k + 1])) {
			out[n++] =
				(struct edit){'-', a->line[i], is_open(a, i)};
			i++;
		} else {
			out[n++] =
				(struct edit){'+', b->line[k], is_open(b, k)};
			k++;
		}
	}
	free(t);
	return n;
}

/* Lines before edit `at` on one side. */
static size_t count(const struct edit *x, size_t from, size_t to, char not )
{
	size_t n = 0;

	for (; from < to; from++)
		n += x[from].kind != not ;
	return n;
}

/* Journals are UTF-8: a line of another charset is shown with its letters
 * replaced, the same each time, and the lines around it as they are. */
static char *shown(const char *line)
{
	return charset_is_utf8(line, strlen(line)) ? xstrdup(line)
						   : str_printable_dup(line);
}

static void put_hunk(
	struct buf *b, const struct edit *x, size_t from, size_t to)
{
	size_t a = count(x, from, to, '+'), c = count(x, from, to, '-');

	buf_addf(b, "@@ -%zu,%zu +%zu,%zu @@\n",
		count(x, 0, from, '+') + (a ? 1 : 0), a,
		count(x, 0, from, '-') + (c ? 1 : 0), c);
	for (; from < to; from++) {
		_free_ char *text = shown(x[from].text);

		buf_addf(b, "%c%s\n%s", x[from].kind, text,
			x[from].open ? "\\ No newline at end of file\n" : "");
	}
}

static void put_hunks(struct buf *b, const struct edit *x, size_t n)
{
	size_t i = 0;

	while (i < n) {
		size_t from, to, gap = 0;

		if (x[i].kind == ' ') {
			i++;
			continue;
		}
		from = i < CONTEXT ? 0 : i - CONTEXT;
		/* Changes closer than two contexts share a hunk. */
		for (to = i; to < n && gap <= 2 * CONTEXT; to++)
			gap = x[to].kind == ' ' ? gap + 1 : 0;
		if (gap > CONTEXT)
			to -= gap - CONTEXT;
		put_hunk(b, x, from, to);
		i = to;
	}
}

/* Drivers that come into an initramfs. */
static char *drivers_text(const struct guest_change *c)
{
	_free_ char *copy = xstrdup(c->after);
	struct buf b = {0};
	char *p = copy, *line;

	buf_addf(&b, "add to %s\n", c->path);
	while ((line = str_line(&p)))
		buf_addf(&b, "  /lib/modules/%s/%s\n", c->kernel, line);
	return buf_steal(&b);
}

char *guest_diff(const struct guest_change *c)
{
	struct lines a, z;
	struct edit *x;
	struct buf b = {0};
	size_t n;

	if (c->kernel)
		return drivers_text(c);
	if (c->package)
		return xstrdup(c->package->shown);
	if (c->link_to)
		return xasprintf("link %s\n  to %s\n", c->path, c->link_to);
	if (c->copy_of)
		return xasprintf("copy %s\n  to %s\n", c->copy_of, c->path);
	a = split(c->before);
	z = split(c->after);
	x = xcalloc(a.n + z.n, sizeof(*x));
	n = script(&a, &z, x);
	buf_addf(&b, c->before ? "--- a%s\n" : "--- /dev/null\n", c->path);
	buf_addf(&b, c->after ? "+++ b%s\n" : "+++ /dev/null\n", c->path);
	put_hunks(&b, x, n);
	free(x);
	lines_free(&a);
	lines_free(&z);
	return buf_steal(&b);
}
