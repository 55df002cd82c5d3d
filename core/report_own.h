/* What report.c and report_detail.c share. */
#ifndef CORE_REPORT_OWN_H
#define CORE_REPORT_OWN_H

#include "report.h"

/*
 * What one journal line says to a reader: array of {event, time, text} and,
 * where it has a diff, block. Empty for lines that only mark a step's course
 * (begin, mark, end). Texts are printable. New reference.
 */
json_t *report_details(const json_t *line);

/* One value with its unit: "182.4 GiB", "3 min 20 s", "on"; null for what is
 * not one value. To be freed. */
char *report_value(const json_t *v, const char *name, const char *unit);

#endif
