/*
 * Reports of a hand-made journal in four formats, against golden files
 * (UPDATE_GOLDEN=1 writes them anew: read the diff), and what a report says at
 * several moments of a job.
 */
#include "jobsample.h"

#include "report.h"
#include "step.h"

/* --- golden --- */

static void golden(const char *name, const char *text)
{
	_free_ char *path = xasprintf(SAMPLE_DIR "%s", name), *want = NULL;

	if (getenv("UPDATE_GOLDEN"))
		jobtest_write(SAMPLE_DIR, name, text, strlen(text));
	ok(file_read(path, 1 << 20, &want, NULL, e));
	assert_string_equal(text, want);
}

static char *render(const json_t *model, const char *format)
{
	char *text = NULL;

	ok(report_render(model, format, &text, e));
	return text;
}

/* The steps' own words may change; the golden files hold their kinds. */
static void kinds_only(json_t *model)
{
	json_t *s;
	size_t i;

	json_array_foreach (json_object_get(model, "steps"), i, s) {
		json_put_str(s, "doing", json_str(s, "kind"));
		json_object_del(s, "why");
	}
}

static void formats(void **state)
{
	static const char *const names[][2] = {{"text", "report.txt"},
		{"md", "report.md"}, {"html", "report.html"},
		{"json", "report.json"}};
	_job_ struct job *job = sample(0);
	_json_ json_t *model = NULL;
	char *none = NULL;

	(void)state;
	ok(report_model(job, &model, e));
	kinds_only(model);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		_free_ char *text = render(model, names[i][0]);

		golden(names[i][1], text);
	}
	fails(ERR_USAGE, report_render(model, "pdf", &none, e));
}

/* Text from outside is text in every format. */
static void escaped(void **state)
{
	_job_ struct job *job = sample(0);
	_json_ json_t *model = NULL;
	_free_ char *html = NULL, *md = NULL, *text = NULL;

	(void)state;
	ok(report_model(job, &model, e));
	html = render(model, "html");
	md = render(model, "md");
	text = render(model, "text");
	assert_null(strstr(html, "<b>&"));
	assert_non_null(strstr(html, "&lt;b&gt;&amp; &quot;more&quot;"));
	assert_null(strstr(html, "<192"));
	assert_null(strchr(html, '\x1b'));
	assert_non_null(strstr(md, "\\<b\\>\\& \"more\""));
	assert_null(strchr(md, '\x1b'));
	assert_null(strchr(text, '\x1b'));
}

static const json_t *step(const json_t *model, const char *kind)
{
	const json_t *s;
	size_t i;

	json_array_foreach (json_object_get(model, "steps"), i, s) {
		if (strcmp(json_str(s, "kind"), kind) == 0)
			return s;
	}
	fail_msg("no step %s", kind);
	return NULL;
}

static void words(void **state)
{
	_job_ struct job *job = sample(0);
	_json_ json_t *model = NULL;

	(void)state;
	ok(report_model(job, &model, e));
	assert_string_equal(json_str(step(model, "stop_vm"), "doing"),
		step_find("stop_vm")->doing);
	assert_string_equal(json_str(step(model, "copy"), "doing"), "copy");
}

/* What the report says at several moments of the same job. */
static void moments(void **state)
{
	static const struct moment {
		unsigned lines;
		const char *whole, *kind, *state;
		double seconds;
	} moments[] = {
		{1, "ready", "stop_vm", "todo", 0},
		{2, "stopped", "first_check", "interrupted", 0},
		{4, "stopped", "first_check", "done", 4.25},
		{7, "waiting", "stop_vm", "waiting", 0.2},
		/* The hours between question and answer are not work. */
		{13, "stopped", "stop_vm", "done", 30.2},
		{23, "stopped", "copy", "interrupted", 60},
		{27, "failed", "copy", "failed", 90},
		{30, "stopped", "copy", "interrupted", 210},
		{0, "waiting", "network", "waiting", 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(moments); i++) {
		const struct moment *m = &moments[i];
		_job_ struct job *job = sample(m->lines);
		_json_ json_t *model = NULL;
		const json_t *s;

		ok(report_model(job, &model, e));
		s = step(model, m->kind);
		assert_string_equal(json_str(model, "state"), m->whole);
		assert_string_equal(json_str(s, "state"), m->state);
		assert_int_equal(
			1000 * json_num(s, "seconds", -1), 1000 * m->seconds);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, jobtest_setup, jobtest_teardown)
	const struct CMUnitTest tests[] = {
		T(formats),
		T(escaped),
		T(words),
		T(moments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
