/*
 * What is changed inside the guest, on the Network page: VMware Tools, the
 * agent, a serial console, SSH as the second way in.
 */
#include <string.h>

#include "inside.h"

/* Only where the guest is adapted at all. */
static const char *const adapting[] = {
	"tools", "agent", "agent_package", "serial"};
static const char *const by_ssh[] = {
	"ssh_user", "ssh_key", "ssh_password", "ssh_address", "ssh_port"};

static void show(struct tui_form *form, const char *id, bool on)
{
	struct tui_field *f = tui_form_field(form, id);

	if (f)
		f->hidden = !on;
}

static void adapts(struct tui_form *form, struct tui_field *f, void *arg)
{
	struct wizard *w = arg;

	(void)f;
	for (size_t i = 0; i < ARRAY_LEN(adapting); i++)
		show(form, adapting[i], w->guest_fix);
}

static void logs_in(struct tui_form *form, struct tui_field *f, void *arg)
{
	struct wizard *w = arg;

	(void)f;
	for (size_t i = 0; i < ARRAY_LEN(by_ssh); i++)
		show(form, by_ssh[i], w->ssh);
}

/* Only its form: a look at a disk may block. */
static const char *check_agent(const struct tui_field *f, void *arg)
{
	const char *s = f->value;

	(void)arg;
	return *s == '/'
		? NULL
		: _("its path, from / on: a .deb, a .rpm, a directory");
}

static void put(struct tui_field *f, int *n, struct tui_field one)
{
	f[(*n)++] = one;
}

static void put_tools(struct wizard *w, struct tui_field *f, int *n)
{
	static struct tui_option tools[4];

	tools[0] = (struct tui_option){
		_("kept quiet"), _("they start again on VMware"), NULL};
	tools[1] = (struct tui_option){
		_("removed"), _("open-vm-tools, where nothing needs it"), NULL};
	tools[2] = (struct tui_option){_("as they are"), NULL, NULL};
	put(f, n,
		(struct tui_field){.kind = TUI_CHOICE,
			.id = "tools",
			.label = "VMware Tools",
			.hint = _("Removed by the guest's own dpkg or rpm, "
				  "which runs for it, offline."),
			.options = tools,
			.chosen = &w->tools,
			.hidden = !w->guest_fix});
}

static void put_agent(struct wizard *w, struct tui_field *f, int *n)
{
	put(f, n,
		(struct tui_field){.kind = TUI_CHECK,
			.id = "agent",
			.label = _("Install agent"),
			.hint = _("qemu-guest-agent, at the first start, from "
				  "the guest's own repositories"),
			.on = &w->agent,
			.hidden = !w->guest_fix});
	put(f, n,
		(struct tui_field){.kind = TUI_TEXT,
			.id = "agent_package",
			.label = _("Agent package"),
			.hint = _("Instead: a .deb or .rpm here, or a "
				  "directory of them. Empty: none"),
			.value = w->agent_package,
			.size = sizeof(w->agent_package),
			.check = check_agent,
			.hidden = !w->guest_fix});
}

static void put_ssh(struct wizard *w, struct tui_field *f, int *n)
{
	put(f, n,
		(struct tui_field){.kind = TUI_TEXT,
			.id = "ssh_user",
			.label = _("SSH user"),
			.hint = _("root, or one whom sudo lets run commands"),
			.value = w->ssh_user,
			.size = sizeof(w->ssh_user),
			.needed = true,
			.hidden = !w->ssh});
	put(f, n,
		(struct tui_field){.kind = TUI_TEXT,
			.id = "ssh_key",
			.label = _("SSH key"),
			.hint = _("A private key's file on this machine"),
			.value = w->ssh_key,
			.size = sizeof(w->ssh_key),
			.hidden = !w->ssh});
	put(f, n,
		(struct tui_field){.kind = TUI_SECRET,
			.id = "ssh_password",
			.label = _("SSH password"),
			.hint = _("Instead of a key. It is written to no "
				  "file."),
			.value = w->secret->guest,
			.size = sizeof(w->secret->guest),
			.hidden = !w->ssh});
	put(f, n,
		(struct tui_field){.kind = TUI_TEXT,
			.id = "ssh_address",
			.label = _("SSH address"),
			.hint = _("Empty: the first new address given above"),
			.value = w->ssh_address,
			.size = sizeof(w->ssh_address),
			.check = check_ip,
			.hidden = !w->ssh});
	put(f, n,
		(struct tui_field){.kind = TUI_NUMBER,
			.id = "ssh_port",
			.label = _("SSH port"),
			.value = w->ssh_port,
			.size = sizeof(w->ssh_port),
			.min = 1,
			.max = 65535,
			.needed = true,
			.hidden = !w->ssh});
}

void inside_fields(struct wizard *w, struct tui_field *f, int *n)
{
	put(f, n,
		(struct tui_field){.kind = TUI_CHECK,
			.label = _("Adapt the guest"),
			.hint = _("Network, fstab, initramfs, VMware Tools: "
				  "each change is shown as a diff first."),
			.on = &w->guest_fix,
			.changed = adapts});
	put_tools(w, f, n);
	put_agent(w, f, n);
	put(f, n,
		(struct tui_field){.kind = TUI_CHECK,
			.id = "serial",
			.label = _("Serial console"),
			.hint = _("A serial port of the VM with a login and "
				  "the kernel's messages: qm terminal VMID"),
			.on = &w->serial,
			.hidden = !w->guest_fix});
	put(f, n,
		(struct tui_field){.kind = TUI_CHECK,
			.id = "ssh",
			.label = _("SSH into it"),
			.hint = _("The second way to look at it after its "
				  "start, where its agent is silent"),
			.on = &w->ssh,
			.changed = logs_in});
	put_ssh(w, f, n);
}

static json_t *ssh_json(const struct wizard *w)
{
	json_t *o = json_object();
	uint64_t port = 22;

	str_u64(w->ssh_port, 65535, &port);
	json_put_str(o, "user", w->ssh_user);
	json_put_u64(o, "port", port);
	if (*w->ssh_key)
		json_put_str(o, "key_file", w->ssh_key);
	if (*w->ssh_address)
		json_put_str(o, "address", w->ssh_address);
	return o;
}

json_t *inside_choices(const struct wizard *w)
{
	json_t *o = json_object();

	json_put_bool(o, "fix", w->guest_fix);
	if (w->ssh)
		json_put(o, "ssh", ssh_json(w));
	if (!w->guest_fix)
		return o;
	if (w->tools == 1)
		json_put_bool(o, "tools_remove", true);
	if (w->tools == 2)
		json_put_bool(o, "tools_off", false);
	if (w->agent)
		json_put_bool(o, "agent", true);
	if (*w->agent_package)
		json_put_str(o, "agent_package", w->agent_package);
	if (w->serial)
		json_put_bool(o, "serial", true);
	return o;
}
