/*
 * Regular files as standard input or output (heard --listen stdio:// <in >out)
 * are no streams to libuv: reads go through its file requests, one at a time,
 * writes are plain write(2), which a regular file never holds up for long.
 */
#include "daemon/connection.h"

#include "core/base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void pump(struct connection *connection);
static void write_next(struct connection *connection);

/* ---- closing ---- */

/* One of the things that keep the memory in use has ended. */
static void release(struct connection *connection)
{
	if (--connection->pending > 0)
		return;
	if (connection->writing)
		outqueue_release(&connection->queue, connection->writing);
	connection->writing = NULL;
	outqueue_finish(&connection->queue);
	free(connection->buffer);
	connection->buffer = NULL;
	connection->owner.closed(connection->owner.ctx);
}

static void on_closed(uv_handle_t *handle)
{
	release(handle->data);
}

void connection_close(struct connection *connection)
{
	if (connection->closing)
		return;
	connection->closing = true;
	uv_close((uv_handle_t *)&connection->grace, on_closed);
	if (connection->reader)
		uv_close(&connection->in.handle, on_closed);
	if (connection->writer && connection->writer != connection->reader)
		uv_close(&connection->out.handle, on_closed);
}

static void on_grace(uv_timer_t *timer)
{
	connection_close(timer->data);
}

static void stop_reading(struct connection *connection)
{
	if (connection->reading && connection->reader)
		uv_read_stop(connection->reader);
	connection->reading = false;
}

void connection_finish(struct connection *connection)
{
	if (connection->finishing || connection->closing)
		return;
	connection->finishing = true;
	stop_reading(connection);
	if (!connection->writing && !connection->queue.first)
		connection_close(connection);
	else
		uv_timer_start(&connection->grace, on_grace, LIMIT_DROP_GRACE_MS, 0);
}

/* ---- writing ---- */

static void on_written(uv_write_t *request, int status)
{
	struct connection *connection = request->data;

	outqueue_release(&connection->queue, connection->writing);
	connection->writing = NULL;
	if (connection->closing)
		return;
	if (status < 0) {
		connection_close(connection);
		return;
	}
	write_next(connection);
	if (!connection->writing && connection->finishing)
		connection_close(connection);
}

static bool write_file(const struct outqueue_item *item)
{
	for (size_t done = 0; done < item->n;) {
		ssize_t n = write(STDOUT_FILENO, item->bytes + done, item->n - done);

		if (n < 0 && errno != EINTR)
			return false;
		done += n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* Writes as much as goes at once; only what the peer does not take now waits,
 * so that nothing is superseded for a peer that reads. Negative: it is gone. */
static ssize_t write_now(struct connection *connection, const struct outqueue_item *item)
{
	uv_buf_t buffer = uv_buf_init(item->bytes, (unsigned)item->n);

	if (!connection->writer)
		return write_file(item) ? (ssize_t)item->n : -EPIPE;
	int n = uv_try_write(connection->writer, &buffer, 1);
	return n == UV_EAGAIN ? 0 : n;
}

static void write_next(struct connection *connection)
{
	struct outqueue_item *item;

	while (!connection->writing && !connection->closing &&
	       (item = outqueue_pop(&connection->queue))) {
		ssize_t done = write_now(connection, item);

		if (done >= 0 && (size_t)done < item->n) {
			uv_buf_t rest =
				uv_buf_init(item->bytes + done, (unsigned)(item->n - (size_t)done));

			connection->write.data = connection;
			done = uv_write(&connection->write, connection->writer, &rest, 1,
					on_written);
			if (done == 0) {
				connection->writing = item;
				return;
			}
		}
		outqueue_release(&connection->queue, item);
		if (done < 0)
			connection_close(connection);
	}
}

int connection_send(struct connection *connection, enum outqueue_kind kind, char *bytes, size_t n)
{
	if (connection->closing || connection->finishing) {
		free(bytes);
		return -EPIPE;
	}
	int err = outqueue_push(&connection->queue, kind, bytes, n);
	write_next(connection);
	return err;
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct connection *connection = handle->data;

	(void)suggested;
	buffer->base = (char *)connection->buffer + connection->end;
	buffer->len = LIMIT_READ_BYTES - connection->end;
}

/* Bytes came, or the end: n < 0. */
static void received(struct connection *connection, ssize_t n)
{
	if (n > 0) {
		connection->end += (size_t)n;
	} else if (n < 0) {
		/* A reset peer gets nothing any more; one that only shut down its
		 * side may still read. */
		stop_reading(connection);
		if (n != UV_EOF) {
			connection_close(connection);
			return;
		}
		connection->ended = true;
	}
	pump(connection);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
	(void)buffer;
	if (n != 0)
		received(stream->data, n);
}

static void on_file_read(uv_fs_t *request)
{
	struct connection *connection = request->data;
	ssize_t n = request->result;

	uv_fs_req_cleanup(request);
	connection->reading = false;
	if (connection->closing) {
		release(connection);
		return;
	}
	connection->pending--;
	received(connection, n == 0 ? UV_EOF : n);
}

static void start_reading(struct connection *connection)
{
	uv_buf_t buffer;

	if (connection->reading || connection->ended || connection->finishing)
		return;
	connection->reading = true;
	if (connection->reader) {
		if (uv_read_start(connection->reader, on_alloc, on_read) < 0)
			connection_close(connection);
		return;
	}
	buffer = uv_buf_init((char *)connection->buffer + connection->end,
			     (unsigned)(LIMIT_READ_BYTES - connection->end));
	connection->pending++;
	connection->file_read.data = connection;
	uv_fs_read(connection->grace.loop, &connection->file_read, STDIN_FILENO, &buffer, 1, -1,
		   on_file_read);
}

/* Gives the owner what is there and reads on where it took all. */
static void pump(struct connection *connection)
{
	if (connection->in_take)
		return;
	connection->in_take = true;
	while (connection->begin < connection->end && !connection->finishing &&
	       !connection->closing) {
		size_t taken = connection->owner.take(connection->owner.ctx,
						      connection->buffer + connection->begin,
						      connection->end - connection->begin);
		connection->begin += taken;
		if (taken == 0)
			break;
	}
	connection->in_take = false;
	if (connection->closing || connection->finishing)
		return;
	if (connection->begin < connection->end) {
		stop_reading(connection);
		return;
	}
	connection->begin = connection->end = 0;
	if (!connection->ended) {
		start_reading(connection);
	} else if (!connection->told_end) {
		connection->told_end = true;
		connection->owner.end(connection->owner.ctx);
	}
}

void connection_resume(struct connection *connection)
{
	if (!connection->closing)
		pump(connection);
}

/* ---- opening ---- */

static void prepare(struct connection *connection, uv_loop_t *loop,
		    const struct connection_owner *owner)
{
	memset(connection, 0, sizeof(*connection));
	connection->owner = *owner;
	outqueue_init(&connection->queue, LIMIT_QUEUE_BYTES);
	uv_timer_init(loop, &connection->grace);
	connection->grace.data = connection;
	connection->pending = 1;
	connection->buffer = malloc(LIMIT_READ_BYTES);
}

static void opened(struct connection *connection, int err)
{
	if (err == 0 && !connection->buffer)
		err = -ENOMEM;
	if (err == 0) {
		start_reading(connection);
		return;
	}
	log_error("connection: %s", uv_strerror(err));
	connection_close(connection);
}

void connection_accept(struct connection *connection, uv_stream_t *listener,
		       const struct connection_owner *owner)
{
	uv_loop_t *loop = listener->loop;

	prepare(connection, loop, owner);
	if (listener->type == UV_TCP)
		uv_tcp_init(loop, &connection->in.tcp);
	else
		uv_pipe_init(loop, &connection->in.pipe, 0);
	connection->in.handle.data = connection;
	connection->reader = connection->writer = &connection->in.stream;
	connection->pending++;

	int err = uv_accept(listener, &connection->in.stream);
	if (err == 0 && listener->type == UV_TCP) {
		/* Events are small and wanted at once; a peer that vanished is
		 * found within minutes. */
		uv_tcp_nodelay(&connection->in.tcp, 1);
		uv_tcp_keepalive(&connection->in.tcp, 1, 60);
	}
	opened(connection, err);
}

/* Opens one of the standard descriptors; *stream stays NULL for a file. */
static int open_standard(struct connection *connection, uv_loop_t *loop, int fd,
			 uv_handle_t *handle, uv_stream_t **stream)
{
	uv_handle_type type = uv_guess_handle(fd);
	int err;

	if (type == UV_FILE)
		return 0;
	if (type == UV_TTY) {
		err = uv_tty_init(loop, (uv_tty_t *)handle, fd, 0);
	} else if (type == UV_TCP) {
		err = uv_tcp_init(loop, (uv_tcp_t *)handle);
		if (err == 0)
			err = uv_tcp_open((uv_tcp_t *)handle, fd);
	} else if (type == UV_NAMED_PIPE) {
		err = uv_pipe_init(loop, (uv_pipe_t *)handle, 0);
		if (err == 0)
			err = uv_pipe_open((uv_pipe_t *)handle, fd);
	} else {
		return -ENOTSUP;
	}
	if (handle->loop) {
		handle->data = connection;
		*stream = (uv_stream_t *)handle;
		connection->pending++;
	}
	return err;
}

void connection_stdio(struct connection *connection, uv_loop_t *loop,
		      const struct connection_owner *owner)
{
	prepare(connection, loop, owner);
	int err = open_standard(connection, loop, STDIN_FILENO, &connection->in.handle,
				&connection->reader);
	if (err == 0)
		err = open_standard(connection, loop, STDOUT_FILENO, &connection->out.handle,
				    &connection->writer);
	opened(connection, err);
}
