/* The table of steps, made from the files in core/step/. */
#include "step.h"

#include <stdlib.h>
#include <string.h>

#define X(name) extern const struct step step_##name;
#include "gen/step.h"
#undef X

static const struct step *table[] = {
#define X(name) &step_##name,
#include "gen/step.h"
#undef X
	NULL,
};

static int by_order(const void *a, const void *b)
{
	const struct step *const *x = a, *const *y = b;

	return ((*x)->order > (*y)->order) - ((*x)->order < (*y)->order);
}

const struct step *const *steps_all(void)
{
	static int sorted;
	size_t n = sizeof(table) / sizeof(table[0]) - 1;

	if (!sorted)
		qsort(table, n, sizeof(table[0]), by_order);
	sorted = 1;
	return table;
}

const struct step *step_find(const char *kind)
{
	for (const struct step *const *s = steps_all(); *s; s++)
		if (strcmp((*s)->kind, kind) == 0)
			return *s;
	return NULL;
}

static const char *either(bool file, const char *here, const char *host)
{
	return file && here ? here : host;
}

struct step_words step_words(const struct step *s, bool file)
{
	return (struct step_words){
		.why = either(file, s->file.why, s->why),
		.manual = either(file, s->file.manual, s->manual),
		.trouble = either(file, s->file.trouble, s->trouble),
	};
}
