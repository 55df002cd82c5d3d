/* Choose VM: the list of the host; each VM is read in full behind it, one
 * after the other, so that the table fills while one looks at it. */
#include <string.h>

#include "child.h"
#include "login.h"
#include "tui/dialog.h"
#include "tui/table.h"
#include "wizard.h"

struct choose {
	struct wizard *w;
	struct child child;
	char id[32]; /* being read behind the table */
	json_t *failed;
	char status[80];
	struct tui_screen *screen;
};

static const json_t *row_of(const struct choose *c, int row)
{
	return json_array_get(json_object_get(c->w->list, "vms"), row);
}

/* The VM in full, null where not read yet. */
static const json_t *full(const struct choose *c, int row)
{
	return json_object_get(
		c->w->details, json_str_or(row_of(c, row), "id", ""));
}

static uint64_t disk_sum(const json_t *vm, const char *key)
{
	const json_t *d;
	uint64_t sum = 0;
	size_t i;

	json_array_foreach (json_object_get(vm, "disks"), i, d)
		sum += json_u64(d, key, 0);
	return sum;
}

/* Why it cannot be moved as it is; null: it can. */
static const char *blocker(const json_t *vm)
{
	const json_t *d;
	size_t i;

	if (!vm)
		return NULL;
	if (json_flag(vm, "encrypted", false))
		return _("It is encrypted. Decrypt it in the ESXi client: "
			 "Edit settings, VM options, Encryption.");
	if (strcmp(json_str_or(vm, "power", ""), "suspended") == 0)
		return _("It is suspended. Resume it, then shut it down.");
	/* Of an ESXi host it is shut down by the job. */
	if (strcmp(json_str_or(vm, "id", ""), "file") == 0 &&
		strcmp(json_str_or(vm, "power", ""), "on") == 0)
		return _("Something runs it, or its host died while it did. "
			 "Shut it down where it runs, and look again. Where "
			 "nothing can run it any more: move the file named "
			 "below out of its folder first.");
	if (!json_array_size(json_object_get(vm, "disks")))
		return _("It has no disk.");
	json_array_foreach (json_object_get(vm, "disks"), i, d)
		if (json_str(d, "unsupported") &&
			!json_flag(d, "snapshot", false))
			return json_str(d, "unsupported");
	return NULL;
}

static const char *power_word(const json_t *vm)
{
	const char *p = json_str_or(vm, "power", "");

	if (json_flag(vm, "invalid", false))
		return _("invalid");
	return strcmp(p, "on") == 0           ? _("on")
		: strcmp(p, "off") == 0       ? _("off")
		: strcmp(p, "suspended") == 0 ? _("suspended")
					      : "?";
}

static const char *cell(void *arg, int row, int col, char *buf, size_t n)
{
	const struct choose *c = arg;
	const json_t *r = row_of(c, row), *vm = full(c, row);
	char a[STR_SIZE_LEN], u[STR_SIZE_LEN];

	if (col == 0)
		return json_str_or(r, "name", json_str_or(r, "id", "?"));
	if (col == 1)
		return blocker(vm) ? _("blocked") : power_word(r);
	if (col == 2)
		return json_str_or(vm, "guest", json_str_or(r, "guest", ""));
	if (!vm)
		return "..";
	if (col == 3)
		snprintf(buf, n, "%u", (unsigned)json_u64(vm, "cpus", 0));
	else if (col == 4)
		return str_size(a, json_u64(vm, "memory_mib", 0) << 20),
		       snprintf(buf, n, "%s", a), buf;
	else if (col == 5)
		return str_size(a, disk_sum(vm, "capacity")),
		       snprintf(buf, n, "%s / %s",
			       disk_sum(vm, "used")
				       ? str_size(u, disk_sum(vm, "used"))
				       : "?",
			       a),
		       buf;
	else if (col == 6)
		snprintf(buf, n, "%u", (unsigned)json_u64(vm, "snapshots", 0));
	else
		snprintf(buf, n, "%zu",
			json_array_size(json_object_get(vm, "nics")));
	return buf;
}

static uint64_t number(const json_t *vm, int col)
{
	switch (col) {
	case 3:
		return json_u64(vm, "cpus", 0);
	case 4:
		return json_u64(vm, "memory_mib", 0);
	case 5:
		return disk_sum(vm, "capacity");
	case 6:
		return json_u64(vm, "snapshots", 0);
	default:
		return json_array_size(json_object_get(vm, "nics"));
	}
}

static int compare(void *arg, int a, int b, int col)
{
	const struct choose *c = arg;
	char s[64], t[64];

	if (col >= 3) {
		uint64_t x = number(full(c, a), col);
		uint64_t y = number(full(c, b), col);

		return x < y ? -1 : x > y;
	}
	return str_cmpi(cell(arg, a, col, s, sizeof(s)),
		cell(arg, b, col, t, sizeof(t)));
}

static enum tui_role role(void *arg, int row)
{
	const struct choose *c = arg;
	const json_t *vm = full(c, row);

	if (blocker(vm) || json_flag(row_of(c, row), "invalid", false))
		return TUI_BAD;
	return json_array_size(json_object_get(vm, "warnings")) ? TUI_WARN
								: TUI_NORMAL;
}

static void tell_parts(struct buf *b, const json_t *vm)
{
	char a[STR_SIZE_LEN], u[STR_SIZE_LEN];
	const json_t *p;
	size_t i;

	json_array_foreach (json_object_get(vm, "disks"), i, p)
		buf_addf(b, _("disk %s: %s, %s written%s\n"),
			json_str_or(p, "slot", "?"),
			str_size(a, json_u64(p, "capacity", 0)),
			json_u64(p, "used", 0)
				? str_size(u, json_u64(p, "used", 0))
				: "?",
			json_flag(p, "snapshot", false) ? _(", on a snapshot")
							: "");
	json_array_foreach (json_object_get(vm, "nics"), i, p)
		buf_addf(b, "%s: %s, %s, %s\n", json_str_or(p, "slot", "?"),
			json_str_or(p, "network", "?"),
			json_str_or(p, "model", "?"),
			json_str_or(p, "mac", "?"));
	json_array_foreach (json_object_get(vm, "passthrough"), i, p)
		buf_addf(b, _("device %s: stays here, %s\n"),
			json_str_or(p, "slot", "?"),
			json_str_or(p, "name", "?"));
	json_array_foreach (json_object_get(vm, "warnings"), i, p) {
		_free_ char *said = i18n_said(json_string_value(p));

		buf_addf(b, "! %s\n", said ? said : "");
	}
}

static char *details(void *arg, int row)
{
	const struct choose *c = arg;
	const json_t *vm = full(c, row), *r = row_of(c, row);
	const char *id = json_str_or(r, "id", ""), *why = blocker(vm);
	_free_ char *said = NULL;
	_buf_ struct buf b = {0};

	if (!vm) {
		const char *bad = json_str(c->failed, id);

		return bad ? i18n_said(bad) : xstrdup(_("Being read..."));
	}
	said = i18n_said(why);
	/* In full: its column may have cut it. */
	buf_addf(&b, "%s: ", json_str_or(r, "name", id));
	if (why)
		buf_addf(&b, _("BLOCKED: %s\n"), said);
	buf_addf(&b, _("%s, %s firmware, hardware %s\n"),
		json_str_or(vm, "guest_detail", json_str_or(vm, "guest", "?")),
		json_str_or(vm, "firmware", "?"),
		json_str_or(vm, "hw_version", "?"));
	if (json_u64(vm, "snapshots", 0))
		buf_addf(&b,
			P_("%u snapshot: merged before the copy, after "
			   "asking\n",
				"%u snapshots: merged before the copy, after "
				"asking\n",
				json_u64(vm, "snapshots", 0)),
			(unsigned)json_u64(vm, "snapshots", 0));
	tell_parts(&b, vm);
	return buf_steal(&b);
}

/* --- reading in full --- */

static void scan_args(
	const struct wizard *w, struct args *a, const char *id, const char *to)
{
	args_add(a, "scan");
	args_opt(a, "--esxi", w->esxi);
	args_opt(a, "--user", w->esxi_user);
	args_opt(a, "--key", w->esxi_key);
	args_opt(a, "--vm", id);
	args_opt(a, "--output", to);
}

static void keep(struct choose *c, const json_t *facts, const char *id)
{
	json_t *vm = json_array_get(json_object_get(facts, "vms"), 0);

	if (vm)
		json_object_set(c->w->details, id, vm);
}

static void read_next(struct choose *c);

static void on_read(struct child *child, void *arg)
{
	struct choose *c = arg;
	_json_ json_t *facts = NULL;
	struct err e = {0};

	if (child->status == 0 &&
		json_parse(child->text[0].s, child->text[0].len, &facts, &e) ==
			0)
		keep(c, facts, c->id);
	else if (child->status)
		child_error(child->text[1].s, child->status, &e);
	if (e.code)
		json_put_str(c->failed, c->id, e.why);
	child_drop(child);
	/* A login that was refused is not tried again: accounts get locked. */
	if (e.code != ERR_SSH_AUTH)
		read_next(c);
	tui_touch(c->w->t);
}

static void read_next(struct choose *c)
{
	size_t n = json_array_size(json_object_get(c->w->list, "vms"));

	c->screen->status = NULL;
	for (size_t i = 0; i < n; i++) {
		const char *id = json_str_or(row_of(c, i), "id", "");
		struct args a = {0};

		if (full(c, i) || json_object_get(c->failed, id) ||
			json_flag(row_of(c, i), "invalid", false))
			continue;
		snprintf(c->id, sizeof(c->id), "%s", id);
		scan_args(c->w, &a, c->id, NULL);
		c->child.end = on_read;
		c->child.arg = c;
		if (child_start(&c->child, c->w, &a, true, NULL))
			return;
		snprintf(c->status, sizeof(c->status),
			_("reading VM %zu of %zu"), i + 1, n);
		c->screen->status = c->status;
		return;
	}
}

/* --- the choice --- */

static int take(struct choose *c, int row)
{
	const json_t *r = row_of(c, row);
	struct wizard *w = c->w;
	const char *why;

	if (!r)
		return TUI_STAY;
	snprintf(w->vm_id, sizeof(w->vm_id), "%s", json_str_or(r, "id", ""));
	if (!full(c, row)) {
		_free_ char *path = wizard_file(w, "vm.json");
		_json_ json_t *facts = NULL;
		struct args a = {0};
		struct err e = {0};

		child_drop(&c->child);
		scan_args(w, &a, w->vm_id, path);
		if (child_verb(w, _("Reading the VM"), &a, true, NULL, &e) ||
			json_read(path, &facts, &e)) {
			if (e.code != ERR_STOPPED)
				wizard_error(w, &e);
			return TUI_STAY;
		}
		keep(c, facts, w->vm_id);
	}
	why = blocker(full(c, row));
	if (why) {
		_free_ char *said = i18n_said(why);

		tui_message(w->t, _("This VM cannot be moved as it is"), said);
		return TUI_STAY;
	}
	w->vm = full(c, row);
	return WIZ_NEXT;
}

static int action(struct tui *t, struct tui_screen *s, int id)
{
	struct choose *c = s->arg;

	(void)t;
	if (id == TUI_OK)
		return take(c, s->table->selected);
	return wizard_answer(c->w, id, WIZ_NEXT);
}

static const struct tui_column *columns(void)
{
	static struct tui_column c[8];

	c[0] = (struct tui_column){.title = _("Name"), .min = 14, .weight = 2};
	c[1] = (struct tui_column){.title = _("State"), .min = 9};
	c[2] = (struct tui_column){
		.title = _("Guest"), .min = 12, .weight = 1, .drop = 4};
	c[3] = (struct tui_column){
		.title = _("CPU"), .min = 4, .right = true, .drop = 3};
	c[4] = (struct tui_column){.title = _("RAM"), .min = 9, .right = true};
	c[5] = (struct tui_column){
		.title = _("Used / disks"), .min = 21, .right = true};
	c[6] = (struct tui_column){
		.title = _("Snap"), .min = 4, .right = true, .drop = 1};
	c[7] = (struct tui_column){
		.title = _("NIC"), .min = 3, .right = true, .drop = 2};
	return c;
}

int page_choose_vm(struct wizard *w)
{
	struct choose c = {.w = w, .child.fd = {-1, -1}};
	struct tui_table tb = {.columns = columns(),
		.n_columns = 8,
		.rows = json_array_size(json_object_get(w->list, "vms")),
		.cell = cell,
		.compare = compare,
		.role = role,
		.details = details,
		.empty = _("There is no VM on this host."),
		.selected = w->vm_row,
		.arg = &c};
	struct tui_key keys[] = {{TUI_KEY_ENTER, _("Choose"), TUI_OK, false},
		{TUI_KEY_ESC, _("Back"), TUI_BACK, false}, {0, NULL, 0, false}};
	struct tui_screen s = {.title = wizard_from_file(w)
			? _("This VM is in the file")
			: _("Which VM is to be moved?"),
		.crumbs = wizard_crumbs(3),
		.help = "choose_vm",
		.keys = keys,
		.table = &tb,
		.action = action,
		.arg = &c};
	int id;

	c.failed = json_object();
	c.screen = &s;
	read_next(&c);
	id = tui_run(w->t, &s);
	w->vm_row = tb.selected < 0 ? 0 : tb.selected;
	child_drop(&c.child);
	tui_table_done(&tb);
	json_decref(c.failed);
	return wizard_answer(w, id, WIZ_NEXT);
}
