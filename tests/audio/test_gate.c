/*
 * The gate on synthesized signals: tone bursts as speech, seeded noise as the
 * background. Its defaults were tuned on recordings, which are not here.
 */
#include "audio/gate.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RATE = 16000, MAX_EVENTS = 64 };

static const double PI = 3.14159265358979323846;

/* What the gate said of a whole signal. */
struct result {
	struct {
		enum gate_event_kind kind;
		int64_t position;
	} transitions[MAX_EVENTS];
	size_t n;
	float *audio; /* all that came through */
	size_t audio_n;
	int64_t next; /* where the next audio must begin */
};

static void collect(struct gate *gate, struct result *r)
{
	struct gate_event event;

	while (gate_next(gate, &event)) {
		if (event.kind == GATE_AUDIO) {
			assert_true(event.n > 0);
			assert_int_equal(event.position, r->next);
			memcpy(r->audio + r->audio_n, event.samples,
			       event.n * sizeof(*event.samples));
			r->audio_n += event.n;
			r->next += (int64_t)event.n;
			continue;
		}
		assert_true(r->n < MAX_EVENTS);
		/* Open and close take turns. */
		assert_int_equal(event.kind, r->n % 2 == 0 ? GATE_OPEN : GATE_CLOSE);
		if (event.kind == GATE_OPEN)
			r->next = event.position;
		else
			assert_int_equal(event.position, r->next);
		r->transitions[r->n].kind = event.kind;
		r->transitions[r->n++].position = event.position;
	}
}

static void push(struct gate *gate, const float *samples, size_t n, size_t step, struct result *r)
{
	while (n > 0) {
		size_t piece = step < n ? step : n;
		size_t taken = gate_push(gate, samples, piece);
		assert_in_range(taken, 1, piece);
		samples += taken;
		n -= taken;
		collect(gate, r);
	}
}

static struct gate *create(const struct gate_options *options)
{
	struct gate_options defaults = gate_options_default();
	struct gate *gate;

	assert_int_equal(gate_create(options ? options : &defaults, RATE, &gate), 0);
	return gate;
}

static void run(const float *samples, size_t n, size_t step, struct result *r)
{
	struct gate *gate = create(NULL);

	*r = (struct result){.audio = malloc((n + 1) * sizeof(float))};
	assert_non_null(r->audio);
	push(gate, samples, n, step, r);
	gate_end(gate);
	collect(gate, r);
	assert_int_equal(r->n % 2, 0);
	assert_false(gate_is_open(gate));
	gate_destroy(gate);
}

/* ---- signals ---- */

static double noise_sample(void)
{
	static uint32_t seed = 22222;
	double sum = 0;

	for (int i = 0; i < 4; i++) {
		seed = seed * 1664525U + 1013904223U;
		sum += (double)(seed >> 8) / 16777216.0 - 0.5;
	}
	return sum * sqrt(3.0); /* variance 1 */
}

static double amplitude(double db)
{
	return pow(10.0, db / 20.0);
}

/* n_s seconds of noise of that RMS, on an offset. */
static float *make_noise(double n_s, double db, double offset)
{
	size_t n = (size_t)(n_s * RATE);
	float *samples = malloc(n * sizeof(*samples));

	assert_non_null(samples);
	for (size_t i = 0; i < n; i++)
		samples[i] = (float)(offset + amplitude(db) * noise_sample());
	return samples;
}

/* A word: a harmonic tone with soft edges, added from start_s to end_s. */
static void add_word(float *samples, double start_s, double end_s, double db)
{
	size_t start = (size_t)(start_s * RATE), end = (size_t)(end_s * RATE);

	for (size_t i = start; i < end; i++) {
		double t = (double)(i - start) / RATE;
		double edge = fmin(1.0, fmin(t, (double)(end - i) / RATE) / 0.02);
		double tone = sin(2 * PI * 210 * t) + sin(2 * PI * 420 * t) +
			      0.7 * sin(2 * PI * 1470 * t) + 0.2 * sin(2 * PI * 2730 * t);
		samples[i] += (float)(amplitude(db) * edge * tone);
	}
}

static double at_s(const struct result *r, size_t i)
{
	assert_true(i < r->n);
	return (double)r->transitions[i].position / RATE;
}

static void assert_between(double value, double low, double high)
{
	if (!(value >= low && value <= high))
		fail_msg("%g is not between %g and %g", value, low, high);
}

/* ---- tests ---- */

static void test_options(void **state)
{
	(void)state;
	struct gate_options good = gate_options_default(), bad;
	struct gate *gate;

	assert_int_equal(gate_create(&good, 7999, &gate), -EINVAL);
	assert_int_equal(gate_create(&good, 8000, &gate), 0);
	gate_destroy(gate);
	bad = good, bad.close_db = bad.open_db + 1;
	assert_int_equal(gate_create(&bad, RATE, &gate), -EINVAL);
	bad = good, bad.preroll_s = -1;
	assert_int_equal(gate_create(&bad, RATE, &gate), -EINVAL);
	bad = good, bad.hangover_s = NAN;
	assert_int_equal(gate_create(&bad, RATE, &gate), -EINVAL);
	bad = good, bad.floor_s = 0.5;
	assert_int_equal(gate_create(&bad, RATE, &gate), -EINVAL);
	assert_null(gate);
	gate_destroy(NULL);
}

static void test_digital_silence(void **state)
{
	(void)state;
	float *samples = calloc(60 * RATE, sizeof(*samples));
	struct result r;

	run(samples, (size_t)60 * RATE, 4096, &r);
	assert_int_equal(r.n, 0);
	assert_int_equal(r.audio_n, 0);
	free(samples);
	free(r.audio);
}

/* Words in a quiet room: pre-roll before each, hang-over behind it. */
static void test_words(void **state)
{
	(void)state;
	float *samples = make_noise(40, -62, 0);
	struct result r;

	add_word(samples, 20.0, 20.5, -30);
	add_word(samples, 21.2, 21.6, -40);
	add_word(samples, 30.0, 30.12, -45);
	run(samples, (size_t)40 * RATE, 320, &r);
	/* The start is taken for speech until the floor is known. */
	size_t i = r.n - 4;
	assert_true(r.n == 4 || r.n == 6);
	if (r.n == 6)
		assert_between(at_s(&r, 1), 5.0, 7.0);
	/* The gap of 0.7 s is shorter than the hang-over. */
	assert_between(at_s(&r, i), 19.65, 19.72);
	assert_between(at_s(&r, i + 1), 23.05, 23.2);
	assert_between(at_s(&r, i + 2), 29.65, 29.72);
	assert_between(at_s(&r, i + 3), 31.57, 31.7);
	/* What came through is what went in. */
	size_t last = r.audio_n,
	       length = (size_t)(r.transitions[i + 3].position - r.transitions[i + 2].position);
	assert_memory_equal(r.audio + last - length, samples + r.transitions[i + 2].position,
			    length * sizeof(float));
	free(samples);
	free(r.audio);
}

/* A word that begins with the first sample is not cut. */
static void test_speech_at_once(void **state)
{
	(void)state;
	float *samples = make_noise(10, -65, 0);
	struct result r;

	add_word(samples, 0.0, 0.4, -35);
	run(samples, (size_t)10 * RATE, 1000, &r);
	assert_true(r.n >= 2);
	assert_int_equal(r.transitions[0].position, 0);
	free(samples);
	free(r.audio);
}

/* Any split gives the same transitions and the same audio. */
static void test_any_split(void **state)
{
	(void)state;
	const size_t n = 25 * RATE + 123;
	float *samples = make_noise(26, -60, 0.01);
	static const size_t steps[] = {1, 7, 160, 161, 4096, 100000};
	struct result whole;

	add_word(samples, 8.01, 8.5, -30);
	add_word(samples, 14.5, 14.9, -50);
	add_word(samples, 24.9, 25.0, -30);
	run(samples, n, n, &whole);
	assert_true(whole.n >= 6);
	/* Open at the end of the stream: closed there, with the last sample. */
	assert_int_equal(whole.transitions[whole.n - 1].position, n);
	for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
		struct result r;
		run(samples, n, steps[s], &r);
		assert_int_equal(r.n, whole.n);
		for (size_t i = 0; i < r.n; i++)
			assert_int_equal(r.transitions[i].position, whole.transitions[i].position);
		assert_int_equal(r.audio_n, whole.audio_n);
		assert_memory_equal(r.audio, whole.audio, r.audio_n * sizeof(float));
		free(r.audio);
	}
	free(samples);
	free(whole.audio);
}

/* Loud steady noise closes the gate once it is known, and speech over it opens
 * it again; so does noise that sets in later. */
static void test_steady_noise(void **state)
{
	(void)state;
	float *samples = make_noise(60, -30, 0);
	struct result r;

	add_word(samples, 30.0, 30.6, -24);
	run(samples, (size_t)60 * RATE, 512, &r);
	assert_int_equal(r.n, 4);
	assert_between(at_s(&r, 0), 0.0, 0.1);
	assert_between(at_s(&r, 1), 5.5, 8.0);
	assert_between(at_s(&r, 2), 29.6, 29.75);
	assert_between(at_s(&r, 3), 32.0, 32.2);
	free(r.audio);

	/* Silent for 20 s, then the fan is switched on. */
	for (size_t i = 0; i < (size_t)20 * RATE; i++)
		samples[i] *= 1e-3F;
	add_word(samples, 50.0, 50.6, -24);
	run(samples, (size_t)60 * RATE, 512, &r);
	assert_int_equal(r.n, 6);
	assert_between(at_s(&r, 0), 19.6, 20.0);
	assert_between(at_s(&r, 1), 25.5, 28.0);
	assert_between(at_s(&r, 2), 29.6, 29.75);
	assert_between(at_s(&r, 4), 49.6, 49.75);
	assert_between(at_s(&r, 5), 52.0, 52.2);
	free(r.audio);
	free(samples);
}

/* Neither an offset nor hum opens the gate, however strong. */
static void test_offset_and_hum(void **state)
{
	(void)state;
	float *samples = make_noise(30, -90, 0.3);
	struct result r;

	for (size_t i = 0; i < (size_t)30 * RATE; i++)
		samples[i] += (float)(0.002 * sin(2 * PI * 50 * (double)i / RATE));
	run(samples, (size_t)30 * RATE, 441, &r);
	assert_int_equal(r.n, 0);
	free(r.audio);
	add_word(samples, 20.0, 20.5, -40);
	run(samples, (size_t)30 * RATE, 441, &r);
	assert_int_equal(r.n, 2);
	assert_between(at_s(&r, 0), 19.65, 19.75);
	free(samples);
	free(r.audio);
}

/* A whisper of -60 dBFS, 15 dB over its room. */
static void test_quiet_speech(void **state)
{
	(void)state;
	float *samples = make_noise(30, -80, 0);
	struct result r;

	add_word(samples, 20.0, 20.5, -62);
	run(samples, (size_t)30 * RATE, 441, &r);
	assert_int_equal(r.n, 2);
	assert_between(at_s(&r, 0), 19.6, 19.75);
	free(samples);
	free(r.audio);
}

/* A click is not speech, and a dropout is not the background. */
static void test_click_and_dropout(void **state)
{
	(void)state;
	float *samples = make_noise(40, -60, 0);
	struct result r;

	samples[(size_t)20 * RATE] = 0.5F;
	memset(samples + (size_t)30 * RATE, 0, RATE / 5 * sizeof(float));
	run(samples, (size_t)40 * RATE, 441, &r);
	assert_true(r.n == 0 || (r.n == 2 && at_s(&r, 1) < 8.0));
	free(samples);
	free(r.audio);
}

/* Minutes of words with short pauses: the floor must not climb to them. */
static void test_long_speech(void **state)
{
	(void)state;
	float *samples = make_noise(120, -60, 0);
	struct result r;

	for (double t = 10; t < 109; t += 0.7)
		add_word(samples, t, t + 0.6, -35);
	run(samples, (size_t)120 * RATE, 441, &r);
	assert_between(at_s(&r, r.n - 2), 0.0, 9.8);
	assert_between(at_s(&r, r.n - 1), 110.0, 112.0);
	free(samples);
	free(r.audio);
}

static void test_not_a_number(void **state)
{
	(void)state;
	float *samples = make_noise(40, -60, 0);
	struct result r;

	for (size_t i = 0; i < 10; i++)
		samples[(size_t)10 * RATE + 37 * i] = i % 2 == 0 ? NAN : INFINITY;
	add_word(samples, 30.0, 30.5, -35);
	run(samples, (size_t)40 * RATE, 441, &r);
	assert_between(at_s(&r, r.n - 2), 29.6, 29.75);
	assert_between(at_s(&r, r.n - 1), 31.9, 32.1);
	free(samples);
	free(r.audio);
}

static void test_gap(void **state)
{
	(void)state;
	float *samples = make_noise(40, -62, 0);
	struct gate *gate = create(NULL);
	struct result r = {.audio = malloc(40 * RATE * sizeof(float))};

	add_word(samples, 20.0, 21.0, -30);
	push(gate, samples, 10 * RATE, 441, &r);
	r.n = 0;
	/* A gap with the gate closed moves the positions. */
	assert_false(gate_is_open(gate));
	gate_skip(gate, 5 * RATE);
	collect(gate, &r);
	assert_int_equal(r.n, 0);
	/* Speech right behind a gap: nothing is given from before it. */
	gate_skip(gate, 5 * RATE);
	push(gate, samples + (size_t)20 * RATE, RATE / 2, 441, &r);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.transitions[0].position, 20 * RATE);
	/* A short gap leaves it open, and the audio goes on behind it. The
	 * frame that it cuts is not given. */
	gate_skip(gate, RATE / 10);
	r.next = (int64_t)(20.6 * RATE);
	collect(gate, &r);
	push(gate, samples + (size_t)(20.6 * RATE), RATE / 10, 441, &r);
	assert_int_equal(r.n, 1);
	assert_true(gate_is_open(gate));
	/* One longer than the hang-over closes it. */
	gate_skip(gate, 3 * RATE);
	r.next = (int64_t)(23.7 * RATE);
	collect(gate, &r);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.transitions[1].position, r.next);
	assert_false(gate_is_open(gate));
	gate_destroy(gate);
	free(samples);
	free(r.audio);
}

static void test_reset(void **state)
{
	(void)state;
	float *samples = make_noise(30, -60, 0);
	struct gate *gate = create(NULL);
	struct result first = {.audio = malloc(30 * RATE * sizeof(float))};
	struct result second = {.audio = malloc(30 * RATE * sizeof(float))};

	add_word(samples, 20.0, 20.5, -35);
	push(gate, samples, (size_t)21 * RATE, 441, &first);
	assert_true(gate_is_open(gate));
	gate_reset(gate);
	assert_false(gate_is_open(gate));
	push(gate, samples, (size_t)21 * RATE, 160, &second);
	assert_int_equal(first.n, second.n);
	for (size_t i = 0; i < first.n; i++)
		assert_int_equal(first.transitions[i].position, second.transitions[i].position);
	assert_int_equal(first.audio_n / 160, second.audio_n / 160);
	gate_destroy(gate);
	free(samples);
	free(first.audio);
	free(second.audio);
}

/* The meter: noise of -40 dBFS, of which the gate hears all but the lowest. */
static void test_meter(void **state)
{
	(void)state;
	float *samples = make_noise(10, -40, 0.2);
	struct gate *gate = create(NULL);
	struct result r = {.audio = malloc(10 * RATE * sizeof(float))};

	push(gate, samples, (size_t)10 * RATE, 441, &r);
	assert_between(gate_level_db(gate), -41.5, -38.5);
	assert_between(gate_floor_db(gate), -42.0, -39.5);
	gate_destroy(gate);
	free(samples);
	free(r.audio);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_digital_silence),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_speech_at_once),
		cmocka_unit_test(test_any_split),
		cmocka_unit_test(test_steady_noise),
		cmocka_unit_test(test_offset_and_hum),
		cmocka_unit_test(test_quiet_speech),
		cmocka_unit_test(test_click_and_dropout),
		cmocka_unit_test(test_long_speech),
		cmocka_unit_test(test_not_a_number),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_meter),
	};

	return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
