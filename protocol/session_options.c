#include "protocol/session_options.h"

#include "protocol/json_fields.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { PATH_BYTES = 96 };

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
	if (over->given & SESSION_BEAM)
		base->beam = over->beam;
	if (over->given & SESSION_COMMIT_DELAY)
		base->commit_delay = over->commit_delay;
	if (over->given & SESSION_LM)
		base->lm = over->lm;
	if (over->given & SESSION_LM_ALPHA)
		base->lm_alpha = over->lm_alpha;
	if (over->given & SESSION_LM_BETA)
		base->lm_beta = over->lm_beta;
	if (over->given & SESSION_THRESHOLD)
		base->threshold = over->threshold;
	if (over->given & SESSION_NBEST)
		base->nbest = over->nbest;
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

/* A switch: true, false, or an object, which means true; *object is NULL
 * without. path, of PATH_BYTES, is the object's. 1 where it is there. */
static int parse_switch(const struct fields *fields, const char *key, bool *on,
			const cJSON **object, char *path)
{
	const cJSON *item =
		fields->object ? cJSON_GetObjectItemCaseSensitive(fields->object, key) : NULL;

	*object = NULL;
	if (!item || cJSON_IsNull(item))
		return 0;
	if (!cJSON_IsBool(item) && !cJSON_IsObject(item))
		return problem_set(fields->problem, fields->path, key,
				   "must be true, false or an object");
	*on = !cJSON_IsFalse(item);
	if (cJSON_IsObject(item))
		*object = item;
	snprintf(path, PATH_BYTES, "%s.%s", fields->path, key);
	return 1;
}

static int parse_lm(const struct fields *fields, struct session_options *out)
{
	const cJSON *object;
	char path[PATH_BYTES];
	int status = parse_switch(fields, "lm", &out->lm, &object, path);

	if (status <= 0)
		return status;
	out->given |= SESSION_LM;
	struct fields weights = {.object = object, .path = path, .problem = fields->problem};
	status = fields_number(&weights, "alpha", 0, 100, &out->lm_alpha);
	if (status > 0)
		out->given |= SESSION_LM_ALPHA;
	if (status >= 0)
		status = fields_number(&weights, "beta", -100, 100, &out->lm_beta);
	if (status > 0)
		out->given |= SESSION_LM_BETA;
	return status < 0 ? status : 0;
}

static int parse_count(const struct fields *fields, const char *key, unsigned bit, int min, int max,
		       int *value, unsigned *given)
{
	int64_t count = 0;
	int found = fields_integer(fields, key, min, max, &count);

	if (found > 0) {
		*given |= bit;
		*value = (int)count;
	}
	return found < 0 ? found : 0;
}

static int parse_threshold(const struct fields *fields, struct session_options *out)
{
	int found = fields_number(fields, "threshold", 0, 1, &out->threshold);

	if (found > 0)
		out->given |= SESSION_THRESHOLD;
	return found < 0 ? found : 0;
}

static int parse_endpoint(const struct fields *fields, struct session_options *out)
{
	const cJSON *object;
	char path[PATH_BYTES];
	int status = parse_switch(fields, "endpoint", &out->endpoint, &object, path);

	if (status <= 0)
		return status;
	out->given |= SESSION_ENDPOINT;
	struct fields rules = {.object = object, .path = path, .problem = fields->problem};
	status = parse_seconds(&rules, "silence_no_text", SESSION_SILENCE_NO_TEXT,
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
	if (status == 0)
		status = parse_count(&fields, "beam", SESSION_BEAM, 1, SESSION_BEAM_MAX, &out->beam,
				     &out->given);
	if (status == 0)
		status = parse_count(&fields, "nbest", SESSION_NBEST, 0, SESSION_NBEST_MAX,
				     &out->nbest, &out->given);
	if (status == 0)
		status = parse_seconds(&fields, "commit_delay", SESSION_COMMIT_DELAY,
				       &out->commit_delay, &out->given);
	if (status == 0)
		status = parse_lm(&fields, out);
	if (status == 0)
		status = parse_threshold(&fields, out);
	return status;
}

static void print_lm(const struct session_options *options, struct json_object *json)
{
	if (!(options->given & SESSION_LM))
		return;
	if (!options->lm || !(options->given & (SESSION_LM_ALPHA | SESSION_LM_BETA))) {
		json_bool(json, "lm", options->lm);
		return;
	}
	struct json_object weights = json_inner(json, "lm");
	if (options->given & SESSION_LM_ALPHA)
		json_rounded(&weights, "alpha", options->lm_alpha, 4);
	if (options->given & SESSION_LM_BETA)
		json_rounded(&weights, "beta", options->lm_beta, 4);
	json_join(json, &weights);
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
	if (options->given & SESSION_BEAM)
		json_integer(&json, "beam", options->beam);
	if (options->given & SESSION_NBEST)
		json_integer(&json, "nbest", options->nbest);
	if (options->given & SESSION_COMMIT_DELAY)
		json_number(&json, "commit_delay", options->commit_delay);
	print_lm(options, &json);
	if (options->given & SESSION_THRESHOLD)
		json_rounded(&json, "threshold", options->threshold, 4);
	return json.failed ? -ENOMEM : 0;
}
