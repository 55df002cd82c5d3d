/* Which device a block device is: see blockid.h. */
#include "blockid.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "str.h"

/* The line in a file below dir, to be freed; null: none, or blank. */
static char *line_of(const char *dir, const char *name)
{
	_free_ char *path = path_join(dir, name);
	_free_ char *text = NULL, *clean = NULL;
	char *s;

	if (file_read(path, 4096, &text, NULL, NULL))
		return NULL;
	clean = str_printable_dup(str_trim(text));
	s = str_trim(clean);
	return *s ? xstrdup(s) : NULL;
}

static void add(
	struct buf *b, const char *dir, const char *name, const char *label)
{
	_free_ char *s = line_of(dir, name);

	if (s)
		buf_addf(b, "%s%s %s", b->len ? ", " : "", label, s);
}

static void add_disk(struct buf *b, const char *sys)
{
	static const struct {
		const char *name, *label;
	} files[] = {{"wwid", "wwid"}, {"device/wwid", "wwid"},
		{"serial", "serial"}, {"device/serial", "serial"},
		{"dm/uuid", "dm"}, {"md/uuid", "md"},
		{"loop/backing_file", "loop"}};

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		add(b, sys, files[i].name, files[i].label);
}

char *block_id_in(const char *sys)
{
	_free_ char *number = line_of(sys, "partition");
	_free_ char *above = path_join(sys, "..");
	_buf_ struct buf b = {0};

	add_disk(&b, number ? above : sys);
	if (!b.len)
		return NULL;
	if (number) {
		add(&b, sys, "partition", "partition");
		add(&b, sys, "start", "at");
		add(&b, sys, "size", "sectors");
	}
	return buf_steal(&b);
}

char *block_id(const char *path)
{
	_free_ char *link = NULL, *sys = NULL;
	struct stat st;

	if (stat(path, &st) || !S_ISBLK(st.st_mode))
		return NULL;
	link = xasprintf(
		"/sys/dev/block/%u:%u", major(st.st_rdev), minor(st.st_rdev));
	/* A link: its ".." is the disk only from where it points. */
	sys = realpath(link, NULL);
	return sys ? block_id_in(sys) : NULL;
}
