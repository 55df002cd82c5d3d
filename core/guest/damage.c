/*
 * What mount said of a file system that it could not mount, as one sentence
 * for people: its own words are many lines of advice to somebody else.
 */
#include <stdlib.h>
#include <string.h>

#include "../i18n.h"
#include "../str.h"
#include "own.h"

/* Behind the last such mark. */
static const char *behind(const char *s, const char *mark)
{
	const char *at;

	while ((at = strstr(s, mark)))
		s = at + strlen(mark);
	return s;
}

/* "mount_ro: mount exited with status 32: mount: /sysroot: can't read
 * superblock on /dev/sda1.\ndmesg(1) may ..." -> "can't read superblock on
 * /dev/sda1" */
static char *words_of(const char *error)
{
	_free_ char *line = xstrndup(error, strcspn(error, "\n"));
	const char *s = behind(line, "exited with status ");

	s += s == line ? 0 : strcspn(s, " ");
	s = behind(s, "mount: ");
	s = behind(s, "/sysroot/: ");
	s = behind(s, "/sysroot: ");
	_free_ char *clean = str_printable_dup(s);
	char *said = str_trim(clean);
	size_t n = strlen(said);

	if (n && said[n - 1] == '.')
		said[n - 1] = '\0';
	return xstrdup(*said ? said : "no reason given");
}

char *guest_damage(const char *dev, const char *type, const char *error)
{
	_free_ char *words = words_of(error ? error : "");

	return xasprintf(N_("the %s file system on %s is damaged and cannot "
			    "be read: check it in the old VM, then copy "
			    "again (mount says: %s)"),
		type, dev, words);
}
