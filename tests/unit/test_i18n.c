/* English text made elsewhere, said in the language of the screen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "err.h"
#include "i18n.h"
#include "step.h"
#include "str.h"

/* The catalogues beside the test: build/locale of build/unit/test_i18n. */
static void language(const char *l)
{
	_free_ char *dir = NULL;
	char self[PATH_MAX] = "";

	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	*strrchr(self, '/') = '\0';
	*strrchr(self, '/') = '\0';
	dir = path_join(self, "locale");
	setenv("VMFERRY_LOCALE", dir, 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("LANGUAGE", l, 1);
	i18n_open();
	if (strcmp(i18n_language(), l))
		skip();
}

static void said(const char *english, const char *want)
{
	_free_ char *s = i18n_said(english);

	assert_string_equal(s, want);
}

static void french(void **state)
{
	(void)state;
	language("fr");
	/* Whole messages, one with an argument, one with arguments turned. */
	said("Which bus shall the disks be on?",
		"Sur quel bus mettre les disques\u00a0?");
	said("Change /etc/fstab in the guest?",
		"Modifier /etc/fstab dans le syst\u00e8me invit\u00e9\u00a0?");
	/* A sentence inside a sentence. */
	said("scsi0:0 cannot be copied: Disk scsi0:1 is left out, as chosen..",
		"scsi0:0 ne peut \u00eatre copi\u00e9\u00a0: Le disque scsi0:1 "
		"est laiss\u00e9 de "
		"c\u00f4t\u00e9, comme choisi..");
	/* One word in an argument is a name, even if it is a message too. */
	said("Change Network in the guest?",
		"Modifier Network dans le syst\u00e8me invit\u00e9\u00a0?");
	said("copying disk 1 of 2 at 12.34 GiB",
		"copie du disque 1 sur 2, \u00e0 12.34 GiB");
}

/* What is no message of ours stays as it is, byte for byte. */
static void strangers(void **state)
{
	static const char *const text[] = {"", " ", "%s", "%", "100 %",
		"qemu-nbd: Failed to get \"write\" lock", "\xff\xfe",
		"a: b: c: d: e: f: g: h: i: j: k: l: m: n: o"};

	(void)state;
	language("fr");
	for (size_t i = 0; i < ARRAY_LEN(text); i++)
		if (i < 6)
			said(text[i], text[i]);
		else
			free(i18n_said(text[i]));
	assert_null(i18n_said(NULL));
	assert_string_equal(_(""), "");
}

/* A number asks for its own form: 1, 2-4, 5 and more, 11. */
static void plurals(void **state)
{
	static const char *const want[][2] = {
		{"! 1 snapshot is merged into its disk, after asking. It does "
		 "not come back.",
			"! 1 \u0441\u043d\u0438\u043c\u043e\u043a "},
		{"! 3 snapshots are merged into the disks, after asking. They "
		 "do not come back.",
			"! 3 \u0441\u043d\u0438\u043c\u043a\u0430 "},
		{"! 11 snapshots are merged into the disks, after asking. They "
		 "do not come back.",
			"! 11 \u0441\u043d\u0438\u043c\u043a\u043e\u0432 "},
	};

	(void)state;
	language("ru");
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		_free_ char *s = i18n_said(want[i][0]);

		if (strncmp(s, want[i][1], strlen(want[i][1])))
			fail_msg("%s", s);
	}
}

/* Every advice and every step's words have a translation of their own. */
static void complete(const char *l)
{
	const struct step *const *s = steps_all();

	language(l);
	for (int i = 1; i < ERR_COUNT; i++)
		if (strcmp(_(err_advice(i)), err_advice(i)) == 0)
			fail_msg("%s: %s", l, err_id(i));
	for (; *s; s++)
		if (strcmp(_((*s)->doing), (*s)->doing) == 0 ||
			strcmp(_((*s)->why), (*s)->why) == 0)
			fail_msg("%s: %s", l, (*s)->kind);
}

static void complete_fr(void **state)
{
	(void)state;
	complete("fr");
}

static void complete_ru(void **state)
{
	(void)state;
	complete("ru");
}

/* The message with its directives filled in, each by its place and kind. */
static char *filled(const char *s)
{
	_buf_ struct buf b = {0};
	int next = 1, place;

	for (; *s; s++) {
		size_t digits = strspn(s + 1, "0123456789"), n = 1;

		if (*s != '%' || s[1] == '%') {
			buf_addc(&b, *s);
			s += *s == '%';
			continue;
		}
		place = digits && s[1 + digits] == '$' ? s[1] - '0' : next++;
		n += s[1 + digits] == '$' ? digits + 1 : 0;
		n += strspn(s + n, "-+ #0123456789.*hlzjt");
		if (s[n] == 's')
			buf_addf(&b, "w%d.example", place);
		else
			buf_addf(&b, "4%d", place);
		s += n;
	}
	return b.s ? buf_steal(&b) : xstrdup("");
}

static uint32_t word(const char *file, size_t at)
{
	uint32_t v;

	memcpy(&v, file + at, sizeof(v));
	return v;
}

static int letters(const char *s)
{
	int n = 0;

	for (; *s; s++)
		if (*s == '%')
			s += strcspn(s, "sducfxo");
		else
			n += (*s >= 'a' && *s <= 'z') ||
				(*s >= 'A' && *s <= 'Z');
	return n;
}

/* Whatever is filled in: every message of the catalogue is known again from
 * the text that it made, and from no other message's. */
static void known_again(const char *l)
{
	_free_ char *path = NULL, *mo = NULL;
	_buf_ struct buf bad = {0};
	unsigned n = 0;

	language(l);
	path = xasprintf(
		"%s/%s/LC_MESSAGES/vmferry.mo", getenv("VMFERRY_LOCALE"), l);
	assert_int_equal(file_read(path, 8 << 20, &mo, NULL, NULL), 0);
	for (uint32_t i = 0; i < word(mo, 8); i++) {
		const char *en = mo + word(mo, word(mo, 12) + 8 * i + 4);
		const char *to = mo + word(mo, word(mo, 16) + 8 * i + 4);
		_free_ char *text = filled(en), *want = filled(to);
		_free_ char *got = NULL;

		/* Plurals have their own test. */
		if (strlen(en) != word(mo, word(mo, 12) + 8 * i) ||
			letters(en) < 4)
			continue;
		n++;
		got = i18n_said(text);
		if (strcmp(got, want))
			buf_addf(&bad, "%s\n  %s\n  %s\n", en, got, want);
	}
	if (bad.len)
		fail_msg("%s:\n%s", l, bad.s);
	assert_true(n > 900);
}

static void known_again_fr(void **state)
{
	(void)state;
	known_again("fr");
}

static void known_again_ru(void **state)
{
	(void)state;
	known_again("ru");
}

/* What was said by one layer stands in what the next said; behind it, the
 * system's own words. */
static void in_parts(void **state)
{
	(void)state;
	language("fr");
	said("open /a/b: No such file or directory",
		"ouvrir /a/b\u00a0: fichier ou r\u00e9pertoire inexistant");
	said("NO_SPACE  copy disk 1 of 2: No space left on device",
		"NO_SPACE  copier le disque 1 of 2\u00a0: plus de place sur le "
		"p\u00e9riph\u00e9rique");
	said("cannot make /run/x (Permission denied)",
		"impossible de cr\u00e9er /run/x (Permission denied)");
	/* Of a name, and of a stranger's words, nothing is touched. */
	said("web01: qm stop 100", "web01: qm stop 100");
}

/* What goes into journals is English in every language. */
static void journal_text(void **state)
{
	struct err e = {0};

	(void)state;
	language("fr");
	assert_int_equal(access("/nonexistent", F_OK), -1);
	err_sys(&e, ERR_IO, "open");
	assert_string_equal(e.why, "open: No such file or directory");
}

/* A language whose locale is not here: C.UTF-8 with its messages. */
static void not_installed(void **state)
{
	(void)state;
	language("fr");
	unsetenv("LANGUAGE");
	setenv("LC_ALL", "fr_XX.UTF-8", 1);
	i18n_open();
	assert_string_equal(i18n_language(), "fr");
	/* Figures keep their point. */
	assert_string_equal(localeconv()->decimal_point, ".");
}

/* Cyrillic in a charset that has none: English. */
static void cannot_show(void **state)
{
	(void)state;
	language("ru");
	unsetenv("LC_ALL");
	setenv("LANG", "C.UTF-8", 1);
	setenv("LC_CTYPE", "C", 1);
	i18n_open();
	assert_string_equal(i18n_language(), "en");
	said("Checklist", "Checklist");
	unsetenv("LC_CTYPE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(french),
		cmocka_unit_test(strangers),
		cmocka_unit_test(plurals),
		cmocka_unit_test(complete_fr),
		cmocka_unit_test(complete_ru),
		cmocka_unit_test(known_again_fr),
		cmocka_unit_test(known_again_ru),
		cmocka_unit_test(in_parts),
		cmocka_unit_test(journal_text),
		cmocka_unit_test(not_installed),
		cmocka_unit_test(cannot_show),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
