/* What i18n.c and i18n_said.c share. */
#ifndef CORE_I18N_OWN_H
#define CORE_I18N_OWN_H

#include "i18n.h"

/* Where the catalogue of the language spoken is: a .mo file. Null where
 * nothing is translated. To be freed. */
char *i18n_file(void);

#endif
