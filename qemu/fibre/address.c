// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "address.h"

/* A host that has vanished is dark after this. */
#define DEAD_MS		5000

static bool set_path(struct address *address, const char *path, char *why, size_t size)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&address->at;

	if (!*path || strlen(path) >= sizeof(un->sun_path)) {
		snprintf(why, size, "the path of a Unix socket has 1 to %zu bytes, '%s' has %zu",
			 sizeof(un->sun_path) - 1, path, strlen(path));
		return false;
	}
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, strlen(path) + 1);
	address->size = sizeof(*un);
	snprintf(address->text, sizeof(address->text), "%s", path);
	return true;
}

static bool set_host(struct address *address, const char *host, const char *port, bool server,
		     char *why, size_t size)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *info;
	int error;

	if (strspn(port, "0123456789") != strlen(port) || atoi(port) < 1 || atoi(port) > 65535) {
		snprintf(why, size, "port '%s' is no number from 1 to 65535", port);
		return false;
	}
	if (server)
		hints.ai_flags |= AI_PASSIVE;
	error = getaddrinfo(host, port, &hints, &info);
	if (error) {
		snprintf(why, size, "host '%s': %s", host, gai_strerror(error));
		return false;
	}
	memcpy(&address->at, info->ai_addr, info->ai_addrlen);
	address->size = info->ai_addrlen;
	freeaddrinfo(info);
	snprintf(address->text, sizeof(address->text), "%s:%s", host, port);
	return true;
}

bool address_set(struct address *address, const struct sfab_fibre_config *config, char *why,
		 size_t size)
{
	if (config->path)
		return set_path(address, config->path, why, size);
	return set_host(address, config->host, config->port ? config->port : "", config->server,
			why, size);
}

bool address_is_local(const struct address *address)
{
	return address->at.ss_family == AF_UNIX;
}

static int new_socket(const struct address *address)
{
	return socket(address->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* Small messages leave at once; a dead host is noticed. */
static void tune(const struct address *address, int fd)
{
	int one = 1, idle = 2, count = 3;
	unsigned int dead = DEAD_MS;

	if (address_is_local(address))
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead, sizeof(dead));
}

int address_connect(const struct address *address)
{
	int fd = new_socket(address);

	if (fd < 0)
		return -1;
	tune(address, fd);
	if (!connect(fd, (const struct sockaddr *)&address->at, address->size) ||
	    errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

int address_accept(const struct address *address, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		tune(address, fd);
	return fd;
}

/* A socket that its process left behind, by dying. Somebody who listens is left alone. */
static void remove_stale(const struct address *address)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&address->at;
	struct stat stat;
	int fd;

	if (lstat(un->sun_path, &stat) || !S_ISSOCK(stat.st_mode))
		return;
	fd = address_connect(address);
	if (fd >= 0)
		close(fd);
	else if (errno == ECONNREFUSED)
		unlink(un->sun_path);
}

static bool bind_and_listen(struct address *address, int fd)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&address->at;
	struct stat stat = { 0 };
	int one = 1;

	if (address_is_local(address))
		remove_stale(address);
	else
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&address->at, address->size) || listen(fd, 1))
		return false;
	if (address_is_local(address) && !lstat(un->sun_path, &stat)) {
		address->dev = stat.st_dev;
		address->ino = stat.st_ino;
	}
	return true;
}

int address_listen(struct address *address, char *why, size_t size)
{
	int fd = new_socket(address), error;

	if (fd >= 0 && bind_and_listen(address, fd))
		return fd;
	error = errno;
	snprintf(why, size, "cannot listen at %s: %s", address->text,
		 error == EADDRINUSE ? "somebody listens there already" : strerror(error));
	if (fd >= 0)
		close(fd);
	return -1;
}

void address_unlink(const struct address *address)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&address->at;
	struct stat stat;

	if (address_is_local(address) && !lstat(un->sun_path, &stat) &&
	    stat.st_dev == address->dev && stat.st_ino == address->ino)
		unlink(un->sun_path);
}
