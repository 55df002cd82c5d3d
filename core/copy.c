/* The copy of one disk: see copy.h. The readers, the writer and what they
 * share stand in copy_read.c, copy_write.c and copy_pump.c. */
#include "copy.h"

#include <stdlib.h>
#include <string.h>

#include "copy_pump.h"
#include "copy_used.h"
#include "i18n.h"
#include "str.h"

void copy_result_free(struct copy_result *r)
{
	free(r->map_note);
	free(r->road_why);
	free(r->fs_note);
	json_decref(r->areas);
	copy_map_free(r->map);
	json_decref(r->identity);
	*r = (struct copy_result){0};
}

/* {"https": bytes, ...} */
static json_t *roads_to_json(const struct copy_result *r)
{
	json_t *o = json_object();

	for (size_t i = 0; i < SOURCE_ROADS && r->roads[i].name; i++)
		json_put_u64(o, r->roads[i].name, r->roads[i].bytes);
	return o;
}

/* Within so many ms was this share of all ranges read; 0 there are none. */
static unsigned within(const struct copy_result *r, double share)
{
	uint64_t all = 0, some = 0;
	unsigned i;

	for (i = 0; i < COPY_LATENCIES; i++)
		all += r->latency[i];
	for (i = 0; all && i < COPY_LATENCIES; i++) {
		some += r->latency[i];
		if (some >= share * all)
			return 1U << i;
	}
	return 0;
}

/* For people: "half of the ranges within 16 ms, nine of ten 64, all 512" */
static void put_latency(json_t *o, const struct copy_result *r)
{
	_free_ char *text = NULL;

	if (!within(r, 1))
		return;
	text = xasprintf("half of the ranges within %u ms, nine of ten %u, all "
			 "%u",
		within(r, 0.5), within(r, 0.9), within(r, 1));
	json_put_str(o, "latency", text);
}

/* [[below ms, ranges], ...] of those there are; the last has no bound. */
static json_t *latency_to_json(const struct copy_result *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < COPY_LATENCIES; i++) {
		json_t *row = json_array();

		json_array_append_new(list, row);
		json_array_append_new(row,
			i + 1 < COPY_LATENCIES ? json_integer(1U << i)
					       : json_null());
		json_array_append_new(row, json_integer(r->latency[i]));
		if (!r->latency[i])
			json_array_remove(list, json_array_size(list) - 1);
	}
	return list;
}

json_t *copy_result_to_json(const struct copy_result *r)
{
	json_t *o = json_object();

	json_put_u64(o, "provisioned", r->provisioned);
	json_put_u64(o, "read", r->read);
	json_put_u64(o, "written", r->written);
	json_put_u64(o, "zero", r->zero);
	json_put_u64(o, "skipped_by_map", r->skipped_by_map);
	json_put_u64(o, "skipped_by_fs", r->skipped_by_fs);
	json_put_u64(o, "looked_at", r->looked_at);
	json_put_u64(o, "done_before", r->done_before);
	json_put_u64(o, "checked", r->checked);
	json_put_u64(o, "target_size", r->target_size);
	json_put(o, "seconds", json_real(r->seconds));
	json_put_str(o, "road", r->road);
	json_put_str(o, "road_why", r->road_why);
	json_put(o, "roads", roads_to_json(r));
	json_put_u64(o, "connections", r->readers);
	put_latency(o, r);
	json_put(o, "latency_ms", latency_to_json(r));
	json_put_u64(o, "retries", r->retries);
	json_put_str(o, "map_note", r->map_note);
	json_put_str(o, "fs_note", r->fs_note);
	if (r->areas)
		json_put(o, "areas", json_incref(r->areas));
	json_put_u64(o, "range", r->map ? r->map->range : 0);
	json_put_str(o, "digest", r->digest);
	json_put(o, "source", json_incref(r->identity));
	return o;
}

/* --- before the first byte --- */

static int check_sizes(const struct copy_job *job, struct err *e)
{
	uint64_t in = job->in->size, out = job->out->size;
	char a[STR_SIZE_LEN], b[STR_SIZE_LEN];

	if (out < in)
		return err_set(e, ERR_NO_SPACE,
			"the target has %s (%llu bytes), the source %s "
			"(%llu bytes)",
			str_size(a, out), (unsigned long long)out,
			str_size(b, in), (unsigned long long)in);
	if (job->out->block > COPY_BLOCK || out % job->out->block)
		return err_set(e, ERR_NBD,
			"the target wants requests of %u bytes",
			job->out->block);
	if (job->done && job->done->size != in)
		return err_set(e, ERR_SOURCE_CHANGED,
			"size was %llu, is now %llu bytes",
			(unsigned long long)job->done->size,
			(unsigned long long)in);
	return 0;
}

static int pick_range(
	const struct copy_job *job, uint64_t *range, struct err *e)
{
	uint64_t r = job->done ? job->done->range
		: job->range   ? job->range
			       : copy_range_for(job->in->size);

	if (r < COPY_BLOCK || (r & (r - 1)) ||
		(job->done && job->range && job->range != r))
		return err_set(e, ERR_INTERNAL, "a range of %llu bytes",
			(unsigned long long)r);
	*range = r;
	return 0;
}

static int find_extents(const struct copy_job *job, struct extents *out,
	struct copy_result *r, struct err *e)
{
	_extents_ struct extents raw = {0};

	if (job->read_all) {
		r->map_note = xstrdup("asked for");
		extents_add(&raw, job->in->size, true);
	} else if (job->in->kind->extents(job->in, &raw, &r->map_note, e)) {
		return -1;
	}
	if (extents_end(&raw) != job->in->size)
		return err_set(e, ERR_INTERNAL, "extents are not whole");
	if (job->in->road_note && job->note)
		job->note(job->ctx, job->in->road_note);
	if (r->map_note && job->note && !job->read_all) {
		_free_ char *line = xasprintf(
			N_("the whole disk is read: %s"), r->map_note);

		job->note(job->ctx, line);
	}
	extents_align(&raw, COPY_BLOCK, out);
	return 0;
}

/* Bytes of ranges to be copied that a has as data and b has not. */
static uint64_t todo_less(const struct extents *a, const struct extents *b,
	const struct copy_map *map)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < map->n; i++) {
		uint64_t at = i * map->range, len = copy_map_len(map, i);

		if (map->slot[i].kind == COPY_TODO)
			sum += extents_data_in(a, at, len) -
				extents_data_in(b, at, len);
	}
	return sum;
}

/* Without what the guest's file systems do not use. */
static void leave_unused(
	const struct copy_job *job, struct extents *x, struct copy_result *r)
{
	_extents_ struct extents all = *x;
	struct copy_used u;

	*x = (struct extents){0};
	copy_used(job->in, &all, x, &u);
	r->skipped_by_fs = todo_less(&all, x, r->map);
	r->areas = u.areas;
	r->fs_note = u.note;
	r->looked_at = u.looked_at;
}

/* Which ranges have data and are not done. */
static unsigned char *find_wanted(
	const struct extents *x, const struct copy_map *map)
{
	unsigned char *wanted = xcalloc(map->n ? map->n : 1, 1);

	for (size_t i = 0; i < map->n; i++) {
		uint64_t at = i * map->range;

		if (map->slot[i].kind == COPY_TODO)
			wanted[i] = !extents_zero(x, at, copy_map_len(map, i));
	}
	return wanted;
}

static unsigned pick_readers(const struct copy_job *job, const struct pump *p)
{
	unsigned n = job->readers ? job->readers : job->in->kind->readers;
	size_t work = 0;

	if (!job->readers && job->most && n > job->most)
		n = job->most;
	for (size_t i = 0; i < p->n; i++)
		work += p->wanted[i];
	n = n > COPY_READERS_MAX ? COPY_READERS_MAX : n;
	n = n > work ? work : n;
	return n ? n : 1;
}

/* --- the run --- */

static void take_roads(const struct pump *p, struct copy_result *r)
{
	const struct disk_in *in = p->job->in;
	unsigned best = 0;

	for (unsigned i = 0; i < in->n_roads; i++) {
		r->roads[i].name = in->roads[i];
		r->roads[i].bytes = p->got[i];
		if (p->got[i] > p->got[best])
			best = i;
	}
	r->road = in->roads[best];
	memcpy(r->latency, p->latency, sizeof(r->latency));
}

static int pump_disk(
	const struct copy_job *job, struct copy_result *r, struct err *e)
{
	struct pump p = {
		.n = r->map->n, .size = r->map->size, .range = r->map->range};
	char left_out[SHA256_HEX];
	int rc = -1;

	job->in->span = r->map->range;
	if (find_extents(job, &p.x, r, e))
		return -1;
	if (!job->read_all)
		leave_unused(job, &p.x, r);
	copy_left_out(job, &p.x, left_out);
	p.zeroed = copy_still_zeroed(job, left_out);
	if (job->begin && job->begin(job->ctx, r->identity, left_out, e)) {
		extents_free(&p.x);
		return -1;
	}
	p.wanted = find_wanted(&p.x, r->map);
	if (pump_init(&p, job, pick_readers(job, &p), e) == 0) {
		rc = copy_write(&p, r->map, r, e);
		r->read = p.read;
		r->skipped_by_map -= r->skipped_by_fs <= r->skipped_by_map
			? r->skipped_by_fs
			: r->skipped_by_map;
		r->retries = p.retries;
		take_roads(&p, r);
		pump_free(&p);
	}
	free(p.wanted);
	extents_free(&p.x);
	return rc;
}

static int same_still(
	const struct copy_job *job, const json_t *was, struct err *e)
{
	_json_ json_t *now = NULL;

	if (job->in->kind->identity(job->in, &now, e))
		return -1;
	return source_same(was, now, e);
}

static int run(const struct copy_job *job, struct copy_result *r, struct err *e)
{
	double begin = now_mono();
	uint64_t range = 0;

	if (copy_share_stopped(job->share, e) || check_sizes(job, e) ||
		pick_range(job, &range, e) ||
		job->in->kind->identity(job->in, &r->identity, e))
		return -1;
	if (job->identity && source_same(job->identity, r->identity, e))
		return -1;
	if (copy_still_there(job, e))
		return -1;
	r->provisioned = job->in->size;
	r->target_size = job->out->size;
	r->map = copy_map_new(job->in->size, range);
	if (job->done)
		memcpy(r->map->slot, job->done->slot,
			r->map->n * sizeof(*r->map->slot));
	r->done_before = copy_map_done(r->map);
	if (pump_disk(job, r, e) || same_still(job, r->identity, e))
		return -1;
	copy_map_digest(r->map, r->digest);
	r->checked = copy_map_checked(r->map);
	r->seconds = now_mono() - begin;
	return 0;
}

int copy_run(const struct copy_job *job, struct copy_result *out, struct err *e)
{
	struct copy_result r = {0};

	if (run(job, &r, e)) {
		copy_result_free(&r);
		return -1; /* the caller knows the disk's name */
	}
	*out = r;
	return 0;
}
