/*
 * vim-cmd: the host's datastores, networks and start order.
 */
#include "vim.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>

int vim_listsummary(struct vm *unused, int argc, char **argv)
{
	struct datastore *ds;
	size_t i, n = inv_datastores(&ds);
	struct dump d = {0};

	(void)unused, (void)argc, (void)argv;
	dump_list(&d, NULL, "vim.Datastore.Summary");
	for (i = 0; i < n; i++) {
		dump_open(&d, NULL, "vim.Datastore.Summary");
		dump_raw(&d, "datastore", "'vim.Datastore:%s'", ds[i].uuid);
		dump_str(&d, "name", "%s", ds[i].name);
		dump_str(&d, "url", "/vmfs/volumes/%s", ds[i].uuid);
		dump_raw(&d, "capacity", "%lld", ds[i].size);
		dump_raw(&d, "freeSpace", "%lld", ds[i].free);
		dump_raw(&d, "uncommitted", "0");
		dump_bool(&d, "accessible", true);
		dump_unset(&d, "multipleHostAccess");
		dump_str(&d, "type", "%s",
			strncmp(ds[i].type, "VMFS", 4) ? ds[i].type : "VMFS");
		dump_unset(&d, "maintenanceMode");
		dump_close(&d);
	}
	dump_close(&d);
	return 0;
}

static void portgroups(struct dump *d)
{
	char *p, *s = state_get("portgroups");

	dump_list(d, "portgroup", "vim.host.PortGroup");
	for (p = s; p && *p;) {
		size_t n = strcspn(p, "\n");
		char name[128], vlan[8];

		if (sscanf(p, "%127[^\t]\t%7s", name, vlan) == 2) {
			dump_open(d, NULL, "vim.host.PortGroup");
			dump_str(d, "key", "key-vim.host.PortGroup-%s", name);
			dump_str(d, "vswitch",
				"key-vim.host.VirtualSwitch-vSwitch0");
			dump_open(
				d, "spec", "vim.host.PortGroup.Specification");
			dump_str(d, "name", "%s", name);
			dump_raw(d, "vlanId", "%s", vlan);
			dump_str(d, "vswitchName", "vSwitch0");
			dump_close(d);
			dump_close(d);
		}
		p += n + (p[n] == '\n');
	}
	dump_close(d);
}

int vim_netinfo(struct vm *unused, int argc, char **argv)
{
	struct dump d = {0};

	(void)unused, (void)argc, (void)argv;
	dump_open(&d, NULL, "vim.host.NetworkInfo");
	dump_list(&d, "vswitch", "vim.host.VirtualSwitch");
	dump_open(&d, NULL, "vim.host.VirtualSwitch");
	dump_str(&d, "name", "vSwitch0");
	dump_str(&d, "key", "key-vim.host.VirtualSwitch-vSwitch0");
	dump_raw(&d, "numPorts", "2560");
	dump_raw(&d, "mtu", "1500");
	dump_close(&d);
	dump_close(&d);
	portgroups(&d);
	dump_close(&d);
	return 0;
}

int vim_hostsummary(struct vm *unused, int argc, char **argv)
{
	struct dump d = {0};

	(void)unused, (void)argc, (void)argv;
	dump_open(&d, NULL, "vim.host.Summary");
	dump_raw(&d, "host", "'vim.HostSystem:ha-host'");
	dump_open(&d, "hardware", "vim.host.Summary.HardwareSummary");
	dump_str(&d, "vendor", "Supermicro");
	dump_str(&d, "model", "X10SLM-F");
	dump_str(&d, "uuid", "49434d53-0200-9008-2500-089025002d08");
	dump_raw(&d, "memorySize", "34133794816");
	dump_str(&d, "cpuModel", "Intel(R) Xeon(R) CPU E3-1231 v3 @ 3.40GHz");
	dump_raw(&d, "cpuMhz", "3400");
	dump_raw(&d, "numCpuPkgs", "1");
	dump_raw(&d, "numCpuCores", "4");
	dump_raw(&d, "numCpuThreads", "8");
	dump_raw(&d, "numNics", "2");
	dump_raw(&d, "numHBAs", "2");
	dump_close(&d);
	dump_open(&d, "runtime", "vim.host.RuntimeInfo");
	dump_str(&d, "connectionState", "connected");
	dump_str(&d, "powerState", "poweredOn");
	dump_bool(&d, "inMaintenanceMode", false);
	dump_close(&d);
	dump_str(&d, "overallStatus", "green");
	dump_bool(&d, "rebootRequired", false);
	dump_close(&d);
	return 0;
}

/* vm/ID/autostart holds "ORDER DELAY ACTION"; absent: not started. */
int vim_autostart_get(struct vm *unused, int argc, char **argv)
{
	struct dump d = {0};
	struct vm *vm;
	size_t i, n = inv_all(&vm);

	(void)unused, (void)argc, (void)argv;
	dump_list(&d, NULL, "vim.host.AutoStartManager.AutoPowerInfo");
	for (i = 0; i < n; i++) {
		char *s = state_get("vm/%d/autostart", vm[i].id), act[32];
		int order, delay;

		if (!s || sscanf(s, "%d %d %31s", &order, &delay, act) != 3)
			continue;
		dump_open(&d, NULL, "vim.host.AutoStartManager.AutoPowerInfo");
		dump_raw(&d, "key", "'vim.VirtualMachine:%d'", vm[i].id);
		dump_raw(&d, "startOrder", "%d", order);
		dump_raw(&d, "startDelay", "%d", delay);
		dump_str(&d, "waitForHeartbeat", "systemDefault");
		dump_str(&d, "startAction", "%s", act);
		dump_raw(&d, "stopDelay", "-1");
		dump_str(&d, "stopAction", "systemDefault");
		dump_close(&d);
	}
	dump_close(&d);
	return 0;
}

/* update_autostartentry ID PowerOn|None DELAY ORDER stopAction .. */
int vim_autostart_put(struct vm *vm, int argc, char **argv)
{
	const char *order = argc > 4 ? argv[4] : "-1";

	(void)argc;
	if (!strcasecmp(argv[2], "none"))
		state_del(inv_key(vm, "autostart"));
	else
		state_put(inv_key(vm, "autostart"), "%s %s powerOn", order,
			argc > 3 ? argv[3] : "-1");
	puts(lab_old() ? "Added AutoStartEntry" : "Updated AutoStartEntry");
	return 0;
}
