/*
 * util.h - small helpers of the Proxmox VE stand-in: strings, files, digests
 * and child processes.  Out of memory aborts.
 */
#ifndef LAB_PVE_UTIL_H
#define LAB_PVE_UTIL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/types.h>

#include "../common.h"

/* Null: "?". */
void js_set(json_t *o, const char *k, const char *v);

bool starts(const char *s, const char *prefix);
bool ends(const char *s, const char *suffix);
/* The whole of s is a decimal number; *v is set only then. */
bool number(const char *s, long long *v);
/* Cuts white space at the end, in place. */
void chomp(char *s);

/* The bytes of a file with a NUL after them, NULL where unreadable. */
char *file_read(const char *path, size_t *len);
/* Replaces a file by rename; -1 and errno on failure. */
int file_write(const char *path, const void *data, size_t len, int mode);
/* mkdir -p; aborts the program with a message where it cannot. */
void dir_make(const char *path);

int64_t now_ms(void);
void sleep_ms(int ms);

/* n random bytes as 2n lower case hex digits. */
char *random_hex(size_t n);
char *random_uuid(void);
char *base64(const void *p, size_t n);
/* Decoded bytes with a NUL after them. */
char *base64_decode(const char *s, size_t *len);

/*
 * Runs argv and waits.  Each line of its standard output and error goes to
 * line() (cr: the line ended in a carriage return, as progress does).  While
 * it runs *pid is its process group leader, then 0.  Returns its exit status,
 * 128 + signal, or -1 where it could not be started.
 */
typedef void (*cmd_line)(void *arg, const char *s, bool cr);
int cmd_run(const char *const argv[], cmd_line line, void *arg,
	volatile pid_t *pid);
/* Same for a program whose argv[0] is not its path. */
int cmd_run_as(const char *path, const char *const argv[], cmd_line line,
	void *arg, volatile pid_t *pid);
/* Same as cmd_run, keeping the last line (NULL where it printed nothing). */
int cmd_quiet(const char *const argv[], char **last);

/* Start time of a process (field 22 of its stat), 0 where it is gone. */
unsigned long long proc_start(pid_t pid);

#endif
