/*
 * What the clips of a manifest should be understood as. From the table slots.tsv
 * beside the manifest, where there is one (columns utt, intent and slots, the
 * latter a JSON object of strings): the rule and the slots, whatever the words. Else
 * from the transcript: the phrase, where the grammar has it, or else nothing
 * at all, which is what has to be rejected.
 */
#ifndef HEARD_TOOLS_INTENT_TRUTH_H
#define HEARD_TOOLS_INTENT_TRUTH_H

#include "core/decode/grammar.h"

#include <stdbool.h>
#include <stddef.h>

struct intent_truth;
struct manifest;

/* All pointers are borrowed until destroyed. Logs and returns a negative errno. */
int intent_truth_load(const struct manifest *manifest, const struct grammar *grammar,
		      const struct vocab *vocab, struct intent_truth **out);
void intent_truth_destroy(struct intent_truth *truth); /* NULL is allowed */

enum intent_kind {
	INTENT_UNKNOWN, /* nothing is known: leave the clip out */
	INTENT_COMMAND,
	INTENT_OTHER, /* no command: to be rejected */
};

enum intent_kind intent_truth_kind(const struct intent_truth *truth, size_t clip);
/* The phrase is what the clip's command should be understood as. */
bool intent_truth_agrees(const struct intent_truth *truth, size_t clip,
			 const struct grammar_phrase *phrase);
/* For people: the transcript or the slots; "" where nothing is known. */
const char *intent_truth_text(const struct intent_truth *truth, size_t clip);

#endif
