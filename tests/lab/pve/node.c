/*
 * node.c - calls about the node and the cluster: version, load, bridges,
 * PCI devices, machine types, resources, the next free id.
 *
 * Numbers are those of this machine; the bridges are those of the network
 * namespace the stand-in runs in.
 */
#include "pve.h"

#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

static void version_get(struct call *c)
{
	c->data = jp("{s:s,s:s,s:s}", "version",
		lab.rel < 600 ? lab.release : release_version(), "release",
		lab.rel < 600 ? release_version() : lab.release, "repoid",
		release_repoid());
	if (lab.rel < 600)
		js_set(c->data, "keyboard", "en-us");
}

static double load_now(char text[3][16])
{
	double l[3] = {0};

	if (getloadavg(l, 3) < 3)
		l[0] = l[1] = l[2] = 0;
	for (int i = 0; i < 3; i++)
		snprintf(text[i], 16, "%.2f", l[i]);
	return l[0];
}

static json_t *node_json(struct call *c)
{
	auto_free char *path = fmt("%s/fingerprint", lab.dir);
	auto_free char *fp = file_read(path, NULL);
	json_t *o = jp("{s:s,s:s,s:s,s:s,s:s}", "node", NODE, "status",
		"online", "level", "", "id", "node/" NODE, "type", "node");
	struct sysinfo si;
	struct statvfs f;
	char l[3][16];

	if (fp)
		chomp(fp);
	js_set(o, "ssl_fingerprint", fp ? fp : "");
	if (!auth_can(&c->who, "/nodes/" NODE, "Sys.Audit") || sysinfo(&si) ||
		statvfs("/", &f))
		return o;
	ji_set(o, "maxcpu", get_nprocs());
	json_object_set_new(o, "cpu",
		json_real(load_now(l) / get_nprocs() > 1
				? 1
				: load_now(l) / get_nprocs()));
	ji_set(o, "maxmem", (long long)si.totalram * si.mem_unit);
	ji_set(o, "mem", (long long)(si.totalram - si.freeram) * si.mem_unit);
	ji_set(o, "maxdisk", (long long)f.f_blocks * (long long)f.f_frsize);
	ji_set(o, "disk",
		(long long)(f.f_blocks - f.f_bfree) * (long long)f.f_frsize);
	ji_set(o, "uptime", si.uptime);
	return o;
}

static void nodes_get(struct call *c)
{
	c->data = jp("[o]", node_json(c));
}

static void text_line(const char *file, const char *key, char *out, size_t n)
{
	auto_free char *all = file_read(file, NULL);
	char *at = all ? strstr(all, key) : NULL;

	at = at ? strchr(at, ':') : NULL;
	snprintf(out, n, "%.*s", at ? (int)strcspn(at + 2, "\n") : 0,
		at ? at + 2 : "");
}

static void node_status(struct call *c)
{
	char l[3][16], model[128], mhz[32], flags[4096];
	struct sysinfo si;
	struct utsname u;
	struct statvfs f;

	if (sysinfo(&si) || uname(&u) || statvfs("/", &f)) {
		call_fail(c, 500, "cannot read the machine's state");
		return;
	}
	load_now(l);
	text_line("/proc/cpuinfo", "model name", model, sizeof(model));
	text_line("/proc/cpuinfo", "cpu MHz", mhz, sizeof(mhz));
	text_line("/proc/cpuinfo", "flags", flags, sizeof(flags));
	auto_free char *pv = fmt("pve-manager/%s%s%s/%s",
		lab.rel < 600 ? lab.release : "", lab.rel < 600 ? "-" : "",
		release_version(), release_repoid());
	auto_free char *kv = fmt("%s %s %s", u.sysname, u.release, u.version);

	c->data = jp("{s:s,s:s,s:[s,s,s],s:I,s:i,s:i}", "pveversion", pv,
		"kversion", kv, "loadavg", l[0], l[1], l[2], "uptime",
		(json_int_t)si.uptime, "wait", 0, "idle", 0);
	json_object_set_new(c->data, "memory",
		jp("{s:I,s:I,s:I}", "total",
			(json_int_t)si.totalram * si.mem_unit, "used",
			(json_int_t)(si.totalram - si.freeram) * si.mem_unit,
			"free", (json_int_t)si.freeram * si.mem_unit));
	json_object_set_new(c->data, "swap",
		jp("{s:I,s:I,s:I}", "total",
			(json_int_t)si.totalswap * si.mem_unit, "used",
			(json_int_t)(si.totalswap - si.freeswap) * si.mem_unit,
			"free", (json_int_t)si.freeswap * si.mem_unit));
	json_object_set_new(c->data, "rootfs",
		jp("{s:I,s:I,s:I,s:I}", "total",
			(json_int_t)(f.f_blocks * f.f_frsize), "used",
			(json_int_t)((f.f_blocks - f.f_bfree) * f.f_frsize),
			"free", (json_int_t)(f.f_bfree * f.f_frsize), "avail",
			(json_int_t)(f.f_bavail * f.f_frsize)));
	json_object_set_new(c->data, "cpuinfo",
		jp("{s:i,s:i,s:i,s:s,s:s,s:s,s:i,s:s}", "cpus", get_nprocs(),
			"cores", get_nprocs(), "sockets", 1, "model", model,
			"mhz", mhz, "flags", flags, "user_hz", 100, "hvm",
			strstr(flags, "vmx") || strstr(flags, "svm") ? "1"
								     : ""));
	json_object_set_new(c->data, "ksm", jp("{s:i}", "shared", 0));
	ji_set(c->data, "cpu", 0);
	if (lab.rel < 800)
		return;
	json_object_set_new(
		c->data, "boot-info", jp("{s:s}", "mode", "legacy-bios"));
	json_object_set_new(c->data, "current-kernel",
		jp("{s:s,s:s,s:s,s:s}", "machine", u.machine, "release",
			u.release, "sysname", u.sysname, "version", u.version));
}

/* A server's devices as they look on real nodes; names by pci.ids. */
static const struct {
	const char *id, *class, *vendor, *vname, *device, *dname;
	int group;
} pci[] = {
	{"00:17.0", "0x010601", "0x8086", "Intel Corporation", "0xa182",
		"C620 Series Chipset Family SATA Controller [AHCI mode]", 4},
	{"01:00.0", "0x020000", "0x8086", "Intel Corporation", "0x1563",
		"Ethernet Controller 10G X550T", 12},
	{"01:00.1", "0x020000", "0x8086", "Intel Corporation", "0x1563",
		"Ethernet Controller 10G X550T", 13},
	{"03:00.0", "0x030000", "0x1a03", "ASPEED Technology, Inc.", "0x2000",
		"ASPEED Graphics Family", 15},
	{"5e:00.0", "0x010400", "0x1000", "Broadcom / LSI", "0x0014",
		"MegaRAID Tri-Mode SAS3516", 20},
	{"af:00.0", "0x010802", "0x144d", "Samsung Electronics Co Ltd",
		"0xa808", "NVMe SSD Controller SM981/PM981/PM983", 31},
};

static void pci_get(struct call *c)
{
	c->data = json_array();
	for (size_t i = 0; i < sizeof(pci) / sizeof(pci[0]); i++) {
		auto_free char *id =
			fmt("%s%s", lab.rel >= 601 ? "0000:" : "", pci[i].id);

		json_array_append_new(c->data,
			jp("{s:s,s:s,s:s,s:s,s:s,s:s,s:i}", "id", id, "class",
				pci[i].class, "vendor", pci[i].vendor,
				"vendor_name", pci[i].vname, "device",
				pci[i].device, "device_name", pci[i].dname,
				"iommugroup", pci[i].group));
	}
}

static void machines_get(struct call *c)
{
	auto_free char *pc = release_machine(false);
	auto_free char *q35 = release_machine(true);
	const char *v = pc + strlen("pc-i440fx-");

	c->data = jp("[{s:s,s:s,s:s},{s:s,s:s,s:s}]", "id", pc, "type",
		"i440fx", "version", v, "id", q35, "type", "q35", "version", v);
}

static void cpus_get(struct call *c)
{
	static const char *const names[] = {"host", "max", "kvm64", "qemu64",
		"x86-64-v2", "x86-64-v2-AES", "x86-64-v3", "Westmere",
		"Broadwell", "Skylake-Server", "Cascadelake-Server", "EPYC"};

	c->data = json_array();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (starts(names[i], "x86-64") && lab.rel < 800)
			continue;
		json_array_append_new(c->data,
			jp("{s:s,s:s,s:i}", "name", names[i], "vendor",
				starts(names[i], "EPYC") ? "AuthenticAMD"
							 : "default",
				"custom", 0));
	}
}

static void nextid_get(struct call *c)
{
	const char *want = call_arg(c, "vmid");
	auto_free char *id = NULL;

	if (want && vm_get(call_vmid(c))) {
		call_bad(c, "vmid", "VM %s already exists", want);
		return;
	}
	id = want ? xstrdup(want) : fmt("%d", vm_next_id());
	c->data = json_string(id);
}

static void cluster_status(struct call *c)
{
	c->data = jp("[{s:s,s:s,s:s,s:i,s:i,s:s,s:i,s:s}]", "id", "node/" NODE,
		"type", "node", "name", NODE, "online", 1, "local", 1, "ip",
		lab.address, "nodeid", 0, "level", "");
}

static void pools_get(struct call *c)
{
	c->data = json_array();
}

static json_t *storage_resource(const struct storage *s)
{
	auto_free char *content = storage_content(s);
	auto_free char *id = fmt("storage/%s/%s", NODE, s->id);
	struct storage_use u;

	storage_usage(s, &u);
	return jp("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:I,s:I}", "id", id, "type",
		"storage", "storage", s->id, "node", NODE, "status",
		"available", "content", content, "plugintype", s->type,
		"shared", 0, "disk", (json_int_t)u.used, "maxdisk",
		(json_int_t)u.total);
}

static void resources_get(struct call *c)
{
	const char *type = call_arg(c, "type"), *key;
	json_t *vm;

	c->data = json_array();
	if (!type || !strcmp(type, "node")) {
		json_t *n = node_json(c);

		json_object_del(n, "ssl_fingerprint");
		if (lab.rel >= 700)
			ji_set(n, "cgroup-mode", 2);
		json_array_append_new(c->data, n);
	}
	json_object_foreach (lab.vms, key, vm) {
		json_t *o;

		if ((type && strcmp(type, "vm")) ||
			!auth_can(&c->who, "/vms", "VM.Audit"))
			continue;
		o = vm_status((int)strtol(key, NULL, 10), false);
		auto_free char *id = fmt("qemu/%s", key);

		json_object_set(o, "maxcpu", json_object_get(o, "cpus"));
		json_object_del(o, "cpus");
		js_set(o, "id", id);
		js_set(o, "type", "qemu");
		js_set(o, "node", NODE);
		ji_set(o, "template", 0);
		json_array_append_new(c->data, o);
	}
	for (size_t i = 0; i < storages_n; i++)
		if ((!type || !strcmp(type, "storage")) &&
			!storages[i].disabled && !storages[i].nodes &&
			auth_can(&c->who, "/storage", "Datastore.Audit"))
			json_array_append_new(
				c->data, storage_resource(&storages[i]));
}

const struct route node_routes[] = {
	{"GET", "/version", version_get},
	{"GET", "/nodes", nodes_get},
	{"GET", "/nodes/{node}/status", node_status},
	{"GET", "/nodes/{node}/version", version_get},
	{"GET", "/nodes/{node}/network", node_network},
	{"GET", "/nodes/{node}/hardware/pci", pci_get},
	{"GET", "/nodes/{node}/capabilities/qemu/machines", machines_get},
	{"GET", "/nodes/{node}/capabilities/qemu/cpu", cpus_get},
	{"GET", "/cluster/nextid", nextid_get},
	{"GET", "/cluster/status", cluster_status},
	{"GET", "/cluster/resources", resources_get},
	{"GET", "/pools", pools_get},
	{NULL, NULL, NULL},
};
