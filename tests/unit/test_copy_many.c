/* Several copies at once: order, groups, the first error, one limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "copy_bench.h"

/* --- the threads alone --- */

struct probe {
	pthread_mutex_t lock;
	unsigned running, most, began, groups[4];
	bool together; /* two of one group ran at once */
	unsigned inside;
	bool nested; /* two were between enter and leave */
};

struct one {
	struct probe *p;
	unsigned group; /* 0: none */
	bool fails, waits;
};

static void look(struct probe *p, unsigned group, int more)
{
	pthread_mutex_lock(&p->lock);
	p->running += more;
	p->began += more > 0;
	if (p->running > p->most)
		p->most = p->running;
	p->groups[group] += more;
	p->together |= group && p->groups[group] > 1;
	pthread_mutex_unlock(&p->lock);
}

static void inside(struct probe *p, struct copy_share *s)
{
	copy_share_enter(s);
	p->nested |= p->inside++ != 0;
	usleep(300);
	p->inside--;
	copy_share_leave(s);
}

static int run_one(void *ctx, struct copy_share *s, struct err *e)
{
	struct one *o = ctx;
	struct err why = {0};
	double until = now_mono() + 30;
	int rc = 0;

	look(o->p, o->group, 1);
	for (int i = 0; i < 5; i++)
		inside(o->p, s);
	/* One that goes on until another fails. */
	while (o->waits && rc == 0 && now_mono() < until) {
		rc = copy_share_stopped(s, &why);
		usleep(500);
	}
	look(o->p, o->group, -1);
	if (o->fails)
		return err_set(e, ERR_NO_SPACE, "full");
	return rc ? err_set(e, why.code, "%s", why.why) : 0;
}

static void keeps_groups_apart(void **state)
{
	static const char *const names[] = {NULL, "a", "b", "c"};

	(void)state;
	for (unsigned at_once = 1; at_once < 5; at_once++) {
		struct probe p = {.lock = PTHREAD_MUTEX_INITIALIZER};
		struct one o[12];
		struct copy_task t[12];
		struct err e = {0};

		for (unsigned i = 0; i < ARRAY_LEN(o); i++) {
			o[i] = (struct one){.p = &p, .group = i % 4};
			t[i] = (struct copy_task){run_one, &o[i], names[i % 4]};
		}
		assert_int_equal(copy_many(t, ARRAY_LEN(t), at_once, 0, &e), 0);
		assert_int_equal(p.began, 12);
		assert_int_equal(p.running, 0);
		assert_in_range(p.most, 1, at_once);
		assert_false(p.together);
		assert_false(p.nested);
	}
}

static void the_first_error_ends_all(void **state)
{
	struct probe p = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct one o[] = {{&p, 0, false, true}, {&p, 0, true, false},
		{&p, 0, false, false}, {&p, 0, false, false}};
	struct copy_task t[ARRAY_LEN(o)];
	struct err e = {0};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(o); i++)
		t[i] = (struct copy_task){run_one, &o[i], NULL};
	assert_int_equal(copy_many(t, ARRAY_LEN(t), 2, 0, &e), -1);
	assert_int_equal(e.code, ERR_NO_SPACE);
	assert_int_equal(p.running, 0);
	assert_int_equal(p.began, 2);
}

/* --- copies --- */

struct disk {
	struct bench b;
	struct copy_result r;
};

static int copy_disk(void *ctx, struct copy_share *s, struct err *e)
{
	struct disk *d = ctx;

	d->b.job.share = s;
	return copy_run(&d->b.job, &d->r, e);
}

static void make(struct disk *d, struct copy_task *t, size_t n, uint64_t size)
{
	for (size_t i = 0; i < n; i++) {
		d[i] = (struct disk){0};
		bench_make(&d[i].b, size, size, i % 2);
		d[i].b.job.check = d[i].b.dout.direct = true;
		t[i] = (struct copy_task){copy_disk, &d[i], NULL};
	}
}

static void end(struct disk *d, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		copy_result_free(&d[i].r);
		bench_free(&d[i].b);
	}
}

static void all_are_identical(void **state)
{
	struct disk d[4];
	struct copy_task t[4];
	struct err e = {0};

	(void)state;
	srandom(71);
	make(d, t, 4, 4 * MIB + 512);
	if (copy_many(t, 4, 3, 0, &e))
		fail_msg("%s: %s", err_id(e.code), e.why);
	for (size_t i = 0; i < 4; i++)
		identical(&d[i].b);
	end(d, 4);
}

/* One full target: the others end marked, and go on later. */
static void one_fails_the_others_resume(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 20; seed++) {
		struct disk d[3];
		struct copy_task t[3];
		struct err e = {0};

		srandom(72 + seed);
		make(d, t, 3, 4 * MIB);
		for (size_t i = 0; i < 3; i++)
			d[i].b.job.read_all = true;
		/* Slow enough to be stopped on their way. */
		d[1].b.out.fail_errno = ENOSPC;
		d[1].b.out.fail_at = random() % (2 * MIB);
		d[1].b.in.data[d[1].b.out.fail_at] = 1;
		assert_int_equal(copy_many(t, 3, 3, 0, &e), -1);
		assert_int_equal(e.code, ERR_NO_SPACE);
		d[1].b.out.fail_errno = 0;
		for (size_t i = 0; i < 3; i++) {
			copy_result_free(&d[i].r);
			d[i].b.job.share = NULL;
			d[i].b.dout = fake_out_open(&d[i].b.out);
			resume(&d[i].b, &d[i].r);
			identical(&d[i].b);
		}
		end(d, 3);
	}
}

static void one_limit_for_all(void **state)
{
	struct disk d[2];
	struct copy_task t[2];
	struct err e = {0};
	double begun = now_mono();
	uint64_t bytes;

	(void)state;
	srandom(73);
	make(d, t, 2, 4 * MIB);
	for (size_t i = 0; i < 2; i++)
		d[i].b.job.read_all = true;
	assert_int_equal(copy_many(t, 2, 2, 8 * MIB, &e), 0);
	bytes = d[0].r.read + d[1].r.read;
	assert_int_equal(bytes, 8 * MIB);
	/* What the readers take before the limit is reached is little. */
	assert_true(now_mono() - begun > 0.85);
	end(d, 2);
}

static void a_stop_ends_all(void **state)
{
	struct disk d[3];
	struct copy_task t[3];
	struct err e = {0};

	(void)state;
	srandom(74);
	make(d, t, 3, 4 * MIB);
	d[2].b.keep.stop_at_mark = 2;
	assert_int_equal(copy_many(t, 3, 3, 0, &e), -1);
	assert_int_equal(e.code, ERR_STOPPED);
	stop_asked = 0;
	d[2].b.keep.stop_at_mark = 0;
	for (size_t i = 0; i < 3; i++) {
		copy_result_free(&d[i].r);
		d[i].b.job.share = NULL;
		d[i].b.dout = fake_out_open(&d[i].b.out);
		resume(&d[i].b, &d[i].r);
		identical(&d[i].b);
	}
	end(d, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_groups_apart),
		cmocka_unit_test(the_first_error_ends_all),
		cmocka_unit_test(all_are_identical),
		cmocka_unit_test(one_fails_the_others_resume),
		cmocka_unit_test(one_limit_for_all),
		cmocka_unit_test(a_stop_ends_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
