#include "protocol/event.h"

#include <errno.h>
#include <stdlib.h>

static const char *text_or_empty(const char *text)
{
	return text ? text : "";
}

static void set_stamp(struct heard_event *event, const struct message_stamp *stamp)
{
	event->stream = stamp->stream;
	event->clock = stamp->clock;
	event->time = stamp->time;
}

void event_lists_finish(struct event_lists *lists)
{
	free(lists->words);
	free(lists->slots);
	free(lists->hypotheses);
	*lists = (struct event_lists){0};
}

static int set_words(struct heard_event *event, const struct message_word *from, size_t n,
		     struct event_lists *lists)
{
	if (n == 0)
		return 0;
	struct heard_word *grown = reallocarray(lists->words, n, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	lists->words = grown;
	for (size_t i = 0; i < n; i++) {
		grown[i] = (struct heard_word){
			.word = text_or_empty(from[i].word),
			.start = from[i].start,
			.end = from[i].end,
			.confidence = from[i].confidence,
			.open = from[i].open,
		};
	}
	event->words = grown;
	event->n_words = n;
	return 0;
}

static int set_slots(struct heard_event *event, const struct message_slot *from, size_t n,
		     struct event_lists *lists)
{
	if (n == 0)
		return 0;
	struct heard_slot *grown = reallocarray(lists->slots, n, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	lists->slots = grown;
	for (size_t i = 0; i < n; i++)
		grown[i] = (struct heard_slot){.name = text_or_empty(from[i].name),
					       .value = text_or_empty(from[i].value)};
	event->slots = grown;
	event->n_slots = n;
	return 0;
}

static int set_partial(struct heard_event *event, const struct message_partial *partial,
		       struct event_lists *lists)
{
	event->kind = HEARD_PARTIAL;
	set_stamp(event, &partial->stamp);
	event->utterance = partial->utterance;
	event->sequence = partial->sequence;
	event->start = partial->start;
	event->text = text_or_empty(partial->stable);
	event->unstable = text_or_empty(partial->unstable);
	event->name = text_or_empty(partial->command);
	return set_words(event, partial->words, partial->n_words, lists);
}

static int set_transcript(struct heard_event *event, const struct message_transcript *transcript,
			  struct event_lists *lists)
{
	event->kind = HEARD_TRANSCRIPT;
	event->text = text_or_empty(transcript->text);
	event->prefix_ok = 1;
	if (!transcript->heard)
		return 0;
	set_stamp(event, &transcript->stamp);
	event->utterance = transcript->utterance;
	event->start = transcript->start;
	event->end = transcript->end;
	event->prefix_ok = transcript->prefix_ok;
	event->confidence = transcript->confidence;
	event->latency = transcript->latency;
	event->name = text_or_empty(transcript->rule);
	event->code = text_or_empty(transcript->reason);
	return set_words(event, transcript->words, transcript->n_words, lists);
}

static void set_welcome(struct heard_event *event, const struct message_welcome *welcome)
{
	event->kind = HEARD_WELCOME;
	set_stamp(event, &welcome->stamp);
	event->text = text_or_empty(welcome->version);
	event->name = text_or_empty(welcome->model);
	event->rate = welcome->rate;
}

static void set_device(struct heard_event *event, const struct message_device *device)
{
	event->kind = HEARD_DEVICE;
	set_stamp(event, &device->stamp);
	event->code = text_or_empty(device->state);
	event->name = text_or_empty(device->name);
	event->text = text_or_empty(device->reason);
	event->rate = device->rate;
	event->seconds = device->gap;
}

static void set_lag(struct heard_event *event, const struct message_lag *lag)
{
	event->kind = HEARD_LAG;
	set_stamp(event, &lag->stamp);
	event->seconds = lag->behind;
	event->rung = (int)lag->rung;
	event->name = text_or_empty(lag->measures);
}

static void set_detection(struct heard_event *event, const struct message_detection *detection)
{
	event->kind = HEARD_DETECTION;
	event->name = text_or_empty(detection->name);
	if (detection->timestamp.given)
		event->time = (double)detection->timestamp.ms / 1000;
	if (!detection->heard)
		return;
	set_stamp(event, &detection->stamp);
	event->confidence = detection->confidence;
}

static int set_command(struct heard_event *event, const struct message_command *command,
		       struct event_lists *lists)
{
	event->kind = HEARD_COMMAND;
	set_stamp(event, &command->stamp);
	event->utterance = command->utterance;
	event->text = text_or_empty(command->phrase);
	event->name = text_or_empty(command->rule);
	event->confidence = command->confidence;
	event->start = command->start;
	event->end = command->end;
	int status = set_slots(event, command->slots, command->n_slots, lists);
	return status < 0 ? status : set_words(event, command->words, command->n_words, lists);
}

static void set_no_match(struct heard_event *event, const struct message_no_match *no_match)
{
	event->kind = HEARD_NO_MATCH;
	set_stamp(event, &no_match->stamp);
	event->utterance = no_match->utterance;
	event->text = text_or_empty(no_match->text);
	event->start = no_match->start;
	event->end = no_match->end;
}

static int set_nbest(struct heard_event *event, const struct message_nbest *nbest,
		     struct event_lists *lists)
{
	event->kind = HEARD_NBEST;
	set_stamp(event, &nbest->stamp);
	event->utterance = nbest->utterance;
	event->start = nbest->start;
	event->end = nbest->end;
	if (nbest->n == 0)
		return 0;
	struct heard_hypothesis *grown = reallocarray(lists->hypotheses, nbest->n, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	lists->hypotheses = grown;
	for (size_t i = 0; i < nbest->n; i++)
		grown[i] = (struct heard_hypothesis){
			.text = text_or_empty(nbest->list[i].text),
			.score = nbest->list[i].score,
			.acoustic = nbest->list[i].acoustic,
			.lm = nbest->list[i].lm,
			.hotwords = nbest->list[i].hotwords,
		};
	event->hypotheses = grown;
	event->n_hypotheses = nbest->n;
	return 0;
}

static void set_status(struct heard_event *event, const struct message_status *status)
{
	event->kind = HEARD_STATUS;
	set_stamp(event, &status->stamp);
	event->text = text_or_empty(status->version);
	event->name = text_or_empty(status->model);
	event->code = text_or_empty(status->state);
	event->rate = status->rate;
	event->seconds = status->behind;
	event->rung = (int)status->rung;
}

static void set_text(struct heard_event *event, enum heard_kind kind,
		     const struct message_text *text)
{
	event->kind = kind;
	event->text = text_or_empty(text->text);
}

static void set_voice(struct heard_event *event, enum heard_kind kind,
		      const struct message_timestamp *timestamp)
{
	event->kind = kind;
	if (timestamp->given)
		event->time = (double)timestamp->ms / 1000;
}

int event_from_message(const struct message *m, const char *type, struct event_lists *lists,
		       struct heard_event *event)
{
	*event = (struct heard_event){
		.kind = HEARD_OTHER,
		.type = type,
		.text = "",
		.unstable = "",
		.name = "",
		.code = "",
		.confidence = -1,
		.latency = -1,
	};
	switch (m->kind) {
	case MESSAGE_PARTIAL:
		return set_partial(event, &m->partial, lists);
	case MESSAGE_TRANSCRIPT:
		return set_transcript(event, &m->transcript, lists);
	case MESSAGE_WELCOME:
		set_welcome(event, &m->welcome);
		return 0;
	case MESSAGE_ENDPOINT:
		event->kind = HEARD_ENDPOINT;
		set_stamp(event, &m->endpoint.stamp);
		event->utterance = m->endpoint.utterance;
		event->name = text_or_empty(m->endpoint.rule);
		return 0;
	case MESSAGE_VOICE_STARTED:
		set_voice(event, HEARD_VOICE_STARTED, &m->timestamp);
		return 0;
	case MESSAGE_VOICE_STOPPED:
		set_voice(event, HEARD_VOICE_STOPPED, &m->timestamp);
		return 0;
	case MESSAGE_DEVICE:
		set_device(event, &m->device);
		return 0;
	case MESSAGE_OVERRUN:
		event->kind = HEARD_OVERRUN;
		set_stamp(event, &m->overrun.stamp);
		event->seconds = m->overrun.dropped;
		return 0;
	case MESSAGE_LAG:
		set_lag(event, &m->lag);
		return 0;
	case MESSAGE_DETECTION:
		set_detection(event, &m->detection);
		return 0;
	case MESSAGE_NOT_DETECTED:
		event->kind = HEARD_NOT_DETECTED;
		return 0;
	case MESSAGE_ERROR:
		event->kind = HEARD_ERROR;
		event->text = text_or_empty(m->error.text);
		event->code = text_or_empty(m->error.code);
		return 0;
	case MESSAGE_COMMAND:
		return set_command(event, &m->command, lists);
	case MESSAGE_NO_MATCH:
		set_no_match(event, &m->no_match);
		return 0;
	case MESSAGE_NBEST:
		return set_nbest(event, &m->nbest, lists);
	case MESSAGE_TRANSCRIPT_START:
		event->kind = HEARD_TRANSCRIPT_START;
		return 0;
	case MESSAGE_TRANSCRIPT_CHUNK:
		set_text(event, HEARD_TRANSCRIPT_CHUNK, &m->text);
		return 0;
	case MESSAGE_TRANSCRIPT_STOP:
		event->kind = HEARD_TRANSCRIPT_STOP;
		return 0;
	case MESSAGE_PONG:
		set_text(event, HEARD_PONG, &m->text);
		return 0;
	case MESSAGE_SET:
		event->kind = HEARD_SET;
		set_stamp(event, &m->set.stamp);
		return 0;
	case MESSAGE_STATUS:
		set_status(event, &m->status);
		return 0;
	case MESSAGE_INFO:
		event->kind = HEARD_INFO;
		return 0;
	default:
		return 0;
	}
}
