/*
 * Logging in: an API token stands in every call; a password gets a ticket
 * that is good for two hours and is renewed with itself. Keeps true: a
 * refused password or token is never sent again.
 */
#include <ctype.h>
#include <string.h>

#include "pve_priv.h"

/* A ticket lives 7200 s by the node's clock; renew well before. */
#define RENEW_AFTER 3600.0
#define DEAD_AFTER 6900.0
/* A 401 for a ticket younger than this is not its age's fault. */
#define FRESH 60.0

void pve_forget_login(struct pve *p)
{
	str_wipe(&p->auth);
	str_wipe(&p->csrf);
	str_wipe(&p->ticket);
}

/* Can it stand in a header line? */
static bool header_safe(const char *s)
{
	for (; *s; s++)
		if (!isgraph((unsigned char)*s))
			return false;
	return true;
}

static int refused(struct pve *p, struct err *e, const char *why)
{
	p->refused = true;
	pve_forget_login(p);
	return err_set(e, ERR_PVE_AUTH, "%s: %s", p->user, why);
}

static int set_token(struct pve *p, struct err *e)
{
	if (!header_safe(p->user) || !header_safe(p->secret))
		return refused(p, e,
			"the token's id or secret has blanks or "
			"characters that no token has");
	p->auth = xasprintf(
		"Authorization: PVEAPIToken=%s=%s", p->user, p->secret);
	return 0;
}

static int keep_ticket(struct pve *p, const json_t *data, struct err *e)
{
	const char *ticket = json_str(data, "ticket");
	const char *csrf = json_str(data, "CSRFPreventionToken");
	_buf_ struct buf cookie = {0};

	if (json_flag(data, "NeedTFA", false) ||
		(ticket && str_starts(ticket, "PVE:!tfa!")))
		return refused(p, e,
			"the account asks for a second factor (TFA); "
			"use an API token");
	if (!ticket || !csrf || !header_safe(csrf))
		return err_set(e, ERR_PVE_SERVER,
			"the answer to the login has no ticket");
	pve_forget_login(p);
	buf_adds(&cookie, "Cookie: PVEAuthCookie=");
	pve_encode(&cookie, ticket);
	p->auth = buf_steal(&cookie);
	p->csrf = xasprintf("CSRFPreventionToken: %s", csrf);
	p->ticket = xstrdup(ticket);
	p->login_at = now_mono();
	return 0;
}

/* POST access/ticket with a password or an old ticket. *denied: a 401. */
static int get_ticket(
	struct pve *p, const char *password, bool *denied, struct err *e)
{
	_http_resp_ struct http_resp r = {0};
	_json_ json_t *body = NULL;
	_buf_ struct buf form = {0};
	int rc;

	buf_adds(&form, "username=");
	pve_encode(&form, p->user);
	buf_adds(&form, "&password=");
	pve_encode(&form, password);
	rc = pve_exchange(p, "POST", "/access/ticket", form.s, &r, e);
	if (rc < 0)
		return -1;
	body = pve_parse(&r);
	if (r.status == 200)
		return keep_ticket(p, json_object_get(body, "data"), e);
	*denied = r.status == 401;
	return pve_refused(&r, body, "POST /access/ticket", e);
}

static int log_in(struct pve *p, struct err *e)
{
	bool denied = false;

	if (!strchr(p->user, '@'))
		return refused(p, e,
			"the user's realm is missing: "
			"write root@pam, not root");
	if (p->token)
		return set_token(p, e);
	pve_forget_login(p);
	if (get_ticket(p, p->secret, &denied, e) == 0)
		return 0;
	p->refused |= denied;
	return -1;
}

int pve_login(struct pve *p, struct err *e)
{
	double age = now_mono() - p->login_at;
	_wipe_ char *old = NULL;
	bool denied = false;
	int rc;

	if (p->refused)
		return err_set(e, ERR_PVE_AUTH,
			"%s was refused before; not tried again", p->user);
	if (!p->auth || (!p->token && age > DEAD_AFTER))
		return log_in(p, e);
	if (p->token || age < RENEW_AFTER)
		return 0;
	old = xstrdup(p->ticket);
	rc = get_ticket(p, old, &denied, e);
	/* The password was good an hour ago: this is no guess. */
	return rc < 0 && denied ? log_in(p, e) : rc;
}

int pve_login_again(struct pve *p, struct err *e)
{
	if (p->token || !p->auth || now_mono() - p->login_at < FRESH) {
		p->refused = true;
		return 0;
	}
	return log_in(p, e) < 0 ? -1 : 1;
}
