/*
 * Inside of the recognizer, for core/recognizer*.c only.
 *
 * A stream has one acoustic stream and two utterances. The open utterance
 * collects samples; when it ends, what lies behind its end is copied to the
 * other one, which becomes the open one and starts over there. The ended one
 * keeps its samples until its offline pass is done and its final was taken.
 * Where both are in use the stream waits: it is not ready, and what is pushed
 * queues up behind the end.
 *
 *	FREE -> OPEN -> ENDED -> FREE
 *	         |       |   +-- its final was delivered
 *	         |       +-- endpoint, cut, flush or end: `length` is known
 *	         +-- its first sample came
 */
#ifndef HEARD_CORE_RECOGNIZER_STATE_H
#define HEARD_CORE_RECOGNIZER_STATE_H

#include "core/acoustic/acoustic.h"
#include "core/decode/decoder.h"
#include "core/recognizer.h"

enum utterance_state { UTTERANCE_FREE, UTTERANCE_OPEN, UTTERANCE_ENDED };

struct utterance;

/* One session's search over the logits of an utterance, and what it was told. */
struct view {
	struct utterance *utterance; /* borrowed */
	bool own;                    /* the decoders are its own, else the utterance's */
	size_t n_best;               /* hypotheses to tell with the final; 0: its text */
	struct decoder *decoder;     /* the streaming pass */
	struct decoder *second;      /* the offline pass; NULL with final=stream */
	/* Owned: the plan's commands, the offline pass after the streaming one; NULL: none. */
	struct ctc_grammar *commands;
	struct ctc_match match; /* of the last final */

	/* events to deliver, in this order */
	bool partial_due, endpoint_due, final_due;
	uint64_t sequence;
	char *promised; /* owned: stable text that partials have shown */
	size_t promised_length;
	char *shown;         /* owned: unstable text of the last partial */
	char *shown_command; /* owned, with commands: likewise */
};

struct utterance {
	struct recognizer_stream *stream; /* borrowed */
	enum utterance_state state;
	uint64_t number;
	int64_t start;  /* clock of its first sample */
	float *samples; /* owned, [stream->capacity] */
	size_t n;       /* samples in the buffer, those behind its end included */
	size_t fed;     /* of them, given to the acoustic stream */
	size_t length;  /* ENDED: samples that belong to it */

	struct decoder *greedy; /* owned: the streaming pass, which decides on endpoints */
	struct decoder *second; /* owned: the offline pass; NULL with final=stream */
	struct view *views[RECOGNIZER_VIEWS]; /* owned; NULL: none; the first is always there */
	struct view *next_views[RECOGNIZER_VIEWS]; /* owned: in force from its next begin on ... */
	bool changed[RECOGNIZER_VIEWS];            /* ... where this says so */

	bool concluded; /* the final is known, and how it was made */
	bool delivered; /* all views took theirs; FREE from the next call on */
	enum endpoint_rule rule;
	enum final_mode made;

	struct utterance *next; /* in the queue of offline passes */
};

struct language {
	char *name;          /* owned; NULL: the model names none */
	int adapter;         /* of the acoustic model */
	struct vocab *vocab; /* owned; NULL without a CTC head */
};

/* Scratch of steps: `common` takes several streams, `wide` one whose window or
 * left context is larger than that allows. */
struct recognizer_batch {
	struct acoustic_batch *batch; /* owned; NULL until needed */
	size_t streams, window, left;
};

struct recognizer {
	char *dir; /* owned */
	struct pool *pool;
	struct acoustic_model *model;
	const struct model_config *config; /* of model */
	struct language **languages;       /* owned, [n_languages]; 0 is the default */
	size_t n_languages;

	struct recognizer_batch common, wide;
	size_t max_streams, max_window;

	/* Offline passes, oldest first; the first may have begun. */
	struct acoustic_offline *offline; /* owned; NULL until needed */
	struct utterance *queue;
	bool begun;
	/* There is room for so many samples with heads of so many outputs. */
	size_t reserved_samples, reserved_outputs;
};

struct recognizer_stream {
	struct recognizer *recognizer; /* borrowed */
	const struct language *language;
	int language_index;
	enum final_mode final;
	struct endpoint_rules rules; /* max_length: at most what fits */
	size_t cut_samples;          /* cut_quiet: length that is cut, else 0 */
	size_t max_frames;           /* of an utterance */
	size_t hop, field;
	double frame_seconds;

	struct acoustic_stream *acoustic; /* owned */
	struct acoustic_stream *changed;  /* owned: in force from the next utterance; NULL: none */
	size_t window[2], left[2];        /* of acoustic and changed, resolved */
	size_t limit, changed_limit;      /* samples that an utterance may have to hold */
	size_t capacity;

	struct utterance utterances[2];
	struct utterance *open; /* OPEN, or ENDED while what lies behind it waits; NULL: none */
	uint64_t number;        /* of the next utterance */
	int64_t clock;          /* open == NULL: where the next utterance starts */
	int64_t skip;           /* to add to the clock once the open utterance has ended */
	bool acoustic_ended;
	bool flushing; /* everything in the buffer belongs to what has been said */
	bool ended;    /* no more samples come */
};

/* recognizer.c: batches that fit. -ENOMEM or -EINVAL. */
int recognizer_reserve(struct recognizer *recognizer, size_t window, size_t left);

/* recognizer_final.c */
/* Makes room for utterances of n samples with this language. Restarts a begun
 * pass only where there was not enough: else streams that open all the time
 * would keep it from ever ending. */
int recognizer_offline_reserve(struct recognizer *recognizer, size_t n, int adapter);
void final_enqueue(struct recognizer *recognizer, struct utterance *utterance);
/* Takes the stream's utterances out of the queue. */
void final_remove(struct recognizer *recognizer, const struct recognizer_stream *stream);

/* recognizer_view.c */
int stream_decoder(const struct recognizer_stream *stream, struct decode_plan *plan, bool streaming,
		   struct decoder **out);
/* The utterance has its own decoders. plan is held. */
int view_create(struct utterance *utterance, struct decode_plan *plan, struct view **out);
void view_destroy(struct view *view); /* NULL is allowed */
/* Puts changed views in force, starts all over. */
void utterance_begin_views(struct utterance *utterance);
void utterance_destroy_views(struct utterance *utterance);
/* Give logits to all decoders: of the streaming pass, of the whole offline one. */
void utterance_commit(struct utterance *utterance, const float *logits, size_t frames);
void utterance_provisional(struct utterance *utterance, const float *logits, size_t frames);
void utterance_offline(struct utterance *utterance, const float *logits, size_t frames);
/* Events that are due from now on. */
void utterance_note_partials(struct utterance *utterance); /* where the text has changed */
void utterance_note_endpoint(struct utterance *utterance);
void utterance_conclude(struct utterance *utterance, enum final_mode made);

/* recognizer_utterance.c */
/* Moves everything on that needs no step: feeds the acoustic stream, ends and opens utterances. */
void stream_settle(struct recognizer_stream *stream);
/* Frees the utterance whose final the caller has had since his last call, and settles. */
void stream_reclaim(struct recognizer_stream *stream);
/* Opens an utterance at the clock; false where none is free. */
bool stream_open_utterance(struct recognizer_stream *stream);
/* Decodes what a step gave, decides on endpoints, settles. */
void stream_stepped(struct recognizer_stream *stream);
/* Puts `changed` in force. */
void stream_swap_acoustic(struct recognizer_stream *stream);

#endif
