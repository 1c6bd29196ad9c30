/*
 * Grammars and the commands that they find, and the hypotheses beside a transcript: JSON to structs
 * and back.
 */
#include "protocol/message_commands.h"

#include <cjson/cJSON.h>
#include <stddef.h>

/* Logarithms of probabilities are nowhere near it. */
static const double score_max = 1e12;

void parse_grammar(struct message_reader *reader, struct message_grammar *out)
{
	const cJSON *list = NULL;

	reader_string(reader, "grammar", false, &out->text);
	if (reader->status == 0)
		reader_check(reader, fields_array(&reader->fields, "phrases", &list), "phrases",
			     false);
	if (reader->status < 0)
		return;
	if (out->text && list) {
		reader->status = problem_set(reader->fields.problem, reader->fields.path, "grammar",
					     "and phrases exclude each other");
		return;
	}
	out->given = out->text || list;
	if (list)
		out->phrases = reader_strings(reader, "phrases", &out->n_phrases);
}

void print_grammar(struct json_object *json, const struct message_grammar *value)
{
	if (!value->given)
		return;
	if (value->text) {
		json_string(json, "grammar", value->text);
		return;
	}
	struct json_object list = json_list(json, "phrases");
	for (size_t i = 0; i < value->n_phrases; i++)
		json_list_string(&list, value->phrases[i]);
	json_join(json, &list);
}

/* An object whose fields are the slots. */
static const struct message_slot *slots(struct message_reader *reader, size_t *n)
{
	const cJSON *object = reader_object(reader, "slots"), *item;
	struct message_slot *out;
	size_t i = 0;

	if (!object)
		return NULL;
	out = reader_take(reader, (size_t)cJSON_GetArraySize(object), sizeof(*out));
	struct message_reader inner = reader_inside(reader, object, "heard-command.slots");
	cJSON_ArrayForEach(item, object)
	{
		if (inner.status < 0)
			break;
		out[i].name = reader_copy(&inner, item->string);
		reader_string(&inner, item->string, true, &out[i].value);
		i++;
	}
	reader->status = inner.status;
	*n = i;
	return out;
}

void parse_command(struct message_reader *reader, struct message_command *out)
{
	reader_identity(reader, "utt", &out->utterance);
	reader_string(reader, "phrase", true, &out->phrase);
	reader_string(reader, "rule", false, &out->rule);
	out->slots = slots(reader, &out->n_slots);
	reader_number(reader, "confidence", 0, 1, &out->confidence);
	reader_seconds(reader, "start", &out->start);
	reader_seconds(reader, "end", &out->end);
}

void print_command(struct json_object *json, const struct message_command *value)
{
	json_integer(json, "utt", (int64_t)value->utterance);
	json_string(json, "phrase", value->phrase ? value->phrase : "");
	json_string(json, "rule", value->rule);
	struct json_object inner = json_inner(json, "slots");
	for (size_t i = 0; i < value->n_slots; i++)
		json_string(&inner, value->slots[i].name, value->slots[i].value);
	json_join(json, &inner);
	json_rounded(json, "confidence", value->confidence, 4);
	json_number(json, "start", value->start);
	json_number(json, "end", value->end);
}

void parse_no_match(struct message_reader *reader, struct message_no_match *out)
{
	reader_identity(reader, "utt", &out->utterance);
	reader_string(reader, "text", true, &out->text);
	reader_seconds(reader, "start", &out->start);
	reader_seconds(reader, "end", &out->end);
}

void print_no_match(struct json_object *json, const struct message_no_match *value)
{
	json_integer(json, "utt", (int64_t)value->utterance);
	json_string(json, "text", value->text ? value->text : "");
	json_number(json, "start", value->start);
	json_number(json, "end", value->end);
}

void parse_nbest(struct message_reader *reader, struct message_nbest *out)
{
	const cJSON *item = NULL;
	size_t n;

	reader_identity(reader, "utt", &out->utterance);
	reader_seconds(reader, "start", &out->start);
	reader_seconds(reader, "end", &out->end);
	struct message_hypothesis *list = reader_objects(reader, "nbest", sizeof(*list), &item, &n);
	for (size_t i = 0; i < n && reader->status == 0; i++, item = item->next) {
		struct message_reader inner = reader_inside(reader, item, "heard-nbest.nbest");

		reader_string(&inner, "text", true, &list[i].text);
		reader_number(&inner, "score", -score_max, score_max, &list[i].score);
		reader_number(&inner, "acoustic", -score_max, score_max, &list[i].acoustic);
		reader_number(&inner, "lm", -score_max, score_max, &list[i].lm);
		reader_number(&inner, "hotwords", -score_max, score_max, &list[i].hotwords);
		reader->status = inner.status;
	}
	out->list = list;
	out->n = n;
}

void print_nbest(struct json_object *json, const struct message_nbest *value)
{
	json_integer(json, "utt", (int64_t)value->utterance);
	json_number(json, "start", value->start);
	json_number(json, "end", value->end);
	struct json_object list = json_list(json, "nbest");
	for (size_t i = 0; i < value->n; i++) {
		const struct message_hypothesis *hypothesis = &value->list[i];
		struct json_object item = json_item(&list);

		json_string(&item, "text", hypothesis->text ? hypothesis->text : "");
		json_rounded(&item, "score", hypothesis->score, 4);
		json_rounded(&item, "acoustic", hypothesis->acoustic, 4);
		json_rounded(&item, "lm", hypothesis->lm, 4);
		json_rounded(&item, "hotwords", hypothesis->hotwords, 4);
		json_join(&list, &item);
	}
	json_join(json, &list);
}
