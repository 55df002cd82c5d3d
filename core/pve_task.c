/*
 * Tasks: followed by status and log to the exit status. The formats of UPID,
 * status and log: pve-api.md 4 and the end of the captures' INDEX.md.
 */
#include <ctype.h>
#include <string.h>

#include "i18n.h"
#include "pve_priv.h"
#include "stop.h"

#define PAGE 500
#define POLL_MAX_MS 2000

/* ---- UPID ---- */

/* The next field of s up to ':'; null at the end. */
static const char *field(const char *s, size_t *n)
{
	*n = strcspn(s, ":");
	return s[*n] ? s + *n + 1 : NULL;
}

static bool is_hex(const char *s, size_t n, size_t min, size_t max)
{
	for (size_t i = 0; i < n; i++)
		if (!isxdigit((unsigned char)s[i]))
			return false;
	return n >= min && n <= max;
}

/* UPID:node:PID:PSTART:STARTTIME:type:id:user: (id may be empty) */
bool pve_is_upid(const char *s)
{
	static const struct {
		size_t min, max;
	} hex[8] = {[2] = {8, 8}, [3] = {8, 9}, [4] = {8, 8}};

	for (int i = 0; i < 8; i++) {
		const char *next;
		size_t n;

		if (!s)
			return false;
		next = field(s, &n);
		if ((i == 0 && (n != 4 || strncmp(s, "UPID", 4) != 0)) ||
			(n == 0 && i != 6) ||
			(hex[i].max && !is_hex(s, n, hex[i].min, hex[i].max)))
			return false;
		s = next;
	}
	return s && !*s;
}

/* The node it runs on: not ours where the VM is elsewhere. */
static char *node_of(const char *upid)
{
	return xstrndup(upid + 5, strcspn(upid + 5, ":"));
}

/* ---- the log ---- */

/* One task being followed. */
struct follow {
	struct pve *p;
	const struct pve_progress *pr;
	struct pve_at at;
	unsigned seen; /* lines of the log read */
	char *tail[2]; /* the last two lines that say something */
	double heard;  /* when the node answered last */
};

/* "(12.34%)", and "(12.34/100%)" of older qemu-img; negative: none. */
static double percent_of(const char *line)
{
	const char *open = strrchr(line, '(');
	char *end;
	double v;

	if (!open || !isdigit((unsigned char)open[1]))
		return -1;
	v = strtod(open + 1, &end);
	if (str_starts(end, "/100%"))
		end += 4;
	return *end == '%' && v >= 0 && v <= 100 ? v : -1;
}

static bool says_something(const char *line, double percent)
{
	return percent < 0 && *line && !str_starts(line, "TASK ");
}

static void log_line(struct follow *f, const char *raw)
{
	_free_ char *line = str_printable_dup(raw);
	double percent = percent_of(line);

	if (f->pr && f->pr->line)
		f->pr->line(f->pr->arg, line, percent);
	if (!says_something(line, percent))
		return;
	free(f->tail[0]);
	f->tail[0] = f->tail[1];
	f->tail[1] = xstrdup(line);
}

/* Read on; *more: the page was full. */
static int read_log(struct follow *f, bool *more, struct err *e)
{
	_pve_params_ struct pve_params ps = {0};
	_json_ json_t *data = NULL;
	const json_t *row;
	size_t i;

	*more = false;
	pve_param(&ps, "start", "%u", f->seen);
	pve_param(&ps, "limit", "%u", PAGE);
	if (pve_call(f->p, "GET", "/nodes/{node}/tasks/{upid}/log", &f->at, &ps,
		    &data, e) < 0)
		return -1;
	/* A log that cannot be opened is an object, not an array. */
	json_array_foreach (data, i, row) {
		const char *text = json_str_or(row, "t", "");

		/* Stands for an empty log: the next first line has n 1 too. */
		if (f->seen == 0 && strcmp(text, "no content") == 0 &&
			json_array_size(data) == 1)
			return 0;
		log_line(f, text);
		f->seen++;
	}
	*more = json_array_size(data) >= PAGE;
	return 0;
}

/* ---- the end ---- */

static int task_failed(struct follow *f, const char *text, struct err *e)
{
	_buf_ struct buf log = {0};
	enum err_code code = pve_text_code(text, ERR_PVE_TASK);

	for (int i = 0; i < 2; i++)
		if (f->tail[i] && !strstr(text, f->tail[i])) {
			buf_adds(&log, f->tail[i]);
			buf_adds(&log, "; ");
			if (pve_text_code(f->tail[i], code) == ERR_NO_SPACE)
				code = ERR_NO_SPACE;
		}
	return err_set(e, code, "%s%s", log.len ? log.s : "", text);
}

static int judge(struct follow *f, const json_t *status, unsigned *warnings,
	struct err *e)
{
	const char *text = json_str_or(status, "exitstatus", "");
	uint64_t n = 0;

	if (strcmp(text, "OK") == 0) {
		if (warnings)
			*warnings = 0;
		return 0;
	}
	if (str_starts(text, "WARNINGS: ") &&
		str_u64(text + 10, 1000000, &n) == 0) {
		pve_note(f->p, N_("the task ended with %s%s%s"), text,
			f->tail[1] ? ": " : "", f->tail[1] ? f->tail[1] : "");
		if (warnings)
			*warnings = n;
		return 0;
	}
	if (*text && strcmp(text, "unexpected status"))
		return task_failed(f, text, e);
	if (f->tail[1])
		return err_set(e, ERR_PVE_TASK,
			"it ended without saying how (was the node "
			"restarted?); last line: %s",
			f->tail[1]);
	return err_set(e, ERR_PVE_TASK,
		"it ended without saying how (was the node restarted?)");
}

/* A node or its proxy that is being restarted is borne for a while. */
static bool bear(struct follow *f, const struct err *e)
{
	return (e->code == ERR_PVE_CONNECT || e->code == ERR_TIMEOUT) &&
		now_mono() - f->heard < f->p->patience;
}

/* Status first, so that the log read after it is whole once it is over. */
static int look(struct follow *f, json_t **status, struct err *e)
{
	bool more = true;

	if (pve_call(f->p, "GET", "/nodes/{node}/tasks/{upid}/status", &f->at,
		    NULL, status, e) < 0)
		return -1;
	while (more)
		if (read_log(f, &more, e) < 0)
			return -1;
	f->heard = now_mono();
	return 0;
}

static int follow(struct follow *f, unsigned *warnings, struct err *e)
{
	unsigned pause = f->p->pause_ms / 4 + 1;

	for (;;) {
		_json_ json_t *status = NULL;
		struct err why = {0};

		if (look(f, &status, &why) < 0) {
			if (!bear(f, &why)) {
				if (e)
					*e = why;
				return -1;
			}
		} else if (strcmp(json_str_or(status, "status", ""),
				   "stopped") == 0) {
			return judge(f, status, warnings, e);
		}
		if (stop_sleep(pause, e) < 0)
			return -1;
		pause = pause * 3 / 2 < POLL_MAX_MS ? pause * 3 / 2
						    : POLL_MAX_MS;
	}
}

int pve_task_wait(struct pve *p, const char *upid,
	const struct pve_progress *pr, unsigned *warnings, struct err *e)
{
	_free_ char *node = NULL;
	struct follow f = {.p = p, .pr = pr, .heard = now_mono()};
	int rc;

	if (!pve_is_upid(upid))
		return err_set(
			e, ERR_PVE_SERVER, "not a task's UPID: %s", upid);
	node = node_of(upid);
	f.at = (struct pve_at){.node = node, .upid = upid};
	rc = follow(&f, warnings, e);
	free(f.tail[0]);
	free(f.tail[1]);
	return rc;
}

int pve_finish(struct pve *p, const json_t *data, const struct pve_progress *pr,
	struct err *e)
{
	const char *upid = json_string_value(data);

	if (!data || json_is_null(data) || (upid && !*upid))
		return 0;
	if (!upid)
		return err_set(e, ERR_PVE_SERVER, "the answer names no task");
	if (pr && pr->started && pve_is_upid(upid))
		pr->started(pr->arg, upid);
	return pve_task_wait(p, upid, pr, NULL, e);
}

int pve_act(struct pve *p, const char *method, const char *path,
	const struct pve_at *at, const struct pve_params *params,
	const struct pve_progress *pr, struct err *e)
{
	_json_ json_t *data = NULL;

	if (pve_call(p, method, path, at, params, &data, e) < 0)
		return -1;
	return pve_finish(p, data, pr, e);
}
