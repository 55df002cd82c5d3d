/* Compressed data through libarchive: see pack.h. */
#include "pack.h"

#include <archive.h>
#include <archive_entry.h>

int pack_undo(const void *p, size_t len, size_t max, struct buf *out,
	size_t *used, struct err *e)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	size_t before = out->len;
	char part[65536];
	la_ssize_t n = -1;
	bool none;

	archive_read_support_filter_all(a);
	archive_read_support_format_raw(a);
	if (archive_read_open_memory(a, p, len) == ARCHIVE_OK &&
		archive_read_next_header(a, &entry) == ARCHIVE_OK)
		while ((n = archive_read_data(a, part, sizeof(part))) > 0 &&
			out->len - before + n < max)
			buf_add(out, part, n);
	/* A torn end still gives what lies before it. */
	none = n < 0 && out->len == before;
	if (none)
		err_set(e, ERR_BAD_INPUT, "cannot be unpacked: %s",
			archive_error_string(a));
	else if (used)
		*used = n ? 0 : archive_filter_bytes(a, -1);
	archive_read_free(a);
	return none ? -1 : 0;
}

static int write_entry(struct archive *a, const void *p, size_t len)
{
	struct archive_entry *entry = archive_entry_new();
	int rc;

	archive_entry_set_pathname(entry, "data");
	archive_entry_set_filetype(entry, AE_IFREG);
	rc = archive_write_header(a, entry) == ARCHIVE_OK &&
			archive_write_data(a, p, len) == (la_ssize_t)len
		? 0
		: -1;
	archive_entry_free(entry);
	return rc;
}

int pack_gzip(int fd, const void *p, size_t len, struct err *e)
{
	struct archive *a = archive_write_new();
	int rc = -1;

	archive_write_add_filter_gzip(a);
	archive_write_set_format_raw(a);
	/* No padding behind the last byte. */
	archive_write_set_bytes_in_last_block(a, 1);
	if (archive_write_open_fd(a, fd) == ARCHIVE_OK &&
		write_entry(a, p, len) == 0 &&
		archive_write_close(a) == ARCHIVE_OK)
		rc = 0;
	else
		err_set(e, ERR_IO, "compress: %s", archive_error_string(a));
	archive_write_free(a);
	return rc;
}
