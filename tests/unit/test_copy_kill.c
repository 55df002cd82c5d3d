/*
 * A worker that copies, killed with SIGKILL at any moment, again and again,
 * until it comes to its end: the disk is the same to the byte. Its qemu-nbd
 * dies with it. VMFERRY_KILL_ROUNDS disks (8); VMFERRY_KILL_SEED.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <poll.h>
#include <time.h>
#include <sys/wait.h>

#include "real_disk.h"

#define KILLS_MAX 12

struct paths {
	char *src, *dst, *state, *spec;
	const char *format;
};

static uint64_t setting(const char *name, uint64_t def)
{
	const char *text = getenv(name);
	uint64_t n;

	return text && str_u64(text, UINT32_MAX, &n) == 0 ? n : def;
}

/* The worker: 0 done, 1 failed. Slow enough to be met in the middle. */
static int worker(const struct paths *p)
{
	struct copy_result r = {0};
	struct real_copy c = {.source = p->src,
		.target = p->spec,
		.create = true,
		.job = {.flush_every = 0.02,
			.range = 256 << 10,
			.limit = 48 * MIB}};
	struct err e = {0};

	if (real_run(&c, p->state, &r, &e) == 0)
		return 0;
	fprintf(stderr, "%s: %s: %s\n", err_id(e.code), e.what, e.why);
	return 1;
}

/* Run it for at most ms. True: it came to its end. */
static bool run_for(const struct paths *p, int ms)
{
	double until = now_mono() + ms / 1000.0;
	pid_t pid = fork();
	int ws = 0;

	if (pid == 0)
		_exit(worker(p));
	while (ms == 0 || now_mono() < until) {
		if (waitpid(pid, &ws, WNOHANG) == pid) {
			assert_true(WIFEXITED(ws));
			assert_int_equal(WEXITSTATUS(ws), 0);
			return true;
		}
		poll(NULL, 0, 1);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &ws, 0);
	return false;
}

/* How much the marks promise, so far. */
static uint64_t marked(const struct paths *p)
{
	_copy_state_ struct copy_state *s = NULL;
	struct err e = {0};

	must(copy_state_open(p->state, p->src, p->spec, &s, &e), &e);
	return s->map ? copy_map_done(s->map) : 0;
}

static void compare(const struct paths *p)
{
	_copy_state_ struct copy_state *s = NULL;
	struct err e = {0};

	real_same(p->src, p->format, p->dst);
	must(copy_state_open(p->state, p->src, p->spec, &s, &e), &e);
	assert_true(s->map && copy_map_complete(s->map));
	must(real_verify(p->spec, s->map, &e), &e);
}

static void round_of(const struct paths *p, int *kills, int *resumed)
{
	uint64_t before = 0;

	real_raw(p->src, 512 * (40000 + random() % 50000));
	unlink(p->dst);
	unlink(p->state);
	if (random() % 2 == 0 && strcmp(p->format, "raw") == 0)
		real_rubbish(p->dst, 48 * MIB);
	for (int k = 0; k < KILLS_MAX; k++) {
		if (run_for(p, 1 + random() % 300))
			break;
		(*kills)++;
		*resumed += marked(p) > before;
		before = marked(p);
	}
	assert_true(run_for(p, 0)); /* also where it had come to its end */
	compare(p);
}

static void any_moment(void **state)
{
	uint64_t rounds = setting("VMFERRY_KILL_ROUNDS", 8);
	uint64_t seed = setting("VMFERRY_KILL_SEED", time(NULL));
	int kills = 0, resumed = 0;

	(void)state;
	real_need();
	fprintf(stderr, "VMFERRY_KILL_SEED=%llu\n", (unsigned long long)seed);
	srandom(seed);
	for (uint64_t i = 0; i < rounds; i++) {
		bool qcow2 = i % 2;
		struct paths p = {
			.src = real_path("src.raw"),
			.dst = real_path("dst"),
			.state = real_path("state"),
			.spec = real_spec(qcow2 ? "qcow2:" : "raw:", "dst"),
			.format = qcow2 ? "qcow2" : "raw",
		};

		round_of(&p, &kills, &resumed);
		free(p.src);
		free(p.dst);
		free(p.state);
		free(p.spec);
	}
	fprintf(stderr, "%d kills, %d of them with new marks\n", kills,
		resumed);
	assert_true(kills > 0 && resumed > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_moment),
	};

	return cmocka_run_group_tests(tests, real_setup, real_teardown);
}
