/*
 * esxcli's two forms of output.
 */
#ifndef LAB_ESXI_ESXCLI_H
#define LAB_ESXI_ESXCLI_H

#include "lab.h"

/* A table: heads, a line of dashes, rows; right[c] aligns to the right. As
 * csv each row ends with a comma. Prints nothing for no rows. */
void cli_table(const char *const *head, const bool *right, size_t cols,
	char ***row, size_t rows);
/* `   Key: value` lines. */
void cli_pairs(const char *const (*kv)[2], size_t n);

/* esxcli_pci.c */
int cli_pci(void);

#endif
