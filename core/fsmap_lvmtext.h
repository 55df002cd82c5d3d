/* The text of LVM2's metadata as JSON. Pure. */
#ifndef CORE_FSMAP_LVMTEXT_H
#define CORE_FSMAP_LVMTEXT_H

#include "json.h"

/*
 * Sections are objects, lists arrays, the rest strings and integers. Null
 * where anything is not understood, nested too deep, or said twice. New
 * reference. The text may end in NULs.
 */
json_t *lvm_text(const char *text, size_t len);

#endif
