/*
 * The smaller matters of core/guest/: diffs that patch(1) applies, initramfs
 * archives whole and torn, VMware Tools, fstab, UEFI, application and backup,
 * the proposal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guest/initramfs.h"
#include "guest/text.h"
#include "guest_dir.h"
#include "proc.h"
#include "str.h"

/* --- diffs --- */

static unsigned long rnd_state = 20261122;

static unsigned rnd(unsigned n)
{
	rnd_state = rnd_state * 6364136223846793005ul + 1442695040888963407ul;
	return (rnd_state >> 33) % n;
}

/* A few lines, often the same, often without a last newline. */
static char *random_text(void)
{
	unsigned n = rnd(30);
	struct buf b = {0};

	for (unsigned i = 0; i < n; i++)
		buf_addf(&b, "%s%u\n", rnd(6) ? "line " : "", rnd(9));
	if (b.len && !rnd(3))
		b.s[--b.len] = '\0';
	return buf_steal(&b);
}

/* Lines changed, gone or new. */
static char *random_edit(const char *s)
{
	_text_ struct text t = {0};

	text_open(&t, s);
	for (unsigned i = rnd(5); i > 0; i--) {
		size_t at = t.n ? rnd(t.n) : 0;

		if (t.n && rnd(2))
			text_remove(&t, at, 1);
		else
			text_insert(&t, at, rnd(2) ? "new" : "line 3");
	}
	return text_join(&t);
}

static int run_in(const char *const argv[])
{
	_proc_ struct proc_result r = {0};

	return proc_run(argv, NULL, &r, NULL) ? -1 : r.status;
}

static void diffs_apply(void **state)
{
	char dir[] = "/tmp/vmferry-diff.XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(dir));
	_free_ char *file = path_join(dir, "f"), *patch = path_join(dir, "p");

	for (int i = 0; i < 60; i++) {
		_free_ char *a = random_text(), *b = random_edit(a);
		struct guest_change c = {
			.path = (char *)"/etc/f", .before = a, .after = b};
		_free_ char *diff = guest_diff(&c), *now = NULL;

		if (strcmp(a, b) == 0) {
			assert_null(strstr(diff, "@@"));
			continue;
		}
		assert_int_equal(file_write(file, a, strlen(a), 0600, NULL), 0);
		assert_int_equal(
			file_write(patch, diff, strlen(diff), 0600, NULL), 0);
		assert_int_equal(
			run_in((const char *const[]){"patch", "-s", "-f", "-F0",
				"--posix", file, patch, NULL}),
			0);
		if (!file_exists(file))
			now = xstrdup("");
		else
			assert_int_equal(
				file_read(file, 1 << 20, &now, NULL, NULL), 0);
		assert_string_equal(now, b);
	}
	run_in((const char *const[]){"rm", "-r", dir, NULL});
}

static void diff_of_a_copy_is_words(void **state)
{
	struct guest_change c = {.path = (char *)"/b", .copy_of = (char *)"/a"};
	_free_ char *diff = guest_diff(&c);

	(void)state;
	assert_string_equal(diff, "copy /a\n  to /b\n");
}

/* --- text --- */

static void swaps_only_what_stands_alone(void **state)
{
	static const struct {
		const char *s, *want;
	} row[] = {{"via 10.0.0.1 dev", "via X dev"}, {"10.0.0.12", NULL},
		{"110.0.0.1", NULL}, {"10.0.0.1.5", NULL},
		{"10.0.0.1/24,10.0.0.1;", "X/24,X;"},
		{"end 10.0.0.1.", "end X."}, {"a10.0.0.1", NULL}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		_free_ char *now = text_swap(row[i].s, "10.0.0.1", "X");

		if (!row[i].want)
			assert_null(now);
		else
			assert_string_equal(now, row[i].want);
	}
}

/* --- initramfs --- */

static void cpio_entry(struct buf *b, const char *name, const char *data)
{
	size_t n = strlen(name) + 1, d = strlen(data);

	buf_addf(b,
		"070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx"
		"%08x",
		1, 0100644, 0, 0, 1, 0, d, 0, 0, 0, 0, n, 0);
	buf_add(b, name, n);
	while (b->len % 4)
		buf_addc(b, '\0');
	buf_add(b, data, d);
	while (b->len % 4)
		buf_addc(b, '\0');
}

static void cpio(struct buf *b, bool microcode)
{
	if (microcode) {
		cpio_entry(b, "kernel/x86/microcode/GenuineIntel.bin", "ucode");
		cpio_entry(b, "TRAILER!!!", "");
		while (b->len % 512)
			buf_addc(b, '\0');
		return;
	}
	cpio_entry(b, "usr/lib/modules/6.1/kernel/drivers/virtio_scsi.ko.xz",
		"module");
	cpio_entry(b, "lib/modules/6.1/kernel/drivers/virtio-pci.ko", "m");
	cpio_entry(b, "bin/virtio_blk.kotlin", "no module");
	cpio_entry(b, "TRAILER!!!", "");
}

static const char *const modules[] = {
	"virtio_scsi", "virtio_pci", "virtio_blk"};

static int look(const char *path, const void *p, size_t n, bool found[3])
{
	struct err e = {0};

	_initramfs_ struct initramfs r = {0};

	assert_int_equal(file_write(path, p, n, 0600, &e), 0);
	memset(found, 0, 3 * sizeof(*found));
	if (initramfs_read(path, &r, &e))
		return -1;
	initramfs_find(&r, modules, 3, found);
	return 0;
}

static void check_found(const char *path, const struct buf *b)
{
	bool found[3];

	assert_int_equal(look(path, b->s, b->len, found), 0);
	assert_true(found[0]);
	assert_true(found[1]);
	assert_false(found[2]);
}

/* Torn anywhere it may be refused or understood in part, never worse. */
static void check_torn(const char *path, const struct buf *b)
{
	for (size_t n = 0; n < b->len; n += 1 + n / 300) {
		bool found[3];

		look(path, b->s, n, found);
		assert_false(found[2]);
	}
}

static void initramfs_forms(void **state)
{
	static const char *const tools[] = {
		"cat", "gzip", "xz", "zstd", "lz4", "bzip2"};
	char dir[] = "/tmp/vmferry-cpio.XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(dir));
	_free_ char *plain = path_join(dir, "plain");
	_free_ char *img = path_join(dir, "img");
	_buf_ struct buf body = {0};

	cpio(&body, false);
	assert_int_equal(file_write(plain, body.s, body.len, 0600, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(tools); i++)
		for (int micro = 0; micro < 2; micro++) {
			_free_ char *packed = NULL;
			_buf_ struct buf b = {0};
			_free_ char *cmd = xasprintf("%s %s < %s > %s",
				tools[i], strcmp(tools[i], "lz4") ? "" : "-l",
				plain, img);
			size_t n;

			if (run_in((const char *const[]){
				    "sh", "-c", cmd, NULL})) {
				fprintf(stderr, "%s is not here: skipped\n",
					tools[i]);
				continue;
			}
			assert_int_equal(
				file_read(img, 1 << 20, &packed, &n, NULL), 0);
			if (micro)
				cpio(&b, true);
			buf_add(&b, packed, n);
			check_found(img, &b);
			check_torn(img, &b);
		}
	run_in((const char *const[]){"rm", "-r", dir, NULL});
}

/* --- matters of a whole guest --- */

static struct guest *g;
static struct guest_changes cs;

static int set_up(void **state)
{
	(void)state;
	g = guest_dir_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	guest_changes_free(&cs);
	guest_dir_free(g);
	return 0;
}

static void work_out(void)
{
	_json_ json_t *want = json_object();

	guest_changes_free(&cs);
	assert_int_equal(guest_changes(g, want, &cs, NULL), 0);
}

static void tools_are_disarmed(void **state)
{
	(void)state;
	guest_dir_put(g, "/usr/lib/systemd/system/open-vm-tools.service", "");
	guest_dir_link(g, "/lib", "usr/lib");
	assert_string_equal(guest_tools(g), "open-vm-tools");
	work_out();
	assert_int_equal(cs.n, 1);
	assert_string_equal(cs.c[0].path,
		"/etc/systemd/system/open-vm-tools.service.d/vmferry.conf");
	assert_non_null(
		strstr(cs.c[0].after, "ConditionVirtualization=vmware"));
}

static void tarball_tools_are_said(void **state)
{
	(void)state;
	guest_dir_put(g, "/etc/vmware-tools/locations", "x");
	assert_string_equal(guest_tools(g), "vmware-tools");
	work_out();
	assert_int_equal(cs.n, 0);
	assert_int_equal(cs.n_left, 1);
}

static void fstab_by_uuid(void **state)
{
	(void)state;
	guest_dir_put(g, "/etc/fstab",
		"# /dev/sda1 was root\n"
		"UUID=1-2 /\text4 defaults 0 1\n"
		"/dev/sda2\tnone  swap sw 0 0 # the swap\n"
		"/dev/sdb1 /srv xfs defaults 0 2\n"
		"/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:1:0 /x ext4 a 0 "
		"0\n"
		"/dev/mapper/vg-x /y ext4 defaults 0 2");
	guest_dir_put(g, "/etc/crypttab", "data /dev/sda3 none luks\n");
	assert_true(guest_fstab_device_names(g));
	work_out();
	assert_int_equal(cs.n, 2);
	assert_string_equal(cs.c[0].after,
		"# /dev/sda1 was root\n"
		"UUID=1-2 /\text4 defaults 0 1\n"
		"UUID=uuid-sda2-swap\tnone  swap sw 0 0 # the swap\n"
		"/dev/sdb1 /srv xfs defaults 0 2\n"
		"/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:1:0 /x ext4 a 0 "
		"0\n"
		"/dev/mapper/vg-x /y ext4 defaults 0 2");
	assert_string_equal(
		cs.c[1].after, "data UUID=uuid-sda3-crypto_LUKS none luks\n");
	assert_int_equal(cs.n_left, 2);
}

static void efi_fallback_is_copied(void **state)
{
	(void)state;
	guest_dir_put(g, "/boot/efi/EFI/debian/shimx64.efi", "shim");
	guest_dir_put(g, "/boot/efi/EFI/debian/grubx64.efi", "grub");
	work_out();
	assert_int_equal(cs.n, 2);
	for (size_t i = 0; i < cs.n; i++)
		assert_int_equal(guest_apply(g, &cs.c[i], NULL), 0);
	_free_ char *boot = guest_dir_get(g, "/boot/efi/EFI/BOOT/BOOTX64.EFI");
	_free_ char *grub = guest_dir_get(g, "/boot/efi/EFI/BOOT/grubx64.efi");

	assert_string_equal(boot, "shim");
	assert_string_equal(grub, "grub");
	work_out();
	assert_int_equal(cs.n, 0);
}

/* The first backup is the file as it came; a second change keeps it. */
static void backup_is_the_first(void **state)
{
	struct guest_change c = {.path = (char *)"/etc/a/b",
		.why = (char *)"",
		.before = (char *)"one",
		.after = (char *)"two",
		.mode = 0600};

	(void)state;
	guest_dir_put(g, "/etc/a/b", "one");
	assert_int_equal(guest_apply(g, &c, NULL), 0);
	c.before = (char *)"two";
	c.after = (char *)"three";
	assert_int_equal(guest_apply(g, &c, NULL), 0);
	_free_ char *kept = guest_dir_get(g, "/var/backups/vmferry/etc_a_b");
	_free_ char *now = guest_dir_get(g, "/etc/a/b");

	assert_string_equal(kept, "one");
	assert_string_equal(now, "three");
}

static void read_only_is_refused(void **state)
{
	struct guest_change c = {.path = (char *)"/x", .after = (char *)"y"};
	struct err e = {0};

	(void)state;
	g->write = false;
	assert_int_equal(guest_apply(g, &c, &e), -1);
	assert_false(guest_has(g, "/x"));
}

/* Links of a hostile guest lead nowhere but into the guest. */
static void links_stay_inside(void **state)
{
	(void)state;
	guest_dir_link(g, "/etc/fstab", "../../../../../../etc/hostname");
	assert_null(guest_text(g, "/etc/fstab"));
	guest_dir_link(g, "/etc/os-release", "/usr/lib/os-release");
	guest_dir_put(g, "/usr/lib/os-release", "ID=debian\n");
	_free_ char *s = guest_text(g, "/etc/os-release");

	assert_string_equal(s, "ID=debian\n");
}

/* A file that is no text is not rewritten, and not taken for a new one. */
static void binary_files_are_left(void **state)
{
	(void)state;
	guest_dir_put(g, "/x", "a");
	guest_dir_copy(g, "/bin", "/bin/true");
	guest_change_add(g, &cs, "/bin", "text", 0644, "");
	assert_int_equal(cs.n, 0);
	assert_int_equal(cs.n_left, 1);
}

/* --- other names of disks, fstrim, the agent --- */

static const struct guest_change *change_at(const char *path)
{
	for (size_t i = 0; i < cs.n; i++)
		if (strcmp(cs.c[i].path, path) == 0)
			return &cs.c[i];
	return NULL;
}

static void resume_by_uuid(void **state)
{
	static const char path[] = "/etc/initramfs-tools/conf.d/resume";

	(void)state;
	guest_dir_put(g, path, "# swap\nRESUME=/dev/sda5\n");
	guest_dir_put(g, "/boot/grub/device.map",
		"(hd0)\t/dev/disk/by-id/scsi-36000c29\n");
	guest_names_changes(g, &cs);
	assert_int_equal(cs.n, 2);
	assert_string_equal(
		change_at(path)->after, "# swap\nRESUME=UUID=uuid-sda5-swap\n");
	assert_null(change_at("/boot/grub/device.map")->after);
	assert_int_equal(guest_apply(g, &cs.c[1], NULL), 0);
	assert_false(guest_has(g, "/boot/grub/device.map"));
	/* sdb is not certain; a UUID is left as it is. */
	guest_changes_free(&cs);
	guest_dir_put(g, path, "RESUME=/dev/sdb1\n");
	guest_names_changes(g, &cs);
	assert_int_equal(cs.n, 0);
	assert_int_equal(cs.n_left, 1);
	guest_changes_free(&cs);
	guest_dir_put(g, path, "RESUME=UUID=1-2\n");
	guest_names_changes(g, &cs);
	assert_int_equal(cs.n + cs.n_left, 0);
}

static void lvm_looks_at_all_disks(void **state)
{
	static const char path[] = "/etc/lvm/devices/system.devices";

	(void)state;
	guest_dir_put(g, path,
		"VERSION=1.1.2\nIDTYPE=devname IDNAME=/dev/sda2 "
		"DEVNAME=/dev/sda2 PVID=x PART=2\n");
	guest_names_changes(g, &cs);
	assert_int_equal(cs.n, 0);
	guest_dir_put(g, path,
		"IDTYPE=sys_wwid IDNAME=naa.6000c29a DEVNAME=/dev/sdb "
		"PVID=y\n");
	guest_names_changes(g, &cs);
	assert_int_equal(cs.n, 1);
	assert_null(cs.c[0].after);
	assert_int_equal(guest_apply(g, &cs.c[0], NULL), 0);
	assert_false(guest_has(g, path));
	assert_true(guest_has(
		g, "/var/backups/vmferry/etc_lvm_devices_system.devices"));
	guest_changes_free(&cs);
	guest_dir_put(g, "/etc/lvm/lvm.conf",
		"devices {\n\t# filter = [ \"a|/dev/disk/by-id/x|\" ]\n"
		"\tfilter = [ \"a|/dev/disk/by-path/pci-0|\", \"r|.*|\" ]\n");
	guest_dir_put(g, "/etc/X11/xorg.conf", "Driver \"vmware\"\n");
	guest_names_changes(g, &cs);
	assert_int_equal(cs.n, 0);
	assert_int_equal(cs.n_left, 2);
}

static void fstrim_every_week(void **state)
{
	_free_ char *to = NULL;

	(void)state;
	guest_fstrim_changes(g, &cs);
	assert_int_equal(cs.n, 0);
	guest_dir_put(g, "/sbin/fstrim", "");
	guest_dir_put(g, "/etc/cron.weekly/other", "");
	guest_fstrim_changes(g, &cs);
	assert_int_equal(cs.n, 1);
	assert_string_equal(cs.c[0].path, "/etc/cron.weekly/fstrim");
	assert_int_equal(cs.c[0].mode, 0755);
	guest_changes_free(&cs);
	guest_dir_put(g, "/lib/systemd/system/fstrim.timer", "[Timer]\n");
	guest_fstrim_changes(g, &cs);
	assert_int_equal(cs.n, 1);
	assert_int_equal(guest_apply(g, &cs.c[0], NULL), 0);
	to = g->ops->link(g, cs.c[0].path);
	assert_string_equal(to, "/lib/systemd/system/fstrim.timer");
	guest_changes_free(&cs);
	guest_fstrim_changes(g, &cs);
	assert_int_equal(cs.n, 0);
}

static void agent_is_offered(void **state)
{
	(void)state;
	guest_dir_put(g, "/usr/bin/apt-get", "");
	guest_dir_put(g, "/etc/systemd/system/x.service", "");
	guest_agent_changes(g, false, &cs);
	assert_int_equal(cs.n, 0);
	assert_non_null(strstr(cs.left[0], "apt-get -y install"));
	guest_changes_free(&cs);
	guest_agent_changes(g, true, &cs);
	assert_int_equal(cs.n, 2);
	assert_non_null(strstr(cs.c[0].after,
		"apt-get -y install "
		"qemu-guest-agent'\n"));
	assert_string_equal(cs.c[1].link_to, cs.c[0].path);
	guest_changes_free(&cs);
	guest_dir_put(g, "/usr/sbin/qemu-ga", "");
	guest_agent_changes(g, true, &cs);
	assert_int_equal(cs.n + cs.n_left, 0);
}

/* --- the proposal --- */

static void proposals(void **state)
{
	static const struct {
		const char *facts; /* in_initramfs, available */
		const char *bus, *nic, *reason;
		bool addable, may_fix;
	} row[] = {
		{"\"virtio_pci\":true,\"virtio_scsi\":true|\"virtio_net\":true",
			"scsi", "virtio", "holds", false, false},
		{"\"virtio_pci\":true,\"virtio_scsi\":true|", "scsi", "e1000",
			"holds", false, false},
		{"\"virtio_pci\":true,\"ahci\":true|", "sata", "e1000",
			"no virtio_scsi", false, false},
		{"\"ahci\":true|\"virtio_scsi\":true", "sata", "e1000",
			"rebuilt", false, false},
		{"\"ata_piix\":true|", "ide", "e1000", "no virtio_pci", false,
			false},
		{"\"ahci\":true|\"virtio_net\":true", "scsi", "virtio",
			"guest_fix adds", true, true},
		{"\"ahci\":true|\"virtio_net\":true", "sata", "e1000",
			"no virtio_pci", true, false},
	};
	struct vm vm = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		const char *bar = strchr(row[i].facts, '|');
		_free_ char *text = xasprintf(
			"{\"family\":\"linux\",\"kernels\":[{\"version\":\"5\","
			"\"initramfs\":\"/i\",\"default\":true,%s"
			"\"in_initramfs\":{%.*s},\"available\":{%s}}]}",
			row[i].addable ? "\"addable\":\"x.ko\"," : "",
			(int)(bar - row[i].facts), row[i].facts, bar + 1);
		_json_ json_t *facts = NULL;
		_free_ char *reason = NULL;
		const char *bus, *nic;

		assert_int_equal(
			json_parse(text, strlen(text), &facts, NULL), 0);
		guest_propose(facts, &vm, row[i].may_fix, &bus, &nic, &reason);
		assert_string_equal(bus, row[i].bus);
		assert_string_equal(nic, row[i].nic);
		assert_non_null(strstr(reason, row[i].reason));
		assert_int_equal(guest_needs_drivers(facts), row[i].addable);
	}
}

int main(void)
{
#define G(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(diffs_apply),
		cmocka_unit_test(diff_of_a_copy_is_words),
		cmocka_unit_test(swaps_only_what_stands_alone),
		cmocka_unit_test(initramfs_forms),
		G(tools_are_disarmed),
		G(tarball_tools_are_said),
		G(fstab_by_uuid),
		G(resume_by_uuid),
		G(lvm_looks_at_all_disks),
		G(fstrim_every_week),
		G(agent_is_offered),
		G(efi_fallback_is_copied),
		G(backup_is_the_first),
		G(read_only_is_refused),
		G(links_stay_inside),
		G(binary_files_are_left),
		cmocka_unit_test(proposals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
