/* The subcommands, one a file. */
#ifndef HEARD_TOOLS_COMMANDS_H
#define HEARD_TOOLS_COMMANDS_H

#include "tools/options.h"

extern const struct command info_command;
extern const struct command transcribe_command;
extern const struct command features_command;
extern const struct command classify_command;
extern const struct command align_command;
extern const struct command wer_command;
extern const struct command intent_command;
extern const struct command verify_command;
extern const struct command bench_command;
extern const struct command lm_pack_command;
extern const struct command quantize_command;
extern const struct command make_random_command;

#endif
