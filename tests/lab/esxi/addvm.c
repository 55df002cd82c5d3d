/*
 * addvm DIR --name N ...: makes a VM as ESXi would have left it and
 * registers it. Runs outside; opens the source images, then enters the
 * chroot and works with the host's own paths. Options: the table below.
 *   --disk slot=scsi0:0,ds=datastore1,src=FILE[,thin=0][,eager=1][,name=N]
 *   --redo cowd|sesparse: format of the logs of --snapshot; default cowd
 *   --nic model=vmxnet3,mac=..,type=static|generated|vpx,net=NAME
 */
#include "addvm.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

int add_complain(const char *what, const char *why)
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
		return add_complain(opt, "too many disks");
	d->slot = sub(opt, "slot", "scsi0:0");
	d->ds = sub(opt, "ds", "datastore1");
	d->src = sub(opt, "src", NULL);
	d->name = sub(opt, "name", NULL);
	d->thin = !strcmp(sub(opt, "thin", "1"), "1");
	d->eager = !strcmp(sub(opt, "eager", "0"), "1");
	d->fd = d->src ? open(d->src, O_RDONLY | O_CLOEXEC) : -1;
	if (d->fd < 0 || fstat(d->fd, &st))
		return add_complain(d->src ? d->src : opt, strerror(errno));
	d->size = st.st_size / LAB_SECTOR * LAB_SECTOR;
	a->ndisk++;
	return 0;
}

static int take_nic(struct add *a, const char *opt)
{
	struct add_nic *n = &a->nic[a->nnic];

	if (a->nnic == (int)ARRAY_LEN(a->nic))
		return add_complain(opt, "too many NICs");
	n->model = sub(opt, "model", "vmxnet3");
	n->mac = sub(opt, "mac", "00:0c:29:46:9b:0b");
	n->type = sub(opt, "type", "generated");
	n->net = sub(opt, "net", "VM Network");
	a->nnic++;
	return 0;
}

enum {
	O_NAME = 1,
	O_GUEST,
	O_HW,
	O_MEM,
	O_CPUS,
	O_CPS,
	O_DISK,
	O_NIC,
	O_FIRMWARE,
	O_POWER,
	O_TOOLS,
	O_SNAP,
	O_NOTE,
	O_SCSI,
	O_IP,
	O_GW,
	O_DNS,
	O_HOST,
	O_REDO
};

static const struct option options[] = {
	{"name", 1, NULL, O_NAME},
	{"guest", 1, NULL, O_GUEST},
	{"hw", 1, NULL, O_HW},
	{"mem", 1, NULL, O_MEM},
	{"cpus", 1, NULL, O_CPUS},
	{"cps", 1, NULL, O_CPS},
	{"disk", 1, NULL, O_DISK},
	{"nic", 1, NULL, O_NIC},
	{"firmware", 1, NULL, O_FIRMWARE},
	{"power", 1, NULL, O_POWER},
	{"tools", 1, NULL, O_TOOLS},
	{"snapshot", 1, NULL, O_SNAP},
	{"annotation", 1, NULL, O_NOTE},
	{"scsi", 1, NULL, O_SCSI},
	{"ip", 1, NULL, O_IP},
	{"gw", 1, NULL, O_GW},
	{"dns", 1, NULL, O_DNS},
	{"hostname", 1, NULL, O_HOST},
	{"redo", 1, NULL, O_REDO},
	{NULL, 0, NULL, 0},
};

static int take_number(struct add *a, int opt, const char *s)
{
	long long v = text_num(s);

	if (v < 1 || v > 1 << 24)
		return add_complain(s, "not a number");
	*(opt == O_HW                   ? &a->hw
			: opt == O_MEM  ? &a->mem
			: opt == O_CPUS ? &a->cpus
					: &a->cps) = (int)v;
	return 0;
}

static void take_text(struct add *a, int opt, const char *s)
{
	const char **at = opt == O_NAME ? &a->name
		: opt == O_GUEST        ? &a->guest
		: opt == O_FIRMWARE     ? &a->firmware
		: opt == O_NOTE         ? &a->note
		: opt == O_SCSI         ? &a->scsi
		: opt == O_IP           ? &a->ip
		: opt == O_GW           ? &a->gw
		: opt == O_DNS          ? &a->dns
		: opt == O_REDO         ? &a->redo
					: &a->host;

	*at = s;
}

static int take(struct add *a, int opt)
{
	switch (opt) {
	case O_HW:
	case O_MEM:
	case O_CPUS:
	case O_CPS:
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
			return add_complain(optarg, "too many snapshots");
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
		.parent_cid = 0xffffffff,
		.create = "vmfs",
		.extent_type = "VMFS",
		.sectors = d->size / LAB_SECTOR,
		.thin = d->thin,
		.adapter = ide ? "ide" : "lsilogic"};
	char *base = d->name ? d->name
		: i          ? text_fmt("%s_%d", a->name, i)
			     : text_dup(a->name);
	char *dir = inv_real(text_fmt("/vmfs/volumes/%s/%s", d->ds, a->name));
	int fd, r;

	if (mkdir(dir, 0755) && errno != EEXIST)
		return add_complain(dir, strerror(errno));
	d->path = text_fmt("%s/%s.vmdk", dir, base);
	desc.extent = text_fmt("%s-flat.vmdk", base);
	fd = open(text_fmt("%s/%s", dir, desc.extent),
		O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return add_complain(desc.extent, strerror(errno));
	r = copy_blocks(d->fd, fd, d->size, d->eager);
	if (close(fd) || r)
		return add_complain(desc.extent, strerror(errno));
	return desc_save(d->path, &desc, a->hw);
}

static int add(struct add *a)
{
	char *vmx_path;
	struct vm vm;
	int i, id;

	for (i = 0; i < a->ndisk; i++)
		if (make_disk(a, i))
			return 1;
	if (add_files(a, &vmx_path))
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
	state_put("redo", "%s", a->redo);
	for (i = 0; i < a->nsnap; i++)
		if (snap_create(&vm, a->snap[i], "made by the lab", false))
			return -add_complain(a->snap[i], strerror(errno));
	state_del("redo");
	if (a->nsnap && add_spoil(&vm))
		return 1;
	if (a->on)
		power_set(&vm, POWER_ON);
	printf("%d\n", id);
	return 0;
}

int cmd_addvm(int argc, char **argv)
{
	struct add a = {.guest = "otherlinux-64",
		.hw = 19,
		.mem = 256,
		.cpus = 1,
		.scsi = "pvscsi",
		.redo = "cowd"};
	int opt;

	if (argc < 2)
		return -add_complain("DIR", "missing");
	a.dir = argv[1];
	optind = 2;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (take(&a, opt))
			return 2;
	if (!a.name || !a.ndisk) {
		add_complain("--name, --disk", "needed");
		return 2;
	}
	if (chroot(text_fmt("%s/root", a.dir)) || chdir("/")) {
		add_complain(a.dir, strerror(errno));
		return 1;
	}
	return add(&a);
}
