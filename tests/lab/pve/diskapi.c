/*
 * diskapi.c - resize, move_disk, unlink.
 */
#include "pve.h"

struct move {
	int vmid;
	char *key, *storage, *format;
	bool erase;
	long long rate; /* KiB/s, 0: as it goes */
};

struct resize {
	int vmid;
	char *key, *size;
};

static void resize_free(void *arg)
{
	struct resize *r = arg;

	free(r->key);
	free(r->size);
	free(r);
}

static void move_free(void *arg)
{
	struct move *m = arg;

	free(m->key);
	free(m->storage);
	free(m->format);
	free(m);
}

/* A new size= (and volume) for a drive's value in the configuration. */
static void drive_rewrite(
	int vmid, const char *key, const char *volid, long long size)
{
	auto_free char *why = NULL, *text = NULL, *s = size_print(size);
	json_t *conf = vm_conf(vmid);
	auto_json json_t *p =
		js(conf, key) ? prop_parse(key, js(conf, key), &why) : NULL;

	if (!p)
		return;
	if (volid)
		js_set(p, "file", volid);
	js_set(p, "size", s);
	text = prop_print(key, p);
	js_set(conf, key, text);
	state_save();
}

/* The drive's volume, checked; NULL with t->err.  lab.lock held. */
static char *drive_of(struct task *t, int vmid, const char *key)
{
	const json_t *conf = vm_conf(vmid);

	if (!conf)
		task_die(t,
			"Configuration file 'nodes/%s/qemu-server/%d.conf' "
			"does not exist",
			NODE, vmid);
	else if (js(conf, "lock"))
		task_die(t, "VM is locked (%s)", js(conf, "lock"));
	else if (!js(conf, key))
		task_die(t, "disk '%s' does not exist", key);
	else if (drive_is_cdrom(js(conf, key)))
		task_die(t, "you can't resize a cdrom");
	return t->err ? NULL : drive_volume(key, js(conf, key));
}

static int grow_running(struct task *t, int vmid, const char *key,
	const struct volume *v, long long to)
{
	auto_free char *dev = fmt("drive-%s", key), *why = NULL;
	json_t *r;

	/* A block device must be larger before QEMU is told. */
	if (storage_block(v->st) && volume_grow(t, v->id, to))
		return -1;
	r = qmp(vmid, "block_resize",
		jp("{s:s,s:I}", "device", dev, "size", (json_int_t)to), &why);
	json_decref(r);
	return r ? 0 : task_die(t, "%s", why);
}

static int resize_now(struct task *t, const struct resize *r)
{
	auto_free char *volid = drive_of(t, r->vmid, r->key);
	auto_volume struct volume v = {0};
	long long size, used, to = size_parse(r->size);
	bool run = vm_running(r->vmid);
	int rc;

	if (!volid)
		return -1;
	if (volume_parse(volid, &v) || volume_size(&v, &size, &used))
		return task_die(t, "could not determine size of '%s'", volid);
	if (r->size[0] == '+')
		to += size;
	if (to < size)
		return task_die(t, "shrinking disks is not supported");
	if (to == size)
		return 0;
	lab_unlock();
	rc = run ? grow_running(t, r->vmid, r->key, &v, to)
		 : volume_grow(t, volid, to);
	lab_lock();
	if (rc == 0)
		drive_rewrite(r->vmid, r->key, NULL, to);
	return rc;
}

static int flocked(struct task *t, int vmid)
{
	if (vm_flock(vmid, 10000))
		return 0;
	return task_die(t,
		"can't lock file '/var/lock/qemu-server/lock-%d.conf' - got "
		"timeout",
		vmid);
}

static int resize_work(struct task *t, void *arg)
{
	struct resize *r = arg;
	int rc;

	lab_lock();
	rc = flocked(t, r->vmid);
	if (rc == 0) {
		rc = resize_now(t, r);
		vm_funlock(r->vmid);
	}
	lab_unlock();
	return rc;
}

static void resize_put(struct call *c)
{
	struct resize *r = xalloc(sizeof(*r));
	auto_free char *id = fmt("%d", call_vmid(c));
	struct task now = {.quiet = true};

	*r = (struct resize){.vmid = call_vmid(c),
		.key = xstrdup(call_arg(c, "disk")),
		.size = xstrdup(call_arg(c, "size"))};
	if (lab.rel >= 800) {
		call_upid(c,
			task_start("resize", id, c->who.id, resize_work, r,
				resize_free));
		return;
	}
	lab_unlock();
	if (resize_work(&now, r))
		call_fail(c, 500, "%s", now.err);
	lab_lock();
	free(now.err);
	resize_free(r);
}

static bool job_ready(struct task *t, int vmid, const char *dev, bool *gone)
{
	auto_json json_t *jobs = qmp(vmid, "query-block-jobs", NULL, NULL);
	json_t *j;
	size_t i;

	*gone = true;
	json_array_foreach (jobs, i, j) {
		double len = (double)ji(j, "len"), at = (double)ji(j, "offset");

		if (!js(j, "device") || strcmp(js(j, "device"), dev))
			continue;
		*gone = false;
		if (!json_is_true(json_object_get(j, "ready")))
			return false;
		task_log(t,
			"%s: transferred %.1f MiB of %.1f MiB (%.2f%%) in "
			"0s, ready",
			dev, at / 1048576, len / 1048576,
			len > 0 ? 100 * at / len : 100);
		return true;
	}
	return false;
}

/* drive-mirror into the new volume, then over to it. */
static int mirror(
	struct task *t, const struct move *m, const struct volume *dst)
{
	auto_free char *dev = fmt("drive-%s", m->key), *why = NULL;
	json_t *r,
		*args = jp("{s:s,s:s,s:s,s:s,s:s,s:s}", "device", dev, "target",
			dst->path, "format", dst->format, "mode", "existing",
			"sync", "full", "job-id", dev);
	bool gone = false;

	if (m->rate)
		ji_set(args, "speed", m->rate * 1024);
	task_log(t, "drive mirror is starting for %s", dev);
	if (!volume_ready(t, dst)) {
		json_decref(args);
		return task_die(t, "storage migration failed: no such path");
	}
	r = qmp(m->vmid, "drive-mirror", args, &why);
	json_decref(r);
	if (!r)
		return task_die(t, "storage migration failed: %s", why);
	while (!job_ready(t, m->vmid, dev, &gone)) {
		if (gone || !task_wait(t, 200)) {
			r = qmp(m->vmid, "block-job-cancel",
				jp("{s:s,s:b}", "device", dev, "force", true),
				NULL);
			json_decref(r);
			return task_die(t,
				"storage migration failed: mirroring error: "
				"%s: mirroring has been cancelled",
				dev);
		}
	}
	task_log(t, "all 'mirror' jobs are ready");
	task_log(t, "%s: Completing block job...", dev);
	r = qmp(m->vmid, "block-job-complete", jp("{s:s}", "device", dev),
		&why);
	json_decref(r);
	while (r && !gone) {
		job_ready(t, m->vmid, dev, &gone);
		sleep_ms(gone ? 0 : 100);
	}
	task_log(t, "%s: Completed successfully.", dev);
	task_log(t, "%s: mirror-job finished", dev);
	return r ? 0 : task_die(t, "storage migration failed: %s", why);
}

static int move_bytes(struct task *t, const struct move *m,
	const struct volume *src, char **made)
{
	auto_volume struct volume dst = {0};
	struct task quiet = {.quiet = true};
	long long size, used;
	bool run;
	int rc;

	if (volume_size(src, &size, &used))
		return task_die(t, "storage migration failed: no such volume");
	if (volume_alloc(t, m->storage, m->vmid, NULL, m->format, size, made))
		return -1;
	volume_parse(*made, &dst);
	lab_lock();
	run = vm_running(m->vmid);
	lab_unlock();
	rc = run ? mirror(t, m, &dst)
		 : volume_copy(t, src->path, src->format, &dst, size, m->rate);
	if (rc == 0)
		return 0;
	volume_delete(&quiet, *made);
	free(quiet.err);
	if (t->err && !starts(t->err, "storage migration")) {
		auto_free char *old = t->err;

		t->err = fmt("storage migration failed: %s", old);
	}
	return -1;
}

/* lab.lock and the VM's file lock held. */
static int move_locked(struct task *t, const struct move *m)
{
	auto_free char *volid = drive_of(t, m->vmid, m->key), *made = NULL;
	auto_volume struct volume src = {0}, dst = {0};
	long long size = 0, used;
	int rc;

	if (!volid)
		return -1;
	if (volume_parse(volid, &src))
		return task_die(t, "unable to parse volume ID '%s'", volid);
	task_log(t, "create full clone of drive %s (%s)", m->key, volid);
	lab_unlock();
	rc = move_bytes(t, m, &src, &made);
	lab_lock();
	if (rc || volume_parse(made, &dst) || volume_size(&dst, &size, &used))
		return -1;
	drive_rewrite(m->vmid, m->key, made, size);
	if (!m->erase)
		drive_unuse(vm_conf(m->vmid), volid);
	else if (src.vmid == m->vmid)
		rc = volume_delete(t, volid);
	state_save();
	return rc;
}

static int move_work(struct task *t, void *arg)
{
	struct move *m = arg;
	int rc;

	lab_lock();
	rc = flocked(t, m->vmid);
	if (rc == 0) {
		rc = move_locked(t, m);
		vm_funlock(m->vmid);
	}
	lab_unlock();
	return rc;
}

static const char *move_format(
	const struct storage *s, const char *given, const char *source)
{
	if (given)
		return given;
	return strstr(s->formats, source) ? source : "raw";
}

static void move_post(struct call *c)
{
	const char *key = call_arg(c, "disk"), *to = call_arg(c, "storage");
	const json_t *conf = vm_need(c, call_vmid(c));
	auto_free char *id = fmt("%d", call_vmid(c)), *volid = NULL;
	const struct storage *s = storage_get(to);
	auto_volume struct volume src = {0};
	const char *format;
	struct move *m;
	long long rate = 0;

	if (!conf)
		return;
	if (!to)
		call_bad(c, "storage",
			"property is missing and it is not "
			"optional");
	else if (!s)
		call_fail(c, 500, "storage '%s' does not exist", to);
	else if (!storage_has(s, "images"))
		call_bad(c, "storage",
			"storage '%s' does not support vm images", to);
	else if (!js(conf, key))
		call_fail(c, 500, "disk '%s' does not exist", key);
	else if (drive_is_cdrom(js(conf, key)))
		call_fail(c, 500, "you can't move a cdrom");
	if (c->code)
		return;
	volid = drive_volume(key, js(conf, key));
	if (volume_parse(volid, &src)) {
		call_fail(c, 500, "unable to parse volume ID '%s'", volid);
		return;
	}
	format = move_format(s, call_arg(c, "format"), src.format);
	if (src.st == s && !strcmp(format, src.format)) {
		call_fail(c, 500,
			"you can't move to the same storage with same format");
		return;
	}
	number(call_arg(c, "bwlimit"), &rate);
	m = xalloc(sizeof(*m));
	*m = (struct move){.vmid = call_vmid(c),
		.key = xstrdup(key),
		.storage = xstrdup(to),
		.format = xstrdup(format),
		.erase = call_true(c, "delete"),
		.rate = rate};
	call_upid(c,
		task_start("qmmove", id, c->who.id, move_work, m, move_free));
}

/* The same as a config call that deletes the keys. */
static void unlink_put(struct call *c)
{
	struct change *ch = change_new(call_vmid(c));
	auto_free char *copy = xstrdup(call_arg(c, "idlist"));
	struct task now = {.quiet = true};
	char *save = NULL;

	ch->force = call_true(c, "force");
	for (char *p = strtok_r(copy, ",; ", &save); p;
		p = strtok_r(NULL, ",; ", &save)) {
		if (!is_drive(p) && !is_unused(p))
			call_bad(c, "delete", "unknown option '%s'", p);
		json_array_append_new(ch->del, json_string(p));
	}
	if (!c->code && vm_need(c, ch->vmid) && lock_for(c, ch->vmid)) {
		ch->flocked = true;
		lab_unlock();
		if (change_apply(&now, ch))
			call_fail(c, 500, "%s", now.err);
		lab_lock();
	}
	change_free(ch);
	free(now.err);
}

const struct route disk_routes[] = {
	{"PUT", "/nodes/{node}/qemu/{vmid}/resize", resize_put},
	{"POST", "/nodes/{node}/qemu/{vmid}/move_disk", move_post},
	{"PUT", "/nodes/{node}/qemu/{vmid}/unlink", unlink_put},
	{NULL, NULL, NULL},
};
