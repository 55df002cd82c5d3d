/* The table of sources, made from the files in core/source/: see source.h. */
#include "source.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "str.h"

static const struct source *const sources[] = {
#define X(name) &source_##name,
#include "gen/source.h"
#undef X
};

int source_open(const char *spec, const struct source_opts *o,
	struct disk_in *in, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
		if (!sources[i]->takes(spec))
			continue;
		*in = (struct disk_in){.kind = sources[i]};
		if (sources[i]->open(spec, o, in, e) == 0)
			return 0;
		free(in->road_note);
		*in = (struct disk_in){0};
		return err_in(e, "open source %s", spec);
	}
	return err_set(e, ERR_USAGE,
		"%s is no source: ssh://USER@HOST/vmfs/volumes/..., "
		"https://USER@HOST/folder/..., "
		"nbd+unix:///[EXPORT]?socket=PATH, or the "
		"path of a raw, vmdk, qcow2 or ova file or a block device",
		spec);
}

bool source_is_path(const char *spec)
{
	return *spec && spec[strcspn(spec, ":/")] != ':';
}

void source_one_road(struct disk_in *in, const char *name)
{
	in->roads[0] = name;
	in->n_roads = in->n_try = 1;
}

void source_close(struct disk_in *in)
{
	if (in->kind)
		in->kind->close(in);
	free(in->road_note);
	*in = (struct disk_in){0};
}

int source_file_json(const char *path, json_t **out, struct err *e)
{
	struct stat st;
	json_t *f;

	if (stat(path, &st))
		return err_sys(e, ERR_DISK_MISSING, "%s", path);
	f = json_object();
	json_put_str(f, "path", path);
	json_put_u64(f, "size", st.st_size);
	json_put_u64(f, "inode", st.st_ino);
	json_put_u64(f, "mtime", st.st_mtim.tv_sec);
	json_put_u64(f, "mtime_ns", st.st_mtim.tv_nsec);
	*out = f;
	return 0;
}

static int differs(
	struct err *e, const char *key, const json_t *was, const json_t *is)
{
	_free_ char *a = was ? json_dumps(was, JSON_ENCODE_ANY) : NULL;
	_free_ char *b = is ? json_dumps(is, JSON_ENCODE_ANY) : NULL;

	err_set(e, ERR_SOURCE_CHANGED, "%s was %s, is now %s", key,
		a ? a : "absent", b ? b : "absent");
	return err_in(e, "compare the source with what was copied of it");
}

int source_same(const json_t *was, const json_t *is, struct err *e)
{
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)was, key, v) {
		const json_t *now = json_object_get(is, key);

		if (!now || !json_equal(v, now))
			return differs(e, key, v, now);
	}
	json_object_foreach ((json_t *)is, key, v) {
		if (!json_object_get(was, key))
			return differs(e, key, NULL, v);
	}
	return 0;
}
