/*
 * A text of the job changed by the operator: the proposed one as a file of
 * STATE/wizard/edit (0600) in the operator's own editor, or, in plain mode, a
 * file that is there already. Keeps true: the text is only read back; what an
 * editor left beside it goes with it.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/content.h"
#include "core/job.h"
#include "tui/dialog.h"
#include "wizard.h"

#define WORDS 16

struct editor {
	char *file;
	int status; /* of the editor; 127: none could be started */
};

/* In the child: the operator's word for an editor may have arguments. */
static void become(const char *words, const char *file)
{
	_free_ char *copy = xstrdup(words);
	const char *argv[WORDS + 2];
	char *rest = copy, *word;
	int n = 0;

	while (n < WORDS && (word = strsep(&rest, " ")))
		if (*word)
			argv[n++] = word;
	argv[n++] = file;
	argv[n] = NULL;
	if (n > 1)
		execvp(argv[0], (char *const *)argv);
}

static void in_child(const char *file)
{
	const char *const words[] = {getenv("VISUAL"), getenv("EDITOR"),
		"sensible-editor", "nano", "vi"};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close_range(3, ~0U, 0);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (words[i] && *words[i])
			become(words[i], file);
	_exit(127);
}

/* The terminal is the editor's meanwhile; nothing else is waited for. */
static void run_editor(void *arg)
{
	struct editor *ed = arg;
	pid_t pid = fork();
	int status = 0;

	ed->status = 127;
	if (pid == 0)
		in_child(ed->file);
	if (pid < 0)
		return;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return;
	ed->status = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* --- the file --- */

/* Its ending tells an editor what it is. */
static char *file_for(const struct wizard *w, const char *path)
{
	_free_ char *dir = wizard_file(w, "edit");
	const char *base = strrchr(path, '/');

	if (file_mkdirs(dir, 0700, NULL))
		return NULL;
	base = base && base[1] ? base + 1 : "text";
	return path_join(dir, base);
}

void edit_forget(const struct wizard *w)
{
	_free_ char *dir = wizard_file(w, "edit");
	DIR *d = opendir(dir);
	struct dirent *f;

	while (d && (f = readdir(d)))
		if (f->d_name[0] != '.' || strlen(f->d_name) > 2)
			unlinkat(dirfd(d), f->d_name, 0);
	if (d)
		closedir(d);
}

static int lay_out(const struct wizard *w, const char *hex, const char *file,
	struct err *e)
{
	_job_ struct job *job = NULL;
	_free_ char *text = NULL;

	if (job_open(w->job, &job, e) ||
		content_read(job->dir, hex, &text, e) ||
		file_write(file, text, strlen(text), 0600, e))
		return -1;
	return 0;
}

/* --- the two ways --- */

static char *by_editor(struct wizard *w, const char *file)
{
	struct editor ed = {.file = (char *)file};

	tui_lend(w->t, run_editor, &ed);
	if (ed.status == 0)
		return xstrdup(file);
	tui_message(w->t, _("Edit"),
		ed.status == 127
			? _("No editor could be started. Set EDITOR to yours, "
			    "or answer from a file: vmferry status tells how.")
			: _("The editor ended with an error: nothing was "
			    "taken from it."));
	return NULL;
}

static char *by_file(struct wizard *w, const char *file)
{
	char path[WIZ_TEXT] = "";
	_free_ char *text =
		xasprintf(_("The proposed text is %s.\nFile with the new "
			    "text; empty: open an editor on it:"),
			file);

	if (!tui_input(w->t, _("Edit"), text, path, sizeof(path), false))
		return NULL;
	if (*path)
		return xstrdup(path);
	if (isatty(0))
		return by_editor(w, file);
	tui_message(w->t, _("Edit"), _("There is no terminal for an editor."));
	return NULL;
}

char *edit_text(struct wizard *w, const char *hex, const char *name, bool again)
{
	_free_ char *file = file_for(w, name);
	struct err e = {0};

	if (!file ||
		(!(again && file_exists(file)) && lay_out(w, hex, file, &e))) {
		wizard_error(w, &e);
		return NULL;
	}
	return tui_is_plain(w->t) ? by_file(w, file) : by_editor(w, file);
}
