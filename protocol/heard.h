/*
 * libheard: a client's side of the heard protocol, heard-protocol(7).
 *
 *	struct heard *h;
 *	struct heard_event e;
 *
 *	if (heard_connect(NULL, &h) == 0 && heard_subscribe(h, NULL) == 0) {
 *		while (heard_wait(h, -1) >= 0) {
 *			while (heard_next(h, &e) > 0) {
 *				if (e.kind == HEARD_TRANSCRIPT)
 *					puts(e.text);
 *			}
 *		}
 *	}
 *	heard_close(h);
 *
 * Functions that return int give 0 or more, or a negative errno. Nothing blocks
 * but heard_connect and heard_wait. A connection belongs to one thread at a
 * time. Reconnecting is the caller's: close and connect again.
 */
#ifndef HEARD_H
#define HEARD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct heard; /* one connection */

/* ---- connecting ---- */

/* Connects to "unix://PATH", a bare path or "tcp://HOST:PORT", and sends
 * heard-hello. NULL: $HEARD_SOCKET if it is set, else the first that answers of
 * $XDG_RUNTIME_DIR/heard.sock and /run/heard/heard.sock. TCP gives up after 10 s.
 * *out is owned by the caller. On failure *out is NULL: -EINVAL for an address
 * that cannot be read, else why the last attempt failed (-ENOENT,
 * -ECONNREFUSED: no daemon; -EACCES). */
int heard_connect(const char *address, struct heard **out);

/* The same on a connected stream socket, which it takes over, also on failure. */
int heard_attach(int fd, struct heard **out);

/* Drops the connection, unsent data included. NULL is allowed. */
void heard_close(struct heard *heard);

/* ---- asking ---- */

/* Fields left at what heard_options_init puts there are the daemon's choice. */
struct heard_options {
	const char *language;    /* NULL; a language of the model */
	const char *final;       /* NULL; "stream", "offline" */
	int partials;            /* -1; 0, 1 */
	double partial_interval; /* -1; seconds between partials, at least */
	int words;               /* -1; 0, 1: words with times */
	int endpoint;            /* -1; 0, 1: the daemon ends utterances at pauses */
	double silence_no_text;  /* -1; seconds; each implies endpoint */
	double silence_text;     /* -1; seconds */
	double max_length;       /* -1; seconds */
	int beam;                /* -1; hypotheses searched; 1: greedy */
	/* Commands to listen for: the text of a grammar, or phrases; never both. They are read
	 * by the call that takes the options. */
	const char *grammar;        /* NULL; "": none, also where the daemon has some */
	const char *const *phrases; /* NULL; [n_phrases] */
	size_t n_phrases;
	double threshold; /* -1; 0..1: least confidence of a command */
	int nbest;        /* -1; hypotheses of each utterance, as HEARD_NBEST; 0: none */
};

void heard_options_init(struct heard_options *options);

/* Follows the daemon's own source. options NULL: all the daemon's choice. */
int heard_subscribe(struct heard *heard, const struct heard_options *options);

/* Samples pushed are little-endian and interleaved. */
struct heard_format {
	int rate;     /* Hz */
	int width;    /* bytes: 2, 3, 4 */
	int channels; /* 1 to 8 */
	int floating; /* not 0: 32 bit floats, width 4 */
};

/* Starts a stream of pushed audio, ends it. A transcript follows the end; then
 * the next stream may start. */
int heard_start(struct heard *heard, const struct heard_options *options,
		const struct heard_format *format);
int heard_stop(struct heard *heard);

/* Takes as many of n bytes as the queue has room for and returns that number; 0
 * means heard_wait first. Any split is right, also inside a sample. -EINVAL
 * outside of start and stop. */
ssize_t heard_push(struct heard *heard, const void *bytes, size_t n);

/* Any other event: "heard-status", "describe", "heard-flush", ... data is a JSON
 * object or NULL; -EINVAL where it is not. */
int heard_send(struct heard *heard, const char *type, const char *data);

/* ---- events ---- */

enum heard_kind {
	HEARD_OTHER,      /* of a later version: see type and heard_json */
	HEARD_WELCOME,    /* text: version of the daemon; name: model; rate */
	HEARD_PARTIAL,    /* text: stable; unstable; words; name: best command so far */
	HEARD_TRANSCRIPT, /* text; words; name: what ended it; code: reason, if any */
	HEARD_ENDPOINT,   /* name: the rule */
	HEARD_VOICE_STARTED,
	HEARD_VOICE_STOPPED,
	HEARD_DEVICE,    /* code: state; name: device; text: reason */
	HEARD_OVERRUN,   /* seconds: audio lost */
	HEARD_LAG,       /* seconds: behind; name: measures; rung */
	HEARD_DETECTION, /* name; confidence */
	HEARD_NOT_DETECTED,
	HEARD_ERROR,    /* text; code */
	HEARD_COMMAND,  /* text: the phrase; name: its rule; slots; confidence; words */
	HEARD_NO_MATCH, /* text: what was said, and is no command */
	HEARD_NBEST,    /* hypotheses of an utterance, before its transcript */
	HEARD_TRANSCRIPT_START,
	HEARD_TRANSCRIPT_CHUNK, /* text: what is added */
	HEARD_TRANSCRIPT_STOP,
	HEARD_PONG,   /* text */
	HEARD_SET,    /* the answer to heard-set; see heard_json */
	HEARD_STATUS, /* text: version; name: model; code: state; rate; seconds: behind;
		       * rung; the rest with heard_json */
	HEARD_INFO,   /* see heard_json */
};

struct heard_word {
	const char *word;
	double start, end; /* seconds since the stream's start */
	double confidence; /* 0..1 */
	int open;          /* may still grow */
};

struct heard_slot {
	const char *name, *value;
};

struct heard_hypothesis {
	const char *text;
	double score; /* natural logarithm; the sum of what follows */
	double acoustic, lm, hotwords;
};

/* Strings are UTF-8, never NULL, "" where there is none, and valid until the
 * next heard_next, heard_wait or heard_close. */
struct heard_event {
	enum heard_kind kind;
	const char *type; /* its name on the wire */

	uint64_t stream; /* 0: the daemon's source */
	int64_t clock;   /* samples since the stream's start */
	double time;     /* the same in seconds */
	uint64_t utterance, sequence;

	const char *text, *unstable, *name, *code;
	double start, end; /* transcript, no match: of the utterance, seconds; partial: start;
			    * command: of the phrase */
	double confidence; /* negative: unknown */
	double latency;    /* transcript, seconds; negative: unknown */
	int prefix_ok;     /* transcript: the stable text shown before is its prefix */
	double seconds;
	double rate; /* samples per second; 0: unknown */
	int rung;
	const struct heard_word *words;
	size_t n_words;
	const struct heard_slot *slots; /* in the order in which the daemon lists them */
	size_t n_slots;
	const struct heard_hypothesis *hypotheses; /* best first */
	size_t n_hypotheses;
};

/* Takes the next event that has come: 1, or 0 for none. Once the connection is
 * over and all events are taken: -EPIPE (the daemon closed it), -EPROTO (what
 * came is not the protocol), or another negative errno. */
int heard_next(struct heard *heard, struct heard_event *event);

/* The value of a command's slot; NULL where the phrase has none of that name. */
const char *heard_slot(const struct heard_event *event, const char *name);

/* The event last taken as one line of JSON, no newline, as on the wire:
 * {"type":...,"data":{...}}. Valid as its strings; NULL where there is none or
 * memory is out. */
const char *heard_json(struct heard *heard);

/* ---- waiting ---- */

/* Waits until heard_next has an event, or a full queue has room for heard_push
 * again, at most timeout_ms (-1: as long as it takes; 0: not at all), and
 * sends what is queued meanwhile. 1, 0 on a timeout or signal, or negative as
 * heard_next. */
int heard_wait(struct heard *heard, int timeout_ms);

/* For loops of the caller's: wait on this descriptor for heard_events (poll(2)
 * bits), then call heard_wait(heard, 0) and heard_next until 0. */
int heard_fd(const struct heard *heard);
short heard_events(const struct heard *heard);

/* Bytes queued and not sent. */
size_t heard_pending(const struct heard *heard);

/* Why the connection is over, for people; "" while it is not. */
const char *heard_error(const struct heard *heard);

#ifdef __cplusplus
}
#endif

#endif
