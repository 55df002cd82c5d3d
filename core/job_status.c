/*
 * A job's newest progress and its debug log: see job.h. Keeps true: neither
 * can stop a worker, and a reader never sees half a status.
 */
#include "job.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "i18n.h"
#include "state.h"
#include "str.h"

#define STATUS_GAP 0.25 /* seconds between two writes */
#define STATUS_MAX (1 << 20)
#define LOG_MAX (8 << 20)

/* --- writing the status --- */

/* Not flushed to disk: after a power cut the journal tells more. */
static int replace(const char *dir, const char *text)
{
	_free_ char *path = path_join(dir, "status");
	_free_ char *tmp = path_join(dir, "status.new");
	_close_ int fd =
		open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write_all(fd, text, strlen(text)))
		return -1;
	return rename(tmp, path);
}

void job_status_flush(struct job *job)
{
	_free_ char *text = NULL;

	if (!job->dirty)
		return;
	text = json_pretty(job->status);
	if (replace(job->dir, text))
		job_log(job, "the status file cannot be written");
	job->written = now_mono();
	job->dirty = false;
}

static bool same_place(const json_t *a, const json_t *b)
{
	return strcmp(json_str_or(a, "state", ""),
		       json_str_or(b, "state", "")) == 0 &&
		strcmp(json_str_or(a, "step", ""),
			json_str_or(b, "step", "")) == 0;
}

void job_status_write(
	struct job *job, const struct journal *j, const json_t *status)
{
	json_t *s = json_copy((json_t *)status);
	bool moved = !job->status || !same_place(s, job->status);
	char time[32];

	json_put_u64(s, "pid", getpid());
	json_put_str(s, "updated", now_utc(time));
	if (j) {
		json_put_u64(s, "seq", journal_seq(j));
		json_put_str(s, "head", journal_head(j));
	}
	json_decref(job->status);
	job->status = s;
	job->dirty = true;
	if (moved || now_mono() - job->written >= STATUS_GAP)
		job_status_flush(job);
}

/* --- reading it --- */

/* What the file says; {state: ready} where there is none or it is cut. */
static json_t *status_file(const struct job *job)
{
	_free_ char *path = path_join(job->dir, "status");
	_free_ char *text = NULL;
	json_t *s = NULL;
	size_t len;

	if (file_read(path, STATUS_MAX, &text, &len, NULL) == 0 &&
		json_parse(text, len, &s, NULL) == 0 && json_is_object(s))
		return s;
	json_decref(s);
	s = json_object();
	json_put_str(s, "state", "ready");
	return s;
}

/* A worker that died could not say so. */
static bool was_working(const char *state)
{
	return strcmp(state, "running") == 0 ||
		strcmp(state, N_("undoing")) == 0;
}

int job_status(const struct job *job, json_t **out, struct err *e)
{
	pid_t pid = job_worker_pid(job);
	json_t *s;

	if (!file_exists(job->dir))
		return err_set(e, ERR_NOT_FOUND, "%s", job->dir);
	s = status_file(job);
	if (pid == 0 && was_working(json_str_or(s, "state", ""))) {
		json_put_str(s, "state", "stopped");
		json_put_bool(s, "interrupted", true);
	}
	json_put_str(s, "name", job->name);
	json_put(s, "pid", json_integer(pid));
	*out = s;
	return 0;
}

/* --- the list --- */

static void add_title(const struct job *job, json_t *s)
{
	_json_ json_t *plan = NULL;
	_free_ char *title = NULL;
	const char *vm, *to;

	if (job_plan(job, &plan, NULL))
		return;
	vm = json_string_value(json_at(plan, "source.vm.name"));
	to = json_string_value(json_at(plan, "target.node"));
	title = xasprintf("%s -> %s", vm ? vm : "?", to ? to : "?");
	json_put_str(s, "title", title);
}

static int first_time(void *arg, const json_t *line, struct err *e)
{
	(void)e;
	json_put_str(arg, "created", json_str(line, "time"));
	return 1;
}

static json_t *bad_entry(const char *name, const struct err *e)
{
	json_t *s = json_object(), *x = json_object();

	json_put_str(s, "name", name);
	json_put_str(s, "state", N_("bad"));
	json_put_str(x, "id", err_id(e->code));
	json_put_str(x, "why", e->why);
	json_put_str(x, "next", err_advice(e->code));
	json_put(s, "error", x);
	return s;
}

static json_t *list_entry(const char *name)
{
	_job_ struct job *job = NULL;
	json_t *s = NULL;
	struct err e = {0};

	if (job_open(name, &job, &e) || job_status(job, &s, &e))
		return bad_entry(name, &e);
	add_title(job, s);
	journal_each(job->dir, first_time, s, NULL);
	return s;
}

static int newest_first(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;
	int c = strcmp(
		json_str_or(*y, "created", ""), json_str_or(*x, "created", ""));

	return c ? c
		 : strcmp(json_str_or(*x, "name", ""),
			   json_str_or(*y, "name", ""));
}

int job_list(json_t **out, struct err *e)
{
	_free_ char *dir = NULL;
	_free_ json_t **v = NULL;
	struct dirent *d;
	size_t n = 0;
	DIR *h;

	if (state_path("jobs", &dir, e))
		return -1;
	h = opendir(dir);
	while (h && (d = readdir(h))) {
		if (job_name_check(d->d_name, NULL))
			continue;
		v = xreallocarray(v, n + 1, sizeof(*v));
		v[n++] = list_entry(d->d_name);
	}
	if (h)
		closedir(h);
	if (n)
		qsort(v, n, sizeof(*v), newest_first);
	*out = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(*out, v[i]);
	return 0;
}

/* --- the log --- */

static int log_open(struct job *job)
{
	_free_ char *path = path_join(job->dir, "log");
	_free_ char *old = path_join(job->dir, "log.1");
	struct stat st;

	if (job->log_fd >= 0 && fstat(job->log_fd, &st) == 0 &&
		st.st_size > LOG_MAX) {
		close(job->log_fd);
		job->log_fd = -1;
		rename(path, old);
	}
	if (job->log_fd < 0)
		job->log_fd = open(
			path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	return job->log_fd;
}

void job_log(struct job *job, const char *fmt, ...)
{
	_free_ char *raw = NULL, *clean = NULL, *line = NULL;
	char time[32];
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&raw, fmt, ap) < 0)
		abort();
	va_end(ap);
	if (job->secrets)
		secrets_redact(job->secrets, raw);
	clean = str_printable_dup(raw);
	line = xasprintf("%s %s\n", now_utc(time), clean);
	if (log_open(job) >= 0)
		(void)!write(job->log_fd, line, strlen(line));
}
