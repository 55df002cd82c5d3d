/* guest_fix's questions: a file edited by the operator is shown again as a
 * diff until it is written or left alone; what comes along is a text. */
#include "jobtest.h"

#include "ask.h"
#include "content.h"
#include "guest/own.h"
#include "guest_agreed.h"
#include "guest_dir.h"
#include "guest_job.h"
#include "verb.h"

#define PATH "/etc/network/interfaces"
#define BEFORE "auto ens192\niface ens192 inet dhcp\n"
#define AFTER "auto ens18\niface ens18 inet dhcp\n"
#define EDITED AFTER "    mtu 1400\n"

/* A job whose guest_inspect has found one change of a text and one link. */
static void inspected(struct run *r, const struct run_opts *o)
{
	struct guest_change c[] = {
		{.path = (char *)PATH,
			.why = (char *)"The card has another name.",
			.before = (char *)BEFORE,
			.after = (char *)AFTER},
		{.path = (char *)"/etc/mtab",
			.why = (char *)"A link.",
			.link_to = (char *)"/proc/mounts"}};
	const struct guest_changes cs = {.c = c, .n = 2};
	json_t *d = guest_job_shown(&cs);

	*r = (struct run){.opts = o,
		.job = jobtest_job("web01"),
		.step = step_find("guest_fix"),
		.plan = json_pack("{s:{s:b}}", "guest", "rehearse", 0)};
	ok(journal_open(r->job->dir, NULL, &r->j, e));
	ok(guest_job_keep(r->job->dir, &cs, d, e));
	json_put(d, "facts", json_pack("{s:s}", "family", "linux"));
	ok(journal_add(r->j, "guest_inspect", "measure", d, e));
}

static void over(struct run *r)
{
	journal_close(r->j);
	json_decref(r->plan);
	job_close(r->job);
}

static int step(struct run *r, struct err *e)
{
	return r->step->run(r, e);
}

/* The one open question, new reference. */
static json_t *asked(const struct run *r)
{
	_json_ json_t *open = NULL;

	ok(ask_open(r->job->dir, &open, e));
	assert_int_equal(json_array_size(open), 1);
	return json_incref(json_array_get(open, 0));
}

static bool offers(const json_t *q, const char *value)
{
	const json_t *c;
	size_t i;

	json_array_foreach (json_object_get(q, "choices"), i, c)
		if (strcmp(json_str_or(c, "value", ""), value) == 0)
			return true;
	return false;
}

static void answer_edit(struct run *r, const char *id, const char *text)
{
	char hex[SHA256_HEX];

	ok(content_keep(r->job->dir, text, strlen(text), hex, e));
	ok(ask_answer(r->j, id, "edit", hex, e));
}

static void quiet(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

static void edited(void **state)
{
	const struct run_opts o = {.say = quiet};
	_json_ json_t *first = NULL, *second = NULL, *link = NULL;
	struct run r;

	(void)state;
	inspected(&r, &o);
	fails(ERR_ANSWER_NEEDED, step(&r, e));
	ok(ask_answer(r.j, "changes", "each", NULL, e));
	fails(ERR_ANSWER_NEEDED, step(&r, e));
	first = asked(&r);
	assert_string_equal(json_str(first, "id"), "apply" PATH);
	assert_true(offers(first, "edit"));
	fails(ERR_ANSWER_BAD, ask_answer(r.j, "apply" PATH, "edit", NULL, e));
	fails(ERR_ANSWER_BAD, ask_answer(r.j, "apply" PATH, "skip", "00", e));
	answer_edit(&r, "apply" PATH, EDITED);
	/* Shown again, against the guest's file and with the new line. */
	fails(ERR_ANSWER_NEEDED, step(&r, e));
	second = asked(&r);
	assert_string_equal(json_str(second, "id"), "apply" PATH "#2");
	assert_non_null(strstr(json_str(second, "help"), "-auto ens192\n"));
	assert_non_null(strstr(json_str(second, "help"), "+    mtu 1400\n"));
	assert_non_null(strstr(json_str(second, "text"), "as you edited"));
	ok(ask_answer(r.j, "apply" PATH "#2", "skip", NULL, e));
	/* What is no text has no editor. */
	fails(ERR_ANSWER_NEEDED, step(&r, e));
	link = asked(&r);
	assert_string_equal(json_str(link, "id"), "apply/etc/mtab");
	assert_false(offers(link, "edit"));
	ok(ask_answer(r.j, "apply/etc/mtab", "skip", NULL, e));
	/* Nothing accepted: no disk is opened. */
	ok(step(&r, e));
	over(&r);
}

/* The text that was meant, or none: another one under its name is refused. */
static void exchanged(void **state)
{
	const struct run_opts o = {.say = quiet};
	_free_ char *path = NULL;
	char hex[SHA256_HEX];
	struct run r;

	(void)state;
	inspected(&r, &o);
	fails(ERR_ANSWER_NEEDED, step(&r, e));
	ok(ask_answer(r.j, "changes", "each", NULL, e));
	fails(ERR_ANSWER_NEEDED, step(&r, e));
	answer_edit(&r, "apply" PATH, EDITED);
	sha256_hex(EDITED, strlen(EDITED), hex);
	path = content_path(r.job->dir, hex);
	ok(file_write(path, "rm -rf /\n", 9, 0600, e));
	fails(ERR_JOB_BAD, step(&r, e));
	unlink(path);
	fails(ERR_NOT_FOUND, step(&r, e));
	over(&r);
}

/* An answers file cannot bring a text along, and says how it goes. */
static void from_answers(void **state)
{
	const struct run_opts o = {.say = quiet};
	struct run r;

	(void)state;
	inspected(&r, &o);
	r.answers =
		json_pack("{s:s,s:s}", "changes", "each", "apply" PATH, "edit");
	fails(ERR_ANSWER_BAD, step(&r, e));
	json_decref(r.answers);
	over(&r);
}

static void texts(void **state)
{
	static char large[CONTENT_MAX + 2];

	(void)state;
	ok(content_check("a\tb\n\xc3\xa9\n", 7, e));
	ok(content_check("", 0, e));
	fails(ERR_BAD_INPUT, content_check("a\n\x1b[2J", 6, e));
	fails(ERR_BAD_INPUT, content_check("a\0b", 3, e));
	fails(ERR_BAD_INPUT, content_check("a\r\n", 3, e));
	fails(ERR_BAD_INPUT, content_check("\xc2\x9b", 2, e));
	fails(ERR_BAD_INPUT, content_check("\xff\xfe", 2, e));
	memset(large, 'x', sizeof(large) - 1);
	ok(content_check(large, CONTENT_MAX, e));
	fails(ERR_BAD_INPUT, content_check(large, CONTENT_MAX + 1, e));
}

/* --- after a kill --- */

#define NEW "/etc/cloud/off.cfg"

/* Agreed to: a changed file, a new one, a link. */
static json_t *all_agreed(const struct run *r)
{
	struct guest_change c[] = {{.path = (char *)PATH,
					   .why = (char *)"a",
					   .before = (char *)BEFORE,
					   .after = (char *)AFTER},
		{.path = (char *)NEW,
			.why = (char *)"b",
			.after = (char *)"off\n",
			.mode = 0600},
		{.path = (char *)"/etc/mtab",
			.why = (char *)"c",
			.link_to = (char *)"/proc/mounts"}};
	const struct guest_changes cs = {.c = c, .n = 3};
	_json_ json_t *d = guest_job_shown(&cs);
	json_t *yes = json_object();
	const json_t *row;
	size_t i;

	ok(guest_job_keep(r->job->dir, &cs, d, e));
	json_array_foreach (json_object_get(d, "changes"), i, row)
		guest_agree(yes, row, NULL);
	return yes;
}

/* What is on the guest's disk when the next worker comes, what it proposes
 * then for PATH (null: nothing), and what is to be in the end. */
static const struct after_kill {
	const char *path, *new, *proposed;
	enum err_code refused;
} rows[] = {
	{BEFORE, NULL, AFTER, 0},  /* nothing was written */
	{AFTER, NULL, NULL, 0},    /* one was: the other is not proposed */
	{AFTER, "off\n", NULL, 0}, /* both were */
	{BEFORE, NULL, NULL, 0},   /* not proposed, and not written */
	{BEFORE, NULL, "x\n", 0},  /* proposed otherwise: as it was shown */
	{AFTER, NULL, "x\n", 0},   /* written, and yet another proposal */
	{"else\n", NULL, NULL, ERR_GUEST_ACCESS},
	{"else\n", NULL, "x\n", ERR_GUEST_ACCESS},
	{BEFORE, "else\n", NULL, ERR_GUEST_ACCESS},
};

static void one_kill(const struct run *r, const struct after_kill *k)
{
	_json_ json_t *yes = all_agreed(r), *told = json_array();
	struct guest *g = guest_dir_new();
	_changes_ struct guest_changes cs = {0};
	struct err err = {0};

	guest_dir_put(g, PATH, k->path);
	if (k->new)
		guest_dir_put(g, NEW, k->new);
	if (k->proposed)
		guest_change_add(g, &cs, PATH, k->proposed, 0644, "again");
	if (guest_agreed(r->job->dir, g, yes, &cs, told, &err))
		assert_int_equal(err.code, k->refused);
	else
		assert_int_equal(0, k->refused);
	for (size_t i = 0; !err.code && i < cs.n; i++)
		ok(guest_apply(g, &cs.c[i], e));
	_free_ char *path = guest_dir_get(g, PATH);

	assert_string_equal(path, k->refused ? k->path : AFTER);
	if (!k->refused) {
		_free_ char *new = guest_dir_get(g, NEW);

		assert_string_equal(new, "off\n");
		assert_int_equal(json_array_size(told), 1);
		assert_string_equal(json_string_value(json_array_get(told, 0)),
			"/etc/mtab");
	}
	guest_dir_free(g);
}

static void goes_on(void **state)
{
	const struct run_opts o = {.say = quiet};
	struct run r;

	(void)state;
	inspected(&r, &o);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		one_kill(&r, &rows[i]);
	over(&r);
}

static void nothing(struct out *o, const char *s, size_t n)
{
	(void)o;
	(void)s;
	(void)n;
}

/* `vmferry answer JOB QUESTION edit --content FILE`. */
static void by_verb(void **state)
{
	const struct run_opts o = {.say = quiet};
	struct out out = {.put = nothing, .note = NULL};
	_free_ char *file = path_join(jobtest_dir, "new");
	char *argv[] = {(char *)"answer", (char *)"web01",
		(char *)"guest_fix.apply" PATH, (char *)"edit",
		(char *)"--content", file, NULL};
	const struct verb *v = verb_find("answer");
	_json_ json_t *q = NULL;
	struct run r;

	(void)state;
	inspected(&r, &o);
	fails(ERR_ANSWER_NEEDED, step(&r, e));
	ok(ask_answer(r.j, "changes", "each", NULL, e));
	fails(ERR_ANSWER_NEEDED, step(&r, e));
	journal_close(r.j);
	ok(file_write(file, "a\x07\n", 3, 0600, e));
	fails(ERR_BAD_INPUT, v->run(6, argv, &out, e));
	fails(ERR_ANSWER_BAD, v->run(4, argv, &out, e));
	fails(ERR_USAGE, v->run(5, argv, &out, e));
	ok(file_write(file, EDITED, strlen(EDITED), 0600, e));
	ok(v->run(6, argv, &out, e));
	ok(journal_open(r.job->dir, NULL, &r.j, e));
	fails(ERR_ANSWER_NEEDED, step(&r, e));
	q = asked(&r);
	assert_non_null(strstr(json_str(q, "help"), "+    mtu 1400\n"));
	over(&r);
}

#define IN_STATE(f) \
	cmocka_unit_test_setup_teardown(f, jobtest_setup, jobtest_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_STATE(edited),
		IN_STATE(exchanged),
		IN_STATE(from_answers),
		IN_STATE(by_verb),
		IN_STATE(goes_on),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
