/*
 * How a guest's text file is changed, and what it was before.
 *
 * Keeps true: the backup of a file is whole and was read back before the
 * file's first byte is overwritten. While a file is written, a note in the
 * guest holds its old text and that text's SHA-256; so after a kill at any
 * moment the file is what it was, what it was to become, or the note says
 * that it is half of that, and guest_recover puts the old one back. A note
 * that is not whole stands for a file that was not touched yet.
 */
#include <stdlib.h>
#include <string.h>

#include "../digest.h"
#include "../str.h"
#include "own.h"

#define BACKUPS "/var/backups/vmferry"
/* "PATH\nSHA256 of the text\ntext", or "PATH\nnew\n". */
#define NOTE BACKUPS "/.writing"

/*
 * The backup lies in one directory of its own: beside the file it would be
 * read as configuration in many places (interfaces.d, netplan, NetworkManager
 * and systemd directories are read whole).
 */
static char *backup_of(const char *path)
{
	_free_ char *name = xstrdup(path + 1);

	for (char *p = name; *p; p++)
		if (*p == '/')
			*p = '_';
	return xasprintf(BACKUPS "/%s", name);
}

char *guest_part_of(const char *path)
{
	const char *name = strrchr(path, '/') + 1;

	return xasprintf("%.*s.%s.vmferry-new", (int)(name - path), path, name);
}

/* --- the note --- */

static int note(
	struct guest *g, const char *path, const char *before, struct err *e)
{
	_free_ char *text = NULL;
	char sum[SHA256_HEX] = "new";

	if (before)
		sha256_hex(before, strlen(before), sum);
	text = xasprintf("%s\n%s\n%s", path, sum, before ? before : "");
	if (g->ops->mkdirs(g, BACKUPS, e))
		return -1;
	return g->ops->write(g, NOTE, text, 0600, e);
}

/* A note in its parts, which point into text. False: it is not whole, and
 * the file was not touched. */
static bool note_read(char *text, const char **path, const char **before)
{
	char *kind = strchr(text, '\n'), *rest = NULL, sum[SHA256_HEX];

	if (kind)
		*kind++ = '\0';
	if (kind && (rest = strchr(kind, '\n')))
		*rest++ = '\0';
	if (!rest || *text != '/')
		return false;
	*path = text;
	*before = strcmp(kind, "new") ? rest : NULL;
	sha256_hex(rest, strlen(rest), sum);
	return !*before || strcmp(kind, sum) == 0;
}

bool guest_unfinished(struct guest *g)
{
	return guest_has(g, NOTE);
}

static int put_back(
	struct guest *g, const char *path, const char *before, struct err *e)
{
	_free_ char *part = guest_part_of(path);

	/* It is there: the mode is not used. */
	if (before)
		return g->ops->write(g, path, before, 0600, e);
	if (g->ops->remove(g, part, e))
		return -1;
	return g->ops->remove(g, path, e);
}

int guest_recover(struct guest *g, struct err *e)
{
	_free_ char *text = NULL;
	const char *path, *before;

	if (!guest_unfinished(g))
		return 0;
	/* A text with its note may be larger than one alone. */
	if (g->ops->read(g, NOTE, 2 * GUEST_FILE_MAX, &text, NULL, e))
		return err_in(e, "read which file was being changed");
	if (note_read(text, &path, &before) && put_back(g, path, before, e))
		return err_in(e, "put %s in the guest back as it was", path);
	return g->ops->remove(g, NOTE, e);
}

int guest_put(struct guest *g, const char *path, const char *before,
	const char *text, unsigned mode, struct err *e)
{
	if (guest_recover(g, e) || note(g, path, before, e))
		return -1;
	if (g->ops->write(g, path, text, mode, e)) {
		/* A full disk, say: the note stays where this fails too. */
		guest_recover(g, NULL);
		return -1;
	}
	return g->ops->remove(g, NOTE, e);
}

/* --- backups --- */

int guest_keep_text(
	struct guest *g, const char *path, const char *text, struct err *e)
{
	_free_ char *to = backup_of(path), *back = NULL;

	if (guest_recover(g, e))
		return -1;
	/* The first one is the file as it came from the source. */
	if (guest_has(g, to))
		return 0;
	if (g->ops->mkdirs(g, BACKUPS, e) ||
		guest_put(g, to, NULL, text, 0600, e))
		return -1;
	back = guest_text(g, to);
	if (back && strcmp(back, text) == 0)
		return 0;
	return err_set(e, ERR_GUEST_ACCESS,
		"%s reads otherwise than it was written: the guest's file "
		"system is damaged",
		to);
}

int guest_keep(struct guest *g, const char *path, struct err *e)
{
	_free_ char *to = backup_of(path);

	if (guest_has(g, to) || !guest_has(g, path))
		return 0;
	if (g->ops->mkdirs(g, BACKUPS, e))
		return -1;
	return g->ops->copy(g, path, to, e);
}
