#include "protocol/session_options.h"

#include "protocol/json_fields.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

/* Longer than any utterance the daemon keeps: it clamps to its own limits. */
static const double seconds_max = 3600;

const char *session_final_name(enum session_final final)
{
	return final == SESSION_FINAL_STREAM ? "stream" : "offline";
}

void session_options_merge(struct session_options *base, const struct session_options *over)
{
	if (over->given & SESSION_LANGUAGE)
		memcpy(base->language, over->language, sizeof(base->language));
	if (over->given & SESSION_FINAL)
		base->final = over->final;
	if (over->given & SESSION_PARTIALS)
		base->partials = over->partials;
	if (over->given & SESSION_PARTIAL_INTERVAL)
		base->partial_interval = over->partial_interval;
	if (over->given & SESSION_WORDS)
		base->words = over->words;
	if (over->given & SESSION_ENDPOINT)
		base->endpoint = over->endpoint;
	if (over->given & SESSION_SILENCE_NO_TEXT)
		base->silence_no_text = over->silence_no_text;
	if (over->given & SESSION_SILENCE_TEXT)
		base->silence_text = over->silence_text;
	if (over->given & SESSION_MAX_LENGTH)
		base->max_length = over->max_length;
	base->given |= over->given;
}

static int parse_language(const struct fields *fields, struct session_options *out)
{
	const char *language = NULL;
	int found = fields_string(fields, "language", &language);

	if (found <= 0)
		return found;
	if (strlen(language) >= sizeof(out->language))
		return problem_set(fields->problem, fields->path, "language", "is too long");
	strcpy(out->language, language);
	out->given |= SESSION_LANGUAGE;
	return 0;
}

static int parse_final(const struct fields *fields, struct session_options *out)
{
	const char *final = NULL;
	int found = fields_string(fields, "final", &final);

	if (found <= 0)
		return found;
	if (strcmp(final, "stream") == 0)
		out->final = SESSION_FINAL_STREAM;
	else if (strcmp(final, "offline") == 0)
		out->final = SESSION_FINAL_OFFLINE;
	else
		return problem_set(fields->problem, fields->path, "final",
				   "must be \"stream\" or \"offline\"");
	out->given |= SESSION_FINAL;
	return 0;
}

static int parse_flag(const struct fields *fields, const char *key, unsigned bit, bool *value,
		      unsigned *given)
{
	int found = fields_bool(fields, key, value);

	if (found > 0)
		*given |= bit;
	return found < 0 ? found : 0;
}

static int parse_seconds(const struct fields *fields, const char *key, unsigned bit, double *value,
			 unsigned *given)
{
	int found = fields_number(fields, key, 0, seconds_max, value);

	if (found > 0)
		*given |= bit;
	return found < 0 ? found : 0;
}

/* endpoint: true, false, or an object of rules, which means true. */
static int parse_endpoint(const struct fields *fields, struct session_options *out)
{
	const cJSON *item = fields->object
				    ? cJSON_GetObjectItemCaseSensitive(fields->object, "endpoint")
				    : NULL;
	char path[96];

	if (!item || cJSON_IsNull(item))
		return 0;
	out->given |= SESSION_ENDPOINT;
	if (cJSON_IsBool(item)) {
		out->endpoint = cJSON_IsTrue(item);
		return 0;
	}
	if (!cJSON_IsObject(item))
		return problem_set(fields->problem, fields->path, "endpoint",
				   "must be true, false or an object");
	out->endpoint = true;
	strcpy(path, "");
	strncat(path, fields->path, sizeof(path) - sizeof(".endpoint"));
	strcat(path, ".endpoint");
	struct fields rules = {.object = item, .path = path, .problem = fields->problem};
	int status = parse_seconds(&rules, "silence_no_text", SESSION_SILENCE_NO_TEXT,
				   &out->silence_no_text, &out->given);
	if (status == 0)
		status = parse_seconds(&rules, "silence_text", SESSION_SILENCE_TEXT,
				       &out->silence_text, &out->given);
	if (status == 0)
		status = parse_seconds(&rules, "max_length", SESSION_MAX_LENGTH, &out->max_length,
				       &out->given);
	return status;
}

int session_options_parse(const struct cJSON *object, const char *path, struct session_options *out,
			  struct problem *problem)
{
	struct fields fields = {.object = object, .path = path, .problem = problem};

	*out = (struct session_options){.given = 0};
	int status = parse_language(&fields, out);
	if (status == 0)
		status = parse_final(&fields, out);
	if (status == 0)
		status = parse_flag(&fields, "partials", SESSION_PARTIALS, &out->partials,
				    &out->given);
	if (status == 0)
		status = parse_seconds(&fields, "partial_interval", SESSION_PARTIAL_INTERVAL,
				       &out->partial_interval, &out->given);
	if (status == 0)
		status = parse_flag(&fields, "words", SESSION_WORDS, &out->words, &out->given);
	if (status == 0)
		status = parse_endpoint(&fields, out);
	return status;
}

int session_options_print(const struct session_options *options, struct cJSON *object)
{
	const unsigned rules = SESSION_SILENCE_NO_TEXT | SESSION_SILENCE_TEXT | SESSION_MAX_LENGTH;
	struct json_object json = {.json = object};

	if (options->given & SESSION_LANGUAGE)
		json_string(&json, "language", options->language);
	if (options->given & SESSION_FINAL)
		json_string(&json, "final", session_final_name(options->final));
	if (options->given & SESSION_PARTIALS)
		json_bool(&json, "partials", options->partials);
	if (options->given & SESSION_PARTIAL_INTERVAL)
		json_number(&json, "partial_interval", options->partial_interval);
	if (options->given & SESSION_WORDS)
		json_bool(&json, "words", options->words);
	if ((options->given & SESSION_ENDPOINT) &&
	    !(options->endpoint && (options->given & rules))) {
		json_bool(&json, "endpoint", options->endpoint);
	} else if (options->given & SESSION_ENDPOINT) {
		struct json_object endpoint = json_inner(&json, "endpoint");
		if (options->given & SESSION_SILENCE_NO_TEXT)
			json_number(&endpoint, "silence_no_text", options->silence_no_text);
		if (options->given & SESSION_SILENCE_TEXT)
			json_number(&endpoint, "silence_text", options->silence_text);
		if (options->given & SESSION_MAX_LENGTH)
			json_number(&endpoint, "max_length", options->max_length);
		json_join(&json, &endpoint);
	}
	return json.failed ? -ENOMEM : 0;
}
