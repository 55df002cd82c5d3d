/*
 * Translations: _() looks a message up, N_() marks one in a table that is
 * looked up later, P_() chooses the plural form. The catalogue is "vmferry";
 * main() binds it once. Text is UTF-8 whatever the terminal's charset: the
 * screen converts. Journals, plans and logs are never translated.
 */
#ifndef CORE_I18N_H
#define CORE_I18N_H

#include <libintl.h>

#define I18N_DOMAIN "vmferry"
#define _(s) dgettext(I18N_DOMAIN, s)
#define N_(s) (s)
#define P_(one, many, n) dngettext(I18N_DOMAIN, one, many, n)

#endif
