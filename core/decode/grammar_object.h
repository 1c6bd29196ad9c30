/* Inside of struct grammar, for the files of this folder. */
#ifndef HEARD_DECODE_GRAMMAR_OBJECT_H
#define HEARD_DECODE_GRAMMAR_OBJECT_H

#include "core/decode/grammar_graph.h"

#include <stdatomic.h>

struct grammar {
	atomic_uint references;
	int delimiter; /* -1: none */
	size_t tokens; /* of the vocabulary */
	struct grammar_words words;
	struct network network;
	struct spelling spelling;
	struct graph graph;
};

#endif
