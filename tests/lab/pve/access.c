/*
 * access.c - /access: login, own rights, API tokens.
 */
#include "pve.h"

static void ticket_post(struct call *c)
{
	const char *name = call_arg(c, "username"),
		   *realm = call_arg(c, "realm");
	const char *pw = call_arg(c, "password");
	auto_free char *user = realm && !strchr(name, '@')
		? fmt("%s@%s", name, realm)
		: xstrdup(name);
	auto_free char *ticket = NULL, *csrf = NULL;

	ticket = auth_login(user, pw, &csrf);
	if (!ticket) {
		call_fail(c, 401, "authentication failure");
		return;
	}
	c->data = jp("{s:s,s:s,s:s,s:o}", "username", user, "ticket", ticket,
		"CSRFPreventionToken", csrf, "cap", perm_caps(user));
}

static void permissions_get(struct call *c)
{
	static const char *const paths[] = {"/", "/access", "/nodes",
		"/storage", "/vms", "/pool", "/sdn", "/mapping"};
	const char *one = call_arg(c, "path");

	c->data = json_object();
	for (size_t i = 0; i < (one ? 1 : sizeof(paths) / sizeof(*paths));
		i++) {
		const char *path = one ? one : paths[i];
		json_t *set = perm_of(&c->who, path);

		if (json_object_size(set))
			json_object_set(c->data, path, set);
		json_decref(set);
	}
}

static void token_post(struct call *c)
{
	const char *user = call_arg(c, "userid"),
		   *name = call_arg(c, "tokenid");
	const char *sep = call_arg(c, "privsep"),
		   *note = call_arg(c, "comment");
	auto_free char *id = fmt("%s!%s", user, name), *uuid = random_uuid();
	json_t *t;

	if (strcmp(user, "root@pam") && strcmp(user, "viewer@pve") &&
		strcmp(user, "importer@pve")) {
		call_fail(c, 500, "no such user ('%s')", user);
		return;
	}
	if (json_object_get(lab.tokens, id)) {
		call_bad(c, "tokenid", "Token already exists.");
		return;
	}
	t = jp("{s:s,s:i}", "value", uuid, "privsep",
		sep && !strcmp(sep, "0") ? 0 : 1);
	if (note)
		js_set(t, "comment", note);
	json_object_set_new(lab.tokens, id, t);
	state_save();
	c->data = jp("{s:s,s:s,s:{s:s}}", "full-tokenid", id, "value", uuid,
		"info", "privsep", ji(t, "privsep") ? "1" : "0");
	if (note)
		js_set(json_object_get(c->data, "info"), "comment", note);
}

static void token_list(struct call *c)
{
	const char *user = call_arg(c, "userid"), *id;
	json_t *t;

	c->data = json_array();
	json_object_foreach (lab.tokens, id, t) {
		const char *bang = strchr(id, '!');

		if (!starts(id, user) || bang != id + strlen(user))
			continue;
		json_array_append_new(c->data,
			jp("{s:s,s:i}", "tokenid", bang + 1, "privsep",
				(int)ji(t, "privsep")));
	}
}

static void token_delete(struct call *c)
{
	auto_free char *id =
		fmt("%s!%s", call_arg(c, "userid"), call_arg(c, "tokenid"));

	if (json_object_del(lab.tokens, id))
		call_fail(c, 500, "no such token '%s' for user '%s'",
			call_arg(c, "tokenid"), call_arg(c, "userid"));
	else
		state_save();
}

const struct route access_routes[] = {
	{"POST", "/access/ticket", ticket_post},
	{"GET", "/access/permissions", permissions_get},
	{"GET", "/access/users/{userid}/token", token_list},
	{"POST", "/access/users/{userid}/token/{tokenid}", token_post},
	{"DELETE", "/access/users/{userid}/token/{tokenid}", token_delete},
	{NULL, NULL, NULL},
};
