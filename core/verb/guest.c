/*
 * `vmferry guest inspect IMAGE...`: what is inside the disks of one VM,
 * read-only. `vmferry guest net IMAGE... --set NIC=ADDRESS...`: a new address
 * in its network files, shown as a diff, written with --apply; `guest fix`: all
 * that a job would change. `vmferry guest
 * boot IMAGE...`: starts layers over the disks and says what became of it.
 */
#include <string.h>
#include <sys/stat.h>

#include "../guest/guest.h"
#include "../i18n.h"
#include "../rehearse.h"
#include "../verb.h"

/* "qcow2" by the file's first bytes, else raw: read-only, so that a guess
 * that is wrong only fails to find a system. */
static const char *format_of(const char *path)
{
	_fclose_ FILE *f = fopen(path, "r");
	char magic[4] = "";

	if (!f || fread(magic, 1, 4, f) != 4)
		return "raw";
	return memcmp(magic, "QFI\xfb", 4) ? "raw" : "qcow2";
}

static const char *yes_no(struct out *o, const json_t *j, const char *key)
{
	return out_word(o, json_flag(j, key, false) ? N_("yes") : N_("no"));
}

static void kernels(struct out *o, const json_t *facts)
{
	const json_t *list = json_object_get(facts, "kernels"), *k;
	size_t i;

	json_array_foreach (list, i, k) {
		const json_t *in = json_object_get(k, "in_initramfs");

		out_f(o,
			"kernel     %s%s: virtio_pci %s, virtio_scsi %s, "
			"virtio_blk %s\n",
			json_str_or(k, "version", "?"),
			!json_flag(k, "default", false) ? ""
				: strcmp(json_str_or(k, "chosen_by", ""),
					  "GRUB")
				? out_word(o, N_(" (newest)"))
				: out_word(o, N_(" (GRUB's default)")),
			yes_no(o, in, "virtio_pci"),
			yes_no(o, in, "virtio_scsi"),
			yes_no(o, in, "virtio_blk"));
	}
}

/* Of Windows: when each driver and service starts. */
static void starts(struct out *o, const json_t *facts)
{
	static const char *const when[] = {N_("at boot"), N_("by the system"),
		N_("automatically"), N_("on demand"), N_("never")};
	const char *name;
	json_t *v;

	json_object_foreach (json_object_get(facts, "starts"), name, v) {
		size_t n = json_integer_value(v);

		out_f(o, "starts     %s %s\n", name,
			n < ARRAY_LEN(when) ? out_word(o, when[n]) : "?");
	}
}

/* Of a job, choose_bus proposes by the same rule. */
static void add_proposal(json_t *facts)
{
	const struct vm nothing = {0};
	_free_ char *reason = NULL;
	const char *bus, *nic;
	json_t *o = json_object();

	guest_propose(facts, &nothing, true, &bus, &nic, &reason);
	json_put_str(o, "bus", bus);
	json_put_str(o, "nic", nic);
	json_put_str(o, "reason", reason);
	json_put(facts, "proposal", o);
}

static void page(struct out *o, const json_t *facts)
{
	const json_t *net = json_object_get(facts, "network"), *v;
	const json_t *p = json_object_get(facts, "proposal");
	char size[STR_SIZE_LEN];
	size_t i;

	out_f(o, "system     %s\n",
		json_str_or(facts, "name", out_word(o, N_("unknown"))));
	kernels(o, facts);
	starts(o, facts);
	if (net)
		out_f(o, "network    %s\n",
			json_str_or(net, "stack", out_word(o, N_("none"))));
	json_array_foreach (json_object_get(net, "interfaces"), i, v)
		out_f(o, "           %s %s %s\n", json_str_or(v, "name", "?"),
			json_str_or(v, "method", "?"),
			json_str_or(v, "address", ""));
	out_f(o, "tools      %s\n",
		json_str_or(facts, "tools", out_word(o, N_("none"))));
	out_f(o, "agent      %s\n",
		out_word(o,
			json_flag(facts, "agent", false) ? N_("installed")
							 : N_("none")));
	out_f(o, "clean      %s\n", yes_no(o, facts, "clean"));
	out_f(o, "free on /  %s\n", str_size(size, json_u64(facts, "free", 0)));
	json_array_foreach (json_object_get(facts, "notes"), i, v)
		out_f(o, "note       %s\n", json_string_value(v));
	out_f(o, "proposed   disks on %s, network %s\n",
		json_str_or(p, "bus", "?"), json_str_or(p, "nic", "?"));
	out_f(o, "           %s\n", json_str_or(p, "reason", ""));
}

/* At most 16 images of one VM. */
struct images {
	struct guest_disk d[16];
	size_t n;
};

static int add_image(struct images *im, const char *path, struct err *e)
{
	if (im->n == ARRAY_LEN(im->d))
		return err_set(e, ERR_USAGE, "more than %zu images", im->n);
	if (!file_exists(path))
		return err_sys(e, ERR_IO, "%s", path);
	im->d[im->n++] = (struct guest_disk){path, format_of(path)};
	return 0;
}

static int inspect(int argc, char **argv, struct out *o, struct err *e)
{
	_guest_ struct guest *g = NULL;
	_json_ json_t *facts = NULL;
	_free_ char *text = NULL;
	struct images im = {0};
	bool json = false;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (add_image(&im, argv[i], e))
			return -1;
	}
	if (!im.n)
		return verb_usage(&verb_guest, e);
	if (guest_open(im.d, im.n, false, &g, e) || guest_facts(g, &facts, e))
		return -1;
	add_proposal(facts);
	if (!json) {
		page(o, facts);
		return 0;
	}
	text = json_pretty(facts);
	out_puts(o, text);
	return 0;
}

/* --- net --- */

/* "gw=A", "dns=A" (again for more) or "mac=M" behind the address. */
static int add_option(json_t *nic, const char *word, struct err *e)
{
	if (str_starts(word, "gw=")) {
		json_put_str(nic, "gateway", word + 3);
	} else if (str_starts(word, "ip6=")) {
		json_put_str(nic, "address6", word + 4);
	} else if (str_starts(word, "gw6=")) {
		json_put_str(nic, "gateway6", word + 4);
	} else if (str_starts(word, "mtu=")) {
		uint64_t mtu;

		if (str_u64(word + 4, 65535, &mtu))
			return err_set(
				e, ERR_USAGE, "%s is not a number", word);
		json_put_u64(nic, "mtu", mtu);
	} else if (str_starts(word, "mac=")) {
		json_put_str(nic, "mac", word + 4);
	} else if (str_starts(word, "dns=")) {
		if (!json_object_get(nic, "dns"))
			json_put(nic, "dns", json_array());
		json_array_append_new(
			json_object_get(nic, "dns"), json_text(word + 4));
	} else {
		return err_set(e, ERR_USAGE,
			"%s is not gw=, dns=, ip6=, gw6=, mtu= or mac= with a "
			"value",
			word);
	}
	return 0;
}

/* "ens192=203.0.113.7/24,gw=203.0.113.1,dns=9.9.9.9" */
static int add_nic(json_t *nics, const char *arg, struct err *e)
{
	_free_ char *copy = xstrdup(arg);
	_json_ json_t *nic = json_object();
	char *eq = strchr(copy, '='), *save = NULL, *w;

	if (!eq || eq == copy || !eq[1])
		return err_set(e, ERR_USAGE,
			"%s is not NIC=ADDRESS/PREFIX[,gw=..][,dns=..]", arg);
	*eq = '\0';
	json_put_str(nic, "name", copy);
	json_put_u64(nic, "index", json_array_size(nics));
	w = strtok_r(eq + 1, ",", &save);
	if (!w || !strchr(w, '/'))
		return err_set(e, ERR_USAGE,
			"%s: the address needs its prefix, as in "
			"203.0.113.7/24",
			copy);
	json_put_str(nic, "address", w);
	while ((w = strtok_r(NULL, ",", &save)))
		if (add_option(nic, w, e))
			return -1;
	json_array_append(nics, nic);
	return 0;
}

static int apply(struct guest **g, const struct guest_changes *cs,
	struct out *o, struct err *e)
{
	struct guest *done = *g;

	for (size_t i = 0; i < cs->n; i++) {
		if (guest_apply(done, &cs->c[i], e))
			return -1;
		if (cs->c[i].said)
			out_notef(o, "%s", cs->c[i].said);
	}
	*g = NULL;
	if (guest_close(done, e))
		return -1;
	out_notef(o,
		"%zu changes made; what files were is in "
		"/var/backups/vmferry of the guest",
		cs->n);
	return 0;
}

/* net: the network alone; else all that a job would change. */
static void want_all(json_t *want, bool all)
{
	json_put_bool(want, "tools_off", all);
	json_put_bool(want, "fstab", all);
	json_put_bool(want, "efi", all);
	json_put_bool(want, "drivers", all);
	json_put_bool(want, "fstrim", all);
	if (all)
		json_put_bool(want, "agent", false);
}

static int change(struct images *im, const json_t *want, bool write,
	struct out *o, struct err *e)
{
	_changes_ struct guest_changes cs = {0};
	_guest_ struct guest *g = NULL;

	if (guest_open(im->d, im->n, write, &g, e) ||
		guest_changes(g, want, &cs, e))
		return -1;
	for (size_t i = 0; i < cs.n; i++) {
		_free_ char *diff = guest_diff(&cs.c[i]);

		out_puts(o, diff);
	}
	for (size_t i = 0; i < cs.n_left; i++)
		out_notef(o, "left alone: %s", cs.left[i]);
	if (!cs.n)
		out_notef(o, "nothing to change");
	return write && cs.n ? apply(&g, &cs, o, e) : 0;
}

static int net(int argc, char **argv, bool all, struct out *o, struct err *e)
{
	_json_ json_t *want = json_object();
	json_t *nics = json_array();
	struct images im = {0};
	bool write = false;

	json_put(want, "nics", nics);
	want_all(want, all);
	for (int i = 0; i < argc; i++) {
		int rc = 0;

		if (strcmp(argv[i], "--apply") == 0)
			write = true;
		else if (strcmp(argv[i], "--set") == 0 && i + 1 < argc)
			rc = add_nic(nics, argv[++i], e);
		else if (all && strcmp(argv[i], "--remove-tools") == 0)
			json_put_bool(want, "tools_remove", true);
		else if (all && strcmp(argv[i], "--serial") == 0)
			json_put_bool(want, "serial", true);
		else if (all && strcmp(argv[i], "--agent-package") == 0 &&
			i + 1 < argc)
			json_put_str(want, "agent_package", argv[++i]);
		else
			rc = add_image(&im, argv[i], e);
		if (rc)
			return -1;
	}
	if (!im.n || (!all && !json_array_size(nics)))
		return verb_usage(&verb_guest, e);
	return change(&im, want, write, o, e);
}

/* --- boot --- */

struct boot_args {
	struct images im;
	struct rehearsal r;
	const char *macs[8];
	bool json;
};

/* An option with a value; 1: taken, 0: not one of these. */
static int boot_value(
	struct boot_args *b, const char *name, const char *value, struct err *e)
{
	uint64_t n;

	if (strcmp(name, "--bus") == 0) {
		if (strcmp(value, "scsi") && strcmp(value, "sata") &&
			strcmp(value, "ide"))
			return err_set(
				e, ERR_USAGE, "--bus is scsi, sata or ide");
		b->r.bus = value;
	} else if (strcmp(name, "--nic") == 0) {
		if (strcmp(value, "virtio") && strcmp(value, "e1000"))
			return err_set(
				e, ERR_USAGE, "--nic is virtio or e1000");
		b->r.nic = value;
	} else if (strcmp(name, "--mac") == 0) {
		if (b->r.n_macs == ARRAY_LEN(b->macs))
			return err_set(e, ERR_USAGE, "too many --mac");
		b->macs[b->r.n_macs++] = value;
	} else if (strcmp(name, "--screen") == 0) {
		b->r.screen = value;
	} else if (strcmp(name, "--machine") == 0) {
		if (strcmp(value, "pc") && strcmp(value, "q35"))
			return err_set(e, ERR_USAGE, "--machine is pc or q35");
		b->r.machine = value;
	} else if (strcmp(name, "--seconds") == 0 ||
		strcmp(name, "--memory") == 0) {
		if (str_u64(value, 1 << 20, &n))
			return err_set(e, ERR_USAGE, "%s: not a number", value);
		if (strcmp(name, "--seconds") == 0)
			b->r.patience = n;
		else
			b->r.memory = n;
	} else {
		return 0;
	}
	return 1;
}

static bool boot_flag(struct boot_args *b, const char *name)
{
	if (strcmp(name, "--uefi") == 0)
		b->r.uefi = true;
	else if (strcmp(name, "--secure-boot") == 0)
		b->r.uefi = b->r.secure_boot = true;
	else if (strcmp(name, "--hub") == 0)
		b->r.hub = true;
	else if (strcmp(name, "--no-agent") == 0)
		b->r.no_agent = true;
	else if (strcmp(name, "--json") == 0)
		b->json = true;
	else
		return false;
	return true;
}

static int boot_args(int argc, char **argv, struct boot_args *b, struct err *e)
{
	for (int i = 0; i < argc; i++) {
		int rc;

		if (boot_flag(b, argv[i]))
			continue;
		rc = i + 1 < argc ? boot_value(b, argv[i], argv[i + 1], e) : 0;
		if (rc == 0)
			rc = add_image(&b->im, argv[i], e);
		else
			i++;
		if (rc < 0)
			return -1;
	}
	return b->im.n ? 0 : verb_usage(&verb_guest, e);
}

static void boot_page(struct out *o, const json_t *v)
{
	const json_t *list = json_object_get(v, "interfaces"), *n, *a;
	size_t i, k;

	out_f(o, "verdict    %s, by its %s, after %.1f s (%s)\n",
		json_str_or(v, "verdict", "?"), json_str_or(v, "by", "?"),
		json_num(v, "seconds", 0), json_str_or(v, "accel", "?"));
	if (json_str(v, "os"))
		out_f(o, "system     %s\n", json_str(v, "os"));
	json_array_foreach (list, i, n)
		json_array_foreach (json_object_get(n, "addresses"), k, a)
			out_f(o, "address    %s %s\n",
				json_str_or(n, "name", "?"),
				json_string_value(a));
	json_array_foreach (json_object_get(v, "routes"), i, a)
		out_f(o, "route      %s\n", json_string_value(a));
	if (json_str(v, "sign"))
		out_f(o, "sign       %s\n", json_str(v, "sign"));
	if (json_str(v, "evidence"))
		out_f(o, "evidence   %s\n", json_str(v, "evidence"));
	if (json_str(v, "advice"))
		out_f(o, "next       %s\n", json_str(v, "advice"));
}

static int boot(int argc, char **argv, struct out *o, struct err *e)
{
	struct boot_args b = {.r = {.bus = "scsi", .nic = "virtio"}};
	_json_ json_t *v = NULL;
	_free_ char *text = NULL;

	if (boot_args(argc, argv, &b, e))
		return -1;
	b.r.disks = b.im.d;
	b.r.n = b.im.n;
	b.r.macs = b.macs;
	if (rehearse(&b.r, &v, e))
		return -1;
	if (b.json) {
		text = json_pretty(v);
		out_puts(o, text);
	} else {
		boot_page(o, v);
	}
	if (strcmp(json_str_or(v, "verdict", ""), "up") == 0)
		return 0;
	err_set(e, ERR_GUEST_BOOT, "%s: %s", json_str_or(v, "sign", "?"),
		json_str_or(v, "evidence", ""));
	return err_in(e, "start %s on %s", b.im.d[0].path, b.r.bus);
}

static int run(int argc, char **argv, struct out *o, struct err *e)
{
	if (argc > 2 && strcmp(argv[1], "inspect") == 0)
		return inspect(argc - 2, argv + 2, o, e);
	if (argc > 2 && strcmp(argv[1], "net") == 0)
		return net(argc - 2, argv + 2, false, o, e);
	if (argc > 2 && strcmp(argv[1], "fix") == 0)
		return net(argc - 2, argv + 2, true, o, e);
	if (argc > 2 && strcmp(argv[1], "boot") == 0)
		return boot(argc - 2, argv + 2, o, e);
	return verb_usage(&verb_guest, e);
}

const struct verb verb_guest = {
	.name = "guest",
	.args = "inspect IMAGE... [--json] | net IMAGE... "
		"--set NIC=ADDRESS/PREFIX[,gw=A][,dns=A][,ip6=A/P][,gw6=A]"
		"[,mtu=N][,mac=M] [--apply] | "
		"fix IMAGE... [--set ...] [--remove-tools] "
		"[--agent-package FILE] [--serial] [--apply] | "
		"boot IMAGE... [--bus scsi|sata|ide] [--nic virtio|e1000] "
		"[--mac M]... [--machine pc|q35] [--uefi] [--secure-boot] "
		"[--hub] [--no-agent] [--memory MIB] "
		"[--seconds N] [--screen FILE] [--json]",
	.help = N_("look inside the disks of a VM; give it another address; "
		   "see it start, on a layer that is thrown away"),
	.run = run,
};
