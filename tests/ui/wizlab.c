/* The wizard with canned verbs and jobs (wizlab.h). */
#include "wizlab.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/stat.h>

#include "../unit/jobsample.h"

#include "core/content.h"
#include "core/i18n.h"
#include "screens/wizard.h"
#include "tui/own.h"

#define DATA "tests/ui/data/"
#define PLAN "tests/golden/plan/plan.json"

const char *wiz_host = "testhost";

static const char recent[] =
	"{\"esxi\": \"esxi1.example\", \"esxi_user\": \"root\", "
	"\"pve\": \"192.0.2.8\", \"pve_user\": \"root@pam!vmferry\", "
	"\"nics\": {\"web01 ethernet0\": {\"address\": \"203.0.113.77/24\", "
	"\"gateway\": \"203.0.113.1\", \"dns\": \"9.9.9.9\"}}}\n";
static const char stranger[] =
	"SSH_HOSTKEY_NEW  log in to esxi1.example\n"
	"  why   the host key is ssh-ed25519 "
	"SHA256:uWBAd3vhXmRkqBQv1gnQqWUh3aTmyGqvqEJ1lkT0xYM\n"
	"  next  Compare\n";

/* No word of any language in what is waited for. */
const char wiz_walk[] =
	"<wait 1/8><snap>n<wait 2/8><snap><^N><wait SHA256><snap><Left><Enter>"
	"<wait 3/8><wait 768.0 MiB><snap>d<snap><Esc><Enter><wait 4/8><snap>"
	"<^N><wait 8.4.21><snap><Tab><Tab><Enter><snap><Esc><PgDn><^N>"
	"<wait 5/8><snap><^N><wait 6/8><snap><PgDn><snap>s<snap><Esc>"
	"<Enter>web01<snap><Enter><wait ]  [><Right><snap><Enter>"
	"<wait E1000><snap>";

const char wiz_file_walk[] =
	"<wait 1/8>n<wait 2/8><snap><Right><snap><Tab>web01.vmdk<^N><snap><^U>"
	"/srv/export/web01.ova<snap><^N><wait 3/8><snap><Enter><wait 4/8><^N>"
	"<wait 8.4.21><snap><^N><wait 5/8><^N><wait 6/8><snap><PgDn><snap>";

#define OPEN "<wait 1/8><snap><Enter><wait 7/8>"
const struct wiz_script wiz_scripts[] = {
	{"ask-bus", false, OPEN "<wait E1000><snap><^G><snap><Esc><Esc><snap>"},
	{"ask-mac", false, OPEN "<wait 198.51.100.7><snap>xyz<^N><snap>"},
	{"ask-fix", false, OPEN "<wait +auto ens18><snap><Enter><snap>"},
	{"ask-name", false, OPEN "<wait web01><snap>web1<^N><snap>"},
	{"ask-off", false,
		OPEN "<wait web01.ova><snap><Esc><snap><PgDn><snap>w<snap>"},
	{"ask-power", false, OPEN "<wait VMware Tools><snap>"},
	{"ask-virtio", false,
		OPEN "<wait 0x7B><snap><Enter><wait san policy><snap><Esc>"
		     "<wait 0x7B><snap>"},
	{"guided", false, OPEN "<wait qm create><snap>"},
	{"failed", false,
		OPEN "<wait vmferry-errors><snap><Esc><snap><PgDn><snap>"
		     "k<snap><Enter><Esc>w<snap><Esc>r<snap>e<snap>"},
	{"copying", true,
		OPEN "<wait 12.34 GiB><snap><PgDn><snap>?<snap><Esc>s<snap>"
		     "<Esc><Down><Down><wait 9/17><snap>"},
	{"stopped", false,
		OPEN "<wait 7/17><snap>w<snap><Enter><snap><Esc><Esc>"},
	{"done", false, "<wait 1/8><snap><Down><Enter><snap><PgDn><snap>"},
	{"undone", false, "<wait 1/8><snap><Down><Enter><snap>"},
	{NULL, false, NULL},
};

/* --- files --- */

char *wiz_path(const char *name)
{
	return xasprintf("%s/fake/%s", jobtest_dir, name);
}

void wiz_write(const char *name, const char *text)
{
	_free_ char *path = wiz_path(name);

	ok(file_write(path, text, strlen(text), 0600, e));
}

char *wiz_read(const char *name)
{
	_free_ char *path = wiz_path(name);
	char *text = NULL;

	if (file_read(path, 8 << 20, &text, NULL, NULL))
		text = xstrdup("");
	return text;
}

static void copy_data(const char *name)
{
	_free_ char *from = path_join(DATA, name), *text = NULL;

	ok(file_read(from, 1 << 20, &text, NULL, e));
	wiz_write(name, text);
}

/* The directory of the built program: build/ of build/ui/test_x. */
static char *build_dir(void)
{
	char self[PATH_MAX] = "";

	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	*strrchr(self, '/') = '\0';
	*strrchr(self, '/') = '\0';
	return xstrdup(self);
}

static void set_paths(void)
{
	_free_ char *build = build_dir();
	_free_ char *locale = path_join(build, "locale");
	_free_ char *real = path_join(build, "vmferry");
	_free_ char *fake = realpath("tests/ui/fake-vmferry", NULL);
	_free_ char *dir = wiz_path("");

	/* build/ has its program beside it, build-asan/ inside. */
	if (!file_exists(real)) {
		free(real);
		real = realpath("vmferry", NULL);
	}
	assert_non_null(real);
	setenv("VMFERRY_LOCALE", locale, 1);
	setenv("VMFERRY_SELF", fake, 1);
	setenv("REAL", real, 1);
	dir[strlen(dir) - 1] = '\0';
	setenv("FAKE", dir, 1);
}

int wiz_setup(void **state)
{
	static const char *const data[] = {"list.json", "vm-1.json",
		"vm-2.json", "vm-3.json", "vm-4.json", "target.json",
		"hoster.json", "image.json"};
	_free_ char *fake = NULL, *jobs = NULL;

	if (jobtest_setup(state))
		return -1;
	fake = path_join(jobtest_dir, "fake");
	jobs = path_join(jobtest_dir, "jobs");
	ok(file_mkdirs(fake, 0700, e));
	ok(file_mkdirs(jobs, 0700, e));
	set_paths();
	for (size_t i = 0; i < ARRAY_LEN(data); i++)
		copy_data(data[i]);
	wiz_write("stranger", stranger);
	wiz_write("secrets",
		"esxi.password=correct-horse\npve.secret=battery-staple\n");
	jobtest_write(jobtest_dir, "recent", recent, strlen(recent));
	return 0;
}

int wiz_teardown(void **state)
{
	return jobtest_teardown(state);
}

/* --- jobs --- */

static char *data_of(const char *name, const char *ending)
{
	_free_ char *path = xasprintf(DATA "jobs/%s.%s", name, ending);
	char *text = NULL;

	ok(file_read(path, 1 << 20, &text, NULL, e));
	return text;
}

/* The text that the job's question lets edit, where it has one. */
static void make_content(const char *name, const char *dir)
{
	_free_ char *path = xasprintf(DATA "jobs/%s.content", name);
	char hex[SHA256_HEX];
	_free_ char *text = NULL;

	if (file_read(path, 1 << 20, &text, NULL, NULL) == 0)
		ok(content_keep(dir, text, strlen(text), hex, e));
}

/* The lines of a job's journal, chained, in a directory with plan, status
 * and log. */
static void make_job(const char *name, const char *dir)
{
	_free_ char *lines = data_of(name, "journal");
	_free_ char *status = data_of(name, "status");
	_free_ char *log = data_of(name, "log");
	_free_ char *own = xasprintf(DATA "jobs/%s.plan", name);
	_free_ char *plan = NULL;
	char head[SHA256_HEX], sum[SHA256_HEX], *p = lines, *line;
	_buf_ struct buf out = {0};
	unsigned seq = 0;
	size_t len;

	if (!file_exists(own))
		str_set(&own, PLAN);
	ok(file_read(own, 1 << 20, &plan, &len, e));
	ok(file_mkdirs(dir, 0700, e));
	jobtest_write(dir, "plan.json", plan, len);
	sha256_hex(plan, len, sum);
	memset(head, '0', SHA256_HEX - 1);
	head[SHA256_HEX - 1] = '\0';
	while ((line = str_line(&p))) {
		_json_ json_t *in = NULL;

		ok(json_parse(line, strlen(line), &in, e));
		if (seq == 0)
			json_put(in, "data", jobtest_data("sha256", sum));
		chain_line(&out, in, ++seq, head);
	}
	jobtest_write(dir, "journal", out.s, out.len);
	jobtest_write(dir, "status", status, strlen(status));
	jobtest_write(dir, "log", log, strlen(log));
	make_content(name, dir);
}

void wiz_job(const char *name)
{
	_free_ char *dir = xasprintf("%s/jobs/%s", jobtest_dir, name);

	make_job(name, dir);
}

void wiz_new_job(const char *name)
{
	_free_ char *dir = wiz_path("new");

	make_job(name, dir);
}

struct job *wiz_hold(const char *name)
{
	struct job *job = NULL;

	ok(job_open(name, &job, e));
	ok(job_lock(job, e));
	return job;
}

void wiz_release(struct job *job)
{
	job_close(job);
}

/* --- the run --- */

static void told(const char *by, const char *text)
{
	_free_ char *path = wiz_path("told");
	_free_ char *line = xasprintf("%s: %s\n", by, text);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	/* One line a text. */
	for (char *p = line; p[0] && p[1]; p++)
		if (*p == '\n')
			*p = ' ';
	if (fd >= 0)
		write_all(fd, line, strlen(line));
	close(fd);
}

static void run(const struct tui_opts *o, void *arg)
{
	_free_ char *secrets = wiz_path("secrets");
	_free_ char *mark = wiz_path("node");
	struct err e = {0};

	/* A Proxmox VE node where a test says so, and none elsewhere. */
	setenv("VMFERRY_NODE_MARK", mark, 1);

	(void)arg;
	/* Start tells where it runs. Without root the name is this host's. */
	if (unshare(CLONE_NEWUTS) == 0)
		(void)!sethostname(wiz_host, strlen(wiz_host));
	i18n_open();
	draw_told = told;
	if (wizard_run(o, secrets, &e))
		abort();
}

char *wiz_run(
	const char *keys, int cols, int rows, const char *lang, bool ascii)
{
	_free_ char *language = xasprintf("LANGUAGE=%s", lang);
	const char *env[] = {language, "SSH_CONNECTION=192.0.2.7 1 192.0.2.8 2",
		ascii ? "LC_CTYPE=C" : "LC_CTYPE=C.UTF-8", NULL};

	return ui_test_run(run, NULL, keys, cols, rows, env);
}

char *wiz_run_plain(const char *keys)
{
	const char *env[] = {"PLAIN=1", "LANGUAGE=", "LC_CTYPE=C.UTF-8",
		"SSH_CONNECTION=192.0.2.7 1 192.0.2.8 2", NULL};

	return ui_test_run(run, NULL, keys, 80, 24, env);
}
