/* Manifests of OVF packages: see manifest.h. Keeps true: no file outside the
 * package is read, whatever the manifest names. */
#include "manifest.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "ovf.h"
#include "str.h"

#define TEXT_MAX (1u << 20)

/* --- its text --- */

static void line_free(struct manifest_line *l)
{
	free(l->algorithm);
	free(l->name);
	free(l->hex);
}

void manifest_free(struct manifest *m)
{
	for (size_t i = 0; i < m->n; i++)
		line_free(&m->lines[i]);
	free(m->lines);
	*m = (struct manifest){0};
}

/* "SHA256(NAME)= HEX", also "SHA1 (NAME) = HEX". */
static int read_line(char *text, struct manifest_line *out)
{
	char *open = strchr(text, '('), *close = strrchr(text, ')');
	char *equals = close ? strchr(close, '=') : NULL;

	if (strncasecmp(text, "SHA", 3) != 0 || !open || !equals ||
		close <= open + 1)
		return -1;
	*open = *close = '\0';
	*out = (struct manifest_line){.algorithm = xstrdup(str_trim(text)),
		.name = xstrdup(open + 1),
		.hex = xstrdup(str_trim(equals + 1))};
	return 0;
}

int manifest_parse(const char *text, struct manifest *out, struct err *e)
{
	_manifest_ struct manifest m = {0};
	_free_ char *copy = xstrdup(text);
	char *p = copy, *line;
	size_t at = 0;

	while ((line = str_line(&p))) {
		at++;
		line = str_trim(line);
		if (!*line)
			continue;
		m.lines = xreallocarray(m.lines, m.n + 1, sizeof(*m.lines));
		if (read_line(line, &m.lines[m.n]))
			return err_set(e, ERR_BAD_OVF,
				"line %zu of the manifest is not "
				"DIGEST(NAME)= HEX",
				at);
		m.n++;
	}
	*out = m;
	m = (struct manifest){0};
	return 0;
}

const struct manifest_line *manifest_find(
	const struct manifest *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->lines[i].name, name) == 0)
			return &m->lines[i];
	return NULL;
}

/* --- the package --- */

struct package {
	const char *path;
	int fd;        /* of the archive; -1: files beside the .ovf */
	struct ova *a; /* null: the same */
	struct manifest m;
};

/* A file of the package: bytes of an open file. */
struct part {
	int fd;
	bool own; /* fd is to be closed */
	uint64_t at, size;
};

static void package_close(struct package *k)
{
	manifest_free(&k->m);
	ova_free(k->a);
	if (k->fd >= 0)
		close(k->fd);
}
#define _package_ __attribute__((cleanup(package_close)))

static void part_close(struct part *p)
{
	if (p->own)
		close(p->fd);
}
#define _part_ __attribute__((cleanup(part_close)))

/* web01.mf beside web01.ovf; null where it is not there. */
static char *beside(const char *ovf)
{
	const char *dot = strrchr(ovf, '.');
	_free_ char *stem =
		xstrndup(ovf, dot ? (size_t)(dot - ovf) : strlen(ovf));
	char *path = xasprintf("%s.mf", stem);

	if (file_exists(path))
		return path;
	free(path);
	return NULL;
}

static const struct ova_member *member_mf(const struct ova *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (str_ends(a->members[i].name, ".mf"))
			return &a->members[i];
	return NULL;
}

static int open_archive(struct package *k, struct err *e)
{
	k->fd = open(k->path, O_RDONLY | O_CLOEXEC);
	if (k->fd < 0)
		return err_sys(e, ERR_IO, "%s", k->path);
	return ova_list(k->fd, &k->a, e);
}

char *manifest_name(const char *path, bool ova)
{
	_package_ struct package k = {.path = path, .fd = -1};
	const struct ova_member *mf;
	_free_ char *file = NULL;

	if (!ova) {
		file = beside(path);
		return file ? xstrdup(strrchr(file, '/') + 1) : NULL;
	}
	mf = open_archive(&k, NULL) ? NULL : member_mf(k.a);
	return mf ? xstrdup(mf->name) : NULL;
}

static int read_text(struct package *k, bool ova, char **text, struct err *e)
{
	const struct ova_member *mf;
	_free_ char *file = NULL;

	if (ova) {
		if (open_archive(k, e))
			return -1;
		mf = member_mf(k->a);
		if (mf)
			return ova_read(k->fd, mf, TEXT_MAX, text, e);
	} else {
		file = beside(k->path);
		if (file)
			return file_read(file, TEXT_MAX, text, NULL, e);
	}
	return err_set(e, ERR_NOT_FOUND, "%s has no manifest", k->path);
}

static int package_open(struct package *k, bool ova, struct err *e)
{
	_free_ char *text = NULL;

	if (read_text(k, ova, &text, e))
		return -1;
	if (manifest_parse(text, &k->m, e)) {
		if (e)
			e->code = ERR_MANIFEST;
		return -1;
	}
	return k->m.n ? 0
		      : err_set(e, ERR_MANIFEST, "the manifest names no file");
}

static int part_beside(const struct package *k, const char *name,
	struct part *p, struct err *e)
{
	const char *slash = strrchr(k->path, '/');
	_free_ char *dir = xstrndup(k->path, slash - k->path);
	_free_ char *file = path_join(dir, name);
	struct stat st;
	int fd = -1;

	/* Packages are flat, so are their manifests. */
	if (!strchr(name, '/'))
		fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(e, ERR_MANIFEST,
			"the manifest lists %s, which is not there", name);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(e, ERR_MANIFEST, "%s is not a file", name);
	}
	*p = (struct part){.fd = fd, .own = true, .size = st.st_size};
	return 0;
}

static int part_open(const struct package *k, const char *name, struct part *p,
	struct err *e)
{
	const struct ova_member *m;

	if (!k->a)
		return part_beside(k, name, p, e);
	m = ova_find(k->a, name);
	if (!m)
		return err_set(e, ERR_MANIFEST,
			"the manifest lists %s, which is not in the archive",
			name);
	*p = (struct part){.fd = k->fd, .at = m->offset, .size = m->size};
	return 0;
}

/* --- comparing --- */

struct meter {
	const struct manifest_watch *w;
	uint64_t done, total;
};

static int on_bytes(void *arg, uint64_t n, struct err *e)
{
	struct meter *m = arg;

	m->done += n;
	return m->w && m->w->tick ? m->w->tick(m->w->arg, m->done, m->total, e)
				  : 0;
}

static int check_line(const struct package *k, const struct manifest_line *l,
	struct meter *m, json_t *sums, struct err *e)
{
	_part_ struct part p = {0};
	_free_ char *hex = NULL;
	json_t *o;

	if (part_open(k, l->name, &p, e) ||
		digest_range(
			l->algorithm, p.fd, p.at, p.size, on_bytes, m, &hex, e))
		return -1;
	if (!str_eqi(hex, l->hex))
		return err_set(e, ERR_MANIFEST,
			"%s is not what the manifest says: its %s is %.16s..., "
			"the manifest's %.16s...",
			l->name, l->algorithm, hex, l->hex);
	o = json_object();
	json_put_str(o, "name", l->name);
	json_put_str(o, "algorithm", l->algorithm);
	json_put_str(o, "digest", hex);
	json_put_u64(o, "bytes", p.size);
	json_array_append_new(sums, o);
	return 0;
}

static int add_up(const struct package *k, uint64_t *total, struct err *e)
{
	for (size_t i = 0; i < k->m.n; i++) {
		_part_ struct part p = {0};

		if (part_open(k, k->m.lines[i].name, &p, e))
			return -1;
		*total += p.size;
	}
	return 0;
}

int manifest_check(const char *path, bool ova, const struct manifest_watch *w,
	json_t **sums, struct err *e)
{
	_package_ struct package k = {.path = path, .fd = -1};
	_json_ json_t *list = json_array();
	struct meter m = {.w = w};

	if (package_open(&k, ova, e) || add_up(&k, &m.total, e))
		return -1;
	for (size_t i = 0; i < k.m.n; i++)
		if (check_line(&k, &k.m.lines[i], &m, list, e))
			return -1;
	*sums = json_incref(list);
	return 0;
}
