/*
 * Text in the character sets that VMware's files are written in, to UTF-8.
 */
#ifndef CORE_CHARSET_H
#define CORE_CHARSET_H

#include <stdbool.h>
#include <stddef.h>

#include "str.h"

/* iconv's name for one of VMware's (ICU's): "windows-949-2000" is "CP949".
 * Null where unknown. Static storage. */
const char *charset_find(const char *name);

/* ASCII included. */
bool charset_is_utf8(const char *s, size_t n);

/*
 * Append n bytes in the set of that iconv name to out as UTF-8. What is not
 * valid becomes U+FFFD; returns true where all was valid.
 */
bool charset_to_utf8(
	const char *iconv_name, const char *s, size_t n, struct buf *out);

#endif
