/*
 * What an ESXi host's commands print, one fact at a time: failures, power,
 * version, locks, questions, volumes. Lists of VMs and snapshots are in
 * esxi_list.c. Pure; formats: esxi-shell.md.
 */
#include "esxi_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "vmodl.h"

/* --- failures (3.13) --- */

bool esxi_text_busy(const char *text, bool changes)
{
	/* before anything was asked of hostd */
	static const char *const early[] = {
		"Failed to login", "Connect to localhost failed"};
	/* perhaps after */
	static const char *const late[] = {
		"std::bad_alloc", "Killed", "Aborted", "terminate called"};

	text += strspn(text, " \t\r\n");
	for (size_t i = 0; i < ARRAY_LEN(early); i++)
		if (str_starts(text, early[i]))
			return true;
	for (size_t i = 0; !changes && i < ARRAY_LEN(late); i++)
		if (str_starts(text, late[i]))
			return true;
	return false;
}

/* The last line that is not empty; to be freed. */
static char *last_line(const char *text)
{
	_free_ char *copy = xstrdup(text);
	char *t = str_trim(copy), *nl = strrchr(t, '\n');

	return xstrdup(nl ? nl + 1 : t);
}

bool esxi_text_failed(const char *text, char *msg, size_t size)
{
	_free_ char *last = NULL;

	if (vmodl_fault(text, msg, size))
		return true;
	last = last_line(text);
	if (!str_ends(last, " failed") && strcmp(last, "Killed") != 0 &&
		strcmp(last, "Aborted") != 0 &&
		!str_starts(last, "Invalid command '") &&
		!esxi_text_busy(text, false))
		return false;
	str_printable(msg, size, last);
	return true;
}

/* --- power, version, question --- */

int esxi_text_power(const char *text, char state[ESXI_POWER_LEN], struct err *e)
{
	static const struct {
		const char *line, *state;
	} words[] = {{"Powered on", "on"}, {"Powered off", "off"},
		{"Suspended", "suspended"}};
	_free_ char *last = last_line(text);

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(last, words[i].line) != 0)
			continue;
		snprintf(state, ESXI_POWER_LEN, "%s", words[i].state);
		return 0;
	}
	return err_set(e, ERR_ESXI_COMMAND, "power.getstate says '%s'", last);
}

/* The text behind "NAME: " at the start of a line, to be freed, or null. */
static char *field(const char *text, const char *name)
{
	size_t n = strlen(name);

	while (text && *text) {
		text += strspn(text, " \t");
		if (strncmp(text, name, n) == 0 && text[n] == ':') {
			_free_ char *v = xstrndup(
				text + n + 1, strcspn(text + n + 1, "\r\n"));

			return xstrdup(str_trim(v));
		}
		text = strchr(text, '\n');
		text += text != NULL;
	}
	return NULL;
}

static int set_version(struct esxi_about *a, const char *product,
	const char *version, const char *build)
{
	struct esxi_about got = {0};
	uint64_t v[2] = {0};
	const char *s = version;

	for (int i = 0; i < 2; i++) {
		_free_ char *part = xstrndup(s, strspn(s, "0123456789"));

		if (str_u64(part, 1000, &v[i]))
			return -1;
		s += strlen(part);
		s += *s == '.';
	}
	got.major = v[0];
	got.minor = v[1];
	str_printable(got.product, sizeof(got.product), product);
	str_printable(got.version, sizeof(got.version), version);
	str_printable(got.build, sizeof(got.build), build);
	*a = got;
	return 0;
}

int esxi_text_version(const char *text, struct esxi_about *out)
{
	_free_ char *product = field(text, "Product");
	_free_ char *version = field(text, "Version");
	_free_ char *build = field(text, "Build");
	_free_ char *line = NULL;
	char *mark, *number;

	if (product && version && build)
		return set_version(out, product, version,
			str_starts(build, "Releasebuild-") ? build + 13
							   : build);
	/* VMware ESXi 8.0.2 build-22380479 */
	line = last_line(text);
	mark = strstr(line, " build-");
	if (!str_starts(line, "VMware") || !mark)
		return -1;
	*mark = '\0';
	number = strrchr(line, ' ');
	if (!number)
		return -1;
	*number = '\0';
	return set_version(out, line, number + 1, mark + 7);
}

bool esxi_text_question(const char *text, char *msg, size_t size)
{
	const char *s = strstr(text, "Virtual machine message ");
	_free_ char *flat = NULL;

	if (!s)
		return false;
	s += strcspn(s, "\n");
	flat = xstrdup(s);
	for (char *c = flat; *c; c++)
		if (isspace((unsigned char)*c))
			*c = ' ';
	str_printable(msg, size, str_trim(flat));
	return true;
}

/* --- locks --- */

/* The word behind key, cut at the first of " ,]\n"; "" where absent. */
static void word_after(const char *text, const char *key, char out[40])
{
	const char *s = text ? strstr(text, key) : NULL;

	out[0] = '\0';
	if (s)
		snprintf(out, 40, "%.*s",
			(int)strcspn(s + strlen(key), " ,]\r\n"),
			s + strlen(key));
}

int esxi_text_lock(const char *text, struct esxi_lock *out)
{
	const char *lock = strstr(text, "Lock [");
	const char *len = lock ? strstr(lock, "\nlen ") : NULL;
	struct esxi_lock got = {0};
	char mode[40], nb[40], bs[40];
	uint64_t m;

	word_after(lock, ", mode ", mode);
	word_after(lock, " owner ", got.owner);
	if (str_u64(mode, 99, &m))
		return -1;
	got.mode = m;
	word_after(len, ", nb ", nb);
	word_after(len, ", bs ", bs);
	if (str_u64(nb, UINT64_MAX, &got.blocks) ||
		str_u64(bs, 1 << 30, &got.block_size))
		got.blocks = got.block_size = 0;
	*out = got;
	return 0;
}

/* --- volumes and networks --- */

/* Cut the last word off s, in place; null where there is none. */
static char *pop_word(char *s)
{
	size_t n = strlen(s);

	while (n && isspace((unsigned char)s[n - 1]))
		n--;
	s[n] = '\0';
	while (n && !isspace((unsigned char)s[n - 1]))
		n--;
	if (!s[n])
		return NULL;
	if (n)
		s[n - 1] = '\0';
	return s + n;
}

/* The columns' widths do not matter: the first and the last five hold no
 * blanks, the name between them may hold anything. */
static json_t *filesystem(char *line)
{
	char *free_ = pop_word(line), *size = free_ ? pop_word(line) : NULL;
	char *type = size ? pop_word(line) : NULL;
	char *mounted = type ? pop_word(line) : NULL;
	char *uuid = mounted ? pop_word(line) : NULL;
	uint64_t bytes, left;
	size_t n = strcspn(line, " ");
	_free_ char *mount = xstrndup(line, n);
	json_t *o;

	if (!uuid || strcmp(mounted, "true") != 0 ||
		str_u64(size, UINT64_MAX, &bytes) ||
		str_u64(free_, UINT64_MAX, &left) ||
		!str_starts(line, "/vmfs/volumes/"))
		return NULL;
	o = json_object();
	json_put_str(o, "mount", mount);
	json_put_str(o, "name", str_trim(line + n));
	json_put_str(o, "uuid", uuid);
	json_put_str(o, "type", type);
	json_put_u64(o, "size", bytes);
	json_put_u64(o, "free", left);
	return o;
}

json_t *esxi_text_filesystems(const char *text)
{
	_free_ char *copy = xstrdup(text);
	json_t *list = json_array(), *o;
	char *at = copy, *line;

	while ((line = str_line(&at)))
		if ((o = filesystem(line)))
			json_array_append_new(list, o);
	return list;
}

/* "NAME  SWITCH  CLIENTS  VLAN": two blanks at least between columns. */
static json_t *portgroup(char *line)
{
	char *vlan = pop_word(line), *clients = vlan ? pop_word(line) : NULL;
	char *sw = NULL;
	uint64_t v, c;
	json_t *o;

	if (!clients || str_u64(vlan, 4095, &v) ||
		str_u64(clients, UINT32_MAX, &c))
		return NULL;
	line = str_trim(line);
	for (char *s = line; (s = strstr(s, "  ")); s++)
		sw = s;
	if (!sw)
		return NULL;
	*sw = '\0';
	o = json_object();
	json_put_str(o, "name", str_trim(line));
	json_put_str(o, "vswitch", str_trim(sw + 2));
	json_put_u64(o, "clients", c);
	json_put_u64(o, "vlan", v);
	return o;
}

json_t *esxi_text_portgroups(const char *text)
{
	_free_ char *copy = xstrdup(text);
	json_t *list = json_array(), *o;
	char *at = copy, *line;

	while ((line = str_line(&at)))
		if ((o = portgroup(line)))
			json_array_append_new(list, o);
	return list;
}

char *esxi_path(const json_t *volumes, const char *dir, const char *file)
{
	static const char root[] = "/vmfs/volumes/";
	_free_ char *name = NULL;
	const char *rest;
	const json_t *v;
	size_t i, n;

	if (*file == '[' && strchr(file, ']')) {
		n = strcspn(file, "]");
		name = xstrndup(file + 1, n - 1);
		rest = file + n + 1;
		rest += strspn(rest, " ");
	} else if (str_starts(file, root)) {
		n = strcspn(file + strlen(root), "/");
		name = xstrndup(file + strlen(root), n);
		rest = file + strlen(root) + n;
		rest += *rest == '/';
	} else if (*file == '/') {
		return xstrdup(file);
	} else {
		return path_join(dir, file);
	}
	json_array_foreach (volumes, i, v)
		if (strcmp(json_str(v, "name"), name) == 0 ||
			strcmp(json_str(v, "uuid"), name) == 0)
			return path_join(json_str(v, "mount"), rest);
	return xasprintf("%s%s/%s", root, name, rest);
}
