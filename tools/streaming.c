#include "tools/streaming.h"

#include "core/base/log.h"
#include "tools/options.h"
#include "tools/tool_model.h"

#include <errno.h>
#include <stdlib.h>

struct streaming {
	struct acoustic_stream *stream; /* owned */
	struct acoustic_batch *batch;   /* owned */
	enum acoustic_statistics statistics;
};

int streaming_create(const struct tool_model *model, const struct options *options,
		     size_t max_samples, struct streaming **out)
{
	const struct window window = tool_model_window(model, options);
	size_t frames = config_frames(model->config, max_samples);
	size_t max_frames = frames > 0 ? frames : 1;
	size_t chunk = window.chunk < 0 ? max_frames : (size_t)window.chunk;
	size_t left = window.left < 0 ? max_frames : (size_t)window.left;
	struct acoustic_stream_params params = {
		.left = window.left,
		.chunk = window.chunk,
		.right = window.right,
		.max_frames = max_frames,
		.adapter = model->adapter,
		.statistics = options->statistics,
	};

	*out = NULL;
	struct streaming *streaming = calloc(1, sizeof(*streaming));
	if (!streaming)
		return -ENOMEM;
	streaming->statistics = options->statistics;
	int error = acoustic_stream_create(model->acoustic, &params, &streaming->stream);
	if (error)
		goto fail;
	error = acoustic_batch_create(model->acoustic, 1, chunk + (size_t)window.right, left,
				      &streaming->batch);
	if (error) {
		log_error("no memory for steps of %ld:%ld:%ld", window.left, window.chunk,
			  window.right);
		goto fail;
	}
	*out = streaming;
	return 0;
fail:
	streaming_destroy(streaming);
	return error;
}

void streaming_destroy(struct streaming *streaming)
{
	if (!streaming)
		return;
	acoustic_batch_destroy(streaming->batch);
	acoustic_stream_destroy(streaming->stream);
	free(streaming);
}

int streaming_run(struct streaming *streaming, const float *samples, size_t n, streaming_func func,
		  void *ctx)
{
	struct acoustic_stream *stream = streaming->stream;
	size_t pushed = 0;

	acoustic_stream_reset(stream, RESET_FULL);
	if (streaming->statistics == STATISTICS_UTTERANCE) {
		int error = acoustic_stream_measure(stream, samples, n);
		if (error) {
			log_error("no memory for the statistics of %zu samples", n);
			return error;
		}
	}
	for (;;) {
		pushed += acoustic_stream_push(stream, samples + pushed, n - pushed);
		if (pushed == n)
			acoustic_stream_end(stream);
		while (acoustic_stream_ready(stream)) {
			acoustic_step(streaming->batch, &stream, 1);
			struct acoustic_output output = acoustic_stream_output(stream);
			int result = func(ctx, &output);
			if (result)
				return result;
		}
		if (pushed == n)
			return 0;
	}
}
