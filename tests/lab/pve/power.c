/*
 * power.c - .../status/{current,start,stop,shutdown,reset,...}, sendkey and
 * monitor.
 */
#include "pve.h"

struct power {
	int vmid, timeout;
	bool force;
	const char *cmd; /* QMP command of the simple ones */
};

/* Bytes of the VM's taps.  /proc/net is of this process's namespace, which
 * /sys/class/net need not be. */
static void netio(json_t *o, int vmid)
{
	auto_free char *all = file_read("/proc/net/dev", NULL);
	auto_free char *prefix = fmt("tap%di", vmid);
	json_t *nics = json_object();
	long long in = 0, out = 0;
	char *save = NULL;

	for (char *p = all ? strtok_r(all, "\n", &save) : NULL; p;
		p = strtok_r(NULL, "\n", &save)) {
		long long rx, tx;
		char name[32];

		if (sscanf(p, " %31[^:]: %lld %*d %*d %*d %*d %*d %*d %*d %lld",
			    name, &rx, &tx) != 3 ||
			!starts(name, prefix))
			continue;
		/* What the tap receives is what the guest sent. */
		json_object_set_new(nics, name,
			jp("{s:I,s:I}", "netin", (json_int_t)tx, "netout",
				(json_int_t)rx));
		in += tx;
		out += rx;
	}
	ji_set(o, "netin", in);
	ji_set(o, "netout", out);
	json_object_set_new(o, "nics", nics);
}

static void diskio(json_t *o, int vmid)
{
	auto_json json_t *r = qmp(vmid, "query-blockstats", NULL, NULL);
	json_t *all = json_object(), *one;
	long long rd = 0, wr = 0;
	size_t i;

	json_array_foreach (r, i, one) {
		const char *dev = js(one, "device");
		json_t *stats = json_object_get(one, "stats");

		if (!dev || !starts(dev, "drive-"))
			continue;
		json_object_set(all, dev + strlen("drive-"), stats);
		rd += ji(stats, "rd_bytes");
		wr += ji(stats, "wr_bytes");
	}
	ji_set(o, "diskread", rd);
	ji_set(o, "diskwrite", wr);
	json_object_set_new(o, "blockstat", all);
}

static void running_add(json_t *o, int vmid)
{
	const json_t *conf = vm_conf(vmid);
	const char *m = js(conf, "machine");
	bool q35 = m && strstr(m, "q35");
	auto_json json_t *st = qmp(vmid, "query-status", NULL, NULL);
	auto_free char *type = release_machine(q35);
	auto_free char *machine = fmt("%s+pve0", type);

	js_set(o, "qmpstatus", js(st, "status") ? js(st, "status") : "unknown");
	netio(o, vmid);
	diskio(o, vmid);
	if (lab.rel >= 601) {
		js_set(o, "running-qemu", release_qemu());
		js_set(o, "running-machine", machine);
	}
	json_object_set(o, "balloon", json_object_get(o, "maxmem"));
}

static void current_get(struct call *c)
{
	int vmid = call_vmid(c);
	const json_t *conf = vm_need(c, vmid);
	const char *agent = js(conf, "agent");

	if (!conf)
		return;
	c->data = vm_status(vmid, true);
	json_object_set_new(c->data, "ha", jp("{s:i}", "managed", 0));
	if (agent && (starts(agent, "1") || strstr(agent, "enabled=1")))
		ji_set(c->data, "agent", 1);
	if (vm_running(vmid))
		running_add(c->data, vmid);
	else
		js_set(c->data, "qmpstatus", "stopped");
}

static int start_work(struct task *t, void *arg)
{
	return vmrun_start(t, ((struct power *)arg)->vmid);
}

static int locked(struct task *t, int vmid)
{
	const char *lock;
	int rc = 0;

	lab_lock();
	lock = js(vm_conf(vmid), "lock");
	if (!vm_conf(vmid))
		rc = task_die(t,
			"Configuration file 'nodes/%s/qemu-server/%d.conf' "
			"does not exist",
			NODE, vmid);
	else if (lock)
		rc = task_die(t, "VM is locked (%s)", lock);
	lab_unlock();
	return rc;
}

static bool alive(int vmid)
{
	bool run;

	lab_lock();
	run = vm_running(vmid);
	lab_unlock();
	return run;
}

static int stop_work(struct task *t, void *arg)
{
	struct power *p = arg;

	if (locked(t, p->vmid))
		return -1;
	if (alive(p->vmid))
		vmrun_kill(p->vmid, 5000);
	return alive(p->vmid)
		? task_die(t, "VM quit/powerdown failed - got timeout")
		: 0;
}

static bool agent_on(int vmid)
{
	const char *a;
	bool on;

	lab_lock();
	a = js(vm_conf(vmid), "agent");
	on = a && (starts(a, "1") || strstr(a, "enabled=1"));
	if (on && fault_hit("agent-silent", "", NULL))
		on = false;
	lab_unlock();
	return on;
}

/* By the agent where it answers, else by the power button. */
static void ask_down(struct task *t, int vmid)
{
	auto_json json_t *r = NULL, *q = NULL;

	if (agent_on(vmid)) {
		r = qga(vmid, "guest-ping", NULL, 3000);
		if (json_object_get(r, "return")) {
			/* It does not answer when it succeeds. */
			q = qga(vmid, "guest-shutdown", NULL, 1000);
			if (!json_object_get(q, "error"))
				return;
		} else {
			task_log(t,
				"QEMU Guest Agent is not running - VM %d qmp "
				"command 'guest-ping' failed - got timeout",
				vmid);
		}
	}
	json_decref(qmp(vmid, "system_powerdown", NULL, NULL));
}

static int shutdown_work(struct task *t, void *arg)
{
	struct power *p = arg;

	if (locked(t, p->vmid))
		return -1;
	if (!alive(p->vmid))
		return 0;
	ask_down(t, p->vmid);
	if (vmrun_gone(p->vmid, p->timeout * 1000, t))
		return 0;
	if (t->abort)
		return task_die(t, "interrupted by signal");
	if (!p->force)
		return task_die(t, "VM quit/powerdown failed - got timeout");
	task_log(t, "VM quit/powerdown failed");
	task_log(t, "VM still running - terminating now with SIGTERM");
	vmrun_kill(p->vmid, 2000);
	return 0;
}

static int simple_work(struct task *t, void *arg)
{
	struct power *p = arg;
	json_t *r;
	char *why = NULL;

	if (locked(t, p->vmid))
		return -1;
	if (!alive(p->vmid))
		return task_die(t, "VM %d not running", p->vmid);
	r = qmp(p->vmid, p->cmd, NULL, &why);
	if (!r)
		task_die(t, "%s", why);
	json_decref(r);
	free(why);
	return r ? 0 : -1;
}

static int reboot_work(struct task *t, void *arg)
{
	return shutdown_work(t, arg) ||
			vmrun_start(t, ((struct power *)arg)->vmid)
		? -1
		: 0;
}

static void begin(struct call *c, const char *type, const char *cmd,
	int (*fn)(struct task *t, void *arg))
{
	struct power *p;
	auto_free char *id = fmt("%d", call_vmid(c));
	long long timeout = 60;

	if (call_true(c, "skiplock") && !auth_is_root(&c->who)) {
		call_bad(c, "skiplock", "Only root may use this option.");
		return;
	}
	if (call_true(c, "skiplock"))
		json_object_del(vm_conf(call_vmid(c)), "lock");
	number(call_arg(c, "timeout"), &timeout);
	p = xalloc(sizeof(*p));
	*p = (struct power){.vmid = call_vmid(c),
		.timeout = (int)timeout,
		.force = call_true(c, "forceStop"),
		.cmd = cmd};
	call_upid(c, task_start(type, id, c->who.id, fn, p, free));
}

static void start_post(struct call *c)
{
	begin(c, "qmstart", NULL, start_work);
}

static void stop_post(struct call *c)
{
	begin(c, "qmstop", NULL, stop_work);
}

static void shutdown_post(struct call *c)
{
	begin(c, "qmshutdown", NULL, shutdown_work);
}

static void reboot_post(struct call *c)
{
	begin(c, "qmreboot", NULL, reboot_work);
}

static void reset_post(struct call *c)
{
	begin(c, "qmreset", "system_reset", simple_work);
}

static void suspend_post(struct call *c)
{
	begin(c, "qmpause", "stop", simple_work);
}

static void resume_post(struct call *c)
{
	begin(c, "qmresume", "cont", simple_work);
}

static bool need_running(struct call *c)
{
	if (vm_need(c, call_vmid(c)) && !vm_running(call_vmid(c)))
		call_fail(c, 500, "VM %d not running", call_vmid(c));
	return !c->code;
}

/* A line of the human monitor; its text or NULL with c failed. */
static char *human(struct call *c, const char *line)
{
	auto_free char *why = NULL;
	auto_json json_t *r = qmp(call_vmid(c), "human-monitor-command",
		jp("{s:s}", "command-line", line), &why);

	if (!r)
		call_fail(c, 500, "%s", why);
	return r ? xstrdup(json_string_value(r)) : NULL;
}

static void sendkey_put(struct call *c)
{
	auto_free char *line = fmt("sendkey %s", call_arg(c, "key"));

	if (need_running(c))
		free(human(c, line));
}

static void monitor_post(struct call *c)
{
	auto_free char *out = NULL;

	if (!need_running(c))
		return;
	out = human(c, call_arg(c, "command"));
	if (out)
		c->data = json_string(out);
}

const struct route power_routes[] = {
	{"GET", "/nodes/{node}/qemu/{vmid}/status/current", current_get},
	{"POST", "/nodes/{node}/qemu/{vmid}/status/start", start_post},
	{"POST", "/nodes/{node}/qemu/{vmid}/status/stop", stop_post},
	{"POST", "/nodes/{node}/qemu/{vmid}/status/shutdown", shutdown_post},
	{"POST", "/nodes/{node}/qemu/{vmid}/status/reboot", reboot_post},
	{"POST", "/nodes/{node}/qemu/{vmid}/status/reset", reset_post},
	{"POST", "/nodes/{node}/qemu/{vmid}/status/suspend", suspend_post},
	{"POST", "/nodes/{node}/qemu/{vmid}/status/resume", resume_post},
	{"PUT", "/nodes/{node}/qemu/{vmid}/sendkey", sendkey_put},
	{"POST", "/nodes/{node}/qemu/{vmid}/monitor", monitor_post},
	{NULL, NULL, NULL},
};
