/* Fingerprints shown and compared: see login.h. */
#include "login.h"

#include <string.h>

#include "tui/dialog.h"

static bool is_fingerprint_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		(c >= 'A' && c <= 'Z') || c == '+' || c == '/' || c == ':' ||
		c == '=';
}

/* The longest word of a fingerprint's characters: "SHA256:..." or
 * "AA:BB:...". */
static void find_fingerprint(const char *text, char *out, size_t size)
{
	size_t best = 0;

	*out = '\0';
	while (*text) {
		size_t n = 0;

		while (is_fingerprint_char(text[n]))
			n++;
		if (n > best && n > 30 && n < size) {
			best = n;
			memcpy(out, text, n);
			out[n] = '\0';
		}
		text += n ? n : 1;
	}
}

static bool trusted(
	struct wizard *w, const struct err *e, char *pin, size_t size)
{
	bool ssh = e->code == ERR_SSH_HOSTKEY_NEW;
	_free_ char *text = NULL;
	char print[160];

	find_fingerprint(e->why, print, sizeof(print));
	if (!*print || strlen(print) >= size)
		return false;
	text = xasprintf("%s\n\n%s\n\n%s",
		ssh ? _("This ESXi host was never met before. Its key:")
		    : _("This Proxmox node was never met before. Its "
			"certificate:"),
		print,
		ssh ? _("Compare it with the one on the host's own console:\n"
			"PATH=$PATH:/usr/lib/vmware/openssh/bin\n"
			"for f in /etc/ssh/ssh_host_*_key.pub; do "
			"ssh-keygen -lf $f; done")
		    : _("Compare it with the node's own word:\n"
			"pvenode cert info"));
	if (!tui_confirm(w->t,
		    ssh ? _("Is this the right host?")
			: _("Is this the right node?"),
		    text, _("It is the same"), _("Not now")))
		return false;
	snprintf(pin, size, "%s", print);
	return true;
}

static bool is_refusal(enum err_code code)
{
	return code == ERR_SSH_AUTH || code == ERR_HTTPS_AUTH ||
		code == ERR_PVE_AUTH;
}

int login_scan(struct wizard *w, const char *busy, const struct args *a,
	char *pin, size_t size, const struct kept_login *l)
{
	*pin = '\0';
	if (l)
		kept_take(l);
	/* Twice: a scan of both sides may meet two strangers. */
	for (int i = 0; i < 3; i++) {
		struct args all = *a;
		struct err e = {0};
		bool known;

		args_opt(&all,
			strchr(pin, ':') && str_starts(pin, "SHA256:")
				? "--accept-hostkey"
				: "--accept-cert",
			pin);
		if (child_verb(w, busy, &all, true, NULL, &e) == 0) {
			if (l)
				kept_served(w, l);
			return 0;
		}
		known = e.code != ERR_SSH_HOSTKEY_NEW &&
			e.code != ERR_PVE_CERT_NEW;
		if (e.code == ERR_STOPPED)
			return -1;
		if (known)
			wizard_error(w, &e);
		if (l && is_refusal(e.code))
			kept_refused(w, l);
		if (known || !trusted(w, &e, pin, size))
			return -1;
	}
	return -1;
}
