/*
 * The one door of core: samples in, hypotheses out.
 *
 *	recognizer_open(&options, &r);
 *	recognizer_stream_open(r, NULL, &s);
 *	while (there is audio) {
 *		n -= recognizer_stream_push(s, samples, n);
 *		while (recognizer_stream_ready(s)) {
 *			recognizer_step(r, &s, 1);
 *			while (recognizer_stream_next(s, &event))
 *				show(&event);
 *		}
 *	}
 *	recognizer_stream_end(s);	// then step and drain until not ready
 *
 * Any split of the samples into pushes gives the same events with the same
 * text. Several streams stepped together give what each gives alone.
 *
 * Threads: recognizer_open and _close from any one thread; everything else from
 * the one inference thread. After recognizer_stream_open nothing allocates
 * except where said.
 */
#ifndef HEARD_CORE_RECOGNIZER_H
#define HEARD_CORE_RECOGNIZER_H

#include "core/base/weight_type.h"
#include "core/decode/ctc_grammar.h"
#include "core/decode/decoder.h"
#include "core/decode/endpoint.h"
#include "core/decode/plan.h"
#include "core/decode/vocab.h"
#include "core/weights/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct acoustic_model;
struct recognizer;
struct recognizer_stream;

struct recognizer_options {
	const char *model_dir;
	unsigned threads;         /* 0: the cores this process may use */
	enum weight_type weights; /* WEIGHT_AUTO (0): core/acoustic/weight_choice.h */
	const char *language;     /* default language (adapter); NULL: the model's own */
	size_t max_streams;       /* streams a step may take; 0: 16 */
	size_t max_window;        /* frames, C + R, a step may take; 0: 256 */
};

/* Loads a model. Logs and returns a negative errno on failure. */
int recognizer_open(const struct recognizer_options *options, struct recognizer **out);
/* All its streams must be closed before. NULL is allowed. */
void recognizer_close(struct recognizer *recognizer);

const struct model_config *recognizer_config(const struct recognizer *recognizer);
struct acoustic_model *recognizer_model(struct recognizer *recognizer);

/* Index of a language for stream options: loads its adapter and vocabulary
 * where needed (allocates, reads files). NULL or "": the default. A negative
 * errno, -ENOENT, where the model has no such language. */
int recognizer_language(struct recognizer *recognizer, const char *language);
/* NULL for a model that names none; index as above. */
const char *recognizer_language_name(const struct recognizer *recognizer, int index);
/* The languages of a model directory, the default one (as for recognizer_open) first; none where it
 * names none or has no CTC head. Reads no weights. *names is owned by the caller
 * (tokenizer_free_languages); NULL where there is none. Any thread. Logs; the count or a negative
 * errno. */
int recognizer_languages(const char *model_dir, const char *language, char ***names);
/* The vocabulary of a language without a recognizer, for those who compile for one on another
 * thread. Owned by the caller. Any thread; reads files. Logs; 0 or a negative errno, -ENOENT where
 * there is no such language. */
int recognizer_load_vocab(const char *model_dir, const char *language, struct vocab **out);
/* NULL where the model has no vocabulary (no CTC head). */
const struct vocab *recognizer_vocab(const struct recognizer *recognizer, int language);

/* ---- one utterance, full context ---- */

/* Transcribes with the offline pass; audio longer than max_segment_s is cut
 * into segments at the quietest 100 ms of the last 10 s of each (0: never
 * cut), texts joined by a space, frames counted from the first sample (a cut
 * lies between two: half a frame of error behind it). options NULL: the
 * tokenizer's own. *out is owned by the caller (transcript_finish). Allocates.
 * 0, -ENOTSUP (no CTC head) or another negative errno. */
int recognizer_transcribe(struct recognizer *recognizer, const float *samples, size_t n,
			  int language, double max_segment_s, const struct decode_options *options,
			  struct transcript *out);

struct recognizer_hypothesis {
	struct transcript transcript; /* owned by the caller (transcript_finish) */
	struct decoder_score score;
};

/* The same for one utterance as a plan searches (decode_plan_searches): the best hypotheses, at
 * most *n, whose number becomes *n; at least one on success. */
int recognizer_search(struct recognizer *recognizer, const float *samples, size_t n_samples,
		      int language, struct decode_plan *plan, struct recognizer_hypothesis *out,
		      size_t *n);
/* The first *n hypotheses of a decoder that has finished, likewise. */
int recognizer_hypotheses(const struct decoder *decoder, struct recognizer_hypothesis *out,
			  size_t *n);

/* Where the segment that starts at samples[0] ends: n if it fits in
 * max_segment, else the middle of the quietest 100 ms in its last 10 s. */
size_t recognizer_segment(const float *samples, size_t n, size_t max_segment, size_t rate);

/* ---- streaming ---- */

/* A view is what one session sees of a stream: all views share the network's
 * output, each is decoded as its own plan says and has its own events. View 0 is
 * always there. Endpoints are those of greedy decoding, for all views alike. */
enum { RECOGNIZER_VIEWS = 32 };

struct recognizer_stream_options {
	int language;            /* from recognizer_language */
	bool streaming_given;    /* left, chunk, right below; else the model's recommendation */
	long left, chunk, right; /* frames; -1: unlimited left, whole-utterance chunk */
	int final;               /* enum final_mode, or -1: the model's recommendation */
	struct endpoint_rules endpoint; /* all 0: one utterance, ended by recognizer_stream_end */
	/* endpoint.max_length (max_utterance_s where it is 0) cuts as
	 * recognizer_transcribe does: only an utterance that goes on beyond it, and
	 * where recognizer_segment says (pushed audio; only with final=offline, as it
	 * may take committed text back: else -EINVAL). */
	bool cut_quiet;
	/* Capacity of one utterance; 0: 30. What goes on beyond it ends there by
	 * ENDPOINT_MAX_LENGTH even where the rules are off. */
	double max_utterance_s;
	struct decode_plan *plan; /* of view 0, held; NULL: greedy */
};

/* Where ENDPOINT_MAX_LENGTH ends an utterance (without cut_quiet): with
 * final=offline in the middle of the last gap between words in its second half,
 * or at the limit where there is none; words that follow are said again in the
 * next utterance, so partials may have shown more than the final has. With
 * final=stream nothing shown as stable may be taken back: the first pause of
 * 0.2 s in the last fifth ends it, or else the limit, maybe inside a word. */

/* options NULL: all defaults. All memory of the stream is taken here. Logs and
 * returns -EINVAL (an option), -ENOTSUP (no CTC head) or -ENOMEM. */
int recognizer_stream_open(struct recognizer *recognizer,
			   const struct recognizer_stream_options *options,
			   struct recognizer_stream **out);
void recognizer_stream_close(struct recognizer_stream *stream);

/* Takes as many samples as there is room for and returns that number. */
size_t recognizer_stream_push(struct recognizer_stream *stream, const float *samples, size_t n);
/* Ends the utterance after the samples pushed so far, as an endpoint does (the
 * gate closed, audio was lost, a client asks): its steps run with clipped
 * windows, then its final follows, and the next sample pushed starts the next
 * utterance. Until those steps are done push takes nothing. Without samples
 * since the last utterance it does nothing. */
void recognizer_stream_flush(struct recognizer_stream *stream);
/* Left context, chunk and lookahead from the next utterance start on (at once
 * where no sample of the utterance was pushed); the statistics go on. Allocates.
 * 0, -EINVAL, -ENOMEM: then the old ones stay. */
int recognizer_stream_set_context(struct recognizer_stream *stream, long left, long chunk,
				  long right);
/* From the next utterance on there is such a view (again: as `plan` says, which is held
 * while it is in use; NULL: greedy). Allocates. 0, -EINVAL (the number) or -ENOMEM: then
 * what was there stays. */
int recognizer_stream_set_view(struct recognizer_stream *stream, size_t view,
			       struct decode_plan *plan);
/* Number of the utterance that begins next: the first one with what was set last. */
uint64_t recognizer_stream_next_utterance(const struct recognizer_stream *stream);
/* There is no such view any more, nor events of it. View 0 stays. */
void recognizer_stream_drop_view(struct recognizer_stream *stream, size_t view);
/* No more samples: the lookahead is flushed, then the final follows. A stream
 * that never had a sample gives one empty final too. */
void recognizer_stream_end(struct recognizer_stream *stream);
/* A step can run now. False too while two ended utterances wait for their
 * offline passes or for recognizer_stream_next. */
bool recognizer_stream_ready(const struct recognizer_stream *stream);
/* After _end: every event has been delivered. */
bool recognizer_stream_done(const struct recognizer_stream *stream);
/* End of the committed frames (of the utterance, between two), as `clock` of events. */
int64_t recognizer_stream_clock(const struct recognizer_stream *stream);
/* Starts over at sample 0, utterance 0; pending events and passes are dropped. */
void recognizer_stream_reset(struct recognizer_stream *stream);
/* Live sources: audio was lost or left out. Moves the clock forward without
 * samples; an open utterance is flushed first. */
void recognizer_stream_skip(struct recognizer_stream *stream, int64_t samples);

/* One step of each of n different ready streams. Take their events before the
 * next step: a partial that was not taken is replaced by the newer one. */
void recognizer_step(struct recognizer *recognizer, struct recognizer_stream *const *streams,
		     size_t n);

/* final=offline: the full-context passes of ended utterances wait in order.
 * Does one piece of the oldest (a layer): 1 while any is pending, else 0. */
int recognizer_final_advance(struct recognizer *recognizer);
bool recognizer_final_pending(const struct recognizer *recognizer);
/* Gives up the offline pass of this stream: its final is the committed text. */
void recognizer_final_abandon(struct recognizer_stream *stream);

enum recognizer_event_kind {
	RECOGNIZER_PARTIAL,  /* the text has changed */
	RECOGNIZER_ENDPOINT, /* by a rule, or (ENDPOINT_NONE) a flush; not at the end of the stream
			      */
	RECOGNIZER_FINAL,    /* exactly one of each utterance and view, in order */
};

/* Of the events of one kind view 0 has the last. Pointers are valid until the next call on the
 * stream. Samples count from the start of the stream (skips included). */
struct recognizer_event {
	enum recognizer_event_kind kind;
	size_t view;
	uint64_t utterance;
	uint64_t sequence;    /* of partials within the utterance */
	int64_t start;        /* first sample of the utterance */
	int64_t clock;        /* partial: end of the committed frames; else end of the utterance */
	const char *stable;   /* partial: never taken back in final=stream */
	const char *unstable; /* partial: what follows stable for now */
	/* Of a plan with a grammar, else NULL. */
	const char *command; /* partial: best path so far, maybe of half a phrase */
	const struct ctc_match
		*match; /* final: best phrase, accepted or not; frames from `start` */
	const struct transcript
		*transcript; /* words and chars, frames from `start`; the final's text */
	/* Final of a plan with n_best: of its transcript, to ask for n_best hypotheses. */
	const struct decoder *decoder;
	size_t n_best;
	enum endpoint_rule rule; /* endpoint */
	enum final_mode final;   /* final: how it was made */
	bool prefix_ok;          /* final: the stable text is a prefix of it */
	bool open_word;          /* partial: the last word may still grow */
};

/* Takes the next event; false where there is none. */
bool recognizer_stream_next(struct recognizer_stream *stream, struct recognizer_event *event);

#endif
