/*
 * The checklist: left the steps, right the step at hand in four short parts,
 * below progress and the log's tail. The caller changes the structs from
 * tui_watch/tui_every and calls tui_touch.
 */
#ifndef TUI_CHECKLIST_H
#define TUI_CHECKLIST_H

#include "tui.h"

enum tui_step_state {
	TUI_TODO,    /* [ ] */
	TUI_RUNNING, /* [>] */
	TUI_DONE,    /* [x] */
	TUI_FAILED,  /* [!] */
	TUI_ASKS,    /* [?] waits for the operator */
	TUI_UNDONE,  /* [<] */
	TUI_SKIPPED, /* [-] */
};

struct tui_step {
	const char *name;
	enum tui_step_state state;
	double seconds;     /* below 0: not known */
	const char *result; /* a few words; may be null */
};

/* The four parts of one step; null ones are left out. now: how it ended, where
 * it did not end well. */
struct tui_parts {
	const char *now, *why, *manual, *trouble;
};

#define TUI_RATES 60
struct tui_progress {
	bool shown;
	const char *what; /* "disk 1 of 2" */
	uint64_t done, total;
	double rate;             /* bytes a second */
	double eta;              /* seconds; below 0: not known */
	double rates[TUI_RATES]; /* newest last, n_rates of them */
	int n_rates;
};

struct tui_checklist {
	struct tui_step *steps;
	int n;
	int current; /* the step at hand; -1: none */
	void (*parts)(void *arg, int step, struct tui_parts *out);
	struct tui_progress progress;
	/* Newest last; at most log_n lines are kept by the caller. */
	const char *const *log;
	int log_n;
	unsigned
		log_count; /* lines that ever came: plain mode tells new ones */
	void *arg;
	/* State; zero at first. Selection follows `current` until moved. */
	int selected;
	bool moved;
	int top, scroll;
	/* Plain mode's memory of what was told. */
	struct {
		bool begun;
		enum tui_step_state state[64];
		double at;
		int percent;
		unsigned log_count;
	} told;
};

/* Add a rate to the sparkline. */
void tui_progress_rate(struct tui_progress *p, double rate);

#endif
