/*
 * The printed form of vmodl objects, in the two dialects: 5.5 prints
 * dynamicType in each object and a comma after each member; 8.0 prints
 * commas between members only.
 */
#include "lab.h"

#include <string.h>

static FILE *to(const struct dump *d)
{
	return d->to ? d->to : stdout;
}

static void indent(const struct dump *d)
{
	int i;

	for (i = 0; i < d->depth; i++)
		fputs("   ", to(d));
}

/* Ends the member before, when there is one, and starts a new line. */
static void begin(struct dump *d, const char *member)
{
	if (d->depth) {
		if (d->count[d->depth]++ && (!lab_old() || d->array[d->depth]))
			fputs(",", to(d));
		fputs("\n", to(d));
	}
	indent(d);
	if (member)
		fprintf(to(d), "%s = ", member);
}

static void end(struct dump *d)
{
	if (d->depth && lab_old() && !d->array[d->depth])
		fputs(",", to(d));
}

static void enter(struct dump *d, bool array)
{
	d->depth++;
	d->count[d->depth] = 0;
	d->array[d->depth] = array;
}

void dump_open(struct dump *d, const char *member, const char *type)
{
	begin(d, member);
	fprintf(to(d), "(%s) {", type);
	enter(d, false);
	if (lab_old())
		dump_unset(d, "dynamicType");
}

void dump_list(struct dump *d, const char *member, const char *type)
{
	begin(d, member);
	fprintf(to(d), "(%s) [", type);
	enter(d, true);
}

void dump_close(struct dump *d)
{
	bool array = d->array[d->depth];
	int n = d->count[d->depth];

	d->depth--;
	if (n || !array) {
		fputs("\n", to(d));
		indent(d);
	}
	fputs(array ? "]" : "}", to(d));
	end(d);
	if (!d->depth)
		fputs("\n", to(d));
}

void dump_str(struct dump *d, const char *member, const char *f, ...)
{
	va_list ap;
	const char *s;

	va_start(ap, f);
	s = text_vfmt(f, ap);
	va_end(ap);
	begin(d, member);
	fputc('"', to(d));
	for (; *s; s++) {
		if (*s == '"')
			fputc('\\', to(d));
		fputc(*s, to(d));
	}
	fputc('"', to(d));
	end(d);
}

void dump_raw(struct dump *d, const char *member, const char *f, ...)
{
	va_list ap;

	begin(d, member);
	va_start(ap, f);
	vfprintf(to(d), f, ap);
	va_end(ap);
	end(d);
}

void dump_unset(struct dump *d, const char *member)
{
	dump_raw(d, member, "<unset>");
}

void dump_bool(struct dump *d, const char *member, bool v)
{
	dump_raw(d, member, v ? "true" : "false");
}

static void fault_head(struct dump *d, const char *type)
{
	dump_open(d, NULL, type);
	dump_raw(d, "faultCause", "(vmodl.MethodFault) null");
	if (!lab_old())
		dump_unset(d, "faultMessage");
}

int vim_fault(const char *type, const char *msg, ...)
{
	struct dump d = {0};
	const char *k, *v;
	va_list ap;

	/* which of the two a fault goes to depends on the release */
	fflush(stdout);
	d.to = lab_old() ? stdout : stderr;
	fault_head(&d, type);
	va_start(ap, msg);
	while ((k = va_arg(ap, const char *))) {
		v = va_arg(ap, const char *);
		if (*v == '\'')
			dump_raw(&d, k, "%s", v);
		else
			dump_str(&d, k, "%s", v);
	}
	va_end(ap);
	/* raw: real faults do not escape the quotes in msg */
	dump_raw(&d, "msg", "\"%s\"", msg);
	dump_close(&d);
	return 1;
}

int vim_no_vm(const char *id)
{
	return vim_fault("vim.fault.NotFound",
		text_fmt("Unable to find a VM "
			 "corresponding to \"%s\"",
			id),
		NULL);
}
