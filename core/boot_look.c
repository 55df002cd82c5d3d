/* A look at a VM: see boot_look.h. */
#include "boot_look.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pve.h"
#include "screen.h"
#include "str.h"

static int monitor(
	struct run *r, const char *command, json_t **out, struct err *e)
{
	_pve_params_ struct pve_params params = {0};
	const struct pve_at at = {.vmid = run_vmid(r)};
	struct pve *p;

	if (run_pve(r, &p, e))
		return -1;
	pve_param(&params, "command", "%s", command);
	return pve_call(p, "POST", "/nodes/{node}/qemu/{vmid}/monitor", &at,
		&params, out, e);
}

/* A path is one word of the monitor's language. */
static bool plain_path(const char *s)
{
	return s[strspn(s,
		       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXY"
		       "Z0123456789/._-")] == '\0';
}

static char *by_picture(struct run *r, struct err *e)
{
	_free_ char *path = path_join(r->job->dir, "screen.ppm");
	_free_ char *command = xasprintf("screendump %s", path);
	_free_ char *ppm = NULL;
	char *text;
	size_t len;

	if (*path != '/' || !plain_path(path))
		return NULL;
	unlink(path);
	if (monitor(r, command, NULL, e) ||
		file_read(path, 64 << 20, &ppm, &len, NULL) ||
		screen_text(ppm, len, &text, NULL))
		return NULL;
	return text;
}

static char *by_memory(struct run *r, struct err *e)
{
	_json_ json_t *answer = NULL;

	if (monitor(r, "xp /2000hx 0xb8000", &answer, e))
		return NULL;
	return screen_vga(
		json_is_string(answer) ? json_string_value(answer) : "");
}

/* The end of a serial line's text: what a screen would show. */
static char *last_lines(const char *text)
{
	const char *p = text + strlen(text);

	for (int n = 0; p > text && n < 25; p--)
		n += p[-1] == '\n';
	return xstrdup(p);
}

void boot_sight_free(struct boot_sight *s)
{
	free(s->text);
	s->text = NULL;
}

int boot_look(struct run *r, struct boot_serial *serial, struct boot_sight *out,
	struct err *e)
{
	const char *said = boot_serial_text(serial);
	struct boot_sight seen = {.by = "screen"};
	struct boot_verdict heard;
	struct err why = {0};

	seen.text = by_picture(r, &why);
	if (!seen.text && why.code == ERR_NONE)
		seen.text = by_memory(r, &why);
	if (why.code == ERR_STOPPED) {
		*e = why;
		return -1;
	}
	if (seen.text)
		oracle_read(seen.text, &seen.v);
	oracle_read(said, &heard);
	if (!seen.v.sign && (heard.sign || !*seen.v.evidence) && *said) {
		free(seen.text);
		seen = (struct boot_sight){heard, "serial", last_lines(said)};
	}
	*out = seen;
	return 0;
}
