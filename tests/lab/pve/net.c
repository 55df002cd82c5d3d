/*
 * net.c - network cards in a configuration.
 */
#include "pve.h"

static const char *const models[] = {"virtio", "e1000", "e1000-82540em",
	"e1000-82544gc", "e1000-82545em", "e1000e", "i82551", "i82557b",
	"i82559er", "ne2k_isa", "ne2k_pci", "pcnet", "rtl8139", "vmxnet3"};

/* Without a schema the first field is "file" or MODEL=MAC. */
static void normalise(json_t *p)
{
	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
		const char *mac = js(p, models[i]);

		if (js(p, "file") && !strcmp(js(p, "file"), models[i])) {
			js_set(p, "model", models[i]);
			json_object_del(p, "file");
		} else if (mac) {
			js_set(p, "macaddr", mac);
			js_set(p, "model", models[i]);
			json_object_del(p, models[i]);
		}
	}
}

static char *random_mac(void)
{
	auto_free char *h = random_hex(3);

	for (char *p = h; *p; p++)
		if (*p >= 'a')
			*p = (char)(*p - 'a' + 'A');
	return fmt("BC:24:11:%.2s:%.2s:%.2s", h, h + 2, h + 4);
}

json_t *net_parse(const char *value)
{
	auto_free char *why = NULL;
	json_t *p = prop_parse("net0", value, &why);

	if (!p)
		return NULL;
	normalise(p);
	if (js(p, "model"))
		return p;
	json_decref(p);
	return NULL;
}

char *net_complete(const char *value)
{
	auto_json json_t *p = net_parse(value);
	auto_free char *mac = NULL, *rest = NULL;

	if (!p)
		return NULL;
	mac = js(p, "macaddr") ? xstrdup(js(p, "macaddr")) : random_mac();
	auto_free char *model = xstrdup(js(p, "model"));

	json_object_del(p, "model");
	json_object_del(p, "macaddr");
	rest = prop_print("net0", p);
	return fmt("%s=%s%s%s", model, mac, *rest ? "," : "", rest);
}
