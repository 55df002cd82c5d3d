/* SSH user keys: see sshkey.h. */
#include "sshkey.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proc.h"
#include "state.h"
#include "str.h"

static bool name_ok(const char *name)
{
	return *name && strlen(name) <= 64 &&
		name[strspn(name,
			"abcdefghijklmnopqrstuvwxyz"
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")] == '\0' &&
		*name != '-';
}

static int key_path(const char *name, char **path, struct err *e)
{
	_free_ char *dir = NULL;

	if (!name_ok(name))
		return err_set(e, ERR_BAD_INPUT,
			"'%s' is not a name for a key: letters, digits, _ and "
			"- only",
			name);
	if (state_path("keys", &dir, e) || file_mkdirs(dir, 0700, e))
		return -1;
	*path = path_join(dir, name);
	return 0;
}

int sshkey_new(const char *name, enum sshkey_kind kind, struct err *e)
{
	_free_ char *path = NULL, *pub = NULL, *comment = NULL;
	bool rsa = kind == SSHKEY_RSA;

	if (key_path(name, &path, e))
		return err_in(e, "make the key %s", name);
	pub = xasprintf("%s.pub", path);
	comment = xasprintf("vmferry-%s", name);
	if (file_exists(path) || file_exists(pub))
		return err_set(e, ERR_BAD_INPUT,
			"a key %s exists and is not overwritten", name);
	/* PEM, because every libssh2 reads it. */
	if (proc_must((const char *const[]){"ssh-keygen", "-q", "-t",
			      rsa ? "rsa" : "ecdsa", "-b", rsa ? "3072" : "256",
			      "-m", "PEM", "-N", "", "-C", comment, "-f", path,
			      NULL},
		    NULL, NULL, ERR_IO, e))
		return err_in(e, "make the key %s", name);
	if (chmod(path, 0600) || chmod(pub, 0600))
		return err_sys(e, ERR_IO, "%s", path);
	return 0;
}

int sshkey_get(const char *name, char **path, char **public, struct err *e)
{
	_free_ char *key = NULL, *pub = NULL, *text = NULL;

	if (key_path(name, &key, e))
		return -1;
	pub = xasprintf("%s.pub", key);
	if (!file_exists(key))
		return err_set(e, ERR_NOT_FOUND, "no key %s", name);
	if (file_read(pub, 16384, &text, NULL, e))
		return err_in(e, "read the key %s", name);
	if (public)
		*public = str_printable_dup(str_trim(text));
	if (path) {
		*path = key;
		key = NULL;
	}
	return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void list_one(json_t *list, const char *file)
{
	_free_ char *name = xstrndup(file, strlen(file) - 4);
	_free_ char *path = NULL, *public = NULL, *algo = NULL;
	json_t *o;

	if (sshkey_get(name, &path, &public, NULL))
		return;
	algo = xstrndup(public, strcspn(public, " "));
	o = json_object();
	json_put_str(o, "name", name);
	json_put_str(o, "algorithm", algo);
	json_put_str(o, "path", path);
	json_put_str(o, "public", public);
	json_array_append_new(list, o);
}

int sshkey_list(json_t **out, struct err *e)
{
	_free_ char *dir = NULL;
	struct dirent **files = NULL;
	json_t *list;
	int n;

	if (state_path("keys", &dir, e))
		return -1;
	list = json_array();
	n = scandir(dir, &files, NULL, by_name);
	for (int i = 0; i < n; i++) {
		if (str_ends(files[i]->d_name, ".pub"))
			list_one(list, files[i]->d_name);
		free(files[i]);
	}
	free(files);
	*out = list;
	return 0;
}
