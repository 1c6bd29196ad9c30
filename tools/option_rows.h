/*
 * The options of heard-model: names, help, and how a value is checked and kept.
 */
#ifndef HEARD_TOOLS_OPTION_ROWS_H
#define HEARD_TOOLS_OPTION_ROWS_H

#include "tools/options.h"

enum { OPTION_ROWS = 40 };

struct option_row {
	const char *name;
	char letter; /* 0: none */
	enum option_flag flag;
	const char *argument; /* NULL: takes none */
	/* Takes the value; NULL or the reason why not. NULL itself for --help and
	 * --version, which options_parse serves. */
	const char *(*take)(struct options *options, const char *value);
	const char *help; /* lines behind the first are set below it */
};

extern const struct option_row option_rows[OPTION_ROWS];

#endif
