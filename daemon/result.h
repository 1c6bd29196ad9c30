/*
 * What the engine tells the loop: one record of the result mailbox, flat, so
 * that neither side allocates. Text and spans lie behind the struct and are
 * found by offset.
 */
#ifndef HEARD_DAEMON_RESULT_H
#define HEARD_DAEMON_RESULT_H

#include "core/base/mailbox.h"
#include "core/decode/decoder.h"
#include "core/recognizer.h"
#include "daemon/ladder.h"

struct grammar;
struct keywords;

enum result_kind {
	RESULT_OPENED, /* the stream has its model: rate, hop, context, final */
	RESULT_FAILED, /* it could not be opened: error */
	RESULT_PARTIAL,
	RESULT_ENDPOINT,
	RESULT_FINAL,
	RESULT_VIEW,      /* engine_set_view: there is one from `utterance` on */
	RESULT_RESET,     /* engine_reset took effect: nothing comes of what was before */
	RESULT_DONE,      /* after engine_end: nothing more comes */
	RESULT_LAG,       /* live: another rung, or back to real time */
	RESULT_DETECTION, /* keyword: text is the label */
	RESULT_RETIRED,   /* a replaced model has no streams left: recognizer */
};

struct result_span {
	uint32_t text; /* offset */
	int32_t start_frame, end_frame;
	float confidence;
};

struct result_hypothesis {
	uint32_t text; /* offset */
	struct decoder_score score;
};

struct result {
	enum result_kind kind;
	unsigned stream;     /* slot */
	uint32_t generation; /* of the slot */
	int error;
	uint64_t view; /* its tag; 0: the first one */
	uint64_t utterance;
	uint64_t sequence;
	int64_t start; /* samples since the start of the stream */
	int64_t clock;
	bool prefix_ok;
	bool open_word;
	bool truncated; /* words were left out: the record would have been too large */
	enum endpoint_rule rule;
	enum final_mode final;

	/* OPENED, LAG */
	unsigned rate, hop;
	long left, chunk, right;
	enum ladder_rung rung;
	double behind_ms, rtf;

	float confidence;              /* DETECTION */
	struct recognizer *recognizer; /* RETIRED: this or the next */
	struct keywords *keywords;

	/* FINAL with a grammar: a reference, which goes with the record (result_drop); NULL:
	 * there was none. */
	struct grammar *grammar;
	float match_confidence;
	int match_delimiter;
	bool match_accepted;

	/* offsets from the start of the record; 0: none */
	uint32_t stable, unstable, text, command;
	uint32_t words, n_words;
	uint32_t match, n_match; /* tokens of the best phrase, struct ctc_match_token */
	uint32_t hypotheses, n_hypotheses;
};

/* Engine: is there room for any result? */
bool result_room(struct mailbox *mailbox);

/* Engine, after result_room said yes: posts `head` with what the event holds.
 * Words and further hypotheses that would pass LIMIT_RESULT_RECORD are left out. */
void result_post_event(struct mailbox *mailbox, const struct result *head,
		       const struct recognizer_event *event);
/* The same without an event; `text` may be NULL. */
void result_post(struct mailbox *mailbox, const struct result *head, const char *text);

/* Whoever takes the record off the mailbox, when done with it. */
void result_drop(const struct result *result);

/* Loop: "" where there is none. */
const char *result_text(const struct result *result, uint32_t offset);
const struct result_span *result_words(const struct result *result);
const struct ctc_match_token *result_match(const struct result *result);
struct result_hypothesis result_hypothesis(const struct result *result, uint32_t rank);

#endif
