/*
 * What an answer of Proxmox VE means. The text stands in the status line
 * (from 8.4 on again in the body), 400 names the parameters in `errors`;
 * texts and their statuses: pve-api.md 3 and 7.5, and the captured answers.
 */
#include <ctype.h>
#include <string.h>

#include "i18n.h"
#include "pve_priv.h"
#include "str.h"

/* First match counts. '*' stands for anything, '#' for a number. */
static const struct {
	const char *pattern;
	enum err_code code;
} texts[] = {
	{"*No space left on device*", ERR_NO_SPACE},
	{"*Disk quota exceeded*", ERR_NO_SPACE},
	{"*not enough free space*", ERR_NO_SPACE},
	{"*nsufficient free space*", ERR_NO_SPACE}, /* lvcreate */
	{"*out of space*", ERR_NO_SPACE},           /* zfs */
	{"*free extents*required*", ERR_NO_SPACE},  /* lvcreate */
	{"*VM is locked*", ERR_PVE_LOCKED},
	{"*can't lock file*got timeout*", ERR_PVE_LOCKED},
	{"*got lock request timeout*",
		ERR_PVE_LOCKED}, /* cluster storage lock */
	{"*can't acquire lock*", ERR_PVE_LOCKED},
	{"*VM # already exists*", ERR_VMID_TAKEN},
	{"*CT # already exists*", ERR_VMID_TAKEN},
	{"*storage '*' does not exist*", ERR_STORAGE_UNFIT},
	{"*storage '*' is disabled*", ERR_STORAGE_UNFIT},
	{"*storage '*' is not available on node*", ERR_STORAGE_UNFIT},
	{"*storage '*' is not online*", ERR_STORAGE_UNFIT},
	{"*storage '*' does not support*", ERR_STORAGE_UNFIT},
	{"*No such storage*", ERR_STORAGE_UNFIT},
	{"*nly root can *", ERR_PVE_PERMISSION},
	{"*Only root may *", ERR_PVE_PERMISSION},
	{"*quit/powerdown failed*", ERR_VM_RUNNING},
	{"*is running - destroy failed*", ERR_VM_RUNNING},
	{"*guest agent is not running*", ERR_AGENT_SILENT},
	{"*No Q* guest agent configured*", ERR_AGENT_SILENT},
	{"*qmp command 'guest-*", ERR_AGENT_SILENT},
	{"Configuration file '*' does not exist*", ERR_NOT_FOUND},
	{"*volume '*' does not exist*", ERR_NOT_FOUND},
	{"*volume_size_info on '*' failed*", ERR_NOT_FOUND},
	{"*no such logical volume*", ERR_NOT_FOUND},
	{"disk '*' does not exist*", ERR_NOT_FOUND},
	{"no such VM*", ERR_NOT_FOUND},
	{"no such file*", ERR_NOT_FOUND},
	{"*no such task*", ERR_NOT_FOUND},
	{"hostname lookup '*' failed*", ERR_NOT_FOUND},
};

/* Does text match pattern? */
static bool matches(const char *pattern, const char *text)
{
	const char *star = NULL, *from = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			from = text;
		} else if (*pattern == '#' && isdigit((unsigned char)*text)) {
			text += strspn(text, "0123456789");
			pattern++;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

enum err_code pve_text_code(const char *text, enum err_code def)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (matches(texts[i].pattern, text))
			return texts[i].code;
	return def;
}

/* Where the Perl code stands tells the operator nothing. */
static void cut_perl_place(char *s)
{
	char *at = strstr(s, " at /usr/share/perl5/");

	if (at && strstr(at, " line "))
		*at = '\0';
}

/* "scsi31: property is not defined ...; vmid: ..." on one line. */
static char *flat_errors(const json_t *errors)
{
	_buf_ struct buf b = {0};
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)errors, key, v) {
		_free_ char *text = xstrdup(
			json_is_string(v) ? json_string_value(v) : "refused");
		char *s = str_trim(text);

		for (char *c = s; *c; c++)
			if (isspace((unsigned char)*c))
				*c = ' ';
		buf_addf(&b, "%s%s: %s", b.len ? "; " : "", key, s);
	}
	return buf_steal(&b);
}

static int refused_400(const char *text, const json_t *body, struct err *e)
{
	const json_t *errors = json_object_get(body, "errors");
	_free_ char *flat = NULL;

	if (!json_is_object(errors) || json_object_size(errors) == 0)
		return err_set(e, ERR_PVE_PARAM, "%s", text);
	flat = flat_errors(errors);
	if (json_object_size(errors) > 1)
		return err_set(e, ERR_PVE_PARAM, "%s", flat);
	return err_set(e, pve_text_code(flat, ERR_PVE_PARAM), "%s", flat);
}

static int refused_59x(const struct http_resp *r, const char *call,
	const char *text, struct err *e)
{
	bool agent = strstr(call, "/agent/");

	if (r->status == 595)
		return err_set(e, ERR_PVE_CONNECT,
			"the node's API daemon does not answer: %s", text);
	/* An agent's error text beyond Latin-1 breaks the reply. */
	if (r->status == 596 && agent && strstr(text, "Broken pipe"))
		return err_set(e, ERR_PVE_SERVER,
			"the agent refused; Proxmox VE lost its words (596 %s)",
			text);
	if (r->status == 596 && str_starts(call, "GET "))
		return err_set(e, ERR_PVE_CONNECT,
			"the node gave no answer in time: %s", text);
	if (r->status == 596)
		return err_set(e, ERR_TIMEOUT,
			"no answer within the proxy's 30 s (596 %s); the work "
			"may go on",
			text);
	return err_set(e, ERR_PVE_SERVER, "%u %s", r->status, text);
}

static int refused_500(const char *call, const char *text, struct err *e)
{
	enum err_code code = pve_text_code(text, ERR_PVE_SERVER);

	if (strstr(call, "/agent/") && code == ERR_PVE_SERVER &&
		matches("VM # is not running", text))
		code = ERR_AGENT_SILENT;
	return err_set(e, code, "%s", text);
}

/* The text of an answer: `message` is whole, the status line may be cut. */
static char *text_of(const struct http_resp *r, const json_t *body)
{
	const char *message = json_str(body, "message");
	char *s = xstrdup(message && r->status != 400 ? message : r->reason);
	char *cut = str_trim(s);

	memmove(s, cut, strlen(cut) + 1);
	cut_perl_place(s);
	if (!*s)
		str_set(&s, N_("no reason given"));
	return s;
}

int pve_refused(const struct http_resp *r, const json_t *body, const char *call,
	struct err *e)
{
	_free_ char *text = text_of(r, body);

	switch (r->status) {
	case 400:
		return refused_400(text, body, e);
	case 401:
		return err_set(e, ERR_PVE_AUTH, "%s", text);
	case 403:
		/* Without path and privilege in the text, say at which call. */
		if (strchr(text, '/'))
			return err_set(e, ERR_PVE_PERMISSION, "%s", text);
		return err_set(e, ERR_PVE_PERMISSION, "%s (%s)", text, call);
	case 404:
		return err_set(e, ERR_NOT_FOUND, "%s", text);
	case 500:
		return refused_500(call, text, e);
	case 501:
		return err_set(e,
			str_starts(text, "Method '") ? ERR_PVE_VERSION
						     : ERR_PVE_PARAM,
			"%s", text);
	case 502 ... 504:
		return err_set(e, ERR_PVE_CONNECT, "%u %s", r->status, text);
	case 595 ... 599:
		return refused_59x(r, call, text, e);
	}
	if (r->status >= 300 && r->status < 400)
		return err_set(e, ERR_PVE_CONNECT,
			"%u %s: this is not the API itself; give the node's "
			"own address and port 8006",
			r->status, text);
	return err_set(e, ERR_PVE_SERVER, "%u %s", r->status, text);
}
