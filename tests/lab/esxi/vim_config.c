/*
 * vim-cmd: get.config and get.guest.
 */
#include "vim.h"

#include <inttypes.h>
#include <string.h>

static const char *get(const struct vm *vm, const char *key, const char *dflt)
{
	const char *s = vmx_get(&vm->vmx, "%s", key);

	return s ? s : dflt;
}

static void open_device(struct dump *d, const char *type, int key,
	const char *label, const char *summary)
{
	dump_open(d, NULL, text_fmt("vim.vm.device.%s", type));
	dump_raw(d, "key", "%d", key);
	dump_open(d, "deviceInfo", "vim.Description");
	dump_str(d, "label", "%s", label);
	dump_str(d, "summary", "%s", summary);
	dump_close(d);
}

static void end_device(struct dump *d, int ctl, int unit)
{
	dump_raw(d, "connectable",
		"(vim.vm.device.VirtualDevice.ConnectInfo) null");
	dump_raw(d, "slotInfo",
		"(vim.vm.device.VirtualDevice.BusSlotInfo) null");
	dump_raw(d, "controllerKey", "%d", ctl);
	dump_raw(d, "unitNumber", "%d", unit);
}

static void controllers(struct dump *d, const struct vm *vm)
{
	static const char *const scsi[][3] = {
		{"pvscsi", "ParaVirtualSCSIController",
			"VMware paravirtual "
			"SCSI"},
		{"lsisas1068", "VirtualLsiLogicSASController",
			"LSI Logic "
			"SAS"},
		{"buslogic", "VirtualBusLogicController", "BusLogic"},
		{"lsilogic", "VirtualLsiLogicController", "LSI Logic"}};
	size_t k;
	int i;

	for (i = 0; i < 2; i++) {
		open_device(d, "VirtualIDEController", 200 + i,
			text_fmt("IDE %d", i), text_fmt("IDE %d", i));
		end_device(d, 0, 0);
		dump_raw(d, "busNumber", "%d", i);
		dump_close(d);
	}
	for (i = 0; i < 4; i++) {
		const char *dev = vmx_get(&vm->vmx, "scsi%d.virtualDev", i);

		if (!vmx_true(&vm->vmx, "scsi%d.present", i))
			continue;
		for (k = 0; k < ARRAY_LEN(scsi) - 1; k++)
			if (dev && !strcmp(dev, scsi[k][0]))
				break;
		open_device(d, scsi[k][1], 1000 + i,
			text_fmt("SCSI controller %d", i), scsi[k][2]);
		end_device(d, 100, 3 + i);
		dump_raw(d, "busNumber", "%d", i);
		dump_bool(d, "hotAddRemove", true);
		dump_str(d, "sharedBus", "noSharing");
		dump_raw(d, "scsiCtlrUnitNumber", "7");
		dump_close(d);
	}
}

static void one_disk(struct dump *d, const struct vdisk *v, int nth)
{
	struct desc desc = {0};

	desc_load(v->path, &desc);
	open_device(d, "VirtualDisk", v->key, text_fmt("Hard disk %d", nth),
		text_fmt("%" PRId64 " KB", desc.sectors / 2));
	dump_open(d, "backing",
		text_fmt("vim.vm.device.VirtualDisk.%sBackingInfo",
			!desc.hint ? "FlatVer2"
				: !strcmp(desc.extent_type, "SESPARSE")
				? "SeSparse"
				: "SparseVer2"));
	dump_str(d, "fileName", "%s", inv_ds_path(v->path));
	dump_str(d, "diskMode", "persistent");
	dump_bool(d, "split", false);
	dump_bool(d, "writeThrough", false);
	dump_bool(d, "thinProvisioned", desc.thin);
	dump_str(d, "contentId", "dc2d48eb61aee3399ed03ee3%08x", desc.cid);
	dump_close(d);
	end_device(d, v->ctl_key, v->unit);
	dump_raw(d, "capacityInKB", "%" PRId64, desc.sectors / 2);
	dump_raw(d, "capacityInBytes", "%" PRId64, desc.sectors * 512);
	dump_close(d);
}

static void nic(struct dump *d, const struct vm *vm, int i)
{
	const char *dev = vmx_get(&vm->vmx, "ethernet%d.virtualDev", i);
	const char *net = vmx_get(&vm->vmx, "ethernet%d.networkName", i);
	const char *type = vmx_get(&vm->vmx, "ethernet%d.addressType", i);
	const char *mac = vmx_get(&vm->vmx, "ethernet%d.address", i);

	if (!vmx_true(&vm->vmx, "ethernet%d.present", i))
		return;
	if (!mac)
		mac = vmx_get(&vm->vmx, "ethernet%d.generatedAddress", i);
	open_device(d,
		!dev || !strcmp(dev, "e1000")     ? "VirtualE1000"
			: !strcmp(dev, "vmxnet3") ? "VirtualVmxnet3"
			: !strcmp(dev, "e1000e")  ? "VirtualE1000e"
						  : "VirtualPCNet32",
		4000 + i, text_fmt("Network adapter %d", i + 1),
		net ? net : "");
	dump_open(d, "backing",
		"vim.vm.device.VirtualEthernetCard.NetworkBackingInfo");
	dump_str(d, "deviceName", "%s", net ? net : "");
	dump_close(d);
	end_device(d, 100, 7 + i);
	dump_str(d, "addressType", "%s",
		!type || !strcmp(type, "generated") ? "generated"
			: !strcmp(type, "static")   ? "manual"
						    : "assigned");
	dump_str(d, "macAddress", "%s", mac ? mac : "");
	dump_bool(d, "wakeOnLanEnabled", false);
	dump_close(d);
}

static void hardware(struct dump *d, const struct vm *vm)
{
	size_t i;
	int n;

	dump_open(d, "hardware", "vim.vm.VirtualHardware");
	dump_raw(d, "numCPU", "%s", get(vm, "numvcpus", "1"));
	dump_raw(d, "numCoresPerSocket", "%s",
		get(vm, "cpuid.coresPerSocket", "1"));
	dump_raw(d, "memoryMB", "%s", get(vm, "memSize", "32"));
	dump_bool(d, "virtualICH7MPresent", false);
	dump_bool(d, "virtualSMCPresent", false);
	dump_list(d, "device", "vim.vm.device.VirtualDevice");
	controllers(d, vm);
	for (i = 0; i < vm->ndisk; i++)
		one_disk(d, &vm->disk[i], (int)i + 1);
	for (n = 0; n < 10; n++)
		nic(d, vm, n);
	dump_close(d);
	dump_close(d);
}

static void extra(struct dump *d, const struct vm *vm)
{
	static const char *const keys[] = {"nvram", "pciBridge0.present",
		"svga.present", "hpet0.present", "migrate.hostLog",
		"ethernet0.pciSlotNumber", "scsi0.pciSlotNumber"};
	size_t i;

	dump_list(d, "extraConfig", "vim.option.OptionValue");
	for (i = 0; i < ARRAY_LEN(keys); i++) {
		if (!get(vm, keys[i], NULL))
			continue;
		dump_open(d, NULL, "vim.option.OptionValue");
		dump_str(d, "key", "%s", keys[i]);
		dump_str(d, "value", "%s", get(vm, keys[i], ""));
		dump_close(d);
	}
	dump_close(d);
}

int vim_config(struct vm *vm, int argc, char **argv)
{
	char *home = inv_ds_path(text_fmt("%s/", vm->dir));
	struct dump d = {0};

	(void)argc, (void)argv;
	printf("Configuration:\n\n");
	dump_open(&d, NULL, "vim.vm.ConfigInfo");
	dump_str(&d, "changeVersion", "%s", text_utc());
	dump_str(&d, "modified", "1970-01-01T00:00:00Z");
	dump_str(&d, "name", "%s", vm->name);
	dump_str(&d, "guestFullName", "%s", inv_guest_name(vm));
	dump_str(&d, "version", "vmx-%02lld",
		text_num(get(vm, "virtualHW.version", "4")));
	dump_str(&d, "uuid", "%s", inv_uuid(vm, "uuid.bios"));
	dump_str(&d, "instanceUuid", "%s", inv_uuid(vm, "vc.uuid"));
	dump_bool(&d, "template", false);
	dump_str(&d, "guestId", "%s", inv_guest_id(vm));
	dump_str(&d, "alternateGuestName", "%s", "");
	dump_str(&d, "annotation", "%s", get(vm, "annotation", ""));
	dump_open(&d, "files", "vim.vm.FileInfo");
	dump_str(&d, "vmPathName", "%s", inv_ds_path(vm->vmx_path));
	dump_str(&d, "snapshotDirectory", "%s", home);
	dump_str(&d, "suspendDirectory", "%s", home);
	dump_str(&d, "logDirectory", "%s", home);
	dump_close(&d);
	hardware(&d, vm);
	extra(&d, vm);
	dump_str(&d, "firmware", "%s", get(vm, "firmware", "bios"));
	dump_bool(&d, "changeTrackingEnabled", false);
	dump_open(&d, "bootOptions", "vim.vm.BootOptions");
	dump_raw(&d, "bootDelay", "0");
	dump_bool(&d, "enterBIOSSetup", false);
	if (!lab_old())
		dump_bool(&d, "efiSecureBootEnabled",
			vmx_true(&vm->vmx, "uefi.secureBoot.enabled"));
	dump_close(&d);
	dump_close(&d);
	return 0;
}

static char *fact(const struct vm *vm, const char *what)
{
	return state_get("vm/%d/%s", vm->id, what);
}

/* Address and prefix length of "10.0.2.77/24". */
static char *ip_of(const char *cidr)
{
	return text_fmt("%.*s", (int)strcspn(cidr, "/"), cidr);
}

static long long prefix_of(const char *cidr)
{
	const char *p = strchr(cidr, '/');

	return p ? text_num(p + 1) : 24;
}

static void guest_nic(struct dump *d, const struct vm *vm, const char *cidr)
{
	const char *net = vmx_get(&vm->vmx, "ethernet0.networkName");
	const char *mac = vmx_get(&vm->vmx, "ethernet0.address");

	if (!mac)
		mac = vmx_get(&vm->vmx, "ethernet0.generatedAddress");
	dump_list(d, "net", "vim.vm.GuestInfo.NicInfo");
	dump_open(d, NULL, "vim.vm.GuestInfo.NicInfo");
	dump_str(d, "network", "%s", net ? net : "");
	dump_list(d, "ipAddress", "string");
	dump_str(d, NULL, "%s", ip_of(cidr));
	dump_close(d);
	dump_str(d, "macAddress", "%s", mac ? mac : "");
	dump_bool(d, "connected", true);
	dump_raw(d, "deviceConfigId", "4000");
	dump_raw(d, "dnsConfig", "(vim.net.DnsConfigInfo) null");
	dump_open(d, "ipConfig", "vim.net.IpConfigInfo");
	dump_list(d, "ipAddress", "vim.net.IpConfigInfo.IpAddress");
	dump_open(d, NULL, "vim.net.IpConfigInfo.IpAddress");
	dump_str(d, "ipAddress", "%s", ip_of(cidr));
	dump_raw(d, "prefixLength", "%lld", prefix_of(cidr));
	dump_unset(d, "origin");
	dump_str(d, "state", "preferred");
	dump_unset(d, "lifetime");
	dump_close(d);
	dump_close(d);
	dump_close(d);
	dump_raw(d, "netBIOSConfig", "(vim.net.NetBIOSConfigInfo) null");
	dump_close(d);
	dump_close(d);
}

static void route(
	struct dump *d, const char *net, long long prefix, const char *gw)
{
	dump_open(d, NULL, "vim.net.IpRouteConfigInfo.IpRoute");
	dump_str(d, "network", "%s", net);
	dump_raw(d, "prefixLength", "%lld", prefix);
	dump_open(d, "gateway", "vim.net.IpRouteConfigInfo.Gateway");
	if (gw)
		dump_str(d, "ipAddress", "%s", gw);
	else
		dump_unset(d, "ipAddress");
	dump_str(d, "device", "0");
	dump_close(d);
	dump_close(d);
}

static void guest_stack(struct dump *d, const struct vm *vm)
{
	char *dns = fact(vm, "dns"), *gw = fact(vm, "gw");
	char *host = fact(vm, "hostname"), *cidr = fact(vm, "ip"), *p;

	dump_list(d, "ipStack", "vim.vm.GuestInfo.StackInfo");
	dump_open(d, NULL, "vim.vm.GuestInfo.StackInfo");
	dump_open(d, "dnsConfig", "vim.net.DnsConfigInfo");
	dump_bool(d, "dhcp", false);
	dump_str(d, "hostName", "%s", host ? host : "");
	dump_str(d, "domainName", "%s", "");
	dump_list(d, "ipAddress", "string");
	for (p = dns; p && *p; p += strspn(p, ", ")) {
		size_t n = strcspn(p, ", ");

		dump_str(d, NULL, "%.*s", (int)n, p);
		p += n;
	}
	dump_close(d);
	dump_unset(d, "searchDomain");
	dump_close(d);
	dump_open(d, "ipRouteConfig", "vim.net.IpRouteConfigInfo");
	dump_list(d, "ipRoute", "vim.net.IpRouteConfigInfo.IpRoute");
	if (gw)
		route(d, "0.0.0.0", 0, gw);
	/* the network as a guest tells it; hosts of a /24 will do */
	p = ip_of(cidr);
	if (strrchr(p, '.'))
		route(d, text_fmt("%.*s.0", (int)(strrchr(p, '.') - p), p),
			prefix_of(cidr), NULL);
	dump_close(d);
	dump_close(d);
	dump_unset(d, "ipStackConfig");
	dump_unset(d, "dhcpConfig");
	dump_close(d);
	dump_close(d);
}

static void guest_disks(struct dump *d, const struct vm *vm)
{
	struct desc desc;

	dump_list(d, "disk", "vim.vm.GuestInfo.DiskInfo");
	if (vm->ndisk && !desc_load(vm->disk[0].path, &desc)) {
		dump_open(d, NULL, "vim.vm.GuestInfo.DiskInfo");
		dump_str(d, "diskPath", "/");
		dump_raw(d, "capacity", "%" PRId64, desc.sectors * 480);
		dump_raw(d, "freeSpace", "%" PRId64, desc.sectors * 200);
		if (!lab_old())
			dump_str(d, "filesystemType", "ext4");
		dump_close(d);
	}
	dump_close(d);
}

int vim_guest(struct vm *vm, int argc, char **argv)
{
	bool up = vm->tools && vm->power == POWER_ON;
	char *cidr = up ? fact(vm, "ip") : NULL, *host = fact(vm, "hostname");
	struct dump d = {0};

	(void)argc, (void)argv;
	printf("Guest information:\n\n");
	dump_open(&d, NULL, "vim.vm.GuestInfo");
	vim_tools(&d, vm);
	dump_str(&d, "toolsVersion", vm->tools ? "12352" : "0");
	if (!lab_old()) {
		dump_str(&d, "toolsInstallType",
			vm->tools ? "guestToolsTypeOpenVMTools"
				  : "guestToolsTypeUnknown");
		dump_raw(&d, "toolsUpdateStatus",
			"(vim.vm.GuestInfo.ToolsUpdateStatus) null");
	}
	if (up) {
		dump_str(&d, "guestId", "%s", inv_guest_id(vm));
		dump_str(&d, "guestFamily", "linuxGuest");
		dump_str(&d, "guestFullName", "%s", inv_guest_name(vm));
	} else {
		dump_unset(&d, "guestId");
		dump_unset(&d, "guestFamily");
		dump_unset(&d, "guestFullName");
	}
	if (!lab_old())
		dump_unset(&d, "guestDetailedData");
	if (up && host)
		dump_str(&d, "hostName", "%s", host);
	else
		dump_unset(&d, "hostName");
	if (cidr) {
		dump_str(&d, "ipAddress", "%s", ip_of(cidr));
		guest_nic(&d, vm, cidr);
		guest_stack(&d, vm);
		guest_disks(&d, vm);
	} else {
		dump_unset(&d, "ipAddress");
		dump_unset(&d, "net");
		dump_unset(&d, "ipStack");
		dump_unset(&d, "disk");
	}
	dump_open(&d, "screen", "vim.vm.GuestInfo.ScreenInfo");
	dump_raw(&d, "width", "1024");
	dump_raw(&d, "height", "768");
	dump_close(&d);
	dump_str(&d, "guestState",
		vm->power == POWER_ON ? "running" : "notRunning");
	if (!lab_old())
		dump_str(&d, "hwVersion", "vmx-%s",
			get(vm, "virtualHW.version", ""));
	dump_close(&d);
	return 0;
}
