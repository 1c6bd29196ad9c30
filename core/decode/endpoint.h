/*
 * When an utterance ends: the rules of Kaldi's online endpointing reduced to
 * what CTC gives, evaluated on committed frames only.
 */
#ifndef HEARD_DECODE_ENDPOINT_H
#define HEARD_DECODE_ENDPOINT_H

#include <stddef.h>

enum endpoint_rule {
	ENDPOINT_NONE,
	ENDPOINT_SILENCE_NO_TEXT, /* trailing blank, nothing recognized yet */
	ENDPOINT_SILENCE_TEXT,    /* trailing blank after text */
	ENDPOINT_MAX_LENGTH,
};

/* Seconds; 0 turns a rule off. */
struct endpoint_rules {
	double silence_no_text;
	double silence_text;
	double max_length;
};

/* "silence-no-text", "silence-text", "max-length", "none": for the protocol. */
const char *endpoint_rule_name(enum endpoint_rule rule);

/* frames committed so far, trailing of them without a token; has_text: any
 * token before those; frame_seconds = hop / rate. */
enum endpoint_rule endpoint_check(const struct endpoint_rules *rules, size_t frames,
				  size_t trailing, int has_text, double frame_seconds);

#endif
