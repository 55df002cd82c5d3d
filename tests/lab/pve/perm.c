/*
 * perm.c - privileges: which there are in a release, who has them, and the
 * "permissions" of the schema.
 */
#include "pve.h"

/* Privileges by release; who: 'v' viewer has it, 'i' importer has it. */
static const struct {
	const char *name, *cap;
	int since, until;
	const char *who;
} privs[] = {
	{"Datastore.Allocate", "storage", 0, 9999, "i"},
	{"Datastore.AllocateSpace", "storage", 0, 9999, "i"},
	{"Datastore.AllocateTemplate", "storage", 0, 9999, "i"},
	{"Datastore.Audit", "storage", 0, 9999, "vi"},
	{"Group.Allocate", "access", 0, 9999, ""},
	{"Mapping.Audit", "mapping", 800, 9999, "v"},
	{"Mapping.Modify", "mapping", 800, 9999, ""},
	{"Mapping.Use", "mapping", 800, 9999, ""},
	{"Permissions.Modify", "access", 0, 9999, ""},
	{"Pool.Allocate", "pool", 0, 9999, ""},
	{"Pool.Audit", "pool", 700, 9999, "v"},
	{"Realm.Allocate", "access", 0, 9999, ""},
	{"Realm.AllocateUser", "access", 0, 9999, ""},
	{"SDN.Allocate", "sdn", 700, 9999, ""},
	{"SDN.Audit", "sdn", 700, 9999, "v"},
	{"SDN.Use", "sdn", 800, 9999, "i"},
	{"Sys.AccessNetwork", "nodes", 801, 9999, "i"},
	{"Sys.Audit", "dc", 0, 9999, "vi"},
	{"Sys.Console", "nodes", 0, 9999, ""},
	{"Sys.Incoming", "nodes", 703, 9999, ""},
	{"Sys.Modify", "dc", 0, 9999, "i"},
	{"Sys.PowerMgmt", "nodes", 0, 9999, ""},
	{"Sys.Syslog", "nodes", 0, 9999, ""},
	{"User.Modify", "access", 0, 9999, ""},
	{"VM.Allocate", "vms", 0, 9999, "i"},
	{"VM.Audit", "vms", 0, 9999, "vi"},
	{"VM.Backup", "vms", 0, 9999, ""},
	{"VM.Clone", "vms", 0, 9999, ""},
	{"VM.Config.CDROM", "vms", 0, 9999, "i"},
	{"VM.Config.CPU", "vms", 0, 9999, "i"},
	{"VM.Config.Cloudinit", "vms", 602, 9999, "i"},
	{"VM.Config.Disk", "vms", 0, 9999, "i"},
	{"VM.Config.HWType", "vms", 0, 9999, "i"},
	{"VM.Config.Memory", "vms", 0, 9999, "i"},
	{"VM.Config.Network", "vms", 0, 9999, "i"},
	{"VM.Config.Options", "vms", 0, 9999, "i"},
	{"VM.Console", "vms", 0, 9999, ""},
	{"VM.GuestAgent.Audit", "vms", 900, 9999, "vi"},
	{"VM.GuestAgent.FileRead", "vms", 900, 9999, "i"},
	{"VM.GuestAgent.FileSystemMgmt", "vms", 900, 9999, "i"},
	{"VM.GuestAgent.FileWrite", "vms", 900, 9999, "i"},
	{"VM.GuestAgent.Unrestricted", "vms", 900, 9999, "i"},
	{"VM.Migrate", "vms", 0, 9999, ""},
	{"VM.Monitor", "vms", 0, 899, "i"},
	{"VM.PowerMgmt", "vms", 0, 9999, "i"},
	{"VM.Snapshot", "vms", 0, 9999, ""},
	{"VM.Snapshot.Rollback", "vms", 0, 9999, ""},
};

#define PRIVS (sizeof(privs) / sizeof(privs[0]))

static bool user_has(const char *user, const char *priv)
{
	char c = !strcmp(user, "viewer@pve")    ? 'v'
		: !strcmp(user, "importer@pve") ? 'i'
						: 0;

	for (size_t i = 0; i < PRIVS; i++)
		if (!strcmp(privs[i].name, priv))
			return lab.rel >= privs[i].since &&
				lab.rel <= privs[i].until &&
				(!strcmp(user, "root@pam") ||
					(c && strchr(privs[i].who, c)));
	return false;
}

/* Everybody's rights begin at /; a privsep token has no ACL of its own. */
bool auth_can(const struct auth *who, const char *path, const char *priv)
{
	if (who->token && ji(json_object_get(lab.tokens, who->id), "privsep"))
		return false;
	return *path == '/' && user_has(who->user, priv);
}

bool auth_need(struct call *c, const char *path, const char *priv)
{
	if (auth_can(&c->who, path, priv))
		return true;
	call_fail(c, 403, "Permission check failed (%s, %s)", path, priv);
	return false;
}

/* "/vms/{vmid}" with the call's parameters. */
static char *path_fill(const struct call *c, const char *t)
{
	char *out = xstrdup("");

	while (*t) {
		size_t n = strcspn(t, "{");
		auto_free char *old = out;
		const char *v = "";

		if (t[n] == '{') {
			auto_free char *k = fmt("%.*s",
				(int)strcspn(t + n + 1, "}"), t + n + 1);

			v = call_arg(c, k) ? call_arg(c, k) : "";
		}
		out = fmt("%s%.*s%s", old, (int)n, t, v);
		t += n;
		if (*t)
			t += strcspn(t, "}") + 1;
	}
	return out;
}

static bool check_perm(struct call *c, const json_t *test, bool quiet)
{
	const json_t *list = json_array_get(test, 2);
	const char *any = json_string_value(json_array_get(test, 3));
	auto_free char *path =
		path_fill(c, json_string_value(json_array_get(test, 1)));
	auto_free char *names = xstrdup("");
	bool one = any && !strcmp(any, "any");
	json_t *p;
	size_t i;

	if (any && !strcmp(any, "require_param") &&
		!call_arg(c, json_string_value(json_array_get(test, 4))))
		return false;
	json_array_foreach (list, i, p) {
		bool can = auth_can(&c->who, path, json_string_value(p));
		char *more = fmt(
			"%s%s%s", names, i ? "|" : "", json_string_value(p));

		free(names);
		names = more;
		if (one && can)
			return true;
		if (!one && !can) {
			if (!quiet)
				auth_need(c, path, json_string_value(p));
			return false;
		}
	}
	if (one && !quiet)
		call_fail(c, 403, "Permission check failed (%s, %s)", path,
			names);
	return !one;
}

static bool check_test(struct call *c, const json_t *test, bool quiet)
{
	const char *op = json_string_value(json_array_get(test, 0));
	const char *user = call_arg(c, "userid");
	json_t *sub;
	size_t i;

	if (!strcmp(op, "perm"))
		return check_perm(c, test, quiet);
	if (!strcmp(op, "and") || !strcmp(op, "or")) {
		bool any = !strcmp(op, "or");

		json_array_foreach (test, i, sub) {
			if (i == 0)
				continue;
			if (check_test(c, sub, quiet || any) == any)
				return any;
		}
		if (any && !quiet)
			call_fail(c, 403, "Permission check failed");
		return !any;
	}
	if (!strcmp(op, "userid-param") && user && !strcmp(user, c->who.user))
		return true;
	if (!strcmp(op, "userid-group") &&
		auth_can(&c->who, "/access/groups", "User.Modify"))
		return true;
	if (!strcmp(op, "perm-modify") &&
		auth_can(&c->who, "/", "Permissions.Modify"))
		return true;
	if (!quiet)
		call_fail(c, 403, "Permission check failed");
	return false;
}

bool auth_permits(struct call *c, const json_t *perms)
{
	const json_t *test = json_object_get(perms, "check");

	if (js(perms, "user"))
		return true;
	if (test)
		return check_test(c, test, false);
	if (auth_is_root(&c->who))
		return true;
	call_fail(c, 403, "Permission check failed (user != root@pam)");
	return false;
}

json_t *perm_caps(const char *user)
{
	json_t *all = json_object();

	for (size_t i = 0; i < PRIVS; i++) {
		json_t *g = json_object_get(all, privs[i].cap);

		if (!g) {
			g = json_object();
			json_object_set_new(all, privs[i].cap, g);
		}
		if (user_has(user, privs[i].name))
			ji_set(g, privs[i].name, 1);
	}
	return all;
}

json_t *perm_of(const struct auth *who, const char *path)
{
	json_t *set = json_object();

	for (size_t k = 0; k < PRIVS; k++)
		if (auth_can(who, path, privs[k].name))
			ji_set(set, privs[k].name, 1);
	return set;
}
