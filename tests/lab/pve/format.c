/*
 * format.c - checks of single values and of property strings
 * ("local:8,format=raw"), with the texts of PVE::JSONSchema.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "pve.h"

#include <pcre2.h>

/* Does the whole text match?  A pattern that does not compile fits all. */
static bool matches(const char *pattern, const char *s)
{
	auto_free char *whole = fmt("^(?:%s)$", pattern);
	pcre2_match_data *m;
	pcre2_code *re;
	PCRE2_SIZE at;
	int err, rc;

	re = pcre2_compile((PCRE2_SPTR)whole, PCRE2_ZERO_TERMINATED,
		PCRE2_UTF | PCRE2_DOLLAR_ENDONLY, &err, &at, NULL);
	if (!re)
		return true;
	m = pcre2_match_data_create_from_pattern(re, NULL);
	rc = pcre2_match(re, (PCRE2_SPTR)s, strlen(s), 0, 0, m, NULL);
	pcre2_match_data_free(m);
	pcre2_code_free(re);
	return rc >= 0;
}

/* Named formats: pattern and the text where it does not match. */
static const struct {
	const char *name, *pattern, *text;
} named[] = {
	{"pve-vmid", "[1-9][0-9]{2,8}",
		"value does not look like a valid VM ID"},
	{"pve-node", "[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?",
		"value does not look like a valid node name"},
	{"dns-name",
		"([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)"
		"(\\.([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?))*",
		"value does not look like a valid DNS name"},
	{"pve-storage-id", "(?i)[a-z][a-z0-9\\-_.]*[a-z0-9]",
		"storage ID '%s' contains illegal characters"},
	{"pve-storage-content",
		"images|rootdir|vztmpl|iso|backup|snippets|import|none",
		"invalid content type '%s'"},
	{"pve-configid", "(?i)[a-z][a-z0-9_-]+",
		"invalid configuration ID '%s'"},
	{"pve-userid", "[^\\s:/]+@[A-Za-z][A-Za-z0-9.\\-_]+",
		"value '%s' does not look like a valid user name"},
	{"pve-bridge-id", "[A-Za-z0-9_.\\-]{2,15}", "invalid bridge '%s'"},
	{"mac-addr", "(?i)[a-f0-9][02468ace](?::[a-f0-9]{2}){5}",
		"value does not look like a valid unicast MAC address"},
	{"disk-size", "\\d+(\\.\\d+)?[KMGT]?",
		"value does not look like a valid disk size: %s"},
	{"pve-tag", "(?i)[a-z0-9_][a-z0-9_\\-+.]*",
		"invalid characters in tag"},
	{"pve-qm-bootdev", "(net|scsi|virtio|sata|ide|usb|hostpci)\\d{1,2}",
		"invalid boot device '%s'"},
	{"pve-storage-format", "raw|qcow2|vmdk|subvol|qcow",
		"invalid format '%s'"},
};

static char *check_named(const char *name, const char *v)
{
	size_t n = strlen(name);

	if (ends(name, "-list")) {
		auto_free char *one = fmt("%.*s", (int)n - 5, name);
		auto_free char *copy = xstrdup(v);
		char *save = NULL, *why = NULL;

		for (char *p = strtok_r(copy, ",; \t", &save); p && !why;
			p = strtok_r(NULL, ",; \t", &save))
			why = check_named(one, p);
		return why;
	}
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		const char *t = named[i].text, *at = strstr(t, "%s");

		if (strcmp(named[i].name, name))
			continue;
		if (matches(named[i].pattern, v) &&
			(strcmp(name, "pve-qm-bootdev") || schema_option(v)))
			return NULL;
		return at ? fmt("%.*s%s%s\n", (int)(at - t), t, v, at + 2)
			  : fmt("%s\n", t);
	}
	return NULL;
}

/* "boot" and others are named formats with fields of their own. */
static const json_t *fields_of(const json_t *format)
{
	static json_t *boot;
	const char *name = json_string_value(format);

	if (json_is_object(format))
		return format;
	if (!name || strcmp(name, "pve-qm-boot"))
		return NULL;
	if (!boot)
		boot = jp("{s:{s:s,s:i,s:i,s:s},s:{s:s,s:i,s:s}}", "legacy",
			"type", "string", "default_key", 1, "optional", 1,
			"pattern", "[acdn]{1,4}", "order", "type", "string",
			"optional", 1, "format", "pve-qm-bootdev-list");
	return boot;
}

static const char *default_key(const json_t *fields)
{
	const char *k;
	json_t *v;

	json_object_foreach ((json_t *)fields, k, v)
		if (ji(v, "default_key"))
			return k;
	return NULL;
}

/* Puts key=value into the result; the text of a complaint or NULL. */
static char *prop_put(
	json_t *res, const json_t *fields, const char *k, const char *v)
{
	const json_t *f = json_object_get(fields, k);
	const char *alias = js(f, "alias"), *ka = js(f, "keyAlias");

	if (alias && ka) {
		if (json_object_get(res, ka))
			return fmt("key alias '%s' is already defined\n", ka);
		js_set(res, ka, k);
	}
	if (alias)
		k = alias;
	if (json_object_get(res, k))
		return fmt("duplicate key in comma-separated list property: "
			   "%s\n",
			k);
	if (fields && !json_object_get(fields, k))
		return fmt("invalid key in comma-separated list property: %s\n",
			k);
	js_set(res, k, v);
	return NULL;
}

static json_t *split(const json_t *fields, const char *value, char **why)
{
	auto_free char *copy = xstrdup(value);
	const char *dk = fields ? default_key(fields) : "file";
	json_t *res = json_object();
	char *save = NULL, *bad = NULL;

	for (char *p = strtok_r(copy, ",", &save); p && !bad;
		p = strtok_r(NULL, ",", &save)) {
		char *eq = strchr(p, '=');

		if (eq && eq > p && eq[1]) {
			*eq = '\0';
			bad = prop_put(res, fields, p, eq + 1);
		} else if (eq) {
			bad = xstrdup("missing key in comma-separated list "
				      "property\n");
		} else if (!dk) {
			bad = xstrdup("value without key, but schema does not "
				      "define a default key\n");
		} else {
			bad = prop_put(res, fields, dk, p);
		}
	}
	if (!bad)
		return res;
	json_decref(res);
	*why = bad;
	return NULL;
}

/* The fields of a property string against their schemas. */
static char *check_fields(const json_t *fields, json_t *res, const char *path)
{
	char *all = NULL;
	const char *k;
	json_t *f;

	json_object_foreach ((json_t *)fields, k, f) {
		const char *v = js(res, k);
		auto_free char *sub = fmt("%s.%s", path, k), *why = NULL;
		auto_free char *old = all;

		if (v)
			why = format_check(f, v, sub);
		else if (!ji(f, "optional") && !js(f, "alias"))
			why = xstrdup("property is missing and it is not "
				      "optional");
		all = why ? fmt("%s%s: %s\n", old ? old : "format error\n", sub,
				    why)
			  : old;
		if (!why)
			old = NULL;
	}
	return all;
}

static char *check_props(const json_t *fields, const char *v, const char *path)
{
	char *why = NULL;
	auto_json json_t *res = split(fields, v, &why);

	return res ? check_fields(fields, res, path) : why;
}

/* Parameters know only 0 and 1, fields of a property string more. */
static char *check_type(const char *type, const char *v, bool field)
{
	const char *words =
		field ? "[01]|(?i)(?:on|yes|true|off|no|false)" : "[01]";
	const char *re = !strcmp(type, "integer") ? "[+-]?\\d+"
		: !strcmp(type, "number")         ? "[+-]?\\d+(\\.\\d+)?"
		: !strcmp(type, "boolean")        ? words
						  : NULL;

	if (!re || matches(re, v))
		return NULL;
	return fmt("type check ('%s') failed - got '%s'", type, v);
}

static char *check_enum(const json_t *list, const char *v)
{
	auto_free char *all = xstrdup("");
	json_t *e;
	size_t i;

	json_array_foreach (list, i, e) {
		const char *s = json_string_value(e);
		char *more;

		if (s && !strcmp(s, v))
			return NULL;
		more = fmt("%s%s%s", all, i ? ", " : "", s ? s : "");
		free(all);
		all = more;
	}
	return fmt("value '%s' does not have a value in the enumeration '%s'",
		v, all);
}

static char *check_limits(const json_t *s, const char *v)
{
	const json_t *lo = json_object_get(s, "minimum");
	const json_t *hi = json_object_get(s, "maximum");
	const json_t *max = json_object_get(s, "maxLength");
	const json_t *min = json_object_get(s, "minLength");
	size_t n = strlen(v);

	if (max && (long long)n > json_integer_value(max))
		return fmt("value may only be %lld characters long",
			(long long)json_integer_value(max));
	if (min && (long long)n < json_integer_value(min))
		return fmt("value must be at least %lld characters long",
			(long long)json_integer_value(min));
	if (lo && strtod(v, NULL) < json_number_value(lo))
		return fmt("value must have a minimum value of %g",
			json_number_value(lo));
	if (hi && strtod(v, NULL) > json_number_value(hi))
		return fmt("value must have a maximum value of %.12g",
			json_number_value(hi));
	return NULL;
}

char *format_check(const json_t *s, const char *v, const char *path)
{
	const json_t *format = json_object_get(s, "format");
	const json_t *fields = fields_of(format);
	const char *name = json_string_value(format), *re = js(s, "pattern");
	char *why = NULL;

	if (!v)
		return xstrdup("type check ('string') failed");
	if (js(s, "type"))
		why = check_type(js(s, "type"), v, strchr(path, '.'));
	if (why)
		return why;
	if (fields)
		why = check_props(fields, v, path);
	else if (name)
		why = check_named(name, v);
	if (why) {
		auto_free char *inner = why;

		return fmt("invalid format - %s", inner);
	}
	if (re && !matches(re, v))
		return xstrdup("value does not match the regex pattern");
	if (json_object_get(s, "enum"))
		return check_enum(json_object_get(s, "enum"), v);
	return check_limits(s, v);
}

json_t *prop_parse(const char *key, const char *value, char **why)
{
	return split(fields_of(json_object_get(schema_option(key), "format")),
		value, why);
}

char *prop_print(const char *key, const json_t *props)
{
	const json_t *fields =
		fields_of(json_object_get(schema_option(key), "format"));
	const char *dk = fields ? default_key(fields) : "file";
	const char *first = dk ? js(props, dk) : NULL, *k;
	char *out = xstrdup(first ? first : "");
	auto_free char *text = json_dumps(props, JSON_SORT_KEYS);
	auto_json json_t *sorted = json_loads(text, 0, NULL);
	json_t *v;

	json_object_foreach (sorted, k, v) {
		auto_free char *old = out;

		if (dk && !strcmp(k, dk)) {
			old = NULL;
			continue;
		}
		out = fmt("%s%s%s=%s", old, *old ? "," : "", k,
			json_string_value(v));
	}
	return out;
}
