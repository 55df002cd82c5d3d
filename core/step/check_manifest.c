/*
 * An OVF package against its manifest: every file that was exported is still
 * what it was, byte for byte. Reads the whole package once; nothing else can
 * tell a download that was cut off or a bit that fell over.
 */
#include "../i18n.h"
#include "../run.h"

#include <string.h>

#include "../manifest.h"
#include "../origin.h"
#include "../stop.h"
#include "../str.h"

static int tick(void *arg, uint64_t done, uint64_t total, struct err *e)
{
	struct run *r = arg;
	json_t *p = json_object();

	json_put_str(p, "what", N_("reading the package"));
	json_put_u64(p, "done", done);
	json_put_u64(p, "total", total);
	run_progress(r, p);
	return stop_check(e);
}

static int run(struct run *r, struct err *e)
{
	const struct manifest_watch w = {tick, r};
	bool ova = strcmp(run_str(r, "source.format", ""), "ova") == 0;
	json_t *sums, *d;

	if (manifest_check(origin_path(r), ova, &w, &sums, e))
		return err_in(
			e, "compare %s with its manifest", origin_path(r));
	run_say(r, "  %zu files are what the manifest says",
		json_array_size(sums));
	d = json_object();
	json_put_str(d, "name", "manifest");
	json_put(d, "files", sums);
	return run_note(r, "measure", d, e);
}

const struct step step_check_manifest = {
	.kind = "check_manifest",
	.order = 15,
	.flags = STEP_LONG | STEP_SKIPPABLE,
	.doing = N_("Compare the package with its manifest"),
	.why = N_("The manifest has a digest of each file as it was exported. "
		  "A package that was cut off or damaged on its way is found "
		  "now, not when the new server does not boot."),
	.manual = N_("tar -xf FILE.ova\nsha256sum *.ovf *.vmdk\ncat *.mf"),
	.trouble = N_("Copy the package here again from where it came. One "
		      "whose envelope you edited yourself can be passed over "
		      "with a reason."),
	.run = run,
};
