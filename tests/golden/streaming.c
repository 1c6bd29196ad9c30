/*
 * The streaming pass against streaming.*: each setting and both kinds of
 * statistics, with the samples pushed in pieces of many sizes. One stream
 * object serves all splits of a setting, so a reset has to be as good as new;
 * in the end all settings run together, one step for all of them.
 */
#include "core/acoustic/acoustic.h"
#include "core/decode/vocab.h"
#include "core/weights/weights.h"
#include "tests/golden/fixture.h"
#include "tests/golden/golden.h"
#include "tests/golden/report.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { RANDOM = 0, WHOLE = -1 };

static const long splits[] = {WHOLE, 1, 7, 160, 4096, RANDOM};

struct setting {
	const char *name; /* borrowed from the JSON */
	const char *text;
	long left, chunk, right;
};

/* The samples of a case, and the tensors expected of a setting. */
struct session {
	const struct subject *subject;
	const struct vocab *vocab;
	const float *samples;
	size_t n;
	size_t frames;
	size_t width; /* of a row of logits */
	const struct weights *expected;
};

/* A stream and what its steps gave so far. */
struct recording {
	struct acoustic_stream *stream;
	enum acoustic_statistics statistics;
	size_t at; /* samples pushed */
	bool ended;
	uint32_t random;
	float *committed; /* [frames, width] */
	size_t n_committed;
	float *provisional; /* [n_provisional, width] */
	size_t n_provisional, provisional_room;
	int *steps; /* [n_steps, 4] */
	size_t n_steps;
};

static void recording_init(struct recording *recording, const struct session *session,
			   const struct setting *setting, enum acoustic_statistics statistics)
{
	const struct acoustic_stream_params params = {
		.left = setting->left,
		.chunk = setting->chunk,
		.right = setting->right,
		.max_frames = session->frames,
		.statistics = statistics,
	};

	*recording = (struct recording){.statistics = statistics, .random = 1};
	if (acoustic_stream_create(session->subject->model, &params, &recording->stream) < 0)
		fixture_die("%s: no stream", setting->name);
	/* No step gives more lookahead than R, and there are at most as many steps as frames. */
	recording->provisional_room =
		session->frames * (size_t)(setting->right > 0 ? setting->right : 0);
	recording->committed =
		fixture_allocate(session->frames * session->width, sizeof(*recording->committed));
	recording->provisional = fixture_allocate(recording->provisional_room * session->width,
						  sizeof(*recording->provisional));
	recording->steps = fixture_allocate(session->frames * 4, sizeof(*recording->steps));
}

static void recording_finish(struct recording *recording)
{
	acoustic_stream_destroy(recording->stream);
	free(recording->committed);
	free(recording->provisional);
	free(recording->steps);
}

static void recording_restart(struct recording *recording, const struct session *session)
{
	acoustic_stream_reset(recording->stream, RESET_FULL);
	recording->at = 0;
	recording->ended = false;
	recording->n_committed = recording->n_provisional = recording->n_steps = 0;
	if (recording->statistics == STATISTICS_UTTERANCE &&
	    acoustic_stream_measure(recording->stream, session->samples, session->n) < 0)
		fixture_die("cannot measure the samples");
}

/* Pushes pieces of the split's size until a step is ready. False where the
 * stream has no step left. */
static bool feed(struct recording *recording, const struct session *session, long split)
{
	while (!acoustic_stream_ready(recording->stream)) {
		if (recording->ended)
			return false;
		size_t left = session->n - recording->at;
		size_t piece = left;

		if (split == RANDOM) {
			recording->random = recording->random * 1664525u + 1013904223u;
			piece = (recording->random >> 16) % 2000;
		} else if (split != WHOLE) {
			piece = (size_t)split;
		}
		if (piece > left)
			piece = left;
		recording->at += acoustic_stream_push(recording->stream,
						      session->samples + recording->at, piece);
		if (recording->at == session->n) {
			acoustic_stream_end(recording->stream);
			recording->ended = true;
		}
	}
	return true;
}

static void record(struct recording *recording, const struct session *session)
{
	struct acoustic_output output = acoustic_stream_output(recording->stream);
	size_t row = session->width * sizeof(float);

	if (recording->n_committed + output.n_committed > session->frames ||
	    recording->n_provisional + output.n_provisional > recording->provisional_room ||
	    recording->n_steps >= session->frames)
		fixture_die("a step gave more rows than there are frames");
	int *step = recording->steps + 4 * recording->n_steps++;

	step[0] = (int)output.first;
	step[1] = (int)output.n_committed;
	step[2] = (int)output.n_provisional;
	step[3] = (int)recording->n_provisional;
	memcpy(recording->committed + recording->n_committed * session->width, output.committed,
	       output.n_committed * row);
	if (output.n_provisional > 0)
		memcpy(recording->provisional + recording->n_provisional * session->width,
		       output.provisional, output.n_provisional * row);
	recording->n_committed += output.n_committed;
	recording->n_provisional += output.n_provisional;
}

static void check_steps(const char *label, const struct recording *recording,
			const struct values *expected)
{
	int *steps = fixture_allocate(expected->n, sizeof(*steps));

	for (size_t i = 0; i < expected->n; i++)
		steps[i] = (int)expected->data[i];
	report_ints(report_name("%s: steps", label), steps, expected->n, recording->steps,
		    4 * recording->n_steps);
	free(steps);
}

/* The text of the committed frames, wherever the reference leaves no doubt. */
static void check_committed_text(const char *label, const struct session *session,
				 const struct setting *setting, const struct recording *recording,
				 const struct values *expected)
{
	const struct decode_options options = {.clean_up = -1};
	int *ids = fixture_allocate(session->frames, sizeof(*ids));
	struct transcript transcript;
	float smallest = 1;

	for (size_t f = 0; f < session->frames; f++) {
		float margin;

		(void)golden_argmax(expected->data + f * session->width, session->width, &margin);
		if (margin < smallest)
			smallest = margin;
		ids[f] = golden_argmax(recording->committed + f * session->width, session->width,
				       NULL);
	}
	if (smallest > (float)MARGIN && session->vocab &&
	    vocab_decode(session->vocab, ids, NULL, session->frames, &options, &transcript) == 0) {
		report_text(report_name("%s: text", label), setting->text, transcript.text);
		transcript_finish(&transcript);
	}
	free(ids);
}

static void check_recording(const char *label, const struct session *session,
			    const struct setting *setting, const struct recording *recording,
			    enum acoustic_statistics statistics)
{
	const char *infix = statistics == STATISTICS_CUMULATIVE ? ".cumulative" : "";
	double tolerance =
		statistics == STATISTICS_CUMULATIVE ? TOLERANCE_CUMULATIVE : TOLERANCE_LOGITS;
	struct values committed, provisional, steps;

	if (!fixture_values(session->expected, report_name("%s%s.committed", setting->name, infix),
			    &committed) ||
	    !fixture_values(session->expected,
			    report_name("%s%s.provisional", setting->name, infix), &provisional) ||
	    !fixture_values(session->expected, report_name("%s.steps", setting->name), &steps))
		fixture_die("streaming.safetensors lacks %s", setting->name);

	check_steps(label, recording, &steps);
	if (report_close(report_name("%s: committed", label), committed.data, committed.n,
			 recording->committed, recording->n_committed * session->width,
			 tolerance) &&
	    statistics == STATISTICS_UTTERANCE)
		check_committed_text(label, session, setting, recording, &committed);
	report_close(report_name("%s: provisional", label), provisional.data, provisional.n,
		     recording->provisional, recording->n_provisional * session->width, tolerance);
	values_finish(&committed);
	values_finish(&provisional);
	values_finish(&steps);
}

static const char *statistics_name(enum acoustic_statistics statistics)
{
	return statistics == STATISTICS_CUMULATIVE ? "cumulative" : "utterance";
}

static void check_splits(const struct session *session, const struct setting *setting,
			 enum acoustic_statistics statistics)
{
	struct acoustic_batch *batch;
	struct recording recording;

	if (acoustic_batch_create(session->subject->model, 1, session->frames, session->frames,
				  &batch) < 0)
		fixture_die("no batch");
	recording_init(&recording, session, setting, statistics);
	for (size_t i = 0; i < sizeof(splits) / sizeof(*splits); i++) {
		recording_restart(&recording, session);
		while (feed(&recording, session, splits[i])) {
			acoustic_step(batch, &recording.stream, 1);
			record(&recording, session);
		}
		const char *split = splits[i] == WHOLE ? "in one piece"
				    : splits[i] == RANDOM
					    ? "in random pieces"
					    : report_name("in pieces of %ld", splits[i]);
		/* The label outlives the names made while checking. */
		char *label =
			strdup(report_name("%s%s, %s statistics, %s", session->subject->label,
					   setting->name, statistics_name(statistics), split));

		check_recording(label, session, setting, &recording, statistics);
		free(label);
	}
	recording_finish(&recording);
	acoustic_batch_destroy(batch);
}

/* All settings at once: streams of different L:C:R, at different positions. */
static void check_company(const struct session *session, const struct setting *settings,
			  size_t n_settings, enum acoustic_statistics statistics)
{
	struct recording *recordings = fixture_allocate(n_settings, sizeof(*recordings));
	struct acoustic_stream **ready = fixture_allocate(n_settings, sizeof(*ready));
	struct recording **stepped = fixture_allocate(n_settings, sizeof(*stepped));
	struct acoustic_batch *batch;
	size_t n;

	if (acoustic_batch_create(session->subject->model, n_settings, session->frames,
				  session->frames, &batch) < 0)
		fixture_die("no batch");
	for (size_t i = 0; i < n_settings; i++) {
		recording_init(&recordings[i], session, &settings[i], statistics);
		recording_restart(&recordings[i], session);
	}
	do {
		n = 0;
		for (size_t i = 0; i < n_settings; i++) {
			if (feed(&recordings[i], session, splits[i % 6])) {
				stepped[n] = &recordings[i];
				ready[n++] = recordings[i].stream;
			}
		}
		if (n > 0)
			acoustic_step(batch, ready, n);
		for (size_t i = 0; i < n; i++)
			record(stepped[i], session);
	} while (n > 0);
	for (size_t i = 0; i < n_settings; i++) {
		char *label = strdup(report_name("%s%s, %s statistics, with all others",
						 session->subject->label, settings[i].name,
						 statistics_name(statistics)));

		check_recording(label, session, &settings[i], &recordings[i], statistics);
		free(label);
		recording_finish(&recordings[i]);
	}
	acoustic_batch_destroy(batch);
	free(stepped);
	free(ready);
	free(recordings);
}

void check_streaming(const struct subject *subject, const struct vocab *vocab)
{
	cJSON *json = fixture_json(subject->dir, "streaming.json");
	size_t n_settings = (size_t)cJSON_GetArraySize(json);
	struct setting *settings = fixture_allocate(n_settings, sizeof(*settings));
	struct weights *expected = fixture_tensors(subject->dir, "streaming.safetensors");
	struct session session = {.subject = subject, .vocab = vocab, .expected = expected};
	float *samples = fixture_samples(subject->dir, "input.wav", &session.n);

	session.samples = samples;
	session.frames = config_frames(subject->config, session.n);
	session.width = acoustic_model_output_size(subject->model, 0);
	for (size_t i = 0; i < n_settings; i++) {
		const cJSON *item = cJSON_GetArrayItem(json, (int)i);

		settings[i] = (struct setting){
			.name = cJSON_GetStringValue(cJSON_GetObjectItem(item, "name")),
			.text = cJSON_GetStringValue(cJSON_GetObjectItem(item, "text")),
			.left = cJSON_GetObjectItemCaseSensitive(item, "L")->valueint,
			.chunk = cJSON_GetObjectItemCaseSensitive(item, "C")->valueint,
			.right = cJSON_GetObjectItemCaseSensitive(item, "R")->valueint,
		};
		check_splits(&session, &settings[i], STATISTICS_UTTERANCE);
		check_splits(&session, &settings[i], STATISTICS_CUMULATIVE);
	}
	check_company(&session, settings, n_settings, STATISTICS_UTTERANCE);
	check_company(&session, settings, n_settings, STATISTICS_CUMULATIVE);
	weights_close(expected);
	free(samples);
	free(settings);
	cJSON_Delete(json);
}
