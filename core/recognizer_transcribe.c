/* Transcription of a whole recording: segments with the offline pass, joined. */
#include "core/base/log.h"
#include "core/decode/ctc_greedy.h"
#include "core/recognizer_state.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Transcripts of the segments until they are joined. */
struct parts {
	struct transcript *transcripts; /* owned, [n] */
	int *frames;                    /* owned, [n]: frame of each one's start */
	size_t n;
};

static void parts_finish(struct parts *parts)
{
	for (size_t i = 0; i < parts->n; i++)
		transcript_finish(&parts->transcripts[i]);
	free(parts->transcripts);
	free(parts->frames);
}

static int parts_grow(struct parts *parts)
{
	struct transcript *transcripts =
		realloc(parts->transcripts, (parts->n + 1) * sizeof(*transcripts));
	int *frames;

	if (transcripts == NULL)
		return -ENOMEM;
	parts->transcripts = transcripts;
	frames = realloc(parts->frames, (parts->n + 1) * sizeof(*frames));
	if (frames == NULL)
		return -ENOMEM;
	parts->frames = frames;
	return 0;
}

static int decode_logits(const struct language *language, const float *logits, size_t frames,
			 size_t width, const struct decode_options *options, struct transcript *out)
{
	int *ids = malloc((frames + 1) * sizeof(*ids));
	float *probabilities = malloc((frames + 1) * sizeof(*probabilities));
	int error = -ENOMEM;

	if (ids != NULL && probabilities != NULL) {
		for (size_t f = 0; f < frames; f++)
			ids[f] = ctc_argmax(logits + f * width, width, &probabilities[f]);
		error = vocab_decode(language->vocab, ids, probabilities, frames, options, out);
	}
	free(ids);
	free(probabilities);
	return error;
}

/* The offline pass, from beginning to end. */
static int run_offline(struct recognizer *recognizer, const struct language *language,
		       const float *samples, size_t n)
{
	int error = recognizer_offline_reserve(recognizer, n, language->adapter);

	/* A pass in work makes way and begins again. */
	recognizer->begun = false;
	if (error == 0)
		error = acoustic_offline_begin(recognizer->offline, samples, n, language->adapter,
					       NULL);
	if (error < 0)
		return error;
	while (acoustic_offline_advance(recognizer->offline) != 0)
		;
	return 0;
}

static int transcribe_segment(struct recognizer *recognizer, const struct language *language,
			      const float *samples, size_t n, const struct decode_options *options,
			      struct transcript *out)
{
	int error = run_offline(recognizer, language, samples, n);

	if (error < 0)
		return error;
	return decode_logits(language, acoustic_offline_output(recognizer->offline),
			     acoustic_offline_frames(recognizer->offline),
			     acoustic_model_output_size(recognizer->model, language->adapter),
			     options, out);
}

int recognizer_transcribe(struct recognizer *recognizer, const float *samples, size_t n,
			  int language, double max_segment_s, const struct decode_options *options,
			  struct transcript *out)
{
	const struct model_config *config = recognizer->config;
	const struct vocab *vocab = recognizer_vocab(recognizer, language);
	struct parts parts = {0};
	size_t limit = n, start = 0;
	int error = 0;

	memset(out, 0, sizeof(*out));
	if (vocab == NULL) {
		log_error("%s: no CTC head, so there is nothing to transcribe with",
			  recognizer->dir);
		return -ENOTSUP;
	}
	if (n / config->hop > INT_MAX)
		return -EINVAL;
	if (max_segment_s > 0.0 && max_segment_s * (double)config->sampling_rate < (double)n)
		limit = (size_t)(max_segment_s * (double)config->sampling_rate);
	if (limit == 0)
		limit = n > 0 ? 1 : 0;
	do {
		const float *segment = start > 0 ? samples + start : samples;
		size_t length =
			recognizer_segment(segment, n - start, limit, config->sampling_rate);

		error = parts_grow(&parts);
		if (error == 0) {
			parts.frames[parts.n] = (int)((start + config->hop / 2) / config->hop);
			error = transcribe_segment(recognizer, recognizer->languages[language],
						   segment, length, options,
						   &parts.transcripts[parts.n]);
		}
		if (error == 0)
			parts.n++;
		start += length;
	} while (error == 0 && start < n);
	if (error == 0)
		error = transcript_join(parts.transcripts, parts.frames, parts.n, out);
	parts_finish(&parts);
	return error;
}

int recognizer_hypotheses(const struct decoder *decoder, struct recognizer_hypothesis *out,
			  size_t *n)
{
	size_t wanted = *n;

	*n = 0;
	while (*n < wanted && *n < decoder_hypotheses(decoder)) {
		int error = decoder_hypothesis(decoder, *n, &out[*n].transcript, &out[*n].score);

		if (error < 0) {
			while (*n > 0)
				transcript_finish(&out[--*n].transcript);
			return error;
		}
		++*n;
	}
	return 0;
}

int recognizer_search(struct recognizer *recognizer, const float *samples, size_t n_samples,
		      int language, struct decode_plan *plan, struct recognizer_hypothesis *out,
		      size_t *n)
{
	const struct language *known = recognizer->languages[language];
	struct decoder_params params = {.vocab = known->vocab};
	struct decoder *decoder = NULL;
	int error;

	if (known->vocab == NULL)
		return -ENOTSUP;
	error = run_offline(recognizer, known, samples, n_samples);
	if (error < 0)
		return error;
	params.tokens = acoustic_model_output_size(recognizer->model, known->adapter);
	params.max_frames = acoustic_offline_frames(recognizer->offline);
	error = decoder_create(&params, plan, &decoder);
	if (error == 0)
		error = decoder_commit(decoder, acoustic_offline_output(recognizer->offline),
				       params.max_frames);
	if (error == 0) {
		decoder_finish(decoder);
		error = recognizer_hypotheses(decoder, out, n);
	}
	decoder_destroy(decoder);
	return error;
}
