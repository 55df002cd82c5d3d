/*
 * task.c - worker tasks: UPIDs, logs, end states.
 *
 * Keeps true: a task's log file ends in TASK OK, TASK WARNINGS or TASK ERROR
 * before its end state shows; a task that was running when the program died
 * is not among the finished ones, its log simply stops ("unexpected status").
 */
#include "pve.h"

#include <signal.h>
#include <stdarg.h>

static struct task *running;

static char *log_path(const char *upid)
{
	return fmt("%s/tasks/%s", lab.dir, upid);
}

static void vlog(struct task *t, const char *prefix, const char *f,
	va_list ap)
{
	auto_free char *s = NULL;

	if (!t->log)
		return;
	if (vasprintf(&s, f, ap) < 0)
		abort();
	chomp(s);
	fprintf(t->log, "%s%s\n", prefix, s);
	fflush(t->log);
}

void task_log(struct task *t, const char *f, ...)
{
	va_list ap;

	va_start(ap, f);
	vlog(t, "", f, ap);
	va_end(ap);
}

void task_warn(struct task *t, const char *f, ...)
{
	va_list ap;

	t->warnings++;
	va_start(ap, f);
	vlog(t, "WARN: ", f, ap);
	va_end(ap);
}

int task_die(struct task *t, const char *f, ...)
{
	va_list ap;

	if (t->err)
		return -1;
	va_start(ap, f);
	if (vasprintf(&t->err, f, ap) < 0)
		abort();
	va_end(ap);
	chomp(t->err);
	return -1;
}

static char *human(double bytes)
{
	static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	size_t u = 0;

	while (bytes >= 1024 && u < 4) {
		bytes /= 1024;
		u++;
	}
	return fmt("%.1f %s", bytes, unit[u]);
}

struct progress {
	struct task *t;
	long long total;
};

static void run_line(void *arg, const char *s, bool cr)
{
	struct progress *p = arg;
	const char *at = strchr(s, '(');
	double pc;
	char *end;

	(void)cr;
	if (!p->total || !at || !strstr(at, "/100%)")) {
		task_log(p->t, "%s", s);
		return;
	}
	pc = strtod(at + 1, &end);
	if (pc > 0 && pc < 100 && pc < p->t->shown + 1)
		return;
	auto_free char *done = human((double)p->total * pc / 100);
	auto_free char *all = human((double)p->total);

	p->t->shown = pc;
	task_log(p->t, "transferred %s of %s (%.2f%%)", done, all, pc);
}

int task_run(struct task *t, const char *const argv[], long long total)
{
	struct progress p = {t, total};

	t->shown = 0;
	return cmd_run(argv, run_line, &p, &t->child);
}

bool task_wait(struct task *t, int ms)
{
	int64_t end = now_ms() + ms;

	while (!t->abort && now_ms() < end)
		sleep_ms(ms < 20 ? ms : 20);
	return !t->abort;
}

static void task_free(struct task *t)
{
	if (t->drop)
		t->drop(t->arg);
	free(t->upid);
	free(t->type);
	free(t->id);
	free(t->user);
	free(t->err);
	free(t);
}

static json_t *task_json(const struct task *t)
{
	return jp("{s:s,s:s,s:s,s:s,s:i,s:i,s:I}", "upid", t->upid, "type",
		t->type, "id", t->id, "user", t->user, "pid", (int)t->pid,
		"pstart", (int)t->pstart, "starttime", (json_int_t)t->start);
}

json_t *tasks_running(void)
{
	json_t *a = json_array();

	for (struct task *t = running; t; t = t->next)
		json_array_append_new(a, task_json(t));
	return a;
}

/* lab.lock held.  The end state, then the task is history. */
static void task_end(struct task *t, int rc)
{
	auto_free char *state = rc ? xstrdup(t->err ? t->err : "unknown error")
				: t->warnings ? fmt("WARNINGS: %d", t->warnings)
					      : xstrdup("OK");
	json_t *j = task_json(t);

	task_log(t, "TASK %s%s", rc ? "ERROR: " : "", state);
	if (t->log)
		fclose(t->log);
	for (char *p = state; *p; p++)
		if (*p == '\n')
			*p = ' ';
	js_set(j, "exitstatus", state);
	ji_set(j, "endtime", (long long)time(NULL));
	json_array_append_new(lab.done, j);
	for (struct task **p = &running; *p; p = &(*p)->next) {
		if (*p == t) {
			*p = t->next;
			break;
		}
	}
	state_save();
	task_free(t);
}

static void *task_main(void *arg)
{
	struct task *t = arg;
	json_t *f = NULL;
	int rc = 0;

	if (!task_wait(t, lab.slow_ms))
		rc = task_die(t, "interrupted by signal");
	lab_lock();
	if (fault_hit("task-fail", t->type, &f))
		rc = task_die(t, "%s",
			js(f, "text") ? js(f, "text") : "failed on demand");
	json_decref(f);
	f = NULL;
	if (fault_hit("task-warn", t->type, &f))
		task_warn(t, "%s",
			js(f, "text") ? js(f, "text") : "warned on demand");
	json_decref(f);
	lab_unlock();
	if (!rc)
		rc = t->fn(t, t->arg);
	lab_lock();
	task_end(t, rc);
	lab_unlock();
	return NULL;
}

/* Ticks since boot, as the kernel counts a process's start. */
static unsigned ticks(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (unsigned)(t.tv_sec * 100 + t.tv_nsec / 10000000);
}

struct task *task_start(const char *type, const char *id, const char *user,
	int (*fn)(struct task *t, void *arg), void *arg,
	void (*drop)(void *arg))
{
	struct task *t = xalloc(sizeof(*t));
	auto_free char *path = NULL;
	pthread_t th;

	t->type = xstrdup(type);
	t->id = xstrdup(id);
	t->user = xstrdup(user);
	t->pid = (unsigned)lab.next_pid++;
	t->pstart = ticks();
	t->start = time(NULL);
	t->fn = fn;
	t->arg = arg;
	t->drop = drop;
	t->upid = fmt("UPID:%s:%08X:%08X:%08lX:%s:%s:%s:", NODE, t->pid,
		t->pstart, (unsigned long)t->start, type, id, user);
	path = log_path(t->upid);
	t->log = fopen(path, "we");
	t->next = running;
	running = t;
	state_save();
	if (pthread_create(&th, NULL, task_main, t))
		abort();
	pthread_detach(th);
	return t;
}

static struct task *task_live(const char *upid)
{
	for (struct task *t = running; t; t = t->next)
		if (!strcmp(t->upid, upid))
			return t;
	return NULL;
}

static void task_stop(struct task *t)
{
	pid_t pid = t->child;

	t->abort = true;
	if (pid > 0)
		kill(-pid, SIGTERM);
}

/* Aborts all tasks and waits for their ends; called without lab.lock. */
void tasks_stop(int ms)
{
	int64_t end = now_ms() + ms;
	bool some = true;

	while (some && now_ms() < end) {
		lab_lock();
		some = running != NULL;
		for (struct task *t = running; t; t = t->next)
			task_stop(t);
		lab_unlock();
		if (some)
			sleep_ms(20);
	}
}

static json_t *task_done(const char *upid)
{
	json_t *j;
	size_t i;

	json_array_foreach (lab.done, i, j)
		if (!strcmp(js(j, "upid"), upid))
			return j;
	return NULL;
}

/* "user" and "tokenid" from "root@pam!full". */
static void split_user(json_t *j)
{
	auto_free char *u = xstrdup(js(j, "user"));
	char *bang = strchr(u, '!');

	if (!bang)
		return;
	*bang = '\0';
	js_set(j, "user", u);
	js_set(j, "tokenid", bang + 1);
}

static bool own_or_audit(struct call *c, const char *upid, const char *priv)
{
	auto_free char *mine = fmt(":%s:", c->who.id);

	return ends(upid, mine) || auth_need(c, "/nodes/" NODE, priv);
}

static const char *upid_arg(struct call *c)
{
	const char *u = call_arg(c, "upid");
	int colons = 0;

	for (const char *p = u; *p; p++)
		colons += *p == ':';
	if (starts(u, "UPID:") && colons == 8 && !strchr(u, '/'))
		return u;
	call_bad(c, "upid", "unable to parse worker upid");
	return NULL;
}

static void status_get(struct call *c)
{
	const char *upid = upid_arg(c);
	const struct task *t = upid ? task_live(upid) : NULL;
	auto_free char *path = upid ? log_path(upid) : NULL, *log = NULL;

	if (!upid || !own_or_audit(c, upid, "Sys.Audit"))
		return;
	log = file_read(path, NULL);
	if (!log) {
		call_bad(c, "upid", "no such task");
		return;
	}
	if (t) {
		c->data = task_json(t);
	} else if (task_done(upid)) {
		c->data = json_deep_copy(task_done(upid));
		if (lab.rel < 700 || lab.rel >= 800)
			json_object_del(c->data, "endtime");
	} else {
		c->data = jp("{s:s,s:s,s:s}", "upid", upid, "exitstatus",
			"unexpected status", "user", c->who.id);
	}
	js_set(c->data, "status", t ? "running" : "stopped");
	js_set(c->data, "node", NODE);
	split_user(c->data);
}

static void log_get(struct call *c)
{
	const char *upid = upid_arg(c), *start = call_arg(c, "start");
	const char *limit = call_arg(c, "limit");
	long long from = 0, most = 50, n = 0;
	auto_free char *path = upid ? log_path(upid) : NULL, *log = NULL;
	char *save = NULL;

	if (!upid || !own_or_audit(c, upid, "Sys.Audit"))
		return;
	number(start, &from);
	number(limit, &most);
	log = file_read(path, NULL);
	if (!log) {
		c->data = jp("{s:i,s:s}", "n", 1, "t",
			"unable to open file - No such file or directory");
		c->extra = jp("{s:i}", "total", 1);
		return;
	}
	c->data = json_array();
	for (char *p = strtok_r(log, "\n", &save); p;
		p = strtok_r(NULL, "\n", &save)) {
		if (n++ >= from && (!most || n <= from + most))
			json_array_append_new(c->data,
				jp("{s:I,s:s}", "n", (json_int_t)n, "t", p));
	}
	if (!n) {
		json_array_append_new(c->data,
			jp("{s:i,s:s}", "n", 1, "t", "no content"));
		n = 1;
	}
	c->extra = jp("{s:I}", "total", (json_int_t)n);
}

static void stop_delete(struct call *c)
{
	const char *upid = upid_arg(c);
	int64_t end = now_ms() + 1000;
	struct task *t;

	if (!upid || !own_or_audit(c, upid, "Sys.Modify"))
		return;
	t = task_live(upid);
	if (t)
		task_stop(t);
	while (task_live(upid) && now_ms() < end) {
		lab_unlock();
		sleep_ms(20);
		lab_lock();
	}
}

static bool wanted(const struct call *c, const json_t *j)
{
	const char *vmid = call_arg(c, "vmid");
	const char *type = call_arg(c, "typefilter");
	const char *state = js(j, "exitstatus");

	return (!vmid || !strcmp(js(j, "id"), vmid)) &&
	       (!type || !strcmp(js(j, "type"), type)) &&
	       (!call_true(c, "errors") || !state ||
		       (strcmp(state, "OK") && !starts(state, "WARNINGS")));
}

static void list_get(struct call *c)
{
	const char *source = call_arg(c, "source");
	bool active = source && strcmp(source, "archive");
	bool archive = !source || strcmp(source, "active");
	auto_json json_t *all = active ? tasks_running() : json_array();
	long long start = 0, limit = 50, n = 0;
	json_t *j;
	size_t i;

	number(call_arg(c, "start"), &start);
	number(call_arg(c, "limit"), &limit);
	for (i = archive ? json_array_size(lab.done) : 0; i-- > 0;)
		json_array_append(all, json_array_get(lab.done, i));
	c->data = json_array();
	json_array_foreach (all, i, j) {
		json_t *o;

		if (!wanted(c, j) || n++ < start || n > start + limit)
			continue;
		o = json_deep_copy(j);
		js_set(o, "node", NODE);
		js_set(o, "status",
			js(o, "exitstatus") ? js(o, "exitstatus") : "RUNNING");
		json_object_del(o, "exitstatus");
		split_user(o);
		json_array_append_new(c->data, o);
	}
	c->extra = jp("{s:I}", "total", (json_int_t)n);
}

static void cluster_list(struct call *c)
{
	json_t *o;
	size_t i;

	list_get(c);
	json_decref(c->extra);
	c->extra = NULL;
	json_array_foreach (c->data, i, o) {
		json_object_del(o, "pid");
		json_object_del(o, "pstart");
		js_set(o, "saved", "1");
	}
}

const struct route task_routes[] = {
	{"GET", "/cluster/tasks", cluster_list},
	{"GET", "/nodes/{node}/tasks", list_get},
	{"DELETE", "/nodes/{node}/tasks/{upid}", stop_delete},
	{"GET", "/nodes/{node}/tasks/{upid}/status", status_get},
	{"GET", "/nodes/{node}/tasks/{upid}/log", log_get},
	{NULL, NULL, NULL},
};
