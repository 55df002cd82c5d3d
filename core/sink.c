/* The table of sinks, made from the files in core/sink/: see sink.h. */
#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "stop.h"
#include "str.h"

static const struct sink *const sinks[] = {
#define X(name) &sink_##name,
#include "gen/sink.h"
#undef X
};

int sink_open(const char *spec, const struct sink_opts *o, struct disk_out *out,
	struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(sinks); i++) {
		if (!sinks[i]->takes(spec))
			continue;
		if (sinks[i]->open(spec, o, out, e))
			return err_in(e, "open target %s", spec);
		return 0;
	}
	return err_set(e, ERR_USAGE,
		"%s is no target: qcow2:PATH, raw:PATH, /dev/NAME or "
		"nbd+unix:///?socket=PATH",
		spec);
}

int sink_close(struct disk_out *d, struct err *e)
{
	const struct sink_ops *ops = d->ops;
	void *priv = d->priv;

	*d = (struct disk_out){0};
	if (ops && ops->close(priv, e))
		return err_in(e, "close the target");
	return 0;
}

void cleanup_sink(struct disk_out *d)
{
	sink_close(d, NULL);
}

char *sink_part(const char *path)
{
	return xasprintf("%s.vmferry-part", path);
}

int sink_place(const char *part, const char *path, struct err *e)
{
	if (renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return 0;
	/* A file system that cannot do it in one step. */
	if (errno == EINVAL && !file_exists(path) && rename(part, path) == 0)
		return 0;
	err_sys(e, errno == EEXIST ? ERR_TARGET_USED : ERR_IO, "cannot make %s",
		path);
	unlink(part);
	return -1;
}

struct answer {
	bool came;
	int err_no;
};

static void on_answer(void *arg, int err_no)
{
	struct answer *a = arg;

	*a = (struct answer){true, err_no};
}

int sink_read(
	struct disk_out *d, void *buf, size_t len, uint64_t off, struct err *e)
{
	struct answer a = {0};

	if (d->ops->read(d->priv, buf, len, off, on_answer, &a, e))
		return -1;
	while (!a.came) {
		if (d->ops->wait(d->priv, -1, 100, e) == 0 &&
			stop_check(e) == 0)
			continue;
		/* The request has our buffer: it goes with the target. */
		sink_close(d, NULL);
		return -1;
	}
	errno = a.err_no;
	return a.err_no ? err_sys(e, ERR_IO, "read the target") : 0;
}

static int extents_all(
	struct disk_out *d, size_t max, struct extents *x, struct err *e)
{
	while (extents_end(x) < d->size) {
		uint64_t at = extents_end(x), left = d->size - at;

		if (stop_check(e))
			return -1;
		if (x->n >= max)
			extents_add(x, left, true);
		else if (d->ops->status(d->priv, at, left, x, e))
			return -1;
	}
	return 0;
}

int sink_extents(
	struct disk_out *d, size_t max, struct extents *out, struct err *e)
{
	struct extents x = {0};

	if (extents_all(d, max, &x, e)) {
		extents_free(&x);
		return -1;
	}
	*out = x;
	return 0;
}
