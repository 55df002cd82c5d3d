/*
 * qemu.c - the command line of a VM: the devices Proxmox would give it, at
 * the PCI addresses where Proxmox puts them, so that a guest sees the names
 * it would see there (net0 in slot 0x12 is ens18).
 *
 * Addresses: pci.0: 0x03 balloon, 0x05 SCSI or the bridge pci.3, 0x07 SATA,
 * 0x08 agent, 0x0a..0x0f virtio0-5, 0x12..0x17 net0-5, 0x1e pci.1 with
 * net6.., 0x1f pci.2 with virtio6..; pci.3: one controller a disk for
 * virtio-scsi-single.
 */
#include "pve.h"

#include <unistd.h>

struct build {
	struct task *t;
	int vmid;
	const json_t *conf;
	json_t *argv;
	json_t *boot;	/* device names in boot order */
	bool q35;
	unsigned scsihw;/* controllers already there, a bit each */
	bool ahci;
	bool failed;
};

static void arg(struct build *b, const char *opt, char *val)
{
	auto_free char *v = val;

	json_array_append_new(b->argv, json_string(opt));
	if (v)
		json_array_append_new(b->argv, json_string(v));
}

static void fail(struct build *b, const char *text)
{
	task_die(b->t, "%s", text);
	b->failed = true;
}

/* ",bootindex=N" of a device in the boot order, or "". */
static char *bootindex(const struct build *b, const char *dev)
{
	json_t *d;
	size_t i;

	json_array_foreach (b->boot, i, d)
		if (!strcmp(json_string_value(d), dev))
			return fmt(",bootindex=%zu", 100 + i);
	return xstrdup("");
}

/* "i440fx or q35"; the version of the type is the real QEMU's own. */
static void machine(struct build *b)
{
	const char *m = js(b->conf, "machine"), *cpu = js(b->conf, "cpu");
	const char *accel = getenv("LABPVE_ACCEL");

	b->q35 = m && strstr(m, "q35");
	arg(b, "-machine", xstrdup(b->q35 ? "q35" : "pc"));
	accel = accel ? accel : "tcg,thread=multi";
	arg(b, "-accel", xstrdup(accel));
	/* Under TCG a model only takes features away that it does not have:
	 * every named model becomes the richest one there is. */
	if (starts(accel, "tcg"))
		arg(b, "-cpu", xstrdup("max"));
	else
		arg(b, "-cpu",
			fmt("%.*s", cpu ? (int)strcspn(cpu, ",") : 5,
				cpu ? cpu : "kvm64"));
	if (!b->q35) {
		arg(b, "-device",
			xstrdup("pci-bridge,id=pci.1,chassis_nr=1,bus=pci.0,"
				"addr=0x1e"));
		arg(b, "-device",
			xstrdup("pci-bridge,id=pci.2,chassis_nr=2,bus=pci.0,"
				"addr=0x1f"));
		return;
	}
	arg(b, "-device",
		xstrdup("i82801b11-bridge,id=pcidmi,bus=pcie.0,addr=1e.0"));
	arg(b, "-device",
		xstrdup("pci-bridge,id=pci.0,bus=pcidmi,addr=1.0,"
			"chassis_nr=1"));
}

static long long num(const struct build *b, const char *key, long long def)
{
	const char *s = js(b->conf, key);
	long long n;

	if (s && starts(s, "current="))
		s += strlen("current=");
	return number(s, &n) ? n : def;
}

static void smbios(struct build *b)
{
	const char *s = js(b->conf, "smbios1");
	auto_free char *why = NULL, *out = xstrdup("type=1");
	auto_json json_t *p = s ? prop_parse("smbios1", s, &why) : NULL;
	bool coded = js(p, "base64") && !strcmp(js(p, "base64"), "1");
	const char *k;
	json_t *v;

	json_object_foreach (p, k, v) {
		auto_free char *old = out;
		auto_free char *text = coded && strcmp(k, "uuid")
			? base64_decode(json_string_value(v), NULL)
			: xstrdup(json_string_value(v));

		if (!strcmp(k, "base64")) {
			old = NULL;
			continue;
		}
		out = fmt("%s,%s=%s", old, k, text);
	}
	if (p)
		arg(b, "-smbios", xstrdup(out));
}

/* Path and format of a drive's image; false: b has failed. */
static bool image(struct build *b, const char *key, const char *value,
	char **path, char *format)
{
	auto_free char *id = drive_volume(key, value);
	auto_volume struct volume v = {0};

	if (*id == '/') {
		*path = xstrdup(id);
		snprintf(format, 8, "raw");
		return true;
	}
	if (volume_parse(id, &v) || !volume_exists(&v) ||
		!volume_ready(b->t, &v)) {
		auto_free char *m = fmt("volume '%s' does not exist", id);

		fail(b, m);
		return false;
	}
	if (storage_usable(b->t, v.st->id)) {
		b->failed = true;
		return false;
	}
	*path = xstrdup(v.path);
	snprintf(format, 8, "%s", strcmp(v.vtype, "iso") ? v.format : "raw");
	return true;
}

static void ovmf(struct build *b)
{
	const char *efi = js(b->conf, "efidisk0");
	bool big = !efi || strstr(efi, "efitype=4m") ||
		   access("/usr/share/OVMF/OVMF_CODE.fd", R_OK);
	auto_free char *path = NULL;
	char format[8] = "raw";

	if (!js(b->conf, "bios") || strcmp(js(b->conf, "bios"), "ovmf"))
		return;
	arg(b, "-drive",
		fmt("if=pflash,unit=0,format=raw,readonly=on,"
		    "file=/usr/share/OVMF/OVMF_CODE%s.fd",
			big ? "_4M" : ""));
	if (efi) {
		if (!image(b, "efidisk0", efi, &path, format))
			return;
	} else {
		size_t n = 0;
		auto_free char *vars =
			file_read("/usr/share/OVMF/OVMF_VARS_4M.fd", &n);

		path = run_path(b->vmid, "efivars");
		task_warn(b->t, "no efidisk configured! Using temporary "
				"efivars disk.");
		if (!vars || file_write(path, vars, n, 0600))
			fail(b, "EFI base image not found");
	}
	/* A volume may be larger than the flash it holds. */
	arg(b, "-drive",
		fmt("if=pflash,unit=1,id=drive-efidisk0,format=%s,file=%s%s",
			format, path,
			strcmp(format, "raw") ? ""
			: big		      ? ",size=540672"
					      : ",size=131072"));
}

static const char *scsi_model(const struct build *b)
{
	const char *hw = js(b->conf, "scsihw");

	if (!hw || !strcmp(hw, "lsi"))
		return "lsi53c895a";
	return starts(hw, "virtio-scsi") ? "virtio-scsi-pci" : hw;
}

/* Adds the controller of scsiN where it is not there yet. */
static void scsi_controller(struct build *b, int n, bool single, int ctl)
{
	if (b->scsihw & 1u << ctl)
		return;
	b->scsihw |= 1u << ctl;
	if (!single) {
		arg(b, "-device",
			fmt("%s,id=scsihw%d,bus=pci.0,addr=0x%x",
				scsi_model(b), ctl, 5 + ctl));
		return;
	}
	if (!(b->scsihw & 1u << 31)) {
		b->scsihw |= 1u << 31;
		arg(b, "-device",
			xstrdup("pci-bridge,id=pci.3,chassis_nr=3,bus=pci.0,"
				"addr=0x5"));
	}
	arg(b, "-device",
		fmt("virtio-scsi-pci,id=virtioscsi%d,bus=pci.3,addr=0x%x", n,
			n + 1));
}

static void scsi_device(struct build *b, int n, const char *kind,
	const char *tail)
{
	const char *hw = js(b->conf, "scsihw");
	bool lun = hw && starts(hw, "virtio");
	bool single = hw && !strcmp(hw, "virtio-scsi-single");
	int most = !hw || starts(hw, "lsi") ? 7 : 256;
	int ctl = single ? n : n / most;

	if (!single && ctl > 1) {
		fail(b, "too many disks for this SCSI controller");
		return;
	}
	scsi_controller(b, n, single, ctl);
	if (lun)
		arg(b, "-device",
			fmt("scsi-%s,bus=%s%d.0,channel=0,scsi-id=0,lun=%d,%s",
				kind, single ? "virtioscsi" : "scsihw", ctl,
				single ? 0 : n, tail));
	else
		arg(b, "-device",
			fmt("scsi-%s,bus=scsihw%d.0,scsi-id=%d,%s", kind, ctl,
				n % most, tail));
}

static void device(struct build *b, const char *key, bool cdrom,
	const char *tail)
{
	int n = (int)strtol(key + strcspn(key, "0123456789"), NULL, 10);

	if (starts(key, "scsi")) {
		scsi_device(b, n, cdrom ? "cd" : "hd", tail);
	} else if (starts(key, "virtio")) {
		arg(b, "-device",
			fmt("virtio-blk-pci,bus=pci.%d,addr=0x%x,%s",
				n < 6 ? 0 : 2, n < 6 ? 10 + n : n - 5, tail));
	} else if (starts(key, "sata")) {
		if (!b->ahci)
			arg(b, "-device",
				xstrdup("ahci,id=ahci0,multifunction=on,"
					"bus=pci.0,addr=0x7"));
		b->ahci = true;
		arg(b, "-device",
			fmt("ide-%s,bus=ahci0.%d,%s", cdrom ? "cd" : "hd", n,
				tail));
	} else if (b->q35) {
		arg(b, "-device",
			fmt("ide-%s,bus=ide.%d,unit=0,%s", cdrom ? "cd" : "hd",
				n, tail));
	} else {
		arg(b, "-device",
			fmt("ide-%s,bus=ide.%d,unit=%d,%s",
				cdrom ? "cd" : "hd", n / 2, n % 2, tail));
	}
}

/* Options that go to the device: serial, wwn, ssd. */
static char *device_options(const char *key, const json_t *p)
{
	const char *serial = js(p, "serial"), *ssd = js(p, "ssd");
	const char *wwn = js(p, "wwn");

	return fmt("%s%s%s%s%s", serial ? ",serial=" : "",
		serial ? serial : "", wwn ? ",wwn=" : "", wwn ? wwn : "",
		ssd && !strcmp(ssd, "1") && !starts(key, "virtio")
			? ",rotation_rate=1"
			: "");
}

static void drive(struct build *b, const char *key, const char *value)
{
	auto_free char *why = NULL, *path = NULL, *index = bootindex(b, key);
	auto_json json_t *p = prop_parse(key, value, &why);
	const char *file = js(p, "file"), *cache = js(p, "cache");
	const char *discard = js(p, "discard");
	bool cdrom = drive_is_cdrom(value);
	bool trim = discard && !strcmp(discard, "on");
	auto_free char *more = device_options(key, p), *tail = NULL;
	char format[8];

	tail = fmt("drive=drive-%s,id=%s%s%s", key, key, more, index);
	if (!file || !strcmp(file, "none") || !strcmp(file, "cdrom")) {
		arg(b, "-drive",
			fmt("if=none,id=drive-%s,media=cdrom", key));
		device(b, key, true, tail);
		return;
	}
	if (!image(b, key, value, &path, format))
		return;
	arg(b, "-drive",
		fmt("file=%s,if=none,id=drive-%s,format=%s,cache=%s,"
		    "aio=threads,discard=%s,detect-zeroes=%s%s",
			path, key, format, cache ? cache : "none",
			trim ? "on" : "ignore", trim ? "unmap" : "on",
			cdrom ? ",media=cdrom,readonly=on" : ""));
	device(b, key, cdrom, tail);
}

static void card(struct build *b, const char *key, const char *value)
{
	int n = (int)strtol(key + 3, NULL, 10);
	auto_json json_t *p = net_parse(value);
	auto_free char *index = bootindex(b, key), *bridge = NULL;
	auto_free char *model = xstrdup(js(p, "model") ? js(p, "model") : "");
	auto_free char *path = fmt("%s/run/tap%di%d.bridge", lab.dir, b->vmid,
		n);

	if (!p || !js(p, "macaddr")) {
		fail(b, "unable to parse the network options");
		return;
	}
	if (!strcmp(model, "virtio")) {
		free(model);
		model = xstrdup("virtio-net-pci");
	}
	if (js(p, "bridge")) {
		bridge = fmt("%s %s\n", js(p, "bridge"),
			js(p, "tag") ? js(p, "tag") : "");
		file_write(path, bridge, strlen(bridge), 0600);
		arg(b, "-netdev",
			fmt("type=tap,id=%s,ifname=tap%di%d,script=%s/run/"
			    "pve-bridge,downscript=no",
				key, b->vmid, n, lab.dir));
	} else {
		arg(b, "-netdev", fmt("type=user,id=%s", key));
	}
	arg(b, "-device",
		fmt("%s,mac=%s,netdev=%s,bus=pci.%d,addr=0x%x,id=%s%s", model,
			js(p, "macaddr"), key, n < 6 ? 0 : 1,
			n < 6 ? 18 + n : n - 5, key, index));
}

/* One device class after the other, in number order. */
static void each(struct build *b, const char *base, int most,
	void (*fn)(struct build *b, const char *key, const char *value))
{
	for (int i = 0; i < most && !b->failed; i++) {
		auto_free char *k = fmt("%s%d", base, i);
		const char *v = js(b->conf, k);

		if (v)
			fn(b, k, v);
	}
}

static void serial(struct build *b, const char *key, const char *value)
{
	auto_free char *sock = run_path(b->vmid, key);
	auto_free char *log = run_path(b->vmid, "serial");

	if (strcmp(value, "socket")) {
		fail(b, "serial ports: only 'socket' in the lab");
		return;
	}
	arg(b, "-chardev",
		fmt("socket,id=%s,path=%s,server=on,wait=off%s%s", key, sock,
			strcmp(key, "serial0") ? "" : ",logfile=",
			strcmp(key, "serial0") ? "" : log));
	arg(b, "-device", fmt("isa-serial,chardev=%s", key));
}

static void agent(struct build *b)
{
	const char *a = js(b->conf, "agent");
	auto_free char *sock = run_path(b->vmid, "qga");

	if (!a || !(starts(a, "1") || strstr(a, "enabled=1")))
		return;
	arg(b, "-chardev",
		fmt("socket,path=%s,server=on,wait=off,id=qga0", sock));
	if (strstr(a, "type=isa")) {
		arg(b, "-device", xstrdup("isa-serial,chardev=qga0"));
		return;
	}
	arg(b, "-device", xstrdup("virtio-serial,id=qga0,bus=pci.0,addr=0x8"));
	arg(b, "-device",
		xstrdup("virtserialport,chardev=qga0,"
			"name=org.qemu.guest_agent.0"));
}

static void basics(struct build *b)
{
	auto_free char *qmp_sock = run_path(b->vmid, "qmp");
	auto_free char *pid = run_path(b->vmid, "pid");
	const char *vga = js(b->conf, "vga");

	json_array_append_new(b->argv, json_string("kvm"));
	arg(b, "-name", fmt("%d,debug-threads=on", b->vmid));
	arg(b, "-nodefaults", NULL);
	arg(b, "-no-user-config", NULL);
	arg(b, "-daemonize", NULL);
	arg(b, "-pidfile", xstrdup(pid));
	arg(b, "-chardev",
		fmt("socket,id=qmp,path=%s,server=on,wait=off", qmp_sock));
	arg(b, "-mon", xstrdup("chardev=qmp,mode=control"));
	arg(b, "-display", xstrdup("none"));
	arg(b, "-m", fmt("%lld", num(b, "memory", 512)));
	arg(b, "-smp",
		fmt("%lld,sockets=%lld,cores=%lld,maxcpus=%lld",
			num(b, "sockets", 1) * num(b, "cores", 1),
			num(b, "sockets", 1), num(b, "cores", 1),
			num(b, "sockets", 1) * num(b, "cores", 1)));
	machine(b);
	if (!vga || !starts(vga, "none"))
		arg(b, "-device", xstrdup("VGA,id=vga,bus=pci.0,addr=0x2"));
	if (num(b, "balloon", 1))
		arg(b, "-device",
			xstrdup("virtio-balloon-pci,id=balloon0,bus=pci.0,"
				"addr=0x3"));
}

json_t *qemu_args(struct task *t, int vmid, const json_t *conf)
{
	struct build b = {.t = t,
		.vmid = vmid,
		.conf = conf,
		.argv = json_array(),
		.boot = boot_devices(conf)};

	basics(&b);
	smbios(&b);
	ovmf(&b);
	each(&b, "scsi", 31, drive);
	each(&b, "virtio", 16, drive);
	each(&b, "sata", 6, drive);
	each(&b, "ide", 4, drive);
	each(&b, "net", 32, card);
	each(&b, "serial", 4, serial);
	agent(&b);
	json_decref(b.boot);
	if (!b.failed)
		return b.argv;
	json_decref(b.argv);
	return NULL;
}
