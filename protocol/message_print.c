/*
 * Structs to JSON. Optional fields are left out, never written as null.
 */
#include "protocol/framing.h"
#include "protocol/message.h"
#include "protocol/message_commands.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* Digits behind the point of what is measured, not counted. */
enum { CONFIDENCE_DIGITS = 4, MEASURE_DIGITS = 6 };

static void string_or_empty(struct json_object *json, const char *key, const char *value)
{
	json_string(json, key, value ? value : "");
}

static void nonnegative(struct json_object *json, const char *key, double value, int digits)
{
	if (value >= 0)
		json_rounded(json, key, value, digits);
}

static void stamp(struct json_object *json, const struct message_stamp *value)
{
	json_integer(json, "stream", (int64_t)value->stream);
	json_integer(json, "clock", value->clock);
	json_number(json, "time", value->time);
}

static void timestamp(struct json_object *json, const struct message_timestamp *value)
{
	if (value->given)
		json_integer(json, "timestamp", value->ms);
}

static void window(struct json_object *json, const struct message_window *value)
{
	json_integer(json, "left", value->left);
	json_integer(json, "chunk", value->chunk);
	json_integer(json, "right", value->right);
}

static void words(struct json_object *json, const struct message_word *value, size_t n)
{
	struct json_object list = json_list(json, "words");

	for (size_t i = 0; i < n; i++) {
		struct json_object word = json_item(&list);
		string_or_empty(&word, "word", value[i].word);
		json_number(&word, "start", value[i].start);
		json_number(&word, "end", value[i].end);
		json_rounded(&word, "confidence", value[i].confidence, CONFIDENCE_DIGITS);
		if (value[i].open)
			json_bool(&word, "open", true);
		json_join(&list, &word);
	}
	json_join(json, &list);
}

static void strings(struct json_object *json, const char *key, const char *const *value, size_t n)
{
	struct json_object list = json_list(json, key);

	for (size_t i = 0; i < n; i++)
		json_list_string(&list, value[i]);
	json_join(json, &list);
}

static void artifact(struct json_object *json, const char *name, const char *description,
		     const char *version, const struct message_attribution *attribution,
		     bool installed)
{
	string_or_empty(json, "name", name);
	json_string(json, "description", description);
	json_string(json, "version", version);
	json_bool(json, "installed", installed);
	/* The reference client raises TypeError where it is absent. */
	struct json_object inner = json_inner(json, "attribution");
	string_or_empty(&inner, "name", attribution->name);
	string_or_empty(&inner, "url", attribution->url);
	json_join(json, &inner);
}

static void programs(struct json_object *json, const char *key, const struct message_program *value,
		     size_t n, bool asr)
{
	struct json_object list = json_list(json, key);

	for (size_t i = 0; i < n; i++) {
		const struct message_program *program = &value[i];
		struct json_object object = json_item(&list);
		artifact(&object, program->name, program->description, program->version,
			 &program->attribution, program->installed);
		struct json_object models = json_list(&object, "models");
		for (size_t j = 0; j < program->n_models; j++) {
			const struct message_model *model = &program->models[j];
			struct json_object inner = json_item(&models);
			artifact(&inner, model->name, model->description, model->version,
				 &model->attribution, model->installed);
			strings(&inner, "languages", model->languages, model->n_languages);
			json_string(&inner, "phrase", model->phrase);
			json_join(&models, &inner);
		}
		json_join(&object, &models);
		if (asr) {
			json_bool(&object, "supports_transcript_streaming",
				  program->supports_transcript_streaming);
			json_bool(&object, "requires_external_vad", program->requires_external_vad);
			json_bool(&object, "prefers_auto_gain_enabled",
				  program->prefers_auto_gain_enabled);
			json_bool(&object, "prefers_noise_reduction_enabled",
				  program->prefers_noise_reduction_enabled);
		}
		if (program->heard) {
			struct json_object ours = json_inner(&object, "heard");
			json_number(&ours, "rate", program->rate);
			json_number(&ours, "hop", program->hop);
			window(&ours, &program->window);
			json_string(&ours, "final", session_final_name(program->final));
			json_join(&object, &ours);
		}
		json_join(&list, &object);
	}
	json_join(json, &list);
}

static void print_info(struct json_object *json, const struct message_info *value)
{
	static const char *const others[] = {"tts", "handle", "intent", "mic", "snd"};

	programs(json, "asr", value->asr, value->n_asr, true);
	programs(json, "wake", value->wake, value->n_wake, false);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		strings(json, others[i], NULL, 0);
}

static void options(struct json_object *json, const struct session_options *value)
{
	if (!json->json || session_options_print(value, json->json) < 0)
		json->failed = true;
}

static void hotwords(struct json_object *json, const struct message_hotwords *value)
{
	if (!value->given)
		return;
	struct json_object list = json_list(json, "hotwords");
	for (size_t i = 0; i < value->n; i++) {
		if (isnan(value->list[i].weight)) {
			json_list_string(&list, value->list[i].phrase);
			continue;
		}
		struct json_object word = json_item(&list);
		json_string(&word, "phrase", value->list[i].phrase);
		json_number(&word, "weight", value->list[i].weight);
		json_join(&list, &word);
	}
	json_join(json, &list);
}

static void print_transcribe(struct json_object *json, const struct message_transcribe *value)
{
	json_string(json, "name", value->name);
	json_string(json, "language", value->language);
	json_raw(json, "context", value->context);
	if (!value->heard)
		return;
	struct json_object ours = json_inner(json, "heard");
	options(&ours, &value->options);
	hotwords(&ours, &value->hotwords);
	print_grammar(&ours, &value->grammar);
	json_join(json, &ours);
}

static void print_audio(struct json_object *json, const struct message_audio *value, bool start)
{
	json_integer(json, "rate", value->rate);
	json_integer(json, "width", value->width);
	json_integer(json, "channels", value->channels);
	timestamp(json, &value->timestamp);
	if (!start || !value->floating)
		return;
	struct json_object ours = json_inner(json, "heard");
	json_string(&ours, "format", "f32");
	json_join(json, &ours);
}

static void print_transcript(struct json_object *json, const struct message_transcript *value)
{
	string_or_empty(json, "text", value->text);
	json_string(json, "language", value->language);
	json_raw(json, "context", value->context);
	if (!value->heard)
		return;
	struct json_object ours = json_inner(json, "heard");
	stamp(&ours, &value->stamp);
	json_integer(&ours, "utt", (int64_t)value->utterance);
	json_integer(&ours, "start_sample", value->start_sample);
	json_integer(&ours, "end_sample", value->end_sample);
	json_number(&ours, "start", value->start);
	json_number(&ours, "end", value->end);
	json_string(&ours, "final", session_final_name(value->final));
	json_bool(&ours, "prefix_ok", value->prefix_ok);
	nonnegative(&ours, "confidence", value->confidence, CONFIDENCE_DIGITS);
	nonnegative(&ours, "latency", value->latency, MEASURE_DIGITS);
	json_string(&ours, "rule", value->rule);
	json_string(&ours, "reason", value->reason);
	if (value->has_words)
		words(&ours, value->words, value->n_words);
	json_join(json, &ours);
}

static void print_detection(struct json_object *json, const struct message_detection *value)
{
	json_string(json, "name", value->name);
	json_string(json, "speaker", value->speaker);
	json_raw(json, "context", value->context);
	timestamp(json, &value->timestamp);
	if (!value->heard)
		return;
	struct json_object ours = json_inner(json, "heard");
	stamp(&ours, &value->stamp);
	json_rounded(&ours, "confidence", value->confidence, CONFIDENCE_DIGITS);
	json_join(json, &ours);
}

static void print_welcome(struct json_object *json, const struct message_welcome *value)
{
	stamp(json, &value->stamp);
	json_string(json, "version", value->version);
	strings(json, "capabilities", value->capabilities, value->n_capabilities);
	json_bool(json, "ready", value->ready);
	json_string(json, "model", value->model);
	if (value->rate > 0)
		json_number(json, "rate", value->rate);
	struct json_object limits = json_inner(json, "limits");
	json_integer(&limits, "line", value->line_limit);
	json_integer(&limits, "data", value->data_limit);
	json_integer(&limits, "payload", value->payload_limit);
	json_join(json, &limits);
}

static void print_set(struct json_object *json, const struct message_set *value)
{
	if (value->stamped)
		stamp(json, &value->stamp);
	options(json, &value->options);
	hotwords(json, &value->hotwords);
	print_grammar(json, &value->grammar);
	json_string(json, "device", value->device);
	json_string(json, "model", value->model);
	if (value->reload)
		json_bool(json, "reload", true);
}

static void print_partial(struct json_object *json, const struct message_partial *value)
{
	stamp(json, &value->stamp);
	json_integer(json, "utt", (int64_t)value->utterance);
	json_integer(json, "seq", (int64_t)value->sequence);
	json_number(json, "start", value->start);
	string_or_empty(json, "stable", value->stable);
	string_or_empty(json, "unstable", value->unstable);
	json_string(json, "command", value->command);
	if (value->has_words)
		words(json, value->words, value->n_words);
}

static void print_device(struct json_object *json, const struct message_device *value)
{
	if (value->request)
		return;
	stamp(json, &value->stamp);
	string_or_empty(json, "state", value->state);
	json_string(json, "name", value->name);
	json_string(json, "reason", value->reason);
	if (value->rate > 0)
		json_number(json, "rate", value->rate);
	if (value->channels > 0)
		json_integer(json, "channels", value->channels);
	if (value->gap > 0)
		json_number(json, "gap", value->gap);
	if (!value->has_devices)
		return;
	struct json_object list = json_list(json, "devices");
	for (size_t i = 0; i < value->n_devices; i++) {
		const struct message_input *device = &value->devices[i];
		struct json_object object = json_item(&list);
		json_integer(&object, "index", device->index);
		string_or_empty(&object, "name", device->name);
		json_string(&object, "host", device->host);
		json_number(&object, "rate", device->rate);
		json_integer(&object, "channels", device->channels);
		json_bool(&object, "default", device->is_default);
		json_join(&list, &object);
	}
	json_join(json, &list);
}

static void print_lag(struct json_object *json, const struct message_lag *value)
{
	stamp(json, &value->stamp);
	json_rounded(json, "behind", value->behind, MEASURE_DIGITS);
	nonnegative(json, "rtf", value->rtf, CONFIDENCE_DIGITS);
	json_integer(json, "rung", value->rung);
	json_string(json, "measures", value->measures);
	window(json, &value->window);
}

static void print_status(struct json_object *json, const struct message_status *value)
{
	if (value->request)
		return;
	stamp(json, &value->stamp);
	string_or_empty(json, "version", value->version);
	json_string(json, "state", value->state);
	json_string(json, "model", value->model);
	json_number(json, "rate", value->rate);
	window(json, &value->window);
	json_number(json, "lookahead", value->lookahead);
	json_string(json, "final", value->final);
	json_string(json, "source", value->source);
	json_string(json, "device", value->device);
	json_string(json, "device_state", value->device_state);
	if (isfinite(value->level))
		json_rounded(json, "level", value->level, 1);
	json_bool(json, "gate_open", value->gate_open);
	json_rounded(json, "uptime", value->uptime, 3);
	json_integer(json, "clients", value->clients);
	json_integer(json, "subscribers", value->subscribers);
	json_integer(json, "pushers", value->pushers);
	json_integer(json, "clients_total", value->clients_total);
	json_integer(json, "utterances_total", value->utterances_total);
	json_rounded(json, "audio_total", value->audio_total, 3);
	json_rounded(json, "behind", value->behind, MEASURE_DIGITS);
	json_integer(json, "rung", value->rung);
	nonnegative(json, "rtf", value->rtf, CONFIDENCE_DIGITS);
	json_rounded(json, "step_p50", value->step_p50, MEASURE_DIGITS);
	json_rounded(json, "step_p99", value->step_p99, MEASURE_DIGITS);
	json_integer(json, "steps", value->steps);
	json_rounded(json, "overrun", value->overrun, MEASURE_DIGITS);
	json_integer(json, "dropped_partials", value->dropped_partials);
	json_integer(json, "dropped_clients", value->dropped_clients);
	json_integer(json, "memory", value->memory);
	json_integer(json, "memory_peak", value->memory_peak);
	json_integer(json, "words_shown", value->words_shown);
	json_integer(json, "words_revised", value->words_revised);
	nonnegative(json, "flicker", value->flicker, CONFIDENCE_DIGITS);
	json_integer(json, "prefix_broken", value->prefix_broken);
}

static void print_data(struct json_object *json, const struct message *m)
{
	switch (m->kind) {
	case MESSAGE_DESCRIBE:
	case MESSAGE_TRANSCRIPT_STOP:
	case MESSAGE_FLUSH:
	case MESSAGE_CANCEL:
		return;
	case MESSAGE_INFO:
		print_info(json, &m->info);
		return;
	case MESSAGE_TRANSCRIBE:
		print_transcribe(json, &m->transcribe);
		return;
	case MESSAGE_AUDIO_START:
	case MESSAGE_AUDIO_CHUNK:
		print_audio(json, &m->audio, m->kind == MESSAGE_AUDIO_START);
		return;
	case MESSAGE_AUDIO_STOP:
	case MESSAGE_VOICE_STARTED:
	case MESSAGE_VOICE_STOPPED:
		timestamp(json, &m->timestamp);
		return;
	case MESSAGE_TRANSCRIPT_START:
		json_string(json, "language", m->transcript_start.language);
		json_raw(json, "context", m->transcript_start.context);
		return;
	case MESSAGE_TRANSCRIPT_CHUNK:
		string_or_empty(json, "text", m->text.text);
		return;
	case MESSAGE_PING:
	case MESSAGE_PONG:
		json_string(json, "text", m->text.text);
		return;
	case MESSAGE_TRANSCRIPT:
		print_transcript(json, &m->transcript);
		return;
	case MESSAGE_DETECT:
		if (m->detect.n_names > 0)
			strings(json, "names", m->detect.names, m->detect.n_names);
		json_raw(json, "context", m->detect.context);
		return;
	case MESSAGE_DETECTION:
		print_detection(json, &m->detection);
		return;
	case MESSAGE_NOT_DETECTED:
		json_raw(json, "context", m->not_detected.context);
		return;
	case MESSAGE_ERROR:
		string_or_empty(json, "text", m->error.text);
		json_string(json, "code", m->error.code);
		return;
	case MESSAGE_HELLO:
		json_string(json, "client", m->hello.client);
		return;
	case MESSAGE_WELCOME:
		print_welcome(json, &m->welcome);
		return;
	case MESSAGE_SUBSCRIBE:
		options(json, &m->set.options);
		hotwords(json, &m->set.hotwords);
		print_grammar(json, &m->set.grammar);
		return;
	case MESSAGE_SET:
		print_set(json, &m->set);
		return;
	case MESSAGE_RESET:
		json_string(json, "mode", m->reset.full ? "full" : "utterance");
		return;
	case MESSAGE_PARTIAL:
		print_partial(json, &m->partial);
		return;
	case MESSAGE_ENDPOINT:
		stamp(json, &m->endpoint.stamp);
		json_integer(json, "utt", (int64_t)m->endpoint.utterance);
		json_string(json, "rule", m->endpoint.rule);
		return;
	case MESSAGE_DEVICE:
		print_device(json, &m->device);
		return;
	case MESSAGE_OVERRUN:
		stamp(json, &m->overrun.stamp);
		json_rounded(json, "dropped", m->overrun.dropped, MEASURE_DIGITS);
		json_rounded(json, "dropped_total", m->overrun.dropped_total, MEASURE_DIGITS);
		return;
	case MESSAGE_LAG:
		print_lag(json, &m->lag);
		return;
	case MESSAGE_STATUS:
		print_status(json, &m->status);
		return;
	case MESSAGE_COMMAND:
		stamp(json, &m->command.stamp);
		print_command(json, &m->command);
		words(json, m->command.words, m->command.n_words);
		return;
	case MESSAGE_NO_MATCH:
		stamp(json, &m->no_match.stamp);
		print_no_match(json, &m->no_match);
		return;
	case MESSAGE_NBEST:
		stamp(json, &m->nbest.stamp);
		print_nbest(json, &m->nbest);
		return;
	case MESSAGE_UNKNOWN:
	case MESSAGE_KINDS:
		break;
	}
	abort();
}

int message_print(const struct message *message, uint64_t payload_length, char **out, size_t *n)
{
	struct json_object json = {.json = cJSON_CreateObject()};
	int status = -ENOMEM;

	if (json.json) {
		print_data(&json, message);
		if (!json.failed)
			status = framing_print(message_type(message->kind), json.json,
					       payload_length, out, n);
	}
	cJSON_Delete(json.json);
	return status;
}
