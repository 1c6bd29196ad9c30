#include "daemon/caption.h"

#include "daemon/command.h"
#include "daemon/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void caption_init(struct caption *caption, const struct caption_options *options,
		  void (*send)(void *ctx, const struct message *message, enum outqueue_kind kind),
		  void *ctx)
{
	*caption = (struct caption){
		.send = send,
		.ctx = ctx,
		.options = *options,
		.prefix_ok = true,
	};
}

static void free_words(struct caption *caption)
{
	for (size_t i = 0; i < caption->n_words; i++)
		free((char *)caption->words[i].word);
	caption->n_words = 0;
}

void caption_finish(struct caption *caption)
{
	free_words(caption);
	free(caption->words);
	free(caption->text);
	free(caption->stable);
	caption->words = NULL;
	caption->text = caption->stable = NULL;
}

void caption_set_rate(struct caption *caption, double rate, double hop)
{
	caption->rate = rate;
	caption->hop = hop;
}

static struct message_stamp stamp(const struct caption *caption, int64_t clock)
{
	return message_stamp(caption->options.stream, clock, caption->rate);
}

/* ---- standard events ---- */

static void send_start(struct caption *caption)
{
	struct message message = {.kind = MESSAGE_TRANSCRIPT_START};

	if (caption->started)
		return;
	caption->started = true;
	message.transcript_start.language = caption->options.language;
	message.transcript_start.context = caption->options.context;
	caption->send(caption->ctx, &message, OUTQUEUE_KEEP);
}

static void send_piece(struct caption *caption, const char *text)
{
	struct message message = {.kind = MESSAGE_TRANSCRIPT_CHUNK, .text.text = text};

	if (*text == '\0')
		return;
	send_start(caption);
	caption->send(caption->ctx, &message, OUTQUEUE_KEEP);
}

/* final=stream: sends what the open utterance's text has more than was sent,
 * after the space that joins it to the utterance before. */
static int send_growth(struct caption *caption, const char *text)
{
	size_t n = strlen(text);

	if (n <= caption->sent)
		return 0;
	if (caption->sent == 0 && caption->text_bytes > 0) {
		char *spaced = malloc(n + 2);

		if (!spaced)
			return -ENOMEM;
		spaced[0] = ' ';
		memcpy(spaced + 1, text, n + 1);
		send_piece(caption, spaced);
		free(spaced);
	} else {
		send_piece(caption, text + caption->sent);
	}
	caption->sent = n;
	return 0;
}

static void send_stop(struct caption *caption)
{
	struct message message = {.kind = MESSAGE_TRANSCRIPT_STOP};

	caption->send(caption->ctx, &message, OUTQUEUE_KEEP);
	caption->started = false;
}

static double mean_confidence(const struct message_word *words, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += words[i].confidence;
	return n ? sum / (double)n : -1;
}

/* The next transcript begins at `clock`. */
static void forget(struct caption *caption, int64_t clock)
{
	free_words(caption);
	free(caption->text);
	caption->text = NULL;
	caption->text_bytes = 0;
	caption->any = caption->final_in = false;
	caption->prefix_ok = true;
	caption->start = clock;
}

/* The transcript of everything joined, which is then forgotten. */
static void send_transcript(struct caption *caption, int64_t clock, enum final_mode final,
			    const char *rule, const char *reason, double latency)
{
	struct message message = {.kind = MESSAGE_TRANSCRIPT};
	struct message_transcript *out = &message.transcript;
	size_t word_bytes = caption->n_words * 80;

	send_start(caption);
	*out = (struct message_transcript){
		.text = caption->text ? caption->text : "",
		.language = caption->options.language,
		.context = caption->options.context,
		.heard = caption->options.heard,
		.stamp = stamp(caption, clock),
		.utterance = caption->first,
		.start_sample = caption->start,
		.end_sample = clock,
		.start = (double)caption->start / caption->rate,
		.end = (double)clock / caption->rate,
		.final = final == FINAL_STREAM ? SESSION_FINAL_STREAM : SESSION_FINAL_OFFLINE,
		.prefix_ok = caption->prefix_ok,
		.confidence = mean_confidence(caption->words, caption->n_words),
		.latency = latency,
		.rule = rule,
		.reason = reason,
		.words = caption->words,
		.n_words = caption->n_words,
		/* Words of hours would not fit into an event. */
		.has_words = caption->options.words && word_bytes < LIMIT_QUEUE_BYTES / 2,
	};
	caption->send(caption->ctx, &message, OUTQUEUE_FINAL);
	send_stop(caption);
	forget(caption, clock);
}

/* ---- joining ---- */

static int join_words(struct caption *caption, const struct result *result)
{
	const struct result_span *spans = result_words(result);

	for (uint32_t i = 0; i < result->n_words; i++) {
		if (caption->n_words == caption->words_capacity) {
			size_t capacity =
				caption->words_capacity ? 2 * caption->words_capacity : 32;
			void *grown = realloc(caption->words, capacity * sizeof(*caption->words));

			if (!grown)
				return -ENOMEM;
			caption->words = grown;
			caption->words_capacity = capacity;
		}
		double start = (double)result->start;
		struct message_word *word = &caption->words[caption->n_words];
		*word = (struct message_word){
			.word = strdup(result_text(result, spans[i].text)),
			.start = (start + spans[i].start_frame * caption->hop) / caption->rate,
			.end = (start + spans[i].end_frame * caption->hop) / caption->rate,
			.confidence = spans[i].confidence,
		};
		if (!word->word)
			return -ENOMEM;
		caption->n_words++;
	}
	return 0;
}

static int join_text(struct caption *caption, const char *text)
{
	size_t n = strlen(text);

	if (n == 0)
		return 0;
	char *grown = realloc(caption->text, caption->text_bytes + n + 2);
	if (!grown)
		return -ENOMEM;
	caption->text = grown;
	if (caption->text_bytes > 0)
		grown[caption->text_bytes++] = ' ';
	memcpy(grown + caption->text_bytes, text, n + 1);
	caption->text_bytes += n;
	return 0;
}

static void begin_utterance(struct caption *caption, uint64_t utterance, int64_t start)
{
	if (!caption->any) {
		caption->any = true;
		caption->first = utterance;
		caption->start = start;
	}
}

/* ---- results ---- */

static int remember_stable(struct caption *caption, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		return -ENOMEM;
	free(caption->stable);
	caption->stable = copy;
	return 0;
}

static void send_partial(struct caption *caption, const struct result *result)
{
	struct message message = {.kind = MESSAGE_PARTIAL};
	const struct result_span *spans = result_words(result);
	struct message_word *words = NULL;
	uint32_t n = caption->options.words ? result->n_words : 0;

	if (!caption->options.heard || !caption->options.partials)
		return;
	/* By the stream's clock, so that it does not depend on speed. */
	if (caption->partial_sent && (double)(result->clock - caption->partial_clock) <
					     caption->options.interval * caption->rate)
		return;
	if (n > 0 && !(words = calloc(n, sizeof(*words))))
		return;
	for (uint32_t i = 0; i < n; i++) {
		double start = (double)result->start;

		words[i] = (struct message_word){
			.word = result_text(result, spans[i].text),
			.start = (start + spans[i].start_frame * caption->hop) / caption->rate,
			.end = (start + spans[i].end_frame * caption->hop) / caption->rate,
			.confidence = spans[i].confidence,
			.open = i + 1 == n && result->open_word,
		};
	}
	message.partial = (struct message_partial){
		.stamp = stamp(caption, result->clock),
		.utterance = result->utterance,
		.sequence = result->sequence,
		.start = (double)result->start / caption->rate,
		.stable = result_text(result, result->stable),
		.unstable = result_text(result, result->unstable),
		.command = result->command ? result_text(result, result->command) : NULL,
		.words = words,
		.n_words = n,
		.has_words = caption->options.words,
	};
	caption->send(caption->ctx, &message, OUTQUEUE_PARTIAL);
	free(words);
	caption->partial_sent = true;
	caption->partial_clock = result->clock;
}

static int take_partial(struct caption *caption, const struct result *result)
{
	const char *stable = result_text(result, result->stable);
	int err = remember_stable(caption, stable);

	caption->utterance = result->utterance;
	begin_utterance(caption, result->utterance, result->start);
	if (err == 0 && result->final == FINAL_STREAM)
		err = send_growth(caption, stable);
	send_partial(caption, result);
	return err;
}

static void take_endpoint(struct caption *caption, const struct result *result)
{
	struct message message = {.kind = MESSAGE_ENDPOINT};
	const char **rule = &caption->rules[result->utterance % CAPTION_RULES];

	if (result->rule == ENDPOINT_NONE) {
		/* At the end of the stream, at a flush, or the gate closed. */
		if (caption->flushes > 0 || caption->options.stream == 0)
			*rule = "flush";
		if (caption->flushes > 0)
			caption->flushes--;
		return;
	}
	*rule = endpoint_rule_name(result->rule);
	if (caption->options.joined || !caption->options.heard)
		return;
	message.endpoint = (struct message_endpoint){
		.stamp = stamp(caption, result->clock),
		.utterance = result->utterance,
		.rule = *rule,
	};
	caption->send(caption->ctx, &message, OUTQUEUE_KEEP);
}

static int tell_command(const struct caption *caption, const struct result *result)
{
	const struct command_client client = {
		.send = caption->send,
		.ctx = caption->ctx,
		.stream = caption->options.stream,
		.rate = caption->rate,
		.hop = caption->hop,
	};

	return caption->options.heard ? command_tell(&client, result) : 0;
}

/* Where the session asked for them, and something was said. */
static int tell_hypotheses(const struct caption *caption, const struct result *result)
{
	struct message message = {.kind = MESSAGE_NBEST};
	struct message_hypothesis *list;

	if (!caption->options.heard || result->n_hypotheses == 0 ||
	    *result_text(result, result->text) == '\0')
		return 0;
	list = calloc(result->n_hypotheses, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; i < result->n_hypotheses; i++) {
		struct result_hypothesis hypothesis = result_hypothesis(result, i);

		list[i] = (struct message_hypothesis){
			.text = result_text(result, hypothesis.text),
			.score = hypothesis.score.total,
			.acoustic = hypothesis.score.acoustic,
			.lm = hypothesis.score.lm,
			.hotwords = hypothesis.score.hotwords,
		};
	}
	message.nbest = (struct message_nbest){
		.stamp = stamp(caption, result->clock),
		.utterance = result->utterance,
		.start = (double)result->start / caption->rate,
		.end = (double)result->clock / caption->rate,
		.list = list,
		.n = result->n_hypotheses,
	};
	caption->send(caption->ctx, &message, OUTQUEUE_FINAL);
	free(list);
	return 0;
}

static int take_final(struct caption *caption, const struct result *result, double latency)
{
	const char **slot = &caption->rules[result->utterance % CAPTION_RULES];
	const char *rule = *slot;
	const char *text = result_text(result, result->text);
	int err = 0;

	*slot = NULL;
	err = tell_command(caption, result);
	if (err == 0)
		err = tell_hypotheses(caption, result);
	if (err < 0)
		return err;
	/* Behind real time partials of the next utterance come before this final. */
	if (!caption->final_in)
		caption->any = false;
	caption->final_in = true;
	begin_utterance(caption, result->utterance, result->start);
	if (result->final == FINAL_STREAM)
		err = send_growth(caption, text);
	if (err == 0)
		err = join_text(caption, text);
	if (err == 0)
		err = join_words(caption, result);
	if (err < 0)
		return err;
	caption->prefix_ok = caption->prefix_ok && result->prefix_ok;
	caption->sent = 0;
	if (caption->utterance <= result->utterance)
		remember_stable(caption, NULL);

	/* Without a rule the stream has ended: caption_stop comes. */
	bool flush = rule && strcmp(rule, "flush") == 0;
	if (!rule || (caption->options.joined && !flush))
		return 0;
	/* Where nothing was said there is nothing to tell, unless somebody asked. */
	if (caption->text_bytes == 0 && (!flush || caption->options.stream == 0)) {
		forget(caption, result->clock);
		return 0;
	}
	if (result->final == FINAL_OFFLINE)
		send_piece(caption, caption->text ? caption->text : "");
	send_transcript(caption, result->clock, result->final, rule, NULL, latency);
	return 0;
}

int caption_result(struct caption *caption, const struct result *result, double latency)
{
	int err = 0;

	if (result->kind == RESULT_PARTIAL)
		err = take_partial(caption, result);
	else if (result->kind == RESULT_ENDPOINT)
		take_endpoint(caption, result);
	else if (result->kind == RESULT_FINAL)
		err = take_final(caption, result, latency);
	caption->clock = result->clock;
	caption->final = result->final;
	return err;
}

void caption_flush(struct caption *caption)
{
	caption->flushes++;
}

void caption_stop(struct caption *caption, int64_t clock, double latency)
{
	if (caption->text_bytes == 0 && caption->options.stream == 0)
		return;
	if (caption->final == FINAL_OFFLINE)
		send_piece(caption, caption->text ? caption->text : "");
	send_transcript(caption, clock, caption->final, "stop", NULL, latency);
}

void caption_abandon(struct caption *caption, const char *reason)
{
	const char *rest = caption->stable ? caption->stable : "";

	if (caption->final == FINAL_STREAM && send_growth(caption, rest) < 0)
		return;
	if (join_text(caption, rest) < 0)
		return;
	if (caption->text_bytes == 0 && caption->options.stream == 0)
		return;
	if (caption->final == FINAL_OFFLINE)
		send_piece(caption, caption->text ? caption->text : "");
	send_transcript(caption, caption->clock, FINAL_STREAM, "stop", reason, -1);
	remember_stable(caption, NULL);
}

void caption_reset(struct caption *caption, int64_t clock)
{
	forget(caption, clock);
	remember_stable(caption, NULL);
	caption->sent = 0;
	caption->flushes = 0;
	memset(caption->rules, 0, sizeof(caption->rules));
	/* A transcript whose chunks were sent cannot be taken back. */
	if (caption->started)
		send_stop(caption);
}
