/* `vmferry scan`: facts of both sides as JSON, for plan and the wizard. */
#include <getopt.h>
#include <string.h>

#include "../facts.h"
#include "../i18n.h"
#include "../secret.h"
#include "../verb.h"

struct scan {
	char *esxi, *pve;
	struct ssh_target ssh;
	struct pve_target node;
	const char *vm, *output, *secrets;
	const char *file; /* an .ova, .ovf or .vmx */
};

enum {
	O_ESXI = 256,
	O_USER,
	O_KEY,
	O_PVE,
	O_PVE_USER,
	O_NODE,
	O_VM,
	O_SECRETS,
	O_HOSTKEY,
	O_CERT,
	O_OUTPUT
};

static const struct option longopts[] = {
	{"esxi", required_argument, NULL, O_ESXI},
	{"user", required_argument, NULL, O_USER},
	{"key", required_argument, NULL, O_KEY},
	{"pve", required_argument, NULL, O_PVE},
	{"pve-user", required_argument, NULL, O_PVE_USER},
	{"node", required_argument, NULL, O_NODE},
	{"vm", required_argument, NULL, O_VM},
	{"secrets", required_argument, NULL, O_SECRETS},
	{"accept-hostkey", required_argument, NULL, O_HOSTKEY},
	{"accept-cert", required_argument, NULL, O_CERT},
	{"output", required_argument, NULL, O_OUTPUT},
	{0},
};

/* "host" or "host:port" or "[v6]:port", cut in place. */
static int split_host(char *text, unsigned def, const char **host,
	unsigned *port, struct err *e)
{
	char *colon = strrchr(text, ':');
	uint64_t n = def;

	if (text[0] == '[') {
		char *end = strchr(text, ']');

		if (!end)
			return err_set(e, ERR_USAGE, "%s: no ]", text);
		*end = '\0';
		*host = text + 1;
		colon = end[1] == ':' ? end + 1 : NULL;
	} else {
		/* Two colons: an IPv6 address without a port. */
		if (colon && strchr(text, ':') != colon)
			colon = NULL;
		*host = text;
	}
	if (colon) {
		*colon = '\0';
		if (str_u64(colon + 1, 65535, &n) || !n)
			return err_set(
				e, ERR_USAGE, "%s is not a port", colon + 1);
	}
	*port = n;
	return 0;
}

static int take(struct scan *s, int c)
{
	switch (c) {
	case O_ESXI:
		str_set(&s->esxi, optarg);
		return 0;
	case O_PVE:
		str_set(&s->pve, optarg);
		return 0;
	case O_USER:
		s->ssh.user = optarg;
		return 0;
	case O_KEY:
		s->ssh.key_file = optarg;
		return 0;
	case O_PVE_USER:
		s->node.user = optarg;
		return 0;
	case O_NODE:
		s->node.node = optarg;
		return 0;
	case O_VM:
		s->vm = optarg;
		return 0;
	case O_SECRETS:
		s->secrets = optarg;
		return 0;
	case O_HOSTKEY:
		s->ssh.accept_hostkey = optarg;
		return 0;
	case O_CERT:
		s->node.accept_cert = optarg;
		return 0;
	case O_OUTPUT:
		s->output = optarg;
		return 0;
	default:
		return -1;
	}
}

static int parse(int argc, char **argv, struct scan *s, struct err *e)
{
	int c;

	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1)
		if (take(s, c))
			return verb_usage(&verb_scan, e);
	s->file = optind < argc ? argv[optind++] : NULL;
	if (optind != argc || (!s->esxi && !s->pve && !s->file) ||
		(s->file && (s->esxi || s->vm)))
		return verb_usage(&verb_scan, e);
	if (s->esxi && split_host(s->esxi, 22, &s->ssh.host, &s->ssh.port, e))
		return -1;
	if (s->pve && split_host(s->pve, 8006, &s->node.host, &s->node.port, e))
		return -1;
	return 0;
}

static int gather(
	struct scan *s, struct secrets *secrets, json_t *facts, struct err *e)
{
	s->ssh.password = secrets_get(secrets, "esxi.password");
	if (s->esxi && facts_esxi(facts, &s->ssh, s->vm, e))
		return -1;
	if (s->file && facts_file(facts, s->file, e))
		return -1;
	if (!s->pve)
		return 0;
	if (secrets_need(secrets, "pve.secret", &s->node.secret, e))
		return -1;
	return facts_pve(facts, &s->node, e);
}

static int run_parsed(struct scan *s, struct out *o, struct err *e)
{
	_secrets_ struct secrets *secrets = secrets_new();
	_json_ json_t *facts = json_object();
	_free_ char *text = NULL;

	json_put_u64(facts, "schema", 1);
	if (s->secrets && secrets_load(secrets, s->secrets, e))
		return -1;
	if (gather(s, secrets, facts, e))
		return -1;
	if (s->output)
		return json_write(s->output, facts, 0600, e);
	text = json_pretty(facts);
	out_puts(o, text);
	return 0;
}

static int run(int argc, char **argv, struct out *o, struct err *e)
{
	struct scan s = {.ssh.user = "root", .node.user = "root@pam"};
	int rc = parse(argc, argv, &s, e);

	if (rc == 0)
		rc = run_parsed(&s, o, e);
	free(s.esxi);
	free(s.pve);
	return rc;
}

const struct verb verb_scan = {
	.name = "scan",
	.args = "[FILE | --esxi HOST[:PORT]] [--user USER] [--key FILE] "
		"[--vm VM] [--accept-hostkey FINGERPRINT] [--pve HOST[:PORT]] "
		"[--pve-user USER] [--node NODE] [--accept-cert FINGERPRINT] "
		"[--secrets FILE] [--output FILE]",
	.help = N_("look at an ESXi host (or an .ova, .ovf or .vmx) and a "
		   "Proxmox node, print facts as JSON"),
	.run = run,
};
