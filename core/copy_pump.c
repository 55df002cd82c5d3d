/* The queue, the buffers and the list of ranges to read: see copy_pump.h. */
#include "copy_pump.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "i18n.h"
#include "str.h"

/* A reader takes so many ranges at once, fewer near the end, so that all
 * readers end at about the same time. */
#define BUSY_SAME 1.0 /* s in which several readers meet one busy host */

int pump_init(struct pump *p, const struct copy_job *job, unsigned readers,
	struct err *e)
{
	unsigned buffers = (readers > 4 ? 2 : 3) * readers + 4;

	p->job = job;
	p->readers = readers;
	p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->wake < 0)
		return err_sys(e, ERR_IO, "cannot make an eventfd");
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->room, NULL);
	pthread_cond_init(&p->turn, NULL);
	p->most = readers;
	p->take_max = 1;
	for (unsigned i = 0; i < readers; i++)
		p->seat[i].want = p->seat[i].road = SEAT_REST;
	for (size_t i = 0; i < p->n; i++)
		p->left += p->wanted[i];
	while (buffers--) {
		struct piece *piece = xcalloc(1, sizeof(*piece));

		piece->buf = xaligned(COPY_PIECE);
		piece->pump = p;
		piece->next = p->free;
		p->free = piece;
	}
	return 0;
}

static void free_pieces(struct piece *list)
{
	while (list) {
		struct piece *next = list->next;

		free(list->buf);
		free(list);
		list = next;
	}
}

void pump_free(struct pump *p)
{
	free_pieces(p->free);
	free_pieces(p->head);
	while (p->works)
		pump_work_done(p, p->works);
	buf_free(&p->notes);
	close(p->wake);
	pthread_cond_destroy(&p->room);
	pthread_cond_destroy(&p->turn);
	pthread_mutex_destroy(&p->lock);
}

struct piece *pump_buffer(struct pump *p)
{
	struct piece *piece = NULL;
	double from;

	pthread_mutex_lock(&p->lock);
	if (!p->free) {
		from = now_mono();
		while (!p->free && !p->ended)
			pthread_cond_wait(&p->room, &p->lock);
		p->starved += now_mono() - from;
	}
	if (!p->ended) {
		piece = p->free;
		p->free = piece->next;
	}
	pthread_mutex_unlock(&p->lock);
	if (piece) {
		piece->next = NULL;
		piece->len = 0;
		piece->last = false;
	}
	return piece;
}

struct piece *pump_hole(struct pump *p)
{
	struct piece *piece = xcalloc(1, sizeof(*piece));

	piece->pump = p;
	return piece;
}

struct work *pump_work(struct pump *p, size_t index)
{
	struct work *w = xcalloc(1, sizeof(*w));

	w->index = index;
	pthread_mutex_lock(&p->lock);
	w->next = p->works;
	p->works = w;
	pthread_mutex_unlock(&p->lock);
	return w;
}

void pump_wake(struct pump *p)
{
	uint64_t one = 1;

	/* Full means: it is awake already. */
	(void)!write(p->wake, &one, sizeof(one));
}

void pump_put(struct pump *p, struct piece *piece)
{
	pthread_mutex_lock(&p->lock);
	if (p->head)
		p->tail->next = piece;
	else
		p->head = piece;
	p->tail = piece;
	if (piece->buf) {
		p->read += piece->len;
		p->at = piece->off;
	}
	pthread_mutex_unlock(&p->lock);
	pump_wake(p);
}

bool pump_leave(struct pump *p, unsigned seat)
{
	bool leave;

	pthread_mutex_lock(&p->lock);
	leave = p->settled && p->seat[seat].want == SEAT_REST &&
		!p->seat[seat].taking;
	pthread_mutex_unlock(&p->lock);
	return leave;
}

static unsigned at_work(const struct pump *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->readers; i++)
		n += p->seat[i].want != SEAT_REST;
	return n ? n : 1;
}

static void take(struct pump *p, size_t *first, size_t *end)
{
	size_t n = p->left / (2 * at_work(p)), i;

	n = n < 1 ? 1 : n > p->take_max ? p->take_max : n;
	while (p->cursor < p->n && !p->wanted[p->cursor])
		p->cursor++;
	*first = p->cursor;
	for (i = *first; i < p->n && n; i++) {
		n -= p->wanted[i];
		p->left -= p->wanted[i];
	}
	p->cursor = *end = i;
}

bool pump_next(struct pump *p, unsigned seat, size_t *first, size_t *end)
{
	struct seat *s = &p->seat[seat];
	bool any;

	pthread_mutex_lock(&p->lock);
	s->taking = false;
	/* One that is told to settle comes back without ranges. */
	while (!p->ended && p->left && s->want == SEAT_REST &&
		!(p->settled && s->road != SEAT_REST))
		pthread_cond_wait(&p->turn, &p->lock);
	any = !p->ended && p->left;
	*first = *end = 0;
	if (any && s->want == SEAT_REST) {
		s->road = SEAT_REST;
	} else if (any) {
		take(p, first, end);
		s->taking = true;
		if (!p->left)
			pthread_cond_broadcast(&p->turn);
	}
	pthread_mutex_unlock(&p->lock);
	return any;
}

int pump_road(struct pump *p, unsigned seat)
{
	int road;

	pthread_mutex_lock(&p->lock);
	road = p->seat[seat].want;
	/* Sent to rest with ranges in hand: by what it had, or any. */
	if (road == SEAT_REST)
		road = p->seat[seat].road;
	for (int i = 0; (road == SEAT_REST || p->bad[road]) &&
		i < (int)p->job->in->n_roads;
		i++)
		road = i;
	pthread_mutex_unlock(&p->lock);
	return road;
}

static double book(struct pump *p, size_t n)
{
	double now = now_mono();
	double start = p->next_read > now ? p->next_read : now;

	if (p->job->share)
		return copy_share_book(p->job->share, n);
	if (!p->job->limit)
		return 0;
	p->next_read = start + (double)n / p->job->limit;
	return start;
}

int pump_came(struct pump *p, unsigned seat, int road, size_t n)
{
	double start;

	pthread_mutex_lock(&p->lock);
	p->seat[seat].got += n;
	p->seat[seat].road = road;
	p->got[road] += n;
	start = book(p, n);
	pthread_mutex_unlock(&p->lock);
	while (!pump_ended(p)) {
		double wait = start - now_mono();

		if (wait <= 0)
			return 0;
		usleep(wait > 0.1 ? 100000 : wait * 1e6);
	}
	return -1;
}

void pump_latency(struct pump *p, double seconds)
{
	unsigned i = 0;

	while (i + 1 < COPY_LATENCIES && seconds * 1000 >= 1U << i)
		i++;
	pthread_mutex_lock(&p->lock);
	p->latency[i]++;
	pthread_mutex_unlock(&p->lock);
}

/* A road that is not this one and not given up; -1. */
static int other(const struct pump *p, int road)
{
	for (int i = 0; i < (int)p->job->in->n_roads; i++)
		if (i != road && !p->bad[i])
			return i;
	return -1;
}

bool pump_others(struct pump *p, int road)
{
	bool any;

	pthread_mutex_lock(&p->lock);
	any = other(p, road) >= 0;
	pthread_mutex_unlock(&p->lock);
	return any;
}

bool pump_drop(struct pump *p, int road, bool for_good, const struct err *why)
{
	const char *const *names = p->job->in->roads;
	int to;

	pthread_mutex_lock(&p->lock);
	to = other(p, road);
	if (to >= 0 && !p->bad[road] && (for_good || !p->got[road])) {
		p->bad[road] = true;
		p->retries++;
		buf_addf(&p->notes,
			N_("%s is given up: %.150s; goes on by %s\n"),
			names[road], why->why, names[to]);
		for (unsigned i = 0; i < p->readers; i++)
			if (p->seat[i].want == road)
				p->seat[i].want = to;
	}
	to = p->bad[road] ? to : -1;
	pthread_mutex_unlock(&p->lock);
	return to >= 0;
}

void pump_busy(struct pump *p, double seconds)
{
	double now = now_mono();

	pthread_mutex_lock(&p->lock);
	if (p->quiet < now + seconds)
		p->quiet = now + seconds;
	/* The writer's thread sends the others to rest. */
	if (now - p->busy_at > BUSY_SAME) {
		unsigned n = at_work(p) / 2;

		p->most = n ? n : 1;
		p->busy_at = now;
	}
	pthread_mutex_unlock(&p->lock);
}

void pump_quiet(struct pump *p)
{
	for (;;) {
		double wait;

		pthread_mutex_lock(&p->lock);
		wait = p->ended ? 0 : p->quiet - now_mono();
		pthread_mutex_unlock(&p->lock);
		if (wait <= 0)
			return;
		usleep(wait > 0.02 ? 20000 : wait * 1e6);
	}
}

bool pump_ended(struct pump *p)
{
	bool ended;

	pthread_mutex_lock(&p->lock);
	ended = p->ended;
	pthread_mutex_unlock(&p->lock);
	return ended;
}

struct piece *pump_take(struct pump *p)
{
	struct piece *list;
	uint64_t n;

	(void)!read(p->wake, &n, sizeof(n));
	pthread_mutex_lock(&p->lock);
	list = p->head;
	p->head = p->tail = NULL;
	pthread_mutex_unlock(&p->lock);
	return list;
}

void pump_release(struct pump *p, struct piece *piece)
{
	if (!piece->buf) {
		free(piece);
		return;
	}
	pthread_mutex_lock(&p->lock);
	piece->next = p->free;
	p->free = piece;
	pthread_cond_signal(&p->room);
	pthread_mutex_unlock(&p->lock);
}

void pump_work_done(struct pump *p, struct work *w)
{
	pthread_mutex_lock(&p->lock);
	for (struct work **q = &p->works; *q; q = &(*q)->next) {
		if (*q != w)
			continue;
		*q = w->next;
		break;
	}
	pthread_mutex_unlock(&p->lock);
	free(w);
}

void pump_end(struct pump *p)
{
	pthread_mutex_lock(&p->lock);
	p->ended = true;
	pthread_cond_broadcast(&p->room);
	pthread_cond_broadcast(&p->turn);
	pthread_mutex_unlock(&p->lock);
	pump_wake(p);
}
