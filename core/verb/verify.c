/* `vmferry verify JOB`: does the journal hold, is a report from it? */
#include <ctype.h>
#include <getopt.h>
#include <string.h>

#include "../i18n.h"
#include "../job.h"
#include "../proc.h"
#include "../report.h"
#include "../verb.h"

#define REPORT_MAX (64 << 20)

static const struct option longopts[] = {
	{"report", required_argument, NULL, 'r'},
	{"signers", required_argument, NULL, 's'},
	{0},
};

struct opts {
	const char *job, *report, *signers;
};

/* --- the journal --- */

static int show(const struct job *job, const struct journal_verdict *v,
	struct out *o, struct err *e)
{
	char first[REPORT_TIME_LEN], last[REPORT_TIME_LEN];

	if (!v->ok)
		return err_set(e, ERR_JOURNAL_BROKEN, "%s", v->why);
	out_f(o,
		"%s: the journal is whole: %llu entries, %s to %s\n"
		"  plan  the one the job began with\n"
		"  head  %s\n",
		job->name, (unsigned long long)v->lines,
		report_time(first, v->first), report_time(last, v->last),
		v->head);
	if (v->cuts)
		out_f(o, "  cut   %u torn ends, each after a crash\n", v->cuts);
	if (v->torn)
		out_puts(o,
			"  torn  the last line is torn; the next run cuts "
			"it\n");
	if (v->open[0])
		out_f(o, "  open  %s began and has not ended\n", v->open);
	return 0;
}

/* --- a report --- */

/* The next 64 hexadecimal digits that stand alone; null: no more. */
static const char *next_hash(const char *s, char out[SHA256_HEX])
{
	while (*s) {
		size_t n = strspn(s, "0123456789abcdef");

		if (n == SHA256_HEX - 1 && !isalnum((unsigned char)s[n])) {
			memcpy(out, s, n);
			out[n] = '\0';
			return s + n;
		}
		s += n;
		while (isalnum((unsigned char)*s))
			s++;
		while (*s && !isalnum((unsigned char)*s))
			s++;
	}
	return NULL;
}

static int find_head(const struct job *job, const char *text, const char *path,
	struct out *o, struct err *e)
{
	char hash[SHA256_HEX];
	uint64_t seq;

	while ((text = next_hash(text, hash))) {
		struct err none = {0};

		if (journal_find_head(job->dir, hash, &seq, &none) == 0) {
			out_f(o, "%s: made from this journal, at entry %llu\n",
				path, (unsigned long long)seq);
			return 0;
		}
		if (none.code != ERR_NOT_FOUND) {
			*e = none;
			return -1;
		}
	}
	return err_set(e, ERR_JOURNAL_BROKEN,
		"%s names no head of this journal", path);
}

/* Whom the list of allowed signers names for this signature. */
static int find_signer(const struct opts *p, const char *sig,
	const struct proc_opts *in, char **who, struct err *e)
{
	const char *const argv[] = {"ssh-keygen", "-Y", "find-principals", "-f",
		p->signers, "-s", sig, NULL};
	_proc_ struct proc_result r = {0};

	if (proc_must(argv, in, &r, ERR_JOURNAL_BROKEN, e))
		return err_in(e, "find the signer of %s", p->report);
	r.out[strcspn(r.out, "\n,")] = '\0';
	*who = xstrdup(r.out);
	return 0;
}

static int check_signature(const struct opts *p, const char *text, size_t n,
	struct out *o, struct err *e)
{
	const struct proc_opts in = {.input = text, .input_len = n};
	_free_ char *sig = xasprintf("%s.sig", p->report), *who = NULL;
	const char *any[] = {"ssh-keygen", "-Y", "check-novalidate", "-n",
		"vmferry", "-s", sig, NULL};
	const char *named[] = {"ssh-keygen", "-Y", "verify", "-n", "vmferry",
		"-f", p->signers, "-s", sig, "-I", NULL, NULL};
	_proc_ struct proc_result r = {0};

	if (!file_exists(sig)) {
		if (!p->signers)
			return 0;
		return err_set(e, ERR_NOT_FOUND, "%s", sig);
	}
	if (p->signers && find_signer(p, sig, &in, &who, e))
		return -1;
	named[ARRAY_LEN(named) - 2] = who;
	if (proc_must(p->signers ? named : any, &in, &r, ERR_JOURNAL_BROKEN, e))
		return err_in(e, "check the signature of %s", p->report);
	out_f(o, "%s: %s", p->report, r.out);
	if (!p->signers)
		out_notef(o, "whose key that is, --signers FILE tells");
	return 0;
}

static int check_report(const struct opts *p, const struct job *job,
	struct out *o, struct err *e)
{
	_free_ char *text = NULL;
	size_t n;

	if (file_read(p->report, REPORT_MAX, &text, &n, e) ||
		find_head(job, text, p->report, o, e))
		return -1;
	return check_signature(p, text, n, o, e);
}

static int verify(const struct opts *p, struct out *o, struct err *e)
{
	_job_ struct job *job = NULL;
	struct journal_verdict v;

	if (job_open(p->job, &job, e) || journal_verify(job->dir, &v, e) ||
		show(job, &v, o, e))
		return err_in(e, "verify %s", p->job);
	return p->report ? check_report(p, job, o, e) : 0;
}

static int run(int argc, char **argv, struct out *o, struct err *e)
{
	struct opts p = {0};
	int c;

	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		if (c == 'r')
			p.report = optarg;
		else if (c == 's')
			p.signers = optarg;
		else
			return verb_usage(&verb_verify, e);
	}
	if (optind + 1 != argc || (p.signers && !p.report))
		return verb_usage(&verb_verify, e);
	p.job = argv[optind];
	return verify(&p, o, e);
}

const struct verb verb_verify = {
	.name = "verify",
	.args = "JOB [--report FILE [--signers ALLOWED_SIGNERS]]",
	.help = N_("check that a job's journal is whole and unchanged"),
	.run = run,
};
