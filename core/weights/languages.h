/*
 * Which languages a model directory holds: its own, and one for each
 * adapter.LANGUAGE.safetensors that its vocabulary knows.
 */
#ifndef HEARD_WEIGHTS_LANGUAGES_H
#define HEARD_WEIGHTS_LANGUAGES_H

#include <stdbool.h>

/* The default language (`chosen`, else target_lang of tokenizer_config.json, where there is one),
 * then the others by name. `adapters`: the model has room for them. Opens no weights. *names is a
 * NULL-terminated owned array (free with tokenizer_free_languages). Returns the count or a negative
 * errno, logged. */
int languages_read(const char *dir, const char *chosen, bool adapters, char ***names);

#endif
