/*
 * What a disk with snapshots takes on the host: the sum over the files of its
 * chain, from the newest redo log down to the base. An upper bound of what
 * the consolidated disk takes: a log may cover blocks of the files below.
 */
#include "esxi_int.h"

#include <stdlib.h>
#include <string.h>

#define LINKS 64 /* ESXi allows 32 snapshots */

struct chain {
	struct esxi *x;
	const json_t *volumes;
	char *path; /* of the descriptor at hand; null at the end */
	uint64_t sum;
	bool known; /* nothing was unreadable so far */
};

static char *beside(const struct chain *c, const char *name)
{
	_free_ char *dir = xstrndup(c->path, strrchr(c->path, '/') - c->path);

	return esxi_path(c->volumes, dir, name);
}

static int read_link(struct chain *c, struct vmdk **v, struct err *e)
{
	struct esxi_call call = {.cmd = ESXI_TEXT, .arg = c->path};

	if (esxi_run(c->x, &call, 1, e))
		return -1;
	if (call.status || vmdk_parse(call.out, call.len, v, NULL))
		c->known = false;
	esxi_calls_free(&call, 1);
	return 0;
}

static void add_file(struct chain *c, const struct esxi_call *call)
{
	struct esxi_stat st;

	if (call->status || esxi_text_stat(call->out, &st))
		c->known = false;
	else
		c->sum += st.blocks * 512;
}

static int add_files(struct chain *c, const struct vmdk *v, struct err *e)
{
	size_t n = v->n_extents;
	_free_ struct esxi_call *calls = xcalloc(n, sizeof(*calls));
	_free_ char **paths = xcalloc(n, sizeof(*paths));
	size_t k = 0;
	int rc;

	for (size_t i = 0; i < n; i++) {
		if (!v->extents[i].file)
			continue;
		paths[k] = beside(c, v->extents[i].file);
		calls[k] =
			(struct esxi_call){.cmd = ESXI_STAT, .arg = paths[k]};
		k++;
	}
	rc = k ? esxi_run(c->x, calls, k, e) : 0;
	for (size_t i = 0; i < k; i++) {
		if (rc == 0)
			add_file(c, &calls[i]);
		free(paths[i]);
	}
	esxi_calls_free(calls, k);
	return rc;
}

/* One link, and down to its parent. */
static int one_link(struct chain *c, struct err *e)
{
	_vmdk_ struct vmdk *v = NULL;
	char *up;

	if (read_link(c, &v, e) || (v && add_files(c, v, e)))
		return -1;
	up = v && v->child && v->parent_hint ? beside(c, v->parent_hint) : NULL;
	if (v && v->child && !up)
		c->known = false;
	free(c->path);
	c->path = up;
	return 0;
}

int esxi_chain_used(
	struct esxi *x, const json_t *volumes, struct vm_disk *d, struct err *e)
{
	struct chain c = {.x = x,
		.volumes = volumes,
		.path = xstrdup(d->path),
		.known = true};
	int rc = 0;

	for (int i = 0; rc == 0 && c.known && c.path && i < LINKS; i++)
		rc = one_link(&c, e);
	if (rc == 0 && c.known && !c.path)
		d->used = c.sum < d->capacity ? c.sum : d->capacity;
	free(c.path);
	return rc;
}
