/*
 * Keyboard-interactive prompts, as a strange host may send them: the file is
 * taken in whole to reach the one function that answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../core/ssh_auth.c"

#include <fcntl.h>
#include <unistd.h>

static struct ssh *s;
static int peer;

static int setup(void **state)
{
	int fd[2];

	(void)state;
	s = xcalloc(1, sizeof(*s));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
		return -1;
	s->fd = fd[0];
	s->password = "secret";
	peer = fd[1];
	return fcntl(peer, F_SETFL, O_NONBLOCK);
}

static int teardown(void **state)
{
	(void)state;
	close(s->fd);
	close(peer);
	free(s);
	return 0;
}

/* Ask n prompts; the first answer, to be freed, or null. */
static char *ask(int n, const char *text, int echo)
{
	LIBSSH2_USERAUTH_KBDINT_PROMPT p[2] = {
		{.length = strlen(text), .echo = echo},
		{.length = strlen(text), .echo = echo}};
	LIBSSH2_USERAUTH_KBDINT_RESPONSE r[2] = {0};
	void *self = s;

	p[0].text = p[1].text = (void *)text;
	answer_prompt("", 0, "", 0, n, p, r, &self);
	assert_null(r[1].text);
	return r[0].text;
}

/* The connection is still open: nothing to be read, no end of file. */
static int is_open(void)
{
	char c;

	return read(peer, &c, 1) < 0;
}

static void once(void **state)
{
	_free_ char *first = NULL;

	(void)state;
	assert_null(ask(0, "", 0)); /* a mere notice */
	first = ask(1, "Password: ", 0);
	assert_string_equal(first, "secret");
	assert_true(is_open());
	assert_null(ask(0, "", 0));
	/* again: nothing is said, not even nothing */
	assert_null(ask(1, "Password: ", 0));
	assert_false(is_open());
	assert_string_equal(s->asked, "Password: ");
}

static void code_too(void **state)
{
	(void)state;
	assert_null(ask(2, "Password: ", 0));
	assert_false(is_open());
	assert_non_null(s->password);
}

static void shown(void **state)
{
	(void)state;
	assert_null(ask(1, "Type your password, it will be seen: ", 1));
	assert_false(is_open());
	assert_non_null(s->password);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(once, setup, teardown),
		cmocka_unit_test_setup_teardown(code_too, setup, teardown),
		cmocka_unit_test_setup_teardown(shown, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
