/* The guest's disks of a job: see guest_job.h. */
#include "guest_job.h"

#include <stdlib.h>

#include "str.h"
#include "target.h"

static int open_all(struct run *r, struct guest_disk *d, size_t n, bool write,
	struct guest **out, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		char *path, *format;

		if (target_volume(r, i, NULL, &path, NULL, &format, e))
			return -1;
		d[i].path = path;
		d[i].format = format;
	}
	return guest_open(d, n, write, out, e);
}

int guest_job_open(struct run *r, bool write, struct guest **out, struct err *e)
{
	size_t n = run_disks(r);
	struct guest_disk *d = xcalloc(n, sizeof(*d));
	int rc = open_all(r, d, n, write, out, e);

	for (size_t i = 0; i < n; i++) {
		free((char *)d[i].path);
		free((char *)d[i].format);
	}
	free(d);
	return rc;
}

const json_t *guest_job_facts(const struct run *r)
{
	return json_object_get(
		run_recall(r, "guest_inspect", "measure"), "facts");
}
