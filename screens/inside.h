/* What is changed inside the guest: fields of the Network page. */
#ifndef SCREENS_INSIDE_H
#define SCREENS_INSIDE_H

#include "wizard.h"

/* Fields from *n on; room for INSIDE_FIELDS. The form's arg is the wizard. */
#define INSIDE_FIELDS 12
void inside_fields(struct wizard *w, struct tui_field *f, int *n);
/* "guest" of the choices. New reference. */
json_t *inside_choices(const struct wizard *w);

#endif
