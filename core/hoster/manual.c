/*
 * Any hoster without an API here: the operator moves the address in the
 * hoster's console, the job waits at a gate (core/step/move_ip.c) and looks
 * at the result from outside (core/step/check_network.c).
 */
#include "../hoster.h"
#include "../i18n.h"

const struct hoster hoster_manual = {
	.name = "manual",
	.title = N_("any other hoster, by hand"),
	.outage = N_("as long as the hoster and you take for it"),
	.limits = "none",
	.credentials = N_(
		"Nothing: vmferry stops at the right moment, says what to do "
		"in the hoster's console, takes the virtual MAC down and goes "
		"on. Look up before: where the console moves an address, "
		"whether it needs a virtual MAC on a bridge, and which gateway "
		"the guest gets on the new server."),
};
