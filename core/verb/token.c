/*
 * `vmferry token`: make an API token with Proxmox's own tool, on the node
 * itself, and keep its secret in STATE/secrets (0600), where the wizard looks.
 * Keeps true: the secret is in no argument and on no screen; other lines of
 * that file stay.
 */
#include "../i18n.h"
#include "../json.h"
#include "../kept.h"
#include "../proc.h"
#include "../str.h"
#include "../verb.h"

#include <string.h>
#include <unistd.h>

#define USER "root@pam"

/* "vmferry-HOST", of what a token's name may have. */
static void token_name(char out[80])
{
	char host[65] = "";

	gethostname(host, sizeof(host) - 1);
	host[strcspn(host, ".")] = '\0';
	for (char *p = host; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-",
			    *p))
			*p = '-';
	snprintf(out, 80, "vmferry-%s", host);
}

static int make(struct out *o, struct err *e)
{
	char name[80];
	const char *const argv[] = {"pveum", "user", "token", "add", USER, name,
		"--privsep", "0", "--output-format", "json", NULL};
	_proc_ struct proc_result r = {0};
	_json_ json_t *told = NULL;
	const char *id, *secret;

	token_name(name);
	if (proc_must(argv, NULL, &r, ERR_PVE_PARAM, e) ||
		json_parse(r.out, r.out_len, &told, e))
		return -1;
	id = json_str(told, "full-tokenid");
	secret = json_str(told, "value");
	if (!id || !secret)
		return err_set(e, ERR_BAD_INPUT, "pveum told no token");
	if (kept_put("pve.secret", secret, e))
		return -1;
	out_f(o, "%s\n", id);
	return 0;
}

static int run(int argc, char **argv, struct out *o, struct err *e)
{
	(void)argv;
	if (argc != 1)
		return verb_usage(&verb_token, e);
	return make(o, e) ? err_in(e, "make an API token for %s", USER) : 0;
}

const struct verb verb_token = {
	.name = "token",
	.args = "",
	.help = N_("on a node: make an API token, kept for the wizard"),
	.run = run,
};
