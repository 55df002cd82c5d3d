/*
 * The checklist of a job as it went, for people and for files: made from the
 * journal alone (and the plan for what is still to do), so it says nothing
 * that the journal does not.
 */
#ifndef CORE_REPORT_H
#define CORE_REPORT_H

#include "job.h"
#include "json.h"

/*
 * The report as JSON, which is also its "json" format (docs/formats.md).
 * New reference. ERR_NOT_FOUND, ERR_JOURNAL_BROKEN (not even readable).
 * A journal that reads but does not hold is told in "journal".
 */
int report_model(const struct job *job, json_t **out, struct err *e);

/* "text", "md", "html" or "json"; to be freed. ERR_USAGE. */
int report_render(
	const json_t *model, const char *format, char **out, struct err *e);

/* "[x]", "[!]", "[ ]"...: the mark of a step's state. Static storage. */
const char *report_mark(const char *state);

/* --- the formats, for report_render --- */

char *report_text(const json_t *model);
char *report_markdown(const json_t *model);
char *report_html(const json_t *model);

/* --- shared by the formats --- */

/* "command", "measure"...: what a detail is, in the reader's language. */
const char *report_event(const json_t *detail);
/* "2026-11-22 02:11:00 UTC" of a journal's time; "" where none. */
#define REPORT_TIME_LEN 32
char *report_time(char out[REPORT_TIME_LEN], const char *time);
/* Rows of name and value that head a report; array of [name, value], new
 * reference. */
json_t *report_head(const json_t *model);
/* Sections behind the checklist: array of {title, rows: [[name, value]]},
 * empty ones left out. New reference. */
json_t *report_tail(const json_t *model);

#endif
