/* Answers of a Proxmox VE to a client, and its tasks; include after cmocka.h.
 */
#ifndef PVEOPS_H
#define PVEOPS_H

#include "pveweb.h"

#define NODE "/api2/json/nodes/pve"
#define VM "/api2/json/nodes/pve/qemu/120"
#define NULL_DATA "{\"data\":null}"
#define UPID(n, type) \
	"UPID:pve:0000000" n ":0645340C:64E5BA99:" type ":120:root@pam:"
#define UPID_PATH(n, type)                                        \
	"UPID%3Apve%3A0000000" n "%3A0645340C%3A64E5BA99%3A" type \
	"%3A120%3Aroot%40pam%3A"
#define STATUS(n, type) "GET " NODE "/tasks/" UPID_PATH(n, type) "/status"
#define LOG(n, type) "GET " NODE "/tasks/" UPID_PATH(n, type) "/log"
#define ENDED(how) \
	"{\"data\":{\"status\":\"stopped\",\"exitstatus\":\"" how "\"}}"
#define RUNNING "{\"data\":{\"status\":\"running\"}}"
#define NO_LOG "{\"data\":[{\"n\":1,\"t\":\"no content\"}],\"total\":1}"

struct fix {
	struct web w;
	struct pve *p;
	struct err e;
};

static inline void fix_open(struct fix *f, const char *version)
{
	web_start(&f->w);
	f->p = web_open(&f->w, version);
	err_clear(&f->e);
}

static inline void fix_close(struct fix *f)
{
	pve_close(f->p);
	web_end(&f->w);
}

/* A task that ends so, with an empty log. */
static inline void task(
	struct web *w, const char *status, const char *log, const char *end)
{
	web_ok(w, status, end);
	web_ok(w, log, NO_LOG);
}

struct heard {
	struct buf lines;
	double percent;
	char *started;
};

static inline void hear(void *arg, const char *line, double percent)
{
	struct heard *h = arg;

	buf_addf(&h->lines, "%s\n", line);
	h->percent = percent > h->percent ? percent : h->percent;
}

static inline void begun(void *arg, const char *upid)
{
	struct heard *h = arg;

	str_set(&h->started, upid);
}

#endif
