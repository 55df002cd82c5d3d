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

struct job_ctx {
	struct run *r;
	size_t disk;
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

static int on_begin(void *ctx, const json_t *identity, struct err *e)
{
	struct job_ctx *c = ctx;
	_free_ char *id = xasprintf("identity.%zu", c->disk);
	json_t *d = json_object();

	json_put_str(d, "id", id);
	json_put_str(d, "value", slot_of(c->r, c->disk));
	json_object_set(d, "identity", (json_t *)identity);
	return run_note(c->r, "decision", d, e);
}

static int on_mark(void *ctx, const struct copy_mark *m, struct err *e)
{
	struct job_ctx *c = ctx;

	return run_note(c->r, "mark", copy_mark_to_json(m, c->disk), e);
}

static void on_progress(void *ctx, const struct copy_progress *p)
{
	struct job_ctx *c = ctx;

	disks_progress(c->r, c->disk, false, p);
}

static void on_note(void *ctx, const char *line)
{
	struct job_ctx *c = ctx;

	run_say(c->r, "  %s", line);
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
	struct run *r, size_t i, const struct copy_result *c, struct err *e)
{
	json_t *d = copy_result_to_json(c);

	json_put_str(d, "name", "copy");
	json_put_str(d, "slot", slot_of(r, i));
	tell_result(r, i, c);
	return run_note(r, "measure", d, e);
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

static int copy_into(struct run *r, size_t i, const struct copy_map *done,
	struct disk_in *in, const char *sink, struct err *e)
{
	_disk_out_ struct disk_out out = {0};
	_copy_result_ struct copy_result res = {0};
	const struct sink_opts so = {.create = staged(r), .size = in->size};
	struct job_ctx ctx = {.r = r, .disk = i};
	const struct copy_job job = {
		.in = in,
		.out = &out,
		.readers = run_u64(r, "copy.readers", 0),
		.target_zeroed = still_zeroed(r, i, sink),
		.read_all = run_flag(r, "copy.read_all", false),
		.check = !staged(r) && disks_check_during(r),
		.limit = run_u64(r, "copy.limit", 0),
		.flush_every = run_u64(r, "copy.flush_every", 0),
		.patience = run_u64(r, "copy.patience", 0),
		.done = done,
		.identity = disks_identity(r, i),
		.ctx = &ctx,
		.begin = on_begin,
		.mark = on_mark,
		.progress = on_progress,
		.note = on_note,
	};

	if (sink_open(sink, &so, &out, e))
		return -1;
	if (copy_run(&job, &res, e))
		return -1;
	if (sink_close(&out, e))
		return -1;
	return note_result(r, i, &res, e);
}

static int copy_one(struct run *r, size_t i, struct err *e)
{
	_copy_map_ struct copy_map *done = NULL;
	_disk_in_ struct disk_in in = {0};
	_free_ char *sink = NULL;

	if (disks_map(r, i, &done, e))
		return -1;
	if (done && copy_map_complete(done))
		return 0;
	if (staged(r) ? staged_spec(r, i, &sink, e)
		      : disks_sink_spec(r, i, &sink, e))
		return -1;
	if (open_source(r, i, &in, e))
		return -1;
	return copy_into(r, i, done, &in, sink, e);
}

static int run(struct run *r, struct err *e)
{
	for (size_t i = 0; i < run_disks(r); i++) {
		/* A session kept idle over a long copy would be cut. */
		run_disconnect(r);
		if (copy_one(r, i, e) || (staged(r) && staged_convert(r, i, e)))
			return err_in(e, "copy disk %s", slot_of(r, i));
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
	.trouble = N_("A lost connection is tried again for some minutes. "
		      "Stopped or killed, the same command goes on at the last "
		      "mark. Way back: the volumes are removed with the VM."),
	.file = {.why = N_("What the images hold and the guest's file systems "
			   "use is read and goes straight into the new "
			   "volumes: nothing is unpacked, no staging file. The "
			   "files are only read."),
		.manual = N_("tar -xf FILE.ova\n"
			     "qemu-img convert -p -n -O raw VM-disk1.vmdk "
			     "/dev/zvol/rpool/data/vm-ID-disk-0"),
		.trouble = N_("Stopped or killed, the same command goes on at "
			      "the last mark. Way back: the volumes are "
			      "removed with the VM; the files stay.")},
	.check = check,
	.run = run,
	.verify = verify,
	.undo = undo,
};
