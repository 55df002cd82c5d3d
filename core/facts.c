/* Facts of both sides: see facts.h. */
#include "facts.h"

#include <unistd.h>

#include "esxi.h"
#include "pci.h"
#include "str.h"
#include "vm.h"
#include "vmfile.h"

static json_t *source_json(
	const struct ssh_target *t, const struct esxi_about *a)
{
	json_t *s = json_object();

	json_put_str(s, "kind", "esxi");
	json_put_str(s, "host", t->host);
	json_put_u64(s, "port", t->port ? t->port : 22);
	json_put_str(s, "user", t->user);
	json_put_str(s, "key_file", t->key_file);
	json_put_str(s, "product", a->product);
	json_put_str(s, "version", a->version);
	json_put_str(s, "build", a->build);
	return s;
}

/* The one VM in full, or the list. */
static int read_vms(struct esxi *x, const char *vm, json_t **out, struct err *e)
{
	struct vm *v;

	if (!vm)
		return esxi_list(x, out, e);
	if (esxi_vm(x, vm, &v, e))
		return -1;
	*out = json_array();
	json_array_append_new(*out, vm_to_json(v));
	vm_free(v);
	return 0;
}

/* Devices the host may hand through, by libpci's names where it has none. */
static void read_pci(struct esxi *x, json_t *facts)
{
	_free_ char *text = NULL;
	json_t *list;

	if (esxi_pci(x, &text, NULL) == 0 &&
		pci_from_esxcli(text, &list, NULL) == 0)
		json_put(facts, "source_pci", list);
}

int facts_esxi(json_t *facts, const struct ssh_target *t, const char *vm,
	struct err *e)
{
	_json_ json_t *vms = NULL, *nets = NULL, *stores = NULL;
	_esxi_ struct esxi *x = NULL;
	struct esxi_about about;

	if (esxi_open(t, &x, e) || esxi_about(x, &about, e) ||
		read_vms(x, vm, &vms, e) || esxi_networks(x, &nets, e) ||
		esxi_datastores(x, &stores, e))
		return err_in(e, "scan the ESXi host %s", t->host);
	json_put(facts, "source", source_json(t, &about));
	json_object_set(facts, "vms", vms);
	json_object_set(facts, "networks", nets);
	json_object_set(facts, "datastores", stores);
	read_pci(x, facts);
	return 0;
}

int facts_file(json_t *facts, const char *path, struct err *e)
{
	_vmfile_ struct vmfile f = {0};
	json_t *vms = json_array();

	if (vmfile_read(path, &f, e)) {
		json_decref(vms);
		return err_in(e, "scan the file %s", path);
	}
	json_array_append_new(vms, vm_to_json(f.vm));
	json_put(facts, "source", vmfile_source(&f));
	json_put(facts, "vms", vms);
	return 0;
}

/* Ids in use, so that a plan can refuse one. */
static int read_vmids(struct pve *p, json_t *target, struct err *e)
{
	_pve_params_ struct pve_params params = {0};
	_json_ json_t *rows = NULL;
	json_t *ids = json_array(), *row;
	size_t i;

	json_put(target, "vmids", ids);
	pve_param(&params, "type", "vm");
	if (pve_call(p, "GET", "/cluster/resources", NULL, &params, &rows, e))
		return -1;
	json_array_foreach (rows, i, row)
		json_array_append_new(
			ids, json_integer(json_u64(row, "vmid", 0)));
	return 0;
}

static int read_target(struct pve *p, json_t *target, struct err *e)
{
	json_t *storages, *bridges;
	unsigned id;

	if (pve_storages(p, &storages, e))
		return -1;
	json_put(target, "storages", storages);
	if (pve_bridges(p, &bridges, e))
		return -1;
	json_put(target, "bridges", bridges);
	if (pve_next_id(p, 0, &id, e))
		return -1;
	json_put_u64(target, "next_id", id);
	return read_vmids(p, target, e);
}

int facts_pve(json_t *facts, const struct pve_target *t, struct err *e)
{
	_pve_ struct pve *p = NULL;
	json_t *target = json_object(), *pci;

	json_put(facts, "target", target);
	if (pve_open(t, &p, e) || read_target(p, target, e))
		return err_in(e, "scan the Proxmox node %s", t->host);
	json_put_str(target, "kind", "pve");
	json_put_str(target, "host", t->host);
	json_put_u64(target, "port", t->port ? t->port : 8006);
	json_put_str(target, "user", t->user);
	json_put_str(target, "node", pve_node(p));
	json_put_str(target, "version", pve_version_text(p));
	if (pve_pci(p, &pci, NULL) == 0)
		json_put(target, "pci", pci);
	if (pci_list(&pci, NULL) == 0)
		json_put(facts, "pci", pci);
	return 0;
}
