/* dd on an ESXi host: see ddread.h. */
#include "ddread.h"

#include <inttypes.h>
#include <string.h>

#include "i18n.h"

#define MIB (1ULL << 20)

static const char begin[] = DD_BEGIN "\n";

size_t dd_to_begin(size_t at)
{
	return sizeof(begin) - 1 - at;
}

ssize_t dd_begin(size_t *at, const void *p, size_t n, struct err *e)
{
	size_t left = dd_to_begin(*at), part = n < left ? n : left;
	_free_ char *said = NULL;

	if (memcmp(p, begin + *at, part) == 0) {
		*at += part;
		return part;
	}
	said = xstrndup(p, n < 80 ? n : 80);
	said[strcspn(said, "\n")] = '\0';
	return err_set(e, ERR_SOURCE_READ,
		"the host prints something before the data: \"%s\"; end what "
		"greets on standard output there",
		said);
}

/* The last bytes of a disk may be no large block: the host would give more,
 * so they are asked for in sectors, of which every disk is made. */
void dd_add(struct buf *b, const char *file, uint64_t off, uint64_t len)
{
	static const unsigned sizes[] = {1U << 20, 1U << 16, 512};

	while (len) {
		uint64_t bs = 512, n = 1;

		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			bs = sizes[i];
			if (off % bs == 0 && len >= bs)
				break;
		}
		n = len / bs;
		/* Small blocks only up to where large ones can go on. */
		if (bs < MIB && n > (MIB - off % MIB) / bs)
			n = (MIB - off % MIB) / bs;
		if (b->len)
			buf_adds(b, " && ");
		buf_adds(b, "dd if=");
		sh_quote(b, file);
		buf_addf(b, " bs=%" PRIu64 " skip=%" PRIu64 " count=%" PRIu64,
			bs, off / bs, n);
		off += n * bs;
		len -= n * bs;
	}
}

int dd_list(struct buf *b, const char *file, const struct extent *x, size_t n,
	size_t *at, size_t max, struct err *e)
{
	size_t i = *at;

	while (i < n && b->len < max) {
		uint64_t off = x[i].offset, end = off + x[i].length;

		for (i++; i < n && x[i].offset == end; i++)
			end += x[i].length;
		if (off % 512 || end % 512)
			return err_set(e, ERR_INTERNAL,
				"bytes %llu to %llu are no sectors",
				(unsigned long long)off,
				(unsigned long long)end);
		dd_add(b, file, off, end - off);
	}
	*at = i;
	return 0;
}

bool dd_short(const char *line)
{
	const char *plus = strchr(line, '+');

	return strstr(line, "records in") && plus && plus[1] != '0';
}

int dd_cut(const char *file, struct err *e)
{
	err_set(e, ERR_SOURCE_CHANGED,
		"the host read less than the file has, and called it no error");
	return err_in(e, "read %s", file);
}

/* The line that says what went wrong: dd also tells how much it copied. */
static const char *complaint(char *text, bool *cut)
{
	const char *found = NULL;
	char *p = text, *line;

	while ((line = str_line(&p))) {
		*cut |= dd_short(line);
		if (!found && *line && !strstr(line, "records in") &&
			!strstr(line, "records out") && !strstr(line, "copied"))
			found = line;
	}
	return found;
}

int dd_judge(const char *file, int status, const char *signal, char *text,
	struct err *e)
{
	bool cut = false;
	const char *why = complaint(text, &cut);

	if (*signal)
		return err_set(e, ERR_SOURCE_READ,
			"dd on the host was ended by signal %s", signal);
	if (status > 128)
		return err_set(e, ERR_SOURCE_READ,
			"dd on the host was ended by signal %d", status - 128);
	if (!status)
		return cut ? dd_cut(file, e) : 0;
	why = why ? why : N_("no reason given");
	if (strstr(why, "busy"))
		return err_set(e, ERR_SOURCE_LOCKED, "%s", why);
	if (strstr(why, "No such file"))
		return err_set(e, ERR_DISK_MISSING, "%s", why);
	return err_set(e, ERR_SOURCE_READ, "%s: %s", file, why);
}
