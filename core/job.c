/*
 * Job directories: see job.h. Keeps true: a directory under its final name
 * holds a plan and a journal that begins with the plan's hash.
 */
#include "job.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state.h"
#include "str.h"

#define NAME_MAX_LEN 63

int job_name_check(const char *name, struct err *e)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";
	size_t n = strlen(name);

	if (n && n <= NAME_MAX_LEN && strspn(name, ok) == n && *name != '.' &&
		*name != '-')
		return 0;
	return err_set(e, ERR_USAGE,
		"%s: a job's name is of a-z, 0-9, '.' and '-', at most %d, "
		"and begins with a letter or digit",
		name, NAME_MAX_LEN);
}

static struct job *job_new(const char *name, const char *dir)
{
	struct job *job = xcalloc(1, sizeof(*job));

	job->name = xstrdup(name);
	job->dir = xstrdup(dir);
	job->lock_fd = -1;
	job->log_fd = -1;
	return job;
}

/* STATE/jobs, made where it is missing. */
static int jobs_dir(char **out, struct err *e)
{
	_free_ char *dir = NULL;

	if (state_path("jobs", &dir, e) || file_mkdirs(dir, 0700, e))
		return -1;
	*out = dir;
	dir = NULL;
	return 0;
}

/* --- creating --- */

/* The journal first: writing the plan flushes the directory for both. */
static int write_plan(const char *dir, const json_t *plan, struct err *e)
{
	_free_ char *path = path_join(dir, "plan.json");
	_free_ char *text = json_pretty(plan);
	_journal_ struct journal *j = NULL;
	char sum[SHA256_HEX];
	json_t *data = json_object();

	sha256_hex(text, strlen(text), sum);
	json_put_str(data, "sha256", sum);
	if (journal_open(dir, NULL, &j, e)) {
		json_decref(data);
		return -1;
	}
	if (journal_add(j, NULL, "plan", data, e))
		return -1;
	return file_write(path, text, strlen(text), 0600, e);
}

/* What an earlier creation left that did not come to its end. */
static void sweep(const char *dir)
{
	static const char *const names[] = {"plan.json", "journal"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		_free_ char *path = path_join(dir, names[i]);

		unlink(path);
	}
	rmdir(dir);
}

static int build(
	const char *jobs, const char *dir, const json_t *plan, struct err *e)
{
	_free_ char *tmp = path_join(jobs, ".new");
	_close_ int fd = open(jobs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* Two creations at once wait for each other here. */
	if (fd < 0 || flock(fd, LOCK_EX))
		return err_sys(e, ERR_IO, "%s", jobs);
	sweep(tmp);
	if (mkdir(tmp, 0700))
		return err_sys(e, ERR_IO, "%s", tmp);
	if (write_plan(tmp, plan, e)) {
		sweep(tmp);
		return -1;
	}
	if (rename(tmp, dir)) {
		int saved = errno;

		sweep(tmp);
		errno = saved;
		if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
			return err_set(e, ERR_JOB_EXISTS, "%s", dir);
		return err_sys(e, ERR_IO, "%s", dir);
	}
	if (fsync(fd))
		return err_sys(e, ERR_IO, "%s", jobs);
	return 0;
}

int job_create(
	const char *name, const json_t *plan, struct job **out, struct err *e)
{
	_free_ char *jobs = NULL, *dir = NULL;

	if (job_name_check(name, e) || jobs_dir(&jobs, e))
		return err_in(e, "make the job %s", name);
	dir = path_join(jobs, name);
	if (build(jobs, dir, plan, e))
		return err_in(e, "make the job %s", name);
	*out = job_new(name, dir);
	return 0;
}

/* --- opening --- */

static int is_job(const char *dir, struct err *e)
{
	_free_ char *plan = path_join(dir, "plan.json");
	struct stat st;

	if (stat(dir, &st))
		return err_sys(e,
			errno == ENOENT ? ERR_NOT_FOUND : ERR_PERMISSION, "%s",
			dir);
	if (!S_ISDIR(st.st_mode) || !file_exists(plan))
		return err_set(e, ERR_JOB_BAD, "%s has no plan.json", dir);
	return 0;
}

/* "/a/b/" is the job b in /a/b. */
static struct job *from_path(const char *path)
{
	_free_ char *dir = xstrdup(path);
	size_t n = strlen(dir);

	while (n > 1 && dir[n - 1] == '/')
		dir[--n] = '\0';
	return job_new(strrchr(dir, '/') + 1, dir);
}

int job_open(const char *name, struct job **out, struct err *e)
{
	_free_ char *jobs = NULL, *dir = NULL;
	_job_ struct job *job = NULL;

	if (strchr(name, '/')) {
		job = from_path(name);
	} else {
		if (job_name_check(name, e) || jobs_dir(&jobs, e))
			return err_in(e, "open the job %s", name);
		dir = path_join(jobs, name);
		job = job_new(name, dir);
	}
	if (is_job(job->dir, e))
		return err_in(e, "open the job %s", name);
	*out = job;
	job = NULL;
	return 0;
}

void job_close(struct job *job)
{
	if (!job)
		return;
	job_status_flush(job);
	job_unlock(job);
	if (job->log_fd >= 0)
		close(job->log_fd);
	json_decref(job->status);
	free(job->name);
	free(job->dir);
	free(job);
}

void cleanup_job(struct job **job)
{
	job_close(*job);
}

int job_plan(const struct job *job, json_t **out, struct err *e)
{
	_free_ char *path = path_join(job->dir, "plan.json");

	if (json_read(path, out, e) == 0)
		return 0;
	if (e && e->code == ERR_BAD_INPUT)
		e->code = ERR_JOB_BAD;
	return -1;
}

void job_guard(struct job *job, const struct secrets *secrets)
{
	job->secrets = secrets;
}

/* --- the lock --- */

static int lock_open(const struct job *job, int flags)
{
	_free_ char *path = path_join(job->dir, "lock");

	return open(path, flags | O_CLOEXEC, 0600);
}

/* F_GETLK's pid; 0 where nobody holds it, -1 where it cannot be named. */
static pid_t lock_holder(int fd)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_GETLK, &l) || l.l_type == F_UNLCK)
		return 0;
	return l.l_pid > 0 ? l.l_pid : -1;
}

static int busy(int fd, struct err *e)
{
	pid_t pid = lock_holder(fd);

	if (pid > 0)
		return err_set(
			e, ERR_JOB_BUSY, "process %d holds its lock", (int)pid);
	return err_set(e, ERR_JOB_BUSY, "another process holds its lock");
}

int job_lock(struct job *job, struct err *e)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = lock_open(job, O_RDWR | O_CREAT);

	if (fd < 0)
		return err_sys(e, ERR_PERMISSION, "%s/lock", job->dir);
	if (fcntl(fd, F_SETLK, &l)) {
		if (errno == EACCES || errno == EAGAIN)
			busy(fd, e);
		else
			err_sys(e, ERR_IO, "lock %s", job->dir);
		close(fd);
		return err_in(e, "work on the job %s", job->name);
	}
	job->lock_fd = fd;
	return 0;
}

void job_unlock(struct job *job)
{
	if (job->lock_fd >= 0)
		close(job->lock_fd);
	job->lock_fd = -1;
}

pid_t job_worker_pid(const struct job *job)
{
	_close_ int fd = -1;

	/* Opening and closing the file again would release our own lock. */
	if (job->lock_fd >= 0)
		return getpid();
	fd = lock_open(job, O_RDWR);
	return fd < 0 ? 0 : lock_holder(fd);
}
