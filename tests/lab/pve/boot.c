/*
 * boot.c - the boot order of a configuration, old letters and "order=".
 */
#include "pve.h"

static bool modern(void)
{
	const char *f = js(schema_option("boot"), "format");

	return lab.schema_path ? f != NULL : lab.rel >= 602;
}

/* Keys of a base in number order: scsi0, scsi1, ... */
static void collect(
	const json_t *conf, const char *base, int most, int cdrom, json_t *out)
{
	for (int i = 0; i < most; i++) {
		auto_free char *k = fmt("%s%d", base, i);
		const char *v = js(conf, k);

		if (v && (cdrom < 0 || drive_is_cdrom(v) == cdrom))
			json_array_append_new(out, json_string(k));
	}
}

static void drives(const json_t *conf, int cdrom, json_t *out)
{
	collect(conf, "ide", 4, cdrom, out);
	collect(conf, "scsi", 31, cdrom, out);
	collect(conf, "virtio", 16, cdrom, out);
	collect(conf, "sata", 6, cdrom, out);
}

static json_t *from_letters(const json_t *conf, const char *letters)
{
	json_t *out = json_array();
	const char *disk = js(conf, "bootdisk");

	for (; *letters; letters++) {
		if (*letters == 'c' && disk && js(conf, disk)) {
			json_array_append_new(out, json_string(disk));
		} else if (*letters == 'c') {
			auto_json json_t *all = json_array();

			drives(conf, 0, all);
			if (json_array_size(all))
				json_array_append(out, json_array_get(all, 0));
		} else if (*letters == 'd') {
			drives(conf, 1, out);
		} else if (*letters == 'n') {
			collect(conf, "net", 32, -1, out);
		}
	}
	return out;
}

json_t *boot_devices(const json_t *conf)
{
	const char *b = js(conf, "boot");
	char *save = NULL;
	json_t *out;

	if (!b)
		return from_letters(conf, "cdn");
	if (*b == ' ')
		return json_array();
	if (!starts(b, "order="))
		return from_letters(
			conf, starts(b, "legacy=") ? b + strlen("legacy=") : b);
	auto_free char *copy = xstrdup(b + strlen("order="));

	out = json_array();
	for (char *p = strtok_r(copy, ";", &save); p;
		p = strtok_r(NULL, ";", &save))
		json_array_append_new(out, json_string(p));
	return out;
}

static void put(json_t *conf, const json_t *devs)
{
	auto_free char *text = xstrdup("");
	json_t *d;
	size_t i;

	json_array_foreach (devs, i, d) {
		char *more = fmt("%s%s%s", text,
			i ? ";" : "order=", json_string_value(d));

		free(text);
		text = more;
	}
	js_set(conf, "boot", *text ? text : " ");
}

void boot_default(json_t *conf)
{
	auto_json json_t *order = json_array();
	auto_json json_t *disk = json_array(), *cd = json_array();
	auto_json json_t *net = json_array();
	json_t *lists[] = {disk, cd, net};

	if (js(conf, "boot") || (!modern() && js(conf, "bootdisk")))
		return;
	drives(conf, 0, disk);
	drives(conf, 1, cd);
	collect(conf, "net", 32, -1, net);
	if (!modern()) {
		if (json_array_size(disk))
			json_object_set(
				conf, "bootdisk", json_array_get(disk, 0));
		return;
	}
	for (size_t i = 0; i < 3; i++)
		if (json_array_size(lists[i]))
			json_array_append(order, json_array_get(lists[i], 0));
	put(conf, order);
}

static bool ordered(const json_t *conf)
{
	const char *b = js(conf, "boot");

	return b && starts(b, "order=");
}

static ssize_t at(const json_t *devs, const char *dev)
{
	json_t *d;
	size_t i;

	json_array_foreach (devs, i, d)
		if (!strcmp(json_string_value(d), dev))
			return (ssize_t)i;
	return -1;
}

void boot_remove(json_t *conf, const char *dev)
{
	auto_json json_t *devs = boot_devices(conf);
	ssize_t i = at(devs, dev);

	if (!ordered(conf) || i < 0)
		return;
	json_array_remove(devs, (size_t)i);
	put(conf, devs);
}

void boot_append(json_t *conf, const char *dev)
{
	auto_json json_t *devs = boot_devices(conf);

	if (!ordered(conf) || at(devs, dev) >= 0)
		return;
	json_array_append_new(devs, json_string(dev));
	put(conf, devs);
}

void boot_modernise(json_t *conf)
{
	const char *b = js(conf, "boot");
	auto_json json_t *devs = NULL;

	if (!modern() || (b && (*b == ' ' || starts(b, "order="))))
		return;
	if (!b && !js(conf, "bootdisk"))
		return;
	devs = boot_devices(conf);
	put(conf, devs);
	json_object_del(conf, "bootdisk");
}
