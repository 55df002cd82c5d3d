/*
 * QEMU for a rehearsal: its command line, its files, its end. Devices sit
 * where Proxmox VE puts them (guest-fixups.md 1): the controllers at 5 and 7,
 * the first card at 0x12 of pci.0, which on q35 is a conventional bus behind
 * four root ports and a bridge (pve-q35-4.0.cfg), so that the card is enp6s18
 * there. It dies with us.
 */
#include "rehearse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/own.h"
#include "proc.h"
#include "rehearse_own.h"
#include "str.h"

#define ARGS_MAX 160

struct args {
	char *v[ARGS_MAX];
	size_t n;
};

static void args_free(struct args *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->v[i]);
}

/* Takes the text. */
static void add(struct args *a, char *text)
{
	if (a->n + 1 == ARGS_MAX)
		abort();
	a->v[a->n++] = text;
	a->v[a->n] = NULL;
}

static void add2(struct args *a, const char *option, char *value)
{
	add(a, xstrdup(option));
	add(a, value);
}

/* QEMU reads a comma in a path as two. */
static char *path_of(const char *dir, const char *name)
{
	struct buf b = {0};

	for (; *dir; dir++) {
		buf_addc(&b, *dir);
		if (*dir == ',')
			buf_addc(&b, ',');
	}
	buf_addf(&b, "/%s", name);
	return buf_steal(&b);
}

/* --- acceleration and firmware --- */

/* A processor without its own virtualization may still show /dev/kvm (nested
 * machines): guests hang there. */
static bool kvm_works(void)
{
	_free_ char *cpu = NULL;

	if (access("/dev/kvm", R_OK | W_OK) ||
		file_read("/proc/cpuinfo", 4 << 20, &cpu, NULL, NULL))
		return false;
	return strstr(cpu, " vmx") || strstr(cpu, " svm");
}

bool rehearse_is_slow(void)
{
	return !kvm_works();
}

/* Proxmox VE's, then Debian's. */
static const char *firmware(const char *const *paths)
{
	for (; *paths; paths++)
		if (file_exists(*paths))
			return *paths;
	return NULL;
}

/* Keys or not is a matter of the variables: without SMM the plain code
 * checks signatures too. */
static int add_uefi(struct stage *s, struct args *a, struct err *e)
{
	static const char *const codes[] = {
		"/usr/share/pve-edk2-firmware/OVMF_CODE_4M.fd",
		"/usr/share/pve-edk2-firmware/OVMF_CODE.fd",
		"/usr/share/OVMF/OVMF_CODE_4M.fd",
		"/usr/share/OVMF/OVMF_CODE.fd", NULL};
	static const char *const vars[] = {
		"/usr/share/pve-edk2-firmware/OVMF_VARS_4M.fd",
		"/usr/share/pve-edk2-firmware/OVMF_VARS.fd",
		"/usr/share/OVMF/OVMF_VARS_4M.fd",
		"/usr/share/OVMF/OVMF_VARS.fd", NULL};
	static const char *const keys[] = {
		"/usr/share/pve-edk2-firmware/OVMF_VARS_4M.ms.fd",
		"/usr/share/OVMF/OVMF_VARS_4M.ms.fd", NULL};
	const char *code = firmware(codes);
	const char *var = firmware(s->w->secure_boot ? keys : vars);
	_free_ char *own = path_join(s->dir, "vars"), *data = NULL;
	_free_ char *quoted = path_of(s->dir, "vars");
	size_t len;

	if (!code || !var)
		return err_set(e, ERR_TOOL_MISSING,
			"no UEFI firmware on this machine: apt install ovmf");
	if (file_read(var, 64 << 20, &data, &len, e) ||
		file_write(own, data, len, 0600, e))
		return -1;
	add2(a, "-drive",
		xasprintf("if=pflash,format=raw,readonly=on,file=%s", code));
	add2(a, "-drive", xasprintf("if=pflash,format=raw,file=%s", quoted));
	return 0;
}

/* --- the command line --- */

bool stage_is_q35(const struct stage *s)
{
	return s->w->machine && strstr(s->w->machine, "q35");
}

static void add_bus(struct stage *s, struct args *a)
{
	if (!stage_is_q35(s)) {
		add2(a, "-device", xstrdup("VGA,bus=pci.0,addr=0x2"));
		return;
	}
	for (int i = 0; i < 4; i++)
		add2(a, "-device",
			xasprintf("pcie-root-port,id=p%d,bus=pcie.0,addr=1c.%d,"
				  "port=%d,chassis=%d%s",
				i, i, i + 1, i + 1,
				i ? "" : ",multifunction=on"));
	add2(a, "-device",
		xstrdup("i82801b11-bridge,id=pcidmi,bus=pcie.0,addr=1e.0"));
	add2(a, "-device",
		xstrdup("pci-bridge,id=pci.0,bus=pcidmi,addr=1.0,"
			"chassis_nr=1"));
	add2(a, "-device", xstrdup("VGA,bus=pcie.0,addr=0x1"));
}

static void add_machine(struct stage *s, struct args *a)
{
	unsigned memory = s->w->memory ? s->w->memory : 1024;

	add(a, xstrdup("qemu-system-x86_64"));
	add2(a, "-name", xstrdup("vmferry-rehearsal"));
	add2(a, "-machine", xstrdup(stage_is_q35(s) ? "q35" : "pc"));
	add2(a, "-accel", xstrdup(s->kvm ? "kvm" : "tcg,thread=multi"));
	/* One that newer userlands (x86-64-v2, v3) run on. Emulated, a second
	 * processor sees code that the first one patched (jump labels) too
	 * late, now and then: Linux 6.12 panics. Without five levels of
	 * page tables, as libguestfs has it. */
	add2(a, "-cpu", xstrdup(s->kvm ? "host" : "max,la57=off"));
	add2(a, "-smp", xstrdup(s->kvm ? "2" : "1"));
	add2(a, "-m", xasprintf("%u", memory));
	add(a, xstrdup("-nodefaults"));
	add(a, xstrdup("-no-user-config"));
	add(a, xstrdup("-no-reboot"));
	add2(a, "-display", xstrdup("none"));
	add_bus(s, a);
	add(a, xstrdup("-S"));
}

static void add_disks(struct stage *s, struct args *a)
{
	bool scsi = strcmp(s->w->bus, "scsi") == 0;
	bool sata = strcmp(s->w->bus, "sata") == 0;
	bool q35 = stage_is_q35(s);

	if (scsi)
		add2(a, "-device",
			xstrdup("virtio-scsi-pci,id=c0,bus=pci.0,addr=0x5"));
	if (sata)
		add2(a, "-device", xstrdup("ahci,id=c0,bus=pci.0,addr=0x7"));
	for (size_t i = 0; i < s->w->n; i++) {
		char name[32];
		_free_ char *file = NULL;

		snprintf(name, sizeof(name), "disk%zu", i);
		file = path_of(s->dir, name);
		add2(a, "-drive",
			xasprintf("if=none,id=d%zu,format=qcow2,discard=unmap,"
				  "cache=unsafe,file=%s",
				i, file));
		if (scsi)
			add2(a, "-device",
				xasprintf("scsi-hd,bus=c0.0,scsi-id=%zu,drive="
					  "d%zu,bootindex=%zu",
					i, i, i + 1));
		else if (sata)
			add2(a, "-device",
				xasprintf("ide-hd,bus=c0.%zu,drive=d%zu,"
					  "bootindex=%zu",
					i, i, i + 1));
		else
			/* q35 has no IDE: one disk a port of its AHCI. */
			add2(a, "-device",
				xasprintf("ide-hd,bus=ide.%zu,unit=%zu,drive="
					  "d%zu,bootindex=%zu",
					q35 ? i : i / 2, q35 ? 0 : i % 2, i,
					i + 1));
	}
}

static void add_cards(struct stage *s, struct args *a)
{
	const char *model =
		strcmp(s->w->nic, "e1000") == 0 ? "e1000" : "virtio-net-pci";

	for (size_t i = 0; i < s->w->n_macs; i++) {
		add2(a, "-netdev",
			xasprintf("hubport,id=h%zu,hubid=%zu", i, i));
		add2(a, "-device",
			xasprintf("%s,id=n%zu,netdev=h%zu,mac=%s,bus=pci.0,"
				  "addr=0x%zx,romfile=",
				model, i, i, s->w->macs[i], 0x12 + i));
	}
}

static void add_ears(struct stage *s, struct args *a)
{
	_free_ char *qmp = path_of(s->dir, "qmp");
	_free_ char *agent = path_of(s->dir, "agent");
	_free_ char *serial = path_of(s->dir, "serial");

	add2(a, "-qmp", xasprintf("unix:%s,server=on,wait=off", qmp));
	add2(a, "-serial", xasprintf("file:%s", serial));
	add2(a, "-device", xstrdup("virtio-serial-pci,bus=pci.0,addr=0x8"));
	add2(a, "-chardev",
		xasprintf("socket,id=agent,path=%s,server=on,wait=off", agent));
	add2(a, "-device",
		xstrdup("virtserialport,chardev=agent,name=org.qemu.guest_"
			"agent.0"));
}

/* --- the stage --- */

static int make_layers(struct stage *s, struct err *e)
{
	for (size_t i = 0; i < s->w->n; i++) {
		_free_ char *at = NULL;
		char name[32];

		snprintf(name, sizeof(name), "disk%zu", i);
		at = path_join(s->dir, name);
		if (guest_overlay_at(&s->w->disks[i], at, e))
			return -1;
	}
	return 0;
}

static void clear_dir(struct stage *s)
{
	static const char *const names[] = {
		"qmp", "agent", "serial", "vars", "screen"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		_free_ char *p = path_join(s->dir, names[i]);

		unlink(p);
	}
	for (size_t i = 0; i < s->w->n; i++) {
		_free_ char *p = xasprintf("%s/disk%zu", s->dir, i);

		unlink(p);
	}
	rmdir(s->dir);
}

static void strike(struct stage *s)
{
	cleanup_qmp(&s->monitor);
	cleanup_qmp(&s->agent);
	if (s->pid > 0)
		proc_end(s->pid, 2);
	if (s->words >= 0)
		close(s->words);
	if (s->dir)
		clear_dir(s);
	free(s->dir);
}

static int start(struct stage *s, struct err *e)
{
	__attribute__((cleanup(args_free))) struct args a = {0};
	_free_ char *qmp = path_join(s->dir, "qmp");
	_free_ char *agent = path_join(s->dir, "agent");

	add_machine(s, &a);
	if (s->w->uefi && add_uefi(s, &a, e))
		return -1;
	add_disks(s, &a);
	add_cards(s, &a);
	add_ears(s, &a);
	if (proc_spawn_bound((const char *const *)a.v, s->words, &s->pid, e))
		return -1;
	if (qmp_open(qmp, 30, &s->monitor, e) ||
		qmp_agent(agent, 30, &s->agent, e)) {
		char words[200] = "";
		ssize_t n = pread(s->words, words, sizeof(words) - 1, 0);

		if (n > 0)
			return err_set(e, ERR_GUEST_ACCESS, "QEMU: %s",
				str_trim(words));
		return -1;
	}
	return 0;
}

/* The links go down before the first instruction. */
static int begin(struct stage *s, struct err *e)
{
	for (size_t i = 0; !s->w->hub && i < s->w->n_macs; i++) {
		json_t *args = json_object();
		char name[32];

		snprintf(name, sizeof(name), "n%zu", i);
		json_put_str(args, "name", name);
		json_put_bool(args, "up", false);
		if (qmp_do(s->monitor, "set_link", args, NULL, e))
			return -1;
	}
	s->began = now_mono();
	return qmp_do(s->monitor, "cont", NULL, NULL, e);
}

int rehearse(const struct rehearsal *w, json_t **out, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	struct stage s = {.w = w, .words = -1, .kvm = kvm_works()};
	int rc = -1;

	s.dir = xasprintf(
		"%s/vmferry-stage.XXXXXX", tmp && *tmp ? tmp : "/var/tmp");
	if (!mkdtemp(s.dir)) {
		err_sys(e, ERR_IO, "%s", s.dir);
		free(s.dir);
		return -1;
	}
	s.words = memfd_create("vmferry-qemu", MFD_CLOEXEC);
	if (make_layers(&s, e) == 0 && start(&s, e) == 0 && begin(&s, e) == 0)
		rc = stage_watch(&s, out, e);
	strike(&s);
	return rc ? err_in(e, "rehearse the start") : 0;
}
