/* `vmferry guest inspect IMAGE...`: what is inside the disks of one VM.
 * Read-only. */
#include <string.h>
#include <sys/stat.h>

#include "../guest/guest.h"
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
			json_flag(k, "default", false) ? " (default)" : "",
			json_flag(in, "virtio_pci", false) ? "yes" : "no",
			json_flag(in, "virtio_scsi", false) ? "yes" : "no",
			json_flag(in, "virtio_blk", false) ? "yes" : "no");
	}
}

static void page(struct out *o, const json_t *facts)
{
	const json_t *net = json_object_get(facts, "network"), *v;
	char size[STR_SIZE_LEN];
	size_t i;

	out_f(o, "system     %s\n", json_str_or(facts, "name", "unknown"));
	kernels(o, facts);
	out_f(o, "network    %s\n", json_str_or(net, "stack", "none"));
	json_array_foreach (json_object_get(net, "interfaces"), i, v)
		out_f(o, "           %s %s %s\n", json_str_or(v, "name", "?"),
			json_str_or(v, "method", "?"),
			json_str_or(v, "address", ""));
	out_f(o, "tools      %s\n", json_str_or(facts, "tools", "none"));
	out_f(o, "agent      %s\n",
		json_flag(facts, "agent", false) ? "installed" : "none");
	out_f(o, "clean      %s\n",
		json_flag(facts, "clean", false) ? "yes" : "no");
	out_f(o, "free on /  %s\n", str_size(size, json_u64(facts, "free", 0)));
}

static int inspect(
	char **paths, size_t n, bool json, struct out *o, struct err *e)
{
	_guest_ struct guest *g = NULL;
	_json_ json_t *facts = NULL;
	struct guest_disk d[16];
	_free_ char *text = NULL;

	for (size_t i = 0; i < n; i++)
		d[i] = (struct guest_disk){paths[i], format_of(paths[i])};
	if (guest_open(d, n, false, &g, e) || guest_facts(g, &facts, e))
		return -1;
	if (!json) {
		page(o, facts);
		return 0;
	}
	text = json_pretty(facts);
	out_puts(o, text);
	return 0;
}

static int run(int argc, char **argv, struct out *o, struct err *e)
{
	bool json = argc > 1 && strcmp(argv[argc - 1], "--json") == 0;
	int last = argc - json;

	if (last < 3 || last > 18 || strcmp(argv[1], "inspect"))
		return verb_usage(&verb_guest, e);
	return inspect(argv + 2, last - 2, json, o, e);
}

const struct verb verb_guest = {
	.name = "guest",
	.args = "inspect IMAGE... [--json]",
	.help = "look inside the disks of a VM, read-only",
	.run = run,
};
