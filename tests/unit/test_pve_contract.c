/*
 * Nothing is sent that a supported release does not know: the tables of
 * core/pve_params.c and core/pve_features.c against the API schemas of the
 * nineteen releases in ../shared/reference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "pve_priv.h"

static const unsigned releases[] = {503, 504, 600, 601, 602, 603, 604, 700, 701,
	702, 703, 704, 800, 801, 802, 803, 804, 900, 901};
#define RELEASES ARRAY_LEN(releases)

static json_t *schemas[RELEASES];
static bool loaded;

static void load(void)
{
	const char *dir = getenv("VMFERRY_SHARED");

	loaded = true;
	for (size_t i = 0; i < RELEASES; i++) {
		_free_ char *path =
			xasprintf("%s/reference/pve-api-schema-%u.%u.json",
				dir ? dir : "../shared", releases[i] / 100,
				releases[i] % 100);
		_json_ json_t *j = NULL;

		if (json_read(path, &j, NULL) < 0) {
			loaded = false;
			fprintf(stderr, "skipped: no %s\n", path);
			return;
		}
		schemas[i] = json_incref(json_object_get(j, "endpoints"));
	}
}

static int setup(void **state)
{
	(void)state;
	load();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < RELEASES; i++)
		json_decref(schemas[i]);
	return 0;
}

static const json_t *method_of(size_t release, const char *m, const char *path)
{
	return json_object_get(json_object_get(schemas[release], path), m);
}

static const json_t *params_of(size_t release, const char *m, const char *path)
{
	return json_object_get(
		json_object_get(method_of(release, m, path), "parameters"),
		"properties");
}

/* Is word in this parameter's schema (names, enumerations, patterns)? */
static bool mentions(const json_t *param, const char *word)
{
	_free_ char *text = param ? json_line(param) : NULL;

	return text && (!word || strstr(text, word));
}

static bool needs(enum pve_feature f, size_t release)
{
	return releases[release] >= pve_feature_since(f);
}

static int wrong;

static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	wrong++;
}

static void begin(void)
{
	wrong = 0;
	if (!loaded)
		skip();
}

static void endpoints(void **state)
{
	(void)state;
	begin();
	for (const struct pve_endpoint *ep = pve_endpoints; ep->method; ep++)
		for (size_t i = 0; i < RELEASES; i++)
			if (needs(ep->feature, i) &&
				!method_of(i, ep->method, ep->path))
				say("%u: no %s %s", releases[i], ep->method,
					ep->path);
	assert_int_equal(wrong, 0);
}

static unsigned check_rows(
	const struct pve_endpoint *ep, const struct pve_row *row)
{
	unsigned n = 0;

	for (; row && row->name; row++)
		for (size_t i = 0; i < RELEASES; i++) {
			if (!needs(ep->feature, i) || !needs(row->feature, i))
				continue;
			n++;
			if (!json_object_get(params_of(i, ep->method, ep->path),
				    row->name))
				say("%u: %s %s has no %s", releases[i],
					ep->method, ep->path, row->name);
		}
	return n;
}

static void parameters(void **state)
{
	unsigned n = 0;

	(void)state;
	begin();
	for (const struct pve_endpoint *ep = pve_endpoints; ep->method; ep++)
		n += check_rows(ep, ep->params) + check_rows(ep, ep->more);
	assert_int_equal(wrong, 0);
	/* The loops looked at something. */
	assert_true(n > 1000);
}

/* What a schema demands can be sent. */
static void demanded(void **state)
{
	(void)state;
	begin();
	for (const struct pve_endpoint *ep = pve_endpoints; ep->method; ep++)
		for (size_t i = 0; i < RELEASES; i++) {
			const char *name;
			json_t *v;

			json_object_foreach (
				(json_t *)params_of(i, ep->method, ep->path),
				name, v) {
				_free_ char *in = xasprintf("{%s}", name);

				if (!json_flag(v, "optional", false) &&
					!strstr(ep->path, in) &&
					!pve_row(ep, name))
					say("%u: %s %s demands %s", releases[i],
						ep->method, ep->path, name);
			}
		}
	assert_int_equal(wrong, 0);
}

/* A token may make every call but the login itself. */
static void tokens(void **state)
{
	(void)state;
	begin();
	for (const struct pve_endpoint *ep = pve_endpoints; ep->method; ep++)
		for (size_t i = 0; i < RELEASES; i++) {
			const json_t *m = method_of(i, ep->method, ep->path);

			if (strcmp(ep->path, "/access/ticket") != 0 && m &&
				!json_flag(m, "allowtoken", true))
				say("%u: %s %s refuses tokens", releases[i],
					ep->method, ep->path);
		}
	assert_int_equal(wrong, 0);
}

/*
 * A feature is there from its release on, and its release is that of the
 * first schema or the one after it: neither too early nor needlessly late.
 */
static void features(void **state)
{
	unsigned shown = 0;

	(void)state;
	begin();
	for (int f = 0; f < PVE_FEATURE_COUNT; f++) {
		const struct pve_evidence *ev = pve_feature_evidence(f);
		size_t first = RELEASES, since = RELEASES;

		assert_non_null(pve_feature_name(f));
		if (!ev->method)
			continue;
		shown++;
		for (size_t i = RELEASES; i-- > 0;) {
			const json_t *param = json_object_get(
				params_of(i, ev->method, ev->path), ev->param);

			if (releases[i] == pve_feature_since(f))
				since = i;
			if (mentions(param, ev->word))
				first = i;
			else if (needs(f, i))
				say("%u: %s is not there", releases[i],
					pve_feature_name(f));
		}
		if (since == RELEASES || since < first || since > first + 1)
			say("%s: since %u, but the schemas have it from %u on",
				pve_feature_name(f), pve_feature_since(f),
				first < RELEASES ? releases[first] : 0);
	}
	assert_int_equal(wrong, 0);
	assert_true(shown >= 20);
}

/* Values that this client or the steps send, by endpoint and parameter. */
static const struct {
	const char *method, *path, *param;
	enum pve_feature feature;
	const char *words[16];
} values[] = {
#define QEMU "POST", "/nodes/{node}/qemu"
	{QEMU, "scsihw", PVE_ALWAYS,
		{"lsi", "virtio-scsi-pci", "virtio-scsi-single", "pvscsi",
			"megasas"}},
	{QEMU, "bios", PVE_ALWAYS, {"seabios", "ovmf"}},
	{QEMU, "ostype", PVE_ALWAYS,
		{"other", "wxp", "w2k", "w2k3", "w2k8", "wvista", "win7",
			"win8", "win10", "l24", "l26", "solaris"}},
	{QEMU, "net[n]", PVE_ALWAYS,
		{"virtio", "e1000", "vmxnet3", "rtl8139", "pcnet", "bridge",
			"tag", "firewall", "link_down", "rate", "queues"}},
	{QEMU, "scsi[n]", PVE_ALWAYS,
		{"discard", "\"ssd\"", "iothread", "cache", "backup", "serial",
			"media", "queues", "detect_zeroes"}},
	{QEMU, "virtio[n]", PVE_ALWAYS,
		{"discard", "iothread", "cache", "backup", "serial"}},
	{QEMU, "sata[n]", PVE_ALWAYS,
		{"discard", "\"ssd\"", "cache", "backup", "serial", "media"}},
	{QEMU, "ide[n]", PVE_ALWAYS,
		{"discard", "\"ssd\"", "cache", "backup", "serial", "media"}},
	{QEMU, "smbios1", PVE_ALWAYS, {"uuid"}},
	{QEMU, "agent", PVE_ALWAYS, {"enabled"}},
	{QEMU, "boot", PVE_BOOT_ORDER, {"order"}},
	{QEMU, "efidisk0", PVE_EFI_TYPE,
		{"efitype", "4m", "pre-enrolled-keys"}},
	{QEMU, "tpmstate0", PVE_TPM, {"version", "v2.0"}},
	{"POST", "/nodes/{node}/storage/{storage}/content", "format",
		PVE_ALWAYS, {"\"raw\"", "\"qcow2\""}},
	{"GET", "/nodes/{node}/network", "type", PVE_ALWAYS, {"any_bridge"}},
	{"GET", "/nodes/{node}/tasks", "source", PVE_ALWAYS, {"\"all\""}},
	{"POST", "/nodes/{node}/qemu/{vmid}/move_disk", "format", PVE_ALWAYS,
		{"\"raw\"", "\"qcow2\"", "\"vmdk\""}},
	{"POST", "/nodes/{node}/qemu/{vmid}/move_disk", "disk", PVE_ALWAYS,
		{"scsi0", "scsi13", "virtio15", "sata5", "ide3", "efidisk0"}},
};

static void enumerations(void **state)
{
	(void)state;
	begin();
	for (size_t n = 0; n < ARRAY_LEN(values); n++)
		for (size_t i = 0; i < RELEASES; i++) {
			const json_t *param = json_object_get(
				params_of(i, values[n].method, values[n].path),
				values[n].param);

			for (size_t w = 0; values[n].words[w]; w++)
				if (needs(values[n].feature, i) &&
					!mentions(param, values[n].words[w]))
					say("%u: %s of %s has no %s",
						releases[i], values[n].param,
						values[n].path,
						values[n].words[w]);
		}
	assert_int_equal(wrong, 0);
}

/* Sizes as pve_volume_alloc writes them. */
static void sizes(void **state)
{
	(void)state;
	begin();
	for (size_t i = 0; i < RELEASES; i++) {
		assert_string_equal(
			json_str(
				json_object_get(params_of(i, "POST",
							"/nodes/{node}/storage/"
							"{storage}/content"),
					"size"),
				"pattern"),
			"\\d+[MG]?");
	}
}

/* ---- without ../shared: the tables in themselves ---- */

static enum pve_feature feature_of(const struct pve_endpoint *ep, const char *k)
{
	const struct pve_row *row = pve_row(ep, k);

	return row ? row->feature : PVE_FEATURE_COUNT;
}

static void rows(void **state)
{
	const struct pve_endpoint *ep =
		pve_endpoint("POST", "/nodes/{node}/qemu");

	(void)state;
	assert_non_null(ep);
	assert_null(pve_endpoint("PUT", "/nodes/{node}/qemu"));
	assert_null(pve_endpoint("POST", "/nodes/pve/qemu"));
	assert_int_equal(feature_of(ep, "vmid"), PVE_ALWAYS);
	assert_int_equal(feature_of(ep, "scsi0"), PVE_ALWAYS);
	assert_int_equal(feature_of(ep, "scsi13"), PVE_ALWAYS);
	assert_int_equal(feature_of(ep, "scsi14"), PVE_SCSI_30);
	assert_int_equal(feature_of(ep, "scsi30"), PVE_SCSI_30);
	assert_int_equal(feature_of(ep, "tpmstate0"), PVE_TPM);
	assert_null(pve_row(ep, "scsi31"));
	assert_null(pve_row(ep, "scsi"));
	assert_null(pve_row(ep, "scsi0x"));
	assert_null(pve_row(ep, "scsi01"));
	assert_null(pve_row(ep, "scsi-1"));
	assert_null(pve_row(ep, "ide4"));
	assert_null(pve_row(ep, "sata6"));
	assert_null(pve_row(ep, "virtio16"));
	assert_null(pve_row(ep, "net32"));
	assert_null(pve_row(ep, "scsi[n]"));
	assert_null(pve_row(ep, "args"));
	assert_null(pve_row(ep, "skiplock"));
}

static void since(void **state)
{
	struct pve p = {.release = 602, .version = "6.2-4"};
	struct err e;

	(void)state;
	p.node = (char[]){"pve"};
	assert_true(pve_has(&p, PVE_ALWAYS));
	assert_true(pve_has(&p, PVE_SCSI_30));
	assert_false(pve_has(&p, PVE_BOOT_ORDER));
	assert_int_equal(pve_need(&p, PVE_TPM, &e), -1);
	assert_int_equal(e.code, ERR_PVE_VERSION);
	assert_string_equal(
		e.why, "virtual TPM: from Proxmox VE 7.1 on; pve has 6.2-4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoints),
		cmocka_unit_test(parameters),
		cmocka_unit_test(demanded),
		cmocka_unit_test(tokens),
		cmocka_unit_test(features),
		cmocka_unit_test(enumerations),
		cmocka_unit_test(sizes),
		cmocka_unit_test(rows),
		cmocka_unit_test(since),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
