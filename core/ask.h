/*
 * Gates: questions that a step asks the operator. A question is journalled,
 * the worker ends with ERR_ANSWER_NEEDED, the answer is journalled by the
 * wizard or `vmferry answer`, and the next worker reads it. Keeps true: an
 * answer that does not fit its question is never handed to a step.
 */
#ifndef CORE_ASK_H
#define CORE_ASK_H

#include <stdbool.h>

#include "journal.h"

enum ask_kind {
	ASK_CHOICE,  /* one of choices */
	ASK_TEXT,    /* text that fits pattern, or any where it is null */
	ASK_NUMBER,  /* min..max */
	ASK_CONFIRM, /* type `expect` exactly; never answered by default */
};

struct ask_choice {
	const char *value; /* stable: stands in journals and answers files */
	const char *label;
};

struct question {
	const char *id; /* unique in its step, stable */
	enum ask_kind kind;
	const char *text; /* one sentence, ends with '?' or ':' */
	const char *why;  /* why it is asked, and why the default */
	const char *help; /* what to do or look at meanwhile; may be long */
	const struct ask_choice *choices; /* up to a null value */
	const char *def;                  /* proposed value; null: none */
	const char *pattern; /* ASK_TEXT: POSIX ERE for the whole text */
	const char *hint;    /* an example: "02:00:00:12:34:56" */
	uint64_t min, max;
	const char *expect; /* ASK_CONFIRM */
	/* ASK_CHOICE with a choice "edit": the digest of the text (content.h)
	 * that the operator may change. That answer brings its text along. */
	const char *edit;
	/* An answer serves one time (retry? skip?): taking it is journalled
	 * as a decision, and the next ask() wants a newer answer. */
	bool once;
};

struct asker {
	struct journal *j;
	const json_t *answers; /* {"step.id" or "id": value}, or null */
	bool defaults;         /* take the default where there is one */
};

/*
 * The answer to q: journalled before; else from answers (journalled as
 * source "file"); else the default if `defaults` (source "default"); else
 * the question is journalled, once, and ERR_ANSWER_NEEDED. *answer lives
 * until the next question of this id is answered. An answer from the file
 * that does not fit is ERR_ANSWER_BAD (ERR_NOT_CONFIRMED for ASK_CONFIRM).
 */
int ask(const struct asker *a, const char *step, const struct question *q,
	const char **answer, struct err *e);

/*
 * Check value against a journalled question (its data). ERR_ANSWER_BAD says
 * what would fit, ERR_NOT_CONFIRMED. For forms: the same check, no journal.
 */
int ask_check(const json_t *question, const char *value, struct err *e);

/*
 * Answer from outside: question is "id" or "step.id" of one that is asked
 * and whose step has not ended; takes no lock (the caller has it, and j).
 * content: digest of the text of an answer "edit", kept before; else null.
 * ERR_NOT_FOUND lists what is open, ERR_ANSWER_BAD.
 */
int ask_answer(struct journal *j, const char *question, const char *value,
	const char *content, struct err *e);

/* The digest of the text that came with the newest answer, null: none.
 * Borrowed until the next answer. */
const char *ask_content(
	const struct journal *j, const char *step, const char *id);

/* Questions without an answer, oldest first: array of the question's data
 * with "step" added. New reference. Reads without a lock. */
int ask_open(const char *dir, json_t **out, struct err *e);

#endif
