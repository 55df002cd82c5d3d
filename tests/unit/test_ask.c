/* Gates: what counts as an answer, where it comes from, how long it holds. */
#include "jobtest.h"

#include "ask.h"

static const struct ask_choice buses[] = {
	{"virtio-scsi", "VirtIO SCSI"}, {"sata", "SATA"}, {NULL, NULL}};
static const struct question bus = {.id = "bus",
	.kind = ASK_CHOICE,
	.text = "Which disk bus?",
	.why = "The initramfs has virtio.",
	.choices = buses,
	.def = "virtio-scsi"};
static const struct question mac = {.id = "mac",
	.kind = ASK_TEXT,
	.text = "The virtual MAC:",
	.pattern = "([0-9a-f]{2}:){5}[0-9a-f]{2}",
	.hint = "02:00:00:12:34:56"};
static const struct question wait = {.id = "wait",
	.kind = ASK_NUMBER,
	.text = "Minutes to wait?",
	.min = 1,
	.max = 60,
	.def = "5"};
static const struct question del = {.id = "delete",
	.kind = ASK_CONFIRM,
	.text = "Type the name of the VM to delete it:",
	.expect = "web01",
	.def = "web01"};
static const struct question retry = {.id = "retry",
	.kind = ASK_TEXT,
	.text = "Try again?",
	.def = "yes",
	.once = true};

static void fits(const struct journal *j, const struct question *q,
	const char *good, const char *bad, enum err_code code)
{
	const json_t *line = journal_asked(j, "s", "question", q->id);
	const json_t *data = json_object_get(line, "data");

	ok(ask_check(data, good, e));
	fails(code, ask_check(data, bad, e));
}

static void checked(void **state)
{
	_job_ struct job *job = jobtest_job("web01");
	_journal_ struct journal *j = NULL;
	struct asker a = {0};
	const char *v = "untouched";

	(void)state;
	ok(journal_open(job->dir, NULL, &j, e));
	a.j = j;
	fails(ERR_ANSWER_NEEDED, ask(&a, "s", &bus, &v, e));
	fails(ERR_ANSWER_NEEDED, ask(&a, "s", &mac, &v, e));
	fails(ERR_ANSWER_NEEDED, ask(&a, "s", &wait, &v, e));
	fails(ERR_ANSWER_NEEDED, ask(&a, "s", &del, &v, e));
	fails(ERR_ANSWER_NEEDED, ask(&a, "s", &retry, &v, e));
	assert_string_equal(v, "untouched");
	fits(j, &bus, "sata", "SATA", ERR_ANSWER_BAD);
	fits(j, &mac, "02:00:00:12:34:5f", "02:00:00:12:34:5fx",
		ERR_ANSWER_BAD);
	fits(j, &mac, "02:00:00:12:34:5f", "", ERR_ANSWER_BAD);
	fits(j, &wait, "60", "61", ERR_ANSWER_BAD);
	fits(j, &wait, "1", "0", ERR_ANSWER_BAD);
	fits(j, &wait, "1", "1m", ERR_ANSWER_BAD);
	fits(j, &del, "web01", "web0", ERR_NOT_CONFIRMED);
	fits(j, &del, "web01", "", ERR_NOT_CONFIRMED);
	fits(j, &retry, "no", "", ERR_ANSWER_BAD);
	fits(j, &retry, "no", "a\x1b[2Jb", ERR_ANSWER_BAD);
}

static void count_event(const char *dir, const char *event, int want)
{
	_free_ char *text = jobtest_read(dir, "journal", NULL);
	_free_ char *key = xasprintf("\"event\":\"%s\"", event);
	int n = 0;

	for (char *p = text; (p = strstr(p, key)); p++)
		n++;
	if (n != want)
		fail_msg("%d %s, not %d", n, event, want);
}

/* Asked, answered from outside, read by the next worker. */
static void answered(void **state)
{
	_job_ struct job *job = jobtest_job("web01");
	_json_ json_t *open = NULL, *none = NULL;
	struct asker a = {0};
	struct journal *j;
	const char *v;

	(void)state;
	ok(journal_open(job->dir, NULL, &j, e));
	a.j = j;
	fails(ERR_ANSWER_NEEDED, ask(&a, "choose_bus", &bus, &v, e));
	fails(ERR_ANSWER_NEEDED, ask(&a, "choose_bus", &bus, &v, e));
	count_event(job->dir, "question", 1);
	ok(ask_open(job->dir, &open, e));
	assert_int_equal(json_array_size(open), 1);
	assert_string_equal(
		json_str(json_array_get(open, 0), "step"), "choose_bus");
	fails(ERR_NOT_FOUND, ask_answer(j, "mac", "x", NULL, e));
	fails(ERR_ANSWER_BAD, ask_answer(j, "bus", "scsi", NULL, e));
	ok(ask_answer(j, "choose_bus.bus", "virtio-scsi", NULL, e));
	/* A second thought, while the step goes on. */
	ok(ask_answer(j, "bus", "sata", NULL, e));
	journal_close(j);
	ok(journal_open(job->dir, NULL, &j, e));
	a.j = j;
	for (int i = 0; i < 2; i++) {
		ok(ask(&a, "choose_bus", &bus, &v, e));
		assert_string_equal(v, "sata");
	}
	count_event(job->dir, "question", 1);
	ok(ask_open(job->dir, &none, e));
	assert_int_equal(json_array_size(none), 0);
	ok(journal_add(j, "choose_bus", "end", NULL, e));
	fails(ERR_NOT_FOUND, ask_answer(j, "bus", "sata", NULL, e));
	journal_close(j);
}

/* Two steps have a question of the same id. */
static void same_id(void **state)
{
	_job_ struct job *job = jobtest_job("web01");
	_journal_ struct journal *j = NULL;
	struct asker a = {0};
	const char *v;

	(void)state;
	ok(journal_open(job->dir, NULL, &j, e));
	a.j = j;
	fails(ERR_ANSWER_NEEDED, ask(&a, "one", &mac, &v, e));
	ok(ask_answer(j, "mac", "02:00:00:00:00:01", NULL, e));
	fails(ERR_ANSWER_NEEDED, ask(&a, "two", &mac, &v, e));
	ok(ask_answer(j, "mac", "02:00:00:00:00:02", NULL, e));
	ok(ask(&a, "one", &mac, &v, e));
	assert_string_equal(v, "02:00:00:00:00:01");
	ok(ask(&a, "two", &mac, &v, e));
	assert_string_equal(v, "02:00:00:00:00:02");
}

static void from_file(void **state)
{
	_job_ struct job *job = jobtest_job("web01");
	_json_ json_t *file = json_pack("{s:s,s:s,s:i,s:s}", "two.bus", "sata",
		"bus", "virtio-scsi", "wait", 7, "delete", "web02");
	_journal_ struct journal *j = NULL;
	struct asker a = {.answers = file};
	const char *v;

	(void)state;
	ok(journal_open(job->dir, NULL, &j, e));
	a.j = j;
	ok(ask(&a, "one", &bus, &v, e));
	assert_string_equal(v, "virtio-scsi");
	ok(ask(&a, "two", &bus, &v, e));
	assert_string_equal(v, "sata");
	ok(ask(&a, "two", &wait, &v, e));
	assert_string_equal(v, "7");
	assert_string_equal(json_str(json_object_get(journal_asked(j, "two",
							     "answer", "wait"),
					     "data"),
				    "source"),
		"file");
	count_event(job->dir, "question", 3);
	fails(ERR_NOT_CONFIRMED, ask(&a, "two", &del, &v, e));
	json_object_set_new(file, "wait", json_integer(0));
	fails(ERR_ANSWER_BAD, ask(&a, "three", &wait, &v, e));
	count_event(job->dir, "question", 3);
}

static void by_default(void **state)
{
	_job_ struct job *job = jobtest_job("web01");
	_journal_ struct journal *j = NULL;
	struct asker a = {.defaults = true};
	const char *v;

	(void)state;
	ok(journal_open(job->dir, NULL, &j, e));
	a.j = j;
	ok(ask(&a, "s", &bus, &v, e));
	assert_string_equal(v, "virtio-scsi");
	/* No default, and one that must be typed by a person. */
	fails(ERR_ANSWER_NEEDED, ask(&a, "s", &mac, &v, e));
	fails(ERR_ANSWER_NEEDED, ask(&a, "s", &del, &v, e));
}

/* One that serves once is asked again, and not given by default forever. */
static void once(void **state)
{
	_job_ struct job *job = jobtest_job("web01");
	struct asker a = {.defaults = true};
	struct journal *j;
	const char *v;

	(void)state;
	ok(journal_open(job->dir, NULL, &j, e));
	a.j = j;
	ok(ask(&a, "s", &retry, &v, e));
	assert_string_equal(v, "yes");
	fails(ERR_ANSWER_NEEDED, ask(&a, "s", &retry, &v, e));
	fails(ERR_ANSWER_NEEDED, ask(&a, "s", &retry, &v, e));
	count_event(job->dir, "question", 2);
	ok(ask_answer(j, "retry", "no", NULL, e));
	journal_close(j);
	ok(journal_open(job->dir, NULL, &j, e));
	a.j = j;
	ok(ask(&a, "s", &retry, &v, e));
	assert_string_equal(v, "no");
	fails(ERR_ANSWER_NEEDED, ask(&a, "s", &retry, &v, e));
	journal_close(j);
}

/* A way back forgets: what was confirmed once is not confirmed for ever. */
static void undone(void **state)
{
	_job_ struct job *job = jobtest_job("web01");
	_journal_ struct journal *j = NULL;
	struct asker a = {0};
	const char *v;

	(void)state;
	ok(journal_open(job->dir, NULL, &j, e));
	a.j = j;
	fails(ERR_ANSWER_NEEDED, ask(&a, "cleanup", &del, &v, e));
	ok(ask_answer(j, "delete", "web01", NULL, e));
	ok(ask(&a, "cleanup", &del, &v, e));
	ok(journal_add(j, "cleanup", "undo", NULL, e));
	fails(ERR_NOT_FOUND, ask_answer(j, "delete", "web01", NULL, e));
	fails(ERR_ANSWER_NEEDED, ask(&a, "cleanup", &del, &v, e));
}

/* A choice that is no longer offered does not stand. */
static void changed(void **state)
{
	static const struct ask_choice less[] = {
		{"virtio-scsi", ""}, {NULL, NULL}};
	struct question narrow = bus;
	_job_ struct job *job = jobtest_job("web01");
	_journal_ struct journal *j = NULL;
	struct asker a = {0};
	const char *v;

	(void)state;
	narrow.choices = less;
	ok(journal_open(job->dir, NULL, &j, e));
	a.j = j;
	fails(ERR_ANSWER_NEEDED, ask(&a, "s", &bus, &v, e));
	ok(ask_answer(j, "bus", "sata", NULL, e));
	fails(ERR_ANSWER_NEEDED, ask(&a, "s", &narrow, &v, e));
	fails(ERR_ANSWER_BAD, ask_answer(j, "bus", "sata", NULL, e));
	ok(ask_answer(j, "bus", "virtio-scsi", NULL, e));
	ok(ask(&a, "s", &narrow, &v, e));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, jobtest_setup, jobtest_teardown)
	const struct CMUnitTest tests[] = {
		T(checked),
		T(answered),
		T(same_id),
		T(from_file),
		T(by_default),
		T(once),
		T(undone),
		T(changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
