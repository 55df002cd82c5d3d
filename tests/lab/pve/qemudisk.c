/*
 * qemudisk.c - disks and their controllers on the command line.
 */
#include "qemu.h"

bool build_image(struct build *b, const char *key, const char *value,
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

		build_fail(b, m);
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
		build_arg(b, "-device",
			fmt("%s,id=scsihw%d,bus=pci.0,addr=0x%x", scsi_model(b),
				ctl, 5 + ctl));
		return;
	}
	if (!(b->scsihw & 1u << 31)) {
		b->scsihw |= 1u << 31;
		build_arg(b, "-device",
			xstrdup("pci-bridge,id=pci.3,chassis_nr=3,bus=pci.0,"
				"addr=0x5"));
	}
	build_arg(b, "-device",
		fmt("virtio-scsi-pci,id=virtioscsi%d,bus=pci.3,addr=0x%x", n,
			n + 1));
}

static void scsi_device(
	struct build *b, int n, const char *kind, const char *tail)
{
	const char *hw = js(b->conf, "scsihw");
	bool lun = hw && starts(hw, "virtio");
	bool single = hw && !strcmp(hw, "virtio-scsi-single");
	int most = !hw || starts(hw, "lsi") ? 7 : 256;
	int ctl = single ? n : n / most;

	if (!single && ctl > 1) {
		build_fail(b, "too many disks for this SCSI controller");
		return;
	}
	scsi_controller(b, n, single, ctl);
	if (lun)
		build_arg(b, "-device",
			fmt("scsi-%s,bus=%s%d.0,channel=0,scsi-id=0,lun=%d,%s",
				kind, single ? "virtioscsi" : "scsihw", ctl,
				single ? 0 : n, tail));
	else
		build_arg(b, "-device",
			fmt("scsi-%s,bus=scsihw%d.0,scsi-id=%d,%s", kind, ctl,
				n % most, tail));
}

static void device(
	struct build *b, const char *key, bool cdrom, const char *tail)
{
	int n = (int)strtol(key + strcspn(key, "0123456789"), NULL, 10);

	if (starts(key, "scsi")) {
		scsi_device(b, n, cdrom ? "cd" : "hd", tail);
	} else if (starts(key, "virtio")) {
		build_bridge(b, n < 6 ? 0 : 2);
		build_arg(b, "-device",
			fmt("virtio-blk-pci,bus=pci.%d,addr=0x%x,%s",
				n < 6 ? 0 : 2, n < 6 ? 10 + n : n - 5, tail));
	} else if (starts(key, "sata")) {
		if (!b->ahci)
			build_arg(b, "-device",
				xstrdup("ahci,id=ahci0,multifunction=on,"
					"bus=pci.0,addr=0x7"));
		b->ahci = true;
		build_arg(b, "-device",
			fmt("ide-%s,bus=ahci0.%d,%s", cdrom ? "cd" : "hd", n,
				tail));
	} else if (b->q35) {
		build_arg(b, "-device",
			fmt("ide-%s,bus=ide.%d,unit=0,%s", cdrom ? "cd" : "hd",
				n, tail));
	} else {
		build_arg(b, "-device",
			fmt("ide-%s,bus=ide.%d,unit=%d,%s", cdrom ? "cd" : "hd",
				n / 2, n % 2, tail));
	}
}

/* Options that go to the device: serial, wwn, ssd. */
static char *device_options(const char *key, const json_t *p)
{
	const char *serial = js(p, "serial"), *ssd = js(p, "ssd");
	const char *wwn = js(p, "wwn");

	return fmt("%s%s%s%s%s", serial ? ",serial=" : "", serial ? serial : "",
		wwn ? ",wwn=" : "", wwn ? wwn : "",
		ssd && !strcmp(ssd, "1") && !starts(key, "virtio")
			? ",rotation_rate=1"
			: "");
}

void build_drive(struct build *b, const char *key, const char *value)
{
	auto_free char *why = NULL, *path = NULL,
		       *index = build_bootindex(b, key);
	auto_json json_t *p = prop_parse(key, value, &why);
	const char *file = js(p, "file"), *cache = js(p, "cache");
	const char *discard = js(p, "discard");
	bool cdrom = drive_is_cdrom(value);
	bool trim = discard && !strcmp(discard, "on");
	auto_free char *more = device_options(key, p), *tail = NULL;
	char format[8];

	tail = fmt("drive=drive-%s,id=%s%s%s", key, key, more, index);
	if (!file || !strcmp(file, "none") || !strcmp(file, "cdrom")) {
		build_arg(b, "-drive",
			fmt("if=none,id=drive-%s,media=cdrom", key));
		device(b, key, true, tail);
		return;
	}
	if (!build_image(b, key, value, &path, format))
		return;
	build_arg(b, "-drive",
		fmt("file=%s,if=none,id=drive-%s,format=%s,cache=%s,"
		    "aio=threads,discard=%s,detect-zeroes=%s%s",
			path, key, format, cache ? cache : "none",
			trim ? "on" : "ignore", trim ? "unmap" : "on",
			cdrom ? ",media=cdrom,readonly=on" : ""));
	device(b, key, cdrom, tail);
}
