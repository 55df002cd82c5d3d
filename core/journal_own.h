/* What journal.c, journal_read.c and journal_verify.c share. */
#ifndef CORE_JOURNAL_OWN_H
#define CORE_JOURNAL_OWN_H

#include "journal.h"
#include "str.h"

/* ,"sum":"<64 digits>"} */
#define JOURNAL_TAIL 74

struct chain {
	uint64_t seq;          /* of the last line */
	char head[SHA256_HEX]; /* what the next prev must be */
};

struct journal {
	int fd;
	uint64_t size; /* of the file, all whole lines */
	struct chain chain;
	bool failed; /* the file's state is not known */
	const struct secrets *secrets;
	json_t *who; /* operator */
	char host[65];
	/* memory */
	json_t *last;  /* "step\nevent": line */
	json_t *asked; /* "step\nevent\nid": line */
	json_t *made;  /* oldest first: data with step and seq */
};

/* Take a line that holds into memory. */
void journal_learn(struct journal *j, const json_t *line);

/* --- lines of a file, streaming --- */

struct jlines {
	int fd;
	struct buf b;
	size_t pos;  /* of the next line in b */
	uint64_t at; /* offset in the file of b's start */
};
#define _jlines_ __attribute__((cleanup(jlines_end)))
void jlines_end(struct jlines *l);

/* path is a job directory or a journal file. */
int jlines_open(
	struct jlines *l, const char *path, uint64_t offset, struct err *e);
/* 1: the next whole line without its newline, valid until the next call;
 * 0: no whole line is left; -1: the error. */
int jlines_next(struct jlines *l, const char **line, size_t *n, struct err *e);
/* Offset of the first byte not yet given, and what is torn behind it. */
uint64_t jlines_offset(const struct jlines *l);
const char *jlines_rest(const struct jlines *l, size_t *n);

/* --- the chain --- */

void chain_start(struct chain *c);

enum line_state {
	LINE_OK,
	LINE_BAD, /* JSON, but not what was written */
	LINE_TORN /* not even JSON: a crash, if it is the last */
};

/* Check the next line; moves c on where LINE_OK, and gives the line (new
 * reference). ERR_JOURNAL_BROKEN otherwise. */
enum line_state chain_take(struct chain *c, const char *line, size_t n,
	json_t **out, struct err *e);

/* "step\nevent" and the like, the key of an index; to be freed. */
char *journal_key(const char *step, const char *event, const char *id);

#endif
