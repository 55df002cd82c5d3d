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
#include "qemu.h"

#include <unistd.h>

void build_arg(struct build *b, const char *opt, char *val)
{
	auto_free char *v = val;

	json_array_append_new(b->argv, json_string(opt));
	if (v)
		json_array_append_new(b->argv, json_string(v));
}

void build_fail(struct build *b, const char *text)
{
	task_die(b->t, "%s", text);
	b->failed = true;
}

char *build_bootindex(const struct build *b, const char *dev)
{
	json_t *d;
	size_t i;

	json_array_foreach (b->boot, i, d)
		if (!strcmp(json_string_value(d), dev))
			return fmt(",bootindex=%zu", 100 + i);
	return xstrdup("");
}

void build_bridge(struct build *b, int n)
{
	if (n == 0 || b->bridges & 1u << n)
		return;
	b->bridges |= 1u << n;
	build_arg(b, "-device",
		fmt("pci-bridge,id=pci.%d,chassis_nr=%d,bus=pci.0,addr=0x%x", n,
			n, 0x1d + n));
}

/* "i440fx or q35"; the version of the type is the real QEMU's own. */
static void machine(struct build *b)
{
	const char *m = js(b->conf, "machine"), *cpu = js(b->conf, "cpu");
	const char *accel = getenv("LABPVE_ACCEL");

	b->q35 = m && strstr(m, "q35");
	build_arg(b, "-machine", xstrdup(b->q35 ? "q35" : "pc"));
	accel = accel ? accel : "tcg,thread=multi";
	build_arg(b, "-accel", xstrdup(accel));
	/* Under TCG a model only takes features away that it does not have:
	 * every named model becomes the richest one there is. */
	if (starts(accel, "tcg"))
		build_arg(b, "-cpu", xstrdup("max,la57=off"));
	else
		build_arg(b, "-cpu",
			fmt("%.*s", cpu ? (int)strcspn(cpu, ",") : 5,
				cpu ? cpu : "kvm64"));
	if (!b->q35) {
		build_bridge(b, 1);
		build_bridge(b, 2);
		return;
	}
	build_arg(b, "-device",
		xstrdup("i82801b11-bridge,id=pcidmi,bus=pcie.0,addr=1e.0"));
	build_arg(b, "-device",
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
		build_arg(b, "-smbios", xstrdup(out));
}

/* As of PVE: on q35 the 4 MB flash is the one that has Secure Boot (SMM). Its
 * i440fx has a build of its own with it, which Debian has not: there the keys
 * on the EFI disk mean nothing. */
static const char *ovmf_code(const struct build *b, const char *efi, bool big)
{
	if (!big)
		return "";
	return efi && b->q35 ? "_4M.secboot" : "_4M";
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
	build_arg(b, "-drive",
		fmt("if=pflash,unit=0,format=raw,readonly=on,"
		    "file=/usr/share/OVMF/OVMF_CODE%s.fd",
			ovmf_code(b, efi, big)));
	if (efi) {
		if (!build_image(b, "efidisk0", efi, &path, format))
			return;
	} else {
		size_t n = 0;
		auto_free char *vars =
			file_read("/usr/share/OVMF/OVMF_VARS_4M.fd", &n);

		path = run_path(b->vmid, "efivars");
		task_warn(b->t,
			"no efidisk configured! Using temporary "
			"efivars disk.");
		if (!vars || file_write(path, vars, n, 0600))
			build_fail(b, "EFI base image not found");
	}
	/* A volume may be larger than the flash it holds. */
	build_arg(b, "-drive",
		fmt("if=pflash,unit=1,id=drive-efidisk0,format=%s,file=%s%s",
			format, path,
			strcmp(format, "raw") ? ""
				: big         ? ",size=540672"
					      : ",size=131072"));
}

static void card(struct build *b, const char *key, const char *value)
{
	int n = (int)strtol(key + 3, NULL, 10);
	auto_json json_t *p = net_parse(value);
	auto_free char *index = build_bootindex(b, key), *bridge = NULL;
	auto_free char *model = xstrdup(js(p, "model") ? js(p, "model") : "");
	auto_free char *path =
		fmt("%s/run/tap%di%d.bridge", lab.dir, b->vmid, n);

	if (!p || !js(p, "macaddr")) {
		build_fail(b, "unable to parse the network options");
		return;
	}
	if (!strcmp(model, "virtio")) {
		free(model);
		model = xstrdup("virtio-net-pci");
	}
	build_bridge(b, n < 6 ? 0 : 1);
	if (js(p, "bridge")) {
		bridge = fmt("%s %s\n", js(p, "bridge"),
			js(p, "tag") ? js(p, "tag") : "");
		file_write(path, bridge, strlen(bridge), 0600);
		build_arg(b, "-netdev",
			fmt("type=tap,id=%s,ifname=tap%di%d,script=%s/run/"
			    "pve-bridge,downscript=no",
				key, b->vmid, n, lab.dir));
	} else {
		build_arg(b, "-netdev", fmt("type=user,id=%s", key));
	}
	build_arg(b, "-device",
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
		build_fail(b, "serial ports: only 'socket' in the lab");
		return;
	}
	build_arg(b, "-chardev",
		fmt("socket,id=%s,path=%s,server=on,wait=off%s%s", key, sock,
			strcmp(key, "serial0") ? "" : ",logfile=",
			strcmp(key, "serial0") ? "" : log));
	build_arg(b, "-device", fmt("isa-serial,chardev=%s", key));
}

static void agent(struct build *b)
{
	const char *a = js(b->conf, "agent");
	auto_free char *sock = run_path(b->vmid, "qga");

	if (!a || !(starts(a, "1") || strstr(a, "enabled=1")))
		return;
	build_arg(b, "-chardev",
		fmt("socket,path=%s,server=on,wait=off,id=qga0", sock));
	if (strstr(a, "type=isa")) {
		build_arg(b, "-device", xstrdup("isa-serial,chardev=qga0"));
		return;
	}
	build_arg(b, "-device",
		xstrdup("virtio-serial,id=qga0,bus=pci.0,addr=0x8"));
	build_arg(b, "-device",
		xstrdup("virtserialport,chardev=qga0,"
			"name=org.qemu.guest_agent.0"));
}

static void basics(struct build *b)
{
	auto_free char *qmp_sock = run_path(b->vmid, "qmp");
	auto_free char *pid = run_path(b->vmid, "pid");
	const char *vga = js(b->conf, "vga");

	json_array_append_new(b->argv, json_string("kvm"));
	build_arg(b, "-name", fmt("%d,debug-threads=on", b->vmid));
	build_arg(b, "-nodefaults", NULL);
	build_arg(b, "-no-user-config", NULL);
	build_arg(b, "-daemonize", NULL);
	build_arg(b, "-pidfile", xstrdup(pid));
	build_arg(b, "-chardev",
		fmt("socket,id=qmp,path=%s,server=on,wait=off", qmp_sock));
	build_arg(b, "-mon", xstrdup("chardev=qmp,mode=control"));
	build_arg(b, "-display", xstrdup("none"));
	build_arg(b, "-m", fmt("%lld", num(b, "memory", 512)));
	build_arg(b, "-smp",
		fmt("%lld,sockets=%lld,cores=%lld,maxcpus=%lld",
			num(b, "sockets", 1) * num(b, "cores", 1),
			num(b, "sockets", 1), num(b, "cores", 1),
			num(b, "sockets", 1) * num(b, "cores", 1)));
	machine(b);
	if (!vga || !starts(vga, "none"))
		build_arg(
			b, "-device", xstrdup("VGA,id=vga,bus=pci.0,addr=0x2"));
	if (num(b, "balloon", 1))
		build_arg(b, "-device",
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
	each(&b, "scsi", 31, build_drive);
	each(&b, "virtio", 16, build_drive);
	each(&b, "sata", 6, build_drive);
	each(&b, "ide", 4, build_drive);
	each(&b, "net", 32, card);
	each(&b, "serial", 4, serial);
	agent(&b);
	if (js(conf, "tpmstate0"))
		task_log(t, "no swtpm in the lab: the guest sees no TPM");
	json_decref(b.boot);
	if (!b.failed)
		return b.argv;
	json_decref(b.argv);
	return NULL;
}
