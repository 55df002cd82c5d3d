/* Texts of a job by their digest: see content.h. */
#include "content.h"

#include <string.h>

#include "charset.h"
#include "str.h"

char *content_path(const char *dir, const char *hex)
{
	return xasprintf("%s/content-%s", dir, hex);
}

/* A character that a configuration file has no use for, at s[i]: C0, DEL and,
 * as UTF-8, C1. */
static bool is_control(const char *s, size_t i)
{
	unsigned char c = s[i], next = c ? s[i + 1] : 0;

	if (c == '\n' || c == '\t')
		return false;
	return c < 0x20 || c == 0x7f ||
		(c == 0xc2 && next >= 0x80 && next < 0xa0);
}

int content_check(const char *text, size_t len, struct err *e)
{
	unsigned line = 1;

	if (len > CONTENT_MAX)
		return err_set(e, ERR_BAD_INPUT,
			"the text has %zu bytes, %d are the limit", len,
			CONTENT_MAX);
	for (size_t i = 0; i < len; i++) {
		if (is_control(text, i))
			return err_set(e, ERR_BAD_INPUT,
				"line %u has a control character (0x%02x)",
				line, (unsigned char)text[i]);
		line += text[i] == '\n';
	}
	if (!charset_is_utf8(text, len))
		return err_set(e, ERR_BAD_INPUT, "the text is not UTF-8");
	return 0;
}

int content_keep(const char *dir, const char *text, size_t len,
	char hex[SHA256_HEX], struct err *e)
{
	_free_ char *path = NULL;
	char sum[SHA256_HEX];

	sha256_hex(text, len, sum);
	path = content_path(dir, sum);
	if (file_write(path, text, len, 0600, e))
		return -1;
	memcpy(hex, sum, sizeof(sum));
	return 0;
}

int content_read(const char *dir, const char *hex, char **text, struct err *e)
{
	_free_ char *path = content_path(dir, hex), *s = NULL;
	char sum[SHA256_HEX];
	size_t len;

	if (file_read(path, CONTENT_MAX, &s, &len, e))
		return -1;
	sha256_hex(s, len, sum);
	if (strcmp(sum, hex))
		return err_set(
			e, ERR_JOB_BAD, "%s is not the text it was", path);
	*text = s;
	s = NULL;
	return 0;
}
