/* A shell in the guest: see guest_shell.h. */
#include "guest_shell.h"

#include <stdlib.h>
#include <string.h>

#include "guest_job.h"
#include "i18n.h"
#include "pve.h"
#include "ssh.h"
#include "str.h"

/* Sound commands wherever a user's PATH leads. */
#define SH_PATH "PATH=/usr/sbin:/sbin:/usr/bin:/bin:$PATH; export PATH; "

bool guest_ssh_wanted(const struct run *r)
{
	return json_is_object(json_at(r->plan, "guest.ssh"));
}

/* Where it is: what the plan says, else the first address it gives. */
static char *address_of(const struct run *r)
{
	_json_ json_t *want = guest_job_wanted(r);
	const char *said = run_str(r, "guest.ssh.address", NULL);
	const json_t *n;
	size_t i;

	json_array_foreach (json_object_get(want, "nics"), i, n)
		if (!said)
			said = json_str(n, "address");
	return said ? xstrndup(said, strcspn(said, "/")) : NULL;
}

static int open_with(struct run *r, const char *accept, double patience,
	struct ssh **out, struct err *e)
{
	_free_ char *host = address_of(r);
	const struct ssh_target t = {.host = host,
		.port = run_u64(r, "guest.ssh.port", 22) & 0xffff,
		.user = run_str(r, "guest.ssh.user", "root"),
		.key_file = run_str(r, "guest.ssh.key_file", NULL),
		.password = secrets_get(r->opts->secrets, "guest.password"),
		.accept_hostkey = accept,
		.timeout = patience};

	if (!host)
		return err_set(e, ERR_SSH_CONNECT,
			"the plan has no address of the guest "
			"(guest.ssh.address)");
	if (r->guest_why.code) {
		*e = r->guest_why;
		return -1;
	}
	if (ssh_open(&t, out, e) == 0)
		return 0;
	err_in(e, "log in to %s", host);
	/* Asked again and again while it starts: a refusal once only. */
	if (e->code == ERR_SSH_AUTH)
		r->guest_why = *e;
	return -1;
}

/* The fingerprint in the words of ERR_SSH_HOSTKEY_NEW; to be freed. */
static char *fingerprint_in(const struct err *e)
{
	const char *p = strstr(e->why, "SHA256:");

	return p ? xstrndup(p, strcspn(p, " ,;)\n")) : NULL;
}

static bool on_its_disk(const struct run *r, const char *print)
{
	const json_t *list = json_object_get(
			     guest_job_facts(r), "ssh_hostkeys"),
		     *v;
	size_t i;

	json_array_foreach (list, i, v)
		if (strcmp(json_string_value(v), print) == 0)
			return true;
	return false;
}

/* Nothing is known of its keys: the operator compares. */
static int ask_hostkey(
	struct run *r, const char *print, bool *yes, struct err *e)
{
	static const struct ask_choice c[] = {{"yes", N_("it is the guest's")},
		{"no", N_("it is not, or I do not know")}, {NULL, NULL}};
	_free_ char *id = xasprintf("hostkey-%s", print);
	const struct question q = {.id = id,
		.kind = ASK_CHOICE,
		.choices = c,
		.text = N_("Is this the SSH host key of the guest?"),
		.why = print,
		.help = N_("In the VM's console: for f in "
			   "/etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $f; "
			   "done")};
	const char *a;

	if (run_ask(r, &q, &a, e))
		return -1;
	*yes = strcmp(a, "yes") == 0;
	return 0;
}

/* May this new key be taken? 1, 0, or -1. */
static int may_take(
	struct run *r, const char *print, bool may_ask, struct err *e)
{
	bool yes = false;

	if (on_its_disk(r, print))
		return 1;
	/* Its keys are known, and this is none of them. */
	if (json_array_size(
		    json_object_get(guest_job_facts(r), "ssh_hostkeys")))
		return 0;
	if (may_ask && ask_hostkey(r, print, &yes, e))
		return -1;
	return yes;
}

static int open_guest(struct run *r, double patience, bool may_ask,
	struct ssh **out, struct err *e)
{
	const char *planned = run_str(r, "guest.ssh.hostkey", NULL);
	_free_ char *print = NULL;
	int rc;

	if (open_with(r, planned, patience, out, e) == 0)
		return 0;
	if (e->code != ERR_SSH_HOSTKEY_NEW || planned)
		return -1;
	print = fingerprint_in(e);
	rc = print ? may_take(r, print, may_ask, e) : 0;
	if (rc == 0)
		err_set(e, ERR_SSH_HOSTKEY_NEW,
			"%s is not a host key that lies on the guest's disk",
			print ? print : "?");
	return rc > 0 ? open_with(r, print, patience, out, e) : -1;
}

int guest_ssh_try(struct run *r, double patience, struct err *e)
{
	_ssh_ struct ssh *s = NULL;

	return open_guest(r, patience, false, &s, e);
}

/* As root: sudo reads its password from standard input, where it needs one.
 * To be freed. */
static char *command_of(const struct run *r, const char *script)
{
	_free_ char *line = xasprintf(SH_PATH "%s", script);
	const char *user = run_str(r, "guest.ssh.user", "root");
	struct buf b = {0};

	if (strcmp(user, "root"))
		buf_adds(&b,
			secrets_get(r->opts->secrets, "guest.password")
				? "sudo -S -p '' "
				: "sudo -n ");
	buf_adds(&b, "/bin/sh -c");
	sh_arg(&b, line);
	return buf_steal(&b);
}

static int exec_over(struct run *r, struct ssh *s, const char *script,
	double timeout, char **out, struct err *e)
{
	const char *word = secrets_get(r->opts->secrets, "guest.password");
	_ssh_result_ struct ssh_result res = {0};
	_free_ char *command = command_of(r, script);
	_buf_ struct buf in = {0};

	if (word && strcmp(run_str(r, "guest.ssh.user", "root"), "root"))
		buf_addf(&in, "%s\n", word);
	if (ssh_exec(s, command, in.s, in.len, timeout, &res, e))
		return -1;
	/* sudo's own refusal, before anything ran. */
	if (res.status && !res.out_len && strstr(res.err, "sudo"))
		return err_set(e, ERR_SSH_AUTH, "%s", str_trim(res.err));
	*out = xstrdup(res.out);
	return 0;
}

int guest_ssh_shell(struct run *r, const char *script, double timeout,
	char **out, struct err *e)
{
	_ssh_ struct ssh *s = NULL;

	if (open_guest(r, 15, true, &s, e) ||
		run_command(r, "guest", script, e))
		return -1;
	return exec_over(r, s, script, timeout, out, e);
}

static int by_agent(struct run *r, const char *script, double timeout,
	char **out, struct err *e)
{
	_free_ char *line = xasprintf(SH_PATH "%s", script);
	const char *argv[] = {"/bin/sh", "-c", line, NULL};
	struct pve *p;
	int status;

	return run_pve(r, &p, e) ||
			pve_agent_exec(p, run_vmid(r), argv, timeout, &status,
				out, NULL, e)
		? -1
		: 0;
}

int guest_shell(struct run *r, const char *script, double timeout, char **out,
	const char **by, struct err *e)
{
	_free_ char *why = NULL;

	*by = "agent";
	if (by_agent(r, script, timeout, out, e) == 0)
		return 0;
	if (e->code == ERR_STOPPED || !guest_ssh_wanted(r))
		return -1;
	why = xstrdup(e->why);
	*by = "ssh";
	if (guest_ssh_shell(r, script, timeout, out, e) == 0)
		return 0;
	if (e->code == ERR_STOPPED || e->code == ERR_ANSWER_NEEDED)
		return -1;
	_free_ char *both = xasprintf("agent: %s; SSH: %s", why, e->why);

	return err_set(e, e->code, "%s", both);
}
