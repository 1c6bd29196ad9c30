/*
 * Inside of audio/: what each kind of source implements. Only source*.c
 * include this.
 */
#ifndef HEARD_AUDIO_SOURCE_KIND_H
#define HEARD_AUDIO_SOURCE_KIND_H

#include "audio/source.h"

/* Called as the functions of source.h of the same name say. `open` sets
 * status.format on success; `next` keeps nothing of the event. */
struct source_kind {
	const char *name;
	bool live;
	int (*open)(struct source *source);
	bool (*wants_open)(struct source *source);
	bool (*next)(struct source *source, struct source_event *event);
	void (*destroy)(struct source *source);
};

/* The head of each kind's own struct. */
struct source {
	const struct source_kind *kind;
	struct source_status status; /* frames, overruns and losses are kept by source_next */
	source_clock_func clock;
	void *clock_ctx;
};

int64_t source_now(const struct source *source);

/* Each returns 0 or -ENOMEM (the microphone's also -ENOTSUP, logged) and fills
 * the kind's part; source_create fills the head. */
int source_file_create(const char *path, const struct source_options *options, struct source **out);
int source_pcm_create(const struct source_options *options, struct source **out);
int source_microphone_create(const struct source_options *options, struct source **out);

#endif
