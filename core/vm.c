/* The neutral VM: memory, order, names. Its JSON form is in vm_json.c. */
#include "vm.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "str.h"

/* --- memory --- */

struct vm *vm_new(void)
{
	struct vm *v = xcalloc(1, sizeof(*v));

	v->snapshots = -1;
	v->cpus = 1;
	v->cores_per_socket = 1;
	return v;
}

static void free_disk(struct vm_disk *d)
{
	free(d->slot);
	free(d->model);
	free(d->file);
	free(d->path);
	free(d->data);
	free(d->create_type);
	free(d->cid);
	free(d->unsupported);
	free(d->refusal);
}

static void free_nic(struct vm_nic *n)
{
	free(n->slot);
	free(n->model);
	free(n->mac);
	free(n->network);
}

static void free_passthrough(struct vm_passthrough *p)
{
	free(p->slot);
	free(p->address);
	free(p->name);
}

static void free_lists(struct vm *v)
{
	for (size_t i = 0; i < v->n_disks; i++)
		free_disk(&v->disks[i]);
	for (size_t i = 0; i < v->n_nics; i++)
		free_nic(&v->nics[i]);
	for (size_t i = 0; i < v->n_passthrough; i++)
		free_passthrough(&v->passthrough[i]);
	for (size_t i = 0; i < v->n_warnings; i++)
		free(v->warnings[i]);
	free(v->disks);
	free(v->nics);
	free(v->passthrough);
	free(v->warnings);
}

void vm_free(struct vm *v)
{
	if (!v)
		return;
	free_lists(v);
	free(v->id);
	free(v->name);
	free(v->config);
	free(v->guest);
	free(v->guest_detail);
	free(v->annotation);
	free(v->uuid);
	free(v->power);
	free(v->hw_version);
	free(v);
}

void cleanup_vm(struct vm **v)
{
	vm_free(*v);
}

struct vm_disk *vm_add_disk(struct vm *v)
{
	struct vm_disk *d;

	v->disks = xreallocarray(v->disks, v->n_disks + 1, sizeof(*d));
	d = &v->disks[v->n_disks++];
	*d = (struct vm_disk){0};
	return d;
}

struct vm_nic *vm_add_nic(struct vm *v)
{
	struct vm_nic *n;

	v->nics = xreallocarray(v->nics, v->n_nics + 1, sizeof(*n));
	n = &v->nics[v->n_nics++];
	*n = (struct vm_nic){.connected = true, .pci_slot = -1};
	return n;
}

struct vm_passthrough *vm_add_passthrough(struct vm *v)
{
	struct vm_passthrough *p;

	v->passthrough =
		xreallocarray(v->passthrough, v->n_passthrough + 1, sizeof(*p));
	p = &v->passthrough[v->n_passthrough++];
	*p = (struct vm_passthrough){0};
	return p;
}

void vm_warn(struct vm *v, const char *fmt, ...)
{
	va_list ap;
	char *w;

	va_start(ap, fmt);
	if (vasprintf(&w, fmt, ap) < 0)
		abort();
	va_end(ap);
	v->warnings = xreallocarray(
		v->warnings, v->n_warnings + 1, sizeof(*v->warnings));
	v->warnings[v->n_warnings++] = w;
}

/* --- order --- */

static int by_slot(const void *a, const void *b)
{
	const struct vm_disk *x = a, *y = b;

	if (x->bus != y->bus)
		return x->bus < y->bus ? -1 : 1;
	if (x->controller != y->controller)
		return x->controller < y->controller ? -1 : 1;
	if (x->unit != y->unit)
		return x->unit < y->unit ? -1 : 1;
	return strcmp(x->file ? x->file : "", y->file ? y->file : "");
}

static int by_index(const void *a, const void *b)
{
	const struct vm_nic *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

enum err_code vm_disk_refusal(const struct vm_disk *d)
{
	enum err_code code = err_by_id(d->refusal ? d->refusal : "");

	return code ? code : ERR_DISK_UNSUPPORTED;
}

void vm_sort(struct vm *v)
{
	if (v->n_disks)
		qsort(v->disks, v->n_disks, sizeof(*v->disks), by_slot);
	if (v->n_nics)
		qsort(v->nics, v->n_nics, sizeof(*v->nics), by_index);
}
