/*
 * The exact bytes of the reference client (Wyoming 1.9.0), read in every split,
 * and what we write in return.
 */
#include "protocol/message.h"
#include "tests/protocol/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char client_bytes[] =
	"{\"type\": \"describe\", \"version\": \"1.9.0\"}\n"
	"{\"type\": \"transcribe\", \"version\": \"1.9.0\", \"data_length\": 18}\n"
	"{\"language\": \"en\"}"
	"{\"type\": \"audio-chunk\", \"version\": \"1.9.0\", \"data_length\": 61, "
	"\"payload_length\": 2}\n"
	"{\"rate\": 16000, \"width\": 2, \"channels\": 1, \"timestamp\": null}\n\0"
	"{\"type\": \"audio-stop\", \"version\": \"1.9.0\", \"data_length\": 19}\n"
	"{\"timestamp\": null}";

static const char client_items[] =
	"event describe - 0\n"
	"event transcribe {\"language\":\"en\"} 0\n"
	"event audio-chunk {\"rate\":16000,\"width\":2,\"channels\":1,\"timestamp\":null} 2\n"
	"0a00\n"
	"event audio-stop {\"timestamp\":null} 0\n"
	"idle\n";

static void test_replay(void **state)
{
	(void)state;
	size_t n = sizeof(client_bytes) - 1;

	for (size_t piece = 1; piece <= n; piece++) {
		char *items = stream_read(client_bytes, n, piece, 0, NULL);
		assert_string_equal(items, client_items);
		free(items);
	}
	for (unsigned seed = 0; seed < 100; seed++) {
		char *items = stream_read(client_bytes, n, 0, seed, NULL);
		assert_string_equal(items, client_items);
		free(items);
	}
}

/* Every place to cut the stream into two. */
static void test_two_pieces(void **state)
{
	(void)state;
	size_t n = sizeof(client_bytes) - 1;

	for (size_t cut = 1; cut < n; cut++) {
		struct framing *framing;
		struct framing_item item;
		size_t at = 0, events = 0;

		assert_int_equal(framing_create(NULL, &framing), 0);
		while (at < n) {
			size_t end = at < cut ? cut : n;
			ssize_t taken = framing_take(framing, client_bytes + at, end - at, &item);
			assert_true(taken > 0);
			at += (size_t)taken;
			events += item.kind == FRAMING_EVENT;
		}
		assert_int_equal(events, 4);
		assert_true(framing_idle(framing));
		framing_destroy(framing);
	}
}

static void assert_prints(const struct message *message, uint64_t payload, const char *wanted)
{
	char *bytes;
	size_t n;

	assert_int_equal(message_print(message, payload, &bytes, &n), 0);
	assert_string_equal(bytes, wanted);
	assert_int_equal(n, strlen(wanted));
	free(bytes);
}

/* One line each, data inline, so that socat and jq can read them; with a
 * payload the data is a part, as the reference writes it. */
static void test_written(void **state)
{
	(void)state;
	struct message describe = {.kind = MESSAGE_DESCRIBE};
	assert_prints(&describe, 0, "{\"type\":\"describe\",\"version\":\"1.9.0\"}\n");

	struct message transcript = {.kind = MESSAGE_TRANSCRIPT,
				     .transcript = {.text = "turn on the light", .language = "en"}};
	assert_prints(&transcript, 0,
		      "{\"type\":\"transcript\",\"version\":\"1.9.0\",\"data\":"
		      "{\"text\":\"turn on the light\",\"language\":\"en\"}}\n");

	struct message stop = {.kind = MESSAGE_TRANSCRIPT_STOP};
	assert_prints(&stop, 0, "{\"type\":\"transcript-stop\",\"version\":\"1.9.0\"}\n");

	struct message voice = {.kind = MESSAGE_VOICE_STARTED,
				.timestamp = {.given = true, .ms = 0}};
	assert_prints(&voice, 0,
		      "{\"type\":\"voice-started\",\"version\":\"1.9.0\",\"data\":"
		      "{\"timestamp\":0}}\n");

	struct message chunk = {.kind = MESSAGE_AUDIO_CHUNK,
				.audio = {.rate = 16000, .width = 2, .channels = 1}};
	assert_prints(&chunk, 2,
		      "{\"type\":\"audio-chunk\",\"version\":\"1.9.0\",\"data_length\":37,"
		      "\"payload_length\":2}\n{\"rate\":16000,\"width\":2,\"channels\":1}");
}

/* The reference raises TypeError without attribution, and wants every array. */
static void test_info(void **state)
{
	(void)state;
	static const char *const languages[] = {"en", "de"};
	struct message_model model = {
		.name = "default", .installed = true, .languages = languages, .n_languages = 2};
	struct message_program program = {.name = "heard",
					  .attribution = {.name = "heard", .url = "https://x"},
					  .installed = true,
					  .supports_transcript_streaming = true,
					  .models = &model,
					  .n_models = 1};
	struct message info = {.kind = MESSAGE_INFO, .info = {.asr = &program, .n_asr = 1}};
	assert_prints(
		&info, 0,
		"{\"type\":\"info\",\"version\":\"1.9.0\",\"data\":{\"asr\":[{"
		"\"name\":\"heard\",\"installed\":true,"
		"\"attribution\":{\"name\":\"heard\",\"url\":\"https://x\"},"
		"\"models\":[{\"name\":\"default\",\"installed\":true,"
		"\"attribution\":{\"name\":\"\",\"url\":\"\"},\"languages\":[\"en\",\"de\"]}],"
		"\"supports_transcript_streaming\":true,\"requires_external_vad\":false,"
		"\"prefers_auto_gain_enabled\":false,"
		"\"prefers_noise_reduction_enabled\":false}],"
		"\"wake\":[],\"tts\":[],\"handle\":[],\"intent\":[],\"mic\":[],\"snd\":[]}}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_two_pieces),
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_info),
	};
	return cmocka_run_group_tests_name("wyoming", tests, NULL, NULL);
}
