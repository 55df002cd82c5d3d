/*
 * The JSON form of PCI devices, and the lists of ESXi and Proxmox VE in it:
 * see pci.h.
 */
#include "pci.h"
#include "pci_form.h"

#include <string.h>

#include "str.h"

/* --- the JSON form --- */

static const char *kind(unsigned class_id)
{
	switch (class_id >> 8) {
	case 0x01:
		return "storage";
	case 0x02:
		return "network";
	case 0x03:
		return "display";
	case 0x06:
		return "bridge";
	default:
		return class_id == 0x0c03 ? "usb" : "other";
	}
}

static void put_id(json_t *o, const char *key, unsigned id)
{
	char text[8];

	snprintf(text, sizeof(text), "0x%04x", id & 0xffff);
	json_put_str(o, key, text);
}

json_t *pci_device_json(const char *address, const struct pci_ids *i)
{
	json_t *o = json_object();
	_free_ char *name = pci_name(i->vendor, i->device);
	_free_ char *class_name = pci_class_name(i->class_id);

	json_put_str(o, "address", address);
	json_put_str(o, "kind", kind(i->class_id));
	put_id(o, "class", i->class_id);
	put_id(o, "vendor", i->vendor);
	put_id(o, "device", i->device);
	json_put_str(o, "name", name);
	json_put_str(o, "class_name", class_name);
	if (i->sub_vendor && i->sub_vendor != 0xffff) {
		put_id(o, "subsystem_vendor", i->sub_vendor);
		put_id(o, "subsystem_device", i->sub_device);
	}
	return o;
}

/* --- the other side's lists --- */

static unsigned id16(const char *s)
{
	uint64_t v;

	if (str_hex64(s, &v))
		return 0;
	/* 0x010601: with the programming interface behind it. */
	if (v > 0xffff || (strlen(s) == 8 && str_starts(s, "0x")))
		v >>= 8;
	return v <= 0xffff ? (unsigned)v : 0;
}

/* "   Vendor ID: 0x1000" into o; a line without ": " is nothing. */
static void esxcli_line(json_t *o, char *line)
{
	char *colon = strstr(line, ":");

	if (!colon)
		return;
	*colon = '\0';
	json_put_str(o, str_trim(line), str_trim(colon + 1));
}

/* Newer hosts print 0000:04:00.0, older ones three digits: the parts, which
 * all of them give, are surer. */
static char *esxcli_address(const json_t *o)
{
	static const char *const parts[] = {
		"Segment", "Bus", "Slot", "Function"};
	unsigned v[4];

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		uint64_t n;

		if (str_hex64(json_str(o, parts[i]), &n) || n > 0xffff)
			return xstrdup(json_str_or(o, "Address", ""));
		v[i] = (unsigned)n;
	}
	return xasprintf("%04x:%02x:%02x.%x", v[0], v[1], v[2], v[3]);
}

static json_t *esxcli_json(const json_t *block)
{
	const struct pci_ids ids = {id16(json_str(block, "Device Class")),
		id16(json_str(block, "Vendor ID")),
		id16(json_str(block, "Device ID")),
		id16(json_str(block, "SubVendor ID")),
		id16(json_str(block, "SubDevice ID"))};
	_free_ char *address = esxcli_address(block);
	json_t *o = pci_device_json(address, &ids);
	const char *label = json_str_or(block, "VMkernel Name", "");
	const char *driver = json_str_or(block, "Module Name", "");

	if (*label)
		json_put_str(o, "label", label);
	if (*driver && !str_eqi(driver, "None"))
		json_put_str(o, "driver", driver);
	if (str_eqi(json_str_or(block, "Current Owner", ""), "VM Passthru"))
		json_put_bool(o, "passed_through", true);
	return o;
}

int pci_from_esxcli(const char *text, json_t **out, struct err *e)
{
	_free_ char *copy = xstrdup(text);
	_json_ json_t *list = json_array(), *block = NULL;
	char *p = copy, *line;

	while ((line = str_line(&p))) {
		if (line[0] != ' ' && line[0] != '\t' && line[0]) {
			if (block)
				json_array_append_new(list, esxcli_json(block));
			json_decref(block);
			block = json_object();
		} else if (block) {
			esxcli_line(block, line);
		}
	}
	if (block)
		json_array_append_new(list, esxcli_json(block));
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_str(json_array_get(list, i), "vendor"),
			    "0x0000") == 0)
			return err_set(e, ERR_BAD_INPUT,
				"block %zu of esxcli's PCI list has no vendor",
				i + 1);
	*out = list;
	list = NULL;
	return 0;
}
