/*
 * A guest's files as an evil guest would write them: what is found in them,
 * and the changes for a new address, which are made and looked at again.
 *
 * An input is a row of files: "@/PATH", or "@/PATH -> TARGET" of a link, on a
 * line of its own, then the file's text up to the next such line.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "guest/own.h"
#include "str.h"

#define FILES_MAX 96

const char *const fuzz_seeds[] = {"tests/fuzz/seeds/guest/*", NULL};
const char *const fuzz_words[] = {"\n@/etc/network/interfaces\n",
	"\n@/etc/netplan/50.yaml\n", "\n@/etc/systemd/network/a.network\n",
	"\n@/etc/NetworkManager/system-connections/a\n",
	"\n@/etc/sysconfig/network-scripts/ifcfg-eth0\n",
	"\n@/etc/sysconfig/network/ifcfg-eth0\n", "\n@/etc/fstab\n",
	"\n@/etc/udev/rules.d/70-persistent-net.rules\n",
	"\n@/etc/systemd/network/1.link\n", "\n@/boot/grub/grub.cfg\n",
	"\n@/etc/resolv.conf -> /run/x\n", "iface eth0 inet static\n",
	"address 192.0.2.5/24\n", "gateway 192.0.2.1\n", "source ", "\\\n",
	"    addresses: [192.0.2.5/24]\n", "[Network]\n", "[Route]\n",
	"[ipv4]\n", "address1=192.0.2.5/24,192.0.2.1\n", "IPADDR=192.0.2.5\n",
	"PREFIX=24\n", "'", "\"", "#", "00:50:56:aa:bb:cc", "/dev/sda1 / ext4",
	"MACAddress=", "NAME=\"eth0\"", "BOOTPROTO=none\n", "mtu 1500\n", "\r",
	"&a", "*a", "- ", ": ", "{", "}", NULL};

/* --- a guest that is a row of files in memory --- */

struct entry {
	char *path;
	char *text; /* null: a link */
	char *link; /* or null */
};

struct tree {
	struct entry e[FILES_MAX];
	size_t n;
};

static struct entry *find(struct guest *g, const char *path)
{
	struct tree *t = g->priv;

	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->e[i].path, path) == 0)
			return &t->e[i];
	return NULL;
}

static struct entry *follow(struct guest *g, const char *path)
{
	struct entry *f = find(g, path);

	for (int i = 0; f && f->link && i < 8; i++)
		f = find(g, f->link);
	return f;
}

static struct entry *make(struct tree *t, const char *path)
{
	struct entry *f = t->n < FILES_MAX ? &t->e[t->n++] : NULL;

	if (f)
		*f = (struct entry){.path = xstrdup(path)};
	return f;
}

static void drop(struct guest *g, struct entry *f)
{
	struct tree *t = g->priv;

	free(f->path);
	free(f->text);
	free(f->link);
	*f = t->e[--t->n];
}

static int m_read(struct guest *g, const char *path, size_t max, char **out,
	size_t *len, struct err *e)
{
	struct entry *f = follow(g, path);

	if (!f || !f->text || strlen(f->text) > max)
		return err_set(e, ERR_NOT_FOUND, "%s", path);
	*out = xstrdup(f->text);
	if (len)
		*len = strlen(f->text);
	return 0;
}

static int m_write(struct guest *g, const char *path, const char *text,
	unsigned mode, struct err *e)
{
	struct entry *f = follow(g, path);

	(void)mode;
	if (*path != '/')
		abort();
	if (!f)
		f = make(g->priv, path);
	if (!f)
		return err_set(e, ERR_GUEST_ACCESS, "full");
	str_set(&f->text, text);
	return 0;
}

static int m_remove(struct guest *g, const char *path, struct err *e)
{
	struct entry *f = find(g, path);

	(void)e;
	if (f)
		drop(g, f);
	return 0;
}

static int m_mkdirs(struct guest *g, const char *path, struct err *e)
{
	(void)g;
	(void)path;
	(void)e;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(json_string_value(*(json_t *const *)a),
		json_string_value(*(json_t *const *)b));
}

static json_t *m_list(struct guest *g, const char *path)
{
	struct tree *t = g->priv;
	size_t len = strlen(path), n = 0;
	json_t *out = json_array(), *name[FILES_MAX];

	for (size_t i = 0; i < t->n; i++) {
		const char *p = t->e[i].path;

		if (str_starts(p, path) && p[len] == '/' && p[len + 1] &&
			!strchr(p + len + 1, '/'))
			name[n++] = json_text(p + len + 1);
	}
	qsort(name, n, sizeof(*name), by_name);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(out, name[i]);
	return out;
}

static bool m_exists(struct guest *g, const char *path)
{
	struct tree *t = g->priv;
	size_t len = strlen(path);

	for (size_t i = 0; i < t->n; i++)
		if (str_starts(t->e[i].path, path) && t->e[i].path[len] == '/')
			return true;
	return follow(g, path) != NULL;
}

static char *m_link(struct guest *g, const char *path)
{
	const struct entry *f = find(g, path);

	return f ? xstrdup(f->link) : NULL;
}

static int m_download(
	struct guest *g, const char *path, const char *to, struct err *e)
{
	(void)g;
	(void)to;
	return err_set(e, ERR_NOT_FOUND, "%s", path);
}

static int m_copy(
	struct guest *g, const char *from, const char *to, struct err *e)
{
	_free_ char *text = NULL;

	if (m_read(g, from, SIZE_MAX, &text, NULL, e))
		return -1;
	return m_write(g, to, text, 0644, e);
}

static char *m_uuid_of(struct guest *g, const char *device, const char *type)
{
	(void)g;
	(void)type;
	return str_starts(device, "/dev/sda") ? xstrdup("11-22") : NULL;
}

static int m_symlink(
	struct guest *g, const char *to, const char *path, struct err *e)
{
	struct entry *f = find(g, path);

	if (f)
		drop(g, f);
	f = make(g->priv, path);
	if (!f)
		return err_set(e, ERR_GUEST_ACCESS, "full");
	f->link = xstrdup(to);
	return 0;
}

static json_t *m_registry(
	struct guest *g, const char *hive, const char *key, const char *value)
{
	(void)g;
	(void)hive;
	(void)key;
	(void)value;
	return NULL;
}

static int m_run(struct guest *g, const char *const argv[], char **said,
	int *status, struct err *e)
{
	(void)g;
	(void)said;
	(void)status;
	return err_set(e, ERR_GUEST_ACCESS, "%s does not run", argv[0]);
}

static uint64_t m_free(struct guest *g, const char *path)
{
	(void)g;
	(void)path;
	return 1 << 30;
}

static int m_close(struct guest *g, struct err *e)
{
	struct tree *t = g->priv;

	(void)e;
	while (t->n)
		drop(g, &t->e[t->n - 1]);
	free(t);
	return 0;
}

static const struct guest_ops ops = {
	.read = m_read,
	.write = m_write,
	.remove = m_remove,
	.mkdirs = m_mkdirs,
	.list = m_list,
	.exists = m_exists,
	.link = m_link,
	.download = m_download,
	.copy = m_copy,
	.uuid_of = m_uuid_of,
	.symlink = m_symlink,
	.upload = m_download,
	.registry = m_registry,
	.run = m_run,
	.free_bytes = m_free,
	.close = m_close,
};

/* "/PATH" or "/PATH -> TARGET". */
static struct entry *head(struct guest *g, char *name)
{
	char *to = strstr(name, " -> ");
	struct entry *f;

	if (to)
		*to = '\0';
	if (find(g, name))
		return NULL;
	f = make(g->priv, name);
	if (f && to)
		f->link = xstrdup(to + 4);
	else if (f)
		f->text = xstrdup("");
	return f;
}

static struct guest *guest_of(const uint8_t *data, size_t size)
{
	_free_ char *text = xstrndup((const char *)data, size);
	struct guest *g = xcalloc(1, sizeof(*g));
	struct entry *f = NULL;
	_buf_ struct buf b = {0};

	*g = (struct guest){.ops = &ops,
		.priv = xcalloc(1, sizeof(struct tree)),
		.write = true,
		.family = "linux",
		.clean = true,
		.notes = json_array()};
	for (char *p = text, *next; p; p = next) {
		next = strchr(p, '\n');
		if (str_starts(p, "@/")) {
			if (next)
				*next = '\0';
			f = head(g, p + 1);
			buf_clear(&b);
		} else if (f && f->text) {
			buf_add(&b, p,
				next ? (size_t)(next + 1 - p) : strlen(p));
			str_set(&f->text, b.s ? b.s : "");
		}
		next += next ? 1 : 0;
	}
	return g;
}

/* --- what is done with it --- */

static json_t *wanted(void)
{
	return json_pack("{s:[{s:s,s:s,s:i,s:i,s:s,s:s,s:[s],s:s,s:s,s:i,s:i},"
			 "{s:s,s:s,s:i}],s:b,s:b,s:b}",
		"nics", "old_mac", "00:50:56:aa:bb:cc", "mac",
		"52:54:00:00:00:01", "pci_slot", 192, "index", 0, "address",
		"203.0.113.77/32", "gateway", "198.51.100.1", "dns",
		"203.0.113.53", "address6", "2001:db8::7/64", "gateway6",
		"fe80::1", "mtu", 1400, "bridge_mtu", 1500, "old_mac",
		"00:50:56:aa:bb:cd", "mac", "00:50:56:aa:bb:cd", "index", 1,
		"agent", 1, "serial", 1, "tools_remove", 1);
}

static void facts(struct guest *g)
{
	const struct vm nothing = {0};
	_json_ json_t *f = NULL;
	_free_ char *reason = NULL;
	const char *bus, *nic;

	if (guest_facts(g, &f, NULL))
		abort();
	guest_propose(f, &nothing, true, &bus, &nic, &reason);
	free(json_line(f));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_guest_ struct guest *g = guest_of(data, size);
	_changes_ struct guest_changes cs = {0}, more = {0};
	_json_ json_t *want = wanted();

	facts(g);
	guest_changes(g, want, &cs, NULL);
	for (size_t i = 0; i < cs.n; i++) {
		const struct guest_change *c = &cs.c[i];

		if (c->before && c->after && strcmp(c->before, c->after) == 0)
			abort();
		free(guest_diff(c));
		if (guest_apply(g, &cs.c[i], NULL))
			return 0;
	}
	facts(g);
	guest_changes(g, want, &more, NULL);
	return 0;
}
