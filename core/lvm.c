/* Logical volumes: see lvm.h. */
#include "lvm.h"

#include <string.h>

#include "proc.h"
#include "str.h"

#define TIMEOUT 60.0 /* s; another lvm command may hold its lock */

bool lvm_thin_zeroes(const char *path)
{
	const char *const argv[] = {
		"lvs", "--noheadings", "-o", "lv_attr", "--", path, NULL};
	const struct proc_opts opts = {.timeout = TIMEOUT};
	_proc_ struct proc_result r = {0};
	const char *attr;

	if (proc_must(argv, &opts, &r, ERR_IO, NULL))
		return false;
	attr = str_trim(r.out);
	/* "Vwi-a-tz--" */
	return strlen(attr) >= 8 && attr[0] == 'V' && attr[6] == 't' &&
		attr[7] == 'z';
}
