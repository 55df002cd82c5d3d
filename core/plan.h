/*
 * The plan: facts (what scan found) + choices (what the operator wants) ->
 * plan.json. Pure: no clock, network or randomness. The operator reads it,
 * may save, diff and rerun it. Fields: docs/plan.md.
 */
#ifndef CORE_PLAN_H
#define CORE_PLAN_H

#include "json.h"

/* keep_days: how long the source VM is to be kept, switched off. */
#define PLAN_KEEP_DAYS 14
#define PLAN_KEEP_MAX 3650

/*
 * Build a plan; new reference in *plan. ERR_PLAN_BAD where the choices do not
 * fit the facts, ERR_VM_NOT_FOUND, ERR_STORAGE_UNFIT, ERR_NO_SPACE,
 * ERR_DISK_UNSUPPORTED, ERR_VM_UNSUPPORTED: each says which choice helps.
 */
int plan_build(const json_t *facts, const json_t *choices, json_t **plan,
	struct err *e);

/* Is this a plan this vmferry can run? ERR_PLAN_BAD says where not. */
int plan_check(const json_t *plan, struct err *e);

/* The facts' VM of that id or name (null: the only one). Borrowed. */
int plan_find_vm(const json_t *facts, const char *id_or_name, const json_t **vm,
	struct err *e);

#endif
