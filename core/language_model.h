/*
 * A language model with all that belongs to it, ready for decode plans: from a
 * file, or from a directory as Wav2Vec2ProcessorWithLM keeps one.
 */
#ifndef HEARD_CORE_LANGUAGE_MODEL_H
#define HEARD_CORE_LANGUAGE_MODEL_H

#include <stdbool.h>

struct plan_lm;

/* path: a packed or ARPA file (weights are pyctcdecode's defaults, all its
 * words known), or a directory that holds language_model/ (or is that folder):
 * weights, known words and the tokens' labels are then the directory's. Reads
 * files, takes up to seconds for an ARPA text; any thread. Logs; 0 with one
 * reference in *out, or a negative errno: -ENOENT, -EINVAL, -ENOTSUP (a KenLM
 * binary), -ENOMEM, ... */
int language_model_open(const char *path, struct plan_lm **out);

/* The directory of a model brings a language model with it. */
bool language_model_in(const char *model_dir);

#endif
