/* What core/plan*.c share. */
#ifndef CORE_PLAN_OWN_H
#define CORE_PLAN_OWN_H

#include "plan.h"
#include "vm.h"

/* A plan being made. */
struct planning {
	const json_t *facts, *choices, *target;
	const struct vm *vm;
	json_t *plan, *warnings;
	unsigned release;
};

/* A warning of the plan. */
void plan_warn(struct planning *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The member's text, "" where there is none. */
static inline const char *plan_text(const json_t *v, const char *key)
{
	return json_str_or(v, key, "");
}

/* target.disks and estimate; target.nics. As plan_build. */
int plan_disks(struct planning *b, json_t *target, struct err *e);
int plan_nics(struct planning *b, json_t *target, struct err *e);

#endif
