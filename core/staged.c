/* The classic road: see staged.h. */
#include "staged.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proc.h"
#include "str.h"
#include "target.h"

static char *file_of(const struct run *r, size_t i)
{
	return xasprintf("%s/%s-%zu.raw", run_str(r, "staged.dir", "/tmp"),
		r->job->name, i);
}

int staged_spec(struct run *r, size_t i, char **spec, struct err *e)
{
	_free_ char *file = file_of(r, i);
	_json_ json_t *known = run_object(r, "file", "id", file);

	/* A file that is there and not ours is nobody's to overwrite. */
	if (!known && file_exists(file))
		return err_set(e, ERR_NO_SPACE,
			"%s exists and is not this job's: remove it or choose "
			"another staged.dir",
			file);
	if (!known && run_made(r, "file", file, NULL, e))
		return -1;
	*spec = xasprintf("raw:%s", file);
	return 0;
}

static char *mark_of(size_t i)
{
	return xasprintf("converted.%zu", i);
}

static bool converted(const struct run *r, size_t i)
{
	_free_ char *id = mark_of(i);

	return journal_asked(r->j, "copy_disks", "decision", id) != NULL;
}

bool staged_all(const struct run *r)
{
	for (size_t i = 0; i < run_disks(r); i++)
		if (!converted(r, i))
			return false;
	return true;
}

static int note_convert(struct run *r, const char *const argv[], struct err *e)
{
	_buf_ struct buf b = {0};

	buf_adds(&b, argv[0]);
	for (size_t i = 1; argv[i]; i++) {
		buf_addc(&b, ' ');
		sh_word(&b, argv[i]);
	}
	return run_command(r, "vmferry", b.s, e);
}

int staged_convert(struct run *r, size_t i, struct err *e)
{
	_free_ char *path = NULL, *format = NULL, *id = mark_of(i);
	_free_ char *file = file_of(r, i);
	json_t *d;

	if (converted(r, i))
		return 0;
	if (target_volume(r, i, NULL, &path, NULL, &format, e))
		return -1;
	/* -n: into the volume that Proxmox VE made; zeros are written where
	 * the file has holes, whatever the volume held. -t: without it nothing
	 * is flushed, and a power cut would lose what we call converted. */
	const char *const argv[] = {"qemu-img", "convert", "-n", "-t",
		file_takes_direct(path, strcmp(format, "qcow2") == 0)
			? "none"
			: "writeback",
		"-f", "raw", "-O", format, "--", file, path, NULL};

	run_say(r, "  qemu-img convert %s -> %s", file, path);
	if (note_convert(r, argv, e) ||
		proc_must(argv, NULL, NULL, ERR_TARGET_WRITE, e))
		return -1;
	d = json_object();
	json_put_str(d, "id", id);
	json_put_str(d, "value", path);
	return run_note(r, "decision", d, e);
}

int staged_remove(struct run *r, struct err *e)
{
	json_t *o;

	while ((o = run_object(r, "file", NULL, NULL))) {
		_json_ json_t *own = o;
		const char *file = json_str_or(own, "id", "");
		char size[STR_SIZE_LEN];
		struct stat st;

		if (stat(file, &st) == 0)
			run_say(r, "  removing %s (%s)", file,
				str_size(size, (uint64_t)st.st_blocks * 512));
		if (unlink(file) && errno != ENOENT)
			return err_sys(e, ERR_IO, "remove %s", file);
		if (run_removed(r, "file", file, e))
			return -1;
	}
	return 0;
}
