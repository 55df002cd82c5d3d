/*
 * esxcli hardware pci list: a small server board, with one card that may be
 * passed through. 5.x writes a three-digit segment.
 */
#include "esxcli.h"

static const struct {
	int bus, slot, fn;
	const char *vmk, *vendor_name, *device_name;
	int vendor, device, subvendor, subdevice, class;
	const char *class_name, *owner, *module;
	bool passthru;
} cards[] = {
	{0x00, 0x00, 0, "", "Intel Corporation",
		"Xeon E3-1200 v3 DRAM "
		"Controller",
		0x8086, 0x0c08, 0x15d9, 0x0805, 0x0600, "Host bridge",
		"Unknown", "None", false},
	{0x00, 0x1f, 2, "vmhba0", "Intel Corporation",
		"Lynx Point AHCI "
		"Controller",
		0x8086, 0x8c02, 0x15d9, 0x0805, 0x0106, "SATA controller",
		"VMkernel", "vmw_ahci", false},
	{0x04, 0x00, 0, "vmhba2", "LSI Logic / Symbios Logic", "LSI2308_2",
		0x1000, 0x0087, 0x1000, 0x3020, 0x0107,
		"Serial Attached SCSI controller", "VM Passthru", "pciPassthru",
		true},
	{0x07, 0x00, 0, "vmnic0", "Intel Corporation",
		"I211 Gigabit Network "
		"Connection",
		0x8086, 0x1539, 0x15d9, 0x1539, 0x0200, "Ethernet controller",
		"VMkernel", "igbn", true},
	{0x09, 0x00, 0, "vmnic1", "Intel Corporation",
		"I211 Gigabit Network "
		"Connection",
		0x8086, 0x1539, 0x15d9, 0x1539, 0x0200, "Ethernet controller",
		"VMkernel", "igbn", true},
};

static void line(const char *head, const char *value)
{
	printf("   %s: %s\n", head, value);
}

static void hex(const char *head, int digits, int value)
{
	printf("   %s: 0x%0*x\n", head, digits, (unsigned)value);
}

static void show(size_t i)
{
	char *addr =
		text_fmt(lab_old() ? "000:%02x:%02x.%x" : "0000:%02x:%02x.%x",
			(unsigned)cards[i].bus, (unsigned)cards[i].slot,
			(unsigned)cards[i].fn);

	printf("%s%s\n", i ? "\n" : "", addr);
	line("Address", addr);
	hex("Segment", 4, 0);
	hex("Bus", 2, cards[i].bus);
	hex("Slot", 2, cards[i].slot);
	hex("Function", lab_old() ? 2 : 1, cards[i].fn);
	line("VMkernel Name", cards[i].vmk);
	line("Vendor Name", cards[i].vendor_name);
	line("Device Name", cards[i].device_name);
	line("Configured Owner", cards[i].owner);
	line("Current Owner", cards[i].owner);
	hex("Vendor ID", 4, cards[i].vendor);
	hex("Device ID", 4, cards[i].device);
	hex("SubVendor ID", 4, cards[i].subvendor);
	hex("SubDevice ID", 4, cards[i].subdevice);
	hex("Device Class", 4, cards[i].class);
	line("Device Class Name", cards[i].class_name);
	hex("Programming Interface", 2, 0);
	hex("Revision ID", 2, 5);
	hex("Interrupt Line", 2, 11);
	line("IRQ", "255");
	hex("Interrupt Vector", 2, 0);
	hex("PCI Pin", 2, 0);
	hex("Spawned Bus", 2, 0);
	hex("Flags", 4, 0x3401);
	line("Module ID", "21");
	line("Module Name", cards[i].module);
	line("Chassis", "0");
	line("Physical Slot", "4294967295");
	line("Slot Description", "");
	line("Passthru Capable", cards[i].passthru ? "true" : "false");
	line("Parent Device", "PCI 0:0:2:0");
	line("Dependent Device",
		text_fmt("PCI 0:%d:%d:%d", cards[i].bus, cards[i].slot,
			cards[i].fn));
	line("Reset Method", "Function reset");
	line("FPT Sharable", "true");
}

int cli_pci(void)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(cards); i++)
		show(i);
	return 0;
}
