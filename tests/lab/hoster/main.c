/*
 * main.c - lab-hoster: stand-ins for the APIs of hosting providers.
 *
 *	lab-hoster --dir DIR --seed FILE --port N [--bridge NAME]
 *
 * Listens on 127.0.0.1: OVHcloud on port N, Dedibox on N+1, Hetzner on N+2
 * (N = 0: free ports), over TLS with DIR/cert.pem and DIR/key.pem.  Leaves in
 * DIR: state.json, requests.log, and ready (the three ports) while it serves.
 */
#include "hoster.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BODY_MAX 65536

struct lab lab;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct hoster *const hosters[] = {&ovh, &dedibox, &hetzner};

static void sleep_ms(int ms)
{
	struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

	while (nanosleep(&t, &t))
		;
}

static const char *header(const struct call *c, const char *name)
{
	return MHD_lookup_connection_value(c->conn, MHD_HEADER_KIND, name);
}

/* The URL as it was sent: a signature covers each of its bytes. */
static void *on_uri(void *arg, const char *uri, struct MHD_Connection *conn)
{
	struct call *c = xalloc(sizeof(*c));

	c->h = arg;
	c->target = xstrdup(uri);
	c->conn = conn;
	c->header = header;
	return c;
}

static enum MHD_Result send_answer(struct call *c)
{
	auto_free char *text = NULL;
	struct MHD_Response *r;
	enum MHD_Result ok;

	if (c->type)
		text = xstrdup(json_is_string(c->out)
				? json_string_value(c->out)
				: "no");
	else
		text = json_dumps(c->out, JSON_COMPACT | JSON_ENCODE_ANY);
	r = MHD_create_response_from_buffer(
		strlen(text), text, MHD_RESPMEM_MUST_COPY);
	MHD_add_response_header(
		r, "Content-Type", c->type ? c->type : "application/json");
	if (c->status == 401)
		MHD_add_response_header(
			r, "WWW-Authenticate", "Basic realm=\"api\"");
	if (c->retry_s) {
		auto_free char *s = fmt("%d", c->retry_s);

		MHD_add_response_header(r, "Retry-After", s);
	}
	ok = MHD_queue_response(c->conn, c->status, r);
	MHD_destroy_response(r);
	return ok;
}

static bool body_add(struct call *c, const char *data, size_t n)
{
	if (c->len + n > BODY_MAX)
		return false;
	c->body = realloc(c->body, c->len + n + 1);
	if (!c->body)
		abort();
	memcpy(c->body + c->len, data, n);
	c->len += n;
	c->body[c->len] = '\0';
	return true;
}

static void who(struct call *c)
{
	char *pass = NULL;
	char *user = MHD_basic_auth_get_username_password(c->conn, &pass);

	c->user = user ? xstrdup(user) : NULL;
	c->password = pass ? xstrdup(pass) : NULL;
	MHD_free(user);
	MHD_free(pass);
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *conn,
	const char *url, const char *method, const char *version,
	const char *data, size_t *size, void **state)
{
	struct call *c = *state;

	(void)arg, (void)conn, (void)url, (void)version;
	if (!c->method) { /* the head only */
		c->method = method;
		c->host = xstrdup(header(c, "Host") ? header(c, "Host") : "");
		return MHD_YES;
	}
	if (*size) {
		if (!body_add(c, data, *size))
			return MHD_NO;
		*size = 0;
		return MHD_YES;
	}
	who(c);
	pthread_mutex_lock(&lock);
	call_answer(c);
	pthread_mutex_unlock(&lock);
	sleep_ms(c->wait_ms);
	return c->drop ? MHD_NO : send_answer(c);
}

static void done(void *arg, struct MHD_Connection *conn, void **state,
	enum MHD_RequestTerminationCode why)
{
	(void)arg, (void)conn, (void)why;
	if (*state)
		call_free(*state);
	*state = NULL;
}

/* What time brings about is seen in the network without a request. */
static void *clock_run(void *arg)
{
	(void)arg;
	for (;;) {
		bool changed = false;

		sleep_ms(50);
		pthread_mutex_lock(&lock);
		for (size_t i = 0; i < 3; i++)
			changed |= hosters[i]->tick(
				state_of(hosters[i]), now_ms());
		if (changed) {
			state_save();
			wire_update();
		}
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static char *file_read(const char *name)
{
	auto_free char *path = fmt("%s/%s", lab.dir, name);
	char *text = xalloc(65536);
	FILE *f = fopen(path, "re");

	if (!f || !fread(text, 1, 65535, f)) {
		fprintf(stderr, "lab-hoster: cannot read %s\n", path);
		exit(1);
	}
	fclose(f);
	return text;
}

/* The port it listens on. */
static int serve(const struct hoster *h, const char *cert, const char *key)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_port =
			htons((uint16_t)(lab.port ? lab.port + h->port : 0)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const union MHD_DaemonInfo *info;
	struct MHD_Daemon *d = MHD_start_daemon(MHD_USE_TLS |
			MHD_USE_THREAD_PER_CONNECTION |
			MHD_USE_INTERNAL_POLLING_THREAD,
		0, NULL, NULL, handle, NULL, MHD_OPTION_SOCK_ADDR, &at,
		MHD_OPTION_HTTPS_MEM_CERT, cert, MHD_OPTION_HTTPS_MEM_KEY, key,
		MHD_OPTION_URI_LOG_CALLBACK, on_uri, (void *)(uintptr_t)h,
		MHD_OPTION_NOTIFY_COMPLETED, done, NULL,
		MHD_OPTION_CONNECTION_TIMEOUT, 200u, MHD_OPTION_END);

	if (!d) {
		fprintf(stderr, "lab-hoster: cannot listen on port %d\n",
			ntohs(at.sin_port));
		exit(1);
	}
	info = MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT);
	return info->port;
}

/* One stand-in a directory. */
static void dir_lock(void)
{
	auto_free char *path = fmt("%s/lock", lab.dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return;
	fprintf(stderr, "lab-hoster: %s: another one serves it\n", lab.dir);
	exit(1);
}

static void options(int argc, char **argv)
{
	static const struct option o[] = {
		{"dir", required_argument, NULL, 'd'},
		{"seed", required_argument, NULL, 's'},
		{"port", required_argument, NULL, 'p'},
		{"bridge", required_argument, NULL, 'b'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", o, NULL)) != -1) {
		if (c == 'd')
			lab.dir = optarg;
		else if (c == 's')
			lab.seed = optarg;
		else if (c == 'p')
			lab.port = (int)strtol(optarg, NULL, 10);
		else if (c == 'b')
			lab.bridge = optarg;
		else
			exit(2);
	}
	if (optind < argc || !lab.dir || !lab.seed) {
		fputs("usage: lab-hoster --dir DIR --seed FILE --port N "
		      "[--bridge NAME]\n",
			stderr);
		exit(2);
	}
}

static void ready_write(const int *ports)
{
	auto_free char *path = fmt("%s/ready", lab.dir);
	auto_free char *tmp = fmt("%s.new", path);
	FILE *f = fopen(tmp, "we");

	if (!f || fprintf(f, "%d %d %d\n", ports[0], ports[1], ports[2]) < 0 ||
		fclose(f) || rename(tmp, path)) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	auto_free char *cert = NULL, *key = NULL;
	int ports[3], sig;
	pthread_t t;
	sigset_t set;

	options(argc, argv);
	umask(077);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	dir_lock();
	if (state_load())
		return 1;
	state_save();
	wire_update();
	cert = file_read("cert.pem");
	key = file_read("key.pem");
	for (size_t i = 0; i < 3; i++)
		ports[i] = serve(hosters[i], cert, key);
	if (pthread_create(&t, NULL, clock_run, NULL))
		return 1;
	ready_write(ports);
	sigwait(&set, &sig);
	/* The state is whole after every request: nothing is left to do. */
	pthread_mutex_lock(&lock);
	_exit(0);
}
