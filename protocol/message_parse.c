/*
 * JSON to structs, one function an event: a list of its fields.
 */
#include "protocol/message.h"
#include "protocol/message_commands.h"
#include "protocol/message_reader.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void stamp(struct message_reader *reader, struct message_stamp *out)
{
	reader_identity(reader, "stream", &out->stream);
	reader_integer(reader, "clock", -READER_COUNT_MAX, READER_COUNT_MAX, &out->clock);
	reader_seconds(reader, "time", &out->time);
}

static void window(struct message_reader *reader, struct message_window *out)
{
	reader_integer(reader, "left", -1, READER_COUNT_MAX, &out->left);
	reader_integer(reader, "chunk", -1, READER_COUNT_MAX, &out->chunk);
	reader_integer(reader, "right", 0, READER_COUNT_MAX, &out->right);
}

static void final_mode(struct message_reader *reader, enum session_final *out)
{
	const char *text = NULL;

	if (reader->status < 0)
		return;
	reader_check(reader, fields_string(&reader->fields, "final", &text), "final", false);
	*out = text && strcmp(text, "stream") == 0 ? SESSION_FINAL_STREAM : SESSION_FINAL_OFFLINE;
}

static const struct message_word *words(struct message_reader *reader, size_t *n, bool *given)
{
	const cJSON *item;
	struct message_word *out = reader_objects(reader, "words", sizeof(*out), &item, n);

	*given = out != NULL;
	for (size_t i = 0; out && i < *n; i++, item = item->next) {
		struct message_reader inner = reader_inside(reader, item, "words[]");
		reader_string(&inner, "word", true, &out[i].word);
		reader_seconds(&inner, "start", &out[i].start);
		reader_seconds(&inner, "end", &out[i].end);
		reader_number(&inner, "confidence", 0, 1, &out[i].confidence);
		reader_flag(&inner, "open", &out[i].open);
		reader->status = inner.status;
	}
	return out;
}

static void attribution(struct message_reader *reader, struct message_attribution *out)
{
	const cJSON *item = reader_object(reader, "attribution");
	struct message_reader inner = reader_inside(reader, item, "attribution");

	if (!item)
		return;
	reader_string(&inner, "name", false, &out->name);
	reader_string(&inner, "url", false, &out->url);
	reader->status = inner.status;
}

static const struct message_model *models(struct message_reader *reader, size_t *n)
{
	const cJSON *item;
	struct message_model *out = reader_objects(reader, "models", sizeof(*out), &item, n);

	for (size_t i = 0; out && i < *n; i++, item = item->next) {
		struct message_reader inner = reader_inside(reader, item, "models[]");
		reader_string(&inner, "name", true, &out[i].name);
		reader_string(&inner, "description", false, &out[i].description);
		reader_string(&inner, "version", false, &out[i].version);
		reader_string(&inner, "phrase", false, &out[i].phrase);
		attribution(&inner, &out[i].attribution);
		reader_flag(&inner, "installed", &out[i].installed);
		out[i].languages = reader_strings(&inner, "languages", &out[i].n_languages);
		reader->status = inner.status;
	}
	return out;
}

static const struct message_program *programs(struct message_reader *reader, const char *key,
					      size_t *n)
{
	const cJSON *item;
	struct message_program *out = reader_objects(reader, key, sizeof(*out), &item, n);

	for (size_t i = 0; out && i < *n; i++, item = item->next) {
		struct message_reader inner = reader_inside(reader, item, key);
		struct message_program *program = &out[i];
		/* Wyoming's defaults. */
		program->requires_external_vad = true;
		program->prefers_auto_gain_enabled = true;
		program->prefers_noise_reduction_enabled = true;
		reader_string(&inner, "name", true, &program->name);
		reader_string(&inner, "description", false, &program->description);
		reader_string(&inner, "version", false, &program->version);
		attribution(&inner, &program->attribution);
		reader_flag(&inner, "installed", &program->installed);
		reader_flag(&inner, "supports_transcript_streaming",
			    &program->supports_transcript_streaming);
		reader_flag(&inner, "requires_external_vad", &program->requires_external_vad);
		reader_flag(&inner, "prefers_auto_gain_enabled",
			    &program->prefers_auto_gain_enabled);
		reader_flag(&inner, "prefers_noise_reduction_enabled",
			    &program->prefers_noise_reduction_enabled);
		program->models = models(&inner, &program->n_models);
		const cJSON *heard = reader_object(&inner, "heard");
		if (heard) {
			struct message_reader ours = reader_inside(&inner, heard, "heard");
			program->heard = true;
			reader_number(&ours, "rate", 0, 1e6, &program->rate);
			reader_number(&ours, "hop", 0, 1e6, &program->hop);
			window(&ours, &program->window);
			final_mode(&ours, &program->final);
			inner.status = ours.status;
		}
		reader->status = inner.status;
	}
	return out;
}

static void parse_info(struct message_reader *reader, struct message_info *out)
{
	out->asr = programs(reader, "asr", &out->n_asr);
	out->wake = programs(reader, "wake", &out->n_wake);
}

/* The pauses of Home Assistant's own segmenter under these names. Other names
 * may come with later versions and choose nothing. */
static void sensitivity(struct message_reader *reader, struct session_options *out)
{
	static const struct {
		const char *name;
		double silence_text;
	} levels[] = {{"default", 0.7}, {"relaxed", 1.25}, {"aggressive", 0.25}};
	const char *name = NULL;

	if (reader->status < 0)
		return;
	reader_check(reader, fields_string(&reader->fields, "vad_sensitivity", &name),
		     "vad_sensitivity", false);
	for (size_t i = 0; name && i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(name, levels[i].name) != 0)
			continue;
		out->given |= SESSION_ENDPOINT | SESSION_SILENCE_TEXT;
		out->endpoint = true;
		out->silence_text = levels[i].silence_text;
	}
}

/* Phrases, as strings or with a weight each. */
static void hotwords(struct message_reader *reader, struct message_hotwords *out)
{
	const struct cJSON *array = NULL, *item;
	struct message_hotword *list;
	size_t n = 0;

	if (reader->status < 0)
		return;
	reader_check(reader, fields_array(&reader->fields, "hotwords", &array), "hotwords", false);
	if (!array || reader->status < 0)
		return;
	out->given = true;
	list = reader_take(reader, (size_t)cJSON_GetArraySize(array), sizeof(*list));
	cJSON_ArrayForEach(item, array)
	{
		if (reader->status < 0)
			return;
		struct message_hotword *word = &list[n];

		word->weight = NAN;
		if (cJSON_IsString(item)) {
			word->phrase = reader_copy(reader, cJSON_GetStringValue(item));
		} else if (cJSON_IsObject(item)) {
			struct message_reader inner = reader_inside(reader, item, "hotwords[]");

			reader_string(&inner, "phrase", true, &word->phrase);
			reader_number(&inner, "weight", -100, 100, &word->weight);
			reader->status = inner.status;
		} else {
			reader->status =
				problem_set(reader->fields.problem, reader->fields.path, "hotwords",
					    "must be strings or objects with a phrase");
		}
		n++;
	}
	out->list = list;
	out->n = n;
}

static void parse_transcribe(struct message_reader *reader, struct message_transcribe *out)
{
	struct session_options ours;

	reader_string(reader, "name", false, &out->name);
	reader_string(reader, "language", false, &out->language);
	reader_context(reader, &out->context);
	sensitivity(reader, &out->options);
	if (out->language) {
		size_t n = strlen(out->language);
		if (n >= sizeof(out->options.language)) {
			reader->status = problem_set(reader->fields.problem, reader->fields.path,
						     "language", "is too long");
			return;
		}
		memcpy(out->options.language, out->language, n + 1);
		out->options.given |= SESSION_LANGUAGE;
	}
	const cJSON *heard = reader_object(reader, "heard");
	if (!heard)
		return;
	out->heard = true;
	reader->status =
		session_options_parse(heard, "transcribe.heard", &ours, reader->fields.problem);
	if (reader->status == 0)
		session_options_merge(&out->options, &ours);
	struct message_reader inner = reader_inside(reader, heard, "transcribe.heard");
	inner.status = reader->status;
	hotwords(&inner, &out->hotwords);
	parse_grammar(&inner, &out->grammar);
	reader->status = inner.status;
}

static void parse_audio(struct message_reader *reader, bool start, struct message_audio *out)
{
	static const struct {
		const char *key;
		int64_t max;
	} wanted[] = {{"rate", 768000}, {"width", 8}, {"channels", 255}};
	int64_t values[3] = {0};

	for (int i = 0; i < 3 && reader->status == 0; i++) {
		if (!reader_integer(reader, wanted[i].key, 1, wanted[i].max, &values[i]) &&
		    reader->status == 0)
			reader->status = fields_missing(&reader->fields, wanted[i].key);
	}
	out->rate = (int)values[0];
	out->width = (int)values[1];
	out->channels = (int)values[2];
	reader_timestamp(reader, &out->timestamp);

	const cJSON *heard = start ? reader_object(reader, "heard") : NULL;
	if (!heard)
		return;
	struct message_reader ours = reader_inside(reader, heard, "audio-start.heard");
	const char *format = NULL;
	reader_check(&ours, fields_string(&ours.fields, "format", &format), "format", false);
	if (format && strcmp(format, "f32") == 0 && out->width == 4)
		out->floating = true;
	else if (format && strcmp(format, "int") != 0)
		ours.status = problem_set(ours.fields.problem, ours.fields.path, "format",
					  "must be \"int\", or \"f32\" with a width of 4");
	reader->status = ours.status;
}

static void parse_transcript(struct message_reader *reader, struct message_transcript *out)
{
	out->confidence = -1;
	out->latency = -1;
	reader_string(reader, "text", true, &out->text);
	reader_string(reader, "language", false, &out->language);
	reader_context(reader, &out->context);
	const cJSON *heard = reader_object(reader, "heard");
	if (!heard)
		return;
	struct message_reader ours = reader_inside(reader, heard, "transcript.heard");
	out->heard = true;
	stamp(&ours, &out->stamp);
	reader_identity(&ours, "utt", &out->utterance);
	reader_integer(&ours, "start_sample", -READER_COUNT_MAX, READER_COUNT_MAX,
		       &out->start_sample);
	reader_integer(&ours, "end_sample", -READER_COUNT_MAX, READER_COUNT_MAX, &out->end_sample);
	reader_seconds(&ours, "start", &out->start);
	reader_seconds(&ours, "end", &out->end);
	final_mode(&ours, &out->final);
	reader_flag(&ours, "prefix_ok", &out->prefix_ok);
	reader_positive(&ours, "confidence", &out->confidence);
	reader_positive(&ours, "latency", &out->latency);
	reader_string(&ours, "rule", false, &out->rule);
	reader_string(&ours, "reason", false, &out->reason);
	out->words = words(&ours, &out->n_words, &out->has_words);
	reader->status = ours.status;
}

static void parse_detection(struct message_reader *reader, struct message_detection *out)
{
	reader_string(reader, "name", false, &out->name);
	reader_string(reader, "speaker", false, &out->speaker);
	reader_context(reader, &out->context);
	reader_timestamp(reader, &out->timestamp);
	const cJSON *heard = reader_object(reader, "heard");
	if (!heard)
		return;
	struct message_reader ours = reader_inside(reader, heard, "detection.heard");
	out->heard = true;
	stamp(&ours, &out->stamp);
	reader_number(&ours, "confidence", 0, 1, &out->confidence);
	reader->status = ours.status;
}

static void parse_welcome(struct message_reader *reader, struct message_welcome *out)
{
	stamp(reader, &out->stamp);
	reader_string(reader, "version", false, &out->version);
	out->capabilities = reader_strings(reader, "capabilities", &out->n_capabilities);
	reader_flag(reader, "ready", &out->ready);
	reader_string(reader, "model", false, &out->model);
	reader_number(reader, "rate", 0, 1e6, &out->rate);
	const cJSON *limits = reader_object(reader, "limits");
	if (!limits)
		return;
	struct message_reader inner = reader_inside(reader, limits, "heard-welcome.limits");
	reader_count(&inner, "line", &out->line_limit);
	reader_count(&inner, "data", &out->data_limit);
	reader_count(&inner, "payload", &out->payload_limit);
	reader->status = inner.status;
}

static void parse_set(struct message_reader *reader, bool admin, struct message_set *out)
{
	if (reader->status == 0)
		reader->status = session_options_parse(reader->fields.object, reader->fields.path,
						       &out->options, reader->fields.problem);
	hotwords(reader, &out->hotwords);
	parse_grammar(reader, &out->grammar);
	if (!admin)
		return;
	reader_string(reader, "device", false, &out->device);
	reader_string(reader, "model", false, &out->model);
	reader_flag(reader, "reload", &out->reload);
	out->stamped = reader->fields.object &&
		       cJSON_GetObjectItemCaseSensitive(reader->fields.object, "clock");
	stamp(reader, &out->stamp);
}

static void parse_reset(struct message_reader *reader, struct message_reset *out)
{
	const char *mode = NULL;

	out->full = true;
	reader_check(reader, fields_string(&reader->fields, "mode", &mode), "mode", false);
	if (mode && strcmp(mode, "utterance") == 0)
		out->full = false;
	else if (mode && strcmp(mode, "full") != 0)
		reader->status = problem_set(reader->fields.problem, reader->fields.path, "mode",
					     "must be \"full\" or \"utterance\"");
}

static void parse_partial(struct message_reader *reader, struct message_partial *out)
{
	stamp(reader, &out->stamp);
	reader_identity(reader, "utt", &out->utterance);
	reader_identity(reader, "seq", &out->sequence);
	reader_seconds(reader, "start", &out->start);
	reader_string(reader, "stable", true, &out->stable);
	reader_string(reader, "unstable", true, &out->unstable);
	reader_string(reader, "command", false, &out->command);
	out->words = words(reader, &out->n_words, &out->has_words);
}

static void parse_device(struct message_reader *reader, struct message_device *out)
{
	const cJSON *item;
	size_t n;

	reader_string(reader, "state", false, &out->state);
	out->request = !out->state;
	stamp(reader, &out->stamp);
	reader_string(reader, "name", false, &out->name);
	reader_string(reader, "reason", false, &out->reason);
	reader_number(reader, "rate", 0, 1e7, &out->rate);
	reader_count(reader, "channels", &out->channels);
	reader_seconds(reader, "gap", &out->gap);
	struct message_input *devices =
		reader_objects(reader, "devices", sizeof(*devices), &item, &n);
	for (size_t i = 0; devices && i < n; i++, item = item->next) {
		struct message_reader inner = reader_inside(reader, item, "heard-device.devices[]");
		reader_count(&inner, "index", &devices[i].index);
		reader_string(&inner, "name", true, &devices[i].name);
		reader_string(&inner, "host", false, &devices[i].host);
		reader_number(&inner, "rate", 0, 1e7, &devices[i].rate);
		reader_count(&inner, "channels", &devices[i].channels);
		reader_flag(&inner, "default", &devices[i].is_default);
		reader->status = inner.status;
	}
	out->devices = devices;
	out->n_devices = n;
	out->has_devices = devices != NULL;
}

static void parse_lag(struct message_reader *reader, struct message_lag *out)
{
	stamp(reader, &out->stamp);
	reader_seconds(reader, "behind", &out->behind);
	reader_positive(reader, "rtf", &out->rtf);
	reader_count(reader, "rung", &out->rung);
	reader_string(reader, "measures", false, &out->measures);
	window(reader, &out->window);
}

static void parse_status(struct message_reader *reader, struct message_status *out)
{
	reader_string(reader, "version", false, &out->version);
	out->request = !out->version;
	stamp(reader, &out->stamp);
	reader_string(reader, "state", false, &out->state);
	reader_string(reader, "model", false, &out->model);
	reader_number(reader, "rate", 0, 1e6, &out->rate);
	window(reader, &out->window);
	reader_seconds(reader, "lookahead", &out->lookahead);
	reader_string(reader, "final", false, &out->final);
	reader_string(reader, "source", false, &out->source);
	reader_string(reader, "device", false, &out->device);
	reader_string(reader, "device_state", false, &out->device_state);
	out->level = -INFINITY;
	reader_number(reader, "level", -1000, 1000, &out->level);
	reader_flag(reader, "gate_open", &out->gate_open);
	reader_seconds(reader, "uptime", &out->uptime);
	reader_count(reader, "clients", &out->clients);
	reader_count(reader, "subscribers", &out->subscribers);
	reader_count(reader, "pushers", &out->pushers);
	reader_count(reader, "clients_total", &out->clients_total);
	reader_count(reader, "utterances_total", &out->utterances_total);
	reader_seconds(reader, "audio_total", &out->audio_total);
	reader_seconds(reader, "behind", &out->behind);
	reader_count(reader, "rung", &out->rung);
	reader_positive(reader, "rtf", &out->rtf);
	reader_seconds(reader, "step_p50", &out->step_p50);
	reader_seconds(reader, "step_p99", &out->step_p99);
	reader_count(reader, "steps", &out->steps);
	reader_seconds(reader, "overrun", &out->overrun);
	reader_count(reader, "dropped_partials", &out->dropped_partials);
	reader_count(reader, "dropped_clients", &out->dropped_clients);
	reader_count(reader, "memory", &out->memory);
	reader_count(reader, "memory_peak", &out->memory_peak);
	reader_count(reader, "words_shown", &out->words_shown);
	reader_count(reader, "words_revised", &out->words_revised);
	reader_positive(reader, "flicker", &out->flicker);
	reader_count(reader, "prefix_broken", &out->prefix_broken);
}

static void parse_data(struct message_reader *reader, struct message *m)
{
	bool has_words;

	switch (m->kind) {
	case MESSAGE_UNKNOWN:
	case MESSAGE_DESCRIBE:
	case MESSAGE_TRANSCRIPT_STOP:
	case MESSAGE_FLUSH:
	case MESSAGE_CANCEL:
		return;
	case MESSAGE_INFO:
		parse_info(reader, &m->info);
		return;
	case MESSAGE_TRANSCRIBE:
		parse_transcribe(reader, &m->transcribe);
		return;
	case MESSAGE_AUDIO_START:
	case MESSAGE_AUDIO_CHUNK:
		parse_audio(reader, m->kind == MESSAGE_AUDIO_START, &m->audio);
		return;
	case MESSAGE_AUDIO_STOP:
	case MESSAGE_VOICE_STARTED:
	case MESSAGE_VOICE_STOPPED:
		reader_timestamp(reader, &m->timestamp);
		return;
	case MESSAGE_TRANSCRIPT_START:
		reader_string(reader, "language", false, &m->transcript_start.language);
		reader_context(reader, &m->transcript_start.context);
		return;
	case MESSAGE_TRANSCRIPT_CHUNK:
		reader_string(reader, "text", true, &m->text.text);
		return;
	case MESSAGE_PING:
	case MESSAGE_PONG:
		reader_string(reader, "text", false, &m->text.text);
		return;
	case MESSAGE_TRANSCRIPT:
		parse_transcript(reader, &m->transcript);
		return;
	case MESSAGE_DETECT:
		m->detect.names = reader_strings(reader, "names", &m->detect.n_names);
		reader_context(reader, &m->detect.context);
		return;
	case MESSAGE_DETECTION:
		parse_detection(reader, &m->detection);
		return;
	case MESSAGE_NOT_DETECTED:
		reader_context(reader, &m->not_detected.context);
		return;
	case MESSAGE_ERROR:
		reader_string(reader, "text", true, &m->error.text);
		reader_string(reader, "code", false, &m->error.code);
		return;
	case MESSAGE_HELLO:
		reader_string(reader, "client", false, &m->hello.client);
		return;
	case MESSAGE_WELCOME:
		parse_welcome(reader, &m->welcome);
		return;
	case MESSAGE_SUBSCRIBE:
	case MESSAGE_SET:
		parse_set(reader, m->kind == MESSAGE_SET, &m->set);
		return;
	case MESSAGE_RESET:
		parse_reset(reader, &m->reset);
		return;
	case MESSAGE_PARTIAL:
		parse_partial(reader, &m->partial);
		return;
	case MESSAGE_ENDPOINT:
		stamp(reader, &m->endpoint.stamp);
		reader_identity(reader, "utt", &m->endpoint.utterance);
		reader_string(reader, "rule", false, &m->endpoint.rule);
		return;
	case MESSAGE_DEVICE:
		parse_device(reader, &m->device);
		return;
	case MESSAGE_OVERRUN:
		stamp(reader, &m->overrun.stamp);
		reader_seconds(reader, "dropped", &m->overrun.dropped);
		reader_seconds(reader, "dropped_total", &m->overrun.dropped_total);
		return;
	case MESSAGE_LAG:
		parse_lag(reader, &m->lag);
		return;
	case MESSAGE_STATUS:
		parse_status(reader, &m->status);
		return;
	case MESSAGE_COMMAND:
		stamp(reader, &m->command.stamp);
		parse_command(reader, &m->command);
		m->command.words = words(reader, &m->command.n_words, &has_words);
		return;
	case MESSAGE_NO_MATCH:
		stamp(reader, &m->no_match.stamp);
		parse_no_match(reader, &m->no_match);
		return;
	case MESSAGE_NBEST:
		stamp(reader, &m->nbest.stamp);
		parse_nbest(reader, &m->nbest);
		return;
	case MESSAGE_KINDS:
		break;
	}
	abort();
}

int message_parse(const char *type, const struct cJSON *data, struct message *message,
		  struct problem *problem)
{
	memset(message, 0, sizeof(*message));
	problem->text[0] = '\0';
	message->kind = message_kind(type);
	struct message_reader reader = {
		.message = message,
		.fields = {.object = data, .path = message_type(message->kind), .problem = problem},
	};
	parse_data(&reader, message);
	if (reader.status < 0)
		message_finish(message);
	return reader.status;
}
