/* The choice of road and connections: the faster road goes on, every byte is
 * asked for once, and a road that fails or breaks is not the copy's end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "copy_bench.h"

#define SIZE (160 * MIB)
#define MEDIUM (220 * MIB)
#define LARGE (400 * MIB)
#define PIECE (256 * KIB)
#define BLOCK (64 * KIB) /* that is counted */

/* A road that is as fast as told: each connection, and all together. */
struct way {
	double one, all; /* bytes a second, */
	uint64_t drops;  /* until so many came; 0: always. Then */
	double late;     /* so many in all */
	uint64_t breaks; /* fails for ever after so many bytes; 0: never */
	enum err_code code;
	uint64_t got;
	double next; /* when what was booked is through */
	double used; /* last time */
	unsigned opens;
};

struct line {
	struct way *way;
	double next, used;
};

static struct way ways[3]; /* the third: compressed by the host */
static unsigned char asked[LARGE / BLOCK];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int identity(struct disk_in *in, json_t **out, struct err *e)
{
	(void)in, (void)e;
	*out = json_object();
	return 0;
}

static int extents(
	struct disk_in *in, struct extents *out, char **why, struct err *e)
{
	(void)why, (void)e;
	extents_add(out, in->size, true);
	return 0;
}

static int reader_open(
	struct disk_in *in, unsigned road, void **out, struct err *e)
{
	struct way *w = &ways[road];
	bool broken;

	(void)in;
	pthread_mutex_lock(&lock);
	w->opens++;
	broken = w->breaks && w->got >= w->breaks;
	pthread_mutex_unlock(&lock);
	if (broken)
		return err_set(e, w->code, "broken");
	*out = xcalloc(1, sizeof(struct line));
	((struct line *)*out)->way = w;
	return 0;
}

/* What a busy machine made late is made up for, whatever it was; only a rest
 * is not. */
static void book_time(double *next, double *used, double now, double takes)
{
	if (now - *used > 0.5)
		*next = now;
	*next += takes;
	*used = *next > now ? *next : now;
}

/* When the next n bytes of this road may be there; -1: it broke. */
static double book(struct line *l, uint64_t at, size_t n)
{
	struct way *w = l->way;
	double now = now_mono(), due;
	bool late;

	pthread_mutex_lock(&lock);
	late = w->drops && w->got >= w->drops;
	book_time(&w->next, &w->used, now, n / (late ? w->late : w->all));
	book_time(&l->next, &l->used, now, n / (late ? w->late : w->one));
	due = l->next > w->next ? l->next : w->next;
	if (w->breaks && w->got >= w->breaks)
		due = -1;
	else
		for (size_t i = 0; i < n / BLOCK; i++)
			asked[at / BLOCK + i]++;
	w->got += n;
	pthread_mutex_unlock(&lock);
	return due;
}

static int read_list(void *reader, const struct extent *x, size_t n,
	source_got *got, void *arg, struct err *e)
{
	static const unsigned char bytes[PIECE] = {1, 2, 3};
	struct line *l = reader;

	for (size_t i = 0; i < n; i++) {
		uint64_t at = x[i].offset, left = x[i].length;

		while (left) {
			size_t part = left < PIECE ? left : PIECE;
			double due = book(l, at, part);

			if (due < 0)
				return err_set(e, l->way->code, "broken");
			while (due > now_mono())
				usleep(200);
			if (got(arg, bytes, part, e))
				return -1;
			at += part;
			left -= part;
		}
	}
	return 0;
}

static void reader_close(void *reader)
{
	free(reader);
}

static void close_in(struct disk_in *in)
{
	(void)in;
}

static const struct source two_roads = {
	.name = "two",
	.identity = identity,
	.extents = extents,
	.reader_open = reader_open,
	.read = read_list,
	.reader_close = reader_close,
	.close = close_in,
	.readers = 4,
};

/* --- a target that takes all --- */

static struct {
	sink_done *done;
	void *arg;
} queue[4096];
static unsigned queued;

static int put(sink_done *done, void *arg)
{
	if (queued == ARRAY_LEN(queue))
		abort();
	queue[queued].done = done;
	queue[queued++].arg = arg;
	return 0;
}

static int do_write(void *priv, const void *buf, size_t len, uint64_t off,
	sink_done *done, void *arg, struct err *e)
{
	(void)priv, (void)buf, (void)len, (void)off, (void)e;
	return put(done, arg);
}

static int do_zero(void *priv, uint64_t len, uint64_t off, sink_done *done,
	void *arg, struct err *e)
{
	(void)priv, (void)len, (void)off, (void)e;
	return put(done, arg);
}

static int do_flush(void *priv, sink_done *done, void *arg, struct err *e)
{
	(void)priv, (void)e;
	return put(done, arg);
}

static int do_wait(void *priv, int wake_fd, int ms, struct err *e)
{
	(void)priv, (void)wake_fd, (void)ms, (void)e;
	if (!queued)
		usleep(500);
	while (queued) {
		queued--;
		queue[queued].done(queue[queued].arg, 0);
	}
	return 0;
}

static int do_close(void *priv, struct err *e)
{
	(void)priv, (void)e;
	return 0;
}

static const struct sink_ops takes_all = {
	.write = do_write,
	.zero = do_zero,
	.flush = do_flush,
	.wait = do_wait,
	.close = do_close,
};

static int on_mark(void *ctx, const struct copy_mark *m, struct err *e)
{
	(void)ctx, (void)m, (void)e;
	return 0;
}

/* --- what it tells --- */

static struct {
	unsigned again; /* trials after the first */
	char road[16], why[256];
	unsigned connections;
} told;

static void on_note(void *ctx, const char *line)
{
	(void)ctx;
	told.again += strstr(line, "are tried again") != NULL;
}

static void on_progress(void *ctx, const struct copy_progress *p)
{
	(void)ctx;
	snprintf(told.road, sizeof(told.road), "%s", p->road);
	snprintf(told.why, sizeof(told.why), "%s", p->why);
	told.connections = p->connections;
}

/* --- tests --- */

static uint64_t size;
static double try_again; /* as of struct copy_job */

static void copy_by(
	struct way slow, struct way fast, unsigned n, struct copy_result *res)
{
	struct disk_in in = {.kind = &two_roads,
		.size = size,
		.roads = {"slow", "fast", "packed"},
		.n_roads = ways[2].all > 0 ? 3 : 2,
		.n_try = n,
		.packed = ways[2].all > 0 ? 2 : 0};
	struct disk_out out = {.ops = &takes_all, .size = size, .block = 1};
	const struct copy_job job = {.in = &in,
		.out = &out,
		.range = 1 << 20,
		.target_zeroed = true,
		.read_all = true,
		.patience = 1,
		.try_again = try_again,
		.mark = on_mark,
		.note = on_note,
		.progress = on_progress};
	struct err e = {0};

	ways[0] = slow;
	ways[1] = fast;
	memset(asked, 0, sizeof(asked));
	memset(&told, 0, sizeof(told));
	if (copy_run(&job, res, &e))
		fail_msg("%s: %s", err_id(e.code), e.why);
	assert_int_equal(res->read, size);
}

static void all_once(unsigned most)
{
	for (size_t i = 0; i < size / BLOCK; i++)
		assert_in_range(asked[i], 1, most);
}

static void the_faster_goes_on(void **state)
{
	_copy_result_ struct copy_result res = {0};

	(void)state;
	size = SIZE;
	copy_by((struct way){.one = 20e6, .all = 20e6},
		(struct way){.one = 40e6, .all = 70e6}, 2, &res);
	all_once(1);
	assert_string_equal(res.road, "fast");
	assert_in_range(res.readers, 2, 4);
	assert_non_null(strstr(res.road_why, "slow"));
	assert_true(res.roads[0].bytes > 0);
	assert_true(res.roads[1].bytes > 2 * res.roads[0].bytes);
	assert_int_equal(res.roads[0].bytes + res.roads[1].bytes, SIZE);
}

static void more_connections_only_where_they_help(void **state)
{
	_copy_result_ struct copy_result res = {0};

	(void)state;
	size = SIZE;
	copy_by((struct way){.one = 500e6, .all = 60e6}, (struct way){0}, 1,
		&res);
	all_once(1);
	assert_int_equal(res.readers, 1);
	assert_int_equal(ways[1].opens, 0);
}

static void a_road_that_does_not_open(void **state)
{
	_copy_result_ struct copy_result res = {0};

	(void)state;
	size = SIZE;
	copy_by((struct way){.breaks = 1, .got = 1, .code = ERR_HTTPS_AUTH},
		(struct way){.one = 100e6, .all = 200e6}, 2, &res);
	all_once(1);
	assert_string_equal(res.road, "fast");
	assert_int_equal(ways[0].opens, 1);
}

/* The spare takes over where the only good one breaks for ever. */
static void a_road_that_breaks(void **state)
{
	_copy_result_ struct copy_result res = {0};

	(void)state;
	size = SIZE;
	copy_by((struct way){.one = 100e6,
			.all = 200e6,
			.breaks = 50 * MIB,
			.code = ERR_SSH_LOST},
		(struct way){.one = 100e6, .all = 200e6}, 1, &res);
	all_once(2); /* half a piece is asked for again */
	assert_true(res.roads[1].bytes >= SIZE - 60 * MIB);
	assert_true(res.retries >= 1);
}

/* The best road falls behind the other: that is found out, and said. */
static void a_road_that_slows_down(void **state)
{
	_copy_result_ struct copy_result res = {0};

	(void)state;
	size = LARGE;
	try_again = 1.2;
	copy_by((struct way){.one = 60e6, .all = 70e6},
		(struct way){.one = 120e6,
			.all = 130e6,
			.drops = 120 * MIB,
			.late = 20e6},
		2, &res);
	try_again = 0;
	all_once(1);
	assert_true(told.again >= 1);
	assert_string_equal(told.road, "slow");
	assert_true(told.connections >= 1);
	assert_non_null(strstr(res.road_why, "tried again at"));
	assert_string_equal(res.road_why, told.why);
	assert_true(res.roads[0].bytes > res.roads[1].bytes);
}

/* The link itself is slower now: nothing better is to be had, and what is
 * measured then is what the next look compares with. */
static void a_link_that_slows_down(void **state)
{
	_copy_result_ struct copy_result res = {0};

	(void)state;
	size = SIZE;
	try_again = 1.2;
	copy_by((struct way){.one = 60e6,
			.all = 60e6,
			.drops = 100 * MIB,
			.late = 20e6},
		(struct way){0}, 1, &res);
	try_again = 0;
	all_once(1);
	assert_true(told.again >= 1);
	assert_string_equal(told.road, "slow");
	assert_non_null(strstr(res.road_why, "tried again at"));
	assert_int_equal(res.retries, 0);
}

/* Over a link that all connections share. */
static void copy_packed(struct way packed, double link, struct copy_result *res)
{
	size = link < 30e6 ? MEDIUM : SIZE;
	ways[2] = packed;
	copy_by((struct way){.one = link, .all = link},
		(struct way){.one = link, .all = link}, 2, res);
	all_once(1);
	packed = ways[2];
	ways[2] = (struct way){0};
	if (packed.breaks)
		assert_true(packed.opens > 0);
	else
		assert_int_equal(packed.opens > 0, link < 30e6);
}

static void the_host_compresses_where_it_pays(void **state)
{
	_copy_result_ struct copy_result res = {0};

	(void)state;
	copy_packed((struct way){.one = 20e6, .all = 80e6}, 22e6, &res);
	assert_string_equal(told.road, "packed");
	assert_in_range(told.connections, 2, 4);
	assert_true(res.roads[2].bytes > 0);
	assert_non_null(strstr(res.road_why, "compressed by the host, "));
}

static void and_not_where_it_does_not(void **state)
{
	_copy_result_ struct copy_result res = {0};

	(void)state;
	copy_packed((struct way){.one = 11e6, .all = 20e6}, 22e6, &res);
	assert_string_not_equal(told.road, "packed");
	assert_non_null(strstr(res.road_why, "compressed by the host, "));
}

static void nor_on_a_fast_link(void **state)
{
	_copy_result_ struct copy_result res = {0};

	(void)state;
	copy_packed((struct way){.one = 20e6, .all = 200e6}, 90e6, &res);
	assert_int_equal(res.roads[2].bytes, 0);
	assert_null(strstr(res.road_why, "compressed"));
}

/* Its trial is given up, and the copy goes on as it was. */
static void a_compression_that_fails(void **state)
{
	_copy_result_ struct copy_result res = {0};

	(void)state;
	copy_packed((struct way){.one = 20e6,
			    .all = 80e6,
			    .breaks = 1,
			    .got = 1,
			    .code = ERR_SOURCE_READ},
		22e6, &res);
	assert_string_not_equal(told.road, "packed");
	assert_int_equal(res.roads[2].bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_faster_goes_on),
		cmocka_unit_test(more_connections_only_where_they_help),
		cmocka_unit_test(a_road_that_does_not_open),
		cmocka_unit_test(a_road_that_breaks),
		cmocka_unit_test(a_road_that_slows_down),
		cmocka_unit_test(a_link_that_slows_down),
		cmocka_unit_test(the_host_compresses_where_it_pays),
		cmocka_unit_test(and_not_where_it_does_not),
		cmocka_unit_test(nor_on_a_fast_link),
		cmocka_unit_test(a_compression_that_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
