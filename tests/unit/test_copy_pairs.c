/* `vmferry copy --json` from each kind of source to each kind of target: the
 * same disk arrives, its digest is the same by every pair, and the result has
 * all that it promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>

#include "core/verb.h"
#include "esxi_copy.h"

/* Of what is served or used as a block device; by number, as in the table. */
static struct {
	const char *file, *format; /* in the test's directory */
	pid_t pid;
} servers[] = {{"src.raw", "raw", 0}, {"served.raw", "raw", 0}};
static char *loop;

static char *socket_path(int which)
{
	_free_ char *name = xasprintf("nbd%d", which);

	return real_path(name);
}

static char *pid_path(int which)
{
	_free_ char *name = xasprintf("nbd%d.pid", which);

	return real_path(name);
}

/* One client, and the end with it: qemu-nbd as it is by itself. It goes to
 * the background once it listens. */
static void serve(int which)
{
	_free_ char *file = real_path(servers[which].file);
	_free_ char *sock = socket_path(which), *pid = pid_path(which);
	const char *const argv[] = {"qemu-nbd", "--fork", "--pid-file", pid,
		"-k", sock, "-f", servers[which].format, file, NULL};
	_free_ char *text = NULL;
	uint64_t n = 0;
	struct err e = {0};

	unlink(sock);
	must(proc_must(argv, NULL, NULL, ERR_IO, &e), &e);
	must(file_read(pid, 64, &text, NULL, &e), &e);
	assert_int_equal(str_u64(str_trim(text), INT_MAX, &n), 0);
	servers[which].pid = n;
}

/* Its last client is gone: so is it, in a moment. */
static void served(int which)
{
	double until = now_mono() + 60;
	pid_t pid = servers[which].pid;

	while (pid && kill(pid, 0) == 0 && now_mono() < until)
		usleep(5000);
	if (pid)
		kill(pid, SIGTERM);
	servers[which].pid = 0;
}

/* --- the table --- */

static char *spec_ssh(void)
{
	return xasprintf("ssh://root@127.0.0.1:%u" VOLUME
			 "/it's web/it's web.vmdk",
		LAB_NEW);
}
static char *spec_https(void)
{
	return xasprintf("https://root@127.0.0.1:%u/folder/it%%27s%%20web/"
			 "it%%27s%%20web.vmdk?dcPath=ha-datacenter"
			 "&dsName=datastore1",
		LAB_NEW + LAB_WEB);
}
static char *spec_raw(void)
{
	return real_path("src.raw");
}
static char *spec_image(void)
{
	return real_path("src.vmdk");
}
static char *spec_served(void)
{
	_free_ char *sock = socket_path(0);

	serve(0);
	return xasprintf("nbd+unix:///?socket=%s", sock);
}

static char *to_qcow2(void)
{
	return real_spec("qcow2:", "dst");
}
static char *to_raw(void)
{
	return real_spec("raw:", "dst");
}
static char *to_block(void)
{
	return xstrdup(loop);
}
static char *to_served(void)
{
	_free_ char *file = real_path("served.raw");
	_free_ char *sock = socket_path(1);

	unlink(file);
	close(open(file, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(truncate(file, DISK), 0);
	serve(1);
	return xasprintf("nbd+unix:///?socket=%s", sock);
}

static const struct {
	const char *name, *road;
	char *(*spec)(void);
	bool map; /* it knows its holes */
} from[] = {
	{"ssh", NULL, spec_ssh, true},
	{"https", "https", spec_https, false},
	{"file", "file", spec_raw, true},
	{"image", "qemu-nbd", spec_image, true},
	{"nbd", "nbd", spec_served, true},
};

static const struct {
	const char *name, *format, *file;
	char *(*spec)(void);
} to[] = {
	{"qcow2", "qcow2", "dst", to_qcow2},
	{"raw", "raw", "dst", to_raw},
	{"block", "raw", NULL, to_block},
	{"nbd", "raw", "served.raw", to_served},
};

/* --- one pair --- */

static struct buf said;

static void put_said(struct out *o, const char *s, size_t n)
{
	(void)o;
	buf_add(&said, s, n);
}

static void no_note(struct out *o, const char *line)
{
	(void)o, (void)line;
}

static json_t *copy_json(const char *source, const char *target)
{
	_free_ char *pass = real_path("secrets");
	_free_ char *port = xasprintf("%u", LAB_NEW + LAB_WEB);
	const char *argv[] = {"copy", source, target, "--json", "--overwrite",
		"--secrets", pass, "--accept-hostkey", "first", "--accept-cert",
		"first", "--https-port", port, NULL};
	struct out o = {.put = put_said, .note = no_note};
	struct err e = {0};
	json_t *j = NULL;

	buf_clear(&said);
	if (verb_copy.run(ARRAY_LEN(argv) - 1, (char **)argv, &o, &e))
		fail_msg("%s to %s: %s: %s", source, target, err_id(e.code),
			e.why);
	must(json_parse(said.s, said.len, &j, &e), &e);
	return j;
}

static void all_fields(const json_t *j, size_t f)
{
	static const char *const bytes[] = {"provisioned", "written", "read",
		"skipped_by_map", "skipped_by_fs", "zero", "connections"};

	for (size_t i = 0; i < ARRAY_LEN(bytes); i++)
		if (!json_is_integer(json_object_get(j, bytes[i])))
			fail_msg("%s: no %s", from[f].name, bytes[i]);
	assert_true(json_num(j, "seconds", -1) > 0);
	assert_true(json_u64(j, "connections", 0) >= 1);
	assert_int_equal(json_u64(j, "provisioned", 0), DISK);
	assert_int_equal(json_u64(j, "read", 0) +
			json_u64(j, "skipped_by_map", 0) +
			json_u64(j, "skipped_by_fs", 0),
		DISK);
	assert_int_equal(json_u64(j, "written", 0) + json_u64(j, "zero", 0),
		json_u64(j, "read", 0));
	assert_int_equal(json_u64(j, "skipped_by_map", 0) > 0, from[f].map);
	if (from[f].road)
		assert_string_equal(json_str_or(j, "road", ""), from[f].road);
	else
		assert_true(*json_str_or(j, "road", ""));
}

static void one_pair(size_t f, size_t t, char digest[SHA256_HEX])
{
	_free_ char *source = from[f].spec(), *target = to[t].spec();
	_free_ char *src = real_path("src.raw"), *dst = real_path("dst");
	_free_ char *file = to[t].file ? real_path(to[t].file) : xstrdup(loop);
	_json_ json_t *j = NULL;

	j = copy_json(source, target);
	served(0);
	served(1);
	all_fields(j, f);
	if (!*digest)
		snprintf(
			digest, SHA256_HEX, "%s", json_str_or(j, "digest", ""));
	assert_int_equal(strlen(digest), SHA256_HEX - 1);
	assert_string_equal(json_str_or(j, "digest", ""), digest);
	real_same(src, to[t].format, file);
	unlink(dst);
}

static void every_source_to_every_target(void **state)
{
	char digest[SHA256_HEX] = "";

	(void)state;
	real_need();
	lab_need();
	for (size_t f = 0; f < ARRAY_LEN(from); f++)
		for (size_t t = 0; t < ARRAY_LEN(to); t++)
			if (loop || to[t].spec != to_block)
				one_pair(f, t, digest);
	if (!loop)
		fprintf(stderr, "without a block device: losetup fails\n");
}

/* --- what they are made of --- */

static void make_loop(void)
{
	_free_ char *file = real_path("block.raw");
	const char *const argv[] = {"losetup", "--find", "--show", file, NULL};
	_proc_ struct proc_result r = {0};

	real_rubbish(file, DISK);
	if (proc_run(argv, NULL, &r, NULL) == 0 && !r.status)
		loop = xstrdup(str_trim(r.out));
}

static int setup_all(void **state)
{
	_free_ char *src = NULL, *vmdk = NULL, *pass = NULL;

	if (setup(state))
		return -1;
	if (lab_missing || real_missing)
		return 0;
	src = real_path("src.raw");
	vmdk = real_path("src.vmdk");
	pass = real_path("secrets");
	make_loop();
	return lab_run("qemu-img", "convert", "-f", "raw", "-O", "vmdk", src,
		       vmdk) ||
		file_write(pass, "esxi.password=" LAB_PASSWORD "\n",
			sizeof("esxi.password=" LAB_PASSWORD), 0600, NULL);
}

static int teardown_all(void **state)
{
	served(0);
	served(1);
	if (loop)
		lab_run("losetup", "-d", loop);
	free(loop);
	buf_free(&said);
	return teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_source_to_every_target),
	};

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
