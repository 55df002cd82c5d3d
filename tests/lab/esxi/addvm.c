/*
 * addvm DIR --name N ...: makes a VM as ESXi would have left it and
 * registers it. Runs outside; opens the source images, then enters the
 * chroot and works with the host's own paths.
 *
 * A disk with snapshots: the source is what the guest saw last. The base is
 * damaged where the logs hold the truth (boot sector, a whole block, zeros
 * over data), so that a copy of the base alone neither boots nor has the
 * right digest.
 */
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

struct add_disk {
	char *slot, *ds, *src, *name;
	bool thin, eager;
	int fd;
	int64_t size;
	char *path;	/* descriptor in the chroot */
};

struct add_nic {
	char *model, *mac, *type, *net;
};

struct add {
	const char *dir, *name, *guest, *firmware, *note, *scsi;
	const char *ip, *gw, *dns, *host;
	int hw, mem, cpus, cps, ndisk, nnic, nsnap;
	bool on, tools;
	struct add_disk disk[16];
	struct add_nic nic[10];
	const char *snap[16];
};

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "addvm: %s: %s\n", what, why);
	return -1;
}

/* a=b,c=d: the value of one key, or dflt. */
static char *sub(const char *opt, const char *key, const char *dflt)
{
	char *want = text_fmt("%s=", key);
	const char *p = opt;

	while (p && *p) {
		size_t n = strcspn(p, ",");

		if (!strncmp(p, want, strlen(want)))
			return text_fmt("%.*s", (int)(n - strlen(want)),
				p + strlen(want));
		p += n + (p[n] == ',');
	}
	return dflt ? text_dup(dflt) : NULL;
}

static int take_disk(struct add *a, const char *opt)
{
	struct add_disk *d = &a->disk[a->ndisk];
	struct stat st;

	if (a->ndisk == (int)ARRAY_LEN(a->disk))
		return complain(opt, "too many disks");
	d->slot = sub(opt, "slot", "scsi0:0");
	d->ds = sub(opt, "ds", "datastore1");
	d->src = sub(opt, "src", NULL);
	d->name = sub(opt, "name", NULL);
	d->thin = !strcmp(sub(opt, "thin", "1"), "1");
	d->eager = !strcmp(sub(opt, "eager", "0"), "1");
	d->fd = d->src ? open(d->src, O_RDONLY | O_CLOEXEC) : -1;
	if (d->fd < 0 || fstat(d->fd, &st))
		return complain(d->src ? d->src : opt, strerror(errno));
	d->size = st.st_size / LAB_SECTOR * LAB_SECTOR;
	a->ndisk++;
	return 0;
}

static int take_nic(struct add *a, const char *opt)
{
	struct add_nic *n = &a->nic[a->nnic];

	if (a->nnic == (int)ARRAY_LEN(a->nic))
		return complain(opt, "too many NICs");
	n->model = sub(opt, "model", "vmxnet3");
	n->mac = sub(opt, "mac", "00:0c:29:46:9b:0b");
	n->type = sub(opt, "type", "generated");
	n->net = sub(opt, "net", "VM Network");
	a->nnic++;
	return 0;
}

enum { O_NAME = 1, O_GUEST, O_HW, O_MEM, O_CPUS, O_CPS, O_DISK, O_NIC,
	O_FIRMWARE, O_POWER, O_TOOLS, O_SNAP, O_NOTE, O_SCSI, O_IP, O_GW,
	O_DNS, O_HOST };

static const struct option options[] = {
	{"name", 1, NULL, O_NAME}, {"guest", 1, NULL, O_GUEST},
	{"hw", 1, NULL, O_HW}, {"mem", 1, NULL, O_MEM},
	{"cpus", 1, NULL, O_CPUS}, {"cps", 1, NULL, O_CPS},
	{"disk", 1, NULL, O_DISK}, {"nic", 1, NULL, O_NIC},
	{"firmware", 1, NULL, O_FIRMWARE}, {"power", 1, NULL, O_POWER},
	{"tools", 1, NULL, O_TOOLS}, {"snapshot", 1, NULL, O_SNAP},
	{"annotation", 1, NULL, O_NOTE}, {"scsi", 1, NULL, O_SCSI},
	{"ip", 1, NULL, O_IP}, {"gw", 1, NULL, O_GW}, {"dns", 1, NULL, O_DNS},
	{"hostname", 1, NULL, O_HOST}, {NULL, 0, NULL, 0},
};

static int take_number(struct add *a, int opt, const char *s)
{
	long long v = text_num(s);

	if (v < 1 || v > 1 << 24)
		return complain(s, "not a number");
	*(opt == O_HW ? &a->hw : opt == O_MEM ? &a->mem :
		opt == O_CPUS ? &a->cpus : &a->cps) = (int)v;
	return 0;
}

static void take_text(struct add *a, int opt, const char *s)
{
	const char **at = opt == O_NAME ? &a->name :
		opt == O_GUEST ? &a->guest : opt == O_FIRMWARE ? &a->firmware :
		opt == O_NOTE ? &a->note : opt == O_SCSI ? &a->scsi :
		opt == O_IP ? &a->ip : opt == O_GW ? &a->gw :
		opt == O_DNS ? &a->dns : &a->host;

	*at = s;
}

static int take(struct add *a, int opt)
{
	switch (opt) {
	case O_HW: case O_MEM: case O_CPUS: case O_CPS:
		return take_number(a, opt, optarg);
	case O_DISK:
		return take_disk(a, optarg);
	case O_NIC:
		return take_nic(a, optarg);
	case O_POWER:
		a->on = !strcmp(optarg, "on");
		return 0;
	case O_TOOLS:
		a->tools = !strcmp(optarg, "1");
		return 0;
	case O_SNAP:
		if (a->nsnap == (int)ARRAY_LEN(a->snap))
			return complain(optarg, "too many snapshots");
		a->snap[a->nsnap++] = optarg;
		return 0;
	case '?':
		return -1;
	default:
		take_text(a, opt, optarg);
		return 0;
	}
}

/* The source's blocks that hold anything; the others stay holes. */
static int copy_blocks(int in, int out, int64_t size, bool eager)
{
	static char buf[LAB_MIB], zero[LAB_MIB];
	int64_t at = 0;
	ssize_t n;

	if (ftruncate(out, size))
		return -1;
	while (!eager) {
		at = lseek(in, at, SEEK_DATA);
		if (at < 0 || at >= size)
			return 0;
		at = at / LAB_MIB * LAB_MIB;
		n = pread(in, buf, LAB_MIB, at);
		if (n < 0)
			return -1;
		if (memcmp(buf, zero, (size_t)n) &&
		    pwrite(out, buf, (size_t)n, at) != n)
			return -1;
		at += LAB_MIB;
	}
	for (; (n = pread(in, buf, LAB_MIB, at)) > 0; at += n)
		if (pwrite(out, buf, (size_t)n, at) != n)
			return -1;
	return n < 0 ? -1 : 0;
}

static int make_disk(struct add *a, int i)
{
	struct add_disk *d = &a->disk[i];
	bool ide = !strncmp(d->slot, "ide", 3);
	struct desc desc = {.cid = 0x7475b330u + (uint32_t)i * 0x1111u,
		.parent_cid = 0xffffffff, .create = "vmfs",
		.extent_type = "VMFS", .sectors = d->size / LAB_SECTOR,
		.thin = d->thin, .adapter = ide ? "ide" : "lsilogic"};
	char *base = d->name ? d->name : i ?
		text_fmt("%s_%d", a->name, i) : text_dup(a->name);
	char *dir = inv_real(text_fmt("/vmfs/volumes/%s/%s", d->ds, a->name));
	int fd, r;

	if (mkdir(dir, 0755) && errno != EEXIST)
		return complain(dir, strerror(errno));
	d->path = text_fmt("%s/%s.vmdk", dir, base);
	desc.extent = text_fmt("%s-flat.vmdk", base);
	fd = open(text_fmt("%s/%s", dir, desc.extent),
		O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return complain(desc.extent, strerror(errno));
	r = copy_blocks(d->fd, fd, d->size, d->eager);
	if (close(fd) || r)
		return complain(desc.extent, strerror(errno));
	return desc_save(d->path, &desc, a->hw);
}

static char *uuid_of(const char *name, const char *first)
{
	uint64_t u = 14695981039346656037ULL;
	char *s = text_dup(first);
	int i;

	for (; *name; name++)
		u = (u ^ (unsigned char)*name) * 1099511628211ULL;
	for (i = 2; i < 16; i++) {
		u = u * 6364136223846793005ULL + 1442695040888963407ULL;
		s = text_fmt("%s%c%02x", s, i == 8 ? '-' : ' ',
			(unsigned)(u >> 56));
	}
	return s;
}

static void vmx_fixed(struct vmx *v, const struct add *a)
{
	const char *uuid = uuid_of(a->name, "56 4d");
	int i;

	vmx_set(v, ".encoding", "UTF-8");
	vmx_set(v, "config.version", "8");
	vmx_set(v, "virtualHW.version", "%d", a->hw);
	vmx_set(v, "nvram", "%s.nvram", a->name);
	vmx_set(v, "pciBridge0.present", "TRUE");
	vmx_set(v, "svga.present", "TRUE");
	for (i = 4; i < 8; i++) {
		vmx_set(v, text_fmt("pciBridge%d.present", i), "TRUE");
		vmx_set(v, text_fmt("pciBridge%d.virtualDev", i),
			"pcieRootPort");
		vmx_set(v, text_fmt("pciBridge%d.functions", i), "8");
	}
	vmx_set(v, "vmci0.present", "TRUE");
	vmx_set(v, "hpet0.present", "TRUE");
	vmx_set(v, "floppy0.present", "FALSE");
	vmx_set(v, "numvcpus", "%d", a->cpus);
	if (a->cps > 1)
		vmx_set(v, "cpuid.coresPerSocket", "%d", a->cps);
	vmx_set(v, "memSize", "%d", a->mem);
	if (a->firmware && strcmp(a->firmware, "bios"))
		vmx_set(v, "firmware", "%s", a->firmware);
	vmx_set(v, "powerType.powerOff", "default");
	vmx_set(v, "powerType.suspend", "soft");
	vmx_set(v, "powerType.reset", "default");
	vmx_set(v, "tools.upgrade.policy", "manual");
	vmx_set(v, "sched.cpu.units", "mhz");
	vmx_set(v, "sched.cpu.affinity", "all");
	vmx_set(v, "sched.cpu.min", "0");
	vmx_set(v, "sched.cpu.shares", "normal");
	vmx_set(v, "sched.mem.min", "0");
	vmx_set(v, "sched.mem.minSize", "0");
	vmx_set(v, "sched.mem.shares", "normal");
	vmx_set(v, "displayName", "%s", a->name);
	vmx_set(v, "guestOS", "%s", a->guest);
	if (a->note)
		vmx_set(v, "annotation", "%s", a->note);
	vmx_set(v, "toolScripts.afterPowerOn", "TRUE");
	vmx_set(v, "toolScripts.beforePowerOff", "TRUE");
	vmx_set(v, "uuid.bios", "%s", uuid);
	vmx_set(v, "uuid.location", "%s", uuid);
	vmx_set(v, "vc.uuid", "%s", uuid_of(a->name, "52 bb"));
	vmx_set(v, "cleanShutdown", "TRUE");
	vmx_set(v, "migrate.hostLog", "%s-1f2e3d4c.hlog", a->name);
}

static void vmx_disk(struct vmx *v, const struct add *a, int i)
{
	const struct add_disk *d = &a->disk[i];
	char *ctl = text_fmt("%.*s", (int)strcspn(d->slot, ":"), d->slot);
	bool scsi = !strncmp(ctl, "scsi", 4), ide = !strncmp(ctl, "ide", 3);
	char *home = text_dir(a->disk[0].path);

	if (!ide)
		vmx_set(v, text_fmt("%s.present", ctl), "TRUE");
	if (scsi) {
		vmx_set(v, text_fmt("%s.virtualDev", ctl), "%s", a->scsi);
		vmx_set(v, text_fmt("%s.sharedBus", ctl), "none");
		vmx_set(v, text_fmt("%s.pciSlotNumber", ctl),
			!strcmp(a->scsi, "pvscsi") ||
			!strcmp(a->scsi, "lsisas1068") ? "160" : "16");
	}
	vmx_set(v, text_fmt("%s.deviceType", d->slot), scsi ?
		"scsi-hardDisk" : ide ? "ata-hardDisk" : "disk");
	vmx_set(v, text_fmt("%s.fileName", d->slot), "%s",
		strcmp(text_dir(d->path), home) ? d->path :
						  text_base(d->path));
	vmx_set(v, text_fmt("sched.%s.shares", d->slot), "normal");
	vmx_set(v, text_fmt("sched.%s.throughputCap", d->slot), "off");
	vmx_set(v, text_fmt("%s.present", d->slot), "TRUE");
	vmx_set(v, text_fmt("%s.redo", d->slot), "%s", "");
}

static void vmx_nic(struct vmx *v, const struct add *a, int i)
{
	const struct add_nic *n = &a->nic[i];
	char *e = text_fmt("ethernet%d", i);
	bool fixed = !strcmp(n->type, "static");

	vmx_set(v, text_fmt("%s.virtualDev", e), "%s", n->model);
	vmx_set(v, text_fmt("%s.networkName", e), "%s", n->net);
	vmx_set(v, text_fmt("%s.addressType", e), "%s", n->type);
	if (fixed)
		vmx_set(v, text_fmt("%s.address", e), "%s", n->mac);
	else
		vmx_set(v, text_fmt("%s.generatedAddress", e), "%s", n->mac);
	if (!strcmp(n->type, "generated"))
		vmx_set(v, text_fmt("%s.generatedAddressOffset", e), "%d",
			i * 10);
	if (!strncmp(n->model, "vmxnet3", 7))
		vmx_set(v, text_fmt("%s.pciSlotNumber", e), "%d",
			192 + i * 32);
	else
		vmx_set(v, text_fmt("%s.pciSlotNumber", e), "%d", 33 + i);
	vmx_set(v, text_fmt("%s.wakeOnPcktRcv", e), "FALSE");
	vmx_set(v, text_fmt("%s.present", e), "TRUE");
}

static int write_files(struct add *a, char **vmx_path)
{
	char *dir = text_dir(a->disk[0].path);
	bool efi = a->firmware && !strcmp(a->firmware, "efi");
	size_t nv = efi ? 270840 : 8684;
	char *p, *log;
	struct vmx v = {0};
	int i;

	vmx_fixed(&v, a);
	for (i = 0; i < a->ndisk; i++)
		vmx_disk(&v, a, i);
	for (i = 0; i < a->nnic; i++)
		vmx_nic(&v, a, i);
	vmx_set(&v, "ide1:0.present", "TRUE");
	vmx_set(&v, "ide1:0.deviceType", "atapi-cdrom");
	vmx_set(&v, "ide1:0.fileName", "emptyBackingString");
	vmx_set(&v, "ide1:0.startConnected", "FALSE");
	*vmx_path = text_fmt("%s/%s.vmx", dir, a->name);
	p = text_fmt("%s/%s", dir, a->name);
	log = text_fmt("%s| vmx| I005: Log for VMware ESX pid=527611 "
		"version=%s option=Release\n%s| vmx| I005: DICT "
		"displayName = \"%s\"\n", text_utc(), lab_old() ? "5.5.0" :
		"8.0.2", text_utc(), a->name);
	if (vmx_save(*vmx_path, &v) ||
	    chmod(*vmx_path, 0755) ||
	    text_write(text_fmt("%s.vmsd", p), "", 0) ||
	    text_write(text_fmt("%s.nvram", p), text_alloc(nv), nv) ||
	    text_write(text_fmt("%s/vmware.log", dir), log, strlen(log)))
		return complain(*vmx_path, strerror(errno));
	return 0;
}

/* ---- the logs of snapshots, and the lies below them ---- */

struct chain {
	int base, log[16], n;
};

static int stale(struct chain *c, int64_t sector, int nth, bool punched)
{
	char truth[LAB_SECTOR] = {0}, lie[LAB_SECTOR] = {0};
	int level = nth % c->n;

	if (pread(c->base, truth, sizeof(truth), sector * LAB_SECTOR) < 0)
		return -1;
	snprintf(lie, sizeof(lie), "STALE base, sector %" PRId64, sector);
	if (cowd_put(c->log[level], sector, truth))
		return -1;
	if (!punched && pwrite(c->base, lie, sizeof(lie),
			sector * LAB_SECTOR) != (ssize_t)sizeof(lie))
		return -1;
	snprintf(lie, sizeof(lie), "STALE log, sector %" PRId64, sector);
	return level && nth % 2 ? cowd_put(c->log[level - 1], sector, lie) : 0;
}

/* Every 2^n-th written block loses a sector; one loses all of them; one
 * hole gets data that the log says is zero. */
static int spoil(struct chain *c, int64_t size)
{
	int64_t b, n = size / LAB_MIB, s;
	int nth = 0, holes = 0;

	for (b = 0; b < n; b++) {
		int64_t data = lseek(c->base, b * LAB_MIB, SEEK_DATA);
		bool hole = data < 0 || data >= (b + 1) * LAB_MIB;

		if (hole && !holes++ && stale(c, b * 2048 + 100, nth++, false))
			return -1;
		if (hole || nth++ % 4)
			continue;
		if (nth != 5 && stale(c, b * 2048 + (b ? b * 7 % 2048 : 0),
				nth, false))
			return -1;
		if (nth != 5)
			continue;
		for (s = 0; s < 2048; s++)
			if (stale(c, b * 2048 + s, nth, true))
				return -1;
		if (fallocate(c->base, FALLOC_FL_PUNCH_HOLE |
			FALLOC_FL_KEEP_SIZE, b * LAB_MIB, LAB_MIB))
			return -1;
	}
	return 0;
}

static int spoil_disk(struct vm *vm, struct vdisk *v)
{
	struct chain c = {.base = -1};
	struct disk d;
	struct desc desc;
	const char *why;
	int i;

	if (disk_open(v->path, &d, &why))
		return complain(vm->name, why);
	for (i = 0; i < d.n; i++) {
		int fd = -1;

		if (!desc_load(d.path[i], &desc))
			fd = open(desc_extent(d.path[i], &desc),
				O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return complain(d.path[i], strerror(errno));
		if (i)
			c.log[c.n++] = fd;
		else
			c.base = fd;
	}
	disk_close(&d);
	return c.n && spoil(&c, desc.sectors * LAB_SECTOR) ?
		complain(vm->name, strerror(errno)) : 0;
}

static int add(struct add *a)
{
	char *vmx_path;
	struct vm vm;
	int i, id;

	for (i = 0; i < a->ndisk; i++)
		if (make_disk(a, i))
			return 1;
	if (write_files(a, &vmx_path))
		return 1;
	state_lock();
	id = inv_add(vmx_path);
	state_put(text_fmt("vm/%d/tools", id), "%d", a->tools);
	if (a->ip)
		state_put(text_fmt("vm/%d/ip", id), "%s", a->ip);
	if (a->gw)
		state_put(text_fmt("vm/%d/gw", id), "%s", a->gw);
	if (a->dns)
		state_put(text_fmt("vm/%d/dns", id), "%s", a->dns);
	state_put(text_fmt("vm/%d/hostname", id), "%s",
		a->host ? a->host : a->name);
	if (inv_vm(text_fmt("%d", id), &vm))
		return 1;
	for (i = 0; i < a->nsnap; i++)
		if (snap_create(&vm, a->snap[i], "made by the lab", false))
			return complain(a->snap[i], strerror(errno)) ? 1 : 1;
	for (i = 0; a->nsnap && i < (int)vm.ndisk; i++)
		if (spoil_disk(&vm, &vm.disk[i]))
			return 1;
	if (a->on)
		power_set(&vm, POWER_ON);
	printf("%d\n", id);
	return 0;
}

int cmd_addvm(int argc, char **argv)
{
	struct add a = {.guest = "otherlinux-64", .hw = 19, .mem = 256,
		.cpus = 1, .scsi = "pvscsi"};
	int opt;

	if (argc < 2)
		return complain("DIR", "missing") ? 2 : 2;
	a.dir = argv[1];
	optind = 2;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (take(&a, opt))
			return 2;
	if (!a.name || !a.ndisk) {
		complain("--name, --disk", "needed");
		return 2;
	}
	if (chroot(text_fmt("%s/root", a.dir)) || chdir("/")) {
		complain(a.dir, strerror(errno));
		return 1;
	}
	return add(&a);
}

/* rawcat DIR VM SLOT: what the guest would read, to stdout. */
int cmd_rawcat(int argc, char **argv)
{
	static char buf[LAB_MIB];
	struct vm *vm;
	struct disk d;
	const char *why;
	size_t i, j, n;
	int64_t at;

	if (argc < 4 || chroot(text_fmt("%s/root", argv[1])) || chdir("/")) {
		fprintf(stderr, "usage: rawcat DIR VM SLOT\n");
		return 2;
	}
	n = inv_all(&vm);
	for (i = 0; i < n; i++)
		for (j = 0; !strcmp(vm[i].name, argv[2]) && j < vm[i].ndisk;
			j++) {
			if (strcmp(vm[i].disk[j].slot, argv[3]))
				continue;
			if (disk_open(vm[i].disk[j].path, &d, &why)) {
				fprintf(stderr, "rawcat: %s\n", why);
				return 1;
			}
			for (at = 0; at < d.size; at += LAB_MIB) {
				size_t len = d.size - at < LAB_MIB ?
					(size_t)(d.size - at) : LAB_MIB;

				if (disk_read(&d, buf, len, at) ||
				    fwrite(buf, 1, len, stdout) != len)
					return 1;
			}
			return 0;
		}
	fprintf(stderr, "rawcat: no disk %s of %s\n", argv[3], argv[2]);
	return 1;
}
