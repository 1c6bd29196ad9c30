#include "daemon/command.h"

#include "core/decode/ctc_grammar.h"

#include <errno.h>
#include <stdlib.h>

/* Of the event; the arrays are owned, their texts the phrase's. */
struct command {
	struct grammar_phrase phrase;
	struct message_slot *slots; /* values are owned */
	size_t n_slots;
	struct message_word *words;
};

static void finish(struct command *command)
{
	for (size_t i = 0; i < command->n_slots; i++)
		free((char *)command->slots[i].value);
	free(command->slots);
	free(command->words);
	grammar_phrase_finish(&command->phrase);
}

static double seconds(const struct command_client *client, const struct result *result, int frame)
{
	return ((double)result->start + frame * client->hop) / client->rate;
}

static int read_slots(struct command *command)
{
	const struct grammar_phrase *phrase = &command->phrase;

	command->slots = calloc(phrase->n_slots + 1, sizeof(*command->slots));
	if (!command->slots)
		return -ENOMEM;
	for (size_t i = 0; i < phrase->n_slots; i++) {
		char *value;
		int found = grammar_phrase_slot(phrase, i, &value);

		if (found < 0)
			return found;
		if (found > 0)
			command->slots[command->n_slots++] =
				(struct message_slot){phrase->slots[i].name, value};
	}
	return 0;
}

/* A word's confidence includes what lies before it, the last one's what follows. */
static int read_words(const struct command_client *client, const struct result *result,
		      struct command *command)
{
	const struct grammar_phrase *phrase = &command->phrase;
	const struct ctc_match_token *tokens = result_match(result);
	const struct ctc_match match = {
		.tokens = tokens,
		.n = result->n_match,
		.delimiter = result->match_delimiter,
	};

	command->words = calloc(phrase->n_words + 1, sizeof(*command->words));
	if (!command->words)
		return -ENOMEM;
	for (size_t i = 0; i < phrase->n_words; i++) {
		const struct grammar_word *word = &phrase->words[i];
		size_t first = i > 0 ? phrase->words[i - 1].last : 0;
		size_t last = i + 1 < phrase->n_words ? word->last : match.n;

		command->words[i] = (struct message_word){
			.word = word->text,
			.start = seconds(client, result, tokens[word->first].start_frame),
			.end = seconds(client, result, tokens[word->last - 1].end_frame),
			.confidence = (double)ctc_match_confidence(&match, first, last),
		};
	}
	return 0;
}

static int read_phrase(const struct result *result, struct grammar_phrase *phrase)
{
	const struct ctc_match_token *tokens = result_match(result);
	int *numbers = calloc(result->n_match, sizeof(*numbers));

	if (!numbers)
		return -ENOMEM;
	for (uint32_t i = 0; i < result->n_match; i++)
		numbers[i] = tokens[i].token;
	int err = grammar_interpret(result->grammar, numbers, result->n_match, phrase);
	free(numbers);
	return err;
}

static int tell_match(const struct command_client *client, const struct result *result)
{
	struct message message = {.kind = MESSAGE_COMMAND};
	struct command command = {0};
	const struct grammar_phrase *phrase = &command.phrase;

	int err = read_phrase(result, &command.phrase);
	if (err == 0)
		err = read_slots(&command);
	if (err == 0)
		err = read_words(client, result, &command);
	if (err == 0) {
		message.command = (struct message_command){
			.stamp = message_stamp(client->stream, result->clock, client->rate),
			.utterance = result->utterance,
			.phrase = phrase->text,
			.rule = phrase->rule,
			.slots = command.slots,
			.n_slots = command.n_slots,
			.confidence = (double)result->match_confidence,
			.start = command.words[0].start,
			.end = command.words[phrase->n_words - 1].end,
			.words = command.words,
			.n_words = phrase->n_words,
		};
		client->send(client->ctx, &message, OUTQUEUE_FINAL);
	}
	finish(&command);
	return err;
}

int command_tell(const struct command_client *client, const struct result *result)
{
	const char *text = result_text(result, result->text);
	struct message message = {.kind = MESSAGE_NO_MATCH};

	if (!result->grammar)
		return 0;
	if (result->match_accepted && result->n_match > 0)
		return tell_match(client, result);
	if (*text == '\0')
		return 0;
	message.no_match = (struct message_no_match){
		.stamp = message_stamp(client->stream, result->clock, client->rate),
		.utterance = result->utterance,
		.text = text,
		.start = (double)result->start / client->rate,
		.end = (double)result->clock / client->rate,
	};
	client->send(client->ctx, &message, OUTQUEUE_FINAL);
	return 0;
}
