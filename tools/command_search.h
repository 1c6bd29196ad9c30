/*
 * Utterances searched for the commands of a grammar, with the free text beside
 * them: what `transcribe --grammar` and `intent` have in common.
 */
#ifndef HEARD_TOOLS_COMMAND_SEARCH_H
#define HEARD_TOOLS_COMMAND_SEARCH_H

#include "core/decode/ctc_grammar.h"

#include <stddef.h>

struct command_search;
struct options;
struct tool_model;

/* What was found in an utterance; owned by the caller (found_command_finish). */
struct found_command {
	char *text;                   /* free text */
	struct grammar_phrase phrase; /* best phrase; text NULL: there is none */
	float confidence;             /* 0 where there is none */
	bool accepted;
	struct found_word {
		double start, end; /* seconds in the utterance */
		float confidence;
	} * words; /* owned, [phrase.n_words] */
};

/* The model is borrowed; grammar, threshold and what streaming needs come from
 * the options. Logs and returns a negative errno on failure. */
int command_search_create(const struct tool_model *model, const struct options *options,
			  struct command_search **out);
void command_search_destroy(struct command_search *search); /* NULL is allowed */

const struct grammar *command_search_grammar(const struct command_search *search);

/* An utterance with full context, or with --streaming as a live stream would
 * go. 0 or a negative errno, logged. */
int command_search_run(struct command_search *search, const float *samples, size_t n,
		       struct found_command *out);
void found_command_finish(struct found_command *found);

struct json_out;
/* The members phrase, rule, slots, confidence, words into an open object; times
 * from `start`. */
void found_command_json(const struct found_command *found, double start, struct json_out *json);

#endif
