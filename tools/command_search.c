#include "tools/command_search.h"

#include "core/acoustic/acoustic.h"
#include "core/base/log.h"
#include "core/decode/ctc_greedy.h"
#include "core/grammar_file.h"
#include "tools/json_out.h"
#include "tools/options.h"
#include "tools/streaming.h"
#include "tools/tool_model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_FRAMES = 512 }; /* room for an utterance at first */

struct command_search {
	const struct tool_model *model; /* borrowed */
	const struct options *options;  /* borrowed */
	struct grammar *grammar;        /* a reference */
	size_t frames, samples;         /* that there is room for */

	struct ctc_grammar *commands;     /* owned */
	struct ctc_greedy *greedy;        /* owned */
	struct acoustic_offline *offline; /* owned; without streaming */
	struct streaming *streaming;      /* owned; with it */
	int *tokens;                      /* owned, [frames]: scratch */
};

int command_search_create(const struct tool_model *model, const struct options *options,
			  struct command_search **out)
{
	struct command_search *search = calloc(1, sizeof(*search));

	*out = NULL;
	if (!search) {
		log_error("no memory for a search");
		return -ENOMEM;
	}
	search->model = model;
	search->options = options;
	int error = grammar_file_compile(options->grammar, model->vocab, &search->grammar);
	if (error) {
		command_search_destroy(search);
		return error;
	}
	*out = search;
	return 0;
}

static void close_room(struct command_search *search)
{
	ctc_grammar_destroy(search->commands);
	ctc_greedy_destroy(search->greedy);
	acoustic_offline_destroy(search->offline);
	streaming_destroy(search->streaming);
	free(search->tokens);
	search->commands = NULL;
	search->greedy = NULL;
	search->offline = NULL;
	search->streaming = NULL;
	search->tokens = NULL;
	search->frames = 0;
}

void command_search_destroy(struct command_search *search)
{
	if (!search)
		return;
	close_room(search);
	grammar_unref(search->grammar);
	free(search);
}

const struct grammar *command_search_grammar(const struct command_search *search)
{
	return search->grammar;
}

static int reserve(struct command_search *search, size_t n)
{
	const struct tool_model *model = search->model;
	const struct ctc_grammar_options options = {.threshold = search->options->threshold};
	size_t frames = config_frames(model->config, n);
	int error;

	if (search->frames > 0 && frames <= search->frames && n <= search->samples)
		return 0;
	search->samples = search->samples > n ? search->samples : n;
	if (search->samples < FIRST_FRAMES * model->config->hop)
		search->samples = FIRST_FRAMES * model->config->hop;
	close_room(search);
	frames = config_frames(model->config, search->samples) + 1;
	error = ctc_grammar_create(model->vocab, search->grammar, &options, model->width, frames,
				   &search->commands);
	if (!error)
		error = ctc_greedy_create(model->vocab, model->width, frames, &search->greedy);
	if (!error && search->options->streaming)
		error = streaming_create(model, search->options, search->samples,
					 &search->streaming);
	else if (!error)
		error = acoustic_offline_create(model->acoustic, search->samples, &search->offline);
	search->tokens = calloc(frames, sizeof(*search->tokens));
	if (!error && !search->tokens)
		error = -ENOMEM;
	if (error) {
		log_error("no memory for an utterance of %zu samples", n);
		close_room(search);
		return error;
	}
	search->frames = frames;
	return 0;
}

static int take_frames(struct command_search *search, const float *logits, size_t frames)
{
	int error = ctc_grammar_commit(search->commands, logits, frames);

	return error ? error : ctc_greedy_commit(search->greedy, logits, frames);
}

static int take_step(void *ctx, const struct acoustic_output *output)
{
	return take_frames(ctx, output->committed, output->n_committed);
}

static int run_network(struct command_search *search, const float *samples, size_t n)
{
	if (search->streaming)
		return streaming_run(search->streaming, samples, n, take_step, search);
	int error = tool_model_run(search->model, search->offline, samples, n, NULL);
	if (error) {
		log_error("no memory for an utterance of %zu samples", n);
		return error;
	}
	return take_frames(search, acoustic_offline_output(search->offline),
			   acoustic_offline_frames(search->offline));
}

/* Words of the phrase with times; a word's confidence includes what lies before it. */
static int read_words(const struct command_search *search, const struct ctc_match *match,
		      struct found_command *out)
{
	const struct grammar_phrase *phrase = &out->phrase;

	out->words = calloc(phrase->n_words + 1, sizeof(*out->words));
	if (!out->words)
		return -ENOMEM;
	for (size_t i = 0; i < phrase->n_words; i++) {
		const struct grammar_word *word = &phrase->words[i];
		size_t first = i > 0 ? phrase->words[i - 1].last : 0;
		size_t last = i + 1 < phrase->n_words ? word->last : match->n;
		out->words[i] = (struct found_word){
			.start = tool_model_seconds(search->model,
						    (size_t)match->tokens[word->first].start_frame),
			.end = tool_model_seconds(search->model,
						  (size_t)match->tokens[word->last - 1].end_frame),
			.confidence = ctc_match_confidence(match, first, last),
		};
	}
	return 0;
}

static int read_match(struct command_search *search, struct found_command *out)
{
	struct ctc_match match;

	ctc_grammar_match(search->commands, &match);
	if (match.n == 0)
		return 0;
	for (size_t i = 0; i < match.n; i++)
		search->tokens[i] = match.tokens[i].token;
	int error = grammar_interpret(search->grammar, search->tokens, match.n, &out->phrase);
	if (error)
		return error;
	out->confidence = match.confidence;
	out->accepted = match.accepted;
	return read_words(search, &match, out);
}

int command_search_run(struct command_search *search, const float *samples, size_t n,
		       struct found_command *out)
{
	memset(out, 0, sizeof(*out));
	int error = reserve(search, n);
	if (error)
		return error;
	ctc_grammar_reset(search->commands);
	ctc_greedy_reset(search->greedy);
	error = run_network(search, samples, n);
	if (error)
		return error;
	out->text = strdup(ctc_greedy_committed(search->greedy));
	error = out->text ? read_match(search, out) : -ENOMEM;
	if (error) {
		log_error("cannot read a command: %s", strerror(-error));
		found_command_finish(out);
	}
	return error;
}

void found_command_finish(struct found_command *found)
{
	grammar_phrase_finish(&found->phrase);
	free(found->text);
	free(found->words);
	memset(found, 0, sizeof(*found));
}

void found_command_json(const struct found_command *found, double start, struct json_out *json)
{
	const struct grammar_phrase *phrase = &found->phrase;

	json_string(json, "phrase", phrase->text);
	json_string(json, "rule", phrase->rule);
	json_begin_object(json, "slots");
	for (size_t i = 0; i < phrase->n_slots; i++) {
		char *value;
		if (grammar_phrase_slot(phrase, i, &value) > 0)
			json_string(json, phrase->slots[i].name, value);
		free(value);
	}
	json_end_object(json);
	json_number(json, "confidence", (double)found->confidence, 4);
	json_begin_array(json, "words");
	for (size_t i = 0; i < phrase->n_words; i++) {
		json_begin_object(json, NULL);
		json_string(json, "word", phrase->words[i].text);
		json_number(json, "start", start + found->words[i].start, 7);
		json_number(json, "end", start + found->words[i].end, 7);
		json_number(json, "confidence", (double)found->words[i].confidence, 4);
		json_end_object(json);
	}
	json_end_array(json);
}
