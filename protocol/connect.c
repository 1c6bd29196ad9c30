#include "protocol/connect.h"

#include "protocol/address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_unix(const char *path)
{
	struct sockaddr_un peer = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	memcpy(peer.sun_path, path, strlen(path) + 1);
	int status;
	do {
		status = connect(fd, (const struct sockaddr *)&peer, sizeof(peer));
	} while (status < 0 && errno == EINTR);
	if (status < 0) {
		status = -errno;
		close(fd);
		return status;
	}
	return fd;
}

static int connect_within(int fd, const struct addrinfo *peer, int timeout_ms)
{
	if (connect(fd, peer->ai_addr, peer->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS && errno != EINTR)
		return -errno;

	struct pollfd wait = {.fd = fd, .events = POLLOUT};
	int ready;
	do {
		ready = poll(&wait, 1, timeout_ms);
	} while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return -errno;
	if (ready == 0)
		return -ETIMEDOUT;
	int error = 0;
	socklen_t size = sizeof(error);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return -errno;
	return -error;
}

static int connect_tcp(const struct address *address, int timeout_ms)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *peers;
	char port[8];
	int status = -EHOSTUNREACH;

	snprintf(port, sizeof(port), "%u", (unsigned)address->port);
	int found = getaddrinfo(address->host[0] ? address->host : NULL, port, &hints, &peers);
	if (found == EAI_SYSTEM)
		return -errno;
	if (found != 0)
		return found == EAI_MEMORY ? -ENOMEM : -EHOSTUNREACH;
	for (const struct addrinfo *peer = peers; peer; peer = peer->ai_next) {
		int fd = socket(peer->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd < 0) {
			status = -errno;
			continue;
		}
		status = connect_within(fd, peer, timeout_ms);
		if (status == 0) {
			/* Audio goes out in pieces as it comes; waiting to fill packets
			 * would only add to the latency. */
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
			status = fd;
			break;
		}
		close(fd);
	}
	freeaddrinfo(peers);
	return status;
}

int connect_address(const struct address *address, int timeout_ms)
{
	switch (address->kind) {
	case ADDRESS_UNIX:
		return connect_unix(address->path);
	case ADDRESS_TCP:
		return connect_tcp(address, timeout_ms);
	case ADDRESS_STDIO: /* of one's own; another program's cannot be reached */
		return -EINVAL;
	}
	abort();
}

int connect_default(int timeout_ms)
{
	const char *chosen = getenv("HEARD_SOCKET");
	struct address address;

	int status = address_default(&address, NULL);
	if (status < 0)
		return status;
	status = connect_address(&address, timeout_ms);
	if ((chosen && chosen[0] != '\0') || (status != -ENOENT && status != -ECONNREFUSED))
		return status;
	/* A user's shell has an XDG_RUNTIME_DIR also where the daemon is the system's. */
	if (address_parse(ADDRESS_SYSTEM_SOCKET, &address, NULL) < 0)
		abort();
	return connect_address(&address, timeout_ms);
}
