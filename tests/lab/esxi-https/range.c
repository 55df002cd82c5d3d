/*
 * The Range header (RFC 9110, 14.2), one range of bytes.
 */
#include "https.h"

#include <string.h>

/* A number that ends at `stop`; -1 where it is none. */
static int64_t number(const char *s, const char *stop)
{
	int64_t v = 0;

	if (s == stop || stop - s > 18)
		return -1;
	for (; s < stop; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		v = v * 10 + (*s - '0');
	}
	return v;
}

int range_parse(const char *header, uint64_t size, uint64_t *from, uint64_t *to)
{
	const char *dash, *end;
	int64_t a, b;

	if (!header || strncmp(header, "bytes=", 6) || strchr(header, ','))
		return 0;
	header += 6;
	end = header + strlen(header);
	dash = strchr(header, '-');
	if (!dash)
		return 0;
	a = number(header, dash);
	b = number(dash + 1, end);
	if (dash == header) { /* the last b bytes */
		if (b < 0)
			return 0;
		if (!b || !size)
			return -1;
		*from = (uint64_t)b < size ? size - (uint64_t)b : 0;
		*to = size - 1;
		return 1;
	}
	if (a < 0 || (b < 0 && dash + 1 != end) || (b >= 0 && b < a))
		return 0;
	if ((uint64_t)a >= size)
		return -1;
	*from = (uint64_t)a;
	*to = b < 0 || (uint64_t)b >= size ? size - 1 : (uint64_t)b;
	return 1;
}
