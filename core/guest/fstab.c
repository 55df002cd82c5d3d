/*
 * /etc/fstab and /etc/crypttab: disks that are named by device (/dev/sdb1)
 * may get another name on other hardware. Where it is certain which file
 * system a line means, it is named by its UUID; else it is said.
 */
#include <string.h>

#include "../str.h"
#include "own.h"
#include "text.h"

static bool is_device_name(const char *spec)
{
	return str_starts(spec, "/dev/sd") || str_starts(spec, "/dev/hd") ||
		str_starts(spec, "/dev/vd") || str_starts(spec, "/dev/xvd");
}

/* Names of VMware's disks and slots, which are gone on other hardware. */
static bool is_hardware_path(const char *spec)
{
	return str_starts(spec, "/dev/disk/by-id/") ||
		str_starts(spec, "/dev/disk/by-path/");
}

/* The nth word of a line as a span; false: not so many, or a comment. */
static bool word_at(const char *line, size_t nth, size_t *from, size_t *to)
{
	size_t at = 0;

	for (size_t i = 0;; i++) {
		at += strspn(line + at, " \t");
		if (!line[at] || line[at] == '#')
			return false;
		*from = at;
		at += strcspn(line + at, " \t");
		*to = at;
		if (i == nth)
			return true;
	}
}

static char *word(const char *line, size_t nth)
{
	size_t a, b;

	return word_at(line, nth, &a, &b) ? xstrndup(line + a, b - a) : NULL;
}

bool guest_fstab_device_names(struct guest *g)
{
	_free_ char *text = guest_text(g, "/etc/fstab");
	char *p = text, *line;

	while (p && (line = str_line(&p))) {
		_free_ char *spec = word(line, 0);

		if (spec && (is_device_name(spec) || is_hardware_path(spec)))
			return true;
	}
	return false;
}

/* One line: its device, in word `col`, by UUID where that is certain. */
static void fix_line(struct guest *g, const char *path, struct text *t,
	size_t i, size_t col, const char *type, struct guest_changes *cs)
{
	const char *line = t->line[i].s;
	_free_ char *spec = word(line, col), *uuid = NULL, *now = NULL;
	size_t a, b;

	if (!spec || (!is_device_name(spec) && !is_hardware_path(spec)))
		return;
	if (is_device_name(spec) && type)
		uuid = g->ops->uuid_of(g, spec, type);
	if (!uuid) {
		guest_left(cs,
			"%s names %s, which may have another name on the new "
			"hardware: use its UUID",
			path, spec);
		return;
	}
	word_at(line, col, &a, &b);
	now = xasprintf("%.*sUUID=%s%s", (int)a, line, uuid, line + b);
	text_set(t, i, now);
}

static void fix_file(
	struct guest *g, const char *path, size_t col, struct guest_changes *cs)
{
	_free_ char *before = guest_future(g, cs, path), *after = NULL;
	_text_ struct text t = {0};

	if (!before)
		return;
	text_open(&t, before);
	for (size_t i = 0; i < t.n; i++) {
		/* fstab: device, place, type; crypttab: name, device. */
		_free_ char *type =
			col ? xstrdup("crypto_LUKS") : word(t.line[i].s, 2);

		fix_line(g, path, &t, i, col, type, cs);
	}
	after = text_join(&t);
	if (strcmp(before, after))
		guest_change_add(g, cs, path, after, 0644,
			"Disks are found by UUID, whatever their name.");
}

void guest_fstab_changes(struct guest *g, struct guest_changes *cs)
{
	fix_file(g, "/etc/fstab", 0, cs);
	fix_file(g, "/etc/crypttab", 1, cs);
}
