#include "daemon/mixdown.h"

#include "audio/resample.h"
#include "core/base/log.h"

#include <errno.h>
#include <stdlib.h>

int mixdown_init(struct mixdown *mixdown, unsigned rate,
		 void (*take)(void *ctx, const float *samples, size_t n), void *ctx)
{
	*mixdown = (struct mixdown){.rate = rate, .take = take, .ctx = ctx};
	mixdown->mono = malloc(SOURCE_BLOCK_FRAMES * sizeof(float));
	mixdown->out = malloc(SOURCE_BLOCK_FRAMES * sizeof(float));
	if (mixdown->mono && mixdown->out)
		return 0;
	mixdown_finish(mixdown);
	return -ENOMEM;
}

void mixdown_finish(struct mixdown *mixdown)
{
	resampler_destroy(mixdown->resampler);
	free(mixdown->mono);
	free(mixdown->out);
	*mixdown = (struct mixdown){0};
}

void mixdown_set_format(struct mixdown *mixdown, const struct source_format *format)
{
	if (mixdown->resampler && format->rate == mixdown->from)
		return;
	resampler_destroy(mixdown->resampler);
	mixdown->resampler = NULL;
	mixdown->from = format->rate;
	if (resampler_create(format->rate, mixdown->rate, RESAMPLER_FAST, &mixdown->resampler) < 0)
		log_error("source: cannot convert from %u Hz to %u Hz", format->rate,
			  mixdown->rate);
}

static void resample(struct mixdown *mixdown, const float *samples, size_t n, bool end)
{
	size_t done = 0, n_in, n_out;

	do {
		n_in = n - done;
		n_out = SOURCE_BLOCK_FRAMES;
		if (resampler_run(mixdown->resampler, samples + done, &n_in, mixdown->out, &n_out,
				  end) < 0)
			return;
		done += n_in;
		mixdown->take(mixdown->ctx, mixdown->out, n_out);
	} while (done < n || n_out > 0);
}

void mixdown_block(struct mixdown *mixdown, const struct source_event *event)
{
	unsigned channels = event->format.channels;
	const float *samples = event->samples;

	if (!mixdown->resampler)
		return;
	if (channels > 1) {
		for (size_t i = 0; i < event->frames; i++) {
			float sum = 0;

			for (unsigned c = 0; c < channels; c++)
				sum += event->samples[i * channels + c];
			mixdown->mono[i] = sum / (float)channels;
		}
		samples = mixdown->mono;
	}
	resample(mixdown, samples, event->frames, false);
}

void mixdown_end(struct mixdown *mixdown)
{
	if (!mixdown->resampler)
		return;
	resample(mixdown, NULL, 0, true);
	resampler_reset(mixdown->resampler);
}
