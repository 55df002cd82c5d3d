/* A tree to put on file systems, for test_fsmap.c and test_fsmap_table.c;
 * include after cmocka.h. */
#ifndef FSTREE_H
#define FSTREE_H

#include "fsimage.h"

/* A tree of some 12 MiB: empty, small and large files, links, a deep path. */
static const char make_tree[] =
	"mkdir -p tree/a/b/c/d tree/many tree/gone\n"
	"for i in $(seq 200); do head -c $((RANDOM % 9000)) /dev/urandom "
	">tree/many/$i; done\n"
	"for i in $(seq 40); do head -c $((RANDOM * 12)) /dev/urandom "
	">tree/gone/$i; done\n"
	"head -c 5000000 /dev/urandom >tree/a/b/big\n"
	": >tree/a/empty\n"
	"ln -s ../b tree/a/b/link\n"
	"ln tree/many/1 tree/a/hard\n"
	"truncate -s 3M tree/a/sparse\n"
	"printf end >>tree/a/sparse\n";

static inline int setup(void **state)
{
	if (fs_setup(state))
		return -1;
	fs_sh(make_tree, NULL);
	return 0;
}

#endif
