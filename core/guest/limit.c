/*
 * A program of the guest under a time limit: a package's script may wait for
 * a service that never comes, or leave one behind. Keeps true: when the shell
 * here ends, nothing that it started is left, so the disks can be unmounted.
 *
 * What it started is known by a variable in its environment. Late, the
 * manager's children are ended first: dpkg and rpm then note what failed and
 * end by themselves; only who does not is killed.
 */
#include <stdlib.h>
#include <string.h>

#include "../str.h"
#include "own.h"

#define MARK "vmferry-status "
#define GRACE 5 /* seconds between asking and killing */

unsigned guest_run_limit = 900;

/* sh DIR SECONDS GRACE PROGRAM...: no input, both streams in order in a file (a
 * service that lives on would hold a pipe open), and the status as the last
 * line: libguestfs itself keeps the output of what succeeds only. */
static const char script[] =
	"export LC_ALL=C DEBIAN_FRONTEND=noninteractive\n"
	"export PATH=/usr/sbin:/usr/bin:/sbin:/bin\n"
	"export VMFERRY_RUN=$1/vmferry-run.$$\n"
	"o=$VMFERRY_RUN n=$2 g=$3 late=; shift 3\n"
	"end() {\n"
	"  for f in $(grep -ls \"VMFERRY_RUN=$o\" /proc/[0-9]*/environ); do\n"
	"    f=${f#/proc/} f=${f%/environ}\n"
	"    [ \"$f\" = \"$2\" ] || kill -\"$1\" \"$f\"\n"
	"  done\n"
	"}\n"
	"rm -f \"$o\" \"$o.late\"\n"
	"\"$@\" </dev/null >\"$o\" 2>&1 & p=$!\n"
	"(sleep \"$n\"; : >\"$o.late\"; end TERM $p; sleep $g; end KILL $p\n"
	" sleep $g; kill -9 $p) >/dev/null 2>&1 & w=$!\n"
	"wait $p; s=$?\n"
	"{ kill $w; wait $w; end KILL; } >/dev/null 2>&1\n"
	"[ ! -e \"$o.late\" ] || late=' late'\n"
	"cat \"$o\"; echo; echo \"" MARK "$s$late\"\n"
	"rm -f \"$o\" \"$o.late\"\n";

char **guest_limited(const char *const argv[], const char *dir)
{
	static char limit[16], grace[16];
	const char *head[] = {"/bin/sh", "-c", script, "sh", dir, limit, grace};
	size_t n = 0;
	char **line;

	snprintf(limit, sizeof(limit), "%u", guest_run_limit);
	snprintf(grace, sizeof(grace), "%u",
		guest_run_limit < GRACE ? guest_run_limit : GRACE);
	while (argv[n])
		n++;
	line = xcalloc(ARRAY_LEN(head) + n + 1, sizeof(*line));
	memcpy(line, head, sizeof(head));
	memcpy(line + ARRAY_LEN(head), argv, n * sizeof(*argv));
	return line;
}

/* The last line that is not blank, to be freed. */
static char *last_words(const char *said)
{
	_free_ char *copy = xstrdup(said);
	const char *last = "nothing";
	char *p = copy, *line;

	while ((line = str_line(&p)))
		if (*str_trim(line))
			last = line;
	return str_printable_dup(last + strspn(last, " \t"));
}

int guest_limited_end(
	const char *program, char *said, int *status, struct err *e)
{
	char *at = said, *last = NULL;
	uint64_t n;
	bool late;

	while ((at = strstr(at, MARK)))
		last = at++;
	late = last && str_ends(str_trim(last), " late");
	if (late)
		last[strlen(last) - strlen(" late")] = '\0';
	if (!last || last == said ||
		str_u64(str_trim(last + strlen(MARK)), 255, &n))
		return err_set(e, ERR_GUEST_ACCESS,
			"%s did not come to its end", program);
	last[-1] = '\0'; /* the empty line before it */
	if (late) {
		_free_ char *words = last_words(said);

		return err_set(e, ERR_GUEST_ACCESS,
			"%s was stopped after %u s; the last it said: %s",
			program, guest_run_limit, words);
	}
	*status = n;
	return 0;
}
