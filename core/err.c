/* Errors: see err.h. Keeps true: what and why hold printable text only. */
#include "err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "i18n.h"
#include "str.h"

struct err_row {
	const char *id;
	bool retry;
	const char *advice;
};

static const struct err_row rows[ERR_COUNT] = {
	[ERR_NONE] = {"NONE", false, ""},
#define X(id, retry, advice) [ERR_##id] = {#id, retry, advice},
#include "errors.def"
#undef X
};

static __attribute__((format(printf, 3, 0))) void vset(
	char *to, size_t size, const char *fmt, va_list ap)
{
	char raw[512];

	vsnprintf(raw, sizeof(raw), fmt, ap);
	str_printable(to, size, raw);
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return -1;
	e->code = code;
	e->what[0] = '\0';
	va_start(ap, fmt);
	vset(e->why, sizeof(e->why), fmt, ap);
	va_end(ap);
	/* Who refused had no words for it. */
	if (!e->why[0])
		snprintf(e->why, sizeof(e->why), N_("no reason was given"));
	return -1;
}

/* What errno says more exactly than the caller could. */
static enum err_code by_errno(int err_no, enum err_code code)
{
	if (err_no == ENOSPC || err_no == EDQUOT)
		return ERR_NO_SPACE;
	if (code != ERR_IO)
		return code;
	if (err_no == ENOENT || err_no == ENOTDIR)
		return ERR_NOT_FOUND;
	if (err_no == EACCES || err_no == EPERM || err_no == EROFS)
		return ERR_PERMISSION;
	return code;
}

int err_sys(struct err *e, enum err_code code, const char *fmt, ...)
{
	int saved = errno;
	char text[200];
	va_list ap;

	if (!e)
		return -1;
	code = by_errno(saved, code);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(e, code, "%s: %s", text, strerror(saved));
	errno = saved;
	return -1;
}

int err_in(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (!e || e->what[0])
		return -1;
	va_start(ap, fmt);
	vset(e->what, sizeof(e->what), fmt, ap);
	va_end(ap);
	return -1;
}

void err_clear(struct err *e)
{
	if (e)
		memset(e, 0, sizeof(*e));
}

const char *err_id(enum err_code code)
{
	return code < ERR_COUNT ? rows[code].id : "UNKNOWN";
}

enum err_code err_by_id(const char *id)
{
	for (int i = 1; i < ERR_COUNT; i++)
		if (strcmp(rows[i].id, id) == 0)
			return i;
	return ERR_NONE;
}

const char *err_advice(enum err_code code)
{
	return code < ERR_COUNT ? rows[code].advice : "";
}

bool err_retryable(enum err_code code)
{
	return code < ERR_COUNT && rows[code].retry;
}

int err_exit_code(enum err_code code)
{
	switch (code) {
	case ERR_NONE:
		return 0;
	case ERR_USAGE:
		return 2;
	case ERR_ANSWER_NEEDED:
		return 10;
	default:
		return err_retryable(code) ? 75 : 1;
	}
}
