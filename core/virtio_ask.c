/* The gates on Windows' way to virtio: see virtio_ask.h. */
#include "virtio_ask.h"

#include <string.h>

#include "i18n.h"
#include "str.h"

#define DISCS_MAX 8

int virtio_ask_off(struct run *r, const char **a, struct err *e)
{
	static const struct ask_choice c[] = {
		{"off", N_("Windows is shut down")},
		{"force", N_("it does not shut down: power it off")},
		{NULL, NULL}};
	const struct question q = {.id = "off",
		.kind = ASK_CHOICE,
		.once = true,
		.choices = c,
		.text = N_("Shut Windows down in its console. Is it off?"),
		.why = N_("Its disks change their places only while it is off, "
			  "and no guest agent answers that could do it."),
		.help = N_("Start menu, Power, Shut down; or in a command "
			   "line: shutdown /s /t 0")};

	return run_ask(r, &q, a, e);
}

int virtio_ask_offer(struct run *r, const char **a, struct err *e)
{
	static const struct ask_choice c[] = {
		{"stay", N_("leave it as it is: it works, only slower")},
		{"prepare", N_("install virtio's drivers now, in its console")},
		{NULL, NULL}};
	const struct question q = {.id = "virtio",
		.kind = ASK_CHOICE,
		.once = true,
		.choices = c,
		.def = "stay",
		.text = N_("Shall Windows get virtio, Proxmox VE's fast disk "
			   "and network?"),
		.why = N_("It takes a quarter of an hour and two restarts, and "
			  "can be taken back at each point. Look first that "
			  "the server works as it is."),
		.help = N_("1. Windows is shut down; a temporary 1 GB disk on "
			   "virtio-scsi and the disc with the drivers are "
			   "attached; it starts again from its old bus.\n"
			   "2. You install the drivers in the console; the "
			   "exact lines are shown.\n"
			   "3. It is shut down once more, its disk changes to "
			   "virtio-scsi, and the temporary disk goes.")};

	return run_ask(r, &q, a, e);
}

int virtio_ask_disc(struct run *r, const json_t *discs, const json_t *storages,
	const char **a, struct err *e)
{
	struct ask_choice c[DISCS_MAX + 3] = {{NULL, NULL}};
	size_t n = 0, i;
	const json_t *v;
	_free_ char *where = json_join(storages);
	_free_ char *help = xasprintf(
		N_("Web interface: a storage (%s), ISO Images, Download from "
		   "URL or Upload.\n"
		   "https://fedorapeople.org/groups/virt/virtio-win/"
		   "direct-downloads/stable-virtio/virtio-win.iso\n"
		   "For Windows 7, Server 2008 and 2008 R2 take the disc "
		   "0.1.189 of archive-virtio there."),
		*where ? where : "-");
	struct question q = {.id = "disc",
		.kind = ASK_CHOICE,
		.once = true,
		.choices = c,
		.text = N_("Which disc has virtio's drivers?"),
		.why = json_array_size(discs)
			? N_("Found on the node's storages by the name "
			     "virtio-win*.iso.")
			: N_("No storage of the node has a virtio-win*.iso: "
			     "upload one, then look again."),
		.help = help};

	json_array_foreach (discs, i, v)
		if (n < DISCS_MAX)
			c[n++] = (struct ask_choice){json_string_value(v),
				strrchr(json_string_value(v), '/') + 1};
	if (n)
		q.def = c[0].value;
	c[n++] = (struct ask_choice){"again", N_("look again: I uploaded it")};
	c[n++] = (struct ask_choice){
		"none", N_("no disc: the drivers are in Windows already")};
	return run_ask(r, &q, a, e);
}

#define LINES                                                                 \
	N_("1. Web interface: the VM, Console. Log in as an administrator.\n" \
	   "2. The disc is a new drive, say D:. In a command line of an "     \
	   "administrator:\n"                                                 \
	   "   msiexec /i D:\\virtio-win-gt-x64.msi /qn /norestart\n"         \
	   "   (32 bit: virtio-win-gt-x86.msi; or double-click it.)\n"        \
	   "   msiexec /i D:\\guest-agent\\qemu-ga-x86_64.msi /qn\n"          \
	   "   Where the installer refuses (Windows 7, 2008): devmgmt.msc, "  \
	   "SCSI Controller with the yellow mark, Update Driver, Browse, "    \
	   "D:\\vioscsi; then the same for PCI Device with D:\\NetKVM.\n"     \
	   "3. Look: diskmgmt.msc shows a new disk of 1 GB. Leave it as it "  \
	   "is.\n"                                                            \
	   "   sc query vioscsi must say RUNNING.\n"                          \
	   "4. Where Windows has more than one disk: diskpart, then\n"        \
	   "   san policy=OnlineAll")

int virtio_ask_install(
	struct run *r, const char *why, const char **a, struct err *e)
{
	static const struct ask_choice c[] = {
		{"seen", N_("installed: I see the 1 GB disk")},
		{"back", N_("take the temporary disk away, stay as before")},
		{NULL, NULL}};
	const struct question q = {.id = "drivers",
		.kind = ASK_CHOICE,
		.once = true,
		.choices = c,
		.text = N_("Install the drivers in Windows. Is the temporary "
			   "disk seen?"),
		.why = why ? why
			   : N_("Windows starts a disk's driver at boot only "
				"after it has seen such a disk. Without that "
				"it stops with 0x7B on virtio."),
		.help = LINES};

	return run_ask(r, &q, a, e);
}

int virtio_ask_switch(struct run *r, const char **a, struct err *e)
{
	static const struct ask_choice c[] = {
		{"e1000",
			N_("switch the disk only; the network card stays "
			   "E1000, with its address")},
		{"virtio",
			N_("switch both; its address has to be set again in "
			   "Windows")},
		{"back", N_("take the temporary disk away, stay as before")},
		{NULL, NULL}};
	const struct question q = {.id = "switch",
		.kind = ASK_CHOICE,
		.once = true,
		.choices = c,
		.text = N_("Windows is shut down now and its disk put on "
			   "virtio-scsi. And its network card?"),
		.why = N_("For Windows a virtio card is a new one, without the "
			  "old one's address: it is set in the console."),
		.help = N_("In the console, afterwards: netsh interface ipv4 "
			   "set address name=\"Ethernet 2\" static ADDRESS "
			   "MASK GATEWAY, and netsh interface ipv4 set "
			   "dnsservers name=\"Ethernet 2\" static SERVER. "
			   "Windows warns that a hidden card has the address: "
			   "go on.")};

	return run_ask(r, &q, a, e);
}

int virtio_ask_look(struct run *r, const struct boot_verdict *v, const char **a,
	struct err *e)
{
	static const struct ask_choice c[] = {
		{"up", N_("it is up: I see its desktop or login")},
		{"wait", N_("wait again for the agent")},
		{"back",
			N_("it does not boot: power it off, back to the old "
			   "bus")},
		{NULL, NULL}};
	_free_ char *seen = xasprintf(N_("The console shows %s: %s"),
		boot_sign_name(v->sign), v->evidence);
	const struct question q = {.id = "look",
		.kind = ASK_CHOICE,
		.once = true,
		.choices = c,
		.text = N_("Does Windows start from virtio-scsi?"),
		.why = v->sign
			? seen
			: N_("No agent answers, which may only mean that "
			     "none is installed."),
		.help = N_("Web interface: the VM, Console. A blue screen with "
			   "0x7B or INACCESSIBLE_BOOT_DEVICE: answer 'back'; "
			   "nothing is lost.")};

	return run_ask(r, &q, a, e);
}
