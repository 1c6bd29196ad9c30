/* The client library against a peer on a socket pair. */
#include "protocol/framing.h"
#include "protocol/heard.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
	struct heard *heard;
	int peer;
	struct framing *framing;
	unsigned char bytes[1 << 16];
	size_t start, end;
};

static struct pair *pair_create(void)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	int fds[2];

	assert_non_null(pair);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(heard_attach(fds[0], &pair->heard), 0);
	assert_int_equal(framing_create(NULL, &pair->framing), 0);
	pair->peer = fds[1];
	return pair;
}

static void pair_destroy(struct pair *pair)
{
	heard_close(pair->heard);
	framing_destroy(pair->framing);
	if (pair->peer >= 0)
		close(pair->peer);
	free(pair);
}

static void say(struct pair *pair, const char *line)
{
	assert_int_equal(write(pair->peer, line, strlen(line)), strlen(line));
}

/* The next item that the library sent. */
static struct framing_item hear(struct pair *pair)
{
	struct framing_item item;

	do {
		if (pair->start == pair->end) {
			ssize_t n = read(pair->peer, pair->bytes, sizeof(pair->bytes));
			assert_true(n > 0);
			pair->start = 0;
			pair->end = (size_t)n;
		}
		ssize_t taken = framing_take(pair->framing, pair->bytes + pair->start,
					     pair->end - pair->start, &item);
		assert_true(taken > 0);
		pair->start += (size_t)taken;
	} while (item.kind == FRAMING_NOTHING);
	return item;
}

static void assert_hears(struct pair *pair, const char *type, const char *data)
{
	struct framing_item item = hear(pair);

	assert_int_equal(item.kind, FRAMING_EVENT);
	assert_string_equal(item.type, type);
	char *text = item.data ? cJSON_PrintUnformatted(item.data) : NULL;
	if (data)
		assert_string_equal(text, data);
	else
		assert_null(text);
	cJSON_free(text);
}

static void assert_hears_hello(struct pair *pair)
{
	struct framing_item item = hear(pair);

	assert_string_equal(item.type, "heard-hello");
}

static void test_requests(void **state)
{
	(void)state;
	struct pair *pair = pair_create();
	struct heard_options options;

	assert_hears_hello(pair);
	assert_int_equal(heard_subscribe(pair->heard, NULL), 0);
	assert_hears(pair, "heard-subscribe", NULL);
	heard_options_init(&options);
	assert_int_equal(heard_subscribe(pair->heard, &options), 0);
	assert_hears(pair, "heard-subscribe", NULL);
	options.partials = 0;
	options.words = 1;
	options.partial_interval = 0.5;
	assert_int_equal(heard_subscribe(pair->heard, &options), 0);
	assert_hears(pair, "heard-subscribe",
		     "{\"partials\":false,\"partial_interval\":0.5,\"words\":true}");

	assert_int_equal(heard_send(pair->heard, "heard-status", NULL), 0);
	assert_hears(pair, "heard-status", NULL);
	assert_int_equal(heard_send(pair->heard, "ping", "{\"text\": \"x\"}"), 0);
	assert_hears(pair, "ping", "{\"text\":\"x\"}");
	assert_int_equal(heard_send(pair->heard, "ping", "[]"), -EINVAL);
	assert_int_equal(heard_send(pair->heard, "ping", "{"), -EINVAL);
	assert_int_equal(heard_send(pair->heard, "ping", "{} x"), -EINVAL);
	assert_int_equal(heard_send(pair->heard, "", NULL), -EINVAL);
	options.final = "fast";
	assert_int_equal(heard_subscribe(pair->heard, &options), -EINVAL);
	pair_destroy(pair);
}

static void test_stream(void **state)
{
	(void)state;
	struct pair *pair = pair_create();
	struct heard_options options;
	const struct heard_format format = {
		.rate = 48000, .width = 4, .channels = 2, .floating = 1};

	assert_hears_hello(pair);
	assert_int_equal(heard_push(pair->heard, "abc", 3), -EINVAL);
	assert_int_equal(heard_stop(pair->heard), -EINVAL);
	heard_options_init(&options);
	options.language = "de";
	options.final = "stream";
	options.silence_text = 0.5;
	assert_int_equal(heard_start(pair->heard, &options, &format), 0);
	assert_int_equal(heard_start(pair->heard, &options, &format), -EINVAL);
	assert_hears(pair, "transcribe",
		     "{\"heard\":{\"language\":\"de\",\"final\":\"stream\","
		     "\"endpoint\":{\"silence_text\":0.5}}}");
	assert_hears(pair, "audio-start",
		     "{\"rate\":48000,\"width\":4,\"channels\":2,\"heard\":{\"format\":\"f32\"}}");
	assert_int_equal(heard_push(pair->heard, "abc", 3), 3);
	assert_hears(pair, "audio-chunk", "{\"rate\":48000,\"width\":4,\"channels\":2}");
	struct framing_item item = hear(pair);
	assert_int_equal(item.kind, FRAMING_PAYLOAD);
	assert_int_equal(item.payload_length, 3);
	assert_memory_equal(item.payload, "abc", 3);
	assert_int_equal(heard_push(pair->heard, "", 0), 0);
	assert_int_equal(heard_stop(pair->heard), 0);
	assert_hears(pair, "audio-stop", NULL);
	pair_destroy(pair);
}

static void test_formats(void **state)
{
	(void)state;
	static const struct heard_format wrong[] = {
		{.rate = 0, .width = 2, .channels = 1},
		{.rate = 16000, .width = 1, .channels = 1},
		{.rate = 16000, .width = 5, .channels = 1},
		{.rate = 16000, .width = 2, .channels = 0},
		{.rate = 16000, .width = 2, .channels = 9},
		{.rate = 16000, .width = 2, .channels = 1, .floating = 1},
	};
	struct pair *pair = pair_create();

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(heard_start(pair->heard, NULL, &wrong[i]), -EINVAL);
	pair_destroy(pair);
}

/* The queue is bounded: push takes what there is room for, wait says when. */
static void test_back_pressure(void **state)
{
	(void)state;
	struct pair *pair = pair_create();
	const struct heard_format format = {.rate = 16000, .width = 2, .channels = 1};
	const size_t total = 4 << 20;
	unsigned char *bytes = malloc(total), *got = malloc(total);
	size_t pushed = 0, n_got = 0;

	for (size_t i = 0; i < total; i++)
		bytes[i] = (unsigned char)(i * 2654435761u >> 13);
	assert_int_equal(heard_start(pair->heard, NULL, &format), 0);
	while (n_got < total) {
		ssize_t n = heard_push(pair->heard, bytes + pushed, total - pushed);
		assert_true(n >= 0);
		pushed += (size_t)n;
		assert_true(heard_pending(pair->heard) < 512 * 1024);
		ssize_t n_read = recv(pair->peer, pair->bytes, sizeof(pair->bytes), MSG_DONTWAIT);
		for (ssize_t at = 0; at < n_read;) {
			struct framing_item item;
			ssize_t taken = framing_take(pair->framing, pair->bytes + at,
						     (size_t)(n_read - at), &item);
			assert_true(taken > 0);
			at += taken;
			if (item.kind == FRAMING_PAYLOAD) {
				memcpy(got + n_got, item.payload, item.payload_length);
				n_got += item.payload_length;
			}
		}
		assert_true(heard_wait(pair->heard, 0) >= 0);
	}
	assert_memory_equal(got, bytes, total);
	assert_int_equal(heard_events(pair->heard), POLLIN);
	free(bytes);
	free(got);
	pair_destroy(pair);
}

static void test_events(void **state)
{
	(void)state;
	struct pair *pair = pair_create();
	struct heard_event event;

	assert_int_equal(heard_next(pair->heard, &event), 0);
	assert_int_equal(heard_wait(pair->heard, 0), 0);
	assert_null(heard_json(pair->heard));
	say(pair,
	    "{\"type\":\"heard-welcome\",\"data\":{\"version\":\"1\",\"model\":\"m\","
	    "\"rate\":16000}}\n{\"type\":\"new\",\"data\":{\"x\":1},\"payload_length\":2}\nxy");
	assert_int_equal(heard_wait(pair->heard, -1), 1);
	assert_int_equal(heard_wait(pair->heard, -1), 1);
	assert_int_equal(heard_next(pair->heard, &event), 1);
	assert_int_equal(event.kind, HEARD_WELCOME);
	assert_string_equal(event.text, "1");
	assert_string_equal(event.name, "m");
	assert_string_equal(event.code, "");
	assert_true(event.rate == 16000);
	assert_int_equal(heard_next(pair->heard, &event), 1);
	assert_int_equal(event.kind, HEARD_OTHER);
	assert_string_equal(event.type, "new");
	assert_string_equal(heard_json(pair->heard), "{\"type\":\"new\",\"data\":{\"x\":1}}");
	assert_string_equal(heard_json(pair->heard), "{\"type\":\"new\",\"data\":{\"x\":1}}");
	assert_int_equal(heard_next(pair->heard, &event), 0);
	assert_null(heard_json(pair->heard));

	say(pair, "{\"type\":\"heard-partial\",\"data\":{\"stream\":2,\"clock\":160,\"time\":0.01,"
		  "\"utt\":3,\"seq\":4,\"start\":0,\"stable\":\"a\",\"unstable\":\" b\",\"words\":["
		  "{\"word\":\"a\",\"start\":0,\"end\":0.1,\"confidence\":0.5},{\"word\":\"b\","
		  "\"start\":0.1,\"end\":0.2,\"confidence\":0.25,\"open\":true}]}}\n");
	assert_int_equal(heard_next(pair->heard, &event), 1);
	assert_int_equal(event.kind, HEARD_PARTIAL);
	assert_int_equal(event.stream, 2);
	assert_int_equal(event.clock, 160);
	assert_int_equal(event.utterance, 3);
	assert_int_equal(event.sequence, 4);
	assert_string_equal(event.text, "a");
	assert_string_equal(event.unstable, " b");
	assert_int_equal(event.n_words, 2);
	assert_string_equal(event.words[1].word, "b");
	assert_true(event.words[1].confidence == 0.25);
	assert_int_equal(event.words[0].open, 0);
	assert_int_equal(event.words[1].open, 1);

	say(pair, "{\"type\":\"transcript\",\"data\":{\"text\":\"x\"}}\n"
		  "{\"type\":\"transcript\",\"data\":{\"text\":5}}\n"
		  "{\"type\":\"transcript\",\"data\":{\"text\":\"y\",\"heard\":{\"rule\":\"stop\","
		  "\"prefix_ok\":false,\"start\":1,\"end\":2,\"latency\":0.5}}}\n");
	assert_int_equal(heard_next(pair->heard, &event), 1);
	assert_int_equal(event.kind, HEARD_TRANSCRIPT);
	assert_int_equal(event.prefix_ok, 1);
	assert_true(event.confidence < 0);
	/* A field that a later version changed: still there as JSON. */
	assert_int_equal(heard_next(pair->heard, &event), 1);
	assert_int_equal(event.kind, HEARD_OTHER);
	assert_string_equal(event.type, "transcript");
	assert_string_equal(heard_json(pair->heard),
			    "{\"type\":\"transcript\",\"data\":{\"text\":5}}");
	assert_int_equal(heard_next(pair->heard, &event), 1);
	assert_string_equal(event.text, "y");
	assert_string_equal(event.name, "stop");
	assert_int_equal(event.prefix_ok, 0);
	assert_true(event.end == 2 && event.latency == 0.5);
	pair_destroy(pair);
}

static void test_commands(void **state)
{
	(void)state;
	static const char *const phrases[] = {"stop", "go \"on\""};
	const struct heard_format format = {.rate = 16000, .width = 2, .channels = 1};
	struct pair *pair = pair_create();
	struct heard_options options;
	struct heard_event event;

	assert_hears_hello(pair);
	heard_options_init(&options);
	options.phrases = phrases;
	options.n_phrases = 2;
	options.threshold = 0.25;
	assert_int_equal(heard_subscribe(pair->heard, &options), 0);
	assert_hears(pair, "heard-subscribe",
		     "{\"threshold\":0.25,\"phrases\":[\"stop\",\"go \\\"on\\\"\"]}");
	options.grammar = "stop;";
	assert_int_equal(heard_subscribe(pair->heard, &options), -EINVAL);
	assert_int_equal(heard_start(pair->heard, &options, &format), -EINVAL);
	options.phrases = NULL;
	options.beam = 8;
	options.nbest = 2;
	assert_int_equal(heard_start(pair->heard, &options, &format), 0);
	assert_hears(
		pair, "transcribe",
		"{\"heard\":{\"beam\":8,\"nbest\":2,\"threshold\":0.25,\"grammar\":\"stop;\"}}");

	say(pair,
	    "{\"type\":\"heard-command\",\"data\":{\"stream\":1,\"clock\":16000,\"time\":1,"
	    "\"utt\":2,\"phrase\":\"light on\",\"rule\":\"light\",\"slots\":{\"room\":\"bed "
	    "room\",\"state\":\"on\"},\"confidence\":0.75,\"start\":0.25,\"end\":0.5,\"words\":["
	    "{\"word\":\"light\",\"start\":0.25,\"end\":0.5,\"confidence\":0.5}]}}\n"
	    "{\"type\":\"heard-no-match\",\"data\":{\"stream\":1,\"clock\":32000,\"time\":2,"
	    "\"utt\":3,\"text\":\"lie\",\"start\":1,\"end\":2}}\n"
	    "{\"type\":\"heard-partial\",\"data\":{\"utt\":4,\"seq\":0,\"stable\":\"\","
	    "\"unstable\":\"li\",\"command\":\"light\"}}\n");
	assert_int_equal(heard_next(pair->heard, &event), 1);
	assert_int_equal(event.kind, HEARD_COMMAND);
	assert_int_equal(event.utterance, 2);
	assert_string_equal(event.text, "light on");
	assert_string_equal(event.name, "light");
	assert_int_equal(event.n_slots, 2);
	assert_string_equal(event.slots[0].name, "room");
	assert_string_equal(heard_slot(&event, "room"), "bed room");
	assert_string_equal(heard_slot(&event, "state"), "on");
	assert_null(heard_slot(&event, "Room"));
	assert_true(event.confidence == 0.75);
	assert_true(event.time == 1 && event.start == 0.25 && event.end == 0.5);
	assert_int_equal(event.n_words, 1);
	assert_string_equal(event.words[0].word, "light");
	assert_int_equal(heard_next(pair->heard, &event), 1);
	assert_int_equal(event.kind, HEARD_NO_MATCH);
	assert_int_equal(event.utterance, 3);
	assert_string_equal(event.text, "lie");
	assert_true(event.start == 1 && event.end == 2);
	assert_int_equal(event.n_slots, 0);
	assert_null(heard_slot(&event, "room"));
	assert_int_equal(heard_next(pair->heard, &event), 1);
	assert_int_equal(event.kind, HEARD_PARTIAL);
	assert_string_equal(event.name, "light");

	say(pair, "{\"type\":\"heard-nbest\",\"data\":{\"utt\":5,\"start\":1,\"end\":2,\"nbest\":["
		  "{\"text\":\"a\",\"score\":-1,\"acoustic\":-3,\"lm\":0,\"hotwords\":2},"
		  "{\"text\":\"b\",\"score\":-2,\"acoustic\":-2,\"lm\":0,\"hotwords\":0}]}}\n");
	assert_int_equal(heard_next(pair->heard, &event), 1);
	assert_int_equal(event.kind, HEARD_NBEST);
	assert_int_equal(event.utterance, 5);
	assert_int_equal(event.n_hypotheses, 2);
	assert_string_equal(event.hypotheses[0].text, "a");
	assert_string_equal(event.hypotheses[1].text, "b");
	assert_true(event.hypotheses[0].score == -1 && event.hypotheses[0].hotwords == 2);
	pair_destroy(pair);
}

/* Every event that the daemon sends has a name. */
static void test_kinds(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		enum heard_kind kind;
		const char *text;
	} events[] = {
		{"{\"type\":\"transcript-start\"}\n", HEARD_TRANSCRIPT_START, ""},
		{"{\"type\":\"transcript-chunk\",\"data\":{\"text\":\"a\"}}\n",
		 HEARD_TRANSCRIPT_CHUNK, "a"},
		{"{\"type\":\"transcript-stop\"}\n", HEARD_TRANSCRIPT_STOP, ""},
		{"{\"type\":\"pong\",\"data\":{\"text\":\"x\"}}\n", HEARD_PONG, "x"},
		{"{\"type\":\"heard-set\",\"data\":{\"beam\":4}}\n", HEARD_SET, ""},
		{"{\"type\":\"heard-status\",\"data\":{\"stream\":0,\"clock\":0,\"time\":0,"
		 "\"version\":\"1\",\"state\":\"ready\"}}\n",
		 HEARD_STATUS, "1"},
		{"{\"type\":\"info\",\"data\":{\"asr\":[]}}\n", HEARD_INFO, ""},
	};
	struct pair *pair = pair_create();
	struct heard_event event;

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		say(pair, events[i].line);
		assert_int_equal(heard_next(pair->heard, &event), 1);
		assert_int_equal(event.kind, events[i].kind);
		assert_string_equal(event.text, events[i].text);
		if (event.kind == HEARD_STATUS)
			assert_string_equal(event.code, "ready");
	}
	pair_destroy(pair);
}

/* Events that came before the end are delivered before it, also where sending
 * fails first. */
static void test_end(void **state)
{
	(void)state;
	struct pair *pair = pair_create();
	const struct heard_format format = {.rate = 16000, .width = 2, .channels = 1};
	struct heard_event event;

	assert_string_equal(heard_error(pair->heard), "");
	assert_int_equal(heard_start(pair->heard, NULL, &format), 0);
	say(pair, "{\"type\":\"error\",\"data\":{\"text\":\"t\",\"code\":\"shutdown\"}}\n");
	close(pair->peer);
	pair->peer = -1;
	static const unsigned char audio[4096];
	assert_true(heard_push(pair->heard, audio, sizeof(audio)) >= 0);
	assert_true(heard_push(pair->heard, audio, sizeof(audio)) >= 0);
	assert_int_equal(heard_wait(pair->heard, -1), 1);
	assert_int_equal(heard_next(pair->heard, &event), 1);
	assert_int_equal(event.kind, HEARD_ERROR);
	assert_string_equal(event.code, "shutdown");
	assert_int_equal(heard_wait(pair->heard, -1), -EPIPE);
	assert_int_equal(heard_next(pair->heard, &event), -EPIPE);
	assert_int_equal(heard_push(pair->heard, audio, 2), -EPIPE);
	assert_int_equal(heard_send(pair->heard, "ping", NULL), -EPIPE);
	assert_string_equal(heard_error(pair->heard), "the daemon closed the connection");
	pair_destroy(pair);
}

static void test_broken(void **state)
{
	(void)state;
	struct pair *pair = pair_create();
	struct heard_event event;

	say(pair, "{\"type\":\"ping\"}\nnonsense\n");
	assert_int_equal(heard_next(pair->heard, &event), 1);
	assert_int_equal(heard_next(pair->heard, &event), -EPROTO);
	assert_int_equal(heard_wait(pair->heard, -1), -EPROTO);
	assert_string_equal(heard_error(pair->heard), "the header or data part is not JSON");
	pair_destroy(pair);

	pair = pair_create();
	say(pair, "{\"type\":\"ping\"");
	shutdown(pair->peer, SHUT_WR);
	assert_int_equal(heard_next(pair->heard, &event), -EPROTO);
	pair_destroy(pair);
	heard_close(NULL);
}

static void test_connect(void **state)
{
	(void)state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct heard *heard;
	char uri[160];

	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/heard-test-%d.sock",
		 (int)getpid());
	unlink(address.sun_path);
	assert_int_equal(heard_connect(address.sun_path, &heard), -ENOENT);
	assert_null(heard);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(heard_connect(address.sun_path, &heard), -ECONNREFUSED);
	assert_int_equal(listen(listener, 4), 0);
	snprintf(uri, sizeof(uri), "unix://%s", address.sun_path);
	assert_int_equal(heard_connect(uri, &heard), 0);
	heard_close(heard);
	setenv("HEARD_SOCKET", address.sun_path, 1);
	assert_int_equal(heard_connect(NULL, &heard), 0);
	assert_true(heard_fd(heard) >= 0);
	heard_close(heard);
	unlink(address.sun_path);
	close(listener);
	assert_int_equal(heard_connect("stdio://", &heard), -EINVAL);
	assert_int_equal(heard_connect("http://x", &heard), -EINVAL);
	assert_int_equal(heard_connect("tcp://127.0.0.1:1", &heard), -ECONNREFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests), cmocka_unit_test(test_stream),
		cmocka_unit_test(test_formats),  cmocka_unit_test(test_back_pressure),
		cmocka_unit_test(test_events),   cmocka_unit_test(test_end),
		cmocka_unit_test(test_broken),   cmocka_unit_test(test_connect),
		cmocka_unit_test(test_commands), cmocka_unit_test(test_kinds),
	};
	return cmocka_run_group_tests_name("heard", tests, NULL, NULL);
}
