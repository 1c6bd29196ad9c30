/*
 * From the engine's results to events: what one client is told of one stream.
 * Chunks are only ever added, their concatenation is the transcript's text; the
 * rest depends on what the client asked for.
 *
 * A stream without server endpoints has one transcript, whatever it was cut
 * into (design 11.3): its utterances are joined here.
 *
 * Loop thread.
 */
#ifndef HEARD_DAEMON_CAPTION_H
#define HEARD_DAEMON_CAPTION_H

#include "daemon/outqueue.h"
#include "daemon/result.h"
#include "protocol/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CAPTION_RULES = 16 }; /* utterances whose final may still be missing */

struct caption_options {
	uint64_t stream; /* its number on the wire; 0: the daemon's own source */
	bool heard;      /* the client opted in */
	bool joined;     /* one transcript for all utterances up to a flush */
	bool partials;
	bool words;
	double interval;      /* seconds between partials */
	const char *language; /* for transcripts; borrowed, NULL: absent */
	const char *context;  /* likewise, JSON */
};

struct caption {
	void (*send)(void *ctx, const struct message *message, enum outqueue_kind kind);
	void *ctx;
	struct caption_options options;
	double rate, hop;

	bool started;          /* transcript-start was sent */
	size_t sent;           /* bytes of the open utterance's text sent as chunks */
	char *stable;          /* owned: stable text of the open utterance, NULL for none */
	uint64_t utterance;    /* that `stable` belongs to */
	int64_t clock;         /* of the last result */
	enum final_mode final; /* likewise */
	int64_t partial_clock; /* of the last partial sent */
	bool partial_sent;
	unsigned flushes;                 /* asked for, not seen yet */
	const char *rules[CAPTION_RULES]; /* what ended utterance i, by i % CAPTION_RULES */

	/* the transcript in the making: utterances joined, owned */
	char *text;
	size_t text_bytes;
	struct message_word *words;
	size_t n_words, words_capacity;
	uint64_t first; /* utterance that it begins with */
	int64_t start;
	bool any, prefix_ok;
	bool final_in; /* a final is part of it, not only partials */
};

void caption_init(struct caption *caption, const struct caption_options *options,
		  void (*send)(void *ctx, const struct message *message, enum outqueue_kind kind),
		  void *ctx);
void caption_finish(struct caption *caption);
/* Known once the stream has its model. */
void caption_set_rate(struct caption *caption, double rate, double hop);

/* PARTIAL, ENDPOINT or FINAL of the stream. `latency`: seconds since the last
 * sample of the utterance came, negative where that means nothing. 0 or -ENOMEM. */
int caption_result(struct caption *caption, const struct result *result, double latency);

/* A flush was asked for: its utterance gets a transcript. */
void caption_flush(struct caption *caption);

/* The stream is over at `clock`: its last transcript. */
void caption_stop(struct caption *caption, int64_t clock, double latency);

/* The final will not come: what is committed is the transcript. */
void caption_abandon(struct caption *caption, const char *reason);

/* Throws away what has no transcript yet; `clock` is where the stream goes on. */
void caption_reset(struct caption *caption, int64_t clock);

#endif
