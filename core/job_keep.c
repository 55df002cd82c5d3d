/*
 * A job directory as a whole: guided or express, and its removal. Keeps true:
 * a job whose objects still stand on the target without an end is not
 * forgotten.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "job.h"
#include "str.h"

/* --- guided --- */

bool job_guided(const struct job *job)
{
	_free_ char *path = path_join(job->dir, "guided");

	return file_exists(path);
}

int job_set_guided(const struct job *job, bool on, struct err *e)
{
	_free_ char *path = path_join(job->dir, "guided");

	if (on)
		return file_write(path, "", 0, 0600, e);
	if (unlink(path) && errno != ENOENT)
		return err_sys(e, ERR_IO, "%s", path);
	return 0;
}

/* --- removal --- */

/* Nothing begun, or come to its end, or nothing of it is left. */
static int may_go(const struct job *job, struct err *e)
{
	_journal_ struct journal *j = NULL;
	_json_ json_t *status = NULL, *made = NULL;
	const char *state;

	if (job_status(job, &status, e) || journal_peek(job->dir, &j, e))
		return -1;
	state = json_str_or(status, "state", "");
	made = journal_made(j);
	if (strcmp(state, "done") == 0 || strcmp(state, "undone") == 0)
		return 0;
	if (!json_array_size(made) && !journal_last(j, "stop_vm", "begin"))
		return 0;
	return err_set(e, ERR_JOB_UNFINISHED, "%s is %s; it made %zu objects",
		job->name, state, json_array_size(made));
}

static int empty(const char *dir, struct err *e)
{
	DIR *d = opendir(dir);
	struct dirent *f;
	int rc = 0;

	if (!d)
		return err_sys(e, ERR_IO, "%s", dir);
	while (rc == 0 && (f = readdir(d)))
		if (strcmp(f->d_name, ".") && strcmp(f->d_name, "..") &&
			unlinkat(dirfd(d), f->d_name, 0))
			rc = err_sys(e, ERR_IO, "%s/%s", dir, f->d_name);
	closedir(d);
	return rc;
}

int job_remove(struct job *job, struct err *e)
{
	const char *base = strrchr(job->dir, '/') + 1;
	_free_ char *away = xasprintf(
		"%.*s.removed-%s", (int)(base - job->dir), job->dir, base);
	int rc;

	if (job_lock(job, e))
		return -1;
	rc = may_go(job, e);
	/* First out of the list, in one go; a crash leaves no half job. */
	if (rc == 0 && rename(job->dir, away))
		rc = err_sys(e, ERR_IO, "%s", job->dir);
	if (rc == 0)
		rc = empty(away, e);
	if (rc == 0 && rmdir(away))
		rc = err_sys(e, ERR_IO, "%s", away);
	job_unlock(job);
	return rc ? err_in(e, "remove the job %s", job->name) : 0;
}
