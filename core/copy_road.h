/*
 * Which road a copy's bytes come by, and over how many connections: tried on
 * the disk's own first written ranges, every byte of which is kept. The
 * roads are measured one after the other by one connection; the fastest goes
 * on, and its connections are doubled while that makes it faster. Where that
 * is slow, the road that lets the host compress is tried too, by as many
 * connections as make it faster: it costs the host's processor, so it must be
 * worth it. When the rate halves later, it is looked at again.
 */
#ifndef CORE_COPY_ROAD_H
#define CORE_COPY_ROAD_H

#include "source.h"

struct pump;

/* What is being measured. */
struct road_meter {
	bool runs;
	double asked, from;  /* since when it waits; since when it counts */
	uint64_t base;       /* bytes by the road at from */
	double starved_base; /* readers' waiting time at from */
	double rate;         /* bytes a second, once it is done */
	bool starved;        /* readers waited for the target */
};

struct roads {
	enum { ROADS_TRY, ROADS_GROW, ROADS_STEADY } phase;
	int road;   /* that is measured or used */
	unsigned n; /* its connections */
	struct road_meter meter;
	double rate[SOURCE_ROADS]; /* by one connection; 0: not measured */
	unsigned good;             /* connections that were the best, */
	double good_rate;          /* and their rate */
	/* The best without compression, while that is tried; n 0: it is not,
	 * or has been. */
	struct {
		int road;
		unsigned n;
		double rate;
	} plain;
	bool packed;   /* compression was tried */
	double steady; /* the rate when it became steady */
	unsigned slow; /* windows in a row below half of it */
	double tried_at;
	char again[48]; /* of why: that it is not the first trial, and when */
	char why[320];  /* for people */
};

/* Give the seats for the first time. */
void roads_begin(struct roads *r, struct pump *p);
/* Look, and change seats where it is time; called all the time. */
void roads_look(struct roads *r, struct pump *p);

#endif
