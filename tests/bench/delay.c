/*
 * bench-delay LISTEN_PORT HOST PORT MS MBIT: a TCP proxy on 127.0.0.1 (the
 * kernel here has no netem). Every byte arrives MS milliseconds after it was
 * sent, in both directions; all that comes from HOST together is no faster
 * than MBIT megabits a second. What is under way is held here, up to HOLD
 * bytes a connection and direction, as a long wire holds it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PAIRS 64
#define CHUNK 16384
#define HOLD (4 << 20)
#define SLOTS (HOLD / CHUNK)

struct chunk {
	double due;
	size_t len, at;
	char bytes[CHUNK];
};

/* One direction of one connection: a ring of what is under way. */
struct way {
	int from, to;
	bool limited; /* it shares the link */
	bool ended;   /* from said so */
	struct chunk *ring;
	size_t first, n;
};

static struct way ways[2 * PAIRS];
static double delay, rate, link_free; /* s; bytes a second; when */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	perror(what);
	_exit(1);
}

static void take(struct way *w)
{
	struct chunk *c = &w->ring[(w->first + w->n) % SLOTS];
	ssize_t n = read(w->from, c->bytes, CHUNK);
	double t = now();

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		w->ended = true;
		return;
	}
	if (w->limited) {
		link_free = (link_free > t ? link_free : t) + n / rate;
		t = link_free;
	}
	c->due = t + delay;
	c->len = n;
	c->at = 0;
	w->n++;
}

/* False: the other side is gone. */
static bool give(struct way *w)
{
	while (w->n && w->ring[w->first].due <= now()) {
		struct chunk *c = &w->ring[w->first];
		ssize_t n = write(w->to, c->bytes + c->at, c->len - c->at);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		c->at += n;
		if (c->at < c->len)
			return true;
		w->first = (w->first + 1) % SLOTS;
		w->n--;
	}
	return true;
}

static void end_pair(struct way *w)
{
	struct way *a = &ways[(w - ways) & ~1];

	close(a[0].from);
	close(a[0].to);
	for (int i = 0; i < 2; i++) {
		free(a[i].ring);
		a[i] = (struct way){.from = -1};
	}
}

static void begin_pair(int client, const struct sockaddr_in *host)
{
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct way *w = ways;

	while (w < ways + 2 * PAIRS && w->ring)
		w += 2;
	if (w == ways + 2 * PAIRS ||
		connect(server, (const struct sockaddr *)host, sizeof(*host))) {
		close(client);
		close(server);
		return;
	}
	fcntl(client, F_SETFL, O_NONBLOCK);
	fcntl(server, F_SETFL, O_NONBLOCK);
	w[0] = (struct way){.from = client, .to = server};
	w[1] = (struct way){.from = server, .to = client, .limited = true};
	for (int i = 0; i < 2; i++) {
		w[i].ring = calloc(SLOTS, sizeof(*w[i].ring));
		if (!w[i].ring)
			die("memory");
	}
}

static void step(int listener, const struct sockaddr_in *host)
{
	struct pollfd p[1 + 2 * PAIRS] = {{listener, POLLIN, 0}};
	double t = now(), wait = 0.1;

	for (int i = 0; i < 2 * PAIRS; i++) {
		struct way *w = &ways[i];
		/* A link that is booked for a second holds no more. */
		bool room = w->ring && w->n < SLOTS && !w->ended &&
			(!w->limited || link_free < t + 0.05);

		p[1 + i] = (struct pollfd){room ? w->from : -1, POLLIN, 0};
		if (w->ring && w->n && w->ring[w->first].due - t < wait)
			wait = w->ring[w->first].due - t;
		if (w->ring && w->limited && !room && wait > 0.005)
			wait = 0.005;
	}
	poll(p, 1 + 2 * PAIRS, wait > 0 ? (int)(wait * 1000) + 1 : 1);
	if (p[0].revents) {
		int c = accept(listener, NULL, NULL);

		if (c >= 0)
			begin_pair(c, host);
	}
	for (int i = 0; i < 2 * PAIRS; i++) {
		struct way *w = &ways[i];

		if (w->ring && p[1 + i].revents)
			take(w);
		if (w->ring && (!give(w) || (w->ended && !w->n)))
			end_pair(w);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET}, host = at;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (argc != 6) {
		fprintf(stderr,
			"usage: bench-delay LISTEN_PORT HOST PORT MS "
			"MBIT\n");
		return 2;
	}
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	at.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	host.sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10));
	delay = strtod(argv[4], NULL) / 1000;
	rate = strtod(argv[5], NULL) * 125000;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (inet_pton(AF_INET, argv[2], &host.sin_addr) != 1 || rate <= 0 ||
		bind(listener, (struct sockaddr *)&at, sizeof(at)) ||
		listen(listener, 64))
		die("bench-delay");
	for (;;)
		step(listener, &host);
}
