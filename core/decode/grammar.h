/*
 * Closed lists of what may be said: phrases, or a small grammar. Compiled once
 * to a graph over the tokens of a vocabulary, const after that and shared by all
 * searches (ctc_grammar.h).
 *
 *	# The light
 *	public <light> = turn (on | off) [the] <room> light;
 *	<room> = kitchen | bed room;
 *	dial <digit>{3,8};
 *	<digit> = one | two | three;
 *
 * A statement ends with `;`. One with a name is a rule, `<name>` refers to it. A
 * command is a statement without a name or a rule that is `public`; where no
 * rule is public, also each that no other refers to. `(a | b)` is a choice, `[a]`
 * may be left out, `x{n}` and `x{n,m}` repeat (m at most 64). What a rule matched
 * is a slot of its name; `<room:where>` names the slot "where"; rules whose name
 * begins with `_` make no slot. `#` and `//` begin a comment. "..." holds words
 * with characters that have a meaning here. It is close to JSGF (W3C note, 2000),
 * whose header line is read too; weights, tags, imports, `*`, `+` and recursion
 * are refused.
 *
 * A word is spelled with the vocabulary's tokens as it stands, else in upper,
 * else in lower case; with tokens of several letters in every way there is.
 * Words are kept apart by the vocabulary's delimiter, where it has one.
 *
 * The graph is deterministic and minimal: common beginnings are walked once (Mohri
 * et al., "Weighted finite-state transducers in speech recognition", 2002,
 * section 2), common ends are stored once.
 */
#ifndef HEARD_DECODE_GRAMMAR_H
#define HEARD_DECODE_GRAMMAR_H

#include "core/decode/vocab.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct grammar;

/* Where and why a grammar was refused. In a list of phrases the line is the
 * phrase. Both count from 1, columns in characters. */
struct grammar_error {
	size_t line, column;
	char message[224];
};

/* What a grammar may be; beyond it is refused. */
enum {
	GRAMMAR_MAX_BYTES = 8 << 20,    /* of text */
	GRAMMAR_MAX_PHRASES = 100000,   /* of a list */
	GRAMMAR_MAX_RULES = 100000,     /* statements, named or not */
	GRAMMAR_MAX_DEPTH = 64,         /* of brackets and rules inside each other */
	GRAMMAR_MAX_REPEAT = 64,        /* m of x{n,m} */
	GRAMMAR_MAX_WORD_BYTES = 128,   /* of one word */
	GRAMMAR_MAX_PHRASE_WORDS = 256, /* of the longest phrase */
	GRAMMAR_MAX_NODES = 2000000,    /* words and branches with all rules put in */
	GRAMMAR_MAX_STATES = 1000000,   /* of the graph before it is minimized */
	GRAMMAR_MAX_WORK = 20000000,    /* places of the grammar that these states stand for */
};

/* Both return 0 and an object with one reference, or fill *error (line 0: no
 * place) and return -EINVAL (what it says), -E2BIG (a limit above) or -ENOMEM.
 * Not logged. text need not end with a zero. Any thread; allocates. */
int grammar_compile(const struct vocab *vocab, const char *text, size_t size, struct grammar **out,
		    struct grammar_error *error);
int grammar_compile_phrases(const struct vocab *vocab, const char *const *phrases, size_t n,
			    struct grammar **out, struct grammar_error *error);

/* Less than the limits above, for those who must not be kept long. */
struct grammar_limits {
	size_t nodes, states, work;
};

/* The same within such limits (NULL: those above), which must not be more. */
int grammar_compile_within(const struct vocab *vocab, const struct grammar_limits *limits,
			   const char *text, size_t size, struct grammar **out,
			   struct grammar_error *error);
int grammar_compile_phrases_within(const struct vocab *vocab, const struct grammar_limits *limits,
				   const char *const *phrases, size_t n, struct grammar **out,
				   struct grammar_error *error);

/* Counts references; any thread. unref takes NULL. */
struct grammar *grammar_ref(struct grammar *grammar);
void grammar_unref(struct grammar *grammar);

/* May be searched for with this vocabulary: it is as large as the one that the
 * grammar was compiled for. Any thread. */
bool grammar_fits(const struct grammar *grammar, const struct vocab *vocab);

struct grammar_size {
	size_t states, arcs; /* of the graph */
	size_t words;        /* different ones */
	size_t bytes;        /* of memory in all */
};

struct grammar_size grammar_size(const struct grammar *grammar);

/* A word of a phrase: which of the tokens given spell it. */
struct grammar_word {
	const char *text;   /* as the grammar writes it; borrowed from the grammar */
	size_t first, last; /* tokens [first, last) */
};

/* Words [first, last) of the phrase. */
struct grammar_slot {
	const char *name; /* borrowed from the grammar */
	size_t first, last;
};

struct grammar_phrase {
	char *text;       /* owned: the words with spaces between them */
	const char *rule; /* the command's name, NULL without; borrowed from the grammar */
	struct grammar_word *words; /* owned */
	size_t n_words;
	struct grammar_slot *slots; /* owned; in the order of their beginnings, outer ones first */
	size_t n_slots;
};

/* Reads tokens (of a path through the graph) as the grammar has them; of several
 * readings the one that comes first in its text. *out is owned by the caller
 * (grammar_phrase_finish). 0, -EINVAL (not a phrase of the grammar) or -ENOMEM.
 * Any thread; allocates. */
int grammar_interpret(const struct grammar *grammar, const int *tokens, size_t n,
		      struct grammar_phrase *out);
void grammar_phrase_finish(struct grammar_phrase *phrase);

/* The words of slot i and of all later ones of its name, with spaces between
 * them: what a slot is to those who look it up by name. *value is owned by the
 * caller (free). 1; 0 where an earlier slot has the name and so has told of this
 * one (*value NULL); -ENOMEM. */
int grammar_phrase_slot(const struct grammar_phrase *phrase, size_t i, char **value);

#endif
