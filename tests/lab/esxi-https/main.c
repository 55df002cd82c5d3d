/*
 * lab-esxi-https ROOT ADDR:PORT [PRIORITIES]: the /folder of the stand-in
 * ESXi host in the chroot ROOT, over TLS with the host's own certificate.
 * PRIORITIES: as GnuTLS writes them, which TLS and ciphers it has.
 *
 * As on the real thing: Basic authentication, which makes a session that the
 * cookie vmware_soap_session continues; one range a request (206); 401, 404,
 * 416; 500 for a file that a running VM holds; 503 when there is too much.
 */
#include "https.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/random.h>
#include <sys/stat.h>

#define COOKIE "vmware_soap_session"
#define SESSIONS 64
#define SESSION_IDLE 1800

struct session {
	char key[48];
	time_t used;
};

static struct session sessions[SESSIONS];
static pthread_mutex_t sessions_lock = PTHREAD_MUTEX_INITIALIZER;
static int busy; /* requests that are being answered */

static int answer(struct MHD_Connection *c, unsigned code, const char *text)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(
		strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
	int ok;

	MHD_add_response_header(r, "Content-Type", "text/html");
	if (code == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(r, "WWW-Authenticate",
			"Basic realm=\"VMware HTTP server\"");
	ok = MHD_queue_response(c, code, r);
	MHD_destroy_response(r);
	return ok;
}

/* ---- sessions ---- */

static bool session_known(const char *key)
{
	time_t now = time(NULL);
	bool known = false;
	int i;

	pthread_mutex_lock(&sessions_lock);
	for (i = 0; key && i < SESSIONS; i++) {
		struct session *s = &sessions[i];

		if (!*s->key || now - s->used > SESSION_IDLE ||
			strcmp(s->key, key))
			continue;
		s->used = now;
		known = true;
	}
	pthread_mutex_unlock(&sessions_lock);
	return known;
}

/* The oldest place is taken. */
static void session_new(char *key, size_t n)
{
	unsigned char r[20];
	int i, old = 0;
	size_t k;

	if (getrandom(r, sizeof(r), 0) != sizeof(r))
		abort();
	for (k = 0; k < sizeof(r); k++)
		snprintf(key + 2 * k, n - 2 * k, "%02x", r[k]);
	pthread_mutex_lock(&sessions_lock);
	for (i = 1; i < SESSIONS; i++)
		if (sessions[i].used < sessions[old].used)
			old = i;
	snprintf(sessions[old].key, sizeof(sessions[old].key), "%s", key);
	sessions[old].used = time(NULL);
	pthread_mutex_unlock(&sessions_lock);
}

/* The cookie's value, without the quotes that are part of it. */
static bool by_cookie(struct MHD_Connection *c)
{
	const char *v = MHD_lookup_connection_value(c, MHD_COOKIE_KIND, COOKIE);
	char key[64];
	size_t n;

	if (!v)
		return false;
	v += *v == '"';
	n = strcspn(v, "\"");
	snprintf(key, sizeof(key), "%.*s", (int)n, v);
	return session_known(key);
}

/* 1: logged in by password (key is a new session), 0: by cookie, -1: no. */
static int login(struct MHD_Connection *c, char *key, size_t n)
{
	const union MHD_ConnectionInfo *ci =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	char from[64] = "?", *pass = NULL, *user;
	bool ok;

	if (by_cookie(c))
		return 0;
	user = MHD_basic_auth_get_username_password(c, &pass);
	if (!user)
		return -1;
	if (ci && ci->client_addr->sa_family == AF_INET)
		inet_ntop(AF_INET,
			&((const struct sockaddr_in *)(const void *)
					ci->client_addr)
				 ->sin_addr,
			from, sizeof(from));
	ok = host_login(user, pass ? pass : "", from);
	MHD_free(user);
	MHD_free(pass);
	if (!ok)
		return -1;
	session_new(key, n);
	return 1;
}

/* ---- a file ---- */

struct reading {
	int fd;
	uint64_t from;
	bool cut; /* nothing more comes */
};

static ssize_t read_some(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct reading *r = arg;
	long long kibps = host_fault("slow-read");
	size_t want = kibps > 0 && max > 65536 ? 65536 : max;
	ssize_t n = pread(r->fd, buf, want, (off_t)(r->from + pos));
	struct timespec ts;

	if (n <= 0 || r->cut)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (kibps > 0) {
		long long us = (long long)n * 1000000 / 1024 / kibps;

		ts = (struct timespec){us / 1000000, us % 1000000 * 1000};
		nanosleep(&ts, NULL);
	}
	n = (ssize_t)host_cut((size_t)n, &r->cut);
	return n ? n : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void end_reading(void *arg)
{
	struct reading *r = arg;

	close(r->fd);
	free(r);
}

static void set_cookie(struct MHD_Response *r, const char *key)
{
	char v[128];

	snprintf(
		v, sizeof(v), COOKIE "=\"%s\"; Path=/; HttpOnly; Secure;", key);
	MHD_add_response_header(r, "Set-Cookie", v);
}

static int send_file(
	struct MHD_Connection *c, int fd, uint64_t size, const char *key)
{
	const char *h =
		MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Range");
	uint64_t from = 0, to = size ? size - 1 : 0;
	int ranged = range_parse(h, size, &from, &to), ok;
	struct reading *r = malloc(sizeof(*r));
	struct MHD_Response *resp;
	char text[96];

	if (!r)
		abort();
	*r = (struct reading){.fd = fd, .from = from};
	if (ranged < 0) {
		end_reading(r);
		return answer(c, MHD_HTTP_RANGE_NOT_SATISFIABLE, "");
	}
	resp = MHD_create_response_from_callback(
		size ? to - from + 1 : 0, 1 << 18, read_some, r, end_reading);
	MHD_add_response_header(
		resp, "Content-Type", "application/octet-stream");
	MHD_add_response_header(resp, "Accept-Ranges", "bytes");
	if (ranged) {
		snprintf(text, sizeof(text), "bytes %llu-%llu/%llu",
			(unsigned long long)from, (unsigned long long)to,
			(unsigned long long)size);
		MHD_add_response_header(resp, "Content-Range", text);
	}
	if (*key)
		set_cookie(resp, key);
	ok = MHD_queue_response(
		c, ranged ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK, resp);
	MHD_destroy_response(resp);
	return ok;
}

/* Names of a directory as the host's table of links. */
static int send_list(struct MHD_Connection *c, const char *dir)
{
	struct dirent **e;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int i, n = scandir(dir, &e, NULL, alphasort), ok;

	if (!f)
		abort();
	fprintf(f, "<html><body><table>\n");
	for (i = 0; i < n; i++) {
		if (*e[i]->d_name != '.')
			fprintf(f, "<tr><td><a href=\"%s\">%s</a></td></tr>\n",
				e[i]->d_name, e[i]->d_name);
		free(e[i]);
	}
	if (n >= 0)
		free(e);
	fprintf(f, "</table></body></html>\n");
	fclose(f);
	ok = answer(c, MHD_HTTP_OK, text);
	free(text);
	return ok;
}

static int serve(struct MHD_Connection *c, const char *url, const char *key)
{
	const char *ds =
		MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "dsName");
	char path[PATH_MAX];
	struct stat st;
	int fd;

	if (strstr(url, "/..") || (ds && (strchr(ds, '/') || *ds == '.')))
		return answer(c, MHD_HTTP_NOT_FOUND, "Not Found");
	if (!ds && !url[strspn(url, "/")])
		return send_list(c, "/vmfs/volumes");
	if (!ds ||
		(size_t)snprintf(path, sizeof(path), "/vmfs/volumes/%s%s", ds,
			url) >= sizeof(path))
		return answer(c, MHD_HTTP_NOT_FOUND, "Not Found");
	if (host_locked(path))
		return answer(c, MHD_HTTP_INTERNAL_SERVER_ERROR,
			"500 Internal Server Error");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st)) {
		if (fd >= 0)
			close(fd);
		return answer(c, MHD_HTTP_NOT_FOUND, "Not Found");
	}
	if (S_ISREG(st.st_mode))
		return send_file(c, fd, (uint64_t)st.st_size, key);
	close(fd);
	return send_list(c, path);
}

/* ---- requests ---- */

static enum MHD_Result handle(void *arg, struct MHD_Connection *c,
	const char *url, const char *method, const char *version,
	const char *data, size_t *size, void **state)
{
	static int seen;
	long long limit = host_fault("http-limit");
	char key[48] = "";

	(void)arg, (void)version, (void)data, (void)size;
	if (!*state) { /* the head only: the answer comes with the body */
		*state = &seen;
		__atomic_add_fetch(&busy, 1, __ATOMIC_SEQ_CST);
		return MHD_YES;
	}
	host_log(method, url,
		MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Range"));
	if (host_fault_count("http-503") ||
		(limit > 0 && __atomic_load_n(&busy, __ATOMIC_SEQ_CST) > limit))
		return answer(c, MHD_HTTP_SERVICE_UNAVAILABLE,
			"503 Service Unavailable (Failed to connect to "
			"endpoint)");
	if (strcmp(method, "GET") && strcmp(method, "HEAD"))
		return answer(c, MHD_HTTP_METHOD_NOT_ALLOWED, "");
	if (strncmp(url, "/folder", 7) || (url[7] && url[7] != '/'))
		return answer(c, MHD_HTTP_NOT_FOUND, "Not Found");
	if (login(c, key, sizeof(key)) < 0)
		return answer(c, MHD_HTTP_UNAUTHORIZED, "Unauthorized");
	return serve(c, url + 7, key);
}

static void done(void *arg, struct MHD_Connection *c, void **state,
	enum MHD_RequestTerminationCode why)
{
	(void)arg, (void)c, (void)why;
	if (*state)
		__atomic_sub_fetch(&busy, 1, __ATOMIC_SEQ_CST);
}

static char *read_all(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *buf = calloc(1, 65536);
	ssize_t n = fd < 0 || !buf ? -1 : read(fd, buf, 65535);

	if (fd >= 0)
		close(fd);
	if (n > 0)
		return buf;
	free(buf);
	return NULL;
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	char *colon = argc == 3 || argc == 4 ? strchr(argv[2], ':') : NULL;
	char *cert, *key, addr[32];
	struct MHD_Daemon *d;

	if (!colon) {
		fprintf(stderr,
			"usage: lab-esxi-https ROOT ADDR:PORT "
			"[PRIORITIES]\n");
		return 2;
	}
	snprintf(addr, sizeof(addr), "%.*s", (int)(colon - argv[2]), argv[2]);
	at.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	if (inet_pton(AF_INET, addr, &at.sin_addr) != 1 || chroot(argv[1]) ||
		chdir("/")) {
		fprintf(stderr, "lab-esxi-https: %s\n", strerror(errno));
		return 1;
	}
	cert = read_all("/etc/vmware/ssl/rui.crt");
	key = read_all("/etc/vmware/ssl/rui.key");
	if (!cert || !key) {
		fprintf(stderr, "lab-esxi-https: no certificate\n");
		return 1;
	}
	d = MHD_start_daemon(MHD_USE_TLS | MHD_USE_THREAD_PER_CONNECTION |
			MHD_USE_INTERNAL_POLLING_THREAD,
		0, NULL, NULL, handle, NULL, MHD_OPTION_SOCK_ADDR, &at,
		MHD_OPTION_HTTPS_PRIORITIES, argc == 4 ? argv[3] : "NORMAL",
		MHD_OPTION_HTTPS_MEM_CERT, cert, MHD_OPTION_HTTPS_MEM_KEY, key,
		MHD_OPTION_NOTIFY_COMPLETED, done, NULL,
		MHD_OPTION_CONNECTION_TIMEOUT, 200u, MHD_OPTION_END);
	if (!d) {
		fprintf(stderr, "lab-esxi-https: cannot listen on %s\n",
			argv[2]);
		return 1;
	}
	for (;;)
		pause();
}
