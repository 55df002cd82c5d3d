/* `vmferry pci [--json]`: the PCI devices of this machine, with what decides
 * about network, disks and passthrough. */
#include "../i18n.h"
#include "../verb.h"

#include <string.h>

#include "../pci.h"

static void show_details(struct out *o, const json_t *d)
{
	const json_t *nics = json_object_get(d, "interfaces");
	const char *driver = json_str(d, "driver");
	_buf_ struct buf b = {0};
	_free_ char *clean = NULL;

	buf_addf(&b, out_word(o, N_("driver %s")),
		driver ? driver : out_word(o, N_("none")));
	for (size_t i = 0; i < json_array_size(nics); i++)
		buf_addf(&b, out_word(o, N_(", %s link %s")),
			json_str_or(json_array_get(nics, i), "name", "?"),
			json_str_or(json_array_get(nics, i), "link", "?"));
	if (json_object_get(d, "iommu_group"))
		buf_addf(&b, out_word(o, N_(", IOMMU group %llu")),
			(unsigned long long)json_u64(d, "iommu_group", 0));
	clean = str_printable_dup(b.s);
	out_f(o, "              %s\n", clean);
}

static void show(struct out *o, const json_t *d)
{
	_free_ char *name = str_printable_dup(
		json_str_or(d, "name", json_str_or(d, "device", "?")));

	out_f(o, "%-12s  %-8s %s\n", json_str_or(d, "address", "?"),
		json_str_or(d, "kind", "?"), name);
	show_details(o, d);
}

static void show_all(struct out *o, const json_t *list)
{
	bool iommu = false;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *d = json_array_get(list, i);

		iommu = iommu || json_object_get(d, "iommu_group");
		show(o, d);
	}
	if (!json_array_size(list))
		out_puts(o, "This machine has no PCI bus (a container?).\n");
	else if (!iommu)
		out_puts(o,
			"No IOMMU groups: devices cannot be passed through to "
			"VMs until the IOMMU is on in the firmware and the "
			"kernel.\n");
}

static int run(int argc, char **argv, struct out *o, struct err *e)
{
	bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
	_json_ json_t *list = NULL, *all = NULL;
	_free_ char *text = NULL;

	if (argc > 2 || (argc == 2 && !json))
		return verb_usage(&verb_pci, e);
	if (pci_list(&list, e))
		return err_in(e, "list the PCI devices of this machine");
	if (!json) {
		show_all(o, list);
		return 0;
	}
	all = json_object();
	json_put(all, "devices", json_incref(list));
	text = json_pretty(all);
	out_puts(o, text);
	return 0;
}

const struct verb verb_pci = {
	.name = "pci",
	.args = "[--json]",
	.help = N_("list this machine's PCI devices: network, storage, IOMMU"),
	.run = run,
};
