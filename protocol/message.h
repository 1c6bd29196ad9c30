/*
 * Every event of the protocol as a plain struct: Wyoming's and ours (`heard-`).
 * heard-protocol(7) says what they mean; this says how they look in C.
 *
 * Strings are UTF-8 and NULL where absent. A message made by message_parse owns
 * its strings and arrays until message_finish; one filled in by hand for
 * message_print borrows them. Our times are seconds, Wyoming's timestamps
 * milliseconds, clocks samples at the model's rate.
 */
#ifndef HEARD_PROTOCOL_MESSAGE_H
#define HEARD_PROTOCOL_MESSAGE_H

#include "protocol/json_fields.h"
#include "protocol/session_options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cJSON;

enum message_kind {
	MESSAGE_UNKNOWN, /* parsed: an event of another name, to be ignored */
	/* Wyoming */
	MESSAGE_DESCRIBE,
	MESSAGE_INFO,
	MESSAGE_TRANSCRIBE,
	MESSAGE_AUDIO_START,
	MESSAGE_AUDIO_CHUNK,
	MESSAGE_AUDIO_STOP,
	MESSAGE_TRANSCRIPT_START,
	MESSAGE_TRANSCRIPT_CHUNK,
	MESSAGE_TRANSCRIPT,
	MESSAGE_TRANSCRIPT_STOP,
	MESSAGE_VOICE_STARTED,
	MESSAGE_VOICE_STOPPED,
	MESSAGE_DETECT,
	MESSAGE_DETECTION,
	MESSAGE_NOT_DETECTED,
	MESSAGE_PING,
	MESSAGE_PONG,
	MESSAGE_ERROR,
	/* ours */
	MESSAGE_HELLO,
	MESSAGE_WELCOME,
	MESSAGE_SUBSCRIBE,
	MESSAGE_SET,
	MESSAGE_FLUSH,
	MESSAGE_RESET,
	MESSAGE_CANCEL,
	MESSAGE_PARTIAL,
	MESSAGE_ENDPOINT,
	MESSAGE_DEVICE,
	MESSAGE_OVERRUN,
	MESSAGE_LAG,
	MESSAGE_STATUS,
	MESSAGE_COMMAND,
	MESSAGE_NO_MATCH,
	MESSAGE_NBEST,
	MESSAGE_KINDS,
};

/* "audio-start", "heard-partial"; "" for UNKNOWN. */
const char *message_type(enum message_kind kind);
/* By that name; MESSAGE_UNKNOWN for others. */
enum message_kind message_kind(const char *type);

/* Where something happened: in every heard- event and every `data.heard` that the
 * daemon sends. Stream 0 is the daemon's own source. */
struct message_stamp {
	uint64_t stream;
	int64_t clock; /* samples since the stream's start */
	double time;   /* seconds: clock / rate */
};

static inline struct message_stamp message_stamp(uint64_t stream, int64_t clock, double rate)
{
	return (struct message_stamp){
		.stream = stream, .clock = clock, .time = (double)clock / rate};
}

struct message_word {
	const char *word;
	double start, end; /* seconds since the stream's start, end exclusive */
	double confidence; /* 0..1 */
	bool open;         /* the last word of a partial, which may still grow */
};

/* L:C:R in frames; -1: unlimited left, whole-utterance chunk. */
struct message_window {
	int64_t left, chunk, right;
};

/* ---- Wyoming ---- */

/* Absent where !given. */
struct message_timestamp {
	bool given;
	int64_t ms;
};

struct message_attribution {
	const char *name, *url;
};

struct message_model {
	const char *name, *description, *version;
	const char *phrase; /* wake models: what to say */
	struct message_attribution attribution;
	bool installed;
	const char *const *languages;
	size_t n_languages;
};

struct message_program {
	const char *name, *description, *version;
	struct message_attribution attribution;
	bool installed;
	bool supports_transcript_streaming;   /* asr */
	bool requires_external_vad;           /* asr */
	bool prefers_auto_gain_enabled;       /* asr */
	bool prefers_noise_reduction_enabled; /* asr */
	const struct message_model *models;
	size_t n_models;
	bool heard;  /* asr: the fields below, printed as `heard` */
	double rate; /* samples per second of the model */
	double hop;  /* samples per frame */
	struct message_window window;
	enum session_final final; /* default */
};

struct message_info {
	const struct message_program *asr;
	size_t n_asr;
	const struct message_program *wake;
	size_t n_wake;
};

/* A phrase that a session expects. */
struct message_hotword {
	const char *phrase;
	double weight; /* NAN: absent */
};

struct message_hotwords {
	bool given; /* the list is there, maybe empty */
	const struct message_hotword *list;
	size_t n;
};

/* What may be said: the text of a grammar, or phrases. */
struct message_grammar {
	bool given;       /* one of them is there; "" and [] take a grammar away */
	const char *text; /* NULL: phrases */
	const char *const *phrases;
	size_t n_phrases;
};

struct message_transcribe {
	const char *name, *language;
	const char *context; /* JSON text of an object, opaque */
	bool heard;          /* `data.heard` is there: our events are welcome */
	/* vad_sensitivity and language are folded in, data.heard wins */
	struct session_options options;
	struct message_hotwords hotwords; /* of data.heard */
	struct message_grammar grammar;   /* likewise */
};

/* audio-start, audio-chunk. */
struct message_audio {
	int rate;      /* 1 to 768000 Hz */
	int width;     /* bytes per sample of one channel, 1 to 8; the daemon takes 2, 3, 4 */
	int channels;  /* 1 to 255; the daemon takes 1 to 8 */
	bool floating; /* audio-start: `heard.format` is "f32" */
	struct message_timestamp timestamp;
};

struct message_transcript_start {
	const char *language, *context;
};

struct message_text { /* transcript-chunk, ping, pong */
	const char *text;
};

struct message_transcript {
	const char *text, *language, *context;
	bool heard; /* the fields below, printed as `heard` */
	struct message_stamp stamp;
	uint64_t utterance;
	int64_t start_sample, end_sample; /* [start, end) of the utterance on the stream's clock */
	double start, end;                /* the same in seconds */
	enum session_final final;         /* how it was made */
	bool prefix_ok;                   /* the stable text shown before is a prefix of text */
	double confidence;                /* mean over the words; negative: absent */
	double latency;     /* seconds from the last sample to this event; negative: absent */
	const char *rule;   /* what ended it: an endpoint rule, "stop", "flush" */
	const char *reason; /* why it is less than asked for: "shutdown", "lag" */
	const struct message_word *words;
	size_t n_words;
	bool has_words;
};

struct message_detect {
	const char *const *names; /* none: any */
	size_t n_names;
	const char *context;
};

struct message_detection {
	const char *name, *speaker;
	const char *context;
	struct message_timestamp timestamp;
	bool heard; /* the fields below, printed as `heard` */
	struct message_stamp stamp;
	double confidence; /* 0..1 */
};

struct message_error {
	const char *text;
	const char *code; /* a name of protocol/error.h */
};

/* ---- ours: client to daemon ---- */

struct message_hello {
	const char *client; /* "hear/0.1.0", for logs */
};

struct message_set { /* heard-subscribe (options only), heard-set both ways */
	struct session_options options;
	struct message_hotwords hotwords;
	struct message_grammar grammar;
	const char *device; /* heard-set: another microphone */
	const char *model;  /* heard-set: another model directory */
	bool reload;        /* heard-set: as SIGHUP */
	bool stamped;       /* the daemon's answer */
	struct message_stamp stamp;
};

struct message_reset {
	bool full; /* mode "full" (default): statistics too; else "utterance" */
};

/* ---- ours: daemon to client ---- */

struct message_welcome {
	struct message_stamp stamp;
	const char *version; /* of the daemon */
	const char *const *capabilities;
	size_t n_capabilities;
	bool ready;        /* the model is loaded; the fields below hold */
	const char *model; /* its directory's name */
	double rate;
	int64_t line_limit, data_limit, payload_limit; /* bytes that the daemon accepts */
};

struct message_partial {
	struct message_stamp stamp;
	uint64_t utterance, sequence;
	double start; /* of the utterance */
	const char *stable, *unstable;
	const char *command; /* with a grammar: best so far, maybe half a phrase */
	const struct message_word *words;
	size_t n_words;
	bool has_words;
};

struct message_endpoint {
	struct message_stamp stamp;
	uint64_t utterance;
	const char *rule;
};

struct message_slot {
	const char *name, *value;
};

struct message_command {
	struct message_stamp stamp;
	uint64_t utterance;
	const char *phrase;
	const char *rule; /* NULL: a statement without a name */
	const struct message_slot *slots;
	size_t n_slots;
	double confidence; /* 0..1 */
	double start, end; /* seconds, of its first and last word */
	const struct message_word *words;
	size_t n_words;
};

struct message_no_match {
	struct message_stamp stamp;
	uint64_t utterance;
	const char *text;  /* what was said instead */
	double start, end; /* seconds, of the utterance */
};

struct message_hypothesis {
	const char *text;
	double score, acoustic, lm, hotwords; /* ln; the first is the sum of the others */
};

struct message_nbest {
	struct message_stamp stamp;
	uint64_t utterance;
	double start, end;                     /* seconds, of the utterance */
	const struct message_hypothesis *list; /* best first */
	size_t n;
};

struct message_input { /* a device that could be opened */
	int64_t index;
	const char *name;
	const char *host; /* "ALSA" */
	double rate;      /* default rate */
	int64_t channels;
	bool is_default;
};

struct message_device {
	bool request; /* client to daemon: no fields; asks for the answer with `devices` */
	struct message_stamp stamp;
	const char *state;  /* "open", "lost", "searching", "ended", "none" */
	const char *name;   /* of the open or wanted device */
	const char *reason; /* why it is not open */
	double rate;        /* 0: absent */
	int64_t channels;
	double gap; /* seconds by which the clock was moved on, 0: none */
	const struct message_input *devices;
	size_t n_devices;
	bool has_devices;
};

struct message_overrun {
	struct message_stamp stamp;
	double dropped;       /* seconds of audio lost here */
	double dropped_total; /* since the stream's start */
};

struct message_lag {
	struct message_stamp stamp;
	double behind;                /* seconds */
	double rtf;                   /* real-time factor of late; negative: absent */
	int64_t rung;                 /* 0: normal */
	const char *measures;         /* "none", "large-chunks", "no-partials", "finals-only" */
	struct message_window window; /* in use from the next utterance on */
};

struct message_status {
	bool request; /* client to daemon: no fields */
	struct message_stamp stamp;
	const char *version;
	const char *state; /* "loading", "ready", "failed", "stopping" */
	const char *model;
	double rate;
	struct message_window window;
	double lookahead; /* seconds from a sample to its committed text */
	const char *final;
	const char *source; /* "mic", "file", "stdin", "none" */
	const char *device; /* name of the open device */
	const char *device_state;
	double level; /* dBFS; not finite: absent */
	bool gate_open;
	double uptime;
	int64_t clients, subscribers, pushers; /* connected now */
	int64_t clients_total, utterances_total;
	double audio_total; /* seconds recognized */
	double behind;      /* seconds */
	int64_t rung;
	double rtf;                /* negative: absent */
	double step_p50, step_p99; /* seconds */
	int64_t steps;
	double overrun;                     /* seconds of audio lost */
	int64_t dropped_partials;           /* superseded before they were sent */
	int64_t dropped_clients;            /* slow or broken */
	int64_t memory, memory_peak;        /* bytes resident */
	int64_t words_shown, words_revised; /* unstable words, for flicker */
	double flicker;                     /* revised / shown; negative: absent */
	int64_t prefix_broken;              /* finals that contradicted their stable text */
};

struct message_block;

struct message {
	enum message_kind kind;
	union {
		struct message_info info;
		struct message_transcribe transcribe;
		struct message_audio audio;
		struct message_timestamp timestamp; /* audio-stop, voice-started, -stopped */
		struct message_transcript_start transcript_start;
		struct message_text text;
		struct message_transcript transcript;
		struct message_detect detect;
		struct message_detection detection;
		struct message_detect not_detected; /* context only */
		struct message_error error;
		struct message_hello hello;
		struct message_welcome welcome;
		struct message_set set; /* subscribe, set */
		struct message_reset reset;
		struct message_partial partial;
		struct message_endpoint endpoint;
		struct message_device device;
		struct message_overrun overrun;
		struct message_lag lag;
		struct message_status status;
		struct message_command command;
		struct message_no_match no_match;
		struct message_nbest nbest;
	};
	struct message_block *blocks; /* owned: what message_parse allocated */
};

/* Reads an event as framing delivers it; data may be NULL. 0, -ENOMEM, or
 * -EINVAL with the problem ("audio-start.rate: must be ...") filled in; the
 * message needs message_finish only after 0. */
int message_parse(const char *type, const struct cJSON *data, struct message *message,
		  struct problem *problem);
void message_finish(struct message *message);

/* Prints one event, payload excluded (framing_print). *out is owned by the
 * caller. 0 or -ENOMEM. */
int message_print(const struct message *message, uint64_t payload_length, char **out, size_t *n);

#endif
