/*
 * A restart of the moved guest, where it asks for one itself: an update or
 * the agent's installation at the first start left its mark. On the
 * operator's word only.
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

/*
 * 1: it was restarted and runs again (its boot id is another one); 0: no
 * need, not now, or nobody in the guest could be asked. ERR_GUEST_BOOT: it
 * did not come back in checks.boot_timeout; ERR_ANSWER_NEEDED, ERR_STOPPED.
 */
int guest_reboot_if_needed(struct run *r, struct err *e);

#endif
