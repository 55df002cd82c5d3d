/*
 * state.c - what outlives the program: VMs, tokens, finished tasks, in
 * DIR/state.json, replaced by rename after every change.
 *
 * Also the file lock of each VM: one holder at a time, others wait.
 */
#include "pve.h"

#define DONE_MAX 1000 /* finished tasks that are remembered */

static int locked[256]; /* VMs whose file lock is held; 0: free slot */

int state_load(void)
{
	auto_free char *path = fmt("%s/state.json", lab.dir);
	auto_free char *text = file_read(path, NULL);
	json_error_t e;
	json_t *s = text ? json_loads(text, 0, &e) : json_object();

	if (!s) {
		fprintf(stderr, "lab-pve: %s: %s\n", path, e.text);
		return -1;
	}
	lab.vms = json_incref(json_object_get(s, "vms"));
	lab.tokens = json_incref(json_object_get(s, "tokens"));
	lab.done = json_incref(json_object_get(s, "tasks"));
	lab.vms = lab.vms ? lab.vms : json_object();
	lab.tokens = lab.tokens ? lab.tokens : json_object();
	lab.done = lab.done ? lab.done : json_array();
	lab.next_pid = ji(s, "next_pid") ? ji(s, "next_pid") : 0x30a;
	json_decref(s);
	return 0;
}

void state_save(void)
{
	auto_free char *path = fmt("%s/state.json", lab.dir), *text = NULL;
	auto_json json_t *s = NULL;

	while (json_array_size(lab.done) > DONE_MAX)
		json_array_remove(lab.done, 0);
	s = jp("{s:O,s:O,s:O,s:I}", "vms", lab.vms, "tokens", lab.tokens,
		"tasks", lab.done, "next_pid", (json_int_t)lab.next_pid);
	text = json_dumps(s, JSON_INDENT(1));
	if (file_write(path, text, strlen(text), 0600))
		perror(path);
}

json_t *vm_get(int vmid)
{
	auto_free char *k = fmt("%d", vmid);

	return json_object_get(lab.vms, k);
}

json_t *vm_conf(int vmid)
{
	return json_object_get(vm_get(vmid), "conf");
}

json_t *vm_need(struct call *c, int vmid)
{
	json_t *conf = vm_conf(vmid);

	if (!conf)
		call_fail(c, 500,
			"Configuration file 'nodes/%s/qemu-server/%d.conf' "
			"does not exist",
			NODE, vmid);
	return conf;
}

json_t *vm_new(int vmid)
{
	auto_free char *k = fmt("%d", vmid);
	json_t *v = jp("{s:{}}", "conf");

	json_object_set_new(lab.vms, k, v);
	return json_object_get(v, "conf");
}

void vm_drop(int vmid)
{
	auto_free char *k = fmt("%d", vmid);

	json_object_del(lab.vms, k);
	state_save();
}

static int *lock_slot(int vmid)
{
	for (size_t i = 0; i < sizeof(locked) / sizeof(locked[0]); i++)
		if (locked[i] == vmid)
			return &locked[i];
	return NULL;
}

bool vm_flock(int vmid, int ms)
{
	struct timespec t;
	int *slot;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += ms / 1000;
	while (lock_slot(vmid) && rc == 0)
		rc = pthread_cond_timedwait(&lab.cond, &lab.lock, &t);
	slot = lock_slot(vmid) ? NULL : lock_slot(0);
	if (slot)
		*slot = vmid;
	return slot != NULL;
}

void vm_funlock(int vmid)
{
	int *slot = lock_slot(vmid);

	if (slot)
		*slot = 0;
	pthread_cond_broadcast(&lab.cond);
}

char *vm_digest(int vmid)
{
	const json_t *vm = vm_get(vmid);
	auto_json json_t *all =
		jp("{s:O?,s:O?,s:O?}", "conf", json_object_get(vm, "conf"),
			"pending", json_object_get(vm, "pending"), "delete",
			json_object_get(vm, "delete"));
	auto_free char *text = json_dumps(all, JSON_SORT_KEYS | JSON_COMPACT);

	return sha1_hex(text);
}

int vm_next_id(void)
{
	int id = 100;

	while (vm_get(id))
		id++;
	return id;
}
