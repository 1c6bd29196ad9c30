/*
 * Properties of the streaming pass that no reference is needed for: any split
 * of the samples, any company in a step, any position in the ring and any past
 * before a reset give the same bits.
 */
#include "allocations.h"
#include "core/acoustic/kv_cache.h"
#include "core/kernels/pool.h"
#include "helpers.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* One for each branch of the streaming code: group norm and post-norm, layer
 * norm and pre-norm, odd kernel, another hop, batch norm, adapters, no head. */
static const char *const fixtures[] = {
	"base-style",     "large-style",      "pos-odd-19",       "conv5",
	"pos-batch-norm", "mixed-norm-flags", "w2v2-mms-adapter", "model-only",
};
enum { N_FIXTURES = sizeof(fixtures) / sizeof(fixtures[0]) };

static struct pool *pool;

static int open_pool(void **state)
{
	(void)state;
	return pool_create(2, &pool);
}

static int close_pool(void **state)
{
	(void)state;
	pool_destroy(pool);
	return 0;
}

static struct acoustic_stream *open_stream(const struct acoustic_model *model, long left,
					   long chunk, long right, size_t max_frames, int adapter)
{
	struct acoustic_stream *stream = NULL;

	assert_int_equal(acoustic_stream_create(model,
						&(struct acoustic_stream_params){
							.left = left,
							.chunk = chunk,
							.right = right,
							.max_frames = max_frames,
							.adapter = adapter,
							.statistics = STATISTICS_CUMULATIVE,
						},
						&stream),
			 0);
	return stream;
}

static void test_any_split_gives_the_same_bits(void **state)
{
	static const size_t splits[] = {1000000, 1, 7, 160, 4096, 0};
	static const long contexts[][3] = {{32, 8, 4}, {-1, 16, 0}, {5, 1, 0}, {64, 16, 16}};
	size_t n = 30000;
	float *audio = make_audio(n, 1);

	(void)state;
	for (size_t f = 0; f < N_FIXTURES; f++) {
		struct acoustic_model *model = load_fixture(fixtures[f], pool);
		size_t frames = config_frames(acoustic_model_config(model), n);
		size_t width = acoustic_model_output_size(model, 0);
		struct acoustic_batch *batch = NULL;

		assert_int_equal(acoustic_batch_create(model, 1, 64, frames, &batch), 0);
		for (size_t c = 0; c < 4; c++) {
			struct record first = {0};
			for (size_t s = 0; s < 6; s++) {
				/* One sample at a time is slow and says little more. */
				if (splits[s] == 1 && c > 0)
					continue;
				struct record record;
				struct acoustic_stream *stream =
					open_stream(model, contexts[c][0], contexts[c][1],
						    contexts[c][2], frames, 0);
				run_stream(batch, stream, audio, n, splits[s], width, &record);
				assert_int_equal(record.n_committed, frames);
				acoustic_stream_destroy(stream);
				if (s == 0) {
					first = record;
					continue;
				}
				assert_same_record(&first, &record);
				record_finish(&record);
			}
			record_finish(&first);
		}
		acoustic_batch_destroy(batch);
		acoustic_model_destroy(model);
	}
	free(audio);
}

static void test_company_changes_nothing(void **state)
{
	enum { N = 5 };
	static const long contexts[N][3] = {
		{32, 8, 4}, {64, 16, 16}, {10, 30, 0}, {32, 8, 4}, {0, 20, 7}};
	size_t samples[N] = {20000, 31000, 9000, 16321, 25000};

	(void)state;
	for (size_t f = 0; f < N_FIXTURES; f++) {
		struct acoustic_model *model = load_fixture(fixtures[f], pool);
		bool adapters = strcmp(fixtures[f], "w2v2-mms-adapter") == 0;
		int languages[N] = {0};
		struct acoustic_batch *batch = NULL;
		struct acoustic_stream *streams[N];
		struct record alone[N], together[N];
		float *audio[N];
		size_t pushed[N] = {0};

		if (adapters) {
			languages[1] = languages[3] = acoustic_model_adapter(model, "fra");
			languages[2] = acoustic_model_adapter(model, "eng");
			assert_true(languages[1] > 0 && languages[2] > 0);
		}
		assert_int_equal(acoustic_batch_create(model, N, 64, 64, &batch), 0);
		for (size_t i = 0; i < N; i++) {
			size_t width = acoustic_model_output_size(model, languages[i]);
			audio[i] = make_audio(samples[i], (unsigned)i);
			streams[i] = open_stream(model, contexts[i][0], contexts[i][1],
						 contexts[i][2], 0, languages[i]);
			run_stream(batch, streams[i], audio[i], samples[i], 1000, width, &alone[i]);
			acoustic_stream_reset(streams[i], RESET_FULL);
			together[i] = (struct record){.width = width};
		}

		/* Streams start, step and end at different times. */
		for (size_t round = 0;; round++) {
			struct acoustic_stream *ready[N];
			size_t which[N], n_ready = 0, n_done = 0;

			for (size_t i = 0; i < N; i++) {
				size_t left = samples[i] - pushed[i];
				size_t take = left < 700 + 100 * i ? left : 700 + 100 * i;
				if (round < 3 * i)
					take = 0;
				pushed[i] += acoustic_stream_push(streams[i], audio[i] + pushed[i],
								  take);
				if (pushed[i] == samples[i])
					acoustic_stream_end(streams[i]);
				if (acoustic_stream_ready(streams[i])) {
					which[n_ready] = i;
					ready[n_ready++] = streams[i];
				} else if (pushed[i] == samples[i]) {
					n_done++;
				}
			}
			if (n_done == N)
				break;
			if (n_ready == 0)
				continue;
			acoustic_step(batch, ready, n_ready);
			for (size_t i = 0; i < n_ready; i++)
				record_step(&together[which[i]], ready[i]);
		}
		for (size_t i = 0; i < N; i++) {
			assert_same_record(&alone[i], &together[i]);
			record_finish(&alone[i]);
			record_finish(&together[i]);
			acoustic_stream_destroy(streams[i]);
			free(audio[i]);
		}
		acoustic_batch_destroy(batch);
		acoustic_model_destroy(model);
	}
}

static void test_reset_equals_fresh(void **state)
{
	size_t n = 20000;
	float *audio = make_audio(n, 3), *other = make_audio(n, 4);

	(void)state;
	for (size_t f = 0; f < N_FIXTURES; f++) {
		struct acoustic_model *model = load_fixture(fixtures[f], pool);
		size_t width = acoustic_model_output_size(model, 0);
		struct acoustic_batch *batch = NULL;
		struct acoustic_stream *stream = open_stream(model, 32, 8, 4, 0, 0);
		struct record fresh, again, past;

		assert_int_equal(acoustic_batch_create(model, 1, 12, 32, &batch), 0);
		run_stream(batch, stream, audio, n, 0, width, &fresh);
		acoustic_stream_reset(stream, RESET_FULL);
		run_stream(batch, stream, other, n - 777, 0, width, &past);
		acoustic_stream_reset(stream, RESET_FULL);
		run_stream(batch, stream, audio, n, 0, width, &again);
		assert_same_record(&fresh, &again);
		record_finish(&again);

		/* An utterance reset keeps the statistics: the same audio gives
		 * something else where there are any, and the same where not. */
		const struct model_config *config = acoustic_model_config(model);
		acoustic_stream_reset(stream, RESET_UTTERANCE);
		run_stream(batch, stream, audio, n, 0, width, &again);
		bool same = max_difference(fresh.committed, again.committed,
					   fresh.n_committed * width) < 1e-5f;
		assert_int_equal(same,
				 !config->do_normalize && config->conv_norm != CONV_NORM_GROUP);
		record_finish(&fresh);
		record_finish(&again);
		record_finish(&past);
		acoustic_stream_destroy(stream);
		acoustic_batch_destroy(batch);
		acoustic_model_destroy(model);
	}
	free(audio);
	free(other);
}

/*
 * With a left context of L frames, n layers look back n (L + C) frames and the
 * positional convolution a kernel further. A stream that started long ago must
 * so give what a stream gives that starts just far enough before: whatever the
 * ring, the tails and the history have been through meanwhile.
 */
static void test_position_does_not_matter(void **state)
{
	size_t seconds = 120;

	(void)state;
	for (size_t f = 0; f < N_FIXTURES; f++) {
		struct acoustic_model *model = load_fixture(fixtures[f], pool);
		const struct model_config *config = acoustic_model_config(model);
		size_t width = acoustic_model_output_size(model, 0), n = seconds * 16000;
		size_t left = 20, chunk = 8, right = 4;
		float *audio = make_audio(n, 5);
		struct acoustic_batch *batch = NULL;
		struct acoustic_stream *streams[2];
		struct record records[2];

		size_t total = config_frames(config, n);
		size_t reach = config->n_layers * (left + chunk) + config->pos_kernel;
		/* Where a frame has another slot, sums over the slots round differently.
		 * Where moreover activations are rounded to codes, a value next to a tie may
		 * fall to the other side, and the layers behind it carry that on: then
		 * the later stream starts a whole number of turns of the ring after the
		 * first, and there is no difference. */
		bool floats = acoustic_model_weights(model) == WEIGHT_F32 ||
			      acoustic_model_weights(model) == WEIGHT_F16;
		size_t turn = kv_cache_capacity(left + chunk + right);
		size_t unit = floats ? chunk : turn * chunk;
		size_t start = (total - reach - 200) / unit * unit;
		start -= floats && start % turn == 0 ? chunk : 0;
		assert_true(start > 10 * (left + chunk + right));
		assert_int_equal(acoustic_batch_create(model, 1, chunk + right, left, &batch), 0);
		for (size_t i = 0; i < 2; i++) {
			size_t skip = i == 0 ? 0 : start * config->hop;
			assert_int_equal(
				acoustic_stream_create(model,
						       &(struct acoustic_stream_params){
							       .left = (long)left,
							       .chunk = (long)chunk,
							       .right = (long)right,
							       .statistics = STATISTICS_UTTERANCE,
						       },
						       &streams[i]),
				0);
			/* The same fixed statistics for both. */
			assert_int_equal(acoustic_stream_measure(streams[i], audio, 16000), 0);
			run_stream(batch, streams[i], audio + skip, n - skip, 0, width,
				   &records[i]);
			acoustic_stream_destroy(streams[i]);
		}
		size_t compared = records[1].n_committed - reach;
		const float *a = records[0].committed + (start + reach) * width;
		const float *b = records[1].committed + reach * width;
		assert_int_equal(records[0].n_committed, start + records[1].n_committed);
		assert_true(compared >= 100);
		assert_true(max_difference(a, b, compared * width) <= (floats ? 1e-4f : 0.0f));
		record_finish(&records[0]);
		record_finish(&records[1]);
		acoustic_batch_destroy(batch);
		acoustic_model_destroy(model);
		free(audio);
	}
}

static void test_one_chunk_equals_offline(void **state)
{
	size_t n = 25000;
	float *audio = make_audio(n, 6);

	(void)state;
	for (size_t f = 0; f < N_FIXTURES; f++) {
		struct acoustic_model *model = load_fixture(fixtures[f], pool);
		size_t width = acoustic_model_output_size(model, 0);
		size_t frames = config_frames(acoustic_model_config(model), n);
		struct acoustic_offline *offline = NULL;
		struct acoustic_batch *batch = NULL;
		struct acoustic_stream *stream = open_stream(model, -1, -1, 0, frames + 3, 0);
		struct record record;

		assert_int_equal(acoustic_batch_create(model, 1, frames + 3, frames + 3, &batch),
				 0);
		run_stream(batch, stream, audio, n, 0, width, &record);
		assert_int_equal(acoustic_offline_create(model, 1000, &offline), 0);
		assert_int_equal(acoustic_offline_begin(offline, audio, n, 0, NULL), 0);
		while (acoustic_offline_advance(offline) > 0)
			;
		assert_int_equal(acoustic_offline_frames(offline), frames);
		assert_int_equal(record.n_committed, frames);
		assert_int_equal(record.n_steps, 1);
		assert_true(max_difference(acoustic_offline_output(offline), record.committed,
					   frames * width) < 1e-4f);
		record_finish(&record);
		acoustic_offline_destroy(offline);
		acoustic_stream_destroy(stream);
		acoustic_batch_destroy(batch);
		acoustic_model_destroy(model);
	}
	free(audio);
}

static void test_steps_do_not_allocate(void **state)
{
	size_t n = 40000;
	float *audio = make_audio(n, 7);

	(void)state;
	for (size_t f = 0; f < N_FIXTURES; f++) {
		struct acoustic_model *model = load_fixture(fixtures[f], pool);
		struct acoustic_batch *batch = NULL;
		struct acoustic_offline *offline = NULL;
		struct acoustic_stream *streams[2];

		assert_int_equal(acoustic_batch_create(model, 2, 32, 64, &batch), 0);
		assert_int_equal(acoustic_offline_create(model, n, &offline), 0);
		for (size_t i = 0; i < 2; i++)
			streams[i] = open_stream(model, 64, 16, 16, 0, 0);

		for (int round = 0; round < 2; round++) {
			size_t before = allocations_count();
			for (size_t done = 0; done < n;) {
				size_t pushed = 0;
				for (size_t i = 0; i < 2; i++)
					pushed = acoustic_stream_push(streams[i], audio + done,
								      n - done);
				done += pushed;
				if (done == n) {
					acoustic_stream_end(streams[0]);
					acoustic_stream_end(streams[1]);
				}
				while (acoustic_stream_ready(streams[0]))
					acoustic_step(batch, streams, 2);
			}
			for (size_t i = 0; i < 2; i++)
				acoustic_stream_reset(streams[i], RESET_UTTERANCE);
			assert_int_equal(acoustic_offline_begin(offline, audio, n, 0, NULL), 0);
			while (acoustic_offline_advance(offline) > 0)
				;
			/* The first offline pass sizes its output. */
			if (round > 0)
				assert_int_equal(allocations_count() - before, 0);
		}
		acoustic_stream_destroy(streams[0]);
		acoustic_stream_destroy(streams[1]);
		acoustic_offline_destroy(offline);
		acoustic_batch_destroy(batch);
		acoustic_model_destroy(model);
	}
	free(audio);
}

static void test_nothing_to_say(void **state)
{
	struct acoustic_model *model = load_fixture("large-style", pool);
	struct acoustic_batch *batch = NULL;
	struct acoustic_stream *stream = open_stream(model, 64, 16, 16, 0, 0);
	size_t width = acoustic_model_output_size(model, 0);
	float *audio = make_audio(1000, 8);

	(void)state;
	assert_int_equal(acoustic_batch_create(model, 1, 32, 64, &batch), 0);
	/* Fewer samples than one frame needs, one frame, and none at all. */
	static const size_t lengths[] = {0, 1, 399, 400, 719, 720};
	static const size_t frames[] = {0, 0, 0, 1, 1, 2};
	for (size_t i = 0; i < 6; i++) {
		struct record record;
		run_stream(batch, stream, audio, lengths[i], 0, width, &record);
		assert_int_equal(record.n_committed, frames[i]);
		assert_false(acoustic_stream_ready(stream));
		assert_int_equal(acoustic_stream_push(stream, audio, 10), 0);
		record_finish(&record);
		acoustic_stream_reset(stream, RESET_FULL);
	}
	free(audio);
	acoustic_stream_destroy(stream);
	acoustic_batch_destroy(batch);
	acoustic_model_destroy(model);
}

static void test_bad_parameters_are_refused(void **state)
{
	static const struct acoustic_stream_params bad[] = {
		{.left = -2, .chunk = 1},
		{.left = 0, .chunk = 0},
		{.left = 0, .chunk = -2},
		{.left = 0, .chunk = 1, .right = -1},
		{.left = -1, .chunk = 1},
		{.left = 0, .chunk = -1},
		{.left = 0, .chunk = 1, .adapter = 1},
		{.left = 0, .chunk = 1, .adapter = -1},
		{.left = LONG_MAX, .chunk = 1},
	};
	struct acoustic_model *model = load_fixture("large-style", pool);
	struct acoustic_stream *stream = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(acoustic_stream_create(model, &bad[i], &stream) < 0);
	assert_true(acoustic_model_adapter(model, "fra") < 0);
	assert_true(acoustic_model_adapter(model, "../../etc/passwd") < 0);
	acoustic_model_destroy(model);
}

static void test_languages_change_between_utterances(void **state)
{
	struct acoustic_model *model = load_fixture("w2v2-mms-adapter", pool);
	struct acoustic_batch *batch = NULL;
	int french = acoustic_model_adapter(model, "fra");
	int english = acoustic_model_adapter(model, "eng");
	size_t n = 16000;
	float *audio = make_audio(n, 9);
	struct record fresh, changed;

	(void)state;
	assert_true(french > 0 && english > 0 && french != english);
	assert_int_equal(acoustic_model_adapter(model, "fra"), french);
	assert_true(acoustic_model_adapter(model, "xyz") < 0);
	assert_true(acoustic_model_adapter(model, "../fra") < 0);
	assert_int_equal(acoustic_batch_create(model, 1, 32, 64, &batch), 0);

	struct acoustic_stream *stream = open_stream(model, 64, 16, 16, 0, french);
	run_stream(batch, stream, audio, n, 0, acoustic_model_output_size(model, french), &fresh);
	assert_int_equal(acoustic_stream_set_adapter(stream, english), -EBUSY);
	acoustic_stream_reset(stream, RESET_FULL);
	assert_int_equal(acoustic_stream_set_adapter(stream, 99), -EINVAL);
	assert_int_equal(acoustic_stream_set_adapter(stream, english), 0);
	run_stream(batch, stream, audio, n, 0, acoustic_model_output_size(model, english),
		   &changed);
	assert_true(changed.width != fresh.width);
	record_finish(&changed);
	acoustic_stream_reset(stream, RESET_FULL);
	assert_int_equal(acoustic_stream_set_adapter(stream, french), 0);
	run_stream(batch, stream, audio, n, 0, acoustic_model_output_size(model, french), &changed);
	assert_same_record(&fresh, &changed);
	record_finish(&fresh);
	record_finish(&changed);
	acoustic_stream_destroy(stream);
	acoustic_batch_destroy(batch);
	acoustic_model_destroy(model);
	free(audio);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_split_gives_the_same_bits),
		cmocka_unit_test(test_company_changes_nothing),
		cmocka_unit_test(test_reset_equals_fresh),
		cmocka_unit_test(test_position_does_not_matter),
		cmocka_unit_test(test_one_chunk_equals_offline),
		cmocka_unit_test(test_steps_do_not_allocate),
		cmocka_unit_test(test_nothing_to_say),
		cmocka_unit_test(test_bad_parameters_are_refused),
		cmocka_unit_test(test_languages_change_between_utterances),
	};

	return cmocka_run_group_tests(tests, open_pool, close_pool);
}
