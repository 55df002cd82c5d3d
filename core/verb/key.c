/* `vmferry key [list | new NAME [--rsa] | show NAME]`: SSH keys for ESXi
 * hosts, and what to do with them there. */
#include "../i18n.h"
#include "../verb.h"

#include <string.h>

#include "../sshkey.h"

static int list(struct out *o, struct err *e)
{
	_json_ json_t *keys = NULL;
	const json_t *k;
	size_t i;

	if (sshkey_list(&keys, e))
		return -1;
	json_array_foreach (keys, i, k)
		out_f(o, "%-16s %-20s %s\n", json_str(k, "name"),
			json_str(k, "algorithm"), json_str(k, "path"));
	if (!json_array_size(keys))
		out_notef(o, "no key yet: vmferry key new NAME");
	return 0;
}

static int show(const char *name, struct out *o, struct err *e)
{
	_free_ char *path = NULL, *public = NULL;
	_buf_ struct buf cmd = {0};

	if (sshkey_get(name, &path, &public, e))
		return -1;
	buf_adds(&cmd, "echo");
	sh_arg(&cmd, public);
	out_notef(o, "Private key: %s", path);
	out_notef(o, "On the ESXi host, in its shell, type this one line:");
	out_f(o, "%s >>%s\n", cmd.s, SSHKEY_AUTHORIZED);
	return 0;
}

static int make(int argc, char **argv, struct out *o, struct err *e)
{
	bool rsa = argc == 4 && strcmp(argv[3], "--rsa") == 0;

	if (argc != 3 && !rsa)
		return verb_usage(&verb_key, e);
	if (sshkey_new(argv[2], rsa ? SSHKEY_RSA : SSHKEY_ECDSA, e))
		return -1;
	return show(argv[2], o, e);
}

static int run(int argc, char **argv, struct out *o, struct err *e)
{
	if (argc == 1 || (argc == 2 && strcmp(argv[1], "list") == 0))
		return list(o, e);
	if (argc == 3 && strcmp(argv[1], "show") == 0)
		return show(argv[2], o, e);
	if (argc >= 3 && strcmp(argv[1], "new") == 0)
		return make(argc, argv, o, e);
	return verb_usage(&verb_key, e);
}

const struct verb verb_key = {
	.name = "key",
	.args = "[list | new NAME [--rsa] | show NAME]",
	.help = N_("make SSH keys that an ESXi host takes"),
	.run = run,
};
