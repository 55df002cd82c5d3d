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
};

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
	}
	if (strcmp(event, "mark") ||
		json_u64(data, "disk", SIZE_MAX) != g->disk)
		return 0;
	return copy_mark_from_json(data, &g->map, e);
}

int disks_map(
	const struct run *r, size_t i, struct copy_map **map, struct err *e)
{
	struct gather g = {.disk = i};

	if (journal_each(r->job->dir, take_line, &g, e)) {
		copy_map_free(g.map);
		return -1;
	}
	*map = g.map;
	return 0;
}

const json_t *disks_identity(const struct run *r, size_t i)
{
	_free_ char *id = xasprintf("identity.%zu", i);
	const json_t *line = journal_asked(r->j, "copy_disks", "decision", id);

	return json_object_get(json_object_get(line, "data"), "identity");
}

bool disks_check_during(const struct run *r)
{
	return strcmp(run_str(r, "copy.read_back", "during"), "after") != 0;
}

int disks_complete(const struct run *r, bool *yes, struct err *e)
{
	for (size_t i = 0; i < run_disks(r); i++) {
		_copy_map_ struct copy_map *m = NULL;

		if (disks_map(r, i, &m, e))
			return -1;
		*yes = m && copy_map_complete(m);
		if (!*yes)
			return 0;
	}
	return 0;
}

void disks_progress(
	struct run *r, size_t i, bool verify, const struct copy_progress *p)
{
	json_t *o = json_object();
	_free_ char *text = xasprintf(verify
			? N_("verifying disk %zu of %zu at %.2f GiB%s%s")
			: N_("copying disk %zu of %zu at %.2f GiB%s%s"),
		i + 1, run_disks(r), (double)p->at / (1 << 30),
		p->note ? ": " : "", p->note ? p->note : "");

	json_put_u64(o, "disk", i);
	json_put_u64(o, "done", p->done);
	json_put_u64(o, "total", p->todo);
	json_put_u64(o, "rate", p->rate);
	if (p->eta >= 0)
		json_put_u64(o, "eta", p->eta);
	json_put_str(o, "what", text);
	if (p->road) {
		json_put_str(o, "road", p->road);
		json_put_u64(o, "connections", p->connections);
		json_put_str(o, "why", p->why);
	}
	run_progress(r, o);
}
