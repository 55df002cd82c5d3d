/* `vmferry copy SRC DST`: one disk, by the same pump that a job uses. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "../copy.h"
#include "../copy_state.h"
#include "../i18n.h"
#include "../verb.h"

#define TELL_EVERY 5.0 /* s */
#define HEAD (1U << 20)

struct task {
	struct out *o;
	const char *source, *target;
	const char *state_path, *secrets_path;
	bool json, verify, overwrite, check_source;
	struct source_opts opts;
	struct copy_job job;
	struct copy_state *state; /* or null */
	struct disk_in in;
	struct disk_out out;
	double told_at;
};

/* --- arguments --- */

static int parse_number(
	const char *name, const char *text, uint64_t *out, struct err *e)
{
	if (str_bytes(text, out) || !*out)
		return err_set(
			e, ERR_USAGE, "--%s %s: not a number", name, text);
	return 0;
}

static const struct option options[] = {
	{"json", no_argument, NULL, 'j'},
	{"read-all", no_argument, NULL, 'a'},
	{"limit", required_argument, NULL, 'l'},
	{"readers", required_argument, NULL, 'r'},
	{"verify", no_argument, NULL, 'v'},
	{"state", required_argument, NULL, 's'},
	{"secrets", required_argument, NULL, 'p'},
	{"key", required_argument, NULL, 'k'},
	{"accept-hostkey", required_argument, NULL, 'h'},
	{"accept-cert", required_argument, NULL, 'c'},
	{"road", required_argument, NULL, 'R'},
	{"https-port", required_argument, NULL, 'P'},
	{"old-tls", no_argument, NULL, 'T'},
	{"no-gzip", no_argument, NULL, 'g'},
	{"check-source", no_argument, NULL, 'C'},
	{"overwrite", no_argument, NULL, 'o'},
	{0},
};

/* Options of how an ESXi host is reached. */
static int take_road_option(struct task *t, int c, struct err *e)
{
	uint64_t n = 0;

	switch (c) {
	case 'c':
		t->opts.accept_cert = optarg;
		return 0;
	case 'R':
		t->opts.road = strcmp(optarg, "auto") ? optarg : NULL;
		return 0;
	case 'P':
		if (str_u64(optarg, 65535, &n))
			return err_set(e, ERR_USAGE,
				"--https-port %s: not a port", optarg);
		t->opts.https_port = n;
		return 0;
	case 'T':
		t->opts.old_tls = true;
		return 0;
	case 'g':
		t->opts.no_gzip = true;
		return 0;
	case 'C':
		t->check_source = true;
		return 0;
	default:
		return verb_usage(&verb_copy, e);
	}
}

static int take_option(struct task *t, int c, struct err *e)
{
	uint64_t n = 0;

	switch (c) {
	case 'j':
		t->json = true;
		return 0;
	case 'a':
		t->job.read_all = true;
		return 0;
	case 'l':
		return parse_number("limit", optarg, &t->job.limit, e);
	case 'r':
		if (parse_number("readers", optarg, &n, e))
			return -1;
		t->job.readers = n > 16 ? 16 : n;
		return 0;
	case 'v':
		t->verify = t->job.check = true;
		return 0;
	case 's':
		t->state_path = optarg;
		return 0;
	case 'p':
		t->secrets_path = optarg;
		return 0;
	case 'k':
		t->opts.key = optarg;
		return 0;
	case 'h':
		t->opts.accept_hostkey = optarg;
		return 0;
	case 'o':
		t->overwrite = true;
		return 0;
	default:
		return take_road_option(t, c, e);
	}
}

static int parse(struct task *t, int argc, char **argv, struct err *e)
{
	int c;

	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (take_option(t, c, e))
			return -1;
	if (argc - optind != 2)
		return verb_usage(&verb_copy, e);
	if (t->check_source && !t->job.read_all)
		return err_set(e, ERR_USAGE,
			"--check-source compares the whole disk: it needs "
			"--read-all");
	t->source = argv[optind];
	t->target = argv[optind + 1];
	return 0;
}

/* --- what the copy tells --- */

static int on_begin(
	void *ctx, const json_t *identity, const char *left_out, struct err *e)
{
	struct task *t = ctx;

	if (!t->state)
		return 0;
	return copy_state_begin(
		t->state, t->source, t->target, &t->job, identity, left_out, e);
}

static int on_mark(void *ctx, const struct copy_mark *m, struct err *e)
{
	struct task *t = ctx;

	return t->state ? copy_state_mark(t->state, m, e) : 0;
}

static void on_note(void *ctx, const char *line)
{
	struct task *t = ctx;

	t->o->note(t->o, line);
}

static void on_progress(void *ctx, const struct copy_progress *p)
{
	struct task *t = ctx;
	char done[STR_SIZE_LEN], all[STR_SIZE_LEN], rate[STR_SIZE_LEN];
	char eta[STR_SIZE_LEN] = "?";

	if (now_mono() - t->told_at < TELL_EVERY)
		return;
	t->told_at = now_mono();
	if (p->eta >= 0)
		str_duration(eta, p->eta);
	out_notef(t->o, "%s of %s, %s/s, %s left%s%s%s%s",
		str_size(done, p->done), str_size(all, p->todo),
		str_size(rate, p->rate), eta, p->road ? " by " : "",
		p->road ? p->road : "", p->note ? "; " : "",
		p->note ? p->note : "");
}

/* --- the work --- */

/* Somebody's data? Partition tables, volume and file system heads all lie in
 * the first MiB. */
static int refuse_used(struct task *t, struct err *e)
{
	uint64_t n = t->out.size < HEAD ? t->out.size : HEAD;
	_free_ unsigned char *head = xmalloc(n);

	if (sink_read(&t->out, head, n, 0, e))
		return -1;
	for (uint64_t i = 0; i < n; i++)
		if (head[i])
			return err_set(e, ERR_TARGET_USED,
				"%s holds data already", t->target);
	return 0;
}

static int open_target(struct task *t, struct err *e)
{
	const struct sink_opts o = {.create = true, .size = t->in.size};

	if (sink_open(t->target, &o, &t->out, e))
		return -1;
	t->job.out = &t->out;
	t->job.target_zeroed = t->out.created;
	if (t->state && copy_state_same(t->state, &t->job, e))
		return -1;
	if (t->state && t->state->head) {
		t->job.done = t->state->map;
		t->job.identity = json_object_get(t->state->head, "identity");
		t->job.left_out = t->state->left_out;
		t->job.target_zeroed = t->out.created ||
			json_flag(t->state->head, "zeroed", false);
		/* The file that the marks speak of is gone. */
		if (t->out.created && t->state->map)
			return err_set(e, ERR_BAD_INPUT,
				"%s speaks of a target that is no longer "
				"there: remove it to begin anew",
				t->state_path);
		return 0;
	}
	return t->out.created || t->overwrite ? 0 : refuse_used(t, e);
}

static int verify(struct task *t, const struct copy_result *r, json_t *report,
	struct err *e)
{
	const struct sink_opts o = {.read_only = true};
	_disk_out_ struct disk_out back = {0};
	const struct copy_check check = {
		.out = &back, .map = r->map, .ctx = t, .progress = on_progress};
	struct copy_checked v;
	json_t *j;

	if (sink_open(t->target, &o, &back, e) || copy_verify(&check, &v, e) ||
		sink_close(&back, e))
		return err_in(e, "read %s back", t->target);
	j = json_object();
	json_put_u64(j, "read", v.read);
	json_put_u64(j, "known_zero", v.known);
	json_put_u64(j, "during_copy", v.checked);
	json_put(j, "seconds", json_real(v.seconds));
	json_put(report, "verified", j);
	return 0;
}

/* By the source's own sums; it must still be what was copied. */
static int check_source(struct task *t, const struct copy_result *r,
	json_t *report, struct err *e)
{
	const struct copy_check_source check = {
		.in = &t->in, .map = r->map, .ctx = t, .progress = on_progress};

	if (copy_check_source(&check, e))
		return -1;
	json_put_bool(report, "source_checked", true);
	return 0;
}

static void put_text(struct task *t, const struct copy_result *r)
{
	char all[STR_SIZE_LEN], got[STR_SIZE_LEN], put[STR_SIZE_LEN];
	char map[STR_SIZE_LEN], fs[STR_SIZE_LEN], took[STR_SIZE_LEN],
		rate[STR_SIZE_LEN];
	double speed = r->seconds > 0 ? r->read / r->seconds : 0;

	out_f(t->o,
		"copied    %s disk: %s read, %s written, %s skipped by "
		"map, %s by file system\n"
		"took      %s, %s/s by %s, %u connections, %u retries\n"
		"road      %s\n",
		str_size(all, r->provisioned), str_size(got, r->read),
		str_size(put, r->written), str_size(map, r->skipped_by_map),
		str_size(fs, r->skipped_by_fs), str_duration(took, r->seconds),
		str_size(rate, speed), r->road, r->readers, r->retries,
		r->road_why);
	if (r->map_note)
		out_f(t->o, "map       not used: %s\n", r->map_note);
	if (r->fs_note)
		out_f(t->o, "whole     %s\n", r->fs_note);
	out_f(t->o, "digest    %s\n", r->digest);
	if (t->verify)
		out_puts(t->o, "verified  read back, every range the same\n");
	if (t->check_source)
		out_puts(t->o,
			"checked   the source's own checksums are the "
			"same\n");
}

/* The most that this process had resident, bytes; without its children. */
static uint64_t memory_used(void)
{
	struct rusage u = {0};

	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)u.ru_maxrss << 10;
}

static int copy(struct task *t, struct err *e)
{
	_copy_result_ struct copy_result r = {0};
	_json_ json_t *report = NULL;
	_free_ char *text = NULL;

	if (source_open(t->source, &t->opts, &t->in, e))
		return -1;
	t->job.in = &t->in;
	if (open_target(t, e) || copy_run(&t->job, &r, e) ||
		sink_close(&t->out, e))
		return -1;
	report = copy_result_to_json(&r);
	json_put_u64(report, "memory", memory_used());
	if (t->verify && verify(t, &r, report, e))
		return -1;
	if (t->check_source && check_source(t, &r, report, e))
		return -1;
	if (!t->json) {
		put_text(t, &r);
		return 0;
	}
	text = json_pretty(report);
	out_puts(t->o, text);
	return 0;
}

static int run(int argc, char **argv, struct out *o, struct err *e)
{
	_secrets_ struct secrets *secrets = secrets_new();
	struct task t = {.o = o,
		.told_at = now_mono(),
		.job = {
			.begin = on_begin,
			.mark = on_mark,
			.note = on_note,
			.progress = on_progress,
		}};
	int rc;

	t.job.ctx = &t;
	t.opts.secrets = secrets;
	if (parse(&t, argc, argv, e))
		return -1;
	if (t.secrets_path && secrets_load(secrets, t.secrets_path, e))
		return -1;
	if (t.state_path &&
		copy_state_open(t.state_path, t.source, t.target, &t.state, e))
		return -1;
	rc = copy(&t, e);
	cleanup_sink(&t.out);
	source_close(&t.in);
	copy_state_free(t.state);
	return rc ? err_in(e, "copy %s to %s", t.source, t.target) : 0;
}

const struct verb verb_copy = {
	.name = "copy",
	.args = "SOURCE TARGET [--json] [--verify] [--state FILE] "
		"[--read-all] [--limit RATE] [--readers N] [--overwrite] "
		"[--secrets FILE] [--key FILE] [--accept-hostkey FINGERPRINT] "
		"[--road ROAD] [--accept-cert FINGERPRINT] [--https-port N] "
		"[--old-tls] [--no-gzip] [--check-source]",
	.help = N_(
		"copy one disk: from a host or a file, to a volume or a file"),
	.run = run,
};
