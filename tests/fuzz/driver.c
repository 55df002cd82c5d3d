/*
 * Fuzzing without a fuzzer: every seed as it is, every cut of it at a power of
 * two, then FUZZ_RUNS (default 20000) mutations from a fixed random row: the
 * same inputs on every machine. Output is TAP, for tests/run-unit. An input
 * that kills the program is left in build/crash-TARGET.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "str.h"

#define MAX_SEEDS 64
#define MAX_INPUT (64u << 10)

static struct seed {
	char *p;
	size_t len;
} seeds[MAX_SEEDS];
static size_t n_seeds;

/* What runs now, for on_death. */
static const uint8_t *now;
static size_t now_len;
static char crash_file[128];

static uint64_t state = 0x9e3779b97f4a7c15;

static size_t pick(size_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return below ? (state >> 11) % below : 0;
}

static void on_death(int sig)
{
	int fd = open(crash_file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ssize_t n = fd >= 0 ? write(fd, now, now_len) : -1;

	(void)n;
	signal(sig, SIG_DFL);
	raise(sig);
}

static void catch_death(const char *program)
{
	static const int sigs[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
	const char *slash = strrchr(program, '/');

	snprintf(crash_file, sizeof(crash_file), "build/crash-%s",
		slash ? slash + 1 : program);
	for (size_t i = 0; i < ARRAY_LEN(sigs); i++)
		signal(sigs[i], on_death);
}

static void load(const char *pattern)
{
	glob_t g;

	if (glob(pattern, 0, NULL, &g))
		return;
	for (size_t i = 0; i < g.gl_pathc && n_seeds < MAX_SEEDS; i++) {
		struct seed *s = &seeds[n_seeds];

		if (file_read(g.gl_pathv[i], MAX_INPUT, &s->p, &s->len, NULL) ==
			0)
			n_seeds++;
	}
	globfree(&g);
}

/* In a block of its own size, so that valgrind and ASan see every step out. */
static void feed(const char *p, size_t n)
{
	uint8_t *copy = xmalloc(n);

	if (n)
		memcpy(copy, p, n);
	now = copy;
	now_len = n;
	LLVMFuzzerTestOneInput(copy, n);
	now_len = 0;
	free(copy);
}

/* --- mutations --- */

static void remove_part(struct buf *b)
{
	size_t at = pick(b->len), n = pick(b->len - at + 1);

	memmove(b->s + at, b->s + at + n, b->len - at - n);
	b->len -= n;
}

static void insert(struct buf *b, const char *p, size_t n)
{
	size_t at = pick(b->len + 1);
	_buf_ struct buf tail = {0};

	if (b->len + n > MAX_INPUT)
		return;
	buf_add(&tail, b->s + at, b->len - at);
	b->len = at;
	buf_add(b, p, n);
	buf_add(b, tail.s, tail.len);
}

static void insert_word(struct buf *b)
{
	size_t n = 0;
	const char *w;

	while (fuzz_words[n])
		n++;
	w = fuzz_words[pick(n)];
	insert(b, w, strlen(w));
}

/* A piece of this or another seed. */
static void insert_part(struct buf *b)
{
	const struct seed *s = &seeds[pick(n_seeds)];
	size_t at = pick(s->len), n = pick(s->len - at + 1);
	_free_ char *part = xmalloc(n);

	if (!n)
		return;
	memcpy(part, s->p + at, n);
	insert(b, part, n);
}

static void change_byte(struct buf *b)
{
	static const char odd[] = "\0\"|=#\n\r\\:<>&/.9\xff\x80\x7f";

	if (b->len)
		b->s[pick(b->len)] =
			pick(2) ? odd[pick(sizeof(odd) - 1)] : (char)pick(256);
}

static void mutate(struct buf *b)
{
	switch (pick(8)) {
	case 0:
		if (b->len)
			remove_part(b);
		break;
	case 1:
		insert_part(b);
		break;
	case 2:
	case 3:
		insert_word(b);
		break;
	case 4:
		b->len = pick(b->len + 1);
		break;
	default:
		change_byte(b);
	}
}

static void one_mutation(void)
{
	const struct seed *s = &seeds[pick(n_seeds)];
	_buf_ struct buf b = {0};

	buf_add(&b, s->p, s->len);
	for (size_t n = 1 + pick(6); n; n--)
		mutate(&b);
	feed(b.s, b.len);
}

int main(int argc, char **argv)
{
	const char *text = getenv("FUZZ_RUNS");
	uint64_t runs = 20000;

	if (text && str_u64(text, UINT32_MAX, &runs))
		return 2;
	catch_death(argv[0]);
	for (size_t i = 0; fuzz_seeds[i]; i++)
		load(fuzz_seeds[i]);
	/* Files named on the command line: run them alone (a crash again). */
	if (argc > 1) {
		n_seeds = 0;
		for (int i = 1; i < argc; i++)
			load(argv[i]);
		runs = 0;
	}
	if (!n_seeds) {
		puts("not ok 1 - no seeds (run it at the top of the tree)");
		return 1;
	}
	for (size_t i = 0; i < n_seeds; i++)
		for (size_t n = seeds[i].len;; n /= 2) {
			feed(seeds[i].p, n);
			if (!n)
				break;
		}
	for (uint64_t i = 0; i < runs; i++)
		one_mutation();
	for (size_t i = 0; i < n_seeds; i++)
		free(seeds[i].p);
	printf("ok 1 - %zu seeds, %llu mutations\n", n_seeds,
		(unsigned long long)runs);
	return 0;
}
