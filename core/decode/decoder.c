#include "core/decode/decoder.h"

#include "core/decode/ctc_beam.h"
#include "core/decode/ctc_greedy.h"

#include <errno.h>
#include <stdlib.h>

/* One of the two searches. */
struct decoder {
	struct decode_plan *plan;  /* held; NULL: greedy */
	struct ctc_greedy *greedy; /* owned */
	struct ctc_beam *beam;     /* owned; NULL: greedy */
};

int decoder_create(const struct decoder_params *params, struct decode_plan *plan,
		   struct decoder **out)
{
	struct decoder *decoder = calloc(1, sizeof(*decoder));
	int error;

	*out = NULL;
	if (decoder == NULL)
		return -ENOMEM;
	decoder->plan = decode_plan_hold(plan);
	if (decode_plan_searches(plan))
		error = ctc_beam_create(params, plan, &decoder->beam);
	else
		error = ctc_greedy_create(params->vocab, params->tokens, params->max_frames,
					  &decoder->greedy);
	if (error < 0) {
		decoder_destroy(decoder);
		return error;
	}
	*out = decoder;
	return 0;
}

void decoder_destroy(struct decoder *decoder)
{
	if (decoder == NULL)
		return;
	ctc_greedy_destroy(decoder->greedy);
	ctc_beam_destroy(decoder->beam);
	decode_plan_release(decoder->plan);
	free(decoder);
}

void decoder_reset(struct decoder *decoder)
{
	if (decoder->beam != NULL)
		ctc_beam_reset(decoder->beam);
	else
		ctc_greedy_reset(decoder->greedy);
}

void decoder_copy(struct decoder *decoder, const struct decoder *from)
{
	if (decoder->beam != NULL)
		ctc_beam_copy(decoder->beam, from->beam);
	else
		ctc_greedy_copy(decoder->greedy, from->greedy);
}

int decoder_commit(struct decoder *decoder, const float *logits, size_t frames)
{
	return decoder->beam != NULL ? ctc_beam_commit(decoder->beam, logits, frames)
				     : ctc_greedy_commit(decoder->greedy, logits, frames);
}

int decoder_provisional(struct decoder *decoder, const float *logits, size_t frames)
{
	return decoder->beam != NULL ? ctc_beam_provisional(decoder->beam, logits, frames)
				     : ctc_greedy_provisional(decoder->greedy, logits, frames);
}

void decoder_finish(struct decoder *decoder)
{
	if (decoder->beam != NULL)
		ctc_beam_finish(decoder->beam);
	else
		ctc_greedy_provisional(decoder->greedy, NULL, 0);
}

void decoder_truncate(struct decoder *decoder, size_t frames)
{
	if (decoder->beam != NULL)
		ctc_beam_truncate(decoder->beam, frames);
	else
		ctc_greedy_truncate(decoder->greedy, frames);
}

const char *decoder_stable(const struct decoder *decoder)
{
	return decoder->beam != NULL ? ctc_beam_stable(decoder->beam)
				     : ctc_greedy_stable(decoder->greedy);
}

const char *decoder_text(const struct decoder *decoder)
{
	return decoder->beam != NULL ? ctc_beam_transcript(decoder->beam)->text
				     : ctc_greedy_text(decoder->greedy);
}

size_t decoder_stable_length(const struct decoder *decoder)
{
	return decoder->beam != NULL ? ctc_beam_stable_length(decoder->beam)
				     : ctc_greedy_stable_length(decoder->greedy);
}

size_t decoder_text_capacity(const struct decoder *decoder)
{
	return decoder->beam != NULL ? ctc_beam_text_capacity(decoder->beam)
				     : ctc_greedy_text_capacity(decoder->greedy);
}

const struct transcript *decoder_transcript(const struct decoder *decoder)
{
	return decoder->beam != NULL ? ctc_beam_transcript(decoder->beam)
				     : ctc_greedy_transcript(decoder->greedy);
}

bool decoder_open_word(const struct decoder *decoder)
{
	return decoder->beam != NULL ? ctc_beam_open_word(decoder->beam)
				     : ctc_greedy_open_word(decoder->greedy);
}

size_t decoder_trailing_blank(const struct decoder *decoder)
{
	return decoder->beam != NULL ? ctc_beam_trailing_blank(decoder->beam)
				     : ctc_greedy_trailing_blank(decoder->greedy);
}

size_t decoder_frames(const struct decoder *decoder)
{
	return decoder->beam != NULL ? ctc_beam_frames(decoder->beam)
				     : ctc_greedy_frames(decoder->greedy);
}

size_t decoder_hypotheses(const struct decoder *decoder)
{
	return decoder->beam != NULL ? ctc_beam_hypotheses(decoder->beam) : 1;
}

int decoder_hypothesis(const struct decoder *decoder, size_t rank, struct transcript *out,
		       struct decoder_score *score)
{
	int error;

	if (decoder->beam == NULL)
		return -ENOTSUP;
	error = ctc_beam_hypothesis(decoder->beam, rank, out);
	if (error == 0 && score != NULL)
		ctc_beam_score(decoder->beam, rank, score);
	return error;
}

const char *decoder_hypothesis_text(const struct decoder *decoder, size_t rank,
				    struct decoder_score *score)
{
	*score = (struct decoder_score){0};
	if (decoder->beam == NULL)
		return rank == 0 ? decoder_text(decoder) : NULL;
	if (rank >= ctc_beam_hypotheses(decoder->beam))
		return NULL;
	ctc_beam_score(decoder->beam, rank, score);
	return ctc_beam_hypothesis_text(decoder->beam, rank);
}
