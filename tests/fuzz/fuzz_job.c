/*
 * A job directory that somebody changed: plan.json and the journal are read,
 * checked and reported; and facts with choices, of which a plan is made.
 *
 * An input is a line of JSON, then the journal. The line is plan.json; where
 * it is {"facts", "choices"} a plan is made of these.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal.h"
#include "plan.h"
#include "report.h"
#include "str.h"

const char *const fuzz_seeds[] = {"tests/fuzz/seeds/job/*", NULL};
const char *const fuzz_words[] = {"\n{\"event\":\"begin\",\"step\":\"",
	"\"event\":\"made\"", "\"event\":\"question\"", "\"event\":\"end\"",
	"\"event\":\"undo\"", "\"data\":{", "\"seq\":1", "\"sum\":\"",
	"\"prev\":\"", "\"time\":\"2026-11-22T01:00:01.250Z\"", "null", "[]",
	"{}", "-1", "18446744073709551615", "1e400", "\"\"", "\\u0000",
	"\"kind\":", "\"id\":", "copy_disks", "\"disks\":[", "\"nics\":[",
	"true", NULL};

static void put(const char *dir, const char *name, const char *p, size_t n)
{
	_free_ char *path = path_join(dir, name);
	FILE *f = fopen(path, "we");

	if (!f || fwrite(p, 1, n, f) != n || fclose(f))
		abort();
}

static void planned(const json_t *j)
{
	const json_t *facts = json_object_get(j, "facts");
	_json_ json_t *plan = NULL;
	struct err e = {0};

	if (plan_check(j, &e) == 0)
		free(json_line(j));
	if (facts &&
		plan_build(facts, json_object_get(j, "choices"), &plan, &e) ==
			0 &&
		plan_check(plan, &e))
		abort();
}

static void report(const struct job *job)
{
	static const char *const formats[] = {"text", "md", "html", "json"};
	_json_ json_t *model = NULL, *status = NULL;

	job_status(job, &status, NULL);
	if (report_model(job, &model, NULL))
		return;
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		char *out = NULL;

		if (report_render(model, formats[i], &out, NULL) == 0)
			free(out);
	}
}

/* Reading changes nothing; opening may cut a torn end, and once. */
static void journal(const char *dir)
{
	struct journal_verdict v;
	_journal_ struct journal *j = NULL;
	uint64_t lines;

	if (journal_peek(dir, &j, NULL) == 0)
		json_decref(journal_made(j));
	journal_close(j);
	j = NULL;
	if (journal_verify(dir, &v, NULL))
		return;
	lines = v.lines;
	if (journal_open(dir, NULL, &j, NULL) == 0 &&
		(journal_verify(dir, &v, NULL) || v.lines < lines || v.torn))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *end = size ? memchr(text, '\n', size) : NULL;
	size_t n = end ? (size_t)(end - text) : size;
	char dir[] = "/dev/shm/fuzz-job-XXXXXX";
	_json_ json_t *j = NULL;
	_job_ struct job *job = NULL;

	if (!mkdtemp(dir))
		abort();
	put(dir, "plan.json", text, n);
	put(dir, "journal", end ? end + 1 : "", end ? size - n - 1 : 0);
	if (job_open(dir, &job, NULL) == 0) {
		if (job_plan(job, &j, NULL) == 0)
			planned(j);
		report(job);
		journal(dir);
		job_remove(job, NULL);
	}
	for (size_t i = 0; i < 4; i++) {
		static const char *const names[] = {
			"plan.json", "journal", "status", "lock"};
		_free_ char *path = path_join(dir, names[i]);

		unlink(path);
	}
	rmdir(dir);
	return 0;
}
