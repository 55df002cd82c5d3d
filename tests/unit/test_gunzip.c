/* gzip as a host's gzip makes it: unpacked from pieces of any size, one member
 * after the other; nothing damaged passes for whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/gunzip.h"
#include "core/proc.h"
#include "core/str.h"

#define PLAIN 300000

static unsigned char plain[PLAIN];
static unsigned char packed[2 * PLAIN];
static size_t packed_len;

/* Text and noise, by the gzip of this machine, in two members. */
static int setup(void **state)
{
	char dir[] = "/tmp/vmferry-gunzip-XXXXXX";
	_free_ char *in = NULL, *script = NULL, *out = NULL;
	const char *argv[] = {"sh", "-c", NULL, NULL};
	_proc_ struct proc_result r = {0};
	struct err e = {0};
	char *bytes;

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	srandom(7);
	for (size_t i = 0; i < PLAIN; i++)
		plain[i] = i % 1000 < 300 ? random() >> 7 : "vmferry"[i % 7];
	in = path_join(dir, "in");
	out = path_join(dir, "out");
	script = xasprintf("cd %s && { head -c 200000 in | gzip -1 -c; tail -c "
			   "100000 in | gzip -9 -c; } >out",
		dir);
	argv[2] = script;
	if (file_write(in, plain, PLAIN, 0600, &e) ||
		proc_run(argv, NULL, &r, &e) || r.status ||
		file_read(out, sizeof(packed), &bytes, &packed_len, &e))
		return -1;
	memcpy(packed, bytes, packed_len);
	free(bytes);
	unlink(in);
	unlink(out);
	return rmdir(dir);
}

static unsigned char got[2 * PLAIN];

/* All of n bytes, handed over in pieces, into got[0, *len): the number of
 * whole members. -1: refused. */
static int unpack(const unsigned char *in, size_t n, size_t piece, size_t room,
	size_t *len)
{
	struct gunzip *g = gunzip_new();
	struct err e = {0};
	size_t done = 0;
	int members = 0;
	long made = 0;

	*len = 0;
	while (made >= 0 && (done < n || made > 0)) {
		size_t part = n - done < piece ? n - done : piece, left = part;
		const unsigned char *p = in + done;
		bool end = false;

		made = gunzip_some(g, &p, &left, got + *len,
			room < sizeof(got) - *len ? room : sizeof(got) - *len,
			&end, &e);
		done += part - left;
		*len += made > 0 ? made : 0;
		members += end;
	}
	gunzip_free(g);
	return made < 0 ? -1 : members;
}

static void pieces_of_any_size(void **state)
{
	static const size_t sizes[] = {1, 7, 4096, 2 * PLAIN};
	size_t n;

	(void)state;
	for (size_t i = 0; i < 16; i++) {
		assert_int_equal(unpack(packed, packed_len, sizes[i / 4],
					 sizes[i % 4], &n),
			2);
		assert_int_equal(n, PLAIN);
		assert_memory_equal(got, plain, PLAIN);
	}
}

/* A stream that was cut never has its last member. */
static void cut_anywhere(void **state)
{
	size_t n;

	(void)state;
	for (size_t at = 0; at < packed_len; at += at < 64 ? 1 : 997)
		assert_in_range(unpack(packed, at, 5000, 65536, &n), 0, 1);
	assert_int_equal(unpack(packed, packed_len - 1, 5000, 65536, &n), 1);
}

/* What is taken for whole is whole: only the time and the system in a header
 * are of no account. */
static void a_wrong_byte(void **state)
{
	unsigned passed = 0;
	size_t n;

	(void)state;
	for (size_t at = 0; at < packed_len; at += at < 100 ? 1 : 97) {
		int members;

		packed[at] ^= 0x10;
		members = unpack(packed, packed_len, 4096, 65536, &n);
		packed[at] ^= 0x10;
		if (members != 2)
			continue;
		passed++;
		assert_int_equal(n, PLAIN);
		assert_memory_equal(got, plain, PLAIN);
	}
	assert_in_range(passed, 0, 12);
}

static void what_is_no_gzip(void **state)
{
	static const unsigned char zlib[] = {0x78, 0x9c, 0x03, 0, 0, 0, 0, 1};
	size_t n;

	(void)state;
	assert_int_equal(unpack(zlib, sizeof(zlib), 99, 99, &n), -1);
	assert_int_equal(
		unpack((const unsigned char *)"sh: gzip", 8, 99, 99, &n), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_of_any_size),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(a_wrong_byte),
		cmocka_unit_test(what_is_no_gzip),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
