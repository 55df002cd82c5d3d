/* The table of guest systems: see guestos.h and guestos.def. */
#include "guestos.h"

#include <ctype.h>
#include <string.h>

#include "str.h"

#define LINUX GUESTOS_LINUX
#define WINDOWS GUESTOS_WINDOWS
#define BSD GUESTOS_BSD
#define SOLARIS GUESTOS_SOLARIS
#define OTHER GUESTOS_OTHER

static const struct guestos table[] = {
#define X(api, id, name, family, bits, ostype) \
	{api, id, name, family, bits, ostype},
#include "guestos.def"
#undef X
};

/* Releases later than the table, by the letters the id begins with. What is
 * new enough to be missing above is 64 bit. */
static const struct guestos newer[] = {
	{"", "almalinux", "AlmaLinux", LINUX, 64, "l26"},
	{"", "amazonlinux", "Amazon Linux", LINUX, 64, "l26"},
	{"", "asianux", "Asianux Server", LINUX, 64, "l26"},
	{"", "centos", "CentOS", LINUX, 64, "l26"},
	{"", "darwin", "macOS", OTHER, 64, "other"},
	{"", "debian", "Debian GNU/Linux", LINUX, 64, "l26"},
	{"", "fedora", "Fedora Linux", LINUX, 64, "l26"},
	{"", "freebsd", "FreeBSD", BSD, 64, "other"},
	{"", "opensuse", "openSUSE", LINUX, 64, "l26"},
	{"", "oraclelinux", "Oracle Linux", LINUX, 64, "l26"},
	{"", "rhel", "Red Hat Enterprise Linux", LINUX, 64, "l26"},
	{"", "rockylinux", "Rocky Linux", LINUX, 64, "l26"},
	{"", "sles", "SUSE Linux Enterprise Server", LINUX, 64, "l26"},
	{"", "solaris", "Solaris", SOLARIS, 64, "solaris"},
	{"", "ubuntu", "Ubuntu Linux", LINUX, 64, "l26"},
	{"", "vmkernel", "VMware ESXi", OTHER, 64, "other"},
	{"", "windows", "Windows", WINDOWS, 64, "win11"},
};

/* CIM numbers that say more than "other", as .vmx ids. */
static const struct {
	unsigned number;
	const char *id;
} cim[] = {
	{1, "other"},
	{29, "solaris10"},
	{36, "otherlinux"},
	{42, "freebsd"},
	{58, "win2000serv"},
	{67, "winxppro"},
	{69, "winnetenterprise"},
	{70, "winnetenterprise-64"},
	{71, "winxppro-64"},
	{73, "winvista"},
	{74, "winvista-64"},
	{76, "longhorn"},
	{77, "longhorn-64"},
	{78, "freebsd-64"},
	{79, "rhel6"},
	{80, "rhel6-64"},
	{81, "solaris10-64"},
	{82, "suse"},
	{83, "suse-64"},
	{84, "sles"},
	{85, "sles-64"},
	{89, "mandriva"},
	{90, "mandriva-64"},
	{91, "turbolinux"},
	{92, "turbolinux-64"},
	{93, "ubuntu"},
	{94, "ubuntu-64"},
	{95, "debian6"},
	{96, "debian6-64"},
	{97, "other24xlinux"},
	{98, "other24xlinux-64"},
	{99, "other26xlinux"},
	{100, "other26xlinux-64"},
	{101, "otherlinux-64"},
	{102, "other-64"},
	{103, "windows7srv-64"},
	{105, "windows7"},
	{106, "centos"},
	{107, "centos-64"},
	{108, "oraclelinux"},
	{109, "oraclelinux-64"},
	{112, "windows8srv-64"},
	{113, "windows8"},
	{114, "windows8-64"},
	{115, "windows8srv-64"},
	{116, "windows9srv-64"},
	{117, "windows8"},
	{118, "windows8-64"},
	{119, "windows9"},
	{120, "windows9-64"},
	{121, "windows2019srv-64"},
	{122, "windows11-64"},
	{123, "windows2019srvnext-64"},
};

/* Cut the first `what` out of s. */
static void cut(char *s, const char *what)
{
	char *at = strstr(s, what);
	size_t n = strlen(what);

	if (at)
		memmove(at, at + n, strlen(at + n) + 1);
}

/*
 * One spelling for all: lower case, without "guest", "_" and "-", "server" as
 * "srv", "winlonghorn" as "longhorn": "debian1264", "windows7srv64".
 */
static void normal(char out[64], const char *id)
{
	size_t n = 0;
	char *server;

	for (; *id && n < 63; id++)
		if (*id != '_' && *id != '-')
			out[n++] = tolower((unsigned char)*id);
	out[n] = '\0';
	cut(out, "guest");
	if (str_starts(out, "winlonghorn"))
		cut(out, "win");
	server = str_starts(out, "windows") ? strstr(out, "server") : NULL;
	if (server) {
		memcpy(server, "srv", 3);
		memmove(server + 3, server + 6, strlen(server + 6) + 1);
	}
}

const struct guestos *guestos_find(const char *id)
{
	char want[64], have[64];
	size_t letters;

	normal(want, id);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		normal(have, table[i].id);
		if (strcmp(want, have) == 0)
			return &table[i];
	}
	letters = strspn(want, "abcdefghijklmnopqrstuvwxyz");
	for (size_t i = 0; i < ARRAY_LEN(newer); i++)
		if (isdigit((unsigned char)want[letters]) &&
			strlen(newer[i].id) == letters &&
			strncmp(want, newer[i].id, letters) == 0)
			return &newer[i];
	return NULL;
}

const struct guestos *guestos_by_cim(unsigned number)
{
	for (size_t i = 0; i < ARRAY_LEN(cim); i++)
		if (cim[i].number == number)
			return guestos_find(cim[i].id);
	return NULL;
}

const char *guestos_pve(const struct guestos *g, unsigned release)
{
	if (release < 701 && strcmp(g->ostype, "win11") == 0)
		return "win10";
	return g->ostype;
}
