/*
 * What a client may choose for its session: the fields of
 * `transcribe.data.heard`, `heard-subscribe` and `heard-set`. Plain values, so
 * that sets of them can be copied and laid over each other.
 */
#ifndef HEARD_PROTOCOL_SESSION_OPTIONS_H
#define HEARD_PROTOCOL_SESSION_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct cJSON;
struct problem;

/* Bits of session_options.given: the fields that hold a choice. */
enum session_option {
	SESSION_LANGUAGE = 1 << 0,
	SESSION_FINAL = 1 << 1,
	SESSION_PARTIALS = 1 << 2,
	SESSION_PARTIAL_INTERVAL = 1 << 3,
	SESSION_WORDS = 1 << 4,
	SESSION_ENDPOINT = 1 << 5,
	SESSION_SILENCE_NO_TEXT = 1 << 6,
	SESSION_SILENCE_TEXT = 1 << 7,
	SESSION_MAX_LENGTH = 1 << 8,
	SESSION_BEAM = 1 << 9,
	SESSION_COMMIT_DELAY = 1 << 10,
	SESSION_LM = 1 << 11,
	SESSION_LM_ALPHA = 1 << 12,
	SESSION_LM_BETA = 1 << 13,
	SESSION_THRESHOLD = 1 << 14,
	SESSION_NBEST = 1 << 15,
};

enum session_final {
	SESSION_FINAL_STREAM,
	SESSION_FINAL_OFFLINE,
};

enum { SESSION_LANGUAGE_BYTES = 64, SESSION_BEAM_MAX = 512, SESSION_NBEST_MAX = 64 };

struct session_options {
	unsigned given;
	char language[SESSION_LANGUAGE_BYTES];
	enum session_final final;
	bool partials;
	double partial_interval; /* seconds between partials, at least; 0: every step */
	bool words;              /* words with times in partials and transcripts */
	bool endpoint;           /* server-side endpoints */
	/* Seconds; 0 turns a rule off. Only those of `given`: the others are the daemon's. */
	double silence_no_text;
	double silence_text;
	double max_length;
	/* How text is searched for. */
	int beam;            /* hypotheses; 1: greedy */
	double commit_delay; /* seconds until a beam's best hypothesis becomes stable text */
	bool lm;             /* with the daemon's language model */
	double lm_alpha, lm_beta;
	double threshold; /* 0..1: least confidence of a command */
	int nbest;        /* hypotheses in heard-nbest; 0: no such event */
};

/* Fields given in over replace those of base. */
void session_options_merge(struct session_options *base, const struct session_options *over);

/* Reads the fields out of a JSON object (NULL: nothing given); fields of other
 * names are left alone. path names the object in *problem ("transcribe.heard").
 * 0, or -EINVAL with the problem filled in. */
int session_options_parse(const struct cJSON *object, const char *path, struct session_options *out,
			  struct problem *problem);
/* Adds the given fields to an object. 0 or -ENOMEM. */
int session_options_print(const struct session_options *options, struct cJSON *object);

/* "stream", "offline". */
const char *session_final_name(enum session_final final);

#endif
