/* What rehearse.c (QEMU) and rehearse_watch.c (the eyes) share. */
#ifndef CORE_REHEARSE_OWN_H
#define CORE_REHEARSE_OWN_H

#include "qmp.h"
#include "rehearse.h"

struct stage {
	const struct rehearsal *w;
	char *dir;    /* sockets, serial line, layers: removed at the end */
	char **layer; /* one a disk */
	pid_t pid;
	int words; /* QEMU's standard error */
	bool kvm;
	struct qmp *monitor, *agent;
	double began;
};

bool stage_is_q35(const struct stage *s);
/* Watch until there is a verdict; see rehearse(). */
int stage_watch(struct stage *s, json_t **out, struct err *e);

#endif
