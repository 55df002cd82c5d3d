/* Who is at the keyboard: see operator.h. */
#include "operator.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "str.h"

#define ANCESTORS_MAX 32

static char *proc_file(const char *pid, const char *name, size_t *len)
{
	_free_ char *path = xasprintf("/proc/%s/%s", pid, name);
	char *text;

	return file_read(path, 1 << 20, &text, len, NULL) ? NULL : text;
}

static char *uid_name(uid_t uid)
{
	const struct passwd *pw = getpwuid(uid);

	return pw ? xstrdup(pw->pw_name) : xasprintf("uid %u", (unsigned)uid);
}

static char *login(void)
{
	_free_ char *text = proc_file("self", "loginuid", NULL);
	const char *sudo = getenv("SUDO_USER");
	uint64_t uid;

	/* 4294967295: never logged in (a service, a container). */
	if (text && str_u64(str_trim(text), UINT32_MAX - 1, &uid) == 0)
		return uid_name(uid);
	return sudo && *sudo ? xstrdup(sudo) : uid_name(getuid());
}

/* The value of NAME= in a block of NUL-ended strings, or null. */
static const char *block_get(const char *block, size_t len, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = block; p < block + len; p += strlen(p) + 1)
		if (strncmp(p, name, n) == 0 && p[n] == '=')
			return p + n + 1;
	return NULL;
}

/* "192.0.2.7 51234 22" gives the first word. */
static char *first_word(const char *s)
{
	return s && *s ? xstrndup(s, strcspn(s, " ")) : NULL;
}

/* The parent: the second field behind the name in (), which may hold
 * anything. */
static int parent_of(const char *pid, char out[24])
{
	_free_ char *stat = proc_file(pid, "stat", NULL);
	char *at = stat ? strrchr(stat, ')') : NULL;
	size_t n;

	if (!at || strlen(at) < 5)
		return -1;
	at += 4;
	n = strcspn(at, " ");
	if (n == 0 || n > 20 || (n == 1 && *at <= '1'))
		return -1;
	memcpy(out, at, n);
	out[n] = '\0';
	return 0;
}

static char *ssh_client(void)
{
	char pid[24] = "self";
	char *from = first_word(getenv("SSH_CONNECTION"));

	if (!from)
		from = first_word(getenv("SSH_CLIENT"));
	for (int i = 0; !from && i < ANCESTORS_MAX; i++) {
		_free_ char *env = NULL;
		size_t len;

		if (parent_of(pid, pid))
			break;
		env = proc_file(pid, "environ", &len);
		if (env)
			from = first_word(
				block_get(env, len, "SSH_CONNECTION"));
	}
	return from;
}

json_t *operator_json(void)
{
	_free_ char *name = login(), *from = ssh_client();
	json_t *o = json_object();

	json_put_str(o, "login", name);
	json_put_str(o, "from", from ? from : "console");
	return o;
}
