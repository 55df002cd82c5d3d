/*
 * vim-cmd: what is there (getallvms, get.summary, get.guest, files).
 */
#include "vim.h"

#include <string.h>
#include <sys/stat.h>

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

/* Columns of getallvms: as wide as their widest text, three blanks between
 * them, headings in the middle. */
static void cell(const char *s, int width, bool middle, bool last)
{
	int n = (int)strlen(s), left = middle ? (width - n) / 2 : 0;

	printf("%*s%s%*s%s", left, "", s, width - n - left, "",
		last ? "" : "   ");
}

int vim_getallvms(struct vm *unused, int argc, char **argv)
{
	static const char *const head[6] = {
		"Vmid", "Name", "File", "Guest OS", "Version", "Annotation"};
	int width[6], c;
	const char *(*row)[6];
	struct vm *vm;
	size_t i, n = inv_all(&vm), rows = 0;

	(void)unused, (void)argc, (void)argv;
	row = text_alloc((n + 1) * sizeof(*row));
	memcpy(row[rows++], head, sizeof(head));
	for (i = 0; i < n; i++) {
		if (!vm[i].valid) {
			printf("Skipping invalid VM '%d'\n", vm[i].id);
			continue;
		}
		row[rows][0] = text_fmt("%d", vm[i].id);
		row[rows][1] = vm[i].name;
		row[rows][2] = inv_ds_path(vm[i].vmx_path);
		row[rows][3] = inv_guest_id(&vm[i]);
		row[rows][4] = text_fmt("vmx-%02lld",
			text_num(vmx_get(&vm[i].vmx, "virtualHW.version")));
		row[rows++][5] = or_empty(vmx_get(&vm[i].vmx, "annotation"));
	}
	for (c = 0; c < 6; c++)
		for (width[c] = 0, i = 0; i < rows; i++)
			if ((int)strlen(row[i][c]) > width[c])
				width[c] = (int)strlen(row[i][c]);
	for (i = 0; i < rows; i++) {
		for (c = 0; c < 6; c++)
			cell(row[i][c], width[c], !i, c == 5);
		putchar('\n');
	}
	return 0;
}

static const char *tools_status(const struct vm *vm)
{
	if (state_num(inv_key(vm, "tools"), 0) != 1)
		return "toolsNotInstalled";
	return vm->power == POWER_ON ? "toolsOk" : "toolsNotRunning";
}

void vim_tools(struct dump *d, const struct vm *vm)
{
	const char *v =
		vm->tools ? "guestToolsCurrent" : "guestToolsNotInstalled";

	dump_str(d, "toolsStatus", "%s", tools_status(vm));
	dump_str(d, "toolsVersionStatus", "%s", v);
	dump_str(d, "toolsVersionStatus2", "%s", v);
	dump_str(d, "toolsRunningStatus",
		vm->tools && vm->power == POWER_ON ? "guestToolsRunning"
						   : "guestToolsNotRunning");
}

static void guest_text(struct dump *d, const struct vm *vm, const char *member,
	const char *key)
{
	char *s = vm->power == POWER_ON && vm->tools
		? state_get("vm/%d/%s", vm->id, key)
		: NULL;

	if (s)
		dump_str(d, member, "%.*s", (int)strcspn(s, "/"), s);
	else
		dump_unset(d, member);
}

static void question(struct dump *d, const struct vm *vm)
{
	char *q = state_get("vm/%d/question", vm->id);

	if (!q) {
		dump_raw(d, "question", "(vim.vm.QuestionInfo) null");
		return;
	}
	dump_open(d, "question", "vim.vm.QuestionInfo");
	dump_str(d, "id", "%d", vm->id + 26);
	dump_str(d, "text", "%s", q);
	dump_close(d);
}

static void sum_runtime(struct dump *d, const char *member, const struct vm *vm)
{
	static const char *const power[] = {
		"poweredOff", "poweredOn", "suspended"};
	char *boot = state_get("vm/%d/boot", vm->id);
	bool on = vm->power == POWER_ON;

	dump_open(d, member, "vim.vm.RuntimeInfo");
	if (!lab_old())
		dump_unset(d, "device");
	dump_raw(d, "host", "'vim.HostSystem:ha-host'");
	dump_str(d, "connectionState", vm->valid ? "connected" : "invalid");
	dump_str(d, "powerState", "%s", power[vm->power]);
	dump_str(d, "faultToleranceState", "notConfigured");
	dump_raw(d, "dasVmProtection",
		"(vim.vm.RuntimeInfo.DasProtectionState) null");
	dump_bool(d, "toolsInstallerMounted", false);
	dump_unset(d, "suspendTime");
	if (on && boot)
		dump_str(d, "bootTime", "%s", boot);
	else
		dump_unset(d, "bootTime");
	dump_raw(d, "suspendInterval", "0");
	question(d, vm);
	if (on)
		dump_raw(d, "memoryOverhead", "119189504");
	else
		dump_unset(d, "memoryOverhead");
	dump_unset(d, "maxCpuUsage");
	dump_unset(d, "maxMemoryUsage");
	dump_raw(d, "numMksConnections", "0");
	dump_str(d, "recordReplayState", "inactive");
	if (on)
		dump_unset(d, "cleanPowerOff");
	else
		dump_bool(d, "cleanPowerOff", true);
	dump_unset(d, "needSecondaryReason");
	dump_bool(d, "onlineStandby", false);
	dump_unset(d, "minRequiredEVCModeKey");
	dump_bool(d, "consolidationNeeded",
		state_get("vm/%d/consolidate", vm->id) != NULL);
	dump_close(d);
}

static void sum_guest(struct dump *d, const struct vm *vm)
{
	dump_open(d, "guest", "vim.vm.Summary.GuestSummary");
	dump_str(d, "guestId", "%s", inv_guest_id(vm));
	dump_str(d, "guestFullName", "%s", inv_guest_name(vm));
	vim_tools(d, vm);
	guest_text(d, vm, "hostName", "hostname");
	guest_text(d, vm, "ipAddress", "ip");
	if (!lab_old())
		dump_unset(d, "hwVersion");
	dump_close(d);
}

static void sum_config(struct dump *d, const struct vm *vm)
{
	const char *mem = vmx_get(&vm->vmx, "memSize");
	const char *cpu = vmx_get(&vm->vmx, "numvcpus");
	int i, nics = 0;

	for (i = 0; i < 10; i++)
		nics += vmx_true(&vm->vmx, "ethernet%d.present", i);
	dump_open(d, "config", "vim.vm.Summary.ConfigSummary");
	dump_str(d, "name", "%s", vm->name);
	dump_bool(d, "template", false);
	dump_str(d, "vmPathName", "%s", inv_ds_path(vm->vmx_path));
	dump_raw(d, "memorySizeMB", "%s", mem ? mem : "32");
	dump_raw(d, "cpuReservation", "0");
	dump_raw(d, "memoryReservation", "0");
	dump_raw(d, "numCpu", "%s", cpu ? cpu : "1");
	dump_raw(d, "numEthernetCards", "%d", nics);
	dump_raw(d, "numVirtualDisks", "%zu", vm->ndisk);
	dump_str(d, "uuid", "%s", inv_uuid(vm, "uuid.bios"));
	dump_str(d, "instanceUuid", "%s", inv_uuid(vm, "vc.uuid"));
	dump_str(d, "guestId", "%s", inv_guest_id(vm));
	dump_str(d, "guestFullName", "%s", inv_guest_name(vm));
	dump_str(d, "annotation", "%s",
		or_empty(vmx_get(&vm->vmx, "annotation")));
	dump_raw(d, "product", "(vim.vApp.ProductInfo) null");
	dump_unset(d, "installBootRequired");
	dump_raw(d, "ftInfo", "(vim.vm.FaultToleranceConfigInfo) null");
	dump_raw(d, "managedBy", "(vim.ext.ManagedByInfo) null");
	if (!lab_old()) {
		dump_bool(d, "tpmPresent", false);
		dump_raw(d, "numVmiopBackings", "0");
		dump_str(d, "hwVersion", "vmx-%s",
			or_empty(vmx_get(&vm->vmx, "virtualHW.version")));
	}
	dump_close(d);
}

/* Bytes used and bytes promised but not used of all files of the disks. */
static void sum_storage(struct dump *d, const struct vm *vm)
{
	long long used = 0, size = 0;
	struct desc desc;
	struct stat st;
	size_t i;

	for (i = 0; i < vm->ndisk; i++) {
		char *p = vm->disk[i].path;

		for (; p && !desc_load(p, &desc); p = desc_parent(p, &desc)) {
			if (!stat(desc_extent(p, &desc), &st))
				used += st.st_blocks * 512LL;
			if (!desc.hint)
				size += desc.sectors * 512LL;
		}
	}
	dump_open(d, "storage", "vim.vm.Summary.StorageSummary");
	dump_raw(d, "committed", "%lld", used);
	dump_raw(d, "uncommitted", "%lld", size > used ? size - used : 0);
	dump_raw(d, "unshared", "%lld", used);
	dump_str(d, "timestamp", "%s", text_utc());
	dump_close(d);
}

static void sum_quick(struct dump *d, const struct vm *vm)
{
	static const char *const zero[] = {"overallCpuUsage",
		"overallCpuDemand", "overallCpuReadiness", "guestMemoryUsage",
		"hostMemoryUsage"};
	static const char *const unset[] = {"distributedCpuEntitlement",
		"distributedMemoryEntitlement", "staticCpuEntitlement",
		"staticMemoryEntitlement", "privateMemory", "sharedMemory",
		"swappedMemory", "balloonedMemory", "consumedOverheadMemory",
		"ftLogBandwidth"};
	size_t i;

	dump_open(d, "quickStats", "vim.vm.Summary.QuickStats");
	for (i = 0; i < ARRAY_LEN(zero); i++)
		dump_raw(d, zero[i], "%d", vm->power == POWER_ON ? 20 : 0);
	dump_str(d, "guestHeartbeatStatus",
		vm->power == POWER_ON && vm->tools ? "green" : "gray");
	for (i = 0; i < ARRAY_LEN(unset); i++)
		dump_unset(d, unset[i]);
	dump_raw(d, "ftSecondaryLatency", "-1");
	dump_str(d, "ftLatencyStatus", "gray");
	dump_raw(d, "uptimeSeconds", vm->power == POWER_ON ? "4711" : "0");
	dump_close(d);
}

int vim_networks(struct vm *vm, int argc, char **argv)
{
	struct dump d = {0};
	int i;

	(void)argc, (void)argv;
	puts("Networks:\n");
	dump_list(&d, NULL, "vim.Network.Summary");
	for (i = 0; i < 10; i++) {
		const char *s = vmx_get(&vm->vmx, "ethernet%d.networkName", i);

		if (!s)
			continue;
		dump_open(&d, NULL, "vim.Network.Summary");
		dump_raw(&d, "network", "'vim.Network:HaNetwork-%s'", s);
		dump_str(&d, "name", "%s", s);
		dump_bool(&d, "accessible", true);
		dump_str(&d, "ipPoolName", "%s", "");
		dump_close(&d);
	}
	dump_close(&d);
	return 0;
}

int vim_runtime(struct vm *vm, int argc, char **argv)
{
	struct dump d = {0};

	(void)argc, (void)argv;
	printf("Runtime information\n\n");
	sum_runtime(&d, NULL, vm);
	return 0;
}

int vim_summary(struct vm *vm, int argc, char **argv)
{
	struct dump d = {0};

	(void)argc, (void)argv;
	printf("Listsummary:\n\n");
	dump_open(&d, NULL, "vim.vm.Summary");
	dump_raw(&d, "vm", "'vim.VirtualMachine:%d'", vm->id);
	sum_runtime(&d, "runtime", vm);
	sum_guest(&d, vm);
	sum_config(&d, vm);
	sum_storage(&d, vm);
	sum_quick(&d, vm);
	dump_str(&d, "overallStatus", "green");
	if (!lab_old())
		dump_unset(&d, "customValue");
	dump_close(&d);
	return 0;
}
