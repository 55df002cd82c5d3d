/*
 * Memory, text, numbers and whole files: the small things every module
 * needs. Allocation never fails here: out of memory aborts, because a killed
 * worker is an ordinary thing that resumes.
 */
#ifndef CORE_STR_H
#define CORE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"

/* Scope cleanup: `_free_ char *s = NULL;` */
void cleanup_free(void *p);
void cleanup_close(int *fd);
void cleanup_file(FILE **f);
#define _free_ __attribute__((cleanup(cleanup_free)))
#define _close_ __attribute__((cleanup(cleanup_close)))
#define _fclose_ __attribute__((cleanup(cleanup_file)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
/* At a multiple of 4096, as O_DIRECT wants it; freed as any other. */
void *xaligned(size_t n);
/* Grow an array to n elements of size bytes; the new part is not cleared. */
void *xreallocarray(void *p, size_t n, size_t size);
/* A copy, owned by the caller; null stays null. */
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* *dst = copy of s, the old value freed. */
void str_set(char **dst, const char *s);

/*
 * What may have held a secret: zeroed, then freed. wipe_realloc is realloc
 * that leaves nothing where the block was. p may be null.
 */
void wipe_free(void *p);
void *wipe_realloc(void *p, size_t n);
/* wipe_free and null: `_wipe_ char *s = NULL;` */
void str_wipe(char **s);
#define _wipe_ __attribute__((cleanup(str_wipe)))

/* A growing text, always NUL-terminated once something was added. What it
 * held is not left in memory that it gave back. */
struct buf {
	char *s;
	size_t len, cap;
};
#define _buf_ __attribute__((cleanup(buf_free)))
void buf_free(struct buf *b);
void buf_clear(struct buf *b); /* empties, keeps the memory */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The text (never null), to be freed by the caller; b is empty after. */
char *buf_steal(struct buf *b);
/* Characters of UTF-8 text that has one column each. */
int str_cols(const char *s);
/* Append s and blanks up to that many. */
void buf_pad(struct buf *b, const char *s, int cols);

/*
 * Copy s so that it can go to a screen or a log: control characters (C0,
 * DEL, C1), bytes that are not UTF-8, and bidi overrides become '?'; cut at
 * a character's edge to fit size. Returns dst.
 */
char *str_printable(char *dst, size_t size, const char *s);
/* The same, allocated. */
char *str_printable_dup(const char *s);

bool str_eqi(const char *a, const char *b); /* ASCII case ignored */
int str_cmpi(const char *a, const char *b); /* strcmp, ASCII case ignored */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* Cut blanks, tabs, CR and LF at both ends, in place; returns the start. */
char *str_trim(char *s);
/* The next line of a text without its LF or CRLF, cut in place; *p moves
 * on; null at the end. An empty line is "". */
char *str_line(char **p);

/* A whole decimal number from 0 to max and nothing else. -1: not one. */
int str_u64(const char *s, uint64_t max, uint64_t *out);
int str_i64(const char *s, int64_t *out);
/* Hexadecimal with or without 0x. */
int str_hex64(const char *s, uint64_t *out);
/* TRUE/FALSE/yes/no/on/off/1/0 in any case. -1: not one. */
int str_bool(const char *s, bool *out);
/* "512", "64K", "10G", "1.5T" (powers of 1024) to bytes. -1: not one. */
int str_bytes(const char *s, uint64_t *out);
/* "182.4 GiB"; out has room for at least 16 bytes. Returns out. */
#define STR_SIZE_LEN 16
char *str_size(char out[STR_SIZE_LEN], uint64_t bytes);
/* "1 h 02 min", "3 min 20 s", "4.2 s". Returns out. */
char *str_duration(char out[STR_SIZE_LEN], double seconds);

void hex_encode(char *out, const void *p, size_t n); /* 2n+1 bytes */
int hex_decode(void *out, size_t n, const char *s);  /* exactly 2n digits */
/* RFC 4648, 4, with padding; to be freed. */
char *base64_encode(const void *p, size_t n);
/* The bytes up to the first character that is no digit, a NUL behind them; to
 * be freed. len may be null. */
char *base64_decode(const char *s, size_t *len);

/* Append s quoted for a POSIX shell: always in single quotes, ' as '\''.
 * The one place where remote command lines get their arguments. */
void sh_quote(struct buf *b, const char *s);
/* The same for a command line that people read: in quotes only where a shell
 * needs them. */
void sh_word(struct buf *b, const char *s);
/* sh_quote with a blank before it. */
void sh_arg(struct buf *b, const char *s);

/* Read a whole file of at most max bytes; *out is NUL-terminated, freed by
 * the caller; len may be null. ERR_NOT_FOUND, ERR_PERMISSION, ERR_IO,
 * ERR_BAD_INPUT (larger than max). */
int file_read(
	const char *path, size_t max, char **out, size_t *len, struct err *e);
/* Write by a temporary file, fsync, rename, fsync of the directory. */
int file_write(const char *path, const void *p, size_t n, unsigned mode,
	struct err *e);
/* mkdir -p with mode for what is made. */
int file_mkdirs(const char *path, unsigned mode, struct err *e);
bool file_exists(const char *path);
/* Can a file or device be read and written whole by O_DIRECT (past the page
 * cache, which keeps what the node's guests need)? Not on every file system;
 * not plain bytes with an odd tail, but an image that QEMU makes longer by
 * whole clusters. */
bool file_takes_direct(const char *path, bool image);
/* "dir/name", to be freed. */
char *path_join(const char *dir, const char *name);

/* Write all n bytes to fd. 0 or -1 with errno. */
int write_all(int fd, const void *p, size_t n);
/* Seconds of a clock that only goes forward. */
double now_mono(void);
/* UTC as 2026-11-22T02:11:00.123Z; out has 32 bytes. */
char *now_utc(char out[32]);

#endif
