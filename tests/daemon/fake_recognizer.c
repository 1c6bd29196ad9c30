/*
 * A recognizer without a network, for tests of the daemon: it keeps the
 * contract of core/recognizer.h, and what it hears can be written by hand.
 *
 * A frame is 320 samples; its loudest sample v says what it holds: below 0.045 a
 * blank, else the letter round(v * 100) - 5 behind 'A', 26 being a space. Equal
 * neighbours merge, as in CTC. A step takes C frames and looks R ahead. The
 * offline pass says the same in lower case and takes FAKE_PIECES calls, so that
 * tests can tell it from the stream.
 *
 * A model directory named ".../slow" takes a second to load, ".../bad" cannot
 * be loaded, nor ".../fifo", once its FIFO was opened to write; ".../upper" says it in upper case
 * offline too. Each step of
 * ".../behind" takes a quarter of a second whatever its size, each piece of an
 * offline pass of ".../late" two seconds. Languages: "en" and "de".
 */
#include "core/language_model.h"
#include "core/recognizer.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	FAKE_HOP = 320,
	FAKE_RATE = 16000,
	FAKE_PIECES = 5,
	FAKE_FRAMES = 40 * 50, /* capacity of an utterance */
	FAKE_EVENTS = 64,
	FAKE_TEXT = FAKE_FRAMES + 1,
};

struct fake_event {
	struct recognizer_event event;
	char stable[FAKE_TEXT];
	char unstable[FAKE_TEXT];
	char text[2 * FAKE_TEXT];
};

struct fake_final {
	struct fake_final *next;
	struct recognizer_stream *stream;
	int pieces;
	struct fake_event *event; /* owned */
};

struct recognizer {
	struct model_config config;
	bool upper, behind, late;
	struct fake_final *finals; /* oldest first */
};

struct recognizer_stream {
	struct recognizer *recognizer;
	struct recognizer_stream_options options;
	long next_chunk, next_right;
	bool context_waits;
	float *samples; /* of the utterance, [FAKE_FRAMES * FAKE_HOP] */
	size_t n;       /* samples there */
	size_t frames;  /* committed */
	bool flush, end, ended, done;
	int64_t start; /* clock of samples[0] */
	int64_t skip;  /* to add when the flush is done */
	uint64_t utterance, sequence;
	size_t finals; /* offline passes waiting */
	struct fake_event *events[FAKE_EVENTS];
	size_t head, tail;
	struct fake_event *shown; /* what the caller may still read */
	struct transcript transcript;
};

int recognizer_open(const struct recognizer_options *options, struct recognizer **out)
{
	const char *name = strrchr(options->model_dir, '/');

	name = name ? name + 1 : options->model_dir;
	if (strcmp(name, "bad") == 0)
		return -ENOENT;
	if (strcmp(name, "fifo") == 0) {
		close(open(options->model_dir, O_RDONLY | O_CLOEXEC));
		return -ENOENT;
	}
	if (strcmp(name, "slow") == 0)
		usleep(1000000);
	struct recognizer *recognizer = calloc(1, sizeof(*recognizer));
	if (!recognizer)
		return -ENOMEM;
	recognizer->upper = strcmp(name, "upper") == 0;
	recognizer->behind = strcmp(name, "behind") == 0;
	recognizer->late = strcmp(name, "late") == 0;
	recognizer->config = (struct model_config){
		.head = HEAD_CTC,
		.sampling_rate = FAKE_RATE,
		.hop = FAKE_HOP,
		.field = FAKE_HOP,
		.left = 100,
		.chunk = 8,
		.right = 4,
		.final_mode = FINAL_OFFLINE,
	};
	*out = recognizer;
	return 0;
}

void recognizer_close(struct recognizer *recognizer)
{
	free(recognizer);
}

const struct model_config *recognizer_config(const struct recognizer *recognizer)
{
	return &recognizer->config;
}

int recognizer_language(struct recognizer *recognizer, const char *language)
{
	(void)recognizer;
	if (!language || !*language || strcmp(language, "en") == 0)
		return 0;
	return strcmp(language, "de") == 0 ? 1 : -ENOENT;
}

const char *recognizer_language_name(const struct recognizer *recognizer, int index)
{
	(void)recognizer;
	return index == 0 ? "en" : index == 1 ? "de" : NULL;
}

/* The letters of the alphabet, for hotwords. */
int recognizer_load_vocab(const char *model_dir, const char *language, struct vocab **out)
{
	static char texts[28][2], delimiter[] = "|", space[] = " ";
	struct tokenizer_token tokens[28] = {{0}};
	struct tokenizer tokenizer = {
		.n_tokens = 28,
		.tokens = tokens,
		.unk_id = -1,
		.delimiter_id = 1,
		.delimiter = delimiter,
		.replace_delimiter = space,
	};

	(void)model_dir;
	(void)language;
	for (size_t i = 0; i < 28; i++) {
		texts[i][0] = i == 0 ? '#' : i == 1 ? '|' : (char)('a' + i - 2);
		tokens[i].text = texts[i];
	}
	return vocab_create(&tokenizer, 0, out);
}

const struct vocab *recognizer_vocab(const struct recognizer *recognizer, int language)
{
	(void)recognizer;
	(void)language;
	return NULL;
}

int language_model_open(const char *path, struct plan_lm **out)
{
	(void)path;
	*out = NULL;
	return -ENOTSUP;
}

int tokenizer_languages(const char *dir, char ***names)
{
	(void)dir;
	*names = NULL;
	return 0;
}

void tokenizer_free_languages(char **names)
{
	for (size_t i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
}

int recognizer_languages(const char *model_dir, const char *language, char ***names)
{
	(void)model_dir;
	(void)language;
	*names = calloc(3, sizeof(**names));
	if (!*names)
		return -ENOMEM;
	(*names)[0] = strdup("en");
	(*names)[1] = strdup("de");
	return 2;
}

int recognizer_stream_open(struct recognizer *recognizer,
			   const struct recognizer_stream_options *options,
			   struct recognizer_stream **out)
{
	struct recognizer_stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return -ENOMEM;
	stream->recognizer = recognizer;
	stream->options = *options;
	stream->samples = malloc(FAKE_FRAMES * FAKE_HOP * sizeof(float));
	if (!stream->samples) {
		free(stream);
		return -ENOMEM;
	}
	*out = stream;
	return 0;
}

static void free_event(struct recognizer_stream *stream)
{
	free(stream->shown);
	free(stream->transcript.words);
	free(stream->transcript.strings);
	stream->shown = NULL;
	stream->transcript = (struct transcript){0};
}

void recognizer_stream_close(struct recognizer_stream *stream)
{
	if (!stream)
		return;
	for (struct fake_final **link = &stream->recognizer->finals; *link;) {
		struct fake_final *final = *link;

		if (final->stream != stream) {
			link = &final->next;
			continue;
		}
		*link = final->next;
		free(final->event);
		free(final);
	}
	while (stream->head != stream->tail)
		free(stream->events[stream->tail++ % FAKE_EVENTS]);
	free_event(stream);
	free(stream->samples);
	free(stream);
}

/* ---- the network ---- */

static int token_of(const float *frame, size_t n)
{
	float loudest = 0;

	for (size_t i = 0; i < n; i++)
		loudest = fmaxf(loudest, frame[i]);
	return loudest < 0.045f ? -1 : (int)lroundf(loudest * 100) - 5;
}

/* Decodes frames [first, last) of the utterance onto text. */
static void decode(const struct recognizer_stream *stream, size_t first, size_t last, char *text)
{
	size_t n = strlen(text);
	int before = first == 0 ? -1 : token_of(stream->samples + (first - 1) * FAKE_HOP, FAKE_HOP);

	for (size_t f = first; f < last; f++) {
		int token = token_of(stream->samples + f * FAKE_HOP, FAKE_HOP);

		if (token >= 0 && token != before)
			text[n++] = token == 26 ? ' ' : (char)('A' + token % 26);
		before = token;
	}
	text[n] = '\0';
}

static size_t trailing(const struct recognizer_stream *stream)
{
	size_t n = 0;

	while (n < stream->frames &&
	       token_of(stream->samples + (stream->frames - 1 - n) * FAKE_HOP, FAKE_HOP) < 0)
		n++;
	return n;
}

static void queue_event(struct recognizer_stream *stream, struct fake_event *event)
{
	if (stream->head - stream->tail == FAKE_EVENTS)
		abort();
	stream->events[stream->head++ % FAKE_EVENTS] = event;
}

static struct fake_event *make_event(const struct recognizer_stream *stream,
				     enum recognizer_event_kind kind, size_t frames)
{
	struct fake_event *event = calloc(1, sizeof(*event));

	if (!event)
		abort();
	event->event.kind = kind;
	event->event.utterance = stream->utterance;
	event->event.start = stream->start;
	event->event.clock = stream->start + (int64_t)(frames * FAKE_HOP);
	decode(stream, 0, frames, event->stable);
	return event;
}

/* ---- utterances ---- */

static void finish_utterance(struct recognizer_stream *stream, size_t frames,
			     enum endpoint_rule rule)
{
	/* Ended from outside: with all samples, half frames included. */
	bool last = rule == ENDPOINT_NONE;
	int64_t length = (int64_t)(last ? stream->n : frames * FAKE_HOP);
	struct fake_event *endpoint = make_event(stream, RECOGNIZER_ENDPOINT, frames);
	struct fake_event *final = make_event(stream, RECOGNIZER_FINAL, frames);

	endpoint->event.rule = rule;
	endpoint->event.clock = stream->start + length;
	if (last && stream->end)
		free(endpoint);
	else
		queue_event(stream, endpoint);

	final->event.clock = stream->start + length;
	memcpy(final->text, final->stable, sizeof(final->stable));
	final->event.final = stream->options.final ? FINAL_STREAM : FINAL_OFFLINE;
	final->event.prefix_ok = final->event.final == FINAL_STREAM || stream->recognizer->upper;
	if (final->event.final == FINAL_STREAM) {
		queue_event(stream, final);
	} else {
		struct fake_final **link = &stream->recognizer->finals;
		struct fake_final *waiting = calloc(1, sizeof(*waiting));

		if (!waiting)
			abort();
		for (char *c = final->text; *c && !stream->recognizer->upper; c++)
			*c |= 0x20;
		*waiting = (struct fake_final){NULL, stream, FAKE_PIECES, final};
		while (*link)
			link = &(*link)->next;
		*link = waiting;
		stream->finals++;
	}

	stream->n -= (size_t)length;
	memmove(stream->samples, stream->samples + length, stream->n * sizeof(float));
	stream->start += length + stream->skip;
	stream->skip = 0;
	stream->frames = 0;
	stream->sequence = 0;
	stream->utterance++;
	stream->flush = stream->flush && !last;
	stream->ended = last && stream->end;
	if (stream->context_waits) {
		stream->options.chunk = stream->next_chunk;
		stream->options.right = stream->next_right;
		stream->context_waits = false;
	}
}

size_t recognizer_stream_push(struct recognizer_stream *stream, const float *samples, size_t n)
{
	if (stream->flush || stream->end)
		return 0;
	/* Room for two steps only: most of the audio has to wait outside. */
	size_t room =
		(stream->frames + 2 * (size_t)(stream->options.chunk + stream->options.right)) *
		FAKE_HOP;
	room = room > stream->n ? room - stream->n : 0;
	if (n > room)
		n = room;
	memcpy(stream->samples + stream->n, samples, n * sizeof(*samples));
	stream->n += n;
	return n;
}

void recognizer_stream_flush(struct recognizer_stream *stream)
{
	stream->flush = stream->n > 0;
}

void recognizer_stream_end(struct recognizer_stream *stream)
{
	stream->end = true;
}

void recognizer_stream_skip(struct recognizer_stream *stream, int64_t samples)
{
	recognizer_stream_flush(stream);
	if (stream->flush)
		stream->skip += samples;
	else
		stream->start += samples;
}

int recognizer_stream_set_context(struct recognizer_stream *stream, long left, long chunk,
				  long right)
{
	(void)left;
	stream->next_chunk = chunk;
	stream->next_right = right;
	stream->context_waits = true;
	return 0;
}

/* All its events are the first view's. */
int recognizer_stream_set_view(struct recognizer_stream *stream, size_t view,
			       struct decode_plan *plan)
{
	(void)stream;
	(void)plan;
	return view < RECOGNIZER_VIEWS ? 0 : -EINVAL;
}

void recognizer_stream_drop_view(struct recognizer_stream *stream, size_t view)
{
	(void)stream;
	(void)view;
}

uint64_t recognizer_stream_next_utterance(const struct recognizer_stream *stream)
{
	return stream->utterance + (stream->n > 0);
}

bool recognizer_stream_ready(const struct recognizer_stream *stream)
{
	size_t window = (size_t)(stream->options.chunk + stream->options.right);

	if (stream->ended)
		return false;
	return stream->flush || stream->end || stream->n / FAKE_HOP >= stream->frames + window;
}

bool recognizer_stream_done(const struct recognizer_stream *stream)
{
	return stream->ended && stream->finals == 0 && stream->head == stream->tail;
}

int64_t recognizer_stream_clock(const struct recognizer_stream *stream)
{
	return stream->start + (int64_t)(stream->frames * FAKE_HOP);
}

static void step_one(struct recognizer_stream *stream)
{
	const struct endpoint_rules *rules = &stream->options.endpoint;
	size_t have = stream->n / FAKE_HOP;
	size_t chunk = (size_t)stream->options.chunk, right = (size_t)stream->options.right;
	bool last = stream->flush || stream->end;

	stream->frames = last && have < stream->frames + chunk ? have : stream->frames + chunk;
	size_t window = stream->frames + right < have ? stream->frames + right : have;
	struct fake_event *event = make_event(stream, RECOGNIZER_PARTIAL, stream->frames);

	event->event.sequence = stream->sequence++;
	decode(stream, stream->frames, window, event->unstable);
	bool text = event->stable[0] != '\0';
	queue_event(stream, event);

	double silence = (double)trailing(stream) * FAKE_HOP / FAKE_RATE;
	double length = (double)stream->frames * FAKE_HOP / FAKE_RATE;
	if (text && rules->silence_text > 0 && silence >= rules->silence_text)
		finish_utterance(stream, stream->frames, ENDPOINT_SILENCE_TEXT);
	else if (!text && rules->silence_no_text > 0 && silence >= rules->silence_no_text)
		finish_utterance(stream, stream->frames, ENDPOINT_SILENCE_NO_TEXT);
	else if (rules->max_length > 0 && length >= rules->max_length)
		finish_utterance(stream, stream->frames, ENDPOINT_MAX_LENGTH);
	else if (last && stream->frames == have)
		finish_utterance(stream, stream->frames, ENDPOINT_NONE);
}

void recognizer_step(struct recognizer *recognizer, struct recognizer_stream *const *streams,
		     size_t n)
{
	if (recognizer->behind)
		usleep(250000);
	for (size_t i = 0; i < n; i++)
		step_one(streams[i]);
}

/* ---- finals and events ---- */

bool recognizer_final_pending(const struct recognizer *recognizer)
{
	return recognizer->finals != NULL;
}

int recognizer_final_advance(struct recognizer *recognizer)
{
	struct fake_final *final = recognizer->finals;

	if (recognizer->late)
		usleep(2000000);
	if (final && --final->pieces == 0) {
		recognizer->finals = final->next;
		final->stream->finals--;
		queue_event(final->stream, final->event);
		free(final);
	}
	return recognizer->finals != NULL;
}

static void make_words(struct recognizer_stream *stream, char *text, int frames)
{
	struct transcript *transcript = &stream->transcript;

	transcript->text = text;
	transcript->strings = strdup(text);
	transcript->words = calloc(strlen(text) + 1, sizeof(*transcript->words));
	if (!transcript->strings || !transcript->words)
		abort();
	for (char *save, *word = strtok_r(transcript->strings, " ", &save); word;
	     word = strtok_r(NULL, " ", &save))
		transcript->words[transcript->n_words++] = (struct span){word, 0, frames, 0.5f};
}

bool recognizer_stream_next(struct recognizer_stream *stream, struct recognizer_event *event)
{
	free_event(stream);
	if (stream->head == stream->tail)
		return false;
	struct fake_event *next = stream->events[stream->tail++ % FAKE_EVENTS];

	stream->shown = next;
	*event = next->event;
	event->stable = next->stable;
	event->unstable = next->unstable;
	if (event->kind == RECOGNIZER_PARTIAL) {
		size_t n = strlen(next->stable);

		memcpy(next->text, next->stable, n);
		memcpy(next->text + n, next->unstable, strlen(next->unstable) + 1);
	}
	if (event->kind != RECOGNIZER_ENDPOINT) {
		make_words(stream, next->text, (int)((event->clock - event->start) / FAKE_HOP));
		event->transcript = &stream->transcript;
	}
	return true;
}
