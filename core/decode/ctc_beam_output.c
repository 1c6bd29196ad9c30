/* What a hypothesis looks like to others. */
#include "core/decode/ctc_beam_state.h"

#include <errno.h>
#include <stdlib.h>

int beam_output_create(const struct ctc_beam *search, struct beam_output **out)
{
	struct beam_output *output = calloc(1, sizeof(*output));
	size_t frames = search->max_frames + 1;
	size_t strings = frames * (search->vocab->longest_printed + 1);

	*out = output;
	if (output == NULL)
		return -ENOMEM;
	output->buffers.vocab = search->vocab;
	output->buffers.chars = calloc(frames, sizeof(*output->buffers.chars));
	output->buffers.words = calloc(frames, sizeof(*output->buffers.words));
	output->buffers.strings = malloc(strings);
	output->buffers.raw = malloc(strings);
	output->tokens = calloc(frames, sizeof(*output->tokens));
	output->aligned = calloc(frames, sizeof(*output->aligned));
	output->text = malloc(text_capacity(strings));
	if (output->buffers.chars == NULL || output->buffers.words == NULL ||
	    output->buffers.strings == NULL || output->buffers.raw == NULL ||
	    output->tokens == NULL || output->aligned == NULL || output->text == NULL)
		return -ENOMEM;
	return 0;
}

void beam_output_destroy(struct beam_output *output)
{
	if (output == NULL)
		return;
	free(output->buffers.chars);
	free(output->buffers.words);
	free(output->buffers.strings);
	free(output->buffers.raw);
	free(output->tokens);
	free(output->aligned);
	free(output->text);
	free(output);
}

size_t ctc_beam_text_capacity(const struct ctc_beam *search)
{
	return text_capacity((search->max_frames + 1) * (search->vocab->longest_printed + 1));
}

/* Tokens with their frames, first to last. */
static size_t collect_tokens(const struct ctc_beam *search, const struct hypothesis *hypothesis)
{
	const struct track *track = hypothesis_track(hypothesis);
	struct beam_output *output = search->output;
	uint32_t node = hypothesis->prefix, history = track->history;
	size_t n = search->prefixes.nodes[node].depth;
	struct aligned aligned = {track->start, track->end, 0.0F};

	if (n > 0)
		aligned.confidence = (float)(track->sum / (double)(track->end - track->start));
	for (size_t i = n; i > 0; i--) {
		output->tokens[i - 1] = search->row.id[search->prefixes.nodes[node].token];
		output->aligned[i - 1] = aligned;
		node = search->prefixes.nodes[node].parent;
		if (history == NODE_NONE)
			continue;
		aligned = search->alignments.nodes[history].token;
		history = search->alignments.nodes[history].parent;
	}
	return n;
}

void beam_output_make(const struct ctc_beam *search, const struct hypothesis *hypothesis)
{
	struct beam_output *output = search->output;
	size_t n = collect_tokens(search, hypothesis), length;
	struct text_state text;

	collapse_start(&output->collapse);
	for (size_t i = 0; i < n; i++)
		collapse_token(&output->collapse, &output->buffers, output->aligned[i].start,
			       output->aligned[i].end, output->tokens[i],
			       output->aligned[i].confidence);
	text = output->collapse.text;
	length = text_read(&text, &search->vocab->style, output->buffers.raw, true, output->text);
	output->text[length] = '\0';
	output->transcript = (struct transcript){
		.text = output->text,
		.n_chars = output->collapse.n_chars,
		.n_words = output->collapse.n_words,
		.chars = output->buffers.chars,
		.words = output->buffers.words,
		.strings = output->buffers.strings,
	};
}
