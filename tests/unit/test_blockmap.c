/* The block map of an ESXi host: what is taken, what is refused, and that a
 * damaged map is refused or still covers the disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/blockmap.h"
#include "core/sample.h"
#include "core/str.h"

#define MIB (1ULL << 20)

static const char good[] =
	"Mapping for file disk.vmdk (12582912 bytes in size):\n"
	"[           0:     2097152] --> [VMFS -- LVID:5a1b/5a1b/1:("
	"  1234567890 -->   1236665041)]\n"
	"[     2097152:     1048576] --> [VMFS -- LVID:5a1b/5a1b/1:("
	"  2234567890 -->   2236665041)]\n"
	"[     3145728:     4194304] --> [NOMP -- :(           0 -->"
	"     4194303)]\n"
	"[     7340032:     5242880] --> [VMFS Z- LVID:5a1b/5a1b/1:("
	"  3234567890 -->   3236665041)]\n";

static void takes_the_three_kinds(void **state)
{
	_extents_ struct extents x = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(blockmap_parse(good, 12 * MIB, &x, &e), 0);
	/* Neighbours of one kind are one; both unwritten kinds are one. */
	assert_int_equal(x.n, 2);
	assert_true(x.e[0].data);
	assert_int_equal(x.e[0].length, 3 * MIB);
	assert_false(x.e[1].data);
	assert_int_equal(x.e[1].offset, 3 * MIB);
	assert_int_equal(x.e[1].length, 9 * MIB);
	assert_int_equal(extents_data(&x), 3 * MIB);
}

static void takes_crlf_and_no_headline(void **state)
{
	_extents_ struct extents x = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(
		blockmap_parse("[0:512] --> [VMFS -- LVID:a:(0 --> 511)]\r\n"
			       "\r\n",
			512, &x, &e),
		0);
	assert_int_equal(extents_data(&x), 512);
}

static void cuts_what_lies_behind(void **state)
{
	_extents_ struct extents x = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(blockmap_parse(good, 8 * MIB, &x, &e), 0);
	assert_int_equal(extents_end(&x), 8 * MIB);
	extents_free(&x);
	assert_int_equal(blockmap_parse(good, 2 * MIB, &x, &e), 0);
	assert_int_equal(extents_end(&x), 2 * MIB);
	assert_int_equal(extents_data(&x), 2 * MIB);
}

static void refuses(void **state)
{
#define OK "[0:1048576] --> [VMFS -- LVID:a:(0 --> 1)]\n"
	static const char *const bad[] = {
		"",
		"\n\n",
		"Mapping for file x (2097152 bytes in size):\n",
		OK,                                                /* short */
		OK "[1048577:1048576] --> [NOMP -- :(0 --> 1)]\n", /* gap */
		OK "[1048575:1048577] --> [NOMP -- :(0 --> 1)]\n", /* overlap */
		OK "[0:1048576] --> [NOMP -- :(0 --> 1)]\n",       /* again */
		"[1048576:1048576] --> [NOMP -- :(0 --> 1)]\n" OK, /* order */
		OK "[1048576:1048576] --> [VMFS -D LVID:a:(0 --> 1)]\n",
		OK "[1048576:1048576] --> [VMFS -- :(0 --> 1)]\n",
		OK "[1048576:1048576] --> [nomp -- :(0 --> 1)]\n",
		OK "[1048576:1048576] --> [NOMP -- :(0 --> 1)\n",
		OK "[1048576:1048576] -> [NOMP -- :(0 --> 1)]\n",
		OK "[1048576:0] --> [NOMP -- :(0 --> 1)]\n",
		OK "[1048576:-1] --> [NOMP -- :(0 --> 1)]\n",
		OK "[1048576:99999999999999999999] --> [NOMP -- :()]\n",
		OK "[1048576:9223372036854775808] --> [NOMP -- :()]\n",
		OK "[0x100000:1048576] --> [NOMP -- :(0 --> 1)]\n",
		OK "[1048576 :1048576] --> [NOMP -- :(0 --> 1)]\n",
		OK "[:1048576] --> [NOMP -- :(0 --> 1)]\n",
		OK "Mapping for file x (2097152 bytes in size):\n"
		   "[1048576:1048576] --> [NOMP -- :(0 --> 1)]\n",
		OK "garbage\n[1048576:1048576] --> [NOMP -- :(0 --> 1)]\n",
		"Failed to lock the file (16392).\n",
		OK "[1048576:1048576] --> [NOMP -- :(0 --> 1)]\n"
		   "[2097152:4096] --> [????]\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct extents x = {0};
		struct err e = {0};

		if (blockmap_parse(bad[i], 2 * MIB, &x, &e) == 0)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(e.code, ERR_ESXI_COMMAND);
		assert_null(x.e);
	}
}

static void whole(const struct extents *x, uint64_t size)
{
	uint64_t at = 0;

	for (size_t i = 0; i < x->n; i++) {
		assert_int_equal(x->e[i].offset, at);
		assert_true(x->e[i].length > 0);
		at += x->e[i].length;
	}
	assert_int_equal(at, size);
}

/* Damaged at random: refused, or still a whole list of the right size. */
static void survives_damage(void **state)
{
	unsigned taken = 0;

	(void)state;
	srandom(2);
	for (int round = 0; round < 20000; round++) {
		_free_ char *text = xstrdup(good);
		_extents_ struct extents x = {0};
		size_t len = strlen(text);

		for (long n = 1 + random() % 3; n; n--) {
			size_t at = random() % len;

			switch (random() % 3) {
			case 0:
				text[at] = (char)(1 + random() % 255);
				break;
			case 1:
				text[at] = '\0';
				break;
			default:
				text[at] = "0123456789 :[]\n-"[random() % 16];
			}
		}
		if (blockmap_parse(text, 12 * MIB, &x, NULL))
			continue;
		taken++;
		whole(&x, 12 * MIB);
	}
	/* Damage in the parts that say nothing about the disk. */
	assert_in_range(taken, 1, 19999);
}

static void extents_find_and_align(void **state)
{
	_extents_ struct extents x = {0}, a = {0};

	(void)state;
	extents_add(&x, 100, true);
	extents_add(&x, 65536, false);
	extents_add(&x, 10, true);
	extents_add(&x, 20, true);
	extents_add(&x, 200000, false);
	extents_add(&x, 1, true);
	assert_int_equal(x.n, 5);
	assert_int_equal(extents_find(&x, 0), 0);
	assert_int_equal(extents_find(&x, 99), 0);
	assert_int_equal(extents_find(&x, 100), 1);
	assert_int_equal(extents_find(&x, 265666), 4);
	assert_int_equal(extents_find(&x, 265667), 5);
	assert_true(extents_zero(&x, 100, 65536));
	assert_false(extents_zero(&x, 100, 65537));
	assert_false(extents_zero(&x, 99, 2));
	assert_false(extents_zero(&x, 265667, 1));
	extents_align(&x, 65536, &a);
	whole(&a, 265667);
	assert_int_equal(a.n, 3);
	assert_int_equal(a.e[0].length, 131072);
	assert_int_equal(a.e[1].length, 131072);
	assert_true(a.e[2].data);
	extents_free(&a);
	extents_free(&x);
	extents_add(&x, 5, false);
	extents_align(&x, 65536, &a);
	whole(&a, 5);
	assert_int_equal(extents_data(&a), 0);
}

/* Every sample lies in a hole, and a map that calls the second half of one
 * of its runs a hole is always met. */
static void samples_meet_the_edges(void **state)
{
	struct extent s[SAMPLES_MAX];

	(void)state;
	srandom(5);
	for (int round = 0; round < 200; round++) {
		_extents_ struct extents x = {0};
		size_t runs = random() % 260, n, edges = 0;
		uint64_t first = 0;

		for (size_t i = 0; i < runs; i++)
			extents_add(&x, 512 * (1 + random() % 9999), i % 2);
		n = samples_pick(&x, s);
		assert_in_range(n, runs ? 1 : 0, SAMPLES_MAX);
		for (size_t i = 0; i < n; i++) {
			assert_in_range(s[i].length, 1, SAMPLE_LEN);
			assert_true(extents_zero(&x, s[i].offset, s[i].length));
		}
		for (size_t i = 0; i < x.n; i++) {
			if (x.e[i].data)
				continue;
			for (size_t k = 0; k < n; k++)
				first += s[k].offset == x.e[i].offset;
			edges += first > 0;
			first = 0;
		}
		assert_true(edges >= (x.n / 2 < 128 ? x.n / 2 : 128));
	}
}

/* A lie of a whole GiB in the middle of a hole is met by the spread. */
static void samples_meet_the_middle(void **state)
{
	_extents_ struct extents x = {0};
	struct extent s[SAMPLES_MAX];
	size_t n, met = 0;

	(void)state;
	extents_add(&x, MIB, true);
	extents_add(&x, 64 * 1024 * MIB, false);
	n = samples_pick(&x, s);
	for (size_t i = 0; i < n; i++)
		met += s[i].offset >= 20 * 1024 * MIB &&
			s[i].offset < 21 * 1024 * MIB;
	assert_in_range(met, 1, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_the_three_kinds),
		cmocka_unit_test(takes_crlf_and_no_headline),
		cmocka_unit_test(cuts_what_lies_behind),
		cmocka_unit_test(refuses),
		cmocka_unit_test(survives_damage),
		cmocka_unit_test(extents_find_and_align),
		cmocka_unit_test(samples_meet_the_edges),
		cmocka_unit_test(samples_meet_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
