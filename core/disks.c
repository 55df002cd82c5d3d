/* Copies as the journal tells them: see disks.h. */
#include "disks.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "i18n.h"
#include "str.h"
#include "target.h"

int disks_sink_spec(struct run *r, size_t i, char **spec, struct err *e)
{
	_free_ char *path = NULL, *format = NULL, *device = NULL;
	struct stat st;

	if (target_volume(r, i, NULL, &path, NULL, &format, e))
		return -1;
	if (stat(path, &st))
		return err_set(e, ERR_TARGET_REMOTE,
			"%s is not on this machine", path);
	if (!S_ISBLK(st.st_mode)) {
		*spec = xasprintf("%s:%s", format, path);
		return 0;
	}
	/* A name of udev's for the device: the device itself. */
	device = realpath(path, NULL);
	if (!device)
		return err_sys(e, ERR_TARGET_REMOTE, "find %s", path);
	*spec = xstrdup(device);
	return 0;
}

struct gather {
	struct copy_map *map;
	size_t disk;
	const char *slot;
	bool noted;
};

/* An event of that disk, whose slot stands under key? */
static bool is_of(const struct gather *g, const json_t *data, const char *key,
	const char *event, const char *wanted)
{
	return strcmp(event, wanted) == 0 &&
		strcmp(json_str_or(data, key, ""), g->slot) == 0;
}

static int take_line(void *arg, const json_t *line, struct err *e)
{
	struct gather *g = arg;
	const char *event = json_str_or(line, "event", "");
	const json_t *data = json_object_get(line, "data");

	if (strcmp(json_str_or(line, "step", ""), "copy_disks"))
		return 0;
	if (strcmp(event, "undo") == 0) {
		copy_map_free(g->map);
		g->map = NULL;
		g->noted = false;
	}
	if (is_of(g, data, "value", event, "decision"))
		g->noted = false; /* it began anew */
	if (is_of(g, data, "slot", event, "measure") &&
		strcmp(json_str_or(data, "name", ""), "copy") == 0)
		g->noted = true;
	if (strcmp(event, "mark") ||
		json_u64(data, "disk", SIZE_MAX) != g->disk)
		return 0;
	return copy_mark_from_json(data, &g->map, e);
}

int disks_map(const struct run *r, size_t i, struct copy_map **map, bool *noted,
	struct err *e)
{
	struct gather g = {
		.disk = i, .slot = json_str_or(run_disk(r, i), "slot", "?")};

	if (journal_each(r->job->dir, take_line, &g, e)) {
		copy_map_free(g.map);
		return -1;
	}
	*map = g.map;
	if (noted)
		*noted = g.noted;
	return 0;
}

/* What was journalled when the copy of disk i began, the last time. */
static const json_t *begun(const struct run *r, size_t i)
{
	_free_ char *id = xasprintf("identity.%zu", i);
	const json_t *line = journal_asked(r->j, "copy_disks", "decision", id);

	return json_object_get(line, "data");
}

const json_t *disks_identity(const struct run *r, size_t i)
{
	return json_object_get(begun(r, i), "identity");
}

const char *disks_left_out(const struct run *r, size_t i)
{
	return json_str(begun(r, i), "left_out");
}

bool disks_check_during(const struct run *r)
{
	return strcmp(run_str(r, "copy.read_back", "during"), "after") != 0;
}

int disks_complete(const struct run *r, bool *yes, struct err *e)
{
	for (size_t i = 0; i < run_disks(r); i++) {
		_copy_map_ struct copy_map *m = NULL;
		bool noted;

		if (disks_map(r, i, &m, &noted, e))
			return -1;
		*yes = m && copy_map_complete(m) && noted;
		if (!*yes)
			return 0;
	}
	return 0;
}

void disks_progress(struct run *r, size_t i, const struct copy_progress *p)
{
	json_t *o = json_object();
	_free_ char *text =
		xasprintf(N_("verifying disk %zu of %zu at %.2f GiB%s%s"),
			i + 1, run_disks(r), (double)p->at / (1 << 30),
			p->note ? ": " : "", p->note ? p->note : "");

	json_put_u64(o, "disk", i);
	json_put_u64(o, "done", p->done);
	json_put_u64(o, "total", p->todo);
	json_put_u64(o, "rate", p->rate);
	if (p->eta >= 0)
		json_put_u64(o, "eta", p->eta);
	json_put_str(o, "what", text);
	run_progress(r, o);
}

void disks_row_set(struct disks_row *row, const struct copy_progress *p)
{
	row->state = DISKS_COPIES;
	row->done = p->done;
	row->total = p->todo;
	row->at = p->at;
	row->rate = p->rate;
	row->eta = p->eta;
	row->road = p->road;
	row->connections = p->connections;
	snprintf(row->note, sizeof(row->note), "%s", p->note ? p->note : "");
	snprintf(row->why, sizeof(row->why), "%s", p->why ? p->why : "");
}

static json_t *row_json(
	const struct run *r, const struct disks_row *row, size_t i)
{
	static const char *const states[] = {"waits", "copies", "done"};
	json_t *o = json_object();

	json_put_u64(o, "disk", i);
	json_put_str(o, "slot", json_str_or(run_disk(r, i), "slot", "?"));
	json_put_str(o, "state", states[row->state]);
	json_put_u64(o, "done", row->done);
	json_put_u64(o, "total", row->total);
	if (row->state != DISKS_COPIES)
		return o;
	json_put_u64(o, "rate", row->rate);
	if (row->eta >= 0)
		json_put_u64(o, "eta", row->eta);
	json_put_str(o, "road", row->road);
	json_put_u64(o, "connections", row->connections);
	return o;
}

/* All disks as one: sums, and the time that is left at the rate of now. */
static void put_sums(json_t *o, const struct disks_row *rows, size_t n)
{
	uint64_t done = 0, total = 0, connections = 0;
	double rate = 0;

	for (size_t i = 0; i < n; i++) {
		done += rows[i].done;
		total += rows[i].total;
		if (rows[i].state != DISKS_COPIES)
			continue;
		rate += rows[i].rate;
		connections += rows[i].connections;
	}
	json_put_u64(o, "done", done);
	json_put_u64(o, "total", total);
	json_put_u64(o, "rate", rate);
	if (rate > 0 && total >= done)
		json_put_u64(o, "eta", (total - done) / rate);
	json_put_u64(o, "connections", connections);
}

/* "scsi0:0 41 %, scsi0:1 7 %"; null where fewer than two are copied. */
static char *several(const struct run *r, const struct disks_row *rows)
{
	_buf_ struct buf b = {0};
	unsigned active = 0;

	for (size_t i = 0; i < run_disks(r); i++) {
		if (rows[i].state != DISKS_COPIES)
			continue;
		buf_addf(&b, "%s%s %.0f %%", active++ ? ", " : "",
			json_str_or(run_disk(r, i), "slot", "?"),
			rows[i].total ? 100.0 * rows[i].done / rows[i].total
				      : 0.0);
	}
	return active > 1 ? buf_steal(&b) : NULL;
}

void disks_rows_tell(struct run *r, const struct disks_row *rows, size_t newest)
{
	const struct disks_row *row = &rows[newest];
	_free_ char *both = several(r, rows), *text = NULL;
	json_t *o = json_object(), *list = json_array();
	char how[sizeof(row->note)] = "";
	const char *sep;

	/* A trouble, or else the road; why it is this one is in the log. */
	if (*row->note)
		snprintf(how, sizeof(how), "%s", row->note);
	else if (row->road && !both)
		snprintf(how, sizeof(how), "%s x %u", row->road,
			row->connections);
	sep = *how ? ": " : "";

	if (both)
		text = xasprintf(
			N_("copying disks at once: %s%s%s"), both, sep, how);
	else
		text = xasprintf(N_("copying disk %zu of %zu at %.2f GiB%s%s"),
			newest + 1, run_disks(r), (double)row->at / (1 << 30),
			sep, how);
	for (size_t i = 0; i < run_disks(r); i++)
		json_array_append_new(list, row_json(r, &rows[i], i));
	json_put_u64(o, "disk", newest);
	put_sums(o, rows, run_disks(r));
	json_put_str(o, "what", text);
	if (row->road) {
		json_put_str(o, "road", row->road);
		json_put_str(o, "why", row->why);
	}
	json_put(o, "disks", list);
	run_progress(r, o);
}
