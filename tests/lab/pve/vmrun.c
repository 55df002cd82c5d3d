/*
 * vmrun.c - starting and ending QEMUs.
 *
 * Keeps true: a VM runs where its pid file's process has the start time in
 * the state, so QEMUs are found again after this program was killed and no
 * other process is ever taken for one.  Taps are QEMU's own and go with it;
 * a small script puts them on their bridge.
 */
#include "pve.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

/* What pve-bridge does: exit 2 shows as "status 512" in QEMU's message. */
static const char bridge_script[] =
	"#!/bin/sh\n"
	"read -r br tag < \"${0%/*}/$1.bridge\"\n"
	"if ! ip link show dev \"$br\" >/dev/null 2>&1; then\n"
	"	echo \"bridge '$br' does not exist\" >&2; exit 2\n"
	"fi\n"
	"ip link set \"$1\" up && ip link set \"$1\" master \"$br\" || exit 2\n"
	"[ -z \"$tag\" ] || bridge vlan add dev \"$1\" vid \"$tag\" pvid "
	"untagged || {\n"
	"	echo \"vlan tag $tag: '$br' has no VLAN filtering here\" >&2\n"
	"	exit 2; }\n";

pid_t vm_pid(int vmid)
{
	return (pid_t)ji(vm_get(vmid), "pid");
}

bool vm_running(int vmid)
{
	const json_t *vm = vm_get(vmid);
	unsigned long long start = proc_start((pid_t)ji(vm, "pid"));

	return start && start == (unsigned long long)ji(vm, "pstart");
}

/* lab.lock held. */
static void forget(int vmid)
{
	static const char *const files[] = {"pid", "qmp", "qga", "serial0",
		"serial1", "serial2", "serial3", "efivars"};
	json_t *vm = vm_get(vmid);

	if (!ji(vm, "pid"))
		return;
	json_object_del(vm, "pid");
	json_object_del(vm, "pstart");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		auto_free char *p = run_path(vmid, files[i]);

		unlink(p);
	}
	state_save();
}

static int script_write(void)
{
	auto_free char *path = fmt("%s/run/pve-bridge", lab.dir);

	return file_write(path, bridge_script, sizeof(bridge_script) - 1, 0700);
}

static const char **argv_of(const json_t *args)
{
	const char **argv = xalloc((json_array_size(args) + 1) * sizeof(*argv));
	json_t *v;
	size_t i;

	json_array_foreach (args, i, v)
		argv[i] = json_string_value(v);
	return argv;
}

/* lab.lock held. */
static int found(struct task *t, int vmid)
{
	auto_free char *path = run_path(vmid, "pid");
	auto_free char *text = file_read(path, NULL);
	pid_t pid = text ? (pid_t)strtol(text, NULL, 10) : 0;
	unsigned long long start = proc_start(pid);
	json_t *vm = vm_get(vmid);

	if (!start)
		return task_die(t, "start failed: QEMU exited with code 1");
	ji_set(vm, "pid", pid);
	ji_set(vm, "pstart", (long long)start);
	ji_set(vm, "started", (long long)time(NULL));
	state_save();
	return 0;
}

static void log_line(void *arg, const char *s, bool cr)
{
	(void)cr;
	task_log(arg, "%s", s);
}

static int launch(struct task *t, int vmid, const json_t *conf)
{
	auto_json json_t *args = qemu_args(t, vmid, conf);
	const char **argv;
	int rc;

	if (!args)
		return -1;
	if (script_write())
		return task_die(t, "cannot write the bridge script");
	argv = argv_of(args);
	rc = cmd_run_as("qemu-system-x86_64", argv, log_line, t, NULL);
	free(argv);
	return rc ? task_die(t, "start failed: QEMU exited with code %d", rc)
		  : 0;
}

static int start_checks(struct task *t, int vmid)
{
	const json_t *conf = vm_conf(vmid);

	if (!conf)
		return task_die(t,
			"Configuration file 'nodes/%s/qemu-server/%d.conf' "
			"does not exist",
			NODE, vmid);
	if (js(conf, "lock"))
		return task_die(t, "VM is locked (%s)", js(conf, "lock"));
	if (vm_running(vmid))
		return task_die(t, "VM %d already running", vmid);
	return 0;
}

int vmrun_start(struct task *t, int vmid)
{
	auto_json json_t *conf = NULL;
	int rc = -1;

	lab_lock();
	if (!vm_flock(vmid, 10000)) {
		task_die(t,
			"can't lock file '/var/lock/qemu-server/lock-%d.conf' "
			"- got timeout",
			vmid);
	} else {
		rc = start_checks(t, vmid);
		if (!rc) {
			forget(vmid);
			change_pending(t, vmid);
			conf = json_deep_copy(vm_conf(vmid));
			lab_unlock();
			rc = launch(t, vmid, conf);
			lab_lock();
		}
		if (!rc)
			rc = found(t, vmid);
		vm_funlock(vmid);
	}
	lab_unlock();
	return rc;
}

bool vmrun_gone(int vmid, int ms, struct task *t)
{
	int64_t end = now_ms() + ms;
	bool run;

	do {
		lab_lock();
		run = vm_running(vmid);
		if (!run && vm_get(vmid)) {
			struct task quiet = {.quiet = true};

			forget(vmid);
			change_pending(&quiet, vmid);
			free(quiet.err);
		}
		lab_unlock();
		if (!run)
			return true;
		sleep_ms(50);
	} while (now_ms() < end && !(t && t->abort));
	return false;
}

void vmrun_kill(int vmid, int ms)
{
	pid_t pid;
	json_t *r = qmp(vmid, "quit", NULL, NULL);

	json_decref(r);
	if (vmrun_gone(vmid, ms, NULL))
		return;
	for (int sig = SIGTERM;; sig = SIGKILL) {
		lab_lock();
		pid = vm_running(vmid) ? vm_pid(vmid) : 0;
		lab_unlock();
		if (pid > 0)
			kill(pid, sig);
		if (vmrun_gone(vmid, 5000, NULL) || sig == SIGKILL)
			return;
	}
}

void vmrun_stop_all(void)
{
	auto_json json_t *all = NULL;
	const char *k;
	json_t *v;

	lab_lock();
	all = json_deep_copy(lab.vms);
	lab_unlock();
	json_object_foreach (all, k, v) {
		int vmid = (int)strtol(k, NULL, 10);
		bool run;

		lab_lock();
		run = vm_running(vmid);
		lab_unlock();
		if (run)
			vmrun_kill(vmid, 3000);
	}
}
