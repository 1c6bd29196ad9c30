#include "daemon/input.h"

#include "core/base/log.h"

#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = {"searching", "open", "lost", "ended", "none"};

void input_init(struct input *input, struct daemon *daemon, const struct input_owner *owner)
{
	*input = (struct input){.daemon = daemon, .owner = *owner};
	input->work.data = input;
	input->state = input_exists(input) ? INPUT_SEARCHING : INPUT_NONE;
}

void input_finish(struct input *input)
{
	source_destroy(input->stale);
	source_destroy(input->source);
	free(input->spec);
	free(input->device);
}

bool input_exists(const struct input *input)
{
	return strcmp(input->daemon->settings.source, "none") != 0;
}

/* ---- made of the settings ---- */

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool input_differs(const struct input *input)
{
	const struct settings *settings = &input->daemon->settings;

	return !same(input->spec, settings->source) || !same(input->device, settings->device) ||
	       input->loop != settings->loop || input->device_rate != settings->device_rate ||
	       input->device_channels != settings->device_channels;
}

int input_replace(struct input *input, unsigned rate)
{
	const struct settings *settings = &input->daemon->settings;
	struct source_options options = {
		.rate = rate,
		.device = settings->device,
		.device_rate = (unsigned)settings->device_rate,
		.channels = (unsigned)settings->device_channels,
		.loop = settings->loop,
	};

	free(input->spec);
	free(input->device);
	input->spec = strdup(settings->source);
	input->device = settings->device ? strdup(settings->device) : NULL;
	input->loop = settings->loop;
	input->device_rate = settings->device_rate;
	input->device_channels = settings->device_channels;
	source_destroy(input->stale);
	input->stale = input->source;
	input->source = NULL;
	input->reason[0] = '\0';
	input->state = input_exists(input) ? INPUT_SEARCHING : INPUT_NONE;
	return input_exists(input) ? source_create(settings->source, &options, &input->source) : 0;
}

/* ---- opening, on a worker ---- */

static void remember_reason(struct input *input, const char *reason)
{
	input->reason[0] = '\0';
	if (reason)
		strncat(input->reason, reason, sizeof(input->reason) - 1);
}

static void open_work(uv_work_t *work)
{
	struct input *input = work->data;

	source_destroy(input->stale);
	input->stale = NULL;
	input->result = input->source ? source_open(input->source) : 0;
}

/* Why the source could not be opened, as the log has it. */
static const char *failure(const struct input *input)
{
	struct source_status status;

	source_get_status(input->source, &status);
	return status.reason ? status.reason : strerror(-input->result);
}

static void open_done(uv_work_t *work, int status)
{
	struct input *input = work->data;
	bool failed = false;

	(void)status;
	input->working = false;
	if (input->result < 0 && input->state == INPUT_SEARCHING) {
		char before[INPUT_REASON_BYTES];

		memcpy(before, input->reason, sizeof(before));
		remember_reason(input, failure(input));
		failed = strcmp(before, input->reason) != 0;
	}
	input->owner.opened(input->owner.ctx, failed);
}

bool input_attend(struct input *input, bool wanted)
{
	if (!input->working &&
	    (input->stale || (input->source && wanted && source_wants_open(input->source))))
		input->working =
			uv_queue_work(input->daemon->loop, &input->work, open_work, open_done) == 0;
	return input->working;
}

/* ---- what happened ---- */

bool input_next(struct input *input, struct source_event *event)
{
	if (!source_next(input->source, event))
		return false;
	switch (event->kind) {
	case SOURCE_OPENED:
		input->format = event->format;
		input->state = INPUT_OPEN;
		input->reason[0] = '\0';
		break;
	case SOURCE_LOST:
		input->state = INPUT_LOST;
		remember_reason(input, event->reason);
		break;
	case SOURCE_END:
		input->state = INPUT_ENDED;
		remember_reason(input, event->reason);
		log_info("source: ended");
		break;
	case SOURCE_AUDIO:
	case SOURCE_GAP:
		break;
	}
	return true;
}

void input_log_opened(struct input *input)
{
	struct source_status status;

	source_get_status(input->source, &status);
	log_info("source: %s, %u Hz, %u channel%s", status.name, input->format.rate,
		 input->format.channels, input->format.channels == 1 ? "" : "s");
}

/* What the settings say of it; NULL: nothing. */
static const char *wanted_name(const struct settings *settings)
{
	if (strncmp(settings->source, "file:", 5) == 0)
		return settings->source + 5;
	if (strcmp(settings->source, "stdin") == 0)
		return settings->source;
	return settings->device;
}

/* What clients call the source: its own name or, while a worker has it and it
 * is not to be asked, the one it is looked for by. */
static const char *name_of(struct input *input)
{
	struct source_status status = {0};

	if (input->source && !input->working)
		source_get_status(input->source, &status);
	return status.name ? status.name : wanted_name(&input->daemon->settings);
}

void input_describe(struct input *input, struct message_device *device)
{
	device->state = state_names[input->state];
	device->name = name_of(input);
	device->reason = input->reason[0] ? input->reason : NULL;
	if (input->state == INPUT_OPEN) {
		device->rate = input->format.rate;
		device->channels = input->format.channels;
	}
}

void input_fill_status(struct input *input, struct message_status *status)
{
	const char *source = input->daemon->settings.source;

	status->source = strncmp(source, "file:", 5) == 0 ? "file" : source;
	status->device = name_of(input);
	status->device_state = state_names[input->state];
}
