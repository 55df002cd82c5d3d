/* The queue, the buffers and the list of ranges to read: see copy_pump.h. */
#include "copy_pump.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "str.h"

/* A reader takes so many ranges at once, fewer near the end, so that all
 * readers end at about the same time. */
#define TAKE_MAX 16

int pump_init(struct pump *p, const struct copy_job *job, unsigned readers,
	struct err *e)
{
	unsigned buffers = 3 * readers + 4;

	p->job = job;
	p->readers = readers;
	p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->wake < 0)
		return err_sys(e, ERR_IO, "cannot make an eventfd");
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->room, NULL);
	for (size_t i = 0; i < p->n; i++)
		p->left += p->wanted[i];
	while (buffers--) {
		struct piece *piece = xcalloc(1, sizeof(*piece));

		piece->buf = xmalloc(COPY_PIECE);
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
	pthread_mutex_destroy(&p->lock);
}

struct piece *pump_buffer(struct pump *p)
{
	struct piece *piece = NULL;

	pthread_mutex_lock(&p->lock);
	while (!p->free && !p->ended)
		pthread_cond_wait(&p->room, &p->lock);
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

bool pump_next(struct pump *p, size_t *first, size_t *end)
{
	size_t take, i;

	pthread_mutex_lock(&p->lock);
	take = p->left / (2 * p->readers);
	take = take < 1 ? 1 : take > TAKE_MAX ? TAKE_MAX : take;
	while (p->cursor < p->n && !p->wanted[p->cursor])
		p->cursor++;
	*first = p->cursor;
	for (i = *first; i < p->n && take; i++) {
		take -= p->wanted[i];
		p->left -= p->wanted[i];
	}
	p->cursor = *end = i;
	pthread_mutex_unlock(&p->lock);
	return *first < *end;
}

int pump_limit(struct pump *p, size_t n)
{
	double now = now_mono(), start;

	if (!p->job->limit)
		return pump_ended(p) ? -1 : 0;
	pthread_mutex_lock(&p->lock);
	start = p->next_read > now ? p->next_read : now;
	p->next_read = start + (double)n / p->job->limit;
	pthread_mutex_unlock(&p->lock);
	while (!pump_ended(p)) {
		double wait = start - now_mono();

		if (wait <= 0)
			return 0;
		usleep(wait > 0.1 ? 100000 : wait * 1e6);
	}
	return -1;
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
	pthread_mutex_unlock(&p->lock);
	pump_wake(p);
}
