/*
 * Messages: each event read and printed again is the same, null and unknown
 * fields are ignored, wrong fields are named, strings are always UTF-8.
 */
#include "protocol/framing.h"
#include "protocol/message.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *type, const char *data, struct message *message,
		 struct problem *problem)
{
	cJSON *json = data ? cJSON_Parse(data) : NULL;

	assert_true(!data || json);
	int status = message_parse(type, json, message, problem);
	/* A message must not need the tree it came from. */
	cJSON_Delete(json);
	return status;
}

/* Reads and prints; wanted NULL: the data itself. */
static void assert_keeps(const char *type, const char *data, const char *wanted)
{
	struct message message;
	struct problem problem;
	char *bytes, *line;
	size_t n;

	if (parse(type, data, &message, &problem) != 0)
		fail_msg("%s: %s", type, problem.text);
	assert_string_equal(message_type(message.kind), type);
	assert_int_equal(message_print(&message, 0, &bytes, &n), 0);
	message_finish(&message);
	if (!wanted)
		wanted = data;
	if (asprintf(&line, "{\"type\":\"%s\",\"version\":\"1.9.0\"%s%s%s\n", type,
		     wanted ? ",\"data\":" : "", wanted ? wanted : "", "}") < 0)
		abort();
	assert_string_equal(bytes, line);
	assert_int_equal(n, strlen(line));
	free(line);
	free(bytes);
}

#define STAMP "\"stream\":3,\"clock\":32000,\"time\":2"
#define WORDS                                                                        \
	"\"words\":[{\"word\":\"a\",\"start\":0.02,\"end\":0.1,\"confidence\":0.9}," \
	"{\"word\":\"bé\",\"start\":0.1,\"end\":0.2,\"confidence\":1,\"open\":true}]"

static void test_round_trip(void **state)
{
	(void)state;
	static const struct {
		const char *type, *data;
	} cases[] = {
		{"describe", NULL},
		{"info",
		 "{\"asr\":[{\"name\":\"heard\",\"description\":\"d\",\"version\":\"1\","
		 "\"installed\":true,\"attribution\":{\"name\":\"n\",\"url\":\"u\"},\"models\":["
		 "{\"name\":\"m\",\"installed\":false,\"attribution\":{\"name\":\"\",\"url\":\"\"},"
		 "\"languages\":[\"en\",\"de\"]}],\"supports_transcript_streaming\":true,"
		 "\"requires_external_vad\":false,\"prefers_auto_gain_enabled\":false,"
		 "\"prefers_noise_reduction_enabled\":true,\"heard\":{\"rate\":16000,\"hop\":320,"
		 "\"left\":250,\"chunk\":16,\"right\":8,\"final\":\"stream\"}}],"
		 "\"wake\":[{\"name\":\"w\",\"installed\":true,\"attribution\":{\"name\":\"\","
		 "\"url\":\"\"},\"models\":[{\"name\":\"yes\",\"installed\":true,\"attribution\":"
		 "{\"name\":\"\",\"url\":\"\"},\"languages\":[],\"phrase\":\"yes\"}]}],"
		 "\"tts\":[],\"handle\":[],\"intent\":[],\"mic\":[],\"snd\":[]}"},
		{"transcribe", "{\"name\":\"m\",\"language\":\"en\",\"context\":{\"a\":[1,null]}}"},
		{"transcribe", "{\"heard\":{}}"},
		{"transcribe",
		 "{\"heard\":{\"language\":\"de\",\"final\":\"stream\",\"words\":true}}"},
		{"audio-start", "{\"rate\":44100,\"width\":3,\"channels\":8,\"timestamp\":5}"},
		{"audio-start",
		 "{\"rate\":16000,\"width\":4,\"channels\":1,\"heard\":{\"format\":\"f32\"}}"},
		{"audio-chunk", "{\"rate\":8000,\"width\":2,\"channels\":2,\"timestamp\":0}"},
		{"audio-stop", "{\"timestamp\":1200}"},
		{"audio-stop", NULL},
		{"transcript-start", "{\"language\":\"en\",\"context\":{}}"},
		{"transcript-chunk", "{\"text\":\" of\"}"},
		{"transcript", "{\"text\":\"\"}"},
		{"transcript", "{\"text\":\"hi \\\"you\\\"\",\"language\":\"en\",\"context\":{}}"},
		{"transcript",
		 "{\"text\":\"a bé\",\"heard\":{" STAMP ",\"utt\":7,\"start_sample\":0,"
		 "\"end_sample\":3200,\"start\":0,\"end\":0.2,\"final\":\"offline\","
		 "\"prefix_ok\":true,\"confidence\":0.95,\"latency\":0.0125,"
		 "\"rule\":\"silence-text\",\"reason\":\"shutdown\"," WORDS "}}"},
		{"transcript-stop", NULL},
		{"voice-started", "{\"timestamp\":100}"},
		{"voice-stopped", NULL},
		{"detect", "{\"names\":[\"yes\",\"no\"],\"context\":{\"id\":1}}"},
		{"detect", NULL},
		{"detection",
		 "{\"name\":\"yes\",\"speaker\":\"s\",\"context\":{\"id\":1},\"timestamp\":10,"
		 "\"heard\":{" STAMP ",\"confidence\":0.875}}"},
		{"detection", "{\"name\":\"yes\"}"},
		{"not-detected", "{\"context\":{\"id\":1}}"},
		{"not-detected", NULL},
		{"ping", "{\"text\":\"x\"}"},
		{"pong", NULL},
		{"error", "{\"text\":\"bad\",\"code\":\"bad-field\"}"},
		{"error", "{\"text\":\"bad\"}"},
		{"heard-hello", "{\"client\":\"hear/1\"}"},
		{"heard-welcome",
		 "{" STAMP ",\"version\":\"0.1.0\",\"capabilities\":[\"a\",\"b\"],\"ready\":true,"
		 "\"model\":\"default\",\"rate\":16000,"
		 "\"limits\":{\"line\":65536,\"data\":1048576,\"payload\":1}}"},
		{"heard-subscribe", "{\"partials\":false}"},
		{"heard-subscribe", NULL},
		{"heard-set",
		 "{\"endpoint\":{\"max_length\":5},\"device\":\"usb\",\"model\":\"/m\","
		 "\"reload\":true}"},
		{"heard-set", "{" STAMP ",\"partials\":true}"},
		{"heard-set", "{\"threshold\":0.25,\"grammar\":\"stop;\"}"},
		{"heard-set", "{\"grammar\":\"\"}"},
		{"heard-subscribe", "{\"phrases\":[\"stop\",\"go on\"]}"},
		{"heard-subscribe", "{\"phrases\":[]}"},
		{"transcribe", "{\"heard\":{\"threshold\":1,\"phrases\":[\"stop\"]}}"},
		{"heard-command",
		 "{" STAMP ",\"utt\":3,\"phrase\":\"turn on the light\",\"rule\":\"light\","
		 "\"slots\":{\"room\":\"bed room\",\"state\":\"on\"},\"confidence\":0.75,"
		 "\"start\":0.5,\"end\":1.25," WORDS "}"},
		{"heard-command", "{" STAMP ",\"utt\":0,\"phrase\":\"stop\",\"slots\":{},"
				  "\"confidence\":1,\"start\":0,\"end\":1,\"words\":[]}"},
		{"heard-no-match", "{" STAMP ",\"utt\":3,\"text\":\"good morning\","
				   "\"start\":0.5,\"end\":1.25}"},
		{"heard-set", "{\"beam\":8,\"nbest\":5}"},
		{"heard-nbest", "{" STAMP ",\"utt\":3,\"start\":0.5,\"end\":1.25,\"nbest\":["
				"{\"text\":\"a\",\"score\":-1.5,\"acoustic\":-1,\"lm\":-1,"
				"\"hotwords\":0.5},{\"text\":\"\",\"score\":-2,\"acoustic\":-2,"
				"\"lm\":0,\"hotwords\":0}]}"},
		{"heard-nbest", "{" STAMP ",\"utt\":0,\"start\":0,\"end\":0,\"nbest\":[]}"},
		{"heard-flush", NULL},
		{"heard-reset", "{\"mode\":\"full\"}"},
		{"heard-reset", "{\"mode\":\"utterance\"}"},
		{"heard-cancel", NULL},
		{"heard-partial", "{" STAMP ",\"utt\":1,\"seq\":2,\"start\":0,\"stable\":\"\","
				  "\"unstable\":\"\",\"command\":\"turn o\"}"},
		{"heard-partial", "{" STAMP ",\"utt\":1,\"seq\":2,\"start\":1.5,\"stable\":\"a\","
				  "\"unstable\":\" bé\"," WORDS "}"},
		{"heard-partial", "{" STAMP ",\"utt\":1,\"seq\":2,\"start\":1.5,\"stable\":\"\","
				  "\"unstable\":\"\",\"words\":[]}"},
		{"heard-partial", "{" STAMP ",\"utt\":1,\"seq\":2,\"start\":0,\"stable\":\"\","
				  "\"unstable\":\"\"}"},
		{"heard-endpoint", "{" STAMP ",\"utt\":1,\"rule\":\"silence-text\"}"},
		{"heard-device", NULL},
		{"heard-device",
		 "{" STAMP ",\"state\":\"open\",\"name\":\"USB\",\"reason\":\"r\",\"rate\":48000,"
		 "\"channels\":2,\"gap\":1.5,\"devices\":[{\"index\":0,\"name\":\"USB\","
		 "\"host\":\"ALSA\",\"rate\":48000,\"channels\":2,\"default\":true}]}"},
		{"heard-device", "{" STAMP ",\"state\":\"none\",\"devices\":[]}"},
		{"heard-overrun", "{" STAMP ",\"dropped\":0.064,\"dropped_total\":1.25}"},
		{"heard-lag",
		 "{" STAMP ",\"behind\":1.25,\"rtf\":1.1,\"rung\":2,"
		 "\"measures\":\"no-partials\",\"left\":-1,\"chunk\":64,\"right\":16}"},
		{"heard-status", NULL},
		{"heard-status",
		 "{" STAMP ",\"version\":\"0.1.0\",\"state\":\"ready\",\"model\":\"m\","
		 "\"rate\":16000,\"left\":250,\"chunk\":16,\"right\":16,\"lookahead\":0.64,"
		 "\"final\":\"stream\",\"source\":\"mic\",\"device\":\"USB\","
		 "\"device_state\":\"open\",\"level\":-40.5,\"gate_open\":false,\"uptime\":12.5,"
		 "\"clients\":3,\"subscribers\":1,\"pushers\":2,\"clients_total\":9,"
		 "\"utterances_total\":8,\"audio_total\":100.5,\"behind\":0.25,\"rung\":0,"
		 "\"rtf\":0.5,\"step_p50\":0.01,\"step_p99\":0.02,\"steps\":77,\"overrun\":0,"
		 "\"dropped_partials\":4,\"dropped_clients\":1,\"memory\":1000000,"
		 "\"memory_peak\":2000000,\"words_shown\":10,\"words_revised\":1,"
		 "\"flicker\":0.1,\"prefix_broken\":0}"},
	};
	int seen[MESSAGE_KINDS] = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_keeps(cases[i].type, cases[i].data, NULL);
		seen[message_kind(cases[i].type)]++;
	}
	for (int kind = MESSAGE_UNKNOWN + 1; kind < MESSAGE_KINDS; kind++)
		assert_true(seen[kind] > 0);
}

/* As the reference client sends them. */
static void test_null(void **state)
{
	(void)state;
	static const struct {
		const char *type, *data;
	} cases[] = {
		{"transcribe", "{\"name\":null,\"language\":null,\"context\":null,"
			       "\"vad_sensitivity\":null,\"heard\":null}"},
		{"audio-start",
		 "{\"rate\":1,\"width\":2,\"channels\":1,\"timestamp\":null,\"heard\":null}"},
		{"audio-start",
		 "{\"rate\":1,\"width\":2,\"channels\":1,\"heard\":{\"format\":null}}"},
		{"audio-stop", "{\"timestamp\":null}"},
		{"detect", "{\"names\":null,\"context\":null}"},
		{"detection", "{\"name\":null,\"timestamp\":null,\"speaker\":null,\"heard\":null}"},
		{"ping", "{\"text\":null}"},
		{"heard-reset", "{\"mode\":null}"},
		{"heard-hello", "{\"client\":null}"},
		{"heard-set", "{\"device\":null,\"model\":null,\"reload\":null,\"words\":null}"},
		{"info", "{\"asr\":null,\"wake\":[{\"name\":\"w\",\"attribution\":null,"
			 "\"models\":null,\"version\":null}]}"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct message message;
		struct problem problem;
		if (parse(cases[i].type, cases[i].data, &message, &problem) != 0)
			fail_msg("%s: %s", cases[i].type, problem.text);
		message_finish(&message);
	}
}

static void test_transcribe(void **state)
{
	(void)state;
	struct message message;
	struct problem problem;
	struct session_options *options = &message.transcribe.options;

	assert_int_equal(parse("transcribe", "{\"language\":\"en\"}", &message, &problem), 0);
	assert_false(message.transcribe.heard);
	assert_int_equal(options->given, SESSION_LANGUAGE);
	assert_string_equal(options->language, "en");
	message_finish(&message);

	assert_int_equal(parse("transcribe",
			       "{\"language\":\"en\",\"vad_sensitivity\":\"relaxed\","
			       "\"heard\":{\"language\":\"de\",\"words\":true}}",
			       &message, &problem),
			 0);
	assert_true(message.transcribe.heard);
	assert_string_equal(options->language, "de");
	assert_int_equal(options->given, SESSION_LANGUAGE | SESSION_WORDS | SESSION_ENDPOINT |
						 SESSION_SILENCE_TEXT);
	assert_true(options->endpoint);
	assert_true(options->silence_text == 1.25);
	message_finish(&message);

	assert_int_equal(
		parse("transcribe",
		      "{\"vad_sensitivity\":\"aggressive\",\"heard\":{\"endpoint\":false}}",
		      &message, &problem),
		0);
	assert_false(options->endpoint);
	message_finish(&message);

	assert_int_equal(parse("transcribe", "{\"vad_sensitivity\":\"new\"}", &message, &problem),
			 0);
	assert_int_equal(options->given, 0);
	message_finish(&message);
}

static void test_unknown(void **state)
{
	(void)state;
	struct message message;
	struct problem problem;

	assert_int_equal(parse("user-event", "{\"name\":5}", &message, &problem), 0);
	assert_int_equal(message.kind, MESSAGE_UNKNOWN);
	message_finish(&message);
	assert_int_equal(parse("", NULL, &message, &problem), 0);
	assert_int_equal(message.kind, MESSAGE_UNKNOWN);
	assert_keeps("ping", "{\"text\":\"x\",\"more\":{\"text\":1}}", "{\"text\":\"x\"}");
}

static void test_wrong_fields(void **state)
{
	(void)state;
	static const struct {
		const char *type, *data, *problem;
	} cases[] = {
		{"audio-start", NULL, "audio-start.rate: is missing"},
		{"audio-start", "{\"rate\":16000,\"width\":2}", "audio-start.channels: is missing"},
		{"audio-chunk", "{\"rate\":null,\"width\":2,\"channels\":1}",
		 "audio-chunk.rate: is missing"},
		{"audio-chunk", "{\"rate\":\"16000\",\"width\":2,\"channels\":1}",
		 "audio-chunk.rate: must be an integer from 1 to 768000"},
		{"audio-start", "{\"rate\":0,\"width\":2,\"channels\":1}",
		 "audio-start.rate: must be an integer from 1 to 768000"},
		{"audio-start", "{\"rate\":1e999,\"width\":2,\"channels\":1}",
		 "audio-start.rate: must be an integer from 1 to 768000"},
		{"audio-start", "{\"rate\":16000.5,\"width\":2,\"channels\":1}",
		 "audio-start.rate: must be an integer from 1 to 768000"},
		{"audio-start", "{\"rate\":16000,\"width\":9,\"channels\":1}",
		 "audio-start.width: must be an integer from 1 to 8"},
		{"audio-start", "{\"rate\":16000,\"width\":2,\"channels\":-1}",
		 "audio-start.channels: must be an integer from 1 to 255"},
		{"audio-start", "{\"rate\":1,\"width\":2,\"channels\":1,\"timestamp\":\"x\"}",
		 "audio-start.timestamp: must be a number from -9007199254740992 to "
		 "9007199254740992"},
		{"audio-start",
		 "{\"rate\":1,\"width\":2,\"channels\":1,\"heard\":{\"format\":\"f32\"}}",
		 "audio-start.heard.format: must be \"int\", or \"f32\" with a width of 4"},
		{"audio-start", "{\"rate\":1,\"width\":2,\"channels\":1,\"heard\":5}",
		 "audio-start.heard: must be an object"},
		{"transcribe", "{\"language\":[]}", "transcribe.language: must be a string"},
		{"transcribe", "{\"context\":\"x\"}", "transcribe.context: must be an object"},
		{"transcribe", "{\"heard\":true}", "transcribe.heard: must be an object"},
		{"transcribe", "{\"heard\":{\"endpoint\":{\"silence_text\":-1}}}",
		 "transcribe.heard.endpoint.silence_text: must be a number from 0 to 3600"},
		{"transcript", NULL, "transcript.text: is missing"},
		{"transcript", "{\"text\":\"\",\"heard\":{\"words\":[1]}}",
		 "transcript.heard.words: must be an array of objects"},
		{"transcript", "{\"text\":\"\",\"heard\":{\"words\":[{\"word\":\"a\"},{}]}}",
		 "words[].word: is missing"},
		{"detect", "{\"names\":\"x\"}", "detect.names: must be an array"},
		{"detect", "{\"names\":[\"x\",5]}", "detect.names: must be an array of strings"},
		{"ping", "{\"text\":5}", "ping.text: must be a string"},
		{"error", "{}", "error.text: is missing"},
		{"heard-reset", "{\"mode\":\"x\"}",
		 "heard-reset.mode: must be \"full\" or \"utterance\""},
		{"heard-set", "{\"reload\":1}", "heard-set.reload: must be true or false"},
		{"heard-subscribe", "{\"partial_interval\":\"x\"}",
		 "heard-subscribe.partial_interval: must be a number from 0 to 3600"},
		{"heard-set", "{\"grammar\":\"a;\",\"phrases\":[]}",
		 "heard-set.grammar: and phrases exclude each other"},
		{"heard-set", "{\"phrases\":[1]}",
		 "heard-set.phrases: must be an array of strings"},
		{"heard-set", "{\"threshold\":1.5}",
		 "heard-set.threshold: must be a number from 0 to 1"},
		{"heard-command", "{\"phrase\":\"a\",\"slots\":{\"x\":1}}",
		 "heard-command.slots.x: must be a string"},
		{"heard-no-match", "{}", "heard-no-match.text: is missing"},
		{"heard-nbest", "{\"nbest\":[{\"text\":\"a\"},{}]}",
		 "heard-nbest.nbest.text: is missing"},
		{"heard-set", "{\"nbest\":65}", "heard-set.nbest: must be an integer from 0 to 64"},
		{"heard-partial", "{\"stable\":\"\",\"unstable\":\"\",\"utt\":-1}",
		 "heard-partial.utt: must be an integer from 0 to 9007199254740992"},
		{"info", "{\"asr\":[5]}", "info.asr: must be an array of objects"},
		{"info", "{\"asr\":[{\"name\":\"x\",\"models\":[{}]}]}",
		 "models[].name: is missing"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct message message;
		struct problem problem;
		assert_int_equal(parse(cases[i].type, cases[i].data, &message, &problem), -EINVAL);
		assert_string_equal(problem.text, cases[i].problem);
	}
}

static void test_not_utf8(void **state)
{
	(void)state;
	struct message ping = {.kind = MESSAGE_PING, .text = {.text = "a\xff\xc3 b\xe2\x82"}};
	char *bytes;
	size_t n;

	assert_int_equal(message_print(&ping, 0, &bytes, &n), 0);
	assert_non_null(strstr(bytes, "\"a\xef\xbf\xbd\xef\xbf\xbd b\xef\xbf\xbd\xef\xbf\xbd\""));
	free(bytes);
}

static void test_numbers(void **state)
{
	(void)state;
	struct message_word word = {
		.word = "a", .start = 0.1 + 0.2, .end = NAN, .confidence = 0.93f};
	struct message partial = {
		.kind = MESSAGE_PARTIAL,
		.partial = {.stamp = message_stamp(1, 999999999999999, 16000),
			    .words = &word,
			    .n_words = 1,
			    .has_words = true},
	};
	char *bytes;
	size_t n;

	assert_int_equal(message_print(&partial, 0, &bytes, &n), 0);
	assert_non_null(strstr(bytes, "\"clock\":999999999999999,"));
	assert_non_null(strstr(bytes, "\"confidence\":0.93}"));
	assert_null(strstr(bytes, "\"end\""));
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_null),
		cmocka_unit_test(test_transcribe),   cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_wrong_fields), cmocka_unit_test(test_not_utf8),
		cmocka_unit_test(test_numbers),
	};
	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
