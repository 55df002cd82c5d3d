/* /etc/fstab: does it name disks by device, which other hardware may rename? */
#include <string.h>

#include "../str.h"
#include "own.h"

bool guest_fstab_device_names(struct guest *g)
{
	_free_ char *text = guest_text(g, "/etc/fstab");
	char *p = text, *line;

	while (p && (line = str_line(&p))) {
		const char *s = str_trim(line);

		if (str_starts(s, "/dev/sd") || str_starts(s, "/dev/hd") ||
			str_starts(s, "/dev/vd"))
			return true;
	}
	return false;
}
