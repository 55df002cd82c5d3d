/* Progress of a copy: see copy_writer.h. */
#include <string.h>

#include "copy_writer.h"
#include "str.h"

#define EVERY 0.25 /* s */

static double rate(const struct writer *w)
{
	unsigned n = w->n_samples < COPY_SAMPLES ? w->n_samples : COPY_SAMPLES;
	unsigned newest, oldest;
	double seconds;

	if (n < 2)
		return 0;
	newest = (w->n_samples - 1) % COPY_SAMPLES;
	oldest = (w->n_samples - n) % COPY_SAMPLES;
	seconds = w->sample[newest].time - w->sample[oldest].time;
	if (seconds <= 0)
		return 0;
	return (w->sample[newest].done - w->sample[oldest].done) / seconds;
}

static void tell_notes(struct writer *w)
{
	_free_ char *text = NULL;
	char *rest, *line;

	pthread_mutex_lock(&w->p->lock);
	if (w->p->notes.len)
		text = buf_steal(&w->p->notes);
	pthread_mutex_unlock(&w->p->lock);
	rest = text;
	while (w->job->note && (line = str_line(&rest)))
		w->job->note(w->job->ctx, line);
}

void writer_tell(struct writer *w, bool last)
{
	double now = now_mono();
	char trouble[sizeof(w->p->trouble)];
	struct copy_progress g = {.todo = w->todo, .done = w->data_done};

	if (!last && now - w->told_at < EVERY)
		return;
	tell_notes(w);
	w->told_at = now;
	w->sample[w->n_samples % COPY_SAMPLES].time = now;
	w->sample[w->n_samples++ % COPY_SAMPLES].done = w->data_done;
	if (!w->job->progress)
		return;
	pthread_mutex_lock(&w->p->lock);
	g.at = w->p->at;
	memcpy(trouble, w->p->trouble, sizeof(trouble));
	pthread_mutex_unlock(&w->p->lock);
	g.rate = rate(w);
	g.eta = g.rate > 0 ? (g.todo - g.done) / g.rate : -1;
	g.note = *trouble ? trouble
		: back_goes_on(w) && !last
		? "all is written, the rest of it is read back"
		: NULL;
	g.road = w->p->job->in->roads[w->roads.road];
	g.connections = w->roads.n;
	g.why = w->roads.phase == ROADS_STEADY ? w->roads.why : "";
	w->job->progress(w->job->ctx, &g);
}
