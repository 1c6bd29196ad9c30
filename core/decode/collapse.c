#include "core/decode/collapse.h"

#include <string.h>

void collapse_start(struct collapse *collapse)
{
	*collapse = (struct collapse){.group = -1};
}

static void collapse_store(const struct collapse *collapse, const struct collapse_buffers *buffers)
{
	if (collapse->n_chars > 0)
		buffers->chars[collapse->n_chars - 1] = collapse->last_char;
	if (collapse->n_words > 0)
		buffers->words[collapse->n_words - 1] = collapse->last_word;
}

/* The last character has one frame more. */
static void run_extend(struct collapse *collapse, const struct vocab *vocab, int frame,
		       float probability)
{
	collapse->run_sum += probability;
	collapse->run_frames++;
	collapse->last_char.end_frame = frame + 1;
	collapse->last_char.confidence = (float)(collapse->run_sum / (double)collapse->run_frames);
	if (!collapse->in_word)
		return;
	collapse->token_end = frame + 1;
	collapse->last_word.end_frame = frame + 1;
	collapse->last_word.confidence = vocab_confidence(
		vocab, (collapse->word_sum + (double)collapse->last_char.confidence) /
			       (double)(collapse->word_chars + 1));
}

/* One more character, without frames yet. */
static void token_begin(struct collapse *collapse, const struct collapse_buffers *buffers,
			int frame, const struct vocab_entry *entry)
{
	char *raw = buffers->raw + collapse->text.raw;

	memcpy(raw, entry->printed, entry->printed_size);
	text_append(&collapse->text, buffers->raw, entry->printed_size);
	if (entry->space) {
		if (collapse->in_word)
			collapse->string++; /* keeps the zero behind the word */
		collapse->in_word = false;
	} else {
		if (collapse->in_word) {
			collapse->word_sum += (double)collapse->last_char.confidence;
			collapse->word_chars++;
		} else {
			collapse->in_word = true;
			collapse->word_sum = 0.0;
			collapse->word_chars = 0;
			collapse->last_word = (struct span){
				.text = buffers->strings + collapse->string, .start_frame = frame};
			collapse->n_words++;
		}
		memcpy(buffers->strings + collapse->string, entry->printed, entry->printed_size);
		collapse->string += entry->printed_size;
		buffers->strings[collapse->string] = '\0';
	}
	collapse->last_char = (struct span){.text = entry->printed, .start_frame = frame};
	collapse->n_chars++;
	collapse->run_sum = 0.0;
	collapse->run_frames = 0;
}

void collapse_frame(struct collapse *collapse, const struct collapse_buffers *buffers, int frame,
		    int id, float probability, bool merge)
{
	const struct vocab_entry *entry = vocab_entry(buffers->vocab, id);

	if (merge && entry->group == collapse->group) {
		if (!entry->blank) {
			run_extend(collapse, buffers->vocab, frame, probability);
			collapse_store(collapse, buffers);
		}
		return;
	}
	collapse->group = entry->group;
	if (entry->blank)
		return;
	token_begin(collapse, buffers, frame, entry);
	run_extend(collapse, buffers->vocab, frame, probability);
	collapse_store(collapse, buffers);
}

void collapse_token(struct collapse *collapse, const struct collapse_buffers *buffers, int start,
		    int end, int id, float confidence)
{
	const struct vocab_entry *entry = vocab_entry(buffers->vocab, id);

	collapse->group = entry->group;
	token_begin(collapse, buffers, start, entry);
	run_extend(collapse, buffers->vocab, end - 1, confidence);
	collapse_store(collapse, buffers);
}

void collapse_restore(const struct collapse *collapse, const struct collapse_buffers *buffers)
{
	collapse_store(collapse, buffers);
	if (collapse->in_word)
		buffers->strings[collapse->string] = '\0';
}
