// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One end of a fibre that leads to another process: a socket, whoever listens or connects,
 * in all its states. What is said over it is in talk.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "address.h"
#include "talk.h"

#define RETRY_MS	250
#define SILENCE_MS	5000

/* How much one sfab_fibre_service() receives and sends at most. */
#define RECEIVES	32
#define SENDS		32

enum tag { BELL, TIMER, LISTENER, CONNECTION };

struct socket_end {
	struct sfab_fibre_end end;
	struct sfab_fibre fibre;
	struct address address;
	bool server;
	bool mirror;
	atomic_bool open;

	/* The owner's; -1: not there. */
	int bell;		/* from sfab_fibre_cut() */
	int epoll;
	int timer;		/* to try again, or the end of patience */
	int listener;
	int connection;
	bool connecting;
	uint32_t events;	/* what epoll watches the connection for */
	char told[TALK_WHY];	/* the last report */
	struct talk talk;
	uint8_t buffer[TALK_BYTES_MAX];
};

static struct socket_end *socket_of(struct sfab_fibre_end *end)
{
	return (struct socket_end *)end;
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int watch(struct socket_end *s, int op, int fd, enum tag tag, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.u32 = tag };

	return epoll_ctl(s->epoll, op, fd, &event);
}

static void set_timer(struct socket_end *s, unsigned int ms)
{
	struct itimerspec spec = {
		.it_value = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L },
	};

	timerfd_settime(s->timer, 0, &spec, NULL);
}

static void report(struct socket_end *s, const char *text)
{
	if (!strcmp(s->told, text))
		return;
	snprintf(s->told, sizeof(s->told), "%s", text);
	s->end.ops->report(s->end.opaque, text);
}

/* Over, for whatever reason; a new attempt comes. @why NULL: nothing to tell. */
static void drop(struct socket_end *s, const char *why)
{
	fibre_attach(&s->end, NULL);
	if (s->connection >= 0) {
		talk_end(&s->talk);
		shut(&s->connection);
	}
	s->connecting = false;
	if (why)
		report(s, why);
	set_timer(s, RETRY_MS);
}

/* Watch for room only while there is something to send. */
static void watch_connection(struct socket_end *s, bool room)
{
	uint32_t events = EPOLLIN | (room ? EPOLLOUT : 0);

	if (events != s->events)
		watch(s, EPOLL_CTL_MOD, s->connection, CONNECTION, events);
	s->events = events;
}

static ssize_t send_some(struct socket_end *s, const void *data, size_t size)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { (void *)data, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (s->talk.fd_out >= 0) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &s->talk.fd_out, sizeof(int));
	}
	return sendmsg(s->connection, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* False: the connection is broken. */
static bool flush(struct socket_end *s)
{
	const void *data;
	unsigned int i;
	ssize_t n;
	size_t size;

	for (i = 0; i < SENDS; i++) {
		size = talk_output(&s->talk, &data);
		if (!size)
			break;
		n = send_some(s, data, size);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (n < 0)
			break;
		talk_sent(&s->talk, n);
	}
	watch_connection(s, talk_output(&s->talk, &data) != 0);
	return true;
}

/* One file may come along, with MEMORY. The others are closed, and counted as a breach. */
static bool take_files(struct socket_end *s, struct msghdr *msg)
{
	bool fine = !(msg->msg_flags & MSG_CTRUNC);
	struct cmsghdr *cmsg;
	unsigned int i, n;
	int fd;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
			if (s->talk.fd_in < 0 && !talk_linked(&s->talk)) {
				s->talk.fd_in = fd;
			} else {
				close(fd);
				fine = false;
			}
		}
	}
	return fine;
}

static ssize_t receive_some(struct socket_end *s, bool *files_fine)
{
	char control[CMSG_SPACE(4 * sizeof(int))] __attribute__((aligned(8)));
	struct iovec iov = { s->buffer, sizeof(s->buffer) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(s->connection, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*files_fine = n < 0 || take_files(s, &msg);
	return n;
}

/* Light: once both have said what they have to say. */
static void maybe_link(struct socket_end *s)
{
	if (!talk_linked(&s->talk) || s->end.memory)
		return;
	set_timer(s, 0);
	s->told[0] = 0;
	fibre_attach(&s->end, s->talk.memory);
}

static void receive(struct socket_end *s)
{
	unsigned int i;
	bool files_fine;
	ssize_t n = 0;

	for (i = 0; i < RECEIVES; i++) {
		n = receive_some(s, &files_fine);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (!files_fine) {
			drop(s, "files came that were not asked for");
			return;
		}
		if (!talk_input(&s->talk, s->buffer, n)) {
			flush(s);
			drop(s, s->talk.why);
			return;
		}
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		drop(s, NULL);
		return;
	}
	maybe_link(s);
}

static void begin_talk(struct socket_end *s)
{
	talk_begin(&s->talk, s->fibre.name, s->server,
		   !s->mirror && address_is_local(&s->address));
	set_timer(s, SILENCE_MS);
	if (!flush(s))
		drop(s, NULL);
}

/* A connection, made or in the making. */
static void adopt(struct socket_end *s, int fd, bool connecting)
{
	s->connection = fd;
	s->connecting = connecting;
	s->events = connecting ? EPOLLOUT : EPOLLIN;
	talk_begin(&s->talk, s->fibre.name, s->server, false);
	if (watch(s, EPOLL_CTL_ADD, fd, CONNECTION, s->events)) {
		drop(s, "no memory to watch a socket");
		return;
	}
	set_timer(s, SILENCE_MS);
	if (!connecting)
		begin_talk(s);
}

static void try_connect(struct socket_end *s)
{
	int fd = address_connect(&s->address);

	if (fd < 0)
		set_timer(s, RETRY_MS);
	else
		adopt(s, fd, true);
}

static void connected(struct socket_end *s)
{
	socklen_t size = sizeof(int);
	int error = 0;

	getsockopt(s->connection, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		drop(s, NULL);
		return;
	}
	s->connecting = false;
	begin_talk(s);
}

/* Others wait in the backlog while there is a connection. */
static void try_accept(struct socket_end *s)
{
	int fd;

	if (s->connection >= 0)
		return;
	fd = address_accept(&s->address, s->listener);
	if (fd >= 0)
		adopt(s, fd, false);
}

/* After a cut the socket does not listen. At creation it does already. */
static bool listen_again(struct socket_end *s)
{
	char why[TALK_WHY];

	if (s->listener < 0)
		s->listener = address_listen(&s->address, why, sizeof(why));
	if (s->listener < 0) {
		report(s, why);
		set_timer(s, RETRY_MS);
		return false;
	}
	/* Edges: who waits in the backlog must not keep us awake. */
	watch(s, EPOLL_CTL_ADD, s->listener, LISTENER, EPOLLIN | EPOLLET);
	return true;
}

/* To get a connection, where there is none. */
static void attempt(struct socket_end *s)
{
	if (s->connection >= 0 || atomic_load(&s->fibre.cut))
		return;
	if (!s->server)
		try_connect(s);
	else if (listen_again(s))
		try_accept(s);
}

/* Cut, or closed: nobody is answered any more. */
static void go_dark(struct socket_end *s)
{
	if (s->connection >= 0)
		drop(s, NULL);
	set_timer(s, 0);
	if (s->listener >= 0)
		address_unlink(&s->address);
	shut(&s->listener);
}

static void timed_out(struct socket_end *s)
{
	uint64_t count;

	if (read(s->timer, &count, sizeof(count)) < 0)
		return;		/* it was set anew in the meantime */
	if (s->connection >= 0 && !talk_linked(&s->talk))
		drop(s, s->connecting ? NULL : "the other end has said nothing for 5 s");
	attempt(s);
}

static void bell_rung(struct socket_end *s)
{
	bell_drain(s->bell);
	if (atomic_load(&s->fibre.cut))
		go_dark(s);
	attempt(s);
}

static void connection_ready(struct socket_end *s, uint32_t events)
{
	if (s->connecting) {
		connected(s);
		return;
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		receive(s);
	if (s->connection >= 0 && !flush(s))
		drop(s, NULL);
}

static bool service(struct sfab_fibre_end *end)
{
	struct socket_end *s = socket_of(end);
	struct epoll_event events[4];
	bool look = false;
	int i, n;

	n = epoll_wait(s->epoll, events, 4, 0);
	for (i = 0; i < n; i++) {
		switch ((enum tag)events[i].data.u32) {
		case BELL:
			look = true;
			bell_rung(s);
			break;
		case TIMER:
			timed_out(s);
			break;
		case LISTENER:
			attempt(s);
			break;
		case CONNECTION:
			look = true;
			/* What came before in this loop may have closed it. */
			if (s->connection >= 0)
				connection_ready(s, events[i].events);
			break;
		}
	}
	return look;
}

static void ring(struct sfab_fibre_end *end)
{
	struct socket_end *s = socket_of(end);
	uint8_t bell = 0;

	/* A full socket has bells enough; a broken one tells by itself. */
	if (s->talk.state == TALK_SHARED)
		send(s->connection, &bell, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	else
		flush(s);
}

static bool is_shared(const struct sfab_fibre_end *end)
{
	return ((const struct socket_end *)end)->talk.state == TALK_SHARED;
}

static int fd(const struct sfab_fibre_end *end)
{
	return ((const struct socket_end *)end)->epoll;
}

static struct socket_end *socket_of_fibre(struct sfab_fibre *fibre)
{
	return (struct socket_end *)((char *)fibre - offsetof(struct socket_end, fibre));
}

static void cut(struct sfab_fibre *fibre)
{
	bell_ring(socket_of_fibre(fibre)->bell);
}

static struct sfab_fibre_end *open_end(struct sfab_fibre *fibre, char *why, size_t size)
{
	struct socket_end *s = socket_of_fibre(fibre);

	if (atomic_exchange(&s->open, true)) {
		snprintf(why, size, "fibre '%s' is in use; the end here leads to one port",
			 fibre->name);
		return NULL;
	}
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (s->epoll < 0 || s->timer < 0 || watch(s, EPOLL_CTL_ADD, s->bell, BELL, EPOLLIN) ||
	    watch(s, EPOLL_CTL_ADD, s->timer, TIMER, EPOLLIN)) {
		snprintf(why, size, "no more file descriptors: raise ulimit -n");
		shut(&s->epoll);
		shut(&s->timer);
		atomic_store(&s->open, false);
		return NULL;
	}
	bell_ring(s->bell);	/* the first attempt */
	return &s->end;
}

static void close_end(struct sfab_fibre_end *end)
{
	struct socket_end *s = socket_of(end);

	go_dark(s);
	shut(&s->epoll);
	shut(&s->timer);
	s->told[0] = 0;
	atomic_store(&s->open, false);
}

static void destroy(struct sfab_fibre *fibre)
{
	struct socket_end *s = socket_of_fibre(fibre);

	if (s->listener >= 0)
		address_unlink(&s->address);
	shut(&s->listener);
	shut(&s->bell);
	free(s);
}

static const struct fibre_kind socket_kind = {
	.destroy = destroy,
	.cut = cut,
	.open = open_end,
	.close = close_end,
	.fd = fd,
	.service = service,
	.ring = ring,
	.is_shared = is_shared,
};

struct sfab_fibre *socket_create(const struct sfab_fibre_config *config, char *why, size_t size)
{
	struct socket_end *s = calloc(1, sizeof(*s));

	if (!s) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	s->fibre.kind = &socket_kind;
	s->end.fibre = &s->fibre;
	s->end.index = config->server ? 0 : 1;
	s->server = config->server;
	s->mirror = config->mirror;
	s->bell = -1;
	s->epoll = -1;
	s->timer = -1;
	s->listener = -1;
	s->connection = -1;
	if (!address_set(&s->address, config, why, size))
		goto fail;
	s->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (s->bell < 0) {
		snprintf(why, size, "no more file descriptors: raise ulimit -n");
		goto fail;
	}
	if (s->server) {
		s->listener = address_listen(&s->address, why, size);
		if (s->listener < 0)
			goto fail;
	}
	return &s->fibre;
fail:
	destroy(&s->fibre);
	return NULL;
}
