/*
 * vmferry: the command line. Finds the verb, gives it somewhere to put its
 * output, shows its error, turns it into the exit code. Nothing else prints
 * or exits.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/i18n.h"
#include "core/secret.h"
#include "core/stop.h"
#include "core/verb.h"
#include "screens/wizard.h"

#ifndef VERSION
#define VERSION "0"
#endif

static void put(struct out *o, const char *s, size_t n)
{
	(void)o;
	fwrite(s, 1, n, stdout);
	fflush(stdout);
}

static void note(struct out *o, const char *line)
{
	_free_ char *said =
		isatty(STDERR_FILENO) ? i18n_said(line) : xstrdup(line);

	(void)o;
	fprintf(stderr, "%s\n", said);
}

static void on_stop(int sig)
{
	(void)sig;
	stop_asked = 1;
}

static void catch_signals(void)
{
	struct sigaction stop = {.sa_handler = on_stop};

	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	/* A worker outlives the terminal that started it. */
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	/* Who started us may ignore it, and that would be ours too: how a
	 * child ended could not be known. */
	signal(SIGCHLD, SIG_DFL);
}

static void help(FILE *f)
{
	fprintf(f,
		_("usage: vmferry [--plain] [--secrets FILE]   the wizard\n"
		  "       vmferry VERB [ARGUMENTS]\n\n"));
	for (size_t i = 0; verbs[i]; i++) {
		_free_ char *about = verb_wrapped(_(verbs[i]->help), 13);

		if (!verbs[i]->hidden)
			fprintf(f, "  %-10s %s\n", verbs[i]->name, about);
	}
	_free_ char *more =
		verb_wrapped(_("vmferry VERB --help shows a verb's form. "
			       "Manual: vmferry(1), vmferry-errors(7)."),
			0);

	fprintf(f, "\n%s\n", more);
}

static void show_error(const struct err *e)
{
	_free_ char *text = verb_error(e, isatty(STDERR_FILENO));

	fflush(stdout);
	fputs(text, stderr);
}

static void usage(FILE *f, const struct verb *v)
{
	_free_ char *form = verb_form(v);

	fprintf(f, "%s\n%s", _("usage:"), form);
}

static int run_verb(const struct verb *v, int argc, char **argv)
{
	struct out o = {.put = put, .note = note, .tty = isatty(STDOUT_FILENO)};
	struct err e = {0};

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		_free_ char *about = verb_wrapped(_(v->help), 0);

		usage(stdout, v);
		printf("\n%s\n", about);
		return 0;
	}
	if (verb_call(v, argc, argv, &o, &e) == 0)
		return 0;
	show_error(&e);
	if (e.code == ERR_USAGE)
		usage(stderr, v);
	return err_exit_code(e.code);
}

/* `vmferry [--plain] [--secrets FILE]`. -1: these are not its arguments. */
static int run_wizard(int argc, char **argv)
{
	const char *secrets = NULL;
	struct tui_opts how = {0};
	struct err e = {0};

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--plain") == 0)
			how.plain = true;
		else if (strcmp(argv[i], "--secrets") == 0 && i + 1 < argc)
			secrets = argv[++i];
		else
			return -1;
	}
	/* A script that forgot the verb gets help, not a dialogue. */
	if (!how.plain && !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)))
		return -1;
	if (wizard_run(&how, secrets, &e) == 0)
		return 0;
	show_error(&e);
	return err_exit_code(e.code);
}

int main(int argc, char **argv)
{
	const struct verb *v;
	int rc;

	i18n_open();
	secrets_harden();
	catch_signals();
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		printf("vmferry %s\n", VERSION);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		help(stdout);
		return 0;
	}
	if (argc < 2 || argv[1][0] == '-') {
		rc = run_wizard(argc, argv);
		if (rc < 0)
			help(stderr);
		return rc < 0 ? 2 : rc;
	}
	v = verb_find(argv[1]);
	if (!v) {
		fprintf(stderr, _("vmferry: there is no verb %s\n"), argv[1]);
		help(stderr);
		return 2;
	}
	return run_verb(v, argc - 1, argv + 1);
}
