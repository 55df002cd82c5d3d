/*
 * Copies of one disk of the lab's ESXi hosts (tests/lab/esxi), 8.0 and 5.5,
 * for tests that let something go wrong meanwhile.
 */
#ifndef ESXI_COPY_H
#define ESXI_COPY_H

#include "core/digest.h"
#include "esxi_lab.h"
#include "real_disk.h"

#define VOLUME "/vmfs/volumes/661ab9c9-ea3e9a38-f0ba-d89ef3ff34e7"
#define DISK (24 * MIB)

static struct secrets *secrets;

static inline void add_vm(const char *host)
{
	_free_ char *dir = lab_path(host), *src = real_path("src.raw");
	_free_ char *disk = xasprintf("slot=scsi0:0,ds=datastore1,src=%s", src);

	assert_int_equal(lab_run("tests/lab/esxi/addvm", dir, "--name",
				 "it's web", "--disk", disk),
		0);
}

/* Both hosts have one VM with the same disk: runs of data and zeros, and
 * holes of some MiB, as a datastore has them. */
static inline int setup(void **state)
{
	_free_ char *src = NULL;
	_close_ int fd = -1;

	if (real_setup(state) || lab_setup())
		return -1;
	if (lab_missing || real_missing)
		return 0;
	secrets = secrets_new();
	secrets_put(secrets, "esxi.password", LAB_PASSWORD);
	srandom(1);
	src = real_path("src.raw");
	real_raw(src, DISK);
	fd = open(src, O_WRONLY);
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 6 * MIB,
		    5 * MIB) ||
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			17 * MIB, 3 * MIB))
		return -1;
	add_vm("new");
	add_vm("old");
	return 0;
}

static inline int teardown(void **state)
{
	secrets_free(secrets);
	return lab_stop_all() | real_teardown(state);
}

struct run {
	struct real_copy c;
	char *source, *target, *state, *dst;
};

static inline void run_make(struct run *r, unsigned port)
{
	lab_need();
	real_need();
	*r = (struct run){
		.source = xasprintf("ssh://root@127.0.0.1:%u" VOLUME
				    "/it's web/it's web.vmdk",
			port),
		.target = real_spec("raw:", "dst.raw"),
		.state = real_path("state.copy"),
		.dst = real_path("dst.raw"),
	};
	unlink(r->dst);
	unlink(r->state);
	r->c = (struct real_copy){
		.source = r->source,
		.target = r->target,
		.create = true,
		.opts = {.secrets = secrets,
			.accept_hostkey = "first",
			.https_port = port + LAB_WEB},
		.job = {.range = 1 << 20, .flush_every = 0.01, .patience = 20},
	};
}

static inline void run_free(struct run *r)
{
	free(r->source);
	free(r->target);
	free(r->state);
	free(r->dst);
}

static inline void copies(struct run *r, struct copy_result *res)
{
	_free_ char *src = real_path("src.raw");
	struct err e = {0};

	must(real_run(&r->c, r->state, res, &e), &e);
	real_same(src, "raw", r->dst);
	must(real_verify(r->target, res->map, &e), &e);
}

static inline enum err_code fails(struct run *r)
{
	struct copy_result res;
	struct err e = {0};

	assert_int_equal(real_run(&r->c, r->state, &res, &e), -1);
	fprintf(stderr, "  %s: %s: %s\n", err_id(e.code), e.what, e.why);
	return e.code;
}

#endif
