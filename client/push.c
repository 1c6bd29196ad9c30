/*
 * A file is decoded here, by the same code as in heard-model, and pushed as mono
 * floats at the model's rate: so both print the same words. The daemon takes it as
 * fast as it can work. Where the connection breaks the file is pushed again from
 * its start; what a pushed stream says does not depend on timing, so transcripts
 * and commands that were shown before are recognized by their number and left out.
 */
#include "client/push.h"

#include "audio/file.h"
#include "client/connection.h"
#include "client/hear.h"
#include "client/options.h"
#include "client/output.h"
#include "client/progress.h"
#include "client/wait.h"
#include "protocol/heard.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BLOCKS_PER_SECOND = 10,
	MAX_BLOCK = 100000,   /* samples: for any rate a model can have */
	DEFAULT_RATE = 16000, /* while the daemon loads its model and cannot say */
	MAX_ATTEMPTS = 10,    /* with back-off, about half a minute */
};

/* How pushing one file ended. */
enum end {
	END_DONE,
	END_INTERRUPTED,
	END_OUTPUT,     /* nobody reads standard output */
	END_UNWRITABLE, /* reported */
	END_UNREADABLE, /* reported */
	END_REFUSED,    /* reported */
	END_LOST,       /* the connection; worth another attempt */
};

/* Events of a kind in the file in progress. */
struct tally {
	size_t shown;   /* in all attempts */
	size_t arrived; /* in this attempt */
};

struct push {
	const struct options *options;
	struct output output;
	struct progress progress;
	struct heard *heard; /* owned; NULL: not connected */
	unsigned rate;       /* of the model */

	/* the file in progress */
	const char *path;
	struct audio_file *file; /* owned */
	bool piped;              /* standard input */
	bool endpoints;
	struct tally transcripts, commands;

	/* the attempt in progress */
	uint64_t samples; /* read */
	int64_t start_ms;
	bool stopped; /* all is pushed */
	bool open;    /* the daemon waits for more of a stream */
	float *block; /* owned, [MAX_BLOCK] */
	size_t block_bytes, block_pushed;
};

static bool live_captions(const struct push *push)
{
	return push->options->realtime || push->piped;
}

/* ---- events ---- */

static bool is_last(const struct push *push, const struct heard_event *event)
{
	if (event->kind != HEARD_TRANSCRIPT || !push->stopped)
		return false;
	/* A plain Wyoming server names no rule, and gives one transcript. */
	return !push->endpoints || event->name[0] == '\0' || strcmp(event->name, "stop") == 0;
}

/* True where the event ends the attempt. */
static bool show(struct push *push, const struct heard_event *event, enum end *end)
{
	struct tally *tally = event->kind == HEARD_TRANSCRIPT ? &push->transcripts
			      : event->kind == HEARD_COMMAND  ? &push->commands
							      : NULL;
	bool again = tally && tally->arrived++ < tally->shown;

	if (!again && (push->output.json || event->kind != HEARD_PARTIAL))
		progress_hide(&push->progress);
	int status = again ? 0 : output_event(&push->output, push->heard, event);
	if (status < 0) {
		*end = status == -EPIPE ? END_OUTPUT : END_UNWRITABLE;
		return true;
	}
	if (tally && !again)
		tally->shown = tally->arrived;
	if (event->kind == HEARD_ERROR) {
		bool retry = connection_worth_retrying(event->code);
		if (!push->output.json && !retry)
			output_refusal(&push->output, event, push->path);
		else
			output_obstacle(&push->output, event->text);
		*end = retry ? END_LOST : END_REFUSED;
		return true;
	}
	*end = END_DONE;
	return is_last(push, event);
}

/* ---- audio ---- */

/* Reads a block where there is none. 0, or a negative errno that has been logged. */
static int read_block(struct push *push)
{
	size_t wanted = push->rate / BLOCKS_PER_SECOND;

	ssize_t n = audio_file_read(push->file, push->block, wanted < 1 ? 1 : wanted);
	if (n < 0)
		return (int)n;
	push->samples += (uint64_t)n;
	push->block_bytes = (size_t)n * sizeof(float);
	push->block_pushed = 0;
	for (ssize_t i = 0; i < n; i++) {
		uint32_t bits;
		memcpy(&bits, &push->block[i], sizeof(bits));
		bits = htole32(bits);
		memcpy(&push->block[i], &bits, sizeof(bits));
	}
	if (n == 0) {
		push->stopped = true;
		return heard_stop(push->heard) < 0 ? -EPIPE : 0;
	}
	return 0;
}

/* Milliseconds until the next block may be read: 0 now, -1 when an event says so. */
static int next_block_ms(const struct push *push)
{
	if (push->stopped || push->block_pushed < push->block_bytes)
		return -1;
	if (!push->options->realtime || push->piped)
		return 0;
	/* As from a microphone: a block can be had once it has been spoken. */
	double due = (double)push->samples / push->rate + 1.0 / BLOCKS_PER_SECOND;
	int64_t left = push->start_ms + (int64_t)(due * 1000) - wait_now_ms();
	return left > 0 ? (int)left : 0;
}

static double pushed_seconds(const struct push *push)
{
	size_t waiting = (push->block_bytes - push->block_pushed) / sizeof(float);

	return ((double)push->samples - (double)waiting) / push->rate;
}

static int push_block(struct push *push)
{
	size_t left = push->block_bytes - push->block_pushed;

	if (left == 0)
		return 0;
	ssize_t n = heard_push(push->heard, (const char *)push->block + push->block_pushed, left);
	if (n < 0)
		return (int)n;
	push->block_pushed += (size_t)n;
	return 0;
}

/* ---- one attempt ---- */

static int start(struct push *push)
{
	struct heard_options session = push->options->session;
	const struct heard_format format = {
		.rate = (int)push->rate, .width = 4, .channels = 1, .floating = 1};

	session.partials = push->output.json || (live_captions(push) && push->output.captions.live);
	session.words = push->output.json || push->options->srt || push->options->vtt;
	push->endpoints = session.endpoint == 1 || session.silence_text >= 0;
	push->transcripts.arrived = push->commands.arrived = 0;
	push->samples = 0;
	push->block_bytes = push->block_pushed = 0;
	push->stopped = false;
	push->start_ms = wait_now_ms();
	push->output.partials = live_captions(push);
	push->output.empty_lines = !push->endpoints;
	progress_init(&push->progress, !push->options->quiet && !live_captions(push) &&
					       !((push->output.json || push->output.commands) &&
						 isatty(STDOUT_FILENO)));
	progress_start(&push->progress, push->path, audio_file_duration(push->file));
	push->open = true;
	return heard_start(push->heard, &session, &format);
}

static enum end lost(struct push *push, int status)
{
	if (status == -EINTR)
		return END_INTERRUPTED;
	progress_hide(&push->progress);
	output_obstacle(&push->output,
			heard_error(push->heard)[0] ? heard_error(push->heard) : strerror(-status));
	return END_LOST;
}

static enum end run(struct push *push)
{
	struct heard_event event;
	enum end end;

	int status = start(push);
	while (status >= 0) {
		while ((status = heard_next(push->heard, &event)) > 0) {
			if (show(push, &event, &end))
				return end;
		}
		if (status < 0)
			break;

		progress_show(&push->progress, pushed_seconds(push));
		int pause_ms = next_block_ms(push);
		bool ready = pause_ms == 0 && !push->piped;
		if (ready && wait_interrupted()) {
			status = -EINTR;
		} else if (!ready) {
			/* A pipe is read when it has something: events are not held up. */
			int input_fd = pause_ms == 0 ? STDIN_FILENO : -1;
			int timeout_ms = pause_ms > 0           ? pause_ms
					 : push->progress.shown ? PROGRESS_REDRAW_MS
								: -1;
			status = wait_for(push->heard, input_fd, timeout_ms);
			ready = status > 0 && (status & WAIT_INPUT);
		}
		if (status < 0)
			break;
		if (ready) {
			status = read_block(push);
			if (status < 0 && status != -EPIPE)
				return END_UNREADABLE;
		}
		if (status >= 0)
			status = push_block(push);
	}
	return lost(push, status);
}

/* ---- files and attempts ---- */

/* 0 or an exit status; quiet attempts report nothing. */
static int connect_daemon(struct push *push, bool quiet)
{
	struct heard_event event;

	int status = connection_open(push->options, quiet, &push->heard);
	if (status < 0)
		return connection_exit_status(status);
	status = connection_ask(push->heard, NULL, "heard-welcome", quiet, &event);
	if (status != HEAR_OK) {
		heard_close(push->heard);
		push->heard = NULL;
		return status;
	}
	push->rate =
		event.rate >= 1 && event.rate <= MAX_BLOCK ? (unsigned)event.rate : DEFAULT_RATE;
	return HEAR_OK;
}

static int reconnect(struct push *push, struct backoff *backoff)
{
	heard_close(push->heard);
	push->heard = NULL;
	for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
		if (backoff_wait(backoff) < 0)
			return HEAR_INTERRUPTED;
		if (connect_daemon(push, true) == HEAR_OK)
			return HEAR_OK;
	}
	output_error(&push->output, "the daemon does not come back");
	return HEAR_NO_DAEMON;
}

static int exit_status(enum end end)
{
	switch (end) {
	case END_DONE:
	case END_OUTPUT:
		return HEAR_OK;
	case END_INTERRUPTED:
		return HEAR_INTERRUPTED;
	case END_UNWRITABLE:
	case END_UNREADABLE:
		return HEAR_FILE;
	case END_REFUSED:
	case END_LOST:
		return HEAR_FAILED;
	}
	abort();
}

/* Pushes one file, again where the connection breaks. *status is the exit status
 * where it is not END_DONE. */
static enum end push_file(struct push *push, const char *path, int *status)
{
	struct backoff backoff = {0};
	enum end end = END_LOST;

	push->path = path;
	push->output.file = path;
	push->piped = strcmp(path, "-") == 0;
	push->transcripts.shown = push->commands.shown = 0;
	output_obstacle(&push->output, "");
	for (int attempt = 0; attempt < MAX_ATTEMPTS && end == END_LOST; attempt++) {
		if (attempt > 0) {
			*status = reconnect(push, &backoff);
			if (*status != HEAR_OK)
				return END_LOST;
		}
		int opened = audio_file_open(path, push->rate, &push->options->raw, &push->file);
		if (opened < 0) {
			*status = HEAR_FILE;
			return END_UNREADABLE;
		}
		end = run(push);
		audio_file_close(push->file);
		push->file = NULL;
		progress_hide(&push->progress);
		captions_final(&push->output.captions, "", false);
		if (push->piped && end == END_LOST)
			break; /* what was read from it is gone */
	}
	if (end == END_LOST && !push->piped)
		output_error(&push->output, "%s: given up after %d attempts", path, MAX_ATTEMPTS);
	*status = exit_status(end);
	return end;
}

/* All files, unless one ends it for the others. */
static int push_files(struct push *push)
{
	int worst = HEAR_OK, status;

	for (size_t i = 0; i < push->options->n_files; i++) {
		/* The stream of a file that broke in the middle is unfinished: the next
		 * one starts on a fresh connection. */
		if (push->open) {
			heard_close(push->heard);
			push->heard = NULL;
			push->open = false;
			status = connect_daemon(push, false);
			if (status != HEAR_OK)
				return status;
		}
		enum end end = push_file(push, push->options->files[i], &status);
		if (status != HEAR_OK)
			worst = status;
		if (end == END_DONE)
			push->open = false;
		else if (end != END_UNREADABLE)
			break;
	}
	return worst;
}

int push_run(const struct options *options)
{
	static struct push push; /* large */

	push.options = options;
	int status = connect_daemon(&push, false);
	if (status != HEAR_OK)
		return status;
	push.block = malloc(MAX_BLOCK * sizeof(*push.block));
	if (push.block && output_init(&push.output, options) == 0)
		status = push_files(&push);
	else
		status = HEAR_FILE;
	output_finish(&push.output);
	heard_close(push.heard);
	free(push.block);
	return status;
}
