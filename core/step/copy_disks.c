/*
 * Each disk, straight into its volume: only what was written, marked after
 * each flush. Keeps true: a resume goes on from the marks, and only on a
 * source that is still the same. The staged road copies to files first.
 */
#include "../disks.h"
#include "../i18n.h"

#include <string.h>

#include "../lvm.h"
#include "../origin.h"
#include "../staged.h"
#include "../str.h"
#include "../target.h"

#define AT_ONCE 2     /* disks, where they lie on different datastores */
#define AT_ONCE_MAX 3 /* memory: some 20 MiB each */
#define CONNECTIONS 4 /* to the host, by all disks together */

/* One disk on its way: all that is asked of the node and the journal is
 * asked before its thread begins. */
struct job_ctx {
	struct run *r;
	size_t disk;
	struct disks_row *rows; /* of all disks */
	struct copy_share *share;
	unsigned at_once; /* that may run beside it, itself included */
	struct copy_map *done;
	json_t *identity;
	char *left_out;
	char *sink;
	bool zeroed;
};

static bool staged(const struct run *r)
{
	return strcmp(run_str(r, "road", "direct"), "staged") == 0;
}

static int check(struct run *r, struct err *e)
{
	bool whole = false;

	if (disks_complete(r, &whole, e))
		return -1;
	return whole && (!staged(r) || staged_all(r));
}

static const char *slot_of(const struct run *r, size_t i)
{
	return json_str_or(run_disk(r, i), "slot", "?");
}

/* Journal, log and status are the run's: one disk at a time. */
static int note(struct job_ctx *c, const char *event, json_t *d, struct err *e)
{
	int rc;

	copy_share_enter(c->share);
	rc = run_note(c->r, event, d, e);
	copy_share_leave(c->share);
	return rc;
}

static int on_begin(
	void *ctx, const json_t *identity, const char *left_out, struct err *e)
{
	struct job_ctx *c = ctx;
	_free_ char *id = xasprintf("identity.%zu", c->disk);
	json_t *d = json_object();

	json_put_str(d, "id", id);
	json_put_str(d, "value", slot_of(c->r, c->disk));
	json_put(d, "identity", json_deep_copy(identity));
	json_put_str(d, "left_out", left_out);
	return note(c, "decision", d, e);
}

static int on_mark(void *ctx, const struct copy_mark *m, struct err *e)
{
	struct job_ctx *c = ctx;

	return note(c, "mark", copy_mark_to_json(m, c->disk), e);
}

static void on_progress(void *ctx, const struct copy_progress *p)
{
	struct job_ctx *c = ctx;

	copy_share_enter(c->share);
	disks_row_set(&c->rows[c->disk], p);
	disks_rows_tell(c->r, c->rows, c->disk);
	copy_share_leave(c->share);
}

static void on_note(void *ctx, const char *line)
{
	struct job_ctx *c = ctx;

	copy_share_enter(c->share);
	run_say(c->r, "  %s: %s", slot_of(c->r, c->disk), line);
	copy_share_leave(c->share);
}

static int open_source(
	struct run *r, size_t i, struct disk_in *in, struct err *e)
{
	const struct vm_disk *d = run_source_disk(r, i);
	const char *road = run_str(r, "copy.road", "auto");
	const struct source_opts o = {.secrets = r->opts->secrets,
		.key = run_str(r, "source.key_file", NULL),
		.road = strcmp(road, "auto") ? road : NULL,
		.no_gzip = !run_flag(r, "copy.gzip", true),
		.https_port = run_u64(r, "source.https_port", 0)};
	_free_ char *spec = NULL;

	if (!d || !d->path)
		return err_set(e, ERR_DISK_MISSING,
			"disk %s has no path on the source", slot_of(r, i));
	if (origin_is_file(r))
		return origin_open(d, in, e);
	spec = xasprintf("ssh://%s@%s:%u%s", run_str(r, "source.user", "root"),
		run_str(r, "source.host", ""),
		(unsigned)run_u64(r, "source.port", 22), d->path);
	return source_open(spec, &o, in, e);
}

static void tell_result(struct run *r, size_t i, const struct copy_result *c)
{
	char all[STR_SIZE_LEN], got[STR_SIZE_LEN], took[STR_SIZE_LEN];
	char map[STR_SIZE_LEN], fs[STR_SIZE_LEN];

	run_say(r, "  %s: %s, %s read in %s by %s, digest %.16s...",
		slot_of(r, i), str_size(all, c->provisioned),
		str_size(got, c->read), str_duration(took, c->seconds), c->road,
		c->digest);
	run_say(r, "  not read: %s never written, %s not used by the guest",
		str_size(map, c->skipped_by_map),
		str_size(fs, c->skipped_by_fs));
	if (c->map_note)
		run_say(r, "  %s", c->map_note);
	if (c->fs_note)
		run_say(r, "  %s", c->fs_note);
}

static int note_result(
	struct job_ctx *c, const struct copy_result *res, struct err *e)
{
	json_t *d = copy_result_to_json(res);
	int rc;

	json_put_str(d, "name", "copy");
	json_put_str(d, "slot", slot_of(c->r, c->disk));
	copy_share_enter(c->share);
	tell_result(c->r, c->disk, res);
	rc = run_note(c->r, "measure", d, e);
	c->rows[c->disk].state = DISKS_DONE;
	copy_share_leave(c->share);
	return rc;
}

/* Not said by the plan: of a thin volume, its pool is asked. */
static bool thin_zeroes(struct run *r, size_t i)
{
	_free_ char *path = NULL;

	return target_volume(r, i, NULL, &path, NULL, NULL, NULL) == 0 &&
		lvm_thin_zeroes(path);
}

/* The target reads as zeros where this copy has not written: true of a fresh
 * one, not of one that held a copy which was taken back. */
static bool still_zeroed(struct run *r, size_t i, const char *sink)
{
	const char *file = sink + strlen("raw:");
	_json_ json_t *o = staged(r)
		? run_object(r, "file", "id", file)
		: run_object(r, "volume", "slot", slot_of(r, i));
	const json_t *undo = journal_last(r->j, "copy_disks", "undo");

	if (json_u64(undo, "seq", 0) > json_u64(o, "seq", 0))
		return false;
	return staged(r) || json_flag(run_disk(r, i), "zeroed", false) ||
		thin_zeroes(r, i);
}

/* Its share of the connections; all that it likes where it is alone. */
static unsigned connections(const struct job_ctx *c, unsigned all)
{
	unsigned n = all / c->at_once;

	return all && !n ? 1 : n;
}

static int copy_into(struct job_ctx *c, struct disk_in *in, struct err *e)
{
	struct run *r = c->r;
	_disk_out_ struct disk_out out = {0};
	_copy_result_ struct copy_result res = {0};
	const struct sink_opts so = {.create = staged(r), .size = in->size};
	const struct copy_job job = {
		.in = in,
		.out = &out,
		.readers = connections(c, run_u64(r, "copy.readers", 0)),
		.most = c->at_once > 1 ? connections(c, CONNECTIONS) : 0,
		.target_zeroed = c->zeroed,
		.read_all = run_flag(r, "copy.read_all", false),
		.check = !staged(r) && disks_check_during(r),
		.limit = run_u64(r, "copy.limit", 0),
		.share = c->share,
		.flush_every = run_u64(r, "copy.flush_every", 0),
		.patience = run_u64(r, "copy.patience", 0),
		.done = c->done,
		.identity = c->identity,
		.left_out = c->left_out,
		.ctx = c,
		.begin = on_begin,
		.mark = on_mark,
		.progress = on_progress,
		.note = on_note,
	};

	if (sink_open(c->sink, &so, &out, e))
		return -1;
	if (copy_run(&job, &res, e))
		return -1;
	if (sink_close(&out, e))
		return -1;
	return note_result(c, &res, e);
}

/* A thread of its own. */
static int copy_one(void *ctx, struct copy_share *share, struct err *e)
{
	_disk_in_ struct disk_in in = {0};
	struct job_ctx *c = ctx;

	c->share = share;
	if (open_source(c->r, c->disk, &in, e) || copy_into(c, &in, e))
		return err_in(e, "copy disk %s to %s", slot_of(c->r, c->disk),
			c->sink);
	return 0;
}

static int prepare(struct job_ctx *c, struct err *e)
{
	struct run *r = c->r;
	const struct vm_disk *d = run_source_disk(r, c->disk);
	struct disks_row *row = &c->rows[c->disk];
	bool noted;

	if (disks_map(r, c->disk, &c->done, &noted, e))
		return -1;
	row->total = d ? d->used : 0;
	/* Killed behind the last mark: nothing is left to copy, but the source
	 * is compared once more, as after every copy. */
	if (noted && c->done && copy_map_complete(c->done)) {
		*row = (struct disks_row){.state = DISKS_DONE};
		return 0;
	}
	if (staged(r) ? staged_spec(r, c->disk, &c->sink, e)
		      : disks_sink_spec(r, c->disk, &c->sink, e))
		return -1;
	c->zeroed = still_zeroed(r, c->disk, c->sink);
	c->identity = json_deep_copy(disks_identity(r, c->disk));
	c->left_out = xstrdup(disks_left_out(r, c->disk));
	return 0;
}

/* "/vmfs/volumes/NAME" of a path, or one word for all files of this machine:
 * two readers in one place only make it seek. To be freed. */
static char *place_of(const struct run *r, size_t i)
{
	const struct vm_disk *d = run_source_disk(r, i);
	const char *p = d && d->path ? d->path : "";
	size_t n = 0;

	for (int slashes = 0; p[n]; n++) {
		slashes += p[n] == '/';
		if (slashes == 4)
			break;
	}
	return origin_is_file(r) ? xstrdup("") : xstrndup(p, n);
}

struct set {
	struct job_ctx ctx[DISKS_MAX];
	struct copy_task task[DISKS_MAX];
	char *place[DISKS_MAX];
	size_t n; /* tasks */
};

static void set_free(struct set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		copy_map_free(s->ctx[i].done);
		json_decref(s->ctx[i].identity);
		free(s->ctx[i].left_out);
		free(s->ctx[i].sink);
		free(s->place[i]);
	}
}

/* How many at once, and why. */
static unsigned choose(struct run *r, struct set *s)
{
	uint64_t asked = run_u64(r, "copy.disks_at_once", 0);
	unsigned n = 1;

	for (size_t i = 1; i < s->n; i++)
		if (strcmp(s->place[0], s->place[i]))
			n = AT_ONCE;
	if (asked)
		n = asked < AT_ONCE_MAX ? asked : AT_ONCE_MAX;
	n = n < s->n ? n : s->n;
	for (size_t i = 0; i < s->n; i++) {
		s->task[i].group = asked ? NULL : s->place[i];
		s->ctx[i].at_once = n;
	}
	if (s->n > 1)
		run_say(r, "  %u of %zu disks at once: %s", n, s->n,
			asked           ? N_("as the plan says")
				: n > 1 ? N_("they lie on different datastores")
					: N_("they lie in one place, which is "
					     "best read in order"));
	return n;
}

static int copy_set(struct run *r, struct disks_row *rows, size_t first,
	size_t end, struct err *e)
{
	struct set s __attribute__((cleanup(set_free))) = {0};
	unsigned at_once;

	for (size_t i = first; i < end; i++) {
		struct job_ctx *c = &s.ctx[s.n];

		*c = (struct job_ctx){.r = r, .disk = i, .rows = rows};
		s.place[s.n] = place_of(r, i);
		s.task[s.n++] = (struct copy_task){.run = copy_one, .ctx = c};
		if (prepare(c, e))
			return err_in(e, "copy disk %s", slot_of(r, i));
		if (rows[i].state == DISKS_DONE) {
			copy_map_free(c->done);
			free(s.place[--s.n]);
		}
	}
	if (!s.n)
		return 0;
	at_once = choose(r, &s);
	/* A session kept idle over a long copy would be cut. */
	run_disconnect(r);
	return copy_many(s.task, s.n, at_once, run_u64(r, "copy.limit", 0), e);
}

static int run(struct run *r, struct err *e)
{
	struct disks_row rows[DISKS_MAX] = {0};
	size_t n = run_disks(r);

	if (n > DISKS_MAX)
		return err_set(e, ERR_PLAN_BAD, "%zu disks", n);
	if (!staged(r))
		return copy_set(r, rows, 0, n, e);
	for (size_t i = 0; i < n; i++) {
		if (copy_set(r, rows, i, i + 1, e))
			return -1;
		if (staged_convert(r, i, e))
			return err_in(e, "convert disk %s", slot_of(r, i));
	}
	return 0;
}

static int verify(struct run *r, struct err *e)
{
	bool whole = false;

	if (disks_complete(r, &whole, e))
		return -1;
	return whole ? 0
		     : err_set(e, ERR_INTERNAL,
			       "the journal has gaps in "
			       "its marks");
}

/* The volumes go with the VM; only staging files are this step's own. */
static int undo(struct run *r, struct err *e)
{
	return staged_remove(r, e);
}

const struct step step_copy_disks = {
	.kind = "copy_disks",
	.order = 70,
	.flags = STEP_LONG,
	.doing = N_("Copy the disks"),
	.why = N_("Only blocks that were ever written and that the guest's "
		  "file systems use are read, and they go straight into the "
		  "new volumes: no staging file, no second pass. The source is "
		  "only read."),
	.manual = N_("ssh root@ESXI 'cat /vmfs/volumes/DS/VM/VM-flat.vmdk' "
		     "| dd of=/dev/zvol/rpool/data/vm-ID-disk-0 bs=1M "
		     "conv=sparse"),
	.trouble = N_("A connection lost in mid-copy is tried again for some "
		      "minutes. Stopped or killed, it goes on at the last "
		      "mark. Way back: the volumes are removed with the VM."),
	.file = {.why = N_("What the images hold and the guest's file systems "
			   "use is read and goes straight into the new "
			   "volumes: nothing is unpacked, no staging file. The "
			   "files are only read."),
		.manual = N_("tar -xf FILE.ova\n"
			     "qemu-img convert -p -n -O raw VM-disk1.vmdk "
			     "/dev/zvol/rpool/data/vm-ID-disk-0"),
		.trouble = N_("Stopped or killed, it goes on at the last mark. "
			      "Way back: the volumes are removed with the VM; "
			      "the files stay.")},
	.check = check,
	.run = run,
	.verify = verify,
	.undo = undo,
};
