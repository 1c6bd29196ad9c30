/*
 * The language model of a Hugging Face directory (Wav2Vec2ProcessorWithLM), as
 * pyctcdecode 0.5 saves it:
 *
 *	alphabet.json                 labels: what each token prints
 *	language_model/attrs.json     alpha, beta, unk_score_offset, score_boundary
 *	language_model/unigrams.txt   known words, one a line
 *	language_model/NAME           the model; the file beside the two
 *
 * Of several models one packed by heard-model lm-pack (NAME.lm) is taken before
 * ARPA texts (NAME.arpa, NAME.arpa.gz), and these before others (NAME.bin).
 */
#ifndef HEARD_WEIGHTS_LM_DIRECTORY_H
#define HEARD_WEIGHTS_LM_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>

struct lm_directory {
	char *model;    /* owned path */
	char *unigrams; /* owned path; NULL: no list */
	char **labels;  /* owned, [n_labels], each owned; NULL: no alphabet.json */
	size_t n_labels;
	double alpha, beta, unk_score_offset; /* pyctcdecode's defaults where not given */
	bool score_boundary;
};

/* dir: what holds language_model/, or that folder itself. Logs file and key
 * once; -ENOENT silently where there is no language model, -EINVAL, -ENOMEM or
 * another negative errno; *out is then zeroed. */
int lm_directory_load(const char *dir, struct lm_directory *out);
void lm_directory_finish(struct lm_directory *directory);

#endif
