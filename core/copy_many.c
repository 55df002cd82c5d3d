/* Several copies at once: see copy_many.h. */
#include "copy_many.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "stop.h"
#include "str.h"

struct copy_share {
	pthread_mutex_t entered; /* by one task */
	pthread_mutex_t lock;    /* of all below */
	uint64_t limit;
	double next_read; /* when the limit allows more */
	bool stopped;
};

struct worker {
	struct many *m;
	const struct copy_task *task;
	pthread_t thread;
	enum { WAITS, RUNS, ENDED, JOINED } state;
};

struct many {
	struct copy_share share;
	struct worker *worker;
	size_t n;
	unsigned running;
	pthread_cond_t end; /* with share.lock: a worker ended */
	struct err err;     /* the first */
};

void copy_share_enter(struct copy_share *s)
{
	pthread_mutex_lock(&s->entered);
}

void copy_share_leave(struct copy_share *s)
{
	pthread_mutex_unlock(&s->entered);
}

double copy_share_book(struct copy_share *s, uint64_t n)
{
	double now = now_mono(), start = now;

	if (!s || !s->limit)
		return now;
	pthread_mutex_lock(&s->lock);
	if (s->next_read > now)
		start = s->next_read;
	s->next_read = start + (double)n / s->limit;
	pthread_mutex_unlock(&s->lock);
	return start;
}

int copy_share_stopped(struct copy_share *s, struct err *e)
{
	bool stopped = false;

	if (s) {
		pthread_mutex_lock(&s->lock);
		stopped = s->stopped;
		pthread_mutex_unlock(&s->lock);
	}
	return stopped ? err_set(e, ERR_STOPPED, "another disk failed") : 0;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct many *m = w->m;
	struct err e = {0};
	int rc = w->task->run(w->task->ctx, &m->share, &e);

	pthread_mutex_lock(&m->share.lock);
	if (rc && !m->err.code)
		m->err = e;
	m->share.stopped |= rc != 0;
	w->state = ENDED;
	m->running--;
	pthread_cond_signal(&m->end);
	pthread_mutex_unlock(&m->share.lock);
	return NULL;
}

/* The caller of the rest holds the lock. */

static bool group_runs(const struct many *m, const char *group)
{
	for (size_t i = 0; group && i < m->n; i++)
		if (m->worker[i].state == RUNS && m->worker[i].task->group &&
			strcmp(m->worker[i].task->group, group) == 0)
			return true;
	return false;
}

static struct worker *next_worker(const struct many *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->worker[i].state == WAITS &&
			!group_runs(m, m->worker[i].task->group))
			return &m->worker[i];
	return NULL;
}

static void start(struct many *m, struct worker *w)
{
	sigset_t every, before;
	int n;

	/* Signals are for the thread that waits for all. */
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before);
	n = pthread_create(&w->thread, NULL, work, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (n == 0) {
		w->state = RUNS;
		m->running++;
		return;
	}
	w->state = JOINED;
	m->share.stopped = true;
	errno = n;
	if (!m->err.code)
		err_sys(&m->err, ERR_IO, "cannot start a thread");
}

static void run_all(struct many *m, unsigned at_once)
{
	struct worker *w;

	for (;;) {
		while (m->running < at_once && !m->share.stopped &&
			(w = next_worker(m)))
			start(m, w);
		if (!m->running)
			return;
		pthread_cond_wait(&m->end, &m->share.lock);
	}
}

int copy_many(const struct copy_task *t, size_t n, unsigned at_once,
	uint64_t limit, struct err *e)
{
	_free_ struct worker *worker = xcalloc(n ? n : 1, sizeof(*worker));
	struct many m = {.share.limit = limit, .worker = worker, .n = n};

	pthread_mutex_init(&m.share.entered, NULL);
	pthread_mutex_init(&m.share.lock, NULL);
	pthread_cond_init(&m.end, NULL);
	for (size_t i = 0; i < n; i++)
		worker[i] = (struct worker){.m = &m, .task = &t[i]};
	pthread_mutex_lock(&m.share.lock);
	run_all(&m, at_once ? at_once : 1);
	pthread_mutex_unlock(&m.share.lock);
	for (size_t i = 0; i < n; i++)
		if (worker[i].state == ENDED)
			pthread_join(worker[i].thread, NULL);
	pthread_cond_destroy(&m.end);
	pthread_mutex_destroy(&m.share.lock);
	pthread_mutex_destroy(&m.share.entered);
	if (m.err.code && e)
		*e = m.err;
	return m.err.code ? -1 : 0;
}
