/* Screens with every widget (widgets.h). */
#include <string.h>

#include "core/str.h"
#include "tui/checklist.h"
#include "tui/dialog.h"
#include "tui/form.h"
#include "tui/pager.h"
#include "tui/table.h"
#include "tui/tui.h"

#include "widgets.h"

static const struct tui_help help[] = {
	{"source", "Source",
		"The ESXi host that has the VM now. Nothing on it is changed "
		"before you have confirmed the plan."},
	{0},
};

static int run_with(const struct tui_opts *o, struct tui_screen *s)
{
	struct tui_opts mine = *o;
	struct tui *t;
	int r;

	mine.program = "vmferry 0.1";
	mine.help = help;
	t = tui_open(&mine);
	r = tui_run(t, s);
	tui_close(t);
	return r;
}

/* --- form ----------------------------------------------------------------- */

static struct {
	char address[64], user[32], password[64], port[6];
	int bus, host;
	bool keep, advanced;
} in = {.address = "esxi1.example.org", .user = "root", .bus = 0};

static const char *check_address(const struct tui_field *f, void *arg)
{
	(void)arg;
	return strchr(f->value, ' ') ? "a blank is in it" : NULL;
}

static void advanced(struct tui_form *form, struct tui_field *f, void *arg)
{
	(void)arg;
	tui_form_field(form, "port")->hidden = !*f->on;
}

static const struct tui_option buses[] = {
	{"VirtIO SCSI", "fastest; the guest's initramfs knows it", NULL},
	{"SATA", "works everywhere", NULL},
	{"IDE", "for guests before 2006", NULL},
	{"NVMe", NULL, "Proxmox VE 5.3 has it not"},
	{0},
};

static struct tui_field fields[] = {
	{.kind = TUI_HEADING, .label = "ESXi host"},
	{.kind = TUI_TEXT,
		.id = "address",
		.label = "Address",
		.hint = "Name or IP address; a port after a colon",
		.value = in.address,
		.size = sizeof(in.address),
		.needed = true,
		.check = check_address},
	{.kind = TUI_TEXT,
		.id = "user",
		.label = "User",
		.value = in.user,
		.size = sizeof(in.user),
		.needed = true},
	{.kind = TUI_SECRET,
		.id = "password",
		.label = "Password",
		.hint = "Never kept, unless you say so below",
		.value = in.password,
		.size = sizeof(in.password),
		.needed = true},
	{.kind = TUI_CHECK,
		.id = "keep",
		.label = "Keep the password (file of mode 0600)",
		.on = &in.keep},
	{.kind = TUI_CHECK,
		.id = "advanced",
		.label = "More settings",
		.on = &in.advanced,
		.changed = advanced},
	{.kind = TUI_NUMBER,
		.id = "port",
		.label = "SSH port",
		.value = in.port,
		.size = sizeof(in.port),
		.min = 1,
		.max = 65535,
		.hidden = true},
	{.kind = TUI_HEADING, .label = "Disks"},
	{.kind = TUI_CHOICE,
		.id = "bus",
		.label = "Disk bus",
		.options = buses,
		.chosen = &in.bus},
	{.kind = TUI_NOTE,
		.label = "A guest that does not know the bus stops in its "
			 "initramfs: proposed is what was found inside.",
		.role = TUI_DIM},
	{.kind = TUI_BUTTON, .label = "Test the connection", .action = 100},
};

static struct tui_form form = {.fields = fields, .n = ARRAY_LEN(fields)};
static struct tui_key form_bar[] = {
	{TUI_CTRL('N'), "Next", TUI_OK, false},
	{TUI_CTRL('T'), "Test", 100, false},
	{0},
};

static int form_action(struct tui *t, struct tui_screen *s, int id)
{
	const struct err e = {ERR_SSH_CONNECT, "log in to esxi1.example.org",
		"connection refused by 192.0.2.10 port 22"};

	(void)s;
	if (id != 100)
		return id;
	tui_error(t, &e, NULL, NULL);
	return TUI_STAY;
}

static struct tui_screen form_screen = {.title = "Source",
	.crumbs = "2/8",
	.help = "source",
	.intro = "Where is the virtual machine now?",
	.form = &form,
	.keys = form_bar,
	.action = form_action};

void sample_form(const struct tui_opts *o, void *arg)
{
	(void)arg;
	run_with(o, &form_screen);
}

/* --- table ---------------------------------------------------------------- */

static const char *const vms[][5] = {
	{"web01", "on", "Debian GNU/Linux 12 (64-bit)", "4", "182.4 GiB"},
	{"db-m\xc3\xbcnchen", "on", "Ubuntu Linux (64-bit)", "8", "1.2 TiB"},
	{"\xe6\x97\xa5\xe6\x9c\xac-mail", "off", "CentOS 7 (64-bit)", "2",
		"40.0 GiB"},
	{"cafe\xcc\x81", "on", "Microsoft Windows Server 2019", "4",
		"60.0 GiB"},
	{"old\x1b[31mred", "suspended", "Other Linux", "1", "8.0 GiB"},
	{"a-very-long-name-of-a-machine-that-nobody-can-remember", "off",
		"Debian GNU/Linux 11 (64-bit)", "1", "10.0 GiB"},
};

static const struct tui_column columns[] = {
	{"Name", 16, 3, false, 0},
	{"State", 10, 0, false, 0},
	{"Guest", 20, 2, false, 2},
	{"CPU", 4, 0, true, 1},
	{"Used", 10, 0, true, 0},
};

static const char *vm_cell(void *arg, int row, int col, char *buf, size_t n)
{
	(void)arg;
	(void)buf;
	(void)n;
	return vms[row][col];
}

static enum tui_role vm_role(void *arg, int row)
{
	(void)arg;
	return row == 4 ? TUI_WARN : TUI_NORMAL;
}

static char *vm_details(void *arg, int row)
{
	(void)arg;
	return xasprintf("%s: 2 disks, 1 network card, 0 snapshots.\n%s",
		vms[row][0],
		row == 4 ? "BLOCKED: suspended. Power it on, shut it down."
			 : "Nothing is in the way.");
}

static struct tui_table table = {.columns = columns,
	.n_columns = ARRAY_LEN(columns),
	.rows = ARRAY_LEN(vms),
	.cell = vm_cell,
	.role = vm_role,
	.details = vm_details,
	.empty = "This host has no VM."};
static struct tui_key table_bar[] = {
	{'r', "Read again", 100, false},
	{0},
};
static struct tui_screen table_screen = {.title = "Choose the VM",
	.crumbs = "3/8  esxi1 > VM",
	.table = &table,
	.keys = table_bar,
	.status = "6 VMs on esxi1.example.org, read 3 s ago"};

void sample_table(const struct tui_opts *o, void *arg)
{
	(void)arg;
	run_with(o, &table_screen);
	tui_table_done(&table);
}

/* --- pager ---------------------------------------------------------------- */

static const char diff[] = "--- /etc/network/interfaces\n"
			   "+++ /etc/network/interfaces\n"
			   "@@ -3,4 +3,4 @@\n"
			   " auto lo\n"
			   "-auto ens192\n"
			   "+auto ens18\n"
			   " \n";

static int pager_action(struct tui *t, struct tui_screen *s, int id)
{
	if (id != TUI_OK)
		return id;
	if (tui_pager_id(s->pager) == 7) {
		tui_message(t, "Fixed", "The key of the line was pressed.");
		return TUI_STAY;
	}
	return tui_confirm_typed(t, "Start",
		       "web01 will be shut down. Type its name to start.",
		       "web01")
		? TUI_OK
		: TUI_STAY;
}

void sample_pager(const struct tui_opts *o, void *arg)
{
	struct tui_pager p = {0};
	struct tui_key bar[] = {{'w', "Save plan", 101, false},
		{TUI_KEY_ENTER, "Start", TUI_OK, false}, {0}};
	struct tui_screen s = {.title = "Review",
		.crumbs = "6/8",
		.pager = &p,
		.keys = bar,
		.action = pager_action};
	struct tui_text *x = &p.text;

	(void)arg;
	tui_text_add(x, TUI_HEAD, 0, "Source");
	tui_text_add(x, TUI_NORMAL, 4,
		"  - web01 is shut down by its guest (up to 180 s), and never "
		"changed beyond that; its disks are only read.");
	tui_text_add(x, TUI_GOOD, 5, "[ok] 18.2 GiB are free on local-zfs");
	tui_text_add(x, TUI_WARN, 5, "[!!] no guest agent");
	tui_text_add(x, TUI_BAD, 5, "[XX] the VM has 2 snapshots: remove them")
		->id = 7;
	tui_text_add(x, TUI_BAD, 5, "[XX] VM id 100 is taken: take 101")->id =
		8;
	tui_text_add(x, TUI_HEAD, 0, "Guest");
	tui_text_diff(x, diff);
	for (int i = 1; i <= 30; i++)
		tui_text_add(x, TUI_NORMAL, 4, "%2d. a step of the plan", i);
	run_with(o, &s);
	tui_text_free(x);
}

/* --- checklist ------------------------------------------------------------ */

static struct tui_step steps[17];
static const char *const log_lines[] = {
	"02:11:00 stop_vm: guest shutdown asked for",
	"02:11:41 stop_vm: proven off",
	"02:11:42 copy_disks: 4 connections, HTTPS",
};
static void parts(void *arg, int step, struct tui_parts *out)
{
	(void)arg;
	if (step == 2)
		*out = (struct tui_parts){
			.now = "The written parts of both disks are read from "
			       "the host and written to local-zfs.",
			.why = "Only what was written is copied, so a thin "
			       "disk takes as long as its contents.",
			.manual = "scp root@esxi1:/vmfs/volumes/ds1/web01/"
				  "web01-flat.vmdk .\n"
				  "qm importdisk 101 web01-flat.vmdk local-zfs",
			.trouble = "The copy goes on where it stopped. The "
				   "source is never changed."};
	else
		*out = (struct tui_parts){.now = "One thing is done."};
}

static struct tui_checklist checklist = {.steps = steps,
	.n = ARRAY_LEN(steps),
	.parts = parts,
	.log = log_lines,
	.log_n = ARRAY_LEN(log_lines)};

static void make_steps(void)
{
	static const char *const step_names[] = {"Preflight checks",
		"Stop the VM on the ESXi host", "Copy the disks",
		"Verify the disks", "Choose the disk bus", "Start the VM"};

	for (int i = 0; i < (int)ARRAY_LEN(steps); i++)
		steps[i] = (struct tui_step){
			.name = step_names[i % ARRAY_LEN(step_names)],
			.seconds = -1};
	steps[0].state = TUI_DONE;
	steps[0].seconds = 3.2;
	steps[1].state = TUI_DONE;
	steps[1].seconds = 41;
	steps[2].state = TUI_RUNNING;
	steps[2].seconds = 75;
	steps[2].result = "disk 1 of 2";
	steps[4].state = TUI_ASKS;
	steps[5].state = TUI_SKIPPED;
	checklist.current = 2;
	checklist.progress = (struct tui_progress){.shown = true,
		.what = "disk 1 of 2",
		.done = 3ULL << 30,
		.total = 8ULL << 30,
		.eta = 54};
	for (int i = 0; i < 20; i++)
		tui_progress_rate(&checklist.progress,
			(double)((i * 7) % 11 + 1) * (8 << 20));
}

static struct tui_key checklist_bar[] = {
	{'g', "Guided/express", 100, false},
	{'p', "Pause", 101, false},
	{'u', "Way back", 102, false},
	{0},
};
static struct tui_screen checklist_screen = {.title = "web01",
	.crumbs = "7/8  esxi1 > pve1",
	.checklist = &checklist,
	.keys = checklist_bar};

void sample_checklist(const struct tui_opts *o, void *arg)
{
	(void)arg;
	make_steps();
	run_with(o, &checklist_screen);
}

static void tick(void *arg)
{
	struct tui *t = arg;
	struct tui_progress *p = &checklist.progress;

	p->done += 96 << 20;
	if (p->done > p->total)
		p->done = 0;
	p->eta = (double)(p->total - p->done) / (96 << 20);
	tui_progress_rate(p, 96e6 + (double)(p->done % 7000000));
	steps[2].seconds += 1;
	tui_touch(t);
}

void sample_running(const struct tui_opts *o, void *arg)
{
	struct tui_opts mine = *o;
	struct tui *t;

	make_steps();
	mine.program = "vmferry 0.1";
	t = tui_open(&mine);
	tui_every(t, 1000 / *(unsigned *)arg, tick, t);
	tui_run(t, &checklist_screen);
	tui_close(t);
}

/* --- menu ----------------------------------------------------------------- */

static const char *const entries[] = {
	"Form", "Table", "Checklist", "Confirm", "Question", "Input"};

static const char *menu_cell(void *arg, int row, int col, char *buf, size_t n)
{
	(void)arg;
	(void)col;
	(void)buf;
	(void)n;
	return entries[row];
}

static int menu_choice(struct tui *t, int row)
{
	static const struct tui_option three[] = {{"Retry", NULL, NULL},
		{"Skip", NULL, NULL}, {"Way back", NULL, NULL}, {0}};
	static char note[64] = "kept";

	switch (row) {
	case 0:
		return tui_run(t, &form_screen);
	case 1:
		return tui_run(t, &table_screen);
	case 2:
		make_steps();
		return tui_run(t, &checklist_screen);
	case 3:
		return tui_confirm(t, "Delete the source?",
			"web01 and its 2 disks (182.4 GiB) are deleted on "
			"esxi1. This cannot be undone.",
			"Delete", "Keep");
	case 4:
		return tui_ask(t, "The step failed", "What now?", three, 0);
	default:
		return tui_input(t, "Reason", "Why is the step skipped?", note,
			sizeof(note), false);
	}
}

static int menu_action(struct tui *t, struct tui_screen *s, int id)
{
	static char said[32];

	if (id != TUI_OK)
		return id;
	snprintf(said, sizeof(said), "answer %d",
		menu_choice(t, s->table->selected));
	s->status = said;
	return TUI_STAY;
}

void sample_menu(const struct tui_opts *o, void *arg)
{
	static const struct tui_column one[] = {{"What", 20, 1, false, 0}};
	struct tui_table menu = {.columns = one,
		.n_columns = 1,
		.rows = ARRAY_LEN(entries),
		.cell = menu_cell};
	struct tui_screen s = {
		.title = "Widgets", .table = &menu, .action = menu_action};

	(void)arg;
	run_with(o, &s);
	tui_table_done(&menu);
	tui_table_done(&table);
}
