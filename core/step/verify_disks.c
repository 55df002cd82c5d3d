/*
 * Every volume is read back and compared with the digests taken while
 * reading the source: what lies on the target is what was on the source.
 * What copy_disks read back behind its writer, past the page cache, is not
 * read again but for samples; the plan's copy.read_back "after" reads all.
 */
#include "../disks.h"
#include "../i18n.h"

#include "../str.h"

struct job_ctx {
	struct run *r;
	size_t disk;
};

static void on_progress(void *ctx, const struct copy_progress *p)
{
	struct job_ctx *c = ctx;

	disks_progress(c->r, c->disk, p);
}

static int note_result(
	struct run *r, size_t i, const struct copy_checked *c, struct err *e)
{
	const char *slot = json_str_or(run_disk(r, i), "slot", "?");
	char got[STR_SIZE_LEN], took[STR_SIZE_LEN], before[STR_SIZE_LEN];
	json_t *d = json_object();

	json_put_str(d, "name", "verify");
	json_put_str(d, "slot", slot);
	json_put_str(d, "digest", c->digest);
	json_put_u64(d, "read", c->read);
	json_put_u64(d, "known_zero", c->known);
	json_put_u64(d, "during_copy", c->checked);
	json_put(d, "seconds", json_real(c->seconds));
	run_say(r,
		"  %s: identical, %s read back while it was copied, %s now "
		"in %s",
		slot, str_size(before, c->checked), str_size(got, c->read),
		str_duration(took, c->seconds));
	return run_note(r, "measure", d, e);
}

static int verify_one(struct run *r, size_t i, struct err *e)
{
	const struct sink_opts so = {.read_only = true};
	_copy_map_ struct copy_map *map = NULL;
	_disk_out_ struct disk_out out = {0};
	_free_ char *sink = NULL;
	struct job_ctx ctx = {.r = r, .disk = i};
	struct copy_check check = {.out = &out,
		.all = !disks_check_during(r),
		.ctx = &ctx,
		.progress = on_progress};
	struct copy_checked res;

	if (disks_map(r, i, &map, NULL, e))
		return -1;
	if (!map || !copy_map_complete(map))
		return err_set(e, ERR_INTERNAL, "disk %zu is not copied", i);
	check.map = map;
	if (disks_sink_spec(r, i, &sink, e) || sink_open(sink, &so, &out, e) ||
		copy_verify(&check, &res, e))
		return -1;
	return note_result(r, i, &res, e);
}

static int run(struct run *r, struct err *e)
{
	for (size_t i = 0; i < run_disks(r); i++)
		if (verify_one(r, i, e))
			return err_in(e, "verify disk %s",
				json_str_or(run_disk(r, i), "slot", "?"));
	return 0;
}

const struct step step_verify_disks = {
	.kind = "verify_disks",
	.order = 80,
	.flags = STEP_LONG | STEP_SKIPPABLE,
	.doing = N_("Read the copies back and compare"),
	.why = N_(
		"A copy is only a copy once it was read back: each range must "
		"give the digest taken while the source was read."),
	.manual = N_("sha256sum /vmfs/volumes/DS/VM/VM-flat.vmdk   (on ESXi)\n"
		     "qemu-img convert -O raw VOLUME /dev/stdout | sha256sum"),
	.file = {.manual = N_("qemu-img compare VM-disk1.vmdk VOLUME")},
	.trouble = N_("A difference means bad storage or memory here. Do not "
		      "start the VM; undo and copy again, on other storage."),
	.run = run,
};
