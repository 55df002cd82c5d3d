/*
 * This machine's PCI devices, and names by number. libpci's only user: see
 * pci.h. Keeps true: libpci never prints and never ends the process here (its
 * error callback jumps back), and never asks the network for a name.
 */
#include "pci.h"
#include "pci_form.h"

#include <pci/pci.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "str.h"

#define SYSFS "/sys/bus/pci"

static jmp_buf on_error;
static char error_text[160];

static void fail(char *msg, ...)
	__attribute__((format(printf, 1, 2), noreturn));
static void fail(char *msg, ...)
{
	va_list ap;

	va_start(ap, msg);
	vsnprintf(error_text, sizeof(error_text), msg, ap);
	va_end(ap);
	longjmp(on_error, 1);
}

static void quiet(char *msg, ...) __attribute__((format(printf, 1, 2)));
static void quiet(char *msg, ...)
{
	(void)msg;
}

static struct pci_access *open_access(void)
{
	struct pci_access *a = pci_alloc();

	a->error = fail;
	a->warning = quiet;
	a->debug = quiet;
	a->id_lookup_mode = PCI_LOOKUP_NO_HWDB;
	return a;
}

static void cleanup_access(struct pci_access **a)
{
	if (*a)
		pci_cleanup(*a);
}
#define _access_ __attribute__((cleanup(cleanup_access)))

/* --- names --- */

/* The list of ids, read once and kept; null where there is none. */
static struct pci_access *ids(void)
{
	static struct pci_access *a;
	static bool loaded;

	if (!a) {
		a = open_access();
		if (setjmp(on_error))
			return NULL;
		loaded = pci_load_name_list(a) != 0;
	}
	return loaded ? a : NULL;
}

static char *lookup(int what, unsigned id, unsigned id2)
{
	struct pci_access *a = ids();
	char text[256];

	if (!a || setjmp(on_error))
		return NULL;
	return xstrdup(pci_lookup_name(a, text, sizeof(text), what, id, id2));
}

char *pci_name(unsigned vendor, unsigned device)
{
	return lookup(PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE, vendor, device);
}

char *pci_class_name(unsigned class_id)
{
	return lookup(PCI_LOOKUP_CLASS, class_id, 0);
}

/* --- this machine --- */

/* The last part of a link's target: a driver, an IOMMU group. */
static char *link_name(const char *dir, const char *name)
{
	_free_ char *path = path_join(dir, name);
	char target[512];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	char *slash;

	if (n <= 0)
		return NULL;
	target[n] = '\0';
	slash = strrchr(target, '/');
	return xstrdup(slash ? slash + 1 : target);
}

/* "up", "down" (no cable, no carrier), or "off": the interface is not up, so
 * the kernel does not know. */
static const char *link_state(const char *dir)
{
	_free_ char *path = path_join(dir, "carrier");
	_free_ char *text = NULL;

	if (file_read(path, 64, &text, NULL, NULL))
		return "off";
	return text[0] == '1' ? "up" : "down";
}

static int by_name(const void *a, const void *b)
{
	return strcmp(json_str(*(json_t *const *)a, "name"),
		json_str(*(json_t *const *)b, "name"));
}

static void sort_interfaces(json_t *list)
{
	size_t n = json_array_size(list);
	json_t **all = xcalloc(n, sizeof(*all));

	for (size_t i = 0; i < n; i++)
		all[i] = json_incref(json_array_get(list, i));
	if (n)
		qsort(all, n, sizeof(*all), by_name);
	for (size_t i = 0; i < n; i++)
		json_array_set_new(list, i, all[i]);
	free(all);
}

static void add_interfaces(json_t *list, const char *net)
{
	DIR *d = opendir(net);

	if (!d)
		return;
	for (struct dirent *f = readdir(d); f; f = readdir(d)) {
		_free_ char *dir = path_join(net, f->d_name);
		json_t *o;

		if (f->d_name[0] == '.')
			continue;
		o = json_object();
		json_put_str(o, "name", f->d_name);
		json_put_str(o, "link", link_state(dir));
		json_array_append_new(list, o);
	}
	closedir(d);
}

/* DEVICE/net/NAME; a virtio card has a step between: DEVICE/virtioN/net. */
static json_t *interfaces(const char *device)
{
	json_t *list = json_array();
	_free_ char *net = path_join(device, "net");
	DIR *d = opendir(device);

	add_interfaces(list, net);
	for (struct dirent *f = d ? readdir(d) : NULL; f; f = readdir(d)) {
		_free_ char *below = xasprintf("%s/%s/net", device, f->d_name);

		if (str_starts(f->d_name, "virtio"))
			add_interfaces(list, below);
	}
	if (d)
		closedir(d);
	sort_interfaces(list);
	return list;
}

static void put_sysfs(
	json_t *o, const char *sysfs, const char *address, unsigned class_id)
{
	_free_ char *dir = xasprintf("%s/devices/%s", sysfs, address);
	_free_ char *driver = link_name(dir, "driver");
	_free_ char *group = link_name(dir, "iommu_group");
	uint64_t n;

	json_put_str(o, "driver", driver);
	if (str_u64(group, UINT32_MAX, &n) == 0)
		json_put_u64(o, "iommu_group", n);
	if (class_id >> 8 == 0x02)
		json_put(o, "interfaces", interfaces(dir));
}

static int by_address(const void *a, const void *b)
{
	const struct pci_dev *x = *(struct pci_dev *const *)a;
	const struct pci_dev *y = *(struct pci_dev *const *)b;

	if (x->domain != y->domain)
		return x->domain < y->domain ? -1 : 1;
	if (x->bus != y->bus)
		return x->bus < y->bus ? -1 : 1;
	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return (x->func > y->func) - (x->func < y->func);
}

/* Read the bus; -1 with error_text set. */
static int scan(struct pci_access *a)
{
	if (setjmp(on_error))
		return -1;
	pci_init(a);
	pci_scan_bus(a);
	for (struct pci_dev *d = a->devices; d; d = d->next)
		pci_fill_info(
			d, PCI_FILL_IDENT | PCI_FILL_CLASS | PCI_FILL_SUBSYS);
	return 0;
}

static json_t *own_json(const struct pci_dev *d, const char *sysfs)
{
	const struct pci_ids i = {d->device_class, d->vendor_id, d->device_id,
		d->subsys_vendor_id, d->subsys_id};
	char address[32];
	json_t *o;

	snprintf(address, sizeof(address), "%04x:%02x:%02x.%d",
		(unsigned)d->domain, d->bus, d->dev, d->func);
	o = pci_device_json(address, &i);
	put_sysfs(o, sysfs, address, i.class_id);
	return o;
}

static json_t *all_json(struct pci_access *a, const char *sysfs)
{
	json_t *list = json_array();
	struct pci_dev **all;
	size_t n = 0;

	for (struct pci_dev *d = a->devices; d; d = d->next)
		n++;
	all = xcalloc(n, sizeof(*all));
	n = 0;
	for (struct pci_dev *d = a->devices; d; d = d->next)
		all[n++] = d;
	if (n)
		qsort(all, n, sizeof(*all), by_address);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, own_json(all[i], sysfs));
	free(all);
	return list;
}

/* libpci copies both; its prototype has no const. */
static void set_param(struct pci_access *a, const char *key, const char *value)
{
	_free_ char *k = xstrdup(key), *v = xstrdup(value);

	pci_set_param(a, k, v);
}

int pci_list_from(
	const char *dump, const char *sysfs, json_t **out, struct err *e)
{
	_access_ struct pci_access *a = NULL;
	_free_ char *devices = path_join(sysfs, "devices");

	if (!dump && !file_exists(devices)) {
		*out = json_array();
		return 0;
	}
	/* Named, never probed for: probing ends at the machine's I/O ports. */
	a = open_access();
	a->method = dump ? PCI_ACCESS_DUMP : PCI_ACCESS_SYS_BUS_PCI;
	set_param(a, dump ? "dump.name" : "sysfs.path", dump ? dump : sysfs);
	if (scan(a))
		return err_set(e, ERR_IO, "the PCI bus cannot be read: %s",
			error_text);
	*out = all_json(a, sysfs);
	return 0;
}

int pci_list(json_t **out, struct err *e)
{
	return pci_list_from(NULL, SYSFS, out, e);
}
