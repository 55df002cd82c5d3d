/* An ESXi host, its connection and its lists: see esxi.h. */
#include "esxi.h"

#include <stdlib.h>
#include <string.h>

#include "esxi_int.h"

int esxi_open(const struct ssh_target *t, struct esxi **out, struct err *e)
{
	_esxi_ struct esxi *x = xcalloc(1, sizeof(*x));
	const char *strings[] = {
		t->host, t->user, t->key_file, t->accept_hostkey};

	for (size_t i = 0; i < ARRAY_LEN(strings); i++)
		x->strings[i] = xstrdup(strings[i]);
	x->target = *t;
	x->target.host = x->strings[0];
	x->target.user = x->strings[1];
	x->target.key_file = x->strings[2];
	x->target.accept_hostkey = x->strings[3];
	x->tries = 5;
	x->wait_ms = 5000;
	x->poll_ms = 2000;
	if (esxi_ready(x, e))
		return -1;
	*out = x;
	x = NULL;
	return 0;
}

void esxi_close(struct esxi *x)
{
	if (!x)
		return;
	ssh_cmd_free(x->aside);
	ssh_close(x->ssh);
	for (size_t i = 0; i < ARRAY_LEN(x->strings); i++)
		free(x->strings[i]);
	free(x);
}

void cleanup_esxi(struct esxi **x)
{
	esxi_close(*x);
}

struct ssh *esxi_ssh(struct esxi *x)
{
	return x->ssh;
}

void esxi_set_retry(struct esxi *x, unsigned tries, unsigned ms)
{
	x->tries = tries;
	x->wait_ms = ms;
}

void esxi_set_told(struct esxi *x, const struct told *t)
{
	x->told = *t;
}

void esxi_set_poll(struct esxi *x, unsigned ms)
{
	x->poll_ms = ms;
}

int esxi_about(struct esxi *x, struct esxi_about *out, struct err *e)
{
	struct esxi_call c[] = {{.cmd = ESXI_ABOUT}, {.cmd = ESXI_VERSION}};
	int rc = esxi_run(x, c, ARRAY_LEN(c), e);

	if (rc == 0 && esxi_text_version(c[0].out, out) &&
		esxi_text_version(c[1].out, out))
		rc = err_set(e, ERR_ESXI_COMMAND,
			"%s does not say which ESXi it is: %s", x->target.host,
			str_trim(c[0].out));
	esxi_calls_free(c, ARRAY_LEN(c));
	return rc ? err_in(e, "ask the host for its version") : 0;
}

/* --- VMs --- */

static bool runs(
	const json_t *processes, const json_t *volumes, const char *vmx)
{
	const json_t *p;
	size_t i;

	json_array_foreach (processes, i, p) {
		const char *config = json_str(p, "config");
		_free_ char *path =
			config ? esxi_path(volumes, "/", config) : NULL;

		if (path && strcmp(path, vmx) == 0)
			return true;
	}
	return false;
}

static int inventory(
	struct esxi_call c[3], json_t **volumes, json_t **rows, struct err *e)
{
	_json_ json_t *processes = NULL;
	json_t *row;
	size_t i;

	for (i = 0; i < 3; i++)
		if (esxi_check(&c[i], e))
			return -1;
	*volumes = esxi_text_filesystems(c[0].out);
	*rows = esxi_text_vms(c[1].out, *volumes);
	processes = esxi_text_processes(c[2].out);
	json_array_foreach (*rows, i, row) {
		_free_ char *vmx = NULL;

		if (!json_str(row, "file"))
			continue;
		vmx = esxi_path(*volumes, "/", json_str(row, "file"));
		json_put_str(row, "vmx", vmx);
		json_put_str(row, "power",
			runs(processes, *volumes, vmx) ? "on" : "off");
	}
	return 0;
}

int esxi_inventory(
	struct esxi *x, json_t **volumes, json_t **rows, struct err *e)
{
	struct esxi_call c[] = {{.cmd = ESXI_FILESYSTEMS}, {.cmd = ESXI_VMS},
		{.cmd = ESXI_PROCESSES}};
	int rc = esxi_run(x, c, ARRAY_LEN(c), e);

	if (rc == 0)
		rc = inventory(c, volumes, rows, e);
	esxi_calls_free(c, ARRAY_LEN(c));
	return rc;
}

/* checkpoint.vmState = "x.vmss", and not "" */
static bool names_checkpoint(const char *text)
{
	const char *q = strchr(text, '"');

	return q && q[1] && q[1] != '"';
}

/* A process list knows only VMs that run: of the others, those whose .vmx
 * names a checkpoint are suspended. Cheaper than a vim-cmd for each. */
static int mark_suspended(struct esxi *x, json_t *rows, struct err *e)
{
	size_t n = json_array_size(rows), asked = 0, i;
	_free_ struct esxi_call *c = xcalloc(n, sizeof(*c));
	_free_ size_t *which = xcalloc(n, sizeof(*which));
	json_t *row;
	int rc;

	json_array_foreach (rows, i, row) {
		if (strcmp(json_str_or(row, "power", ""), "off") != 0)
			continue;
		c[asked] = (struct esxi_call){
			.cmd = ESXI_SUSPENDED, .arg = json_str(row, "vmx")};
		which[asked++] = i;
	}
	rc = asked ? esxi_run(x, c, asked, e) : 0;
	for (i = 0; rc == 0 && i < asked; i++)
		if (c[i].status == 0 && names_checkpoint(c[i].out))
			json_put_str(json_array_get(rows, which[i]), "power",
				"suspended");
	esxi_calls_free(c, asked);
	return rc;
}

int esxi_list(struct esxi *x, json_t **rows, struct err *e)
{
	_json_ json_t *volumes = NULL, *list = NULL;

	if (esxi_inventory(x, &volumes, &list, e) || mark_suspended(x, list, e))
		return err_in(e, "list the VMs of %s", x->target.host);
	*rows = json_incref(list);
	return 0;
}

/* --- the host's other lists --- */

int esxi_networks(struct esxi *x, json_t **out, struct err *e)
{
	_free_ char *text = NULL;

	if (esxi_ask(x, ESXI_PORTGROUPS, NULL, &text, e))
		return err_in(e, "list the networks of %s", x->target.host);
	*out = esxi_text_portgroups(text);
	return 0;
}

int esxi_datastores(struct esxi *x, json_t **out, struct err *e)
{
	_free_ char *text = NULL;

	if (esxi_ask(x, ESXI_FILESYSTEMS, NULL, &text, e))
		return err_in(e, "list the datastores of %s", x->target.host);
	*out = esxi_text_filesystems(text);
	return 0;
}

int esxi_pci(struct esxi *x, char **text, struct err *e)
{
	if (esxi_ask(x, ESXI_PCI, NULL, text, e))
		return err_in(e, "list the PCI devices of %s", x->target.host);
	return 0;
}
