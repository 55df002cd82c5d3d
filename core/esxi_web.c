/* What the host's HTTPS side is, told over SSH: see esxi_web() in esxi.h. */
#include <stdlib.h>
#include <string.h>

#include "esxi_int.h"

#define CERTIFICATE "/etc/vmware/ssl/rui.crt"
#define VOLUMES "/vmfs/volumes/"

void esxi_web_free(struct esxi_web *w)
{
	free(w->certificate);
	free(w->datastore);
	free(w->path);
	*w = (struct esxi_web){0};
}

/* "/vmfs/volumes/UUID/a/b" is "a/b" of the volume of that name. */
static int place(struct esxi_web *w, const json_t *volumes, const char *path,
	struct err *e)
{
	const char *at = path + sizeof(VOLUMES) - 1;
	size_t n = str_starts(path, VOLUMES) ? strcspn(at, "/") : 0;
	_free_ char *first = xstrndup(n ? at : "", n);
	const json_t *v;
	size_t i;

	if (!n || at[n] != '/')
		return err_set(
			e, ERR_DISK_UNSUPPORTED, "%s is on no datastore", path);
	w->datastore = xstrdup(first);
	w->path = xstrdup(at + n + 1);
	json_array_foreach (volumes, i, v)
		if (strcmp(json_str_or(v, "uuid", ""), first) == 0 &&
			*json_str_or(v, "name", ""))
			str_set(&w->datastore, json_str(v, "name"));
	return 0;
}

static int take(struct esxi_call *c, const char *path, struct esxi_web *out,
	struct err *e)
{
	struct esxi_web w = {0};
	struct esxi_about about = {0};
	_json_ json_t *volumes = NULL;

	for (size_t i = 0; i < 3; i++)
		if (esxi_check(&c[i], e))
			return -1;
	if (esxi_text_version(c[0].out, &about))
		return err_set(e, ERR_ESXI_COMMAND,
			"the host does not say which ESXi it is");
	volumes = esxi_text_filesystems(c[2].out);
	if (place(&w, volumes, path, e))
		return -1;
	w.certificate = xstrdup(c[1].out);
	w.old_tls = about.major < 6;
	*out = w;
	return 0;
}

int esxi_web(
	struct esxi *x, const char *path, struct esxi_web *out, struct err *e)
{
	struct esxi_call c[] = {{.cmd = ESXI_ABOUT},
		{.cmd = ESXI_TEXT, .arg = CERTIFICATE},
		{.cmd = ESXI_FILESYSTEMS}};
	int rc = esxi_run(x, c, ARRAY_LEN(c), e);

	if (rc == 0)
		rc = take(c, path, out, e);
	esxi_calls_free(c, ARRAY_LEN(c));
	return rc ? err_in(e, "ask the host for its HTTPS side") : 0;
}
