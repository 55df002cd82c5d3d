/*
 * SSH, logging in: see ssh_open() in ssh.h. Keeps true: a password leaves
 * this process once at most, and no other guess is ever made.
 */
#include "ssh_int.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "i18n.h"
#include "ssh_hello.h"

/*
 * One hidden prompt is the password's. Anything else (a second prompt, a new
 * password wanted, a code) ends the connection: an answer, even an empty
 * one, would be another attempt in the eyes of the host.
 */
static LIBSSH2_USERAUTH_KBDINT_RESPONSE_FUNC(answer_prompt)
{
	struct ssh *s = *abstract;

	(void)name, (void)name_len, (void)instruction, (void)instruction_len;
	if (num_prompts == 0)
		return;
	if (num_prompts == 1 && !prompts[0].echo && s->password) {
		responses[0].text = xstrdup(s->password);
		responses[0].length = strlen(s->password);
		s->password = NULL;
		return;
	}
	snprintf(s->asked, sizeof(s->asked), "%.*s",
		(int)(prompts[0].length < 79 ? prompts[0].length : 79),
		(const char *)prompts[0].text);
	shutdown(s->fd, SHUT_RDWR);
}

/* Kind of a private key's file by what ssh-keygen wrote beside it, or of
 * the file's first line; "" unknown. */
static void key_kind(const char *file, char kind[32])
{
	_free_ char *pub = xasprintf("%s.pub", file), *text = NULL;

	kind[0] = '\0';
	if (file_read(pub, 16384, &text, NULL, NULL) == 0)
		snprintf(kind, 32, "%.*s", (int)strcspn(text, " \n"), text);
	else if (file_read(file, 65536, &text, NULL, NULL) == 0 &&
		str_starts(text, "-----BEGIN RSA PRIVATE KEY"))
		snprintf(kind, 32, "ssh-rsa");
}

struct login {
	struct ssh *s;
	const struct ssh_target *t;
	double until;
	char *offered; /* methods the host takes */
	struct buf tried;
	char no_key[200]; /* why the key cannot have worked, or "" */
};

static void explain_key(struct login *l)
{
	_ssh_hello_ struct ssh_hello h = {0};
	char kind[32];

	key_kind(l->t->key_file, kind);
	if (ssh_hello_get(l->s->host, l->s->port, l->until, &h, NULL) == 0)
		ssh_hello_refuses(&h, kind, ssh_lib_rsa_sha2(), ssh_lib(),
			l->no_key, sizeof(l->no_key));
}

/* 1 logged in, 0 refused, -1 error. */
static int login_key(struct login *l, struct err *e)
{
	const char *user = l->t->user, *file = l->t->key_file;
	_free_ char *text = NULL;
	char *msg = NULL;
	int rc;

	if (file_read(file, 65536, &text, NULL, e))
		return err_in(e, "read the SSH key %s", file);
	explicit_bzero(text, strlen(text));
	rc = SSH_TRY(l->s, l->until, e,
		libssh2_userauth_publickey_fromfile_ex(
			l->s->ses, user, strlen(user), NULL, file, NULL));
	if (rc == 0)
		return 1;
	libssh2_session_last_error(l->s->ses, &msg, NULL, 0);
	switch (rc) {
	case LIBSSH2_ERROR_AUTHENTICATION_FAILED:
	case LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED:
		buf_addf(&l->tried, N_("publickey with %s (refused)"), file);
		explain_key(l);
		return 0;
	case LIBSSH2_ERROR_FILE:
	case LIBSSH2_ERROR_METHOD_NONE:
	case LIBSSH2_ERROR_PROTO:
	case LIBSSH2_ERROR_KEYFILE_AUTH_FAILED:
	case LIBSSH2_ERROR_ALLOC:
		return err_set(e, ERR_BAD_INPUT,
			"%s is not a key without passphrase that %s reads: %s",
			file, ssh_lib(), msg ? msg : "");
	default:
		return ssh_tried(l->s, rc, e);
	}
}

/* 1 logged in, 0 refused, -1 error. */
static int login_password(struct login *l, struct err *e)
{
	struct ssh *s = l->s;
	const char *user = l->t->user, *password = s->password;
	const char *how;
	int rc;

	buf_adds(&l->tried, l->tried.len ? ", " : "");
	if (ssh_list_has(l->offered, "keyboard-interactive")) {
		how = "keyboard-interactive";
		rc = SSH_TRY(s, l->until, e,
			libssh2_userauth_keyboard_interactive_ex(
				s->ses, user, strlen(user), answer_prompt));
	} else if (ssh_list_has(l->offered, "password")) {
		how = "password";
		s->password = NULL;
		rc = SSH_TRY(s, l->until, e,
			libssh2_userauth_password_ex(s->ses, user, strlen(user),
				password, strlen(password), NULL));
	} else {
		buf_adds(&l->tried, N_("no password (none is taken)"));
		return 0;
	}
	if (rc == 0)
		return 1;
	buf_addf(&l->tried, N_("the password once by %s (refused)"), how);
	if (s->asked[0]) {
		s->dead = true;
		return err_set(e, ERR_SSH_AUTH,
			"%s asks for more than a password: \"%s\"", s->host,
			s->asked);
	}
	if (rc == LIBSSH2_ERROR_AUTHENTICATION_FAILED ||
		rc == LIBSSH2_ERROR_PASSWORD_EXPIRED)
		return 0;
	return ssh_tried(s, rc, e);
}

/* 1 where the host lets anybody in, 0 with l->offered, -1 error. */
static int ask_methods(struct login *l, struct err *e)
{
	struct ssh *s = l->s;
	const char *user = l->t->user;
	char *list;

	while (!(list = libssh2_userauth_list(s->ses, user, strlen(user)))) {
		int rc = libssh2_session_last_errno(s->ses);

		if (libssh2_userauth_authenticated(s->ses))
			return 1;
		if (rc != LIBSSH2_ERROR_EAGAIN)
			return ssh_lost(s, e);
		if (ssh_pause(s, l->until, e))
			return -1;
	}
	str_set(&l->offered, list);
	return 0;
}

static int refused(const struct login *l, struct err *e)
{
	l->s->dead = true;
	if (l->no_key[0] && !l->t->password)
		return err_set(e, ERR_SSH_ALGORITHM, "user key: %s", l->no_key);
	if (!l->tried.len)
		return err_set(e, ERR_SSH_AUTH,
			"%s takes %s, and neither a key nor a password is "
			"given",
			l->s->host, l->offered);
	return err_set(e, ERR_SSH_AUTH, "%s takes %s; tried as %s: %s",
		l->s->host, l->offered, l->t->user, l->tried.s);
}

static int log_in_by(struct login *l, struct err *e)
{
	int rc = ask_methods(l, e);

	if (rc == 0 && l->t->key_file && ssh_list_has(l->offered, "publickey"))
		rc = login_key(l, e);
	if (rc == 0 && l->s->password)
		rc = login_password(l, e);
	if (rc == 0)
		return refused(l, e);
	return rc > 0 ? 0 : -1;
}

int ssh_log_in(
	struct ssh *s, const struct ssh_target *t, double until, struct err *e)
{
	struct login l = {.s = s, .t = t, .until = until};
	int rc;

	s->password = t->password;
	rc = log_in_by(&l, e);
	s->password = NULL;
	free(l.offered);
	buf_free(&l.tried);
	return rc;
}
