/* The roads of a copy: see copy_road.h. */
#include "copy_road.h"

#include <stdio.h>
#include <string.h>

#include "copy_pump.h"
#include "i18n.h"
#include "str.h"

/* A measurement: so many bytes and so long, or the longest time. */
#define ENOUGH_BYTES (32ULL << 20)
#define ENOUGH_TIME 0.25    /* s; twice as long for connections */
#define LONGEST 2.0         /* s */
#define SETTLE 5.0          /* s, for connections to come up */
#define GAIN 1.12           /* more connections must bring so much */
#define TIE 1.05            /* as good as equal: the road that stands first */
#define SMALL (64ULL << 20) /* bytes for which nothing is tried */
#define AGAIN 60.0          /* s between two trials */
#define STEADY_WINDOW 12    /* of them in that time */
#define SLOW_WINDOWS 2
#define LINK_SLOW 30e6 /* bytes a second; a link of 200 Mbit/s has 25e6 */
#define PACK_GAIN 1.25 /* compression must bring so much */
#define TAKE_TRYING 1
#define TAKE_STEADY 16 /* ranges */

static const char *name(const struct pump *p, int road)
{
	return p->job->in->roads[road];
}

static bool compresses(const struct pump *p, int road)
{
	return road && road == (int)p->job->in->packed;
}

/* The caller of the rest holds the pump's lock. */

/* Connections of a road that bring bytes, and of others that still do. */
static unsigned at_work(const struct pump *p, int road, bool others)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->readers; i++) {
		const struct seat *s = &p->seat[i];

		if (others)
			n += s->taking && s->road != road &&
				s->road != SEAT_REST;
		else
			n += s->want == road && s->road == road;
	}
	return n;
}

/* So many seats by this road, the rest at rest. */
static void give_seats(struct pump *p, int road, unsigned n)
{
	for (unsigned i = 0; i < p->readers; i++)
		p->seat[i].want = i < n ? road : SEAT_REST;
	pthread_cond_broadcast(&p->turn);
}

static void measure(struct roads *r, int road, unsigned n)
{
	r->road = road;
	r->n = n;
	r->meter = (struct road_meter){.asked = now_mono()};
}

static void meter_start(struct roads *r, const struct pump *p, double now)
{
	struct road_meter *m = &r->meter;

	m->runs = true;
	m->from = now;
	m->base = p->got[r->road];
	m->starved_base = p->starved;
}

static double again(const struct pump *p)
{
	return p->job->try_again > 0 ? p->job->try_again : AGAIN;
}

static double span(const struct roads *r, const struct pump *p)
{
	return r->phase == ROADS_STEADY ? again(p) / STEADY_WINDOW : LONGEST;
}

/* True once there is a rate. */
static bool meter_done(struct roads *r, const struct pump *p)
{
	struct road_meter *m = &r->meter;
	double now = now_mono(), t = now - m->from;
	unsigned times = r->phase == ROADS_GROW ? 2 : 1;
	uint64_t bytes;

	if (!m->runs) {
		unsigned up = at_work(p, r->road, false);
		bool all = up >= r->n && !at_work(p, r->road, true);

		if (all || (up && now - m->asked > SETTLE))
			meter_start(r, p, now);
		return false;
	}
	bytes = p->got[r->road] - m->base;
	if (t < span(r, p) &&
		(r->phase == ROADS_STEADY || t < times * ENOUGH_TIME ||
			bytes < ENOUGH_BYTES))
		return false;
	m->rate = t > 0 ? bytes / t : 0;
	m->starved = p->starved - m->starved_base > t * r->n / 2;
	return true;
}

/* --- the trial of the roads --- */

static int next_road(const struct roads *r, const struct pump *p)
{
	for (int i = 0; i < (int)p->job->in->n_try; i++)
		if (!p->bad[i] && r->rate[i] <= 0 && i != r->road)
			return i;
	return -1;
}

static int best_road(const struct pump *p, const struct roads *r)
{
	int best = -1;

	for (int i = 0; i < (int)p->job->in->n_roads; i++)
		if (!p->bad[i] &&
			(best < 0 || r->rate[i] > TIE * r->rate[best]))
			best = i;
	return best < 0 ? r->road : best;
}

static void say_rates(struct roads *r, const struct pump *p)
{
	_buf_ struct buf b = {0};
	char rate[STR_SIZE_LEN];

	for (int i = 0; i < (int)p->job->in->n_roads; i++)
		if (r->rate[i] > 0 && !p->bad[i])
			buf_addf(&b, "%s%s %s/s", b.len ? ", " : "", name(p, i),
				str_size(rate, r->rate[i]));
	snprintf(r->why, sizeof(r->why), "%sby one connection %s", r->again,
		b.s ? b.s : "not measured");
}

static void say_result(
	struct roads *r, unsigned n, double rate, const char *why)
{
	size_t used = strlen(r->why);
	char text[STR_SIZE_LEN];

	snprintf(r->why + used, sizeof(r->why) - used, "; %s%u: %s/s%s%s",
		r->plain.n ? "compressed by the host, " : "", n,
		str_size(text, rate), *why ? ", " : "", why);
}

static void become_steady(
	struct roads *r, struct pump *p, unsigned n, double rate)
{
	r->phase = ROADS_STEADY;
	r->steady = rate;
	r->slow = 0;
	r->tried_at = now_mono();
	p->settled = true;
	p->take_max = TAKE_STEADY;
	give_seats(p, r->road, n);
	measure(r, r->road, n);
	buf_addf(&p->notes, "by %s, %u connection%s: %s\n", name(p, r->road), n,
		n == 1 ? "" : "s", r->why);
}

static unsigned most(const struct pump *p)
{
	return p->most < p->readers ? p->most : p->readers;
}

static void grow(struct roads *r, struct pump *p, unsigned n)
{
	r->phase = ROADS_GROW;
	give_seats(p, r->road, n);
	measure(r, r->road, n);
}

static bool at_limit(const struct pump *p, double rate)
{
	return p->job->limit && rate > 0.9 * p->job->limit;
}

/* Is the link so slow, and so much left, that compression may be worth it? */
static bool try_packed(const struct roads *r, const struct pump *p, double rate)
{
	unsigned road = p->job->in->packed;

	return road && !r->packed && !p->bad[road] && !p->job->readers &&
		rate < LINK_SLOW && !r->meter.starved && !at_limit(p, rate) &&
		p->left * p->range > SMALL;
}

static void back_to_plain(struct roads *r, struct pump *p)
{
	unsigned n = r->plain.n < most(p) ? r->plain.n : most(p);

	r->road = r->plain.road;
	r->plain.n = 0;
	become_steady(r, p, n, r->plain.rate);
}

/* The best of a road is known: so many connections, this rate. */
static void settle(struct roads *r, struct pump *p, unsigned n, double rate,
	const char *why)
{
	say_result(r, n, rate, why);
	if (try_packed(r, p, rate)) {
		r->packed = true;
		r->plain.road = r->road;
		r->plain.n = n;
		r->plain.rate = rate;
		r->road = p->job->in->packed;
		r->good = 0;
		r->good_rate = 0;
		grow(r, p, most(p) < 2 ? 1 : 2);
	} else if (r->plain.n && rate < PACK_GAIN * r->plain.rate) {
		back_to_plain(r, p);
	} else {
		r->plain.n = 0;
		become_steady(r, p, n, rate);
	}
}

/* Beside the one that reads now a second one connects; then that one reads
 * alone. */
static void try_next(struct roads *r, struct pump *p, int road)
{
	unsigned seat = p->seat[0].want == SEAT_REST || p->readers < 2 ? 0 : 1;

	p->seat[seat].want = road;
	pthread_cond_broadcast(&p->turn);
	measure(r, road, 1);
}

/* One that brings bytes by this road goes on, the others rest. */
static void one_alone(struct pump *p, int road)
{
	int keep = -1;

	for (unsigned i = 0; keep < 0 && i < p->readers; i++)
		if (p->seat[i].want == road && p->seat[i].road == road)
			keep = i;
	for (int i = 0; keep >= 0 && i < (int)p->readers; i++)
		if (i != keep)
			p->seat[i].want = SEAT_REST;
}

static void look_try(struct roads *r, struct pump *p)
{
	int next;

	/* The road that is to be measured brings bytes: the others rest. */
	if (!r->meter.runs)
		one_alone(p, r->road);
	if (p->bad[r->road]) {
		r->rate[r->road] = 0;
	} else if (meter_done(r, p)) {
		r->rate[r->road] = r->meter.rate > 1 ? r->meter.rate : 1;
	} else {
		return;
	}
	next = next_road(r, p);
	if (next >= 0) {
		try_next(r, p, next);
		return;
	}
	r->road = best_road(p, r);
	r->good = 1;
	r->good_rate = r->rate[r->road];
	say_rates(r, p);
	if (p->job->readers)
		settle(r, p, p->readers, r->good_rate, "as asked for");
	else if (most(p) < 2 || r->meter.starved)
		settle(r, p, 1, r->good_rate,
			r->meter.starved ? "the target takes no more" : "");
	else
		grow(r, p, 2);
}

/* --- how many connections --- */

/* As many as may be would not make compression worth it. */
static bool hopeless(const struct roads *r, const struct pump *p, double rate)
{
	return r->plain.n && rate * most(p) / r->n < PACK_GAIN * r->plain.rate;
}

static void look_grow(struct roads *r, struct pump *p)
{
	double rate;
	unsigned next;

	if (!meter_done(r, p))
		return;
	rate = r->meter.rate;
	if (rate < GAIN * r->good_rate) {
		settle(r, p, r->good, r->good_rate, "more bring nothing");
		return;
	}
	r->good = r->n;
	r->good_rate = rate;
	next = 2 * r->n < most(p) ? 2 * r->n : most(p);
	if (next > r->n && !r->meter.starved && !at_limit(p, rate) &&
		!hopeless(r, p, rate))
		grow(r, p, next);
	else
		settle(r, p, r->n, rate,
			r->meter.starved ? "the target takes no more"
				: hopeless(r, p, rate) ? "not worth it"
				: next > r->n          ? "the limit is reached"
						       : "as many as allowed");
}

/* --- later --- */

static void begin_again(struct roads *r, struct pump *p)
{
	char was[STR_SIZE_LEN], is[STR_SIZE_LEN];

	buf_addf(&p->notes,
		N_("%s/s where it was %s/s: roads and connections are tried "
		   "again\n"),
		str_size(is, r->meter.rate), str_size(was, r->steady));
	snprintf(r->again, sizeof(r->again), "tried again at %s/s: ", is);
	memset(r->rate, 0, sizeof(r->rate));
	r->packed = false;
	if (compresses(p, r->road))
		r->road = best_road(p, r);
	p->most = p->readers;
	p->settled = false;
	p->take_max = TAKE_TRYING;
	r->phase = ROADS_TRY;
	give_seats(p, r->road, 1);
	measure(r, r->road, 1);
}

static void look_steady(struct roads *r, struct pump *p)
{
	bool slow;

	if (!meter_done(r, p))
		return;
	slow = r->meter.rate < r->steady / 2 && !r->meter.starved &&
		!p->job->limit;
	r->slow = slow ? r->slow + 1 : 0;
	/* What a first look could not see: caches, a link that warms up. How
	 * well the data can be compressed says nothing of those to come. */
	if (r->meter.rate > r->steady && !compresses(p, r->road))
		r->steady = r->meter.rate;
	if (r->slow >= SLOW_WINDOWS && now_mono() - r->tried_at > again(p))
		begin_again(r, p);
	else
		measure(r, r->road, r->n);
}

/* A road was given up, or the host is busy: seats that do not fit. */
static void keep_up(struct roads *r, struct pump *p)
{
	if (r->phase != ROADS_TRY && p->bad[r->road] && r->plain.n) {
		back_to_plain(r, p);
	} else if (r->phase != ROADS_TRY && p->bad[r->road]) {
		r->road = best_road(p, r);
		r->good_rate = 0;
		give_seats(p, r->road, r->n);
		measure(r, r->road, r->n);
	}
	if (r->n > most(p)) {
		r->n = r->good = most(p);
		if (r->phase == ROADS_GROW) {
			settle(r, p, r->n, r->good_rate,
				"the host answers that it is busy");
		} else {
			give_seats(p, r->road, r->n);
			measure(r, r->road, r->n);
		}
	}
}

static bool tries(const struct pump *p)
{
	return p->left * p->range > SMALL;
}

void roads_begin(struct roads *r, struct pump *p)
{
	unsigned n = p->readers;

	pthread_mutex_lock(&p->lock);
	r->tried_at = now_mono();
	if (tries(p) && (p->job->in->n_try > 1 || !p->job->readers)) {
		p->take_max = TAKE_TRYING;
		give_seats(p, 0, 1);
		measure(r, 0, 1);
	} else {
		if (!p->job->readers && n > 2)
			n = 2;
		r->phase = ROADS_STEADY;
		r->good = n;
		p->take_max = TAKE_STEADY;
		give_seats(p, 0, n);
		measure(r, 0, n);
		snprintf(r->why, sizeof(r->why), "%s",
			p->job->readers ? "as asked for" : "too little to try");
	}
	pthread_mutex_unlock(&p->lock);
}

void roads_look(struct roads *r, struct pump *p)
{
	pthread_mutex_lock(&p->lock);
	if (p->left) {
		keep_up(r, p);
		if (r->phase == ROADS_TRY)
			look_try(r, p);
		else if (r->phase == ROADS_GROW)
			look_grow(r, p);
		else
			look_steady(r, p);
	}
	pthread_mutex_unlock(&p->lock);
}
