/*
 * JSON to structs. What the JSON tree holds is copied into blocks that the
 * message owns, so the tree can go at once.
 */
#include "protocol/message.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Clocks and counts: what a double holds exactly. */
static const int64_t count_max = (int64_t)1 << 53;
static const double seconds_max = 1e12;

struct message_block {
	struct message_block *next;
	max_align_t bytes[];
};

/* One event being parsed. The first error sticks, the readers below then do
 * nothing: so a parser is a list of fields. */
struct parser {
	struct message *message;
	struct fields fields;
	int status;
};

static void *take(struct parser *parser, size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n) ||
	    __builtin_add_overflow(n, sizeof(struct message_block), &n)) {
		parser->status = -ENOMEM;
		return NULL;
	}
	struct message_block *block = calloc(1, n);
	if (!block) {
		parser->status = -ENOMEM;
		return NULL;
	}
	block->next = parser->message->blocks;
	parser->message->blocks = block;
	return block->bytes;
}

void message_finish(struct message *message)
{
	while (message->blocks) {
		struct message_block *next = message->blocks->next;
		free(message->blocks);
		message->blocks = next;
	}
}

static const char *copy(struct parser *parser, const char *text)
{
	size_t n = strlen(text) + 1;
	char *bytes = take(parser, n, 1);

	return bytes ? memcpy(bytes, text, n) : NULL;
}

/* Parses an inner object with the same message and problem. */
static struct parser inside(struct parser *parser, const cJSON *object, const char *path)
{
	return (struct parser){
		.message = parser->message,
		.fields = {.object = object, .path = path, .problem = parser->fields.problem},
		.status = parser->status,
	};
}

static void check(struct parser *parser, int found, const char *key, bool required)
{
	if (found < 0)
		parser->status = found;
	else if (found == 0 && required)
		parser->status = fields_missing(&parser->fields, key);
}

static void string(struct parser *parser, const char *key, bool required, const char **out)
{
	const char *text = NULL;

	if (parser->status < 0)
		return;
	check(parser, fields_string(&parser->fields, key, &text), key, required);
	if (text)
		*out = copy(parser, text);
}

static bool number(struct parser *parser, const char *key, double min, double max, double *out)
{
	if (parser->status < 0)
		return false;
	int found = fields_number(&parser->fields, key, min, max, out);
	check(parser, found, key, false);
	return found > 0;
}

static void seconds(struct parser *parser, const char *key, double *out)
{
	number(parser, key, -seconds_max, seconds_max, out);
}

/* Numbers whose absence is told by a negative value. */
static void positive(struct parser *parser, const char *key, double *out)
{
	*out = -1;
	number(parser, key, 0, seconds_max, out);
}

static bool integer(struct parser *parser, const char *key, int64_t min, int64_t max, int64_t *out)
{
	if (parser->status < 0)
		return false;
	int found = fields_integer(&parser->fields, key, min, max, out);
	check(parser, found, key, false);
	return found > 0;
}

static void count(struct parser *parser, const char *key, int64_t *out)
{
	integer(parser, key, 0, count_max, out);
}

static void identity(struct parser *parser, const char *key, uint64_t *out)
{
	int64_t value = 0;

	count(parser, key, &value);
	*out = (uint64_t)value;
}

static void flag(struct parser *parser, const char *key, bool *out)
{
	if (parser->status < 0)
		return;
	check(parser, fields_bool(&parser->fields, key, out), key, false);
}

/* NULL where absent or on error. */
static const cJSON *object(struct parser *parser, const char *key)
{
	const cJSON *item = NULL;

	if (parser->status == 0)
		check(parser, fields_object(&parser->fields, key, &item), key, false);
	return parser->status == 0 ? item : NULL;
}

static const cJSON *array(struct parser *parser, const char *key)
{
	const cJSON *item = NULL;

	if (parser->status == 0)
		check(parser, fields_array(&parser->fields, key, &item), key, false);
	return parser->status == 0 ? item : NULL;
}

static void context(struct parser *parser, const char **out)
{
	const cJSON *item = object(parser, "context");

	if (!item)
		return;
	char *text = cJSON_PrintUnformatted(item);
	if (text)
		*out = copy(parser, text);
	else
		parser->status = -ENOMEM;
	cJSON_free(text);
}

static const char *const *strings(struct parser *parser, const char *key, size_t *n)
{
	const cJSON *list = array(parser, key);
	const cJSON *item;
	size_t i = 0;

	if (!list)
		return NULL;
	const char **out = take(parser, (size_t)cJSON_GetArraySize(list), sizeof(*out));
	if (!out)
		return NULL;
	cJSON_ArrayForEach(item, list)
	{
		if (!cJSON_IsString(item)) {
			parser->status = problem_set(parser->fields.problem, parser->fields.path,
						     key, "must be an array of strings");
			return NULL;
		}
		out[i] = copy(parser, item->valuestring);
		if (!out[i++])
			return NULL;
	}
	*n = i;
	return out;
}

/* Elements of an array that must all be objects; NULL and *n = 0 otherwise. */
static void *objects(struct parser *parser, const char *key, size_t size, const cJSON **first,
		     size_t *n)
{
	const cJSON *list = array(parser, key);
	const cJSON *item;
	size_t total = 0;

	*first = NULL;
	*n = 0;
	if (!list)
		return NULL;
	cJSON_ArrayForEach(item, list)
	{
		if (!cJSON_IsObject(item)) {
			parser->status = problem_set(parser->fields.problem, parser->fields.path,
						     key, "must be an array of objects");
			return NULL;
		}
		total++;
	}
	void *out = take(parser, total, size);
	if (!out)
		return NULL;
	*first = list->child;
	*n = total;
	return out;
}

static void timestamp(struct parser *parser, struct message_timestamp *out)
{
	double ms = 0;

	/* The reference writes integers; a float does no harm. */
	if (number(parser, "timestamp", -(double)count_max, (double)count_max, &ms)) {
		out->given = true;
		out->ms = (int64_t)floor(ms);
	}
}

static void stamp(struct parser *parser, struct message_stamp *out)
{
	identity(parser, "stream", &out->stream);
	integer(parser, "clock", -count_max, count_max, &out->clock);
	seconds(parser, "time", &out->time);
}

static void window(struct parser *parser, struct message_window *out)
{
	integer(parser, "left", -1, count_max, &out->left);
	integer(parser, "chunk", -1, count_max, &out->chunk);
	integer(parser, "right", 0, count_max, &out->right);
}

static void final_mode(struct parser *parser, enum session_final *out)
{
	const char *text = NULL;

	if (parser->status < 0)
		return;
	check(parser, fields_string(&parser->fields, "final", &text), "final", false);
	*out = text && strcmp(text, "stream") == 0 ? SESSION_FINAL_STREAM : SESSION_FINAL_OFFLINE;
}

static const struct message_word *words(struct parser *parser, size_t *n, bool *given)
{
	const cJSON *item;
	struct message_word *out = objects(parser, "words", sizeof(*out), &item, n);

	*given = out != NULL;
	for (size_t i = 0; out && i < *n; i++, item = item->next) {
		struct parser inner = inside(parser, item, "words[]");
		string(&inner, "word", true, &out[i].word);
		seconds(&inner, "start", &out[i].start);
		seconds(&inner, "end", &out[i].end);
		number(&inner, "confidence", 0, 1, &out[i].confidence);
		flag(&inner, "open", &out[i].open);
		parser->status = inner.status;
	}
	return out;
}

static void attribution(struct parser *parser, struct message_attribution *out)
{
	const cJSON *item = object(parser, "attribution");
	struct parser inner = inside(parser, item, "attribution");

	if (!item)
		return;
	string(&inner, "name", false, &out->name);
	string(&inner, "url", false, &out->url);
	parser->status = inner.status;
}

static const struct message_model *models(struct parser *parser, size_t *n)
{
	const cJSON *item;
	struct message_model *out = objects(parser, "models", sizeof(*out), &item, n);

	for (size_t i = 0; out && i < *n; i++, item = item->next) {
		struct parser inner = inside(parser, item, "models[]");
		string(&inner, "name", true, &out[i].name);
		string(&inner, "description", false, &out[i].description);
		string(&inner, "version", false, &out[i].version);
		string(&inner, "phrase", false, &out[i].phrase);
		attribution(&inner, &out[i].attribution);
		flag(&inner, "installed", &out[i].installed);
		out[i].languages = strings(&inner, "languages", &out[i].n_languages);
		parser->status = inner.status;
	}
	return out;
}

static const struct message_program *programs(struct parser *parser, const char *key, size_t *n)
{
	const cJSON *item;
	struct message_program *out = objects(parser, key, sizeof(*out), &item, n);

	for (size_t i = 0; out && i < *n; i++, item = item->next) {
		struct parser inner = inside(parser, item, key);
		struct message_program *program = &out[i];
		/* Wyoming's defaults. */
		program->requires_external_vad = true;
		program->prefers_auto_gain_enabled = true;
		program->prefers_noise_reduction_enabled = true;
		string(&inner, "name", true, &program->name);
		string(&inner, "description", false, &program->description);
		string(&inner, "version", false, &program->version);
		attribution(&inner, &program->attribution);
		flag(&inner, "installed", &program->installed);
		flag(&inner, "supports_transcript_streaming",
		     &program->supports_transcript_streaming);
		flag(&inner, "requires_external_vad", &program->requires_external_vad);
		flag(&inner, "prefers_auto_gain_enabled", &program->prefers_auto_gain_enabled);
		flag(&inner, "prefers_noise_reduction_enabled",
		     &program->prefers_noise_reduction_enabled);
		program->models = models(&inner, &program->n_models);
		const cJSON *heard = object(&inner, "heard");
		if (heard) {
			struct parser ours = inside(&inner, heard, "heard");
			program->heard = true;
			number(&ours, "rate", 1, 1e6, &program->rate);
			number(&ours, "hop", 1, 1e6, &program->hop);
			window(&ours, &program->window);
			final_mode(&ours, &program->final);
			inner.status = ours.status;
		}
		parser->status = inner.status;
	}
	return out;
}

static void parse_info(struct parser *parser, struct message_info *out)
{
	out->asr = programs(parser, "asr", &out->n_asr);
	out->wake = programs(parser, "wake", &out->n_wake);
}

/* The pauses of Home Assistant's own segmenter under these names. Other names
 * may come with later versions and choose nothing. */
static void sensitivity(struct parser *parser, struct session_options *out)
{
	static const struct {
		const char *name;
		double silence_text;
	} levels[] = {{"default", 0.7}, {"relaxed", 1.25}, {"aggressive", 0.25}};
	const char *name = NULL;

	if (parser->status < 0)
		return;
	check(parser, fields_string(&parser->fields, "vad_sensitivity", &name), "vad_sensitivity",
	      false);
	for (size_t i = 0; name && i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(name, levels[i].name) != 0)
			continue;
		out->given |= SESSION_ENDPOINT | SESSION_SILENCE_TEXT;
		out->endpoint = true;
		out->silence_text = levels[i].silence_text;
	}
}

static void parse_transcribe(struct parser *parser, struct message_transcribe *out)
{
	struct session_options ours;

	string(parser, "name", false, &out->name);
	string(parser, "language", false, &out->language);
	context(parser, &out->context);
	sensitivity(parser, &out->options);
	if (out->language) {
		size_t n = strlen(out->language);
		if (n >= sizeof(out->options.language)) {
			parser->status = problem_set(parser->fields.problem, parser->fields.path,
						     "language", "is too long");
			return;
		}
		memcpy(out->options.language, out->language, n + 1);
		out->options.given |= SESSION_LANGUAGE;
	}
	const cJSON *heard = object(parser, "heard");
	if (!heard)
		return;
	out->heard = true;
	parser->status =
		session_options_parse(heard, "transcribe.heard", &ours, parser->fields.problem);
	if (parser->status == 0)
		session_options_merge(&out->options, &ours);
}

static void parse_audio(struct parser *parser, bool start, struct message_audio *out)
{
	static const struct {
		const char *key;
		int64_t max;
	} wanted[] = {{"rate", 768000}, {"width", 8}, {"channels", 255}};
	int64_t values[3] = {0};

	for (int i = 0; i < 3 && parser->status == 0; i++) {
		if (!integer(parser, wanted[i].key, 1, wanted[i].max, &values[i]) &&
		    parser->status == 0)
			parser->status = fields_missing(&parser->fields, wanted[i].key);
	}
	out->rate = (int)values[0];
	out->width = (int)values[1];
	out->channels = (int)values[2];
	timestamp(parser, &out->timestamp);

	const cJSON *heard = start ? object(parser, "heard") : NULL;
	if (!heard)
		return;
	struct parser ours = inside(parser, heard, "audio-start.heard");
	const char *format = NULL;
	check(&ours, fields_string(&ours.fields, "format", &format), "format", false);
	if (format && strcmp(format, "f32") == 0 && out->width == 4)
		out->floating = true;
	else if (format && strcmp(format, "int") != 0)
		ours.status = problem_set(ours.fields.problem, ours.fields.path, "format",
					  "must be \"int\", or \"f32\" with a width of 4");
	parser->status = ours.status;
}

static void parse_transcript(struct parser *parser, struct message_transcript *out)
{
	out->confidence = -1;
	out->latency = -1;
	string(parser, "text", true, &out->text);
	string(parser, "language", false, &out->language);
	context(parser, &out->context);
	const cJSON *heard = object(parser, "heard");
	if (!heard)
		return;
	struct parser ours = inside(parser, heard, "transcript.heard");
	out->heard = true;
	stamp(&ours, &out->stamp);
	identity(&ours, "utt", &out->utterance);
	integer(&ours, "start_sample", -count_max, count_max, &out->start_sample);
	integer(&ours, "end_sample", -count_max, count_max, &out->end_sample);
	seconds(&ours, "start", &out->start);
	seconds(&ours, "end", &out->end);
	final_mode(&ours, &out->final);
	flag(&ours, "prefix_ok", &out->prefix_ok);
	positive(&ours, "confidence", &out->confidence);
	positive(&ours, "latency", &out->latency);
	string(&ours, "rule", false, &out->rule);
	string(&ours, "reason", false, &out->reason);
	out->words = words(&ours, &out->n_words, &out->has_words);
	parser->status = ours.status;
}

static void parse_detection(struct parser *parser, struct message_detection *out)
{
	out->confidence = -1;
	string(parser, "name", false, &out->name);
	string(parser, "speaker", false, &out->speaker);
	context(parser, &out->context);
	timestamp(parser, &out->timestamp);
	const cJSON *heard = object(parser, "heard");
	if (!heard)
		return;
	struct parser ours = inside(parser, heard, "detection.heard");
	positive(&ours, "confidence", &out->confidence);
	parser->status = ours.status;
}

static void parse_welcome(struct parser *parser, struct message_welcome *out)
{
	stamp(parser, &out->stamp);
	string(parser, "version", false, &out->version);
	out->capabilities = strings(parser, "capabilities", &out->n_capabilities);
	flag(parser, "ready", &out->ready);
	string(parser, "model", false, &out->model);
	number(parser, "rate", 0, 1e6, &out->rate);
	const cJSON *limits = object(parser, "limits");
	if (!limits)
		return;
	struct parser inner = inside(parser, limits, "heard-welcome.limits");
	count(&inner, "line", &out->line_limit);
	count(&inner, "data", &out->data_limit);
	count(&inner, "payload", &out->payload_limit);
	parser->status = inner.status;
}

static void parse_set(struct parser *parser, bool admin, struct message_set *out)
{
	if (parser->status == 0)
		parser->status = session_options_parse(parser->fields.object, parser->fields.path,
						       &out->options, parser->fields.problem);
	if (!admin)
		return;
	string(parser, "device", false, &out->device);
	string(parser, "model", false, &out->model);
	flag(parser, "reload", &out->reload);
	out->stamped = parser->fields.object &&
		       cJSON_GetObjectItemCaseSensitive(parser->fields.object, "clock");
	stamp(parser, &out->stamp);
}

static void parse_reset(struct parser *parser, struct message_reset *out)
{
	const char *mode = NULL;

	out->full = true;
	check(parser, fields_string(&parser->fields, "mode", &mode), "mode", false);
	if (mode && strcmp(mode, "utterance") == 0)
		out->full = false;
	else if (mode && strcmp(mode, "full") != 0)
		parser->status = problem_set(parser->fields.problem, parser->fields.path, "mode",
					     "must be \"full\" or \"utterance\"");
}

static void parse_partial(struct parser *parser, struct message_partial *out)
{
	stamp(parser, &out->stamp);
	identity(parser, "utt", &out->utterance);
	identity(parser, "seq", &out->sequence);
	seconds(parser, "start", &out->start);
	string(parser, "stable", true, &out->stable);
	string(parser, "unstable", true, &out->unstable);
	out->words = words(parser, &out->n_words, &out->has_words);
}

static void parse_device(struct parser *parser, struct message_device *out)
{
	const cJSON *item;
	size_t n;

	string(parser, "state", false, &out->state);
	out->request = !out->state;
	stamp(parser, &out->stamp);
	string(parser, "name", false, &out->name);
	string(parser, "reason", false, &out->reason);
	number(parser, "rate", 0, 1e7, &out->rate);
	count(parser, "channels", &out->channels);
	seconds(parser, "gap", &out->gap);
	seconds(parser, "retry", &out->retry);
	struct message_input *devices = objects(parser, "devices", sizeof(*devices), &item, &n);
	for (size_t i = 0; devices && i < n; i++, item = item->next) {
		struct parser inner = inside(parser, item, "heard-device.devices[]");
		count(&inner, "index", &devices[i].index);
		string(&inner, "name", true, &devices[i].name);
		string(&inner, "host", false, &devices[i].host);
		number(&inner, "rate", 0, 1e7, &devices[i].rate);
		count(&inner, "channels", &devices[i].channels);
		flag(&inner, "default", &devices[i].is_default);
		parser->status = inner.status;
	}
	out->devices = devices;
	out->n_devices = n;
	out->has_devices = devices != NULL;
}

static void parse_lag(struct parser *parser, struct message_lag *out)
{
	stamp(parser, &out->stamp);
	seconds(parser, "behind", &out->behind);
	positive(parser, "rtf", &out->rtf);
	count(parser, "rung", &out->rung);
	string(parser, "measures", false, &out->measures);
	window(parser, &out->window);
}

static void parse_status(struct parser *parser, struct message_status *out)
{
	string(parser, "version", false, &out->version);
	out->request = !out->version;
	stamp(parser, &out->stamp);
	string(parser, "state", false, &out->state);
	string(parser, "model", false, &out->model);
	number(parser, "rate", 0, 1e6, &out->rate);
	window(parser, &out->window);
	seconds(parser, "lookahead", &out->lookahead);
	string(parser, "final", false, &out->final);
	string(parser, "source", false, &out->source);
	string(parser, "device", false, &out->device);
	string(parser, "device_state", false, &out->device_state);
	out->level = -INFINITY;
	number(parser, "level", -1000, 1000, &out->level);
	flag(parser, "gate_open", &out->gate_open);
	seconds(parser, "uptime", &out->uptime);
	count(parser, "clients", &out->clients);
	count(parser, "subscribers", &out->subscribers);
	count(parser, "pushers", &out->pushers);
	count(parser, "clients_total", &out->clients_total);
	count(parser, "utterances_total", &out->utterances_total);
	seconds(parser, "audio_total", &out->audio_total);
	seconds(parser, "behind", &out->behind);
	count(parser, "rung", &out->rung);
	positive(parser, "rtf", &out->rtf);
	seconds(parser, "step_p50", &out->step_p50);
	seconds(parser, "step_p99", &out->step_p99);
	count(parser, "steps", &out->steps);
	seconds(parser, "overrun", &out->overrun);
	count(parser, "dropped_partials", &out->dropped_partials);
	count(parser, "dropped_clients", &out->dropped_clients);
	count(parser, "memory", &out->memory);
	count(parser, "memory_peak", &out->memory_peak);
	count(parser, "words_shown", &out->words_shown);
	count(parser, "words_revised", &out->words_revised);
	positive(parser, "flicker", &out->flicker);
	count(parser, "prefix_broken", &out->prefix_broken);
}

static void parse_data(struct parser *parser, struct message *m)
{
	switch (m->kind) {
	case MESSAGE_UNKNOWN:
	case MESSAGE_DESCRIBE:
	case MESSAGE_TRANSCRIPT_STOP:
	case MESSAGE_FLUSH:
	case MESSAGE_CANCEL:
		return;
	case MESSAGE_INFO:
		parse_info(parser, &m->info);
		return;
	case MESSAGE_TRANSCRIBE:
		parse_transcribe(parser, &m->transcribe);
		return;
	case MESSAGE_AUDIO_START:
	case MESSAGE_AUDIO_CHUNK:
		parse_audio(parser, m->kind == MESSAGE_AUDIO_START, &m->audio);
		return;
	case MESSAGE_AUDIO_STOP:
	case MESSAGE_VOICE_STARTED:
	case MESSAGE_VOICE_STOPPED:
		timestamp(parser, &m->timestamp);
		return;
	case MESSAGE_TRANSCRIPT_START:
		string(parser, "language", false, &m->transcript_start.language);
		context(parser, &m->transcript_start.context);
		return;
	case MESSAGE_TRANSCRIPT_CHUNK:
		string(parser, "text", true, &m->text.text);
		return;
	case MESSAGE_PING:
	case MESSAGE_PONG:
		string(parser, "text", false, &m->text.text);
		return;
	case MESSAGE_TRANSCRIPT:
		parse_transcript(parser, &m->transcript);
		return;
	case MESSAGE_DETECT:
		m->detect.names = strings(parser, "names", &m->detect.n_names);
		context(parser, &m->detect.context);
		return;
	case MESSAGE_DETECTION:
		parse_detection(parser, &m->detection);
		return;
	case MESSAGE_NOT_DETECTED:
		context(parser, &m->not_detected.context);
		return;
	case MESSAGE_ERROR:
		string(parser, "text", true, &m->error.text);
		string(parser, "code", false, &m->error.code);
		return;
	case MESSAGE_HELLO:
		string(parser, "client", false, &m->hello.client);
		return;
	case MESSAGE_WELCOME:
		parse_welcome(parser, &m->welcome);
		return;
	case MESSAGE_SUBSCRIBE:
	case MESSAGE_SET:
		parse_set(parser, m->kind == MESSAGE_SET, &m->set);
		return;
	case MESSAGE_RESET:
		parse_reset(parser, &m->reset);
		return;
	case MESSAGE_PARTIAL:
		parse_partial(parser, &m->partial);
		return;
	case MESSAGE_ENDPOINT:
		stamp(parser, &m->endpoint.stamp);
		identity(parser, "utt", &m->endpoint.utterance);
		string(parser, "rule", false, &m->endpoint.rule);
		return;
	case MESSAGE_DEVICE:
		parse_device(parser, &m->device);
		return;
	case MESSAGE_OVERRUN:
		stamp(parser, &m->overrun.stamp);
		seconds(parser, "dropped", &m->overrun.dropped);
		seconds(parser, "dropped_total", &m->overrun.dropped_total);
		return;
	case MESSAGE_LAG:
		parse_lag(parser, &m->lag);
		return;
	case MESSAGE_STATUS:
		parse_status(parser, &m->status);
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
	struct parser parser = {
		.message = message,
		.fields = {.object = data, .path = message_type(message->kind), .problem = problem},
	};
	parse_data(&parser, message);
	if (parser.status < 0)
		message_finish(message);
	return parser.status;
}
