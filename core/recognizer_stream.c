#include "core/base/log.h"
#include "core/recognizer_state.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_UTTERANCE_SECONDS = 30, MAX_UTTERANCE_SECONDS = 3600 };

/* ---- options ---- */

struct context {
	long left, chunk, right;
};

static size_t resolved(long frames, size_t most)
{
	return frames < 0 || (size_t)frames > most ? most : (size_t)frames;
}

/* Creates an acoustic stream and the scratch for its steps; slot 0 is the one in force. */
static int context_create(struct recognizer_stream *stream, const struct context *context,
			  size_t slot, struct acoustic_stream **out, size_t *limit)
{
	size_t most = stream->max_frames;
	size_t chunk, right, chunks;
	int error;

	*out = NULL;
	if (context->left < -1 || context->chunk < -1 || context->chunk == 0 ||
	    context->right < 0 || (size_t)context->right > most) {
		log_error("context %ld:%ld:%ld: not left >= -1, chunk > 0 or -1, right >= 0 and "
			  "at most %zu frames",
			  context->left, context->chunk, context->right, most);
		return -EINVAL;
	}
	/* Beyond the longest utterance there is nothing to see. */
	chunk = resolved(context->chunk, most);
	right = (size_t)context->right;
	stream->window[slot] = chunk + right;
	stream->left[slot] = chunk < most ? resolved(context->left, most) : 0;
	error = recognizer_reserve(stream->recognizer, stream->window[slot], stream->left[slot]);
	if (error == 0)
		error = acoustic_stream_create(stream->recognizer->model,
					       &(struct acoustic_stream_params){
						       .left = (long)stream->left[slot],
						       .chunk = (long)chunk,
						       .right = context->right,
						       .max_frames = most,
						       .adapter = stream->language->adapter,
						       .statistics = STATISTICS_CUMULATIVE,
					       },
					       out);
	/* The step that commits the last frame looks this far. */
	chunks = (most + chunk - 1) / chunk;
	*limit = (chunks * chunk + right + 1) * stream->hop + stream->field;
	return error;
}

static bool seconds_ok(double value)
{
	return isfinite(value) && value >= 0.0;
}

static int options_check(const struct recognizer_stream *stream,
			 const struct recognizer_stream_options *options)
{
	const struct endpoint_rules *rules = &options->endpoint;

	if (stream->language == NULL) {
		log_error("language %d is not open", options->language);
		return -EINVAL;
	}
	if (stream->language->vocab == NULL) {
		log_error("%s: no CTC head, so there is nothing to transcribe with",
			  stream->recognizer->dir);
		return -ENOTSUP;
	}
	if (!seconds_ok(rules->silence_no_text) || !seconds_ok(rules->silence_text) ||
	    !seconds_ok(rules->max_length) || !seconds_ok(options->max_utterance_s) ||
	    options->max_utterance_s > MAX_UTTERANCE_SECONDS) {
		log_error("endpoint rules must be seconds, an utterance at most %d",
			  MAX_UTTERANCE_SECONDS);
		return -EINVAL;
	}
	if (options->cut_quiet && stream->final != FINAL_OFFLINE) {
		log_error("only final=offline can cut in a quiet place");
		return -EINVAL;
	}
	return 0;
}

/* Lengths of an utterance: the rule, or what fits. */
static void stream_limits(struct recognizer_stream *stream,
			  const struct recognizer_stream_options *options)
{
	const struct model_config *config = stream->recognizer->config;
	double most = options->max_utterance_s > 0.0 ? options->max_utterance_s
						     : (double)DEFAULT_UTTERANCE_SECONDS;
	double rate = (double)config->sampling_rate;

	stream->rules = options->endpoint;
	if (stream->rules.max_length > 0.0 && stream->rules.max_length < most)
		most = stream->rules.max_length;
	stream->hop = config->hop;
	stream->field = config->field;
	stream->frame_seconds = (double)config->hop / rate;
	stream->max_frames = (size_t)ceil(most / stream->frame_seconds - 1e-6);
	if (stream->max_frames == 0)
		stream->max_frames = 1;
	stream->rules.max_length = (double)stream->max_frames * stream->frame_seconds;
	if (options->cut_quiet) {
		/* No frame lies behind the longest segment, so the rule never fires. */
		stream->rules.max_length = 0.0;
		stream->cut_samples = (size_t)(most * rate + 0.5);
		if (stream->cut_samples < stream->field)
			stream->cut_samples = stream->field;
		stream->max_frames = config_frames(config, stream->cut_samples) + 1;
	}
	/* set_context may choose any chunk and lookahead up to the longest utterance. */
	stream->capacity = (3 * stream->max_frames + 2) * stream->hop + stream->field;
}

/* ---- open and close ---- */

static int utterance_create(struct recognizer_stream *stream, struct utterance *utterance,
			    struct decode_plan *plan)
{
	int error;

	utterance->stream = stream;
	utterance->samples = malloc(stream->capacity * sizeof(*utterance->samples));
	if (utterance->samples == NULL)
		return -ENOMEM;
	error = stream_decoder(stream, NULL, true, &utterance->greedy);
	if (error == 0 && stream->final == FINAL_OFFLINE)
		error = stream_decoder(stream, NULL, false, &utterance->second);
	if (error == 0)
		error = view_create(utterance, plan, &utterance->views[0]);
	return error;
}

static void utterance_destroy(struct utterance *utterance)
{
	free(utterance->samples);
	utterance_destroy_views(utterance);
	decoder_destroy(utterance->greedy);
	decoder_destroy(utterance->second);
}

static int stream_create(struct recognizer_stream *stream,
			 const struct recognizer_stream_options *options)
{
	struct recognizer *recognizer = stream->recognizer;
	const struct model_config *config = recognizer->config;
	struct context context = {config->left, config->chunk, config->right};
	int error;

	if (options->language >= 0 && (size_t)options->language < recognizer->n_languages)
		stream->language = recognizer->languages[options->language];
	stream->final = options->final < 0 ? config->final_mode : (enum final_mode)options->final;
	error = options_check(stream, options);
	if (error < 0)
		return error;
	stream_limits(stream, options);
	if (options->streaming_given)
		context = (struct context){options->left, options->chunk, options->right};
	error = context_create(stream, &context, 0, &stream->acoustic, &stream->limit);
	for (size_t i = 0; i < 2 && error == 0; i++) {
		error = utterance_create(stream, &stream->utterances[i], options->plan);
		if (error < 0)
			log_error("no memory for utterances of %zu frames", stream->max_frames);
	}
	if (error == 0 && stream->final == FINAL_OFFLINE)
		error = recognizer_offline_reserve(recognizer,
						   stream->max_frames * stream->hop + stream->field,
						   stream->language->adapter);
	return error;
}

int recognizer_stream_open(struct recognizer *recognizer,
			   const struct recognizer_stream_options *options,
			   struct recognizer_stream **out)
{
	static const struct recognizer_stream_options defaults = {.final = -1};
	struct recognizer_stream *stream = calloc(1, sizeof(*stream));
	int error;

	*out = NULL;
	if (stream == NULL)
		return -ENOMEM;
	stream->recognizer = recognizer;
	error = stream_create(stream, options != NULL ? options : &defaults);
	if (error < 0) {
		recognizer_stream_close(stream);
		return error;
	}
	*out = stream;
	return 0;
}

void recognizer_stream_close(struct recognizer_stream *stream)
{
	if (stream == NULL)
		return;
	final_remove(stream->recognizer, stream);
	acoustic_stream_destroy(stream->acoustic);
	acoustic_stream_destroy(stream->changed);
	for (size_t i = 0; i < 2; i++)
		utterance_destroy(&stream->utterances[i]);
	free(stream);
}

void recognizer_stream_reset(struct recognizer_stream *stream)
{
	final_remove(stream->recognizer, stream);
	for (size_t i = 0; i < 2; i++) {
		stream->utterances[i].state = UTTERANCE_FREE;
		stream->utterances[i].delivered = false;
	}
	stream->open = NULL;
	stream->number = 0;
	stream->clock = stream->skip = 0;
	stream->flushing = stream->ended = false;
	stream_swap_acoustic(stream);
	acoustic_stream_reset(stream->acoustic, RESET_FULL);
}

int recognizer_stream_set_context(struct recognizer_stream *stream, long left, long chunk,
				  long right)
{
	struct context context = {left, chunk, right};
	struct acoustic_stream *changed;
	size_t window = stream->window[1], old_left = stream->left[1], limit;
	int error;

	stream_reclaim(stream);
	error = context_create(stream, &context, 1, &changed, &limit);
	if (error < 0) {
		stream->window[1] = window;
		stream->left[1] = old_left;
		return error;
	}
	acoustic_stream_destroy(stream->changed);
	stream->changed = changed;
	stream->changed_limit = limit;
	if (stream->open == NULL)
		stream_swap_acoustic(stream);
	return 0;
}

/* ---- samples ---- */

size_t recognizer_stream_push(struct recognizer_stream *stream, const float *samples, size_t n)
{
	struct utterance *utterance;
	size_t taken = 0;

	stream_reclaim(stream);
	while (taken < n && !stream->flushing && !stream->ended) {
		size_t room, piece = n - taken;

		if (stream->open == NULL && !stream_open_utterance(stream))
			break;
		utterance = stream->open;
		room = utterance->n < stream->limit ? stream->limit - utterance->n : 0;
		if (piece > room)
			piece = room;
		if (piece == 0)
			break;
		memcpy(utterance->samples + utterance->n, samples + taken,
		       piece * sizeof(*samples));
		utterance->n += piece;
		taken += piece;
		stream_settle(stream);
	}
	return taken;
}

void recognizer_stream_flush(struct recognizer_stream *stream)
{
	stream_reclaim(stream);
	if (stream->open == NULL || stream->ended)
		return;
	stream->flushing = true;
	stream_settle(stream);
}

void recognizer_stream_skip(struct recognizer_stream *stream, int64_t samples)
{
	recognizer_stream_flush(stream);
	if (stream->open == NULL)
		stream->clock += samples;
	else
		stream->skip += samples;
}

void recognizer_stream_end(struct recognizer_stream *stream)
{
	stream_reclaim(stream);
	if (stream->ended)
		return;
	stream->ended = true;
	if (stream->open == NULL && stream->number == 0)
		stream_open_utterance(stream);
	stream_settle(stream);
}

/* ---- state ---- */

bool recognizer_stream_ready(const struct recognizer_stream *stream)
{
	return stream->open != NULL && stream->open->state == UTTERANCE_OPEN &&
	       acoustic_stream_ready(stream->acoustic);
}

bool recognizer_stream_done(const struct recognizer_stream *stream)
{
	if (!stream->ended || stream->open != NULL)
		return false;
	for (size_t i = 0; i < 2; i++) {
		const struct utterance *utterance = &stream->utterances[i];

		if (utterance->state != UTTERANCE_FREE && !utterance->delivered)
			return false;
	}
	return true;
}

int64_t recognizer_stream_clock(const struct recognizer_stream *stream)
{
	const struct utterance *open = stream->open;

	if (open == NULL)
		return stream->clock;
	if (open->state == UTTERANCE_ENDED)
		return open->start + (int64_t)open->length;
	return open->start + (int64_t)(decoder_frames(open->greedy) * stream->hop);
}
