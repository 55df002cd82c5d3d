/*
 * A restart of the moved guest, where it asks for one itself: an update or
 * the agent's installation at the first start left its mark. On the
 * operator's word only.
 *
 * Keeps true: which start it was is in the journal before the guest is told
 * to restart; so a worker that comes later waits for the same one. It is back
 * when another start answers, or the operator says so; how long that takes is
 * the guest's, and what stands in its way (the VM is off, a console that shows
 * a panic) is seen at once.
 */
#ifndef CORE_GUEST_REBOOT_H
#define CORE_GUEST_REBOOT_H

#include "run.h"

/* What prints "vmferry reboot" where a restart is asked for: the mark of
 * Debian and Ubuntu, needs-restarting(1) of RHEL and its kin. */
#define GUEST_WANTS_REBOOT                                                    \
	"if [ -e /run/reboot-required ] || [ -e /var/run/reboot-required ]; " \
	"then echo vmferry reboot; elif command -v needs-restarting "         \
	">/dev/null 2>&1; then needs-restarting -r >/dev/null 2>&1; "         \
	"[ $? != 1 ] || echo vmferry reboot; fi"

/* It was told to restart and was not seen back: guest_reboot_if_needed waits
 * for it, and nothing else can be asked of it before. */
bool guest_reboot_pending(const struct run *r);

/*
 * 1: it was restarted and runs again (its boot id is another one, or the
 * operator says so); 0: no need, not now, or nobody in the guest could be
 * asked. ERR_ANSWER_NEEDED: the restart is asked for; or it is not back within
 * twice checks.boot_timeout (and four times as long as the first start took),
 * the VM is off, the console shows that it does not start, and the operator
 * chooses. ERR_GUEST_BOOT: he says that it does not come up. ERR_STOPPED.
 */
int guest_reboot_if_needed(struct run *r, struct err *e);

#endif
