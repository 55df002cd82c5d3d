/* A guest that is a directory tree: see guest_dir.h. */
#include "guest_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <hivex.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proc.h"
#include "str.h"
#include "testdir.h"

struct dir {
	char *root;
	int fd;
	bool runs;
	size_t left; /* until it is killed */
	bool dead;
};

static struct dir *dir_of(const struct guest *g)
{
	return g->priv;
}

/* No library wrapper has openat2 yet. */
static int inside(const struct guest *g, const char *path, int flags, int mode)
{
	struct open_how how = {.flags = flags | O_CLOEXEC,
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_IN_ROOT};

	return syscall(SYS_openat2, dir_of(g)->fd, path, &how, sizeof(how));
}

/* So much of n may still be written. */
static size_t granted(const struct guest *g, size_t n)
{
	struct dir *d = dir_of(g);

	if (d->left == SIZE_MAX)
		return n;
	d->dead |= n > d->left;
	n = n > d->left ? d->left : n;
	d->left -= n;
	return n;
}

static int killed(struct err *e)
{
	return err_set(e, ERR_GUEST_ACCESS, "killed");
}

bool guest_dir_kill(struct guest *g, size_t after)
{
	bool was = dir_of(g)->dead;

	dir_of(g)->left = after;
	dir_of(g)->dead = false;
	return was;
}

static int d_read(struct guest *g, const char *path, size_t max, char **out,
	size_t *len, struct err *e)
{
	_close_ int fd = inside(g, path, O_RDONLY, 0);
	_buf_ struct buf b = {0};
	char part[65536];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return err_set(e, ERR_NOT_FOUND, "%s", path);
	while ((n = read(fd, part, sizeof(part))) > 0)
		buf_add(&b, part, n);
	if (b.len > max)
		return err_set(e, ERR_BAD_INPUT, "%s is too large", path);
	if (len)
		*len = b.len;
	*out = buf_steal(&b);
	return 0;
}

static int d_write(struct guest *g, const char *path, const char *text,
	unsigned mode, struct err *e)
{
	_close_ int fd = -1;
	size_t n = strlen(text);

	if (!granted(g, 1))
		return killed(e);
	fd = inside(g, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
	n = granted(g, n);
	if (fd < 0 || write_all(fd, text, n))
		return err_sys(e, ERR_GUEST_ACCESS, "%s", path);
	return n < strlen(text) ? killed(e) : 0;
}

/* The directory of path, and its last name. */
static int parent(const struct guest *g, const char *path, const char **name)
{
	_free_ char *dir = xstrdup(path);
	char *slash = strrchr(dir, '/');

	*name = strrchr(path, '/') + 1;
	slash[slash == dir] = '\0';
	return inside(g, dir, O_PATH | O_DIRECTORY, 0);
}

static int d_remove(struct guest *g, const char *path, struct err *e)
{
	const char *name;
	_close_ int fd = parent(g, path, &name);

	if (!granted(g, 1))
		return killed(e);
	if (fd < 0 || (unlinkat(fd, name, 0) && errno != ENOENT))
		return err_sys(e, ERR_GUEST_ACCESS, "%s", path);
	return 0;
}

static int d_mkdirs(struct guest *g, const char *path, struct err *e)
{
	_free_ char *part = xstrdup(path);

	for (char *s = part + 1; *path; s++) {
		const char *name;
		char c = *s;

		if (c != '/' && c != '\0')
			continue;
		*s = '\0';
		_close_ int fd = parent(g, part, &name);

		if (fd < 0 || (mkdirat(fd, name, 0755) && errno != EEXIST))
			return err_sys(e, ERR_GUEST_ACCESS, "%s", part);
		*s = c;
		if (!c)
			break;
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(json_string_value(*(json_t *const *)a),
		json_string_value(*(json_t *const *)b));
}

static json_t *d_list(struct guest *g, const char *path)
{
	int fd = inside(g, path, O_RDONLY | O_DIRECTORY, 0);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	json_t *out = json_array();
	json_t *name[512];
	struct dirent *de;
	size_t n = 0;

	while (d && (de = readdir(d)) && n < ARRAY_LEN(name))
		if (strcmp(de->d_name, ".") && strcmp(de->d_name, ".."))
			name[n++] = json_text(de->d_name);
	if (d)
		closedir(d);
	qsort(name, n, sizeof(*name), by_name);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(out, name[i]);
	return out;
}

static bool d_exists(struct guest *g, const char *path)
{
	_close_ int fd = inside(g, path, O_PATH, 0);

	return fd >= 0;
}

static char *d_link(struct guest *g, const char *path)
{
	const char *name;
	_close_ int fd = parent(g, path, &name);
	char to[4096];
	ssize_t n = fd < 0 ? -1 : readlinkat(fd, name, to, sizeof(to));

	return n < 0 ? NULL : xstrndup(to, n);
}

static int d_download(
	struct guest *g, const char *path, const char *to, struct err *e)
{
	_free_ char *data = NULL;
	size_t n;

	if (d_read(g, path, 1u << 30, &data, &n, e))
		return -1;
	return file_write(to, data, n, 0600, e);
}

static int d_copy(
	struct guest *g, const char *from, const char *to, struct err *e)
{
	_free_ char *data = NULL;

	_close_ int fd = -1;
	size_t n;

	if (d_read(g, from, 1u << 30, &data, &n, e))
		return -1;
	fd = inside(g, to, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write_all(fd, data, n))
		return err_sys(e, ERR_GUEST_ACCESS, "%s", to);
	return 0;
}

/* As if each disk were known: "/dev/sda2" has UUID "uuid-sda2-TYPE"; sdb is
 * not certain. */
static char *d_uuid_of(struct guest *g, const char *device, const char *type)
{
	(void)g;
	if (str_starts(device, "/dev/sdb"))
		return NULL;
	return xasprintf("uuid-%s-%s", device + 5, type);
}

static int d_symlink(
	struct guest *g, const char *to, const char *path, struct err *e)
{
	const char *name;
	_close_ int fd = parent(g, path, &name);

	if (fd < 0 || (unlinkat(fd, name, 0) && errno != ENOENT) ||
		symlinkat(to, fd, name))
		return err_sys(e, ERR_GUEST_ACCESS, "%s", path);
	return 0;
}

static int d_upload(
	struct guest *g, const char *from, const char *to, struct err *e)
{
	_free_ char *data = NULL;
	_close_ int fd = inside(g, to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	size_t n;

	if (fd < 0 || file_read(from, 1u << 30, &data, &n, e) ||
		write_all(fd, data, n))
		return err_sys(e, ERR_GUEST_ACCESS, "%s", to);
	return 0;
}

/* --- registry hives, by libhivex --- */

static json_t *hive_value(hive_h *h, hive_node_h node, const char *name)
{
	hive_value_h v = hivex_node_get_value(h, node, name);
	hive_type type;
	size_t n;

	if (!v || hivex_value_type(h, v, &type, &n))
		return NULL;
	if (type == hive_t_REG_DWORD)
		return json_integer(hivex_value_dword(h, v));
	if (type != hive_t_REG_SZ && type != hive_t_REG_EXPAND_SZ)
		return NULL;
	_free_ char *text = hivex_value_string(h, v);

	return text ? json_text(text) : NULL;
}

static json_t *d_registry(
	struct guest *g, const char *hive, const char *key, const char *value)
{
	_free_ char *path = path_join(dir_of(g)->root, hive + 1);
	_free_ char *copy = xstrdup(key);
	hive_h *h = hivex_open(path, 0);
	hive_node_h node;
	char *save = NULL;
	json_t *out;

	if (!h)
		return NULL;
	node = hivex_root(h);
	for (char *w = strtok_r(copy, "\\", &save); node && w;
		w = strtok_r(NULL, "\\", &save))
		node = hivex_node_get_child(h, node, w);
	out = node ? hive_value(h, node, value) : NULL;
	hivex_close(h);
	return out;
}

/* A program is a script of this machine's shell; it finds its tree as the
 * current directory. Under the limit like a real one. */
static int d_run(struct guest *g, const char *const argv[], char **said,
	int *status, struct err *e)
{
	static const char script[] =
		"cd \"$1\" && p=./$2 && shift 2 && exec sh \"$p\" \"$@\"";
	const char *line[32] = {
		"/bin/sh", "-c", script, "sh", dir_of(g)->root, argv[0] + 1};
	_proc_ struct proc_result r = {0};
	_free_ char **all = NULL;
	size_t n = 6;

	if (!dir_of(g)->runs || !guest_has(g, argv[0]))
		return err_set(e, ERR_GUEST_ACCESS, "%s does not run", argv[0]);
	for (size_t i = 1; argv[i] && n + 1 < ARRAY_LEN(line); i++)
		line[n++] = argv[i];
	all = guest_limited(line, dir_of(g)->root);
	if (proc_run((const char *const *)all, NULL, &r, e) ||
		guest_limited_end(argv[0], r.out, status, e))
		return -1;
	*said = xstrdup(r.out);
	return 0;
}

static uint64_t d_free(struct guest *g, const char *path)
{
	(void)g;
	(void)path;
	return 1 << 30;
}

static int d_close(struct guest *g, struct err *e)
{
	(void)g;
	(void)e;
	return 0;
}

static const struct guest_ops ops = {
	.read = d_read,
	.write = d_write,
	.remove = d_remove,
	.mkdirs = d_mkdirs,
	.list = d_list,
	.exists = d_exists,
	.link = d_link,
	.download = d_download,
	.copy = d_copy,
	.symlink = d_symlink,
	.upload = d_upload,
	.uuid_of = d_uuid_of,
	.registry = d_registry,
	.run = d_run,
	.free_bytes = d_free,
	.close = d_close,
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "guest_dir: %s: %s\n", what, strerror(errno));
	abort();
}

struct guest *guest_dir_new(void)
{
	struct guest *g = xcalloc(1, sizeof(*g));
	struct dir *d = xcalloc(1, sizeof(*d));

	d->root = xcalloc(1, TEST_DIR_LEN);
	must(test_dir(d->root, "guest-dir") != NULL, d->root);
	d->left = SIZE_MAX;
	d->fd = open(d->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*g = (struct guest){.ops = &ops,
		.priv = d,
		.write = true,
		.family = "linux",
		.clean = true,
		.notes = json_array()};
	return g;
}

void guest_dir_runs(struct guest *g)
{
	dir_of(g)->runs = true;
}

const char *guest_dir_root(const struct guest *g)
{
	return dir_of(g)->root;
}

static void make_parent(struct guest *g, const char *path)
{
	_free_ char *dir = xstrdup(path);

	*strrchr(dir, '/') = '\0';
	must(!*dir || d_mkdirs(g, dir, NULL) == 0, path);
}

void guest_dir_put(struct guest *g, const char *path, const char *text)
{
	make_parent(g, path);
	must(d_write(g, path, text, 0644, NULL) == 0, path);
}

void guest_dir_copy(struct guest *g, const char *path, const char *from)
{
	_free_ char *data = NULL;
	_close_ int fd = -1;
	size_t n = 0;

	make_parent(g, path);
	must(file_read(from, 1u << 30, &data, &n, NULL) == 0, from);
	fd = inside(g, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	must(fd >= 0 && write_all(fd, data, n) == 0, path);
}

static void put32(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = v >> 8 * i;
}

/* A hive without keys: a header, one bin with the root, its security and free
 * space. Layout as libhivex's hivex-internal.h has it. */
static void empty_hive(unsigned char p[8192])
{
	unsigned char *bin = p + 4096, *nk = bin + 32, *sk = nk + 88;
	uint32_t sum = 0;

	memset(p, 0, 8192);
	memcpy(p, "regf\1\0\0\0\1", 9);
	put32(p + 20, 1);
	put32(p + 24, 3);
	put32(p + 32, 1);
	put32(p + 36, 32);
	put32(p + 40, 4096);
	put32(p + 44, 1);
	for (size_t i = 0; i < 508; i += 4)
		sum ^= p[i] | p[i + 1] << 8 | p[i + 2] << 16 |
			(uint32_t)p[i + 3] << 24;
	put32(p + 508, sum);
	memcpy(bin, "hbin", 4);
	put32(bin + 8, 4096);
	put32(nk, -88);
	memcpy(nk + 4, "nk\x2c", 3);
	for (size_t at = 32; at <= 52; at += 4)
		put32(nk + at, at == 40 || at == 48 ? 0 : UINT32_MAX);
	put32(nk + 24, 0);
	put32(nk + 28, 0);
	put32(nk + 48, 32 + 88);
	nk[76] = 4;
	memcpy(nk + 80, "root", 4);
	put32(sk, -48);
	memcpy(sk + 4, "sk", 2);
	put32(sk + 8, 32 + 88);
	put32(sk + 12, 32 + 88);
	put32(sk + 16, 1);
	put32(sk + 20, 20);
	sk[24] = 1;
	put32(sk + 48, 4096 - 32 - 88 - 48);
}

void guest_dir_hive(struct guest *g, const char *path, const char *reg)
{
	_free_ char *hive = path_join(dir_of(g)->root, path + 1);
	_free_ char *text = xasprintf("%s.reg", hive);
	_buf_ struct buf words = {0};
	unsigned char empty[8192];

	make_parent(g, path);
	empty_hive(empty);
	buf_adds(&words, "Windows Registry Editor Version 5.00\n");
	/* A key begins behind an empty line. */
	for (const char *c = reg; *c; c++)
		buf_addf(&words, *c == '[' ? "\n%c" : "%c", *c);
	must(file_write(hive, empty, sizeof(empty), 0600, NULL) == 0, hive);
	must(file_write(text, words.s, words.len, 0600, NULL) == 0, text);
	must(proc_must((const char *const[]){"hivexregedit", "--merge",
			       "--encoding", "ASCII", hive, text, NULL},
		     NULL, NULL, ERR_IO, NULL) == 0,
		"hivexregedit");
	unlink(text);
}

void guest_dir_link(struct guest *g, const char *path, const char *to)
{
	const char *name;

	make_parent(g, path);
	_close_ int fd = parent(g, path, &name);

	must(fd >= 0 && symlinkat(to, fd, name) == 0, path);
}

char *guest_dir_get(struct guest *g, const char *path)
{
	char *out = NULL;

	must(d_read(g, path, 1u << 30, &out, NULL, NULL) == 0, path);
	return out;
}

static int remove_one(
	const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

void guest_dir_free(struct guest *g)
{
	struct dir *d = dir_of(g);

	close(d->fd);
	nftw(d->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(d->root);
	free(d);
	guest_close(g, NULL);
}

const char *guest_corpus(void)
{
	static char path[4096];
	const char *shared = getenv("VMFERRY_SHARED");

	snprintf(
		path, sizeof(path), "%s/corpus", shared ? shared : "../shared");
	return file_exists(path) ? path : NULL;
}
