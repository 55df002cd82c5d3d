/* What an ESXi host prints, and the first packet of its SSH server. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "esxi_int.h"
#include "ssh_hello.h"
#include "vmodl.h"

const char *const fuzz_seeds[] = {"tests/fuzz/seeds/esxi/*", NULL};
const char *const fuzz_words[] = {"(vim.fault.NotFound) {\n", "\n}\n", "\",\n",
	"\\\"", " = (string) [\n", "<unset>", "   [ds] ", ".vmx ", " vmx-13",
	"Skipping invalid VM '", "|-ROOT\n", "----------|-CHILD\n",
	"--Snapshot Name : ", "Get Snapshot:\n", "   Config File: ", "\n\n",
	"/vmfs/volumes/", " true ", "18446744073709551616", "-1", "\xff\xff",
	"Failed to login", "Virtual machine message ", NULL};

/* Every VM has an id and a place, or is said to be invalid. */
static void check_vms(const json_t *rows)
{
	const json_t *r;
	size_t i;

	json_array_foreach (rows, i, r) {
		if (!json_str(r, "id"))
			abort();
		if (!json_flag(r, "invalid", false) &&
			(*json_str(r, "file") != '[' || !json_str(r, "name")))
			abort();
	}
}

static void lists(const char *text)
{
	_json_ json_t *volumes = esxi_text_filesystems(text);
	_json_ json_t *a = esxi_text_vms(text, volumes);
	_json_ json_t *b = esxi_text_vms(text, NULL);
	_json_ json_t *tree = NULL, *guest = NULL;
	_free_ char *path = esxi_path(volumes, "/d", text);

	json_decref(esxi_text_processes(text));
	json_decref(esxi_text_portgroups(text));
	check_vms(a);
	check_vms(b);
	if (!*path)
		abort();
	if (esxi_text_snapshots(text, &tree, NULL) == 0 &&
		esxi_snapshot_count(tree) < json_array_size(tree))
		abort();
	esxi_text_guest(text, &guest, NULL);
}

static void facts(const char *text)
{
	char msg[64], state[ESXI_POWER_LEN];
	struct esxi_about about;
	struct esxi_lock lock;
	struct esxi_stat st;

	esxi_text_busy(text, true);
	if (esxi_text_failed(text, msg, sizeof(msg)) &&
		strlen(msg) >= sizeof(msg))
		abort();
	esxi_text_question(text, msg, sizeof(msg));
	esxi_text_power(text, state, NULL);
	esxi_text_version(text, &about);
	esxi_text_lock(text, &lock);
	esxi_text_stat(text, &st);
}

/* A dump that is taken can be printed, and each next one begins later. */
static void dumps(const char *text)
{
	const char *at = text, *end;
	struct err e = {0};

	for (;;) {
		_json_ json_t *j = NULL;

		if (vmodl_parse(at, &j, &end, &e)) {
			if (e.code != ERR_BAD_INPUT)
				abort();
			return;
		}
		free(json_line(j));
		if (end <= at)
			abort();
		at = end;
	}
}

static void hello(const uint8_t *data, size_t size)
{
	static const char *const ours[SSH_CLASSES] = {
		"a", "b", "c", "d", "e", "f"};
	_ssh_hello_ struct ssh_hello h = {.banner = "SSH-2.0-OpenSSH_9.2"};
	char why[64];

	if (ssh_hello_parse(data, size, &h, NULL))
		return;
	ssh_hello_compare(&h, ours, "lib", NULL);
	ssh_hello_refuses(&h, "ssh-rsa", false, "lib", why, sizeof(why));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_free_ char *text = xstrndup((const char *)data, size);

	lists(text);
	facts(text);
	dumps(text);
	hello(data, size);
	return 0;
}
