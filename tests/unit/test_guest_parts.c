/*
 * The smaller matters of core/guest/: texts, VMware Tools, fstab, UEFI,
 * application and backup.
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
#include "str.h"

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

/* An NVMe disk of VMware is a SCSI one afterwards; what device-mapper and LVM
 * name by content stays. */
static void fstab_nvme_and_content_names(void **state)
{
	static const char content[] =
		"/dev/disk/by-id/dm-uuid-LVM-abc /y ext4 defaults 0 2\n"
		"/dev/disk/by-id/lvm-pv-uuid-abc /z ext4 defaults 0 2\n";

	(void)state;
	guest_dir_put(g, "/etc/fstab", content);
	assert_false(guest_fstab_device_names(g));
	work_out();
	assert_int_equal(cs.n, 0);
	assert_int_equal(cs.n_left, 0);
	guest_dir_put(g, "/etc/fstab", "/dev/nvme0n1p2 / ext4 defaults 0 1\n");
	assert_true(guest_fstab_device_names(g));
	work_out();
	assert_int_equal(cs.n, 1);
	assert_string_equal(cs.c[0].after,
		"UUID=uuid-nvme0n1p2-ext4 / ext4 defaults 0 1\n");
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

static void agent_changes(bool install)
{
	_json_ json_t *want = json_object();

	json_put_bool(want, "agent", install);
	guest_agent_changes(g, want, &cs);
}

static void agent_is_offered(void **state)
{
	(void)state;
	guest_dir_put(g, "/usr/bin/apt-get", "");
	guest_dir_put(g, "/etc/systemd/system/x.service", "");
	agent_changes(false);
	assert_int_equal(cs.n, 0);
	assert_non_null(strstr(cs.left[0], "apt-get -y install"));
	guest_changes_free(&cs);
	agent_changes(true);
	assert_int_equal(cs.n, 2);
	assert_non_null(strstr(cs.c[0].after,
		"apt-get -y install "
		"qemu-guest-agent'\n"));
	assert_string_equal(cs.c[1].link_to, cs.c[0].path);
	guest_changes_free(&cs);
	guest_dir_put(g, "/usr/sbin/qemu-ga", "");
	agent_changes(true);
	assert_int_equal(cs.n + cs.n_left, 0);
}

/* A worker that was killed behind some of them finds the rest to do. */
static void done_is_done(void **state)
{
	_json_ json_t *want = json_pack("{s:b}", "agent", 1);
	size_t n;

	(void)state;
	guest_dir_put(g, "/lib/systemd/system/open-vm-tools.service", "");
	guest_dir_put(g, "/lib/systemd/system/vgauth.service", "");
	guest_dir_put(g, "/usr/bin/apt-get", "");
	guest_dir_put(g, "/etc/systemd/system/x.service", "");
	assert_int_equal(guest_changes(g, want, &cs, NULL), 0);
	n = cs.n;
	assert_true(n >= 3);
	for (size_t i = 0; i < n; i++) {
		_free_ char *shown = guest_diff(&cs.c[n - 1]);
		_free_ char *still = NULL;
		_changes_ struct guest_changes rest = {0};

		assert_int_equal(guest_changes(g, want, &rest, NULL), 0);
		assert_true(rest.n > 0);
		still = guest_diff(&rest.c[rest.n - 1]);
		assert_string_equal(shown, still);
		for (size_t k = 0; k < rest.n; k++)
			assert_true(rest.c[k].link_to || !rest.c[k].before);
		assert_int_equal(guest_apply(g, &cs.c[i], NULL), 0);
	}
}

int main(void)
{
#define G(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(swaps_only_what_stands_alone),
		G(tools_are_disarmed),
		G(tarball_tools_are_said),
		G(fstab_by_uuid),
		G(fstab_nvme_and_content_names),
		G(resume_by_uuid),
		G(lvm_looks_at_all_disks),
		G(fstrim_every_week),
		G(agent_is_offered),
		G(done_is_done),
		G(efi_fallback_is_copied),
		G(backup_is_the_first),
		G(read_only_is_refused),
		G(links_stay_inside),
		G(binary_files_are_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
