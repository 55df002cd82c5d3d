/* Character sets: see charset.h. Only names of the table reach iconv. */
#include "charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>

#define REPLACEMENT "\xef\xbf\xbd"

static const struct {
	const char *name, *iconv;
} table[] = {
	{"UTF-8", "UTF-8"},
	{"US-ASCII", "UTF-8"},
	{"windows-1250", "CP1250"},
	{"windows-1251", "CP1251"},
	{"windows-1252", "CP1252"},
	{"windows-1253", "CP1253"},
	{"windows-1254", "CP1254"},
	{"windows-1255", "CP1255"},
	{"windows-1256", "CP1256"},
	{"windows-1257", "CP1257"},
	{"windows-1258", "CP1258"},
	{"windows-874-2000", "CP874"},
	{"windows-932", "CP932"},
	{"windows-936-2000", "CP936"},
	{"windows-949-2000", "CP949"},
	{"windows-950-2000", "BIG5"},
	{"ibm-943_P15A-2003", "CP932"},
	{"Shift_JIS", "CP932"},
	{"EUC-JP", "EUC-JP"},
	{"EUC-KR", "CP949"},
	{"GBK", "CP936"},
	{"GB2312", "CP936"},
	{"GB18030", "GB18030"},
	{"Big5", "BIG5"},
	{"ISO-8859-1", "ISO-8859-1"},
	{"ISO-8859-2", "ISO-8859-2"},
	{"ISO-8859-5", "ISO-8859-5"},
	{"ISO-8859-15", "ISO-8859-15"},
	{"KOI8-R", "KOI8-R"},
};

const char *charset_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (str_eqi(table[i].name, name))
			return table[i].iconv;
	return NULL;
}

bool charset_to_utf8(
	const char *iconv_name, const char *s, size_t n, struct buf *out)
{
	iconv_t cd = iconv_open("UTF-8", iconv_name);
	char *in = (char *)s; /* iconv does not write there */
	bool good = true;

	if (cd == (iconv_t)-1) {
		/* A system without that table: ASCII is always built in. */
		charset_to_utf8("ASCII", s, n, out);
		return false;
	}
	while (n) {
		char tmp[256], *to = tmp;
		size_t room = sizeof(tmp);
		size_t r = iconv(cd, &in, &n, &to, &room);
		int why = errno;

		buf_add(out, tmp, sizeof(tmp) - room);
		if (r == (size_t)-1 && why != E2BIG) {
			/* One byte is no character (or is cut off). */
			buf_adds(out, REPLACEMENT);
			good = false;
			in++;
			n--;
			iconv(cd, NULL, NULL, NULL, NULL);
		}
	}
	iconv_close(cd);
	return good;
}

bool charset_is_utf8(const char *s, size_t n)
{
	_buf_ struct buf b = {0};

	return charset_to_utf8("UTF-8", s, n, &b);
}
