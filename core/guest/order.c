/* The order of disks: see order.h. */
#include "order.h"

#include <string.h>

#include "../str.h"

/* "0n1p2": the partition behind an NVMe disk's numbers. */
static const char *behind_nvme(const char *s)
{
	static const char digits[] = "0123456789";
	size_t a = strspn(s, digits), b;

	if (!a || s[a] != 'n')
		return NULL;
	b = strspn(s + a + 1, digits);
	s += a + 1 + b;
	if (!b || (*s && (*s != 'p' || !s[1])))
		return NULL;
	return s + (*s == 'p');
}

bool disk_name(const char *device, struct disk_name *out)
{
	static const char *const kinds[] = {
		"/dev/sd", "/dev/hd", "/dev/vd", "/dev/xvd"};
	const char *rest = str_starts(device, "/dev/nvme")
		? behind_nvme(device + strlen("/dev/nvme"))
		: NULL;
	struct disk_name d = {0};
	uint64_t part = 0;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_starts(device, kinds[i])) {
			rest = device + strlen(kinds[i]);
			n = strspn(rest, "abcdefghijklmnopqrstuvwxyz");
			if (!n || n >= sizeof(d.letters))
				return false;
		}
	if (!rest)
		return false;
	memcpy(d.letters, rest, n);
	if (rest[n] && str_u64(rest + n, 255, &part))
		return false;
	d.part = part;
	*out = d;
	return true;
}

bool order_told(const char *fstab, const char *root)
{
	_free_ char *copy = xstrdup(fstab ? fstab : "");
	char *p = copy, *line;

	while ((line = str_line(&p))) {
		struct disk_name was, is;
		char *save = NULL;
		const char *spec = strtok_r(line, " \t", &save);
		const char *at = strtok_r(NULL, " \t", &save);

		if (!spec || *spec == '#' || !at || strcmp(at, "/"))
			continue;
		return disk_name(spec, &was) && disk_name(root, &is) &&
			*was.letters && was.part == is.part &&
			strcmp(was.letters, is.letters) == 0;
	}
	return false;
}
