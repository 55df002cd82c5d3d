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

char *task_log_path(const char *upid)
{
	return fmt("%s/tasks/%s", lab.dir, upid);
}

__attribute__((format(printf, 3, 0))) static void vlog(
	struct task *t, const char *prefix, const char *f, va_list ap)
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

json_t *task_json(const struct task *t)
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
		: t->warnings      ? fmt("WARNINGS: %d", t->warnings)
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
	if (fault_hit("task-fail", t->type, &f)) {
		rc = task_die(t, "%s",
			js(f, "text") ? js(f, "text") : "failed on demand");
		/* A create that fails gives its id back. */
		if (!strcmp(t->type, "qmcreate"))
			vm_drop((int)strtol(t->id, NULL, 10));
	}
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
	path = task_log_path(t->upid);
	t->log = fopen(path, "we");
	t->next = running;
	running = t;
	state_save();
	if (pthread_create(&th, NULL, task_main, t))
		abort();
	pthread_detach(th);
	return t;
}

struct task *task_live(const char *upid)
{
	for (struct task *t = running; t; t = t->next)
		if (!strcmp(t->upid, upid))
			return t;
	return NULL;
}

void task_stop(struct task *t)
{
	pid_t pid = t->child;

	t->abort = true;
	if (pid > 0)
		kill(-pid, SIGTERM);
}

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
