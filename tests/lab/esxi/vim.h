/*
 * vim-cmd, cut into the files vim_*.c: one function a sub-command. argv[0]
 * is the sub-command, argv[1] the first argument. All return the exit code.
 */
#ifndef LAB_ESXI_VIM_H
#define LAB_ESXI_VIM_H

#include "lab.h"

struct vim_verb {
	const char *name; /* vmsvc/getallvms */
	int min;          /* arguments it needs */
	/* vm is NULL for verbs that take no VM */
	int (*run)(struct vm *vm, int argc, char **argv);
	bool takes_vm;
};

/* vim_get.c */
int vim_getallvms(struct vm *vm, int argc, char **argv);
int vim_summary(struct vm *vm, int argc, char **argv);
int vim_runtime(struct vm *vm, int argc, char **argv);
int vim_networks(struct vm *vm, int argc, char **argv);
/* The members toolsStatus .. toolsRunningStatus. */
void vim_tools(struct dump *d, const struct vm *vm);
/* vim_files.c */
int vim_filelayout(struct vm *vm, int argc, char **argv);
int vim_filelayoutex(struct vm *vm, int argc, char **argv);
int vim_datastores(struct vm *vm, int argc, char **argv);
int vim_search(struct vm *vm, int argc, char **argv);
/* vim_config.c */
int vim_config(struct vm *vm, int argc, char **argv);
int vim_guest(struct vm *vm, int argc, char **argv);
/* vim_power.c */
int vim_getstate(struct vm *vm, int argc, char **argv);
int vim_on(struct vm *vm, int argc, char **argv);
int vim_off(struct vm *vm, int argc, char **argv);
int vim_shutdown(struct vm *vm, int argc, char **argv);
int vim_reset(struct vm *vm, int argc, char **argv);
int vim_suspend(struct vm *vm, int argc, char **argv);
int vim_message(struct vm *vm, int argc, char **argv);
/* vim_snap.c */
int vim_snap_get(struct vm *vm, int argc, char **argv);
int vim_snap_create(struct vm *vm, int argc, char **argv);
int vim_snap_remove(struct vm *vm, int argc, char **argv);
int vim_snap_removeall(struct vm *vm, int argc, char **argv);
int vim_snap_info(struct vm *vm, int argc, char **argv);
/* vim_reg.c */
int vim_register(struct vm *vm, int argc, char **argv);
int vim_unregister(struct vm *vm, int argc, char **argv);
int vim_destroy(struct vm *vm, int argc, char **argv);
int vim_reload(struct vm *vm, int argc, char **argv);
/* vim_host.c */
int vim_listsummary(struct vm *vm, int argc, char **argv);
int vim_netinfo(struct vm *vm, int argc, char **argv);
int vim_autostart_get(struct vm *vm, int argc, char **argv);
int vim_autostart_put(struct vm *vm, int argc, char **argv);
int vim_hostsummary(struct vm *vm, int argc, char **argv);

#endif
