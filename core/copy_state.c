/* The state file of `vmferry copy`: see copy_state.h. */
#include "copy_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blockid.h"
#include "i18n.h"
#include "stop.h"
#include "str.h"

#define STATE_MAX (256U << 20)
#define LOCK_TIMEOUT 10.0 /* s; on a busy machine a fork took over two */

void copy_state_free(struct copy_state *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s->left_out);
	free(s->file);
	json_decref(s->head);
	copy_map_free(s->map);
	free(s);
}

void cleanup_copy_state(struct copy_state **s)
{
	copy_state_free(*s);
}

static int bad(const struct copy_state *s, const char *why, struct err *e)
{
	return err_set(e, ERR_BAD_INPUT, "%s: %s", s->path, why);
}

/* A line behind the first that says what is new of it. */
static bool is_news(struct copy_state *s, const json_t *j)
{
	const char *left_out = json_str(j, "left_out");
	const char *file = json_str(j, "file");

	if (left_out)
		str_set(&s->left_out, left_out);
	if (file)
		str_set(&s->file, file);
	return left_out || file;
}

static int take_line(
	struct copy_state *s, const char *line, size_t len, struct err *e)
{
	_json_ json_t *j = NULL;
	bool news;

	if (json_parse(line, len, &j, e))
		return bad(s, "not the state of a copy", e);
	news = is_news(s, j);
	if (s->head)
		return news ? 0 : copy_mark_from_json(j, &s->map, e);
	if (!json_str(j, "source") || !json_str(j, "target") ||
		!json_is_object(json_object_get(j, "identity")))
		return bad(s, "not the state of a copy", e);
	s->head = json_incref(j);
	return 0;
}

static int load(struct copy_state *s, struct err *e)
{
	_free_ char *text = NULL;
	size_t len = 0, at = 0;

	if (file_read(s->path, STATE_MAX, &text, &len, e))
		return -1;
	while (at < len) {
		char *nl = memchr(text + at, '\n', len - at);

		if (!nl)
			break; /* torn by a crash: what it said is not relied on
				*/
		if (take_line(s, text + at, nl - (text + at), e))
			return -1;
		at = nl + 1 - text;
	}
	if (ftruncate(s->fd, at))
		return err_sys(e, ERR_IO, "%s", s->path);
	return 0;
}

static int same(const struct copy_state *s, const char *key, const char *now,
	struct err *e)
{
	const char *was = json_str(s->head, key);

	if (strcmp(was, now) == 0)
		return 0;
	return err_set(e, ERR_BAD_INPUT, "%s is of a copy whose %s is %s",
		s->path, key, was);
}

static const char *path_of(const char *target)
{
	if (str_starts(target, "raw:"))
		return target + 4;
	return target + (str_starts(target, "qcow2:") ? 6 : 0);
}

/* Of a target that is a block device; to be freed, or null. */
static char *device_of(const char *target)
{
	return block_id(path_of(target));
}

/* Of a target that is a file: its inode, whose number may serve again once it
 * is removed, and its birth. To be freed, or null. */
static char *file_of(const char *target)
{
	struct statx st;

	if (statx(AT_FDCWD, path_of(target), 0,
		    STATX_TYPE | STATX_INO | STATX_BTIME, &st) ||
		!S_ISREG(st.stx_mode))
		return NULL;
	if (!(st.stx_mask & STATX_BTIME))
		st.stx_btime.tv_sec = st.stx_btime.tv_nsec = 0;
	return xasprintf("inode %llu, made %lld.%09u",
		(unsigned long long)st.stx_ino, (long long)st.stx_btime.tv_sec,
		st.stx_btime.tv_nsec);
}

/* The marks speak of what lies on that device, whatever its name is now. */
static int same_device(
	const struct copy_state *s, const char *target, struct err *e)
{
	const char *was = json_str(s->head, "device");
	_free_ char *now = was ? device_of(target) : NULL;

	if (!was || (now && strcmp(was, now) == 0))
		return 0;
	return err_set(e, ERR_BAD_INPUT,
		"%s is of a copy onto the device \"%s\"; %s is now \"%s\": "
		"find "
		"that device, or remove the file to begin anew",
		s->path, was, target, now ? now : "none");
}

/* The same of a file. One that is gone is the caller's to look at. */
static int same_file(
	const struct copy_state *s, const char *target, struct err *e)
{
	_free_ char *now = s->file ? file_of(target) : NULL;

	if (!now || strcmp(s->file, now) == 0)
		return 0;
	return err_set(e, ERR_BAD_INPUT,
		"%s is of a copy into another file of the name %s: put that "
		"one back, or remove the state file to begin anew",
		s->path, path_of(target));
}

static int open_file(struct copy_state *s, struct err *e)
{
	double until = now_mono() + LOCK_TIMEOUT;

	s->fd = open(s->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (s->fd < 0)
		return err_sys(e, ERR_IO, "cannot open %s", s->path);
	/* A killed worker's child may hold it until it has become qemu-nbd. */
	while (flock(s->fd, LOCK_EX | LOCK_NB)) {
		if (now_mono() > until)
			return err_set(e, ERR_JOB_BUSY,
				"another copy works with %s", s->path);
		if (stop_sleep(20, e))
			return -1;
	}
	return 0;
}

int copy_state_open(const char *path, const char *source, const char *target,
	struct copy_state **out, struct err *e)
{
	_copy_state_ struct copy_state *s = xcalloc(1, sizeof(*s));

	s->path = xstrdup(path);
	s->fd = -1;
	if (open_file(s, e) || load(s, e))
		return -1;
	if (s->head &&
		(same(s, "source", source, e) || same(s, "target", target, e) ||
			same_device(s, target, e) || same_file(s, target, e)))
		return -1;
	*out = s;
	s = NULL;
	return 0;
}

static int append(struct copy_state *s, json_t *j, struct err *e)
{
	_json_ json_t *own = j;
	_free_ char *text = json_line(j);
	_free_ char *line = xasprintf("%s\n", text);

	(void)own;
	if (write_all(s->fd, line, strlen(line)) || fdatasync(s->fd))
		return err_sys(e, ERR_IO, "%s", s->path);
	return 0;
}

static int note(struct copy_state *s, const char *key, const char *was,
	const char *is, struct err *e)
{
	json_t *j;

	if (!is || (was && strcmp(was, is) == 0))
		return 0;
	j = json_object();
	json_put_str(j, key, is);
	return append(s, j, e);
}

int copy_state_begin(struct copy_state *s, const char *source,
	const char *target, const struct copy_job *job, const json_t *identity,
	const char *left_out, struct err *e)
{
	_free_ char *device = NULL, *file = file_of(target);

	if (s->head)
		return note(s, "left_out", s->left_out, left_out, e) ||
				note(s, "file", s->file, file, e)
			? -1
			: 0;
	s->head = json_object();
	json_put_str(s->head, "source", source);
	json_put_str(s->head, "target", target);
	device = device_of(target);
	json_put_str(s->head, "device", device);
	json_put_str(s->head, "file", file);
	json_put_bool(s->head, "zeroed", job->target_zeroed);
	json_put_bool(s->head, "read_all", job->read_all);
	json_put(s->head, "identity", json_deep_copy(identity));
	json_put_str(s->head, "left_out", left_out);
	return append(s, json_incref(s->head), e);
}

int copy_state_same(
	const struct copy_state *s, const struct copy_job *job, struct err *e)
{
	if (!s->head || json_flag(s->head, "read_all", false) == job->read_all)
		return 0;
	return err_set(e, ERR_BAD_INPUT,
		job->read_all ? N_("%s is of a copy without --read-all: go on "
				   "in that way, or remove it to begin anew")
			      : N_("%s is of a copy with --read-all: go on in "
				   "that way, or remove it to begin anew"),
		s->path);
}

int copy_state_mark(
	struct copy_state *s, const struct copy_mark *m, struct err *e)
{
	return append(s, copy_mark_to_json(m, 0), e);
}
