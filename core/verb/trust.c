/* `vmferry trust [list | forget HOST[:PORT]]`: the pinned SSH host keys and
 * TLS certificates. */
#include "../i18n.h"
#include "../verb.h"

#include <string.h>

#include "../trust.h"

static int list(struct out *o, struct err *e)
{
	_json_ json_t *pins = NULL;
	const json_t *p;
	size_t i;

	if (trust_list(&pins, e))
		return -1;
	json_array_foreach (pins, i, p)
		out_f(o, "%s %s:%u %s%s%s\n", json_str(p, "kind"),
			json_str(p, "host"), (unsigned)json_u64(p, "port", 0),
			json_str_or(p, "algorithm", ""),
			json_str(p, "algorithm") ? " " : "",
			json_str(p, "fingerprint"));
	if (!json_array_size(pins))
		out_notef(o, "no host is pinned yet");
	return 0;
}

/* Both kinds: the operator names a host, not what it showed. */
static int forget(const char *arg, struct out *o, struct err *e)
{
	_free_ char *host = xstrdup(arg);
	char *colon = strrchr(host, ':');
	struct err ssh = {0}, tls = {0};
	uint64_t port = 0;

	/* A second colon: an IPv6 address, with a port only after "]". */
	if (colon && (strchr(host, ':') == colon || colon[-1] == ']')) {
		if (str_u64(colon + 1, 65535, &port) || !port)
			return err_set(
				e, ERR_USAGE, "%s is not a port", colon + 1);
		*colon = '\0';
	}
	if (*host == '[') {
		memmove(host, host + 1, strlen(host));
		host[strcspn(host, "]")] = '\0';
	}
	trust_forget(TRUST_SSH, host, port, &ssh);
	trust_forget(TRUST_TLS, host, port, &tls);
	if (ssh.code && (ssh.code != ERR_NOT_FOUND || tls.code)) {
		*e = ssh;
		return -1;
	}
	if (tls.code && tls.code != ERR_NOT_FOUND) {
		*e = tls;
		return -1;
	}
	if (!ssh.code)
		out_notef(o, "forgot the SSH host key of %s", host);
	if (!tls.code)
		out_notef(o, "forgot the certificate of %s", host);
	return 0;
}

static int run(int argc, char **argv, struct out *o, struct err *e)
{
	if (argc == 1 || (argc == 2 && strcmp(argv[1], "list") == 0))
		return list(o, e);
	if (argc == 3 && strcmp(argv[1], "forget") == 0)
		return forget(argv[2], o, e);
	return verb_usage(&verb_trust, e);
}

const struct verb verb_trust = {
	.name = "trust",
	.args = "[list | forget HOST[:PORT]]",
	.help = N_("show or forget pinned host keys and certificates"),
	.run = run,
};
