/*
 * How text is searched for: the plan of the settings, which everybody has who
 * asks for nothing else, and the plans of sessions, which start from it.
 */
#ifndef HEARD_DAEMON_DECODING_H
#define HEARD_DAEMON_DECODING_H

#include "core/decode/hotwords.h"
#include "core/decode/plan.h"
#include "core/recognizer.h"
#include "daemon/settings.h"
#include "protocol/message.h"

enum { DECODING_REASON_BYTES = 320 };

/* Copies of what a worker needs of the settings. */
struct decoding_files {
	char *hotwords, *lm; /* owned; NULL: none */
	char *grammar;       /* likewise */
	double threshold;    /* of the grammar's commands */
	int beam;            /* 0: as wide as the rest needs */
	double commit_delay;
	double alpha, beta; /* NAN: the language model's own */
};

int decoding_files_copy(const struct settings *settings, struct decoding_files *out);
void decoding_files_finish(struct decoding_files *files);

/* Worker: reads the files for the recognizer's default language. *out is one
 * reference, for the caller. Logs and returns a negative errno. */
int decoding_load(const struct decoding_files *files, const struct recognizer *recognizer,
		  struct decode_plan **out);

/* Loop. What a session chose of these options. */
#define DECODING_OPTIONS                                                                         \
	(SESSION_BEAM | SESSION_COMMIT_DELAY | SESSION_LM | SESSION_LM_ALPHA | SESSION_LM_BETA | \
	 SESSION_THRESHOLD | SESSION_NBEST)

/* Compiles what a message lists. 0, or reason filled in and -EINVAL, or -ENOMEM. */
int decoding_hotwords(const struct message_hotwords *list, const struct vocab *vocab,
		      struct hotwords **out, char reason[DECODING_REASON_BYTES]);

/* The commands that a session chose; given without a grammar: none. */
struct decoding_commands {
	bool given;
	struct grammar *grammar; /* a reference, or NULL */
};

/* Likewise, within the limits of limits.h; reason says where it is wrong. */
int decoding_commands(const struct message_grammar *message, const struct vocab *vocab,
		      struct decoding_commands *out, char reason[DECODING_REASON_BYTES]);
void decoding_commands_drop(struct decoding_commands *commands);

/* The plan of a session: `base` (the settings', not NULL) changed by the options
 * that are given and, where not NULL, by its hotwords, and where given its
 * commands. frame_s: seconds of a frame.
 * *out is one reference, for the caller. Likewise; bad_option: names it in reason. */
int decoding_plan(const struct decode_plan *base, const struct session_options *options,
		  struct hotwords *hotwords, const struct decoding_commands *commands,
		  double frame_s, struct decode_plan **out, char reason[DECODING_REASON_BYTES]);

#endif
