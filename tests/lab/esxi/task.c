/*
 * Tasks: one file a task below /lab/task, its key as name, lines of
 * MEMBER=TEXT.
 */
#include "vim.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/stat.h>

char *task_new(const struct vm *vm, const char *method)
{
	long long n = state_next("next-task", lab_old() ? 3040 : 812345670);
	char *key = text_fmt(
		"haTask-%d-vim.VirtualMachine.%s-%lld", vm->id, method, n);
	struct vmx t = {0};
	char *now = text_utc();

	mkdir("/lab/task", 0755);
	vmx_set(&t, "vm", "%d", vm->id);
	vmx_set(&t, "name", "%s", vm->name);
	vmx_set(&t, "method", "%s", method);
	vmx_set(&t, "state", "running");
	vmx_set(&t, "start", "%s", now);
	vmx_set(&t, "number", "%lld", n);
	vmx_save(text_fmt("/lab/task/%s", key), &t);
	return key;
}

void task_end(const char *key, const char *fault, const char *msg)
{
	char *path = text_fmt("/lab/task/%s", key);
	struct vmx t;

	if (vmx_load(path, &t))
		return;
	vmx_set(&t, "state", fault ? "error" : "success");
	vmx_set(&t, "complete", "%s", text_utc());
	if (fault) {
		vmx_set(&t, "fault", "%s", fault);
		vmx_set(&t, "msg", "%s", msg);
	}
	vmx_save(path, &t);
}

static int by_number(const void *a, const void *b)
{
	const char *x = strrchr(*(char *const *)a, '-');
	const char *y = strrchr(*(char *const *)b, '-');

	return (text_num(x + 1) > text_num(y + 1)) -
		(text_num(x + 1) < text_num(y + 1));
}

/* A task that ended 10 minutes ago is not known any more. */
static bool forgotten(const char *key)
{
	char *path = text_fmt("/lab/task/%s", key);
	struct vmx t;
	struct stat st;

	if (stat(path, &st) || time(NULL) - st.st_mtime < 600)
		return false;
	return !vmx_load(path, &t) && vmx_get(&t, "complete") && !unlink(path);
}

int task_list(const struct vm *vm)
{
	char *mine = vm ? text_fmt("haTask-%d-", vm->id) : text_dup("haTask-");
	DIR *dir = opendir("/lab/task");
	struct dirent *e;
	struct dump d = {0};
	char **key = NULL;
	size_t i, n = 0;

	while (dir && (e = readdir(dir))) {
		if (strncmp(e->d_name, mine, strlen(mine)) ||
			strstr(e->d_name, ".tmp") || forgotten(e->d_name))
			continue;
		key = text_grow(key, n, sizeof(*key));
		key[n++] = text_dup(e->d_name);
	}
	if (dir)
		closedir(dir);
	if (n)
		qsort(key, n, sizeof(*key), by_number);
	dump_list(&d, NULL, "ManagedObjectReference");
	for (i = 0; i < n; i++)
		dump_raw(&d, NULL, "'vim.Task:%s'", key[i]);
	dump_close(&d);
	return 0;
}

static void task_error(struct dump *d, const struct vmx *t)
{
	const char *fault = vmx_get(t, "fault");

	if (!fault) {
		dump_raw(d, "error", "(vmodl.MethodFault) null");
		return;
	}
	dump_open(d, "error", fault);
	dump_raw(d, "faultCause", "(vmodl.MethodFault) null");
	if (!lab_old())
		dump_unset(d, "faultMessage");
	dump_str(d, "msg", "%s", vmx_get(t, "msg"));
	dump_close(d);
}

void task_takes(const char *key, long long seconds)
{
	char *path = text_fmt("/lab/task/%s", key);
	struct vmx t;

	if (vmx_load(path, &t))
		return;
	vmx_set(&t, "begun", "%lld", (long long)time(NULL));
	vmx_set(&t, "takes", "%lld", seconds);
	vmx_save(path, &t);
}

/* Percent done of a running task, from the time it takes; at most 99. */
static int progress(const struct vmx *t)
{
	long long begun = text_num(vmx_get(t, "begun"));
	long long takes = text_num(vmx_get(t, "takes"));
	long long p = takes > 0 ? (time(NULL) - begun) * 100 / takes : 0;

	return p > 99 ? 99 : (int)p;
}

static void task_times(struct dump *d, const struct vmx *t)
{
	const char *start = vmx_get(t, "start"), *end = vmx_get(t, "complete");

	dump_open(d, "reason", "vim.TaskReasonUser");
	dump_str(d, "userName", "root");
	dump_close(d);
	dump_str(d, "queueTime", "%s", start);
	dump_str(d, "startTime", "%s", start);
	if (end)
		dump_str(d, "completeTime", "%s", end);
	else
		dump_unset(d, "completeTime");
	dump_raw(d, "eventChainId", "%s", vmx_get(t, "number"));
	dump_unset(d, "changeTag");
	dump_unset(d, "parentTaskKey");
	dump_unset(d, "rootTaskKey");
	if (!lab_old())
		dump_unset(d, "activationId");
}

int task_info(const char *key)
{
	struct dump d = {0};
	struct vmx t;
	const char *method, *state;

	if (!strncmp(key, "vim.Task:", 9))
		key += 9;
	if (strchr(key, '/') || forgotten(key) ||
		vmx_load(text_fmt("/lab/task/%s", key), &t) ||
		!(method = vmx_get(&t, "method")))
		return vim_fault("vmodl.fault.ManagedObjectNotFound",
			"The object has already been deleted or has not been "
			"completely created",
			"obj", text_fmt("'vim.Task:%s'", key), NULL);
	state = vmx_get(&t, "state");
	dump_open(&d, NULL, "vim.TaskInfo");
	dump_str(&d, "key", "%s", key);
	dump_raw(&d, "task", "'vim.Task:%s'", key);
	dump_raw(&d, "description", "(vmodl.LocalizableMessage) null");
	dump_str(&d, "name", "vim.VirtualMachine.%s", method);
	dump_str(&d, "descriptionId", "VirtualMachine.%s", method);
	dump_raw(&d, "entity", "'vim.VirtualMachine:%s'", vmx_get(&t, "vm"));
	dump_str(&d, "entityName", "%s", vmx_get(&t, "name"));
	dump_str(&d, "state", "%s", state);
	dump_bool(&d, "cancelled", false);
	dump_bool(&d, "cancelable", false);
	task_error(&d, &t);
	dump_unset(&d, "result");
	if (!strcmp(state, "running"))
		dump_raw(&d, "progress", "%d", progress(&t));
	else if (!strcmp(state, "error"))
		dump_raw(&d, "progress", "100");
	else
		dump_unset(&d, "progress");
	task_times(&d, &t);
	dump_close(&d);
	return 0;
}
