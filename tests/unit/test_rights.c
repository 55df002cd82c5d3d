/* Privileges that are missing on the lab's Proxmox VE, found before anything
 * stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "errtest.h"
#include "pvelab.h"
#include "step.h"
#include "target.h"

/* What is found for the owner of that token: "LEVEL TEXT" lines, to be freed.
 */
static char *found_for(const struct lab *l, const char *token)
{
	_free_ char *both = lab_file(l, token);
	char *split = strchr(both, '=');
	_json_ json_t *list = json_array();
	_json_ json_t *plan = NULL;
	_json_ json_t *bridges = json_pack("[{s:s,s:s},{s:s,s:s}]", "iface",
		"vmbr0", "type", "bridge", "iface", "vnet1", "type", "vnet");
	struct pve_target t = target(l);
	struct step step = {.kind = "create_vm"};
	struct run r = {.findings = list, .step = &step};
	_pve_ struct pve *p = NULL;
	_buf_ struct buf b = {0};
	const json_t *f;
	size_t i;

	*split = '\0';
	t.user = both;
	t.secret = split + 1;
	plan = json_pack(
		"{s:{s:s,s:i,s:[{s:s},{s:s}],s:[{s:s},{s:s,s:i},{s:s}]}}",
		"target", "user", both, "vmid", 120, "disks", "storage",
		"local", "storage", "local", "nics", "bridge", "vmbr0",
		"bridge", "vmbr0", "vlan", 7, "bridge", "vnet1");
	r.plan = plan;
	ok(pve_open(&t, &p, e));
	target_find_rights(&r, p, bridges);
	json_array_foreach (list, i, f) {
		assert_string_equal(json_str(f, "id"), "PVE_PERMISSION");
		buf_addf(&b, "%s %s\n", json_str(f, "level"),
			json_str(f, "text"));
	}
	return buf_steal(&b);
}

#define CONFIG                                                              \
	"VM.Config.CPU, VM.Config.Disk, VM.Config.HWType, VM.Config.Memory" \
	", VM.Config.Network, VM.Config.Options, VM.PowerMgmt"
#define ON_VM \
	"blocker viewer@pve!tok lacks VM.Allocate, " CONFIG " on /vms/120\n"
#define ON_STORAGE                                                          \
	"blocker viewer@pve!tok lacks Datastore.AllocateSpace on /storage/" \
	"local\n"
#define ZONE "/sdn/zones/localnetwork/vmbr0"
#define ON_BRIDGE                                            \
	"blocker viewer@pve!tok lacks SDN.Use on " ZONE "\n" \
	"blocker viewer@pve!tok lacks SDN.Use on " ZONE "/7\n"

static void finds(const char *release, const char *want)
{
	_free_ char *root = NULL, *importer = NULL, *viewer = NULL;
	struct lab l;

	lab_start(&l, release);
	root = found_for(&l, "token");
	importer = found_for(&l, "token-importer");
	viewer = found_for(&l, "token-viewer");
	lab_end(&l);
	assert_string_equal(root, "");
	assert_string_equal(importer, "");
	assert_string_equal(viewer, want);
}

static void before_8(void **state)
{
	(void)state;
	finds("7.4",
		ON_VM "warning viewer@pve!tok lacks VM.Monitor on "
		      "/vms/120\n" ON_STORAGE);
}

static void from_9(void **state)
{
	(void)state;
	finds("9.0",
		ON_VM "warning viewer@pve!tok lacks VM.GuestAgent.Unrestricted"
		      " on /vms/120\n" ON_STORAGE ON_BRIDGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_8),
		cmocka_unit_test(from_9),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
