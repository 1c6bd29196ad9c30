/*
 * The model in force, and loading one: on a worker thread, so that the loop
 * answers meanwhile. The engine owns the recognizer; here is what clients and
 * status want to know of it.
 *
 * Loop thread.
 */
#ifndef HEARD_DAEMON_MODEL_H
#define HEARD_DAEMON_MODEL_H

#include "daemon/daemon.h"

#include <stdbool.h>
#include <stddef.h>

struct decode_plan;
struct vocab;

enum model_state { MODEL_LOADING, MODEL_READY };

/* `loaded` is called after each load with 0 or what went wrong; a model that
 * was there before stays in force then. */
int model_create(struct daemon *daemon, void (*loaded)(struct daemon *daemon, int err),
		 struct model **out);
/* Nothing is being loaded. NULL is allowed. */
void model_destroy(struct model *model);

/* Loads settings.model. While a load is under way, another follows it. */
void model_load(struct model *model);
bool model_busy(const struct model *model);

bool model_ready(const struct model *model);
/* Models that were in force so far, this one included. */
unsigned model_count(const struct model *model);
/* Of the model in force; before, the name of the one that is loading, and 0. */
const char *model_name(const struct model *model);
unsigned model_rate(const struct model *model);
unsigned model_hop(const struct model *model);
/* As the settings say, else as the model says. */
void model_context(const struct model *model, long *left, long *chunk, long *right);
bool model_final_stream(const struct model *model);

/* Of the model in force, borrowed until the next load: how the settings search for text, and the
 * vocabulary of a language ("": the default; one that it does not have: likewise). Not before
 * model_ready; vocab NULL without memory. */
struct decode_plan *model_plan(const struct model *model);
const struct vocab *model_vocab(struct model *model, const char *language);

/* Languages to advertise, also while the first model loads; never empty. Valid until the next load
 * or change of settings. */
const char *const *model_languages(const struct model *model, size_t *n);

#endif
