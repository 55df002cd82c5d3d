/* `vmferry report JOB`: the checklist as it went, to read, file and sign. */
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "../i18n.h"
#include "../proc.h"
#include "../report.h"
#include "../verb.h"

static const struct option longopts[] = {
	{"format", required_argument, NULL, 'f'},
	{"output", required_argument, NULL, 'o'},
	{"sign", required_argument, NULL, 's'},
	{0},
};

struct opts {
	const char *job, *format, *output, *key;
};

/* What the file's name asks for. */
static const char *format_of(const char *path)
{
	static const char *const names[] = {"html", "md", "json"};

	for (size_t i = 0; path && i < ARRAY_LEN(names); i++) {
		_free_ char *end = xasprintf(".%s", names[i]);

		if (str_ends(path, end))
			return names[i];
	}
	return "text";
}

/* FILE.sig by the operator's SSH key, in the name space "vmferry". */
static int sign(const struct opts *p, struct out *o, struct err *e)
{
	const char *const argv[] = {"ssh-keygen", "-q", "-Y", "sign", "-n",
		"vmferry", "-f", p->key, p->output, NULL};
	_free_ char *sig = xasprintf("%s.sig", p->output);

	/* ssh-keygen would ask before it replaces one. */
	unlink(sig);
	if (proc_must(argv, NULL, NULL, ERR_BAD_INPUT, e))
		return err_in(e, "sign %s with %s", p->output, p->key);
	out_notef(o, "signature in %s", sig);
	return 0;
}

static int report(const struct opts *p, struct out *o, struct err *e)
{
	_job_ struct job *job = NULL;
	_json_ json_t *model = NULL;
	_free_ char *text = NULL;

	if (job_open(p->job, &job, e) || report_model(job, &model, e) ||
		report_render(model,
			p->format ? p->format : format_of(p->output), &text, e))
		return -1;
	if (!p->output) {
		out_puts(o, text);
		return 0;
	}
	if (file_write(p->output, text, strlen(text), 0600, e))
		return err_in(e, "write %s", p->output);
	out_notef(o, "report in %s", p->output);
	return p->key ? sign(p, o, e) : 0;
}

static int run(int argc, char **argv, struct out *o, struct err *e)
{
	struct opts p = {0};
	int c;

	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		if (c == 'f')
			p.format = optarg;
		else if (c == 'o')
			p.output = optarg;
		else if (c == 's')
			p.key = optarg;
		else
			return verb_usage(&verb_report, e);
	}
	if (optind + 1 != argc || (p.key && !p.output))
		return verb_usage(&verb_report, e);
	p.job = argv[optind];
	return report(&p, o, e);
}

const struct verb verb_report = {
	.name = "report",
	.args = "JOB [--format text|md|html|json] [--output FILE "
		"[--sign SSHKEY]]",
	.help = N_("the checklist as it went: who did what, when, with what "
		   "result"),
	.run = run,
};
