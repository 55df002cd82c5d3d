/* A guest with one NIC that gets a new address, for test_guest_net.c and
 * test_guest_stacks.c; include after cmocka.h. */
#ifndef GUESTNET_H
#define GUESTNET_H

#include "guest/network.h"
#include "guest_dir.h"
#include "str.h"

#define ENI "/etc/network/interfaces"
#define RULES "/etc/udev/rules.d/70-persistent-net.rules"
#define MAC "00:50:56:aa:bb:cc"

struct fix {
	struct guest *g;
	struct guest_changes cs;
};

static inline int set_up(void **state)
{
	struct fix *f = xcalloc(1, sizeof(*f));

	f->g = guest_dir_new();
	*state = f;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fix *f = *state;

	guest_changes_free(&f->cs);
	guest_dir_free(f->g);
	free(f);
	return 0;
}

static inline void ifupdown(struct fix *f, const char *text)
{
	guest_dir_put(f->g, "/sbin/ifup", "");
	guest_dir_put(
		f->g, "/usr/lib/udev/rules.d/80-net-setup-link.rules", "");
	guest_dir_put(f->g, ENI, text);
}

/* One NIC, at VMware's slot 192, that is to have addr and gateway. */
static inline void work_out(
	struct fix *f, const char *addr, const char *gateway, const char *dns)
{
	_free_ char *text = xasprintf(
		"{\"nics\": [{\"index\": 0, \"mac\": \"" MAC
		"\", \"old_mac\": \"00:0c:29:01:02:03\", \"pci_slot\": 192%s%s"
		"%s%s%s%s%s%s%s]}",
		addr ? ", \"address\": \"" : "", addr ? addr : "",
		addr ? "\"" : "", gateway ? ", \"gateway\": \"" : "",
		gateway ? gateway : "", gateway ? "\"" : "",
		dns ? ", \"dns\": [\"" : "", dns ? dns : "",
		dns ? "\"]}" : "}");
	_json_ json_t *want = NULL;
	struct err e = {0};

	guest_changes_free(&f->cs);
	assert_int_equal(json_parse(text, strlen(text), &want, &e), 0);
	assert_int_equal(guest_changes(f->g, want, &f->cs, &e), 0);
}

static const char *after(struct fix *f, const char *path)
{
	for (size_t i = 0; i < f->cs.n; i++)
		if (strcmp(f->cs.c[i].path, path) == 0)
			return f->cs.c[i].after;
	return NULL;
}

static inline bool said(struct fix *f, const char *words)
{
	for (size_t i = 0; i < f->cs.n_left; i++)
		if (strstr(f->cs.left[i], words))
			return true;
	return false;
}

#define LINK "/etc/systemd/network/10-vmferry-ens192.link"

#endif
