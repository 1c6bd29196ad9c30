/*
 * How the options say that text is to be searched for.
 */
#ifndef HEARD_TOOLS_SEARCH_H
#define HEARD_TOOLS_SEARCH_H

#include "core/decode/plan.h"

struct options;
struct tool_model;

/* Reads the files that --hotwords and --lm name. *out is one reference, for the
 * caller; NULL where nothing but greedy decoding is asked for. Logs and returns a
 * negative errno on failure. */
int search_plan(const struct options *options, const struct tool_model *model,
		struct decode_plan **out);

#endif
