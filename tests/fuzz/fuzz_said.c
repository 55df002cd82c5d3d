/*
 * What guests, consoles, programs on a host and the monitor of QEMU say, as
 * text or as a picture.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "ddread.h"
#include "guest/packages.h"
#include "guest_said.h"
#include "oracle.h"
#include "pci.h"
#include "screen.h"
#include "str.h"

const char *const fuzz_seeds[] = {"tests/fuzz/seeds/said/*", NULL};
const char *const fuzz_words[] = {"P6\n640 16\n255\n", "P6 8192 8192 255 ",
	"vmferry end\n", "vmferry up\n", "vmferry routes\n", " bytes) trimmed",
	"/: ", "    inet 192.0.2.5/24 ", "default via ", " lladdr ",
	"8+1 records in\n", "0xb8000: 0x0741 0x0742", "\r\n", "\x1b[2J",
	"Kernel panic", "login: ", "grub rescue>", "   Vendor ID: 0x",
	"   Class Name: ", "0000:00:1f.2\n   Address: 0000:00:1f.2\n",
	"18446744073709551616", "\xff\xfe", ".el9", "+deb12u1", NULL};

static void printable(const char *s)
{
	_free_ char *clean = str_printable_dup(s);

	if (strcmp(clean, s))
		abort();
}

static void guest(const char *text)
{
	struct guest_life life;
	json_t *j;
	uint64_t sum;
	size_t i;

	j = guest_said_fstrim(text, &sum);
	for (i = 0; i < json_array_size(j); i++)
		printable(json_str(json_array_get(j, i), "path"));
	json_decref(j);
	j = guest_said_network(text);
	if (j && !json_is_array(json_object_get(j, "addresses")))
		abort();
	json_decref(j);
	if (guest_said_life(text, &life) && strlen(life.boot) != 36 &&
		*life.boot)
		abort();
	free(packages_foreign(text, "debian", "12"));
	free(packages_foreign("1.2-3.el9", "rhel", text));
}

static void console(const char *text, const void *data, size_t size)
{
	_free_ char *vga = screen_vga(text), *read = NULL;
	struct boot_verdict v;
	struct err e = {0};

	oracle_read(text, &v);
	printable(v.evidence);
	if (vga)
		oracle_read(vga, &v);
	if (screen_text(data, size, &read, &e) == 0)
		oracle_read(read, &v);
	else if (e.code != ERR_BAD_INPUT && e.code != ERR_TOOL_MISSING)
		abort();
}

static void host(const char *text)
{
	_free_ char *copy = xstrdup(text);
	json_t *list = NULL;
	struct err e = {0};
	size_t n;

	if (dd_judge("/a", 1, "", copy, &e) == 0)
		abort();
	if (pci_from_esxcli(text, &list, &e) == 0)
		json_decref(list);
	free(base64_decode(text, &n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_free_ char *text = xstrndup((const char *)data, size);

	guest(text);
	console(text, data, size);
	host(text);
	return 0;
}
