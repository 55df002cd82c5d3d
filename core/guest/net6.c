/*
 * A new IPv6 address and gateway, in whatever stack: the addresses stand in
 * the files as words that are no other thing, and what a word is its line
 * says. One address is replaced; none is added where the stack's form is
 * simple; several are the operator's business. Read again afterwards: the file
 * must say what was wanted.
 */
#include "network.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "../str.h"
#include "eni.h"
#include "netplan.h"

enum kind { OTHER, ADDRESS, GATEWAY };

struct word6 {
	size_t line, from, to;
	enum kind kind;
};

struct scan {
	struct word6 w[32];
	size_t n, of[3];
	size_t ns; /* netplan: indent of "nameservers:" + 1, 0 outside */
};

/* The next IPv6 address with its prefix at or behind *from. */
static bool word_at(const char *s, size_t *from, size_t *to)
{
	for (size_t i = *from; s[i];) {
		size_t n = strspn(s + i, "0123456789abcdefABCDEF:.");
		struct in6_addr a;
		_free_ char *text = xstrndup(s + i, n);

		if (n && strchr(text, ':') &&
			inet_pton(AF_INET6, text, &a) == 1 &&
			(!i || !isalnum((unsigned char)s[i - 1]))) {
			*from = i;
			i += n;
			if (s[i] == '/')
				i += 1 + strspn(s + i + 1, "0123456789");
			*to = i;
			return true;
		}
		i += n ? n : 1;
	}
	return false;
}

static bool has_word(const char *line, size_t end, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= end; i++)
		if (strncasecmp(line + i, word, n) == 0)
			return true;
	return false;
}

/* nth: which word of its line. NetworkManager writes "address1=A/P,GATEWAY". */
static enum kind kind_of(
	const char *line, size_t from, size_t nth, const char *stack)
{
	if (has_word(line, from, "dns") || has_word(line, from, "nameserver"))
		return OTHER;
	if (has_word(line, from, "gateway") || has_word(line, from, "via") ||
		has_word(line, from, "defaultgw"))
		return GATEWAY;
	if (has_word(line, from, "to:"))
		return OTHER;
	if (strcmp(stack, "nm") == 0 && nth > 0 && from &&
		line[from - 1] == ',')
		return GATEWAY;
	if (has_word(line, from, "addr") ||
		(strcmp(stack, "netplan") == 0 &&
			line[strspn(line, " ")] == '-'))
		return ADDRESS;
	return OTHER;
}

static void scan_line(
	struct scan *sc, const char *line, size_t at, const char *stack)
{
	size_t indent = strspn(line, " \t"), from = 0, to, nth = 0;

	if (line[indent] == '#' || line[indent] == ';' || !line[indent])
		return;
	if (sc->ns && indent < sc->ns)
		sc->ns = 0;
	if (str_starts(line + indent, "nameservers:"))
		sc->ns = indent + 1;
	for (; word_at(line, &from, &to); from = to, nth++) {
		enum kind k = sc->ns ? OTHER : kind_of(line, from, nth, stack);

		if (sc->n == ARRAY_LEN(sc->w))
			return;
		sc->w[sc->n++] = (struct word6){at, from, to, k};
		sc->of[k]++;
	}
}

static void scan(struct scan *sc, const struct text *t, size_t from, size_t end,
	const char *stack)
{
	*sc = (struct scan){0};
	for (size_t i = from; i < end; i++)
		scan_line(sc, t->line[i].s, i, stack);
}

static const struct word6 *only(const struct scan *sc, enum kind k)
{
	for (size_t i = 0; sc->of[k] == 1 && i < sc->n; i++)
		if (sc->w[i].kind == k)
			return &sc->w[i];
	return NULL;
}

static void put(struct text *t, const struct word6 *w, const char *value)
{
	const char *line = t->line[w->line].s;
	_free_ char *now =
		xasprintf("%.*s%s%s", (int)w->from, line, value, line + w->to);

	text_set(t, w->line, now);
}

/* --- one interface's part of its file --- */

struct part {
	const char *stack, *name;
	size_t from, end;
	bool fresh; /* ifupdown: no inet6 stanza yet; it goes to `end` */
};

static bool eni_part(const struct text *t, struct part *p)
{
	struct eni_stanza s;
	bool any = false;

	for (size_t at = 0; eni_stanza(t, &at, &s);) {
		if (strcmp(s.name, p->name))
			continue;
		p->from = s.first;
		p->end = s.end;
		any = true;
		p->fresh = strcmp(s.family, "inet6") != 0;
		if (!p->fresh && strcmp(s.method, "static") == 0)
			return true;
	}
	return any && p->fresh;
}

/* --- writing --- */

struct goal6 {
	const char *addr, *gateway; /* "2001:db8::7/64"; gateway or null */
};

/* ifupdown: the prefix may stand in a line of its own. */
static void drop_netmask(struct text *t, struct part *p)
{
	for (size_t i = p->from; i < p->end; i++) {
		const char *s = t->line[i].s + strspn(t->line[i].s, " \t");

		if (!str_starts(s, "netmask "))
			continue;
		text_remove(t, i, 1);
		p->end--;
		return;
	}
}

static void add_line(struct text *t, struct part *p, size_t at,
	const char *form, const char *value)
{
	_free_ char *line = xasprintf("%s%s", form, value);

	text_insert(t, at, line);
	p->end++;
}

/* The gateway's line for a stack, with its '=' or blank; null: not simple. */
static const char *gateway_form(const char *stack)
{
	static const char *const forms[][2] = {{"ifupdown", "\tgateway "},
		{"networkd", "Gateway="}, {"nm", "gateway="},
		{"ifcfg", "IPV6_DEFAULTGW="}};

	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (strcmp(stack, forms[i][0]) == 0)
			return forms[i][1];
	return NULL;
}

static bool replace(struct text *t, struct part *p, const struct scan *sc,
	const struct goal6 *goal)
{
	const struct word6 *a = only(sc, ADDRESS), *g = only(sc, GATEWAY);
	const char *form = gateway_form(p->stack);

	if (!a || sc->of[GATEWAY] > 1 || (goal->gateway && !g && !form))
		return false;
	/* From the end to the beginning: places in a line stay right. */
	if (g && goal->gateway && g->line == a->line && g->from > a->from) {
		put(t, g, goal->gateway);
		put(t, a, goal->addr);
		return true;
	}
	put(t, a, goal->addr);
	if (goal->gateway && g)
		put(t, g, goal->gateway);
	else if (goal->gateway)
		add_line(t, p, a->line + 1, form, goal->gateway);
	if (strcmp(p->stack, "ifupdown") == 0)
		drop_netmask(t, p);
	return true;
}

/* The line of "[section]", or t->n. */
static size_t section(const struct text *t, const char *name)
{
	size_t i = 0;

	while (i < t->n && strcmp(t->line[i].s, name))
		i++;
	return i;
}

static bool add_nm(struct text *t, const struct goal6 *goal)
{
	size_t at = section(t, "[ipv6]");
	_free_ char *line = xasprintf("address1=%s%s%s", goal->addr,
		goal->gateway ? "," : "", goal->gateway ? goal->gateway : "");

	if (at == t->n) {
		text_insert(t, t->n, "");
		text_insert(t, t->n, "[ipv6]");
		at = t->n - 1;
	}
	for (size_t i = at + 1; i < t->n && *t->line[i].s != '['; i++)
		if (str_starts(t->line[i].s, "method=")) {
			text_remove(t, i, 1);
			break;
		}
	text_insert(t, at + 1, "method=manual");
	text_insert(t, at + 1, line);
	return true;
}

static bool add_new(struct text *t, struct part *p, const struct goal6 *goal)
{
	size_t at = p->end;

	if (strcmp(p->stack, "nm") == 0)
		return add_nm(t, goal);
	if (p->fresh) {
		_free_ char *head = xasprintf("iface %s inet6 static", p->name);

		text_insert(t, at, head);
		p->from = at;
		p->end = ++at;
		add_line(t, p, at++, "\taddress ", goal->addr);
	} else if (strcmp(p->stack, "networkd") == 0) {
		at = section(t, "[Network]");
		if (at == t->n)
			return false;
		add_line(t, p, ++at, "Address=", goal->addr);
		at++;
	} else if (strcmp(p->stack, "ifcfg-suse") == 0) {
		_free_ char *line = xasprintf("IPADDR_6='%s'", goal->addr);

		text_insert(t, at, line);
		return true;
	} else if (strcmp(p->stack, "ifcfg") == 0) {
		add_line(t, p, at++, "IPV6INIT=", "yes");
		add_line(t, p, at++, "IPV6ADDR=", goal->addr);
	} else {
		return false;
	}
	if (goal->gateway)
		add_line(t, p, at, gateway_form(p->stack), goal->gateway);
	return true;
}

static bool says(const struct text *t, const struct part *p, enum kind k,
	const char *want)
{
	struct scan sc;
	const struct word6 *w;

	if (!want)
		return true;
	scan(&sc, t, p->from, p->end > t->n ? t->n : p->end, p->stack);
	w = only(&sc, k);
	return w && w->to - w->from == strlen(want) &&
		strncmp(t->line[w->line].s + w->from, want, strlen(want)) == 0;
}

static bool change(struct text *t, struct part *p, const struct goal6 *goal)
{
	struct scan sc;
	bool done;

	if (strcmp(p->stack, "ifupdown") == 0) {
		if (!eni_part(t, p))
			return false;
	} else {
		p->end = t->n;
	}
	scan(&sc, t, p->from, p->end, p->stack);
	done = p->fresh || !sc.of[ADDRESS] ? add_new(t, p, goal)
					   : replace(t, p, &sc, goal);
	if (strcmp(p->stack, "ifupdown"))
		p->end = t->n;
	return done && says(t, p, ADDRESS, goal->addr) &&
		says(t, p, GATEWAY, goal->gateway);
}

/* --- the front --- */

static bool is_v6(const char *s, bool prefix)
{
	const char *slash = strchr(s, '/');
	_free_ char *text =
		xstrndup(s, slash ? (size_t)(slash - s) : strlen(s));
	struct in6_addr a;
	uint64_t n;

	return (slash != NULL) == prefix &&
		(!slash || str_u64(slash + 1, 128, &n) == 0) &&
		inet_pton(AF_INET6, text, &a) == 1;
}

/* More than one interface in a netplan file: which word is whose cannot be
 * told by lines. */
static bool alone(const json_t *list, const json_t *c)
{
	const json_t *v;
	size_t i, n = 0;

	json_array_foreach (list, i, v)
		n += strcmp(json_str_or(v, "file", ""),
			     json_str_or(c, "file", "-")) == 0;
	return n == 1;
}

/* Is the gateway outside the address's network? A link-local one never is. */
static bool is_far(const struct goal6 *goal)
{
	unsigned char a[16], g[16];
	const char *slash = strchr(goal->addr, '/');
	_free_ char *text = xstrndup(goal->addr, slash - goal->addr);
	uint64_t n = 128;

	if (!goal->gateway || inet_pton(AF_INET6, text, a) != 1 ||
		inet_pton(AF_INET6, goal->gateway, g) != 1 ||
		str_u64(slash + 1, 128, &n) || (g[0] == 0xfe && g[1] >> 6 == 2))
		return false;
	for (unsigned i = 0; i < n; i++)
		if ((a[i / 8] ^ g[i / 8]) >> (7 - i % 8) & 1)
			return true;
	return false;
}

/* The new text of the file; to be freed, null where it is not certain. */
static char *new_text(const json_t *list, const json_t *c, const char *before,
	const struct goal6 *goal)
{
	struct part p = {.stack = json_str_or(c, "stack", ""),
		.name = json_str_or(c, "name", "")};
	bool netplan = strcmp(p.stack, "netplan") == 0;
	_text_ struct text t = {0};
	char *added = netplan ? netplan_add6(before, p.name, goal->addr,
					goal->gateway, is_far(goal))
			      : NULL;

	if (added || (netplan && !alone(list, c)))
		return added;
	text_open(&t, before);
	return change(&t, &p, goal) ? text_join(&t) : NULL;
}

static bool try_file(struct guest *g, const json_t *list, const json_t *c,
	const struct goal6 *goal, struct guest_changes *cs)
{
	const char *file = json_str(c, "file");
	_free_ char *before = file ? guest_future(g, cs, file) : NULL;
	bool suse = strcmp(json_str_or(c, "stack", ""), "ifcfg-suse") == 0;
	const struct goal6 mine = {goal->addr, suse ? NULL : goal->gateway};
	_free_ char *after = before ? new_text(list, c, before, &mine) : NULL;

	if (!after)
		return false;
	if (strcmp(before, after))
		guest_change_add(g, cs, file, after, 0644,
			"The server's new IPv6 address.");
	if (suse && goal->gateway)
		suse_gateway6(g, json_str_or(c, "name", ""), goal->gateway,
			is_far(goal), cs);
	return true;
}

bool net6_change(struct guest *g, const json_t *list, const json_t *c,
	const json_t *nic, struct guest_changes *cs)
{
	struct goal6 goal = {
		json_str(nic, "address6"), json_str(nic, "gateway6")};

	if (!goal.addr)
		return false;
	if (!is_v6(goal.addr, true) ||
		(goal.gateway && !is_v6(goal.gateway, false)))
		guest_left(cs,
			"%s is not an IPv6 address with prefix: set it "
			"on %s in the VM's console",
			goal.addr, json_str_or(c, "name", "?"));
	else if (!c || !try_file(g, list, c, &goal, cs))
		guest_left(cs,
			"where %s goes in the files of %s is not certain: set "
			"it in the VM's console",
			goal.addr, json_str_or(c, "name", "?"));
	return true;
}
