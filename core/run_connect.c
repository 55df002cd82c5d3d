/*
 * The connections of a running job: see run.h. Keeps true: a login that
 * failed is not tried again; what is sent to change something stands in the
 * journal first.
 */
#include "run_own.h"

#include <stdlib.h>
#include <string.h>

#include "esxi.h"
#include "pve.h"
#include "str.h"

void run_disconnect(struct run *r)
{
	esxi_close(r->x);
	pve_close(r->p);
	r->x = NULL;
	r->seen = NULL;
	r->p = NULL;
}

/* --- what is sent --- */

/* What changes something goes to the journal, before it does; what only reads
 * to the log. */
static int told(struct run *r, const char *where, const char *line,
	bool changes, struct err *e)
{
	_free_ char *text = xstrdup(line);

	if (!changes) {
		job_log(r->job, "%s: %s", where, line);
		return 0;
	}
	secrets_redact(r->opts->secrets, text);
	return run_command(r, where, text, e);
}

static int told_esxi(void *arg, const char *line, bool changes, struct err *e)
{
	struct run *r = arg;

	return told(r, run_str(r, "source.host", "?"), line, changes, e);
}

static int told_pve(void *arg, const char *line, bool changes, struct err *e)
{
	struct run *r = arg;

	return told(r, run_str(r, "target.host", "?"), line, changes, e);
}

static void on_pve_note(void *arg, const char *line)
{
	run_say(arg, "  %s", line);
}

/* --- opening --- */

static unsigned port_of(const struct run *r, const char *path, unsigned def)
{
	return run_u64(r, path, def) & 0xffff;
}

static int refused(const struct err *why, struct err *e)
{
	if (e)
		*e = *why;
	return -1;
}

int run_esxi(struct run *r, struct esxi **x, struct err *e)
{
	const struct ssh_target t = {
		.host = run_str(r, "source.host", ""),
		.port = port_of(r, "source.port", 22),
		.user = run_str(r, "source.user", "root"),
		.key_file = run_str(r, "source.key_file", NULL),
		.password = secrets_get(r->opts->secrets, "esxi.password"),
	};

	if (r->x) {
		*x = r->x;
		return 0;
	}
	if (!r->x_why.code && esxi_open(&t, &r->x, &r->x_why))
		err_in(&r->x_why, "log in to the ESXi host %s", t.host);
	if (!r->x)
		return refused(&r->x_why, e);
	esxi_set_told(r->x, &(struct told){told_esxi, r});
	*x = r->x;
	return 0;
}

int run_source(struct run *r, struct esxi **x, struct err *e)
{
	_free_ char *was = xstrdup(r->vm->id);

	if (run_esxi(r, x, e))
		return -1;
	if (r->seen == r->vm)
		return 0;
	if (esxi_find_again(*x, r->vm, e))
		return err_in(e, "find %s on the ESXi host", r->vm->name);
	if (strcmp(was, r->vm->id))
		run_say(r, "  %s was registered anew: it was VM %s, now %s",
			r->vm->name, was, r->vm->id);
	r->seen = r->vm;
	return 0;
}

int run_pve(struct run *r, struct pve **p, struct err *e)
{
	struct pve_target t = {
		.host = run_str(r, "target.host", ""),
		.port = port_of(r, "target.port", 8006),
		.node = run_str(r, "target.node", NULL),
		.user = run_str(r, "target.user", "root@pam"),
	};

	if (r->p) {
		*p = r->p;
		return 0;
	}
	if (!r->p_why.code &&
		(secrets_need(r->opts->secrets, "pve.secret", &t.secret,
			 &r->p_why) ||
			pve_open(&t, &r->p, &r->p_why)))
		err_in(&r->p_why, "log in to the Proxmox node %s", t.host);
	if (!r->p)
		return refused(&r->p_why, e);
	pve_set_told(r->p, &(struct told){told_pve, r});
	pve_set_note(r->p, on_pve_note, r);
	*p = r->p;
	return 0;
}
