/*
 * state.c - what must survive the program: DIR/state.json, replaced by rename
 * after every change.
 */
#include "hoster.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int load(const char *from)
{
	json_error_t e;
	json_t *state = json_load_file(from, 0, &e);

	if (!state) {
		fprintf(stderr, "lab-hoster: %s:%d: %s\n", from, e.line,
			e.text);
		return -1;
	}
	json_decref(lab.state);
	lab.state = state;
	return 0;
}

int state_load(void)
{
	auto_free char *path = fmt("%s/state.json", lab.dir);

	return load(access(path, F_OK) ? lab.seed : path);
}

int state_reset(void)
{
	return load(lab.seed);
}

void state_save(void)
{
	auto_free char *path = fmt("%s/state.json", lab.dir);
	auto_free char *tmp = fmt("%s.new", path);
	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || json_dumpfd(lab.state, fd, JSON_INDENT(1)) || close(fd) ||
		rename(tmp, path)) {
		fprintf(stderr, "lab-hoster: %s: %s\n", path, strerror(errno));
		abort();
	}
}

json_t *state_of(const struct hoster *h)
{
	return jo(lab.state, h->name);
}

int state_delay(void)
{
	return (int)ji(lab.state, "delay");
}

int64_t state_next(const char *what)
{
	int64_t n = ji(lab.state, what);

	ji_set(lab.state, what, n + 1);
	return n;
}

char *state_mac(const char *oui)
{
	int64_t n = state_next("next_mac");

	return fmt("%s:1a:%02x:%02x", oui, (unsigned)(n >> 8) & 255,
		(unsigned)n & 255);
}
