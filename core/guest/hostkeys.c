/*
 * The SSH server's keys as they lie on the disk: who answers later with one
 * of them is this guest, and nobody has to compare fingerprints.
 */
#include <stdlib.h>
#include <string.h>

#include "../digest.h"
#include "../ssh_hello.h"
#include "../str.h"
#include "own.h"

/* "ssh-ed25519 AAAA.. root@web01": of the second word. */
static void add_key(json_t *out, char *line)
{
	char print[SSH_FINGERPRINT_LEN], *save = NULL;
	const char *kind = strtok_r(line, " \t\n", &save);
	const char *code = strtok_r(NULL, " \t\n", &save);
	unsigned char sum[SHA256_LEN];
	_free_ char *blob = NULL;
	size_t len;

	if (!kind || !code)
		return;
	blob = base64_decode(code, &len);
	/* It begins with its own kind, behind four bytes of length. */
	if (len < 4 + strlen(kind) || memcmp(blob + 4, kind, strlen(kind)))
		return;
	sha256(blob, len, sum);
	json_array_append_new(out, json_text(ssh_fingerprint(print, sum)));
}

json_t *guest_hostkeys(struct guest *g)
{
	_json_ json_t *files = guest_files(g, "/etc/ssh", "_key.pub");
	json_t *out = json_array();
	const json_t *v;
	size_t i;

	json_array_foreach (files, i, v) {
		_free_ char *text = guest_text(g, json_string_value(v));

		if (text)
			add_key(out, text);
	}
	return out;
}
