/*
 * One connection: a buffer of bytes read, a queue of bytes to send, and at most
 * one event parsed and not yet taken.
 *
 * The daemon may say why it closes and then close while we are still sending.
 * So a failed send only stops sending; the end of the connection is where the
 * reading side ends, behind the last event.
 */
#include "protocol/heard.h"

#include "protocol/address.h"
#include "protocol/connect.h"
#include "protocol/event.h"
#include "protocol/framing.h"
#include "protocol/message.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	CONNECT_TIMEOUT_MS = 10000,
	READ_BYTES = 64 * 1024,
	/* heard_push fills the queue up to this; other events go beyond. */
	QUEUE_BYTES = 256 * 1024,
	CHUNK_BYTES = 32 * 1024,
	/* An hour of words with times takes about 1 MiB. */
	DATA_LIMIT = 64 * 1024 * 1024,
};

struct heard {
	int fd;
	struct framing *framing;

	unsigned char in[READ_BYTES];
	size_t in_start, in_end;

	char *out; /* owned */
	size_t out_start, out_end, out_capacity;
	bool out_closed;
	bool push_blocked; /* a push found too little room */

	bool streaming; /* between start and stop */
	struct message_audio format;

	struct framing_item item; /* borrowed from framing until its next call */
	struct message message;
	struct event_lists lists;
	char *json; /* owned; by heard_json */
	bool ready; /* message was parsed and not taken */
	bool taken; /* item is that of the event last taken */

	int status; /* negative once the connection is over */
	char error[192];
};

static int end(struct heard *heard, int status, const char *why)
{
	if (heard->status == 0) {
		heard->status = status;
		snprintf(heard->error, sizeof(heard->error), "%s", why);
	}
	return heard->status;
}

static int end_errno(struct heard *heard, int error)
{
	return end(heard, -error, strerror(error));
}

/* ---- sending ---- */

static int reserve(struct heard *heard, size_t n)
{
	if (n <= heard->out_capacity - heard->out_end)
		return 0;
	if (heard->out_start > 0) {
		memmove(heard->out, heard->out + heard->out_start,
			heard->out_end - heard->out_start);
		heard->out_end -= heard->out_start;
		heard->out_start = 0;
	}
	size_t capacity = heard->out_capacity ? heard->out_capacity : 4096;
	while (capacity - heard->out_end < n)
		capacity *= 2;
	if (capacity == heard->out_capacity)
		return 0;
	char *grown = realloc(heard->out, capacity);
	if (!grown)
		return -ENOMEM;
	heard->out = grown;
	heard->out_capacity = capacity;
	return 0;
}

static void flush(struct heard *heard)
{
	while (heard->out_start < heard->out_end && !heard->out_closed) {
		ssize_t n = send(heard->fd, heard->out + heard->out_start,
				 heard->out_end - heard->out_start, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			heard->out_start += (size_t)n;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return;
		} else if (errno != EINTR) {
			heard->out_closed = true;
			heard->out_start = heard->out_end;
		}
	}
	if (heard->out_start == heard->out_end)
		heard->out_start = heard->out_end = 0;
}

static int queue(struct heard *heard, const char *head, size_t n_head, const void *body,
		 size_t n_body)
{
	if (heard->status < 0)
		return heard->status;
	if (heard->out_closed)
		return 0; /* the reading side tells why, and when */
	int status = reserve(heard, n_head + n_body);
	if (status < 0)
		return status;
	memcpy(heard->out + heard->out_end, head, n_head);
	heard->out_end += n_head;
	if (n_body > 0)
		memcpy(heard->out + heard->out_end, body, n_body);
	heard->out_end += n_body;
	return 0;
}

static int send_message(struct heard *heard, const struct message *message, const void *payload,
			size_t n_payload)
{
	char *bytes;
	size_t n;
	int status = message_print(message, n_payload, &bytes, &n);

	if (status < 0)
		return status;
	status = queue(heard, bytes, n, payload, n_payload);
	free(bytes);
	flush(heard);
	return status;
}

int heard_send(struct heard *heard, const char *type, const char *data)
{
	cJSON *json = NULL;
	char *bytes;
	size_t n;

	if (type[0] == '\0')
		return -EINVAL;
	if (data) {
		json = cJSON_ParseWithOpts(data, NULL, 1);
		if (!cJSON_IsObject(json)) {
			cJSON_Delete(json);
			return -EINVAL;
		}
	}
	int status = framing_print(type, json, 0, &bytes, &n);
	cJSON_Delete(json);
	if (status < 0)
		return status;
	status = queue(heard, bytes, n, NULL, 0);
	free(bytes);
	flush(heard);
	return status;
}

/* ---- options ---- */

void heard_options_init(struct heard_options *options)
{
	*options = (struct heard_options){
		.partials = -1,
		.partial_interval = -1,
		.words = -1,
		.endpoint = -1,
		.silence_no_text = -1,
		.silence_text = -1,
		.max_length = -1,
		.beam = -1,
		.threshold = -1,
		.nbest = -1,
	};
}

static void choose_seconds(double from, enum session_option bit, double *to, unsigned *given)
{
	if (from >= 0) {
		*to = from;
		*given |= bit;
	}
}

static int convert_options(const struct heard_options *from, struct session_options *to)
{
	*to = (struct session_options){.given = 0};
	if (!from)
		return 0;
	if (from->language) {
		size_t n = strlen(from->language);
		if (n >= sizeof(to->language))
			return -EINVAL;
		memcpy(to->language, from->language, n + 1);
		to->given |= SESSION_LANGUAGE;
	}
	if (from->final) {
		if (strcmp(from->final, "stream") == 0)
			to->final = SESSION_FINAL_STREAM;
		else if (strcmp(from->final, "offline") == 0)
			to->final = SESSION_FINAL_OFFLINE;
		else
			return -EINVAL;
		to->given |= SESSION_FINAL;
	}
	if (from->partials >= 0) {
		to->partials = from->partials != 0;
		to->given |= SESSION_PARTIALS;
	}
	if (from->words >= 0) {
		to->words = from->words != 0;
		to->given |= SESSION_WORDS;
	}
	choose_seconds(from->partial_interval, SESSION_PARTIAL_INTERVAL, &to->partial_interval,
		       &to->given);
	choose_seconds(from->silence_no_text, SESSION_SILENCE_NO_TEXT, &to->silence_no_text,
		       &to->given);
	choose_seconds(from->silence_text, SESSION_SILENCE_TEXT, &to->silence_text, &to->given);
	choose_seconds(from->max_length, SESSION_MAX_LENGTH, &to->max_length, &to->given);
	if (to->given & (SESSION_SILENCE_NO_TEXT | SESSION_SILENCE_TEXT | SESSION_MAX_LENGTH)) {
		to->endpoint = true;
		to->given |= SESSION_ENDPOINT;
	}
	if (from->endpoint >= 0) {
		to->endpoint = from->endpoint != 0;
		to->given |= SESSION_ENDPOINT;
	}
	if (from->beam >= 0) {
		to->beam = from->beam;
		to->given |= SESSION_BEAM;
	}
	if (from->nbest >= 0) {
		to->nbest = from->nbest;
		to->given |= SESSION_NBEST;
	}
	if (from->threshold >= 0) {
		to->threshold = from->threshold;
		to->given |= SESSION_THRESHOLD;
	}
	return 0;
}

static int convert_grammar(const struct heard_options *from, struct message_grammar *to)
{
	*to = (struct message_grammar){0};
	if (!from || (!from->grammar && !from->phrases))
		return 0;
	if (from->grammar && from->phrases)
		return -EINVAL;
	to->given = true;
	to->text = from->grammar;
	to->phrases = from->phrases;
	to->n_phrases = from->n_phrases;
	return 0;
}

int heard_subscribe(struct heard *heard, const struct heard_options *options)
{
	struct message message = {.kind = MESSAGE_SUBSCRIBE};
	int status = convert_options(options, &message.set.options);

	if (status == 0)
		status = convert_grammar(options, &message.set.grammar);
	return status < 0 ? status : send_message(heard, &message, NULL, 0);
}

int heard_start(struct heard *heard, const struct heard_options *options,
		const struct heard_format *format)
{
	struct message transcribe = {.kind = MESSAGE_TRANSCRIBE, .transcribe = {.heard = true}};
	struct message start = {
		.kind = MESSAGE_AUDIO_START,
		.audio = {.rate = format->rate,
			  .width = format->width,
			  .channels = format->channels,
			  .floating = format->floating != 0},
	};

	if (heard->streaming || format->rate < 1 || format->width < 2 || format->width > 4 ||
	    format->channels < 1 || format->channels > 8 ||
	    (format->floating && format->width != 4))
		return -EINVAL;
	int status = convert_options(options, &transcribe.transcribe.options);
	if (status == 0)
		status = convert_grammar(options, &transcribe.transcribe.grammar);
	if (status == 0)
		status = send_message(heard, &transcribe, NULL, 0);
	if (status == 0)
		status = send_message(heard, &start, NULL, 0);
	if (status < 0)
		return status;
	heard->streaming = true;
	heard->format = start.audio;
	return 0;
}

int heard_stop(struct heard *heard)
{
	const struct message stop = {.kind = MESSAGE_AUDIO_STOP};

	if (!heard->streaming)
		return -EINVAL;
	heard->streaming = false;
	return send_message(heard, &stop, NULL, 0);
}

size_t heard_pending(const struct heard *heard)
{
	return heard->out_end - heard->out_start;
}

ssize_t heard_push(struct heard *heard, const void *bytes, size_t n)
{
	const struct message chunk = {.kind = MESSAGE_AUDIO_CHUNK, .audio = heard->format};
	const char *next = bytes;
	size_t left = n;

	if (heard->status < 0)
		return heard->status;
	if (!heard->streaming)
		return -EINVAL;
	while (left > 0 && heard_pending(heard) < QUEUE_BYTES) {
		size_t length = left < CHUNK_BYTES ? left : CHUNK_BYTES;
		int status = send_message(heard, &chunk, next, length);
		if (status < 0)
			return next > (const char *)bytes ? next - (const char *)bytes : status;
		next += length;
		left -= length;
	}
	heard->push_blocked = left > 0;
	return next - (const char *)bytes;
}

/* ---- receiving ---- */

static void forget(struct heard *heard)
{
	if (heard->taken)
		message_finish(&heard->message);
	heard->taken = false;
	free(heard->json);
	heard->json = NULL;
}

/* Parses bytes at hand up to one event. */
static void parse(struct heard *heard)
{
	struct problem problem;

	while (!heard->ready && heard->in_start < heard->in_end && heard->status == 0) {
		forget(heard);
		ssize_t taken = framing_take(heard->framing, heard->in + heard->in_start,
					     heard->in_end - heard->in_start, &heard->item);
		if (taken < 0) {
			end(heard, (int)taken, framing_error_text(heard->framing));
			return;
		}
		heard->in_start += (size_t)taken;
		if (heard->item.kind != FRAMING_EVENT)
			continue;
		int status = message_parse(heard->item.type, heard->item.data, &heard->message,
					   &problem);
		if (status == -ENOMEM) {
			end_errno(heard, ENOMEM);
			return;
		}
		/* A newer daemon may have changed a field: the event stays readable as JSON. */
		if (status < 0)
			heard->message = (struct message){.kind = MESSAGE_UNKNOWN};
		heard->ready = true;
	}
}

static void fill(struct heard *heard)
{
	parse(heard);
	while (!heard->ready && heard->status == 0) {
		ssize_t n = recv(heard->fd, heard->in, sizeof(heard->in), MSG_DONTWAIT);
		if (n > 0) {
			heard->in_start = 0;
			heard->in_end = (size_t)n;
			parse(heard);
		} else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			return;
		} else if (n == 0 || errno == ECONNRESET || errno == EPIPE) {
			if (n == 0 && !framing_idle(heard->framing))
				end(heard, -EPROTO, "the connection ended inside an event");
			else
				end(heard, -EPIPE, "the daemon closed the connection");
		} else if (errno != EINTR) {
			end_errno(heard, errno);
		}
	}
}

int heard_next(struct heard *heard, struct heard_event *event)
{
	forget(heard);
	if (!heard->ready) {
		flush(heard);
		fill(heard);
	}
	if (!heard->ready)
		return heard->status;
	heard->ready = false;
	heard->taken = true;
	int status = event_from_message(&heard->message, heard->item.type, &heard->lists, event);
	return status < 0 ? end_errno(heard, -status) : 1;
}

const char *heard_slot(const struct heard_event *event, const char *name)
{
	for (size_t i = 0; i < event->n_slots; i++) {
		if (strcmp(event->slots[i].name, name) == 0)
			return event->slots[i].value;
	}
	return NULL;
}

const char *heard_json(struct heard *heard)
{
	if (!heard->taken || heard->json)
		return heard->json;
	cJSON *object = cJSON_CreateObject();
	if (object && cJSON_AddStringToObject(object, "type", heard->item.type) &&
	    (!heard->item.data ||
	     cJSON_AddItemReferenceToObject(object, "data", (cJSON *)heard->item.data)))
		heard->json = cJSON_PrintUnformatted(object);
	cJSON_Delete(object);
	return heard->json;
}

/* ---- waiting ---- */

int heard_fd(const struct heard *heard)
{
	return heard->fd;
}

short heard_events(const struct heard *heard)
{
	return heard_pending(heard) > 0 ? POLLIN | POLLOUT : POLLIN;
}

const char *heard_error(const struct heard *heard)
{
	return heard->error;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int heard_wait(struct heard *heard, int timeout_ms)
{
	int64_t deadline = timeout_ms > 0 ? now_ms() + timeout_ms : 0;

	for (;;) {
		flush(heard);
		if (!heard->ready)
			fill(heard);
		if (heard->ready)
			return 1;
		if (heard->status < 0)
			return heard->status;
		if (heard->push_blocked && heard_pending(heard) <= QUEUE_BYTES / 2) {
			heard->push_blocked = false;
			return 1;
		}

		int64_t left = timeout_ms;
		if (timeout_ms > 0) {
			left = deadline - now_ms();
			if (left <= 0)
				return 0;
		}
		struct pollfd wait = {.fd = heard->fd, .events = heard_events(heard)};
		int n = poll(&wait, 1, (int)left);
		if (n < 0 && errno != EINTR)
			return end_errno(heard, errno);
		if (n <= 0)
			return 0;
	}
}

/* ---- connecting ---- */

void heard_close(struct heard *heard)
{
	if (!heard)
		return;
	if (heard->ready)
		message_finish(&heard->message);
	forget(heard);
	framing_destroy(heard->framing);
	event_lists_finish(&heard->lists);
	free(heard->out);
	close(heard->fd);
	free(heard);
}

int heard_attach(int fd, struct heard **out)
{
	const struct framing_limits limits = {
		.line = FRAMING_LINE_LIMIT, .data = DATA_LIMIT, .payload = FRAMING_PAYLOAD_LIMIT};
	const struct message hello = {.kind = MESSAGE_HELLO,
				      .hello = {.client = program_invocation_short_name}};

	*out = NULL;
	struct heard *heard = calloc(1, sizeof(*heard));
	if (!heard) {
		close(fd);
		return -ENOMEM;
	}
	heard->fd = fd;
	int status = framing_create(&limits, &heard->framing);
	if (status == 0)
		status = send_message(heard, &hello, NULL, 0);
	if (status < 0) {
		heard_close(heard);
		return status;
	}
	*out = heard;
	return 0;
}

int heard_connect(const char *address, struct heard **out)
{
	struct address parsed;

	*out = NULL;
	int fd;
	if (address) {
		fd = address_parse(address, &parsed, NULL);
		if (fd == 0)
			fd = connect_address(&parsed, CONNECT_TIMEOUT_MS);
	} else {
		fd = connect_default(CONNECT_TIMEOUT_MS);
	}
	return fd < 0 ? fd : heard_attach(fd, out);
}
