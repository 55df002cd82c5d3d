/* A VM from the lines of a .vmx, for test_vmx_*.c; include after cmocka.h. */
#ifndef VMXTEST_H
#define VMXTEST_H

#include "str.h"
#include "vmx.h"

#define BASE "config.version = \"8\"\nmemSize = \"512\"\n"
#define PATH "/vmfs/volumes/ds1/web01/web01.vmx"

static inline struct vm *vm_at(const char *text, const char *path)
{
	_vmx_ struct vmx *x = NULL;
	struct vm *v = NULL;
	struct err e = {0};

	if (vmx_parse(text, strlen(text), &x, &e) || vmx_to_vm(x, path, &v, &e))
		fail_msg("refused: %s", e.why);
	return v;
}

/* BASE and these lines. */
static inline struct vm *vm_of(const char *lines)
{
	_free_ char *text = xasprintf(BASE "%s", lines);

	return vm_at(text, PATH);
}

static inline bool warned(const struct vm *v, const char *words)
{
	for (size_t i = 0; i < v->n_warnings; i++)
		if (strstr(v->warnings[i], words))
			return true;
	return false;
}

static inline void must_warn(const struct vm *v, const char *words)
{
	if (warned(v, words))
		return;
	for (size_t i = 0; i < v->n_warnings; i++)
		print_message("warning: %s\n", v->warnings[i]);
	fail_msg("no warning says '%s'", words);
}

#endif
