/*
 * The two formats of redo logs, behind the redo_* functions of lab.h. Every
 * function works on an open log.
 */
#ifndef LAB_ESXI_REDO_H
#define LAB_ESXI_REDO_H

#include "lab.h"

/* vmfsSparse ("COWD"), grains of one sector */
int cowd_create(const char *path, int64_t sectors);
int cowd_put(int fd, int64_t sector, const void *data);
int cowd_open(int fd, struct layer *l);
int64_t cowd_find(struct layer *l, int64_t sector);

/* seSparse, grains of 8 sectors */
int sesparse_create(const char *path, int64_t sectors);
int sesparse_put(int fd, int64_t sector, const void *data);
int sesparse_open(int fd, struct layer *l);
int64_t sesparse_find(struct layer *l, int64_t sector);

#endif
