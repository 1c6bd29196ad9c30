#include "daemon/listener.h"

#include "core/base/log.h"
#include "daemon/limits.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct listener {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_pipe_t pipe;
		uv_tcp_t tcp;
	} uv;
	char name[ADDRESS_TEXT_BYTES];
	char path[ADDRESS_PATH_BYTES]; /* file to remove; "" for none */
	/* The file that was made: another daemon may have replaced it since. */
	dev_t device;
	ino_t inode;
};

const char *listener_name(const struct listener *listener)
{
	return listener->name;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void listener_close(struct listener *listener)
{
	struct stat st;

	if (!listener)
		return;
	if (listener->path[0] && lstat(listener->path, &st) == 0 && st.st_dev == listener->device &&
	    st.st_ino == listener->inode)
		unlink(listener->path);
	/* The context of the connection callback is not needed any more. */
	listener->uv.handle.data = listener;
	uv_close(&listener->uv.handle, on_closed);
}

/* ---- unix ---- */

/* Does anybody answer there? 0, or -EADDRINUSE, or why nobody can know. */
static int probe(const struct sockaddr_un *name)
{
	struct stat st;

	if (lstat(name->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;

	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int err = connect(fd, (const struct sockaddr *)name, sizeof(*name)) < 0 ? errno : 0;
	close(fd);
	/* EAGAIN: the backlog of a live daemon is full. */
	if (err != ECONNREFUSED && err != ENOENT)
		return -EADDRINUSE;
	if (unlink(name->sun_path) < 0 && errno != ENOENT)
		return -errno;
	log_info("%s: replaced a stale socket", name->sun_path);
	return 0;
}

static int set_group(const char *path, const char *group)
{
	if (!group)
		return 0;

	errno = 0;
	struct group *entry = getgrnam(group);
	if (!entry) {
		log_error("%s: no group \"%s\"", path, group);
		return errno ? -errno : -EINVAL;
	}
	if (chown(path, (uid_t)-1, entry->gr_gid) < 0) {
		int err = -errno;

		log_error("%s: group %s: %s", path, group, strerror(-err));
		return err;
	}
	return 0;
}

/* Until listen() nobody can connect, so mode and group are in force for the
 * first client; the umask keeps the file closed to others even before. */
static int bind_unix(const char *path, const struct listener_options *options)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int err;

	memcpy(name.sun_path, path, strlen(path) + 1);
	err = probe(&name);
	if (err < 0) {
		log_error("%s: %s", path,
			  err == -EADDRINUSE ? "another program answers there" : strerror(-err));
		return err;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mode_t mask = umask(0777 & ~(mode_t)options->mode);
	err = bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0 ? -errno : 0;
	umask(mask);
	if (err == 0 && chmod(path, (mode_t)options->mode) < 0)
		err = -errno;
	if (err < 0)
		log_error("%s: %s", path, strerror(-err));
	else
		err = set_group(path, options->group);
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

static int open_unix(uv_loop_t *loop, struct listener *listener, const char *path,
		     const struct listener_options *options)
{
	struct stat st;
	int fd = bind_unix(path, options);

	if (fd < 0)
		return fd;
	if (lstat(path, &st) == 0) {
		listener->device = st.st_dev;
		listener->inode = st.st_ino;
		memcpy(listener->path, path, strlen(path) + 1);
	}
	int err = uv_pipe_open(&listener->uv.pipe, fd);
	if (err < 0)
		close(fd);
	(void)loop;
	return err;
}

/* ---- tcp ---- */

static int open_tcp(struct listener *listener, const struct address *address)
{
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	struct addrinfo *list;
	char port[16];

	snprintf(port, sizeof(port), "%u", address->port);
	int code = getaddrinfo(address->host[0] ? address->host : NULL, port, &hints, &list);
	if (code != 0) {
		log_error("%s: %s", listener->name, gai_strerror(code));
		return -EADDRNOTAVAIL;
	}
	int err = uv_tcp_bind(&listener->uv.tcp, list->ai_addr, 0);
	freeaddrinfo(list);
	if (err < 0)
		log_error("%s: %s", listener->name, uv_strerror(err));
	return err;
}

/* ---- both ---- */

static int start(struct listener *listener, const struct listener_options *options, int err,
		 struct listener **out)
{
	listener->uv.handle.data = options->ctx;
	if (err == 0) {
		err = uv_listen(&listener->uv.stream, LIMIT_BACKLOG, options->on_connection);
		if (err < 0)
			log_error("%s: %s", listener->name, uv_strerror(err));
	}
	if (err < 0) {
		listener_close(listener);
		return err;
	}
	log_info("listening on %s", listener->name);
	*out = listener;
	return 0;
}

int listener_open(uv_loop_t *loop, const struct address *address,
		  const struct listener_options *options, struct listener **out)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	int err;

	if (!listener)
		return -ENOMEM;
	address_print(address, listener->name);
	if (address->kind == ADDRESS_UNIX) {
		uv_pipe_init(loop, &listener->uv.pipe, 0);
		err = open_unix(loop, listener, address->path, options);
	} else {
		uv_tcp_init(loop, &listener->uv.tcp);
		err = open_tcp(listener, address);
	}
	return start(listener, options, err, out);
}

int listener_adopt(uv_loop_t *loop, int fd, const struct listener_options *options,
		   struct listener **out)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	struct sockaddr_storage name = {0};
	socklen_t size = sizeof(name);
	int listening = 0;
	socklen_t flag_size = sizeof(listening);
	int err;

	if (!listener)
		return -ENOMEM;
	snprintf(listener->name, sizeof(listener->name), "inherited socket %d", fd);
	if (getsockname(fd, (struct sockaddr *)&name, &size) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &flag_size) < 0 || !listening) {
		log_error("%s: not a listening socket", listener->name);
		free(listener);
		return -ENOTSOCK;
	}
	if (name.ss_family == AF_UNIX) {
		uv_pipe_init(loop, &listener->uv.pipe, 0);
		err = uv_pipe_open(&listener->uv.pipe, fd);
	} else {
		uv_tcp_init(loop, &listener->uv.tcp);
		err = uv_tcp_open(&listener->uv.tcp, fd);
	}
	if (err < 0)
		log_error("%s: %s", listener->name, uv_strerror(err));
	return start(listener, options, err, out);
}
