/*
 * The dumps that vim-cmd's get.* and task_info print, of every release
 * (grammar: esxi-shell.md 3.3):
 *
 *   (vim.vm.Summary) {
 *      name = "x",
 *      list = (string) [ "a", "b" ],
 *      question = (vim.vm.QuestionInfo) null
 *   }
 *
 * as JSON: an object keeps its type under "_type" (a fault is known by it),
 * an array is an array, 'moref' and "text" are strings, <unset> and null are
 * null, numbers are integers or reals. dynamicType is left out.
 */
#ifndef CORE_VMODL_H
#define CORE_VMODL_H

#include "err.h"
#include "json.h"

/*
 * The first dump in text, whatever stands before it ("Listsummary:"); *end
 * (may be null) is set behind it, for a second one. New reference.
 * ERR_BAD_INPUT with the line where it stops making sense, or "no dump".
 */
int vmodl_parse(
	const char *text, json_t **out, const char **end, struct err *e);

/*
 * Is there a fault dump in text, at the start of a line? Then msg is its
 * message, or its type where it has none ("vim.fault.NotFound"), printable.
 * A fault inside another object (a task's error) is none.
 */
bool vmodl_fault(const char *text, char *msg, size_t size);

#endif
