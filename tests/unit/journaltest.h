/* A journal to look at, for test_journal*.c. */
#ifndef JOURNALTEST_H
#define JOURNALTEST_H

#include "jobtest.h"

/* A job with a journal of one step done and one begun. */
static inline struct job *sample(void)
{
	struct job *job = jobtest_job("web01");
	_journal_ struct journal *j = NULL;

	ok(journal_open(job->dir, NULL, &j, e));
	ok(journal_add(j, "stop_vm", "begin", NULL, e));
	ok(journal_add(j, "stop_vm", "command",
		jobtest_data("text", "vim-cmd vmsvc/power.shutdown 7"), e));
	ok(journal_add(j, "stop_vm", "end", jobtest_data("result", "done"), e));
	ok(journal_add(j, "create_vm", "begin", NULL, e));
	ok(journal_add(j, "create_vm", "made",
		json_pack("{s:s,s:i}", "kind", "vm", "id", 120), e));
	return job;
}

static inline struct journal_verdict verdict(const char *dir)
{
	struct journal_verdict v;

	ok(journal_verify(dir, &v, e));
	return v;
}

static inline int count(void *arg, const json_t *line, struct err *e)
{
	(void)line;
	(void)e;
	++*(int *)arg;
	return 0;
}

static inline int lines_in(const char *dir)
{
	int n = 0;

	ok(journal_each(dir, count, &n, e));
	return n;
}

#endif
