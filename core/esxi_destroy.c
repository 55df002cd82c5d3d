/*
 * The one command that takes a source VM away for ever. Keeps true: it is
 * sent only for a VM that the host still knows by the id and the .vmx it was
 * copied from, and that was proven off a moment ago.
 */
#include "esxi_int.h"

#include <string.h>

#include "str.h"

int esxi_knows(struct esxi *x, const struct vm *vm, bool *yes, struct err *e)
{
	_json_ json_t *rows = NULL;
	const json_t *row;
	size_t i;

	if (esxi_list(x, &rows, e))
		return -1;
	*yes = false;
	json_array_foreach (rows, i, row)
		if (strcmp(json_str_or(row, "id", ""), vm->id) == 0 &&
			strcmp(json_str_or(row, "vmx", ""), vm->config) == 0)
			*yes = true;
	return 0;
}

static int destroy(struct esxi *x, const struct vm *vm, struct err *e)
{
	_json_ json_t *proof = NULL;
	bool there;

	if (esxi_knows(x, vm, &there, e))
		return -1;
	if (!there)
		return err_set(e, ERR_VM_NOT_FOUND,
			"the host knows no VM %s with %s", vm->id, vm->config);
	if (esxi_prove_off(x, vm, &proof, e) ||
		esxi_ask(x, ESXI_DESTROY, vm->id, NULL, e) ||
		esxi_knows(x, vm, &there, e))
		return -1;
	return there ? err_set(e, ERR_ESXI_COMMAND,
			       "the host still knows VM %s", vm->id)
		     : 0;
}

int esxi_destroy(struct esxi *x, const struct vm *vm, struct err *e)
{
	if (destroy(x, vm, e))
		return err_in(e, "delete %s on the ESXi host", vm->name);
	return 0;
}
