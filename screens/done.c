/* Done: the report as a page, what is left to do, and its exports. */
#include <string.h>

#include "child.h"
#include "core/job.h"
#include "core/report.h"
#include "tui/dialog.h"
#include "tui/pager.h"
#include "wizard.h"

enum { REPORT_EXPORT = WIZ_OWN };

struct page {
	struct wizard *w;
	const char *job;
	char path[WIZ_TEXT];
};

static void export(struct page *p)
{
	_free_ char *text = NULL;
	struct args a = {0};
	struct err e = {0};

	if (!*p->path)
		snprintf(p->path, sizeof(p->path), "/root/%s.html", p->job);
	if (!tui_input(p->w->t, _("Export the report"),
		    _("File; its ending chooses the form: .html, .md, .json, "
		      ".txt"),
		    p->path, sizeof(p->path), false))
		return;
	args_add(&a, "report");
	args_add(&a, p->job);
	args_opt(&a, "--output", p->path);
	if (child_verb(p->w, _("Writing the report"), &a, false, NULL, &e)) {
		if (e.code != ERR_STOPPED)
			wizard_error(p->w, &e);
		return;
	}
	text = xasprintf(_("Written: %s"), p->path);
	tui_message(p->w->t, _("Export"), text);
}

static int action(struct tui *t, struct tui_screen *s, int id)
{
	(void)t;
	if (id != REPORT_EXPORT)
		return id;
	export(s->arg);
	return TUI_STAY;
}

/* Where the new server is, and how to go back, for whoever reads no further. */
static void made_part(struct tui_text *x, const json_t *model)
{
	const json_t *o;
	size_t i;

	json_array_foreach (json_object_get(model, "objects"), i, o)
		if (strcmp(json_str_or(o, "kind", ""), "vm") == 0)
			tui_text_add(x, TUI_GOOD, 2,
				_("The new server is VM %s on the Proxmox node "
				  "%s."),
				json_str_or(o, "id", "?"),
				json_string_value(
					json_at(model, "target.node")));
	tui_text_add(x, TUI_NORMAL, 0, "%s", "");
}

/* What the operator still has to do, before the report itself. */
static void left_part(struct tui_text *x, const json_t *model)
{
	const json_t *list = json_object_get(model, "left"), *v;
	size_t i;

	tui_text_add(x, TUI_HEAD, 0, "%s", _("What is left to you"));
	json_array_foreach (list, i, v) {
		char size[STR_SIZE_LEN] = "";
		uint64_t bytes = json_u64(v, "bytes", 0);
		_free_ char *what = i18n_said(json_str_or(v, "what", "?"));

		if (bytes)
			str_size(size, bytes);
		tui_text_add(x, TUI_WARN, 4, "  %s: %s%s%s",
			json_str_or(v, "where", "?"), what, bytes ? ", " : "",
			size);
		if (!json_str(v, "keep_until"))
			continue;
		tui_text_add(x, TUI_NORMAL, 4,
			_("  Keep the old VM, switched off, until %s (%u "
			  "days), and until the new one has a backup that was "
			  "restored once."),
			json_str(v, "keep_until"),
			(unsigned)json_u64(v, "keep_days", 0));
		tui_text_add(x, TUI_NORMAL, 4,
			_("  Until then w on the Start page, or vmferry undo "
			  "%s, goes back to it."),
			json_str_or(model, "job", "?"));
	}
	if (!json_array_size(list))
		tui_text_add(x, TUI_NORMAL, 4, "  %s", _("Nothing."));
	tui_text_add(x, TUI_NORMAL, 0, "%s", "");
}

static int fill(struct tui_text *x, const char *name, bool done, struct err *e)
{
	_json_ json_t *model = NULL;
	_job_ struct job *job = NULL;
	_free_ char *text = NULL;

	if (job_open(name, &job, e) || report_model(job, &model, e) ||
		report_render(model, "text", &text, e))
		return -1;
	if (done && strcmp(json_str_or(model, "state", ""), "done") == 0) {
		made_part(x, model);
		left_part(x, model);
	}
	tui_text_add(x, TUI_NORMAL, 4, "%s", text);
	return 0;
}

int report_page(struct wizard *w, const char *job, bool done)
{
	struct page p = {.w = w, .job = job};
	struct tui_pager pager = {0};
	struct tui_key keys[] = {
		{TUI_KEY_ENTER, done ? _("Start page") : _("Back"), TUI_OK,
			false},
		{'e', _("Export"), REPORT_EXPORT, false},
		{TUI_KEY_ESC, _("Back"), TUI_BACK, done},
		{'q', _("Quit"), TUI_QUIT, !done}, {0, NULL, 0, false}};
	struct tui_screen s = {.title = done ? _("Done") : _("Report"),
		.crumbs = done ? wizard_crumbs(8) : NULL,
		.help = "report",
		.keys = keys,
		.pager = &pager,
		.action = action,
		.arg = &p};
	struct err e = {0};
	int id;

	if (fill(&pager.text, job, done, &e)) {
		wizard_error(w, &e);
		id = TUI_BACK;
	} else {
		id = tui_run(w->t, &s);
	}
	tui_text_free(&pager.text);
	return id;
}

int page_done(struct wizard *w)
{
	int id = report_page(w, w->job, true);

	return id == TUI_QUIT || id == TUI_HANGUP ? WIZ_QUIT : WIZ_START;
}
