/*
 * Translations: _() looks a message up, N_() marks one in a table that is
 * looked up later, P_() chooses the plural form. The catalogue is "vmferry";
 * main() opens it once. Text is UTF-8 whatever the terminal's charset: the
 * screen converts.
 *
 * Keeps true: journals, plans, logs, JSON and what goes into a pipe are never
 * translated: they are English, and stable. What was made as English text
 * there (an error's cause, a question, a warning) is said in the language of
 * the screen by i18n_said, which finds the message it was made from.
 */
#ifndef CORE_I18N_H
#define CORE_I18N_H

#include <libintl.h>

#define I18N_DOMAIN "vmferry"
#define _(s) i18n_get(s)
#define N_(s) (s)
#define P_(one, many, n) dngettext(I18N_DOMAIN, one, many, n)

/* "" stays "": gettext has the catalogue's head there. */
static inline const char *__attribute__((format_arg(1))) i18n_get(const char *s)
{
	return *s ? dgettext(I18N_DOMAIN, s) : s;
}

/*
 * Take the locale of the environment and the catalogue: VMFERRY_LOCALE, else
 * beside the program (locale/ or build/locale/), else ../share/locale of it.
 * A language whose locale is not installed here is taken all the same, in
 * C.UTF-8; one that the terminal's charset cannot show is not.
 */
void i18n_open(void);

/* "en" where nothing is translated, else "fr", "ru". Static storage. */
const char *i18n_language(void);

/*
 * English text made from a message of ours, however long ago and by whatever
 * process, in the language of the screen: "%s" of the message takes what
 * stands there, itself translated where it is a message. As it is where no
 * message fits. New string; null for null.
 */
char *i18n_said(const char *english);

#endif
