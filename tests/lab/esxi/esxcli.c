/*
 * esxcli: the host's version, volumes, running VMs, networks, PCI devices.
 */
#include "esxcli.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

/* Two forms of everything: text, or --formatter=csv. */
static bool csv;

/* Heads in csv have no blanks, and columns stand in their order. */
static char *packed(const char *s)
{
	char *out = text_dup(s), *o = out;

	for (; *s; s++)
		if (*s != ' ')
			*o++ = *s;
	*o = 0;
	return out;
}

static void csv_rows(
	const char *const *head, size_t cols, char ***row, size_t rows)
{
	size_t *order = text_alloc(cols * sizeof(*order)), c, k, r;

	for (c = 0; c < cols; c++) {
		for (k = c; k > 0 &&
			strcmp(packed(head[order[k - 1]]), packed(head[c])) > 0;
			k--)
			order[k] = order[k - 1];
		order[k] = c;
	}
	for (c = 0; c < cols; c++)
		printf("%s,", packed(head[order[c]]));
	putchar('\n');
	for (r = 0; r < rows; r++) {
		for (c = 0; c < cols; c++)
			printf("%s,", row[r][order[c]]);
		putchar('\n');
	}
}

static void dashes(int n)
{
	while (n-- > 0)
		putchar('-');
}

void cli_table(const char *const *head, const bool *right, size_t cols,
	char ***row, size_t rows)
{
	size_t c, r;
	int *w = text_alloc(cols * sizeof(*w));

	if (csv) {
		csv_rows(head, cols, row, rows);
		return;
	}
	for (c = 0; c < cols; c++) {
		w[c] = (int)strlen(head[c]);
		for (r = 0; r < rows; r++)
			if ((int)strlen(row[r][c]) > w[c])
				w[c] = (int)strlen(row[r][c]);
	}
	for (r = 0; rows && r < rows + 2; r++) {
		for (c = 0; c < cols; c++) {
			const char *s = r ? row[r > 1 ? r - 2 : 0][c] : head[c];

			fputs(c ? "  " : "", stdout);
			if (r == 1)
				dashes(w[c]);
			else if (right[c])
				printf("%*s", w[c], s);
			else
				printf("%-*s", c + 1 == cols ? 0 : w[c], s);
		}
		putchar('\n');
	}
}

void cli_pairs(const char *const (*kv)[2], size_t n)
{
	const char **head = text_alloc(n * sizeof(*head));
	char **row = text_alloc(n * sizeof(*row));
	size_t i;

	for (i = 0; i < n; i++) {
		head[i] = kv[i][0];
		row[i] = text_dup(kv[i][1]);
	}
	if (csv)
		csv_rows(head, n, &row, 1);
	for (i = 0; !csv && i < n; i++)
		printf("   %s: %s\n", kv[i][0], kv[i][1]);
}

static int version(void)
{
	static const char *const new[][2] = {{"Product", "VMware ESXi"},
		{"Version", "8.0.2"}, {"Build", "Releasebuild-22380479"},
		{"Update", "2"}, {"Patch", "0"}};
	static const char *const old[][2] = {{"Product", "VMware ESXi"},
		{"Version", "5.5.0"}, {"Build", "Releasebuild-2068190"},
		{"Update", "2"}};

	if (lab_old())
		cli_pairs(old, ARRAY_LEN(old));
	else
		cli_pairs(new, ARRAY_LEN(new));
	return 0;
}

static int hostname(void)
{
	char host[65] = "esx";
	const char *pair[3][2] = {{"Domain Name", "lab.example"},
		{"Fully Qualified Domain Name", NULL}, {"Host Name", host}};

	gethostname(host, sizeof(host) - 1);
	pair[1][1] = text_fmt("%s.lab.example", host);
	cli_pairs(pair, ARRAY_LEN(pair));
	return 0;
}

static char **row_of(size_t n, ...)
{
	char **row = text_alloc(n * sizeof(*row));
	va_list ap;
	size_t i;

	va_start(ap, n);
	for (i = 0; i < n; i++)
		row[i] = va_arg(ap, char *);
	va_end(ap);
	return row;
}

static int filesystems(void)
{
	static const char *const head[] = {"Mount Point", "Volume Name", "UUID",
		"Mounted", "Type", "Size", "Free"};
	static const bool right[] = {
		false, false, false, true, false, true, true};
	struct datastore *ds;
	size_t i, n = inv_datastores(&ds), rows = 0;
	char ***row = text_alloc((n + 1) * sizeof(*row));

	for (i = 0; i < n; i++)
		row[rows++] =
			row_of(7, text_fmt("/vmfs/volumes/%s", ds[i].uuid),
				ds[i].name, ds[i].uuid, "true", ds[i].type,
				text_fmt("%lld", ds[i].size),
				text_fmt("%lld", ds[i].free));
	row[rows++] =
		row_of(7, "/vmfs/volumes/b67455de-254faef7-f8ae-2f039b5dad25",
			lab_old() ? "" : "BOOTBANK1",
			"b67455de-254faef7-f8ae-2f039b5dad25", "true", "vfat",
			lab_old() ? "261853184" : "4293591040",
			lab_old() ? "96407552" : "3996778496");
	cli_table(head, right, 7, row, rows);
	return 0;
}

static int processes(void)
{
	struct vm *vm;
	size_t i, n = inv_all(&vm);
	bool any = false;

	for (i = 0; i < n; i++) {
		long long world = state_num(inv_key(&vm[i], "world"), 0);
		const char *uuid = vmx_get(&vm[i].vmx, "uuid.bios");

		if (vm[i].power != POWER_ON)
			continue;
		printf("%s%s\n   World ID: %lld\n   Process ID: 0\n"
		       "   VMX Cartel ID: %lld\n   UUID: %s\n"
		       "   Display Name: %s\n   Config File: %s\n",
			any ? "\n" : "", vm[i].name, world, world - 1,
			uuid ? uuid : "", vm[i].name, vm[i].vmx_path);
		any = true;
	}
	return 0;
}

static int network_vms(void)
{
	static const char *const head[] = {
		"World ID", "Name", "Num Ports", "Networks"};
	static const bool right[] = {true, false, true, false};
	struct vm *vm;
	size_t i, n = inv_all(&vm), rows = 0;
	char ***row = text_alloc((n + 1) * sizeof(*row));

	for (i = 0; i < n; i++) {
		const char *nets = "";
		int k, ports = 0;

		if (vm[i].power != POWER_ON)
			continue;
		for (k = 0; k < 10; k++) {
			const char *s = vmx_get(
				&vm[i].vmx, "ethernet%d.networkName", k);

			if (s)
				nets = text_fmt(
					"%s%s%s", nets, ports++ ? ", " : "", s);
		}
		row[rows++] = row_of(4,
			text_fmt(
				"%lld", state_num(inv_key(&vm[i], "world"), 0)),
			vm[i].name, text_fmt("%d", ports), nets);
	}
	cli_table(head, right, 4, row, rows);
	return 0;
}

/* Port groups: /lab/portgroups, NAME<tab>VLAN lines. */
static int portgroups(void)
{
	static const char *const head[] = {
		"Name", "Virtual Switch", "Active Clients", "VLAN ID"};
	static const bool right[] = {false, false, true, true};
	char *p, *s = state_get("portgroups");
	size_t rows = 0;
	char ***row = NULL;

	for (p = s; p && *p;) {
		char name[128], vlan[8];
		size_t n = strcspn(p, "\n");

		if (sscanf(p, "%127[^\t]\t%7s", name, vlan) == 2) {
			row = text_grow(row, rows, sizeof(*row));
			row[rows++] = row_of(4, text_dup(name), "vSwitch0", "1",
				text_dup(vlan));
		}
		p += n + (p[n] == '\n');
	}
	cli_table(head, right, 4, row, rows);
	return 0;
}

static int nics(void)
{
	static const char *const head[] = {"Name", "PCI Device", "Driver",
		"Admin Status", "Link Status", "Speed", "Duplex", "MAC Address",
		"MTU", "Description"};
	static const bool right[] = {false, false, false, false, false, true,
		false, false, true, false};
	char **row[2];

	row[0] =
		row_of(10, "vmnic0", "0000:07:00.0", lab_old() ? "igb" : "igbn",
			"Up", "Up", "1000", "Full", "00:25:90:08:f7:d4", "1500",
			"Intel Corporation I211 Gigabit Network Connection");
	row[1] =
		row_of(10, "vmnic1", "0000:09:00.0", lab_old() ? "igb" : "igbn",
			"Up", "Down", "0", "Half", "00:25:90:08:f7:d5", "1500",
			"Intel Corporation I211 Gigabit Network Connection");
	cli_table(head, right, 10, row, 2);
	return 0;
}

static int uptime(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	printf("%lld\n", ts.tv_sec * 1000000LL + ts.tv_nsec / 1000);
	return 0;
}

static int memory(void)
{
	static const char *const pair[][2] = {
		{"Physical Memory", "34133794816 Bytes"},
		{"Reliable Memory", "0 Bytes"}, {"NUMA Node Count", "1"}};

	cli_pairs(pair, ARRAY_LEN(pair));
	return 0;
}

static int cpus(void)
{
	static const char *const pair[][2] = {{"CPU Packages", "1"},
		{"CPU Cores", "4"}, {"CPU Threads", "8"},
		{"Hyperthreading Active", "true"},
		{"Hyperthreading Supported", "true"},
		{"Hyperthreading Enabled", "true"}, {"HV Support", "3"},
		{"HV Replay Capable", "true"},
		{"HV Replay Disabled Reasons", ""}};

	cli_pairs(pair, ARRAY_LEN(pair));
	return 0;
}

static int passthru(void)
{
	static const char *const head[] = {"Device ID", "Enabled"};
	static const bool right[] = {false, true};
	char **row = row_of(2, "0000:04:00.0", "true");

	cli_table(head, right, 2, &row, 1);
	return 0;
}

/* vm process kill: soft and hard fail where power.off does. */
static int kill_vm(int argc, char **argv)
{
	const char *type = "soft", *world = "";
	struct vm *vm;
	size_t i, n;
	int k;

	for (k = 0; k + 1 < argc; k++) {
		if (!strcmp(argv[k], "--type") || !strcmp(argv[k], "-t"))
			type = argv[k + 1];
		if (!strcmp(argv[k], "--world-id") || !strcmp(argv[k], "-w"))
			world = argv[k + 1];
		if (!strncmp(argv[k], "--type=", 7))
			type = argv[k] + 7;
		if (!strncmp(argv[k], "--world-id=", 11))
			world = argv[k] + 11;
	}
	n = inv_all(&vm);
	for (i = 0; i < n; i++)
		if (vm[i].power == POWER_ON &&
			text_num(world) ==
				state_num(inv_key(&vm[i], "world"), -2))
			break;
	if (i == n) {
		printf("Unable to find a virtual machine with world ID %s\n",
			world);
		return 1;
	}
	if (fault_get("no-poweroff") && strcmp(type, "force")) {
		puts("Failed to power off the virtual machine.");
		return 1;
	}
	state_lock();
	power_set(&vm[i], POWER_OFF);
	return 0;
}

static const struct {
	const char *words;
	int (*run)(void);
} verbs[] = {
	{"system version get", version},
	{"system hostname get", hostname},
	{"storage filesystem list", filesystems},
	{"vm process list", processes},
	{"network vm list", network_vms},
	{"network vswitch standard portgroup list", portgroups},
	{"network nic list", nics},
	{"hardware pci list", cli_pci},
	{"hardware pci pcipassthru list", passthru},
	{"hardware memory get", memory},
	{"hardware cpu global get", cpus},
	{"system stats uptime get", uptime},
};

int cmd_esxcli(int argc, char **argv)
{
	const char *f = NULL;
	const char *words = "";
	size_t k;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strncmp(argv[i], "--formatter=", 12))
			f = argv[i] + 12;
		else
			words = text_fmt(
				"%s%s%s", words, *words ? " " : "", argv[i]);
	}
	if (f && strcmp(f, "csv")) {
		printf("Error: Unknown formatter: %s\n", f);
		return 1;
	}
	csv = f != NULL;
	if (argc > 3 && !strncmp(words, "vm process kill", 15))
		return kill_vm(argc, argv);
	for (k = 0; k < ARRAY_LEN(verbs); k++)
		if (!strcmp(verbs[k].words, words))
			return verbs[k].run();
	printf("Error: Unknown command or namespace %s\n", words);
	return 1;
}
