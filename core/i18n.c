/* Languages: see i18n.h. Which one is spoken, and where its catalogue is. */
#include "i18n_own.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "str.h"

static char *dir; /* of the catalogues; null: there is none */

/* The first of these that is set and not empty. */
static const char *first_env(const char *const *names)
{
	for (; *names; names++) {
		const char *s = getenv(*names);

		if (s && *s)
			return s;
	}
	return "";
}

/* The locale of the environment is not on this machine (a session forwards
 * LANG=fr_FR.UTF-8 to a node that has C.UTF-8 only). */
static void stand_in(void)
{
	static const char *const charset[] = {
		"LC_ALL", "LC_CTYPE", "LANG", NULL};
	static const char *const words[] = {
		"LC_ALL", "LC_MESSAGES", "LANG", NULL};
	const char *c = first_env(charset), *w = first_env(words);
	_free_ char *language = xstrndup(w, strcspn(w, "._@"));

	if (!strstr(c, "UTF-8") && !strstr(c, "utf8") && !strstr(c, "UTF8"))
		return;
	if (setlocale(LC_ALL, "C.UTF-8"))
		setenv("LANGUAGE", language, 0);
}

static char *find_dir(void)
{
	static const char *const beside[] = {
		"locale", "build/locale", "../share/locale"};
	const char *set = getenv("VMFERRY_LOCALE");
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (set && *set)
		return xstrdup(set);
	if (n < 0)
		return NULL;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	for (size_t i = 0; i < ARRAY_LEN(beside); i++) {
		_free_ char *fr = xasprintf("%s/%s/fr/LC_MESSAGES/%s.mo", self,
			beside[i], I18N_DOMAIN);

		if (access(fr, R_OK) == 0)
			return xasprintf("%s/%s", self, beside[i]);
	}
	return NULL;
}

const char *i18n_language(void)
{
	static char language[16];
	const char *s = strstr(dgettext(I18N_DOMAIN, ""), "Language: ");
	size_t n = s ? strcspn(s + 10, "\n") : 0;

	if (!n || n >= sizeof(language))
		return "en";
	memcpy(language, s + 10, n);
	language[n] = '\0';
	return language;
}

static bool can_show(wchar_t c)
{
	char out[16];
	mbstate_t st = {0};

	return wcrtomb(out, c, &st) != (size_t)-1;
}

void i18n_open(void)
{
	if (!setlocale(LC_ALL, ""))
		stand_in();
	/* Figures are read and written with a point, whatever the locale. */
	setlocale(LC_NUMERIC, "C");
	/* strerror's words go into journals: no catalogue for libc. */
	bindtextdomain("libc", "/");
	free(dir);
	dir = find_dir();
	if (!dir)
		return;
	bindtextdomain(I18N_DOMAIN, dir);
	bind_textdomain_codeset(I18N_DOMAIN, "UTF-8");
	if (strcmp(i18n_language(), "ru") == 0 && !can_show(0x44f))
		setlocale(LC_MESSAGES, "C");
}

char *i18n_file(void)
{
	if (!dir || strcmp(i18n_language(), "en") == 0)
		return NULL;
	return xasprintf(
		"%s/%s/LC_MESSAGES/%s.mo", dir, i18n_language(), I18N_DOMAIN);
}
