/* ssh as our child: see ssh_child.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gunzip.h"
#include "proc.h"
#include "ssh_child_int.h"
#include "str.h"

#define PIPE_SIZE (1 << 20)
#define FILES 3 /* in its directory */

/* --- its directory --- */

static const char *const names[FILES] = {"known_hosts", "askpass", "password"};

static char *inside(const struct ssh_child *c, int which)
{
	return path_join(c->dir, names[which]);
}

/* Reads one line of the pipe beside itself; `read` and `printf` belong to
 * the shell, so that the password is in nobody's argv. */
static const char askpass[] = "#!/bin/sh\n"
			      "IFS= read -r line <\"${0%/*}/password\" && "
			      "printf '%s\\n' \"$line\"\n";

static int put_password(
	struct ssh_child *c, const char *password, struct err *e)
{
	_free_ char *script = inside(c, 1), *pipe = inside(c, 2);

	if (file_write(script, askpass, sizeof(askpass) - 1, 0700, e))
		return -1;
	if (access(script, X_OK))
		return err_sys(e, ERR_TOOL_MISSING,
			"%s cannot be run: set TMPDIR to a directory where "
			"programs may",
			script);
	if (mkfifo(pipe, 0600))
		return err_sys(e, ERR_IO, "cannot make %s", pipe);
	c->password = open(pipe, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (c->password < 0 ||
		write_all(c->password, password, strlen(password)) ||
		write_all(c->password, "\n", 1))
		return err_sys(e, ERR_IO, "cannot fill %s", pipe);
	return 0;
}

static int make_dir(
	struct ssh_child *c, const struct ssh_door *d, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	_free_ char *hosts = NULL, *line = NULL;

	c->dir = path_join(tmp && *tmp ? tmp : "/tmp", "vmferry-ssh-XXXXXX");
	if (!mkdtemp(c->dir)) {
		err_sys(e, ERR_IO, "cannot make %s", c->dir);
		str_set(&c->dir, NULL);
		return -1;
	}
	hosts = inside(c, 0);
	line = xasprintf("vmferry %s\n", d->hostkey);
	if (file_write(hosts, line, strlen(line), 0600, e))
		return -1;
	if (d->target->key_file || !d->target->password)
		return 0;
	return put_password(c, d->target->password, e);
}

static void remove_dir(struct ssh_child *c)
{
	for (int i = 0; i < FILES && c->dir; i++) {
		_free_ char *path = inside(c, i);

		unlink(path);
	}
	if (c->dir)
		rmdir(c->dir);
}

/* --- start and end --- */

void ssh_door_make(
	struct ssh_door *d, const struct ssh_target *t, struct ssh *s)
{
	*d = (struct ssh_door){.target = t,
		.hostkey = ssh_hostkey(s),
		.kex = xstrdup(ssh_kex(s)),
		.lock = PTHREAD_MUTEX_INITIALIZER};
}

void ssh_door_free(struct ssh_door *d)
{
	free(d->hostkey);
	free(d->kex);
	*d = (struct ssh_door){0};
}

static bool by_password(const struct ssh_door *d)
{
	return !d->target->key_file && d->target->password;
}

/* -1, and the lock is free, where the password is not to be sent. */
static int lock_door(struct ssh_door *d, bool child, struct err *e)
{
	pthread_mutex_lock(&d->lock);
	if (!d->refused && !(child && d->not_by_child))
		return 0;
	pthread_mutex_unlock(&d->lock);
	return err_set(e, ERR_SSH_AUTH, "%s refused the password of %s before",
		d->target->host, d->target->user);
}

int ssh_door_open(struct ssh_door *d, struct ssh **out, struct err *e)
{
	struct err why = {0};
	int rc;

	if (!by_password(d))
		return ssh_open(d->target, out, e);
	if (lock_door(d, false, e))
		return -1;
	rc = ssh_open(d->target, out, &why);
	d->opened |= rc == 0;
	d->refused |= rc && why.code == ERR_SSH_AUTH;
	pthread_mutex_unlock(&d->lock);
	if (rc && e)
		*e = why;
	return rc;
}

void ssh_child_known(struct ssh_child *c, bool refused)
{
	struct ssh_door *d = c->held;

	c->held = NULL;
	if (!d)
		return;
	d->opened |= c->heard;
	d->refused |= refused && d->opened;
	d->not_by_child |= refused;
	pthread_mutex_unlock(&d->lock);
}

/* SSH_ASKPASS_REQUIRE came with 8.4; an older client would send an empty
 * password, and ESXi counts those. */
static int check_version(struct err *e)
{
	const char *const argv[] = {"ssh", "-V", NULL};
	_proc_ struct proc_result r = {0};
	uint64_t major = 0, minor = 0;
	char *p, *dot;

	if (proc_run(argv, NULL, &r, e))
		return -1;
	p = strstr(r.err, "OpenSSH_");
	dot = p ? strchr(p, '.') : NULL;
	if (dot) {
		*dot = '\0';
		dot[1 + strspn(dot + 1, "0123456789")] = '\0';
	}
	if (!dot || str_u64(p + 8, 1000, &major) ||
		str_u64(dot + 1, 1000, &minor))
		return err_set(e, ERR_TOOL_MISSING, "ssh is no OpenSSH");
	if (major * 100 + minor < 804)
		return err_set(e, ERR_TOOL_MISSING,
			"OpenSSH %u.%u cannot be given a password safely",
			(unsigned)major, (unsigned)minor);
	return 0;
}

struct args {
	const char *v[64];
	size_t n;
	char *own[64]; /* to be freed */
	size_t n_own;
};

static void args_free(struct args *a)
{
	while (a->n_own)
		free(a->own[--a->n_own]);
}

static void arg(struct args *a, const char *s)
{
	a->v[a->n++] = s;
}

static void own(struct args *a, char *s)
{
	a->own[a->n_own++] = s;
	arg(a, s);
}

static void option(struct args *a, char *s)
{
	arg(a, "-o");
	own(a, s);
}

/* Key kinds that show the pinned key: an RSA one signs in three ways. */
static char *hostkey_kinds(const struct ssh_door *d)
{
	size_t n = strcspn(d->hostkey, " ");

	if (n == 7 && str_starts(d->hostkey, "ssh-rsa"))
		return xstrdup("rsa-sha2-512,rsa-sha2-256,ssh-rsa");
	return xstrndup(d->hostkey, n);
}

static void add_options(
	struct args *a, const struct ssh_child *c, const struct ssh_door *d)
{
	static const char *const fixed[] = {"StrictHostKeyChecking=yes",
		"HostKeyAlias=vmferry", "GlobalKnownHostsFile=/dev/null",
		"CheckHostIP=no", "UpdateHostKeys=no", "IdentitiesOnly=yes",
		"IdentityAgent=none", "ControlMaster=no", "ControlPath=none",
		"ClearAllForwardings=yes", "Compression=no",
		"ConnectTimeout=30", "ConnectionAttempts=1",
		"ServerAliveInterval=15", "ServerAliveCountMax=6",
		"NumberOfPasswordPrompts=1", "LogLevel=ERROR",
		"PubkeyAcceptedKeyTypes=+ssh-rsa",
		/* cheapest first; the old set last */
		"Ciphers=aes128-gcm@openssh.com,aes256-gcm@openssh.com,"
		"aes128-ctr,aes192-ctr,aes256-ctr,"
		"chacha20-poly1305@openssh.com"};
	_free_ char *hosts = inside(c, 0), *kinds = hostkey_kinds(d);

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
		arg(a, "-o");
		arg(a, fixed[i]);
	}
	option(a, xasprintf("UserKnownHostsFile=\"%s\"", hosts));
	option(a, xasprintf("HostKeyAlgorithms=%s", kinds));
	if (d->kex)
		option(a, xasprintf("KexAlgorithms=+%s", d->kex));
	if (c->password >= 0) {
		option(a,
			xstrdup("PreferredAuthentications="
				"keyboard-interactive,password"));
	} else {
		option(a, xstrdup("BatchMode=yes"));
		option(a, xstrdup("PreferredAuthentications=publickey"));
	}
}

static int spawn(struct ssh_child *c, const struct ssh_door *d, struct err *e)
{
	const struct ssh_target *t = d->target;
	struct args a __attribute__((cleanup(args_free))) = {0};
	int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1}, rc = -1;

	if (c->password >= 0) {
		_free_ char *script = inside(c, 1);

		arg(&a, "env");
		own(&a, xasprintf("SSH_ASKPASS=%s", script));
		arg(&a, "SSH_ASKPASS_REQUIRE=force");
		arg(&a, "DISPLAY=none");
	}
	arg(&a, "ssh");
	arg(&a, "-F");
	arg(&a, "/dev/null");
	arg(&a, "-T");
	add_options(&a, c, d);
	if (t->key_file) {
		arg(&a, "-i");
		arg(&a, t->key_file);
	}
	arg(&a, "-p");
	own(&a, xasprintf("%u", t->port ? t->port : 22));
	arg(&a, "-l");
	arg(&a, t->user);
	arg(&a, "--");
	arg(&a, t->host);
	arg(&a, "sh");
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) ||
		pipe2(err, O_CLOEXEC))
		err_sys(e, ERR_IO, "cannot make a pipe");
	else
		rc = proc_spawn(a.v, in[0], out[1], err[1], &c->pid, e);
	c->in = in[1];
	c->out = out[0];
	c->err = err[0];
	close(in[0]);
	close(out[1]);
	close(err[1]);
	return rc;
}

int ssh_child_open(struct ssh_door *d, struct ssh_child **out, struct err *e)
{
	struct ssh_child *c;
	bool by_key = d->target->key_file;

	if (by_password(d) && lock_door(d, true, e))
		return -1;
	c = xcalloc(1, sizeof(*c));
	c->held = by_password(d) ? d : NULL;
	c->in = c->out = c->err = c->password = -1;
	c->buf = xmalloc(SSH_CHILD_PIECE);
	if ((!by_key && check_version(e)) || make_dir(c, d, e) ||
		spawn(c, d, e)) {
		ssh_child_close(c);
		return -1;
	}
	/* Fewer turns for both; what is refused here is only slower. */
	fcntl(c->out, F_SETPIPE_SZ, PIPE_SIZE);
	fcntl(c->out, F_SETFL, O_NONBLOCK);
	fcntl(c->err, F_SETFL, O_NONBLOCK);
	fcntl(c->in, F_SETFL, O_NONBLOCK);
	*out = c;
	return 0;
}

static void shut(int fd)
{
	if (fd >= 0)
		close(fd);
}

void ssh_child_close(struct ssh_child *c)
{
	if (!c)
		return;
	ssh_child_known(c, false);
	shut(c->in);
	shut(c->out);
	if (c->pid)
		proc_end(c->pid, SSH_CHILD_GRACE);
	shut(c->err);
	shut(c->password);
	remove_dir(c);
	buf_free(&c->words);
	gunzip_free(c->z);
	free(c->out_buf);
	free(c->buf);
	free(c->dir);
	free(c);
}
