/*
 * The microphone source on a device of our own and under a clock of our own:
 * loss, back-off, gaps, overruns and stalls, each at its exact position.
 */
#include "audio/capture.h"
#include "audio/source.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { RATE = 48000, CHANNELS = 2 };

static const int64_t MS = 1000000;

/* One device, driven by the test. */
static struct {
	int64_t now;
	bool present;
	bool active;
	bool open;
	size_t waiting;      /* frames to be read */
	uint64_t dropped;    /* overrun before them */
	uint64_t next_frame; /* the value of the next frame read */
	unsigned opens;      /* tries */
	uint64_t surroundings;
	unsigned rate;
	char bound[CAPTURE_NAME_BYTES]; /* as asked for in the last try */
} fake;

static int64_t fake_clock(void *ctx)
{
	(void)ctx;
	return fake.now;
}

static int fake_open(const struct capture_request *request, void **stream,
		     struct capture_info *info, char *reason)
{
	fake.opens++;
	snprintf(fake.bound, sizeof(fake.bound), "%s", request->bound);
	assert_false(fake.open);
	if (!fake.present) {
		snprintf(reason, CAPTURE_REASON_BYTES, "no device");
		return -ENODEV;
	}
	fake.open = fake.active = true;
	fake.waiting = 0;
	fake.dropped = 0;
	*info = (struct capture_info){.rate = fake.rate, .channels = CHANNELS};
	snprintf(info->name, sizeof(info->name), "Fake Mic (hw:1,0)");
	*stream = &fake;
	return 0;
}

static size_t fake_read(void *stream, float *frames, size_t max, uint64_t *dropped)
{
	assert_ptr_equal(stream, &fake);
	size_t n = fake.waiting < max ? fake.waiting : max;
	for (size_t i = 0; i < n; i++) {
		for (size_t c = 0; c < CHANNELS; c++)
			frames[i * CHANNELS + c] = (float)fake.next_frame;
		fake.next_frame++;
	}
	fake.waiting -= n;
	*dropped = fake.dropped;
	return n;
}

static size_t fake_pending(void *stream)
{
	(void)stream;
	return fake.waiting;
}

static bool fake_active(void *stream)
{
	(void)stream;
	return fake.active;
}

static void fake_close(void *stream)
{
	if (stream)
		fake.open = fake.active = false;
}

static uint64_t fake_surroundings(void)
{
	return fake.surroundings;
}

static const struct capture_backend fake_backend = {
	.open = fake_open,
	.read = fake_read,
	.pending = fake_pending,
	.active = fake_active,
	.close = fake_close,
	.surroundings = fake_surroundings,
};

static struct source *create(void)
{
	struct source_options options = {
		.rate = 16000,
		.device = "fake",
		.clock = fake_clock,
		.backend = &fake_backend,
	};
	struct source *source;

	memset(&fake, 0, sizeof(fake));
	fake.rate = RATE;
	fake.now = 1000 * MS;
	assert_int_equal(source_create("mic", &options, &source), 0);
	assert_true(source_is_live(source));
	return source;
}

static void expect_opened(struct source *source)
{
	struct source_event event;

	assert_true(source_wants_open(source));
	assert_int_equal(source_open(source), 0);
	assert_true(source_next(source, &event));
	assert_int_equal(event.kind, SOURCE_OPENED);
	assert_int_equal(event.format.rate, fake.rate);
	assert_int_equal(event.format.channels, CHANNELS);
}

/* Lets the device run for `ms` in steps of 10 ms, and takes all. */
static void run_device(struct source *source, int ms)
{
	struct source_event event;
	uint64_t expected = fake.next_frame;

	for (int t = 0; t < ms; t += 10) {
		fake.now += 10 * MS;
		fake.waiting += fake.rate / 100;
		while (source_next(source, &event)) {
			assert_int_equal(event.kind, SOURCE_AUDIO);
			for (uint64_t i = 0; i < event.frames; i++)
				assert_true(event.samples[CHANNELS * i + 1] == (float)expected++);
		}
		assert_int_equal(expected, fake.next_frame);
	}
}

static void expect_gap(struct source *source, enum source_gap gap, uint64_t frames)
{
	struct source_event event;

	assert_true(source_next(source, &event));
	assert_int_equal(event.kind, SOURCE_GAP);
	assert_int_equal(event.gap, gap);
	assert_int_equal(event.frames, frames);
}

static void expect_audio(struct source *source, uint64_t frames)
{
	struct source_event event;

	assert_true(source_next(source, &event));
	assert_int_equal(event.kind, SOURCE_AUDIO);
	assert_int_equal(event.frames, frames);
}

static void expect_lost(struct source *source, const char *reason)
{
	struct source_event event;

	assert_true(source_next(source, &event));
	assert_int_equal(event.kind, SOURCE_LOST);
	assert_string_equal(event.reason, reason);
	assert_false(source_next(source, &event));
}

static void expect_nothing(struct source *source)
{
	struct source_event event;

	assert_false(source_next(source, &event));
}

/* Lets time pass until the source wants to be opened, and returns how much. */
static int64_t wait_for_wish(struct source *source)
{
	int64_t start = fake.now;

	do {
		expect_nothing(source);
		assert_true(fake.now - start < 600000 * MS);
		fake.now += 50 * MS;
	} while (!source_wants_open(source));
	return fake.now - start;
}

/* No device at the start: tried again, ever less often, and at once when
 * something has changed. */
static void test_absent_at_start(void **state)
{
	(void)state;
	struct source *source = create();
	struct source_status status;

	assert_true(source_wants_open(source));
	assert_int_equal(source_open(source), -ENODEV);
	source_get_status(source, &status);
	assert_string_equal(status.reason, "no device");
	for (int64_t delay = 250; delay < 1000000; delay *= 2) {
		assert_int_equal(wait_for_wish(source), (delay < 300000 ? delay : 300000) * MS);
		assert_int_equal(source_open(source), -ENODEV);
		assert_false(source_wants_open(source));
	}
	fake.surroundings++;
	assert_in_range(wait_for_wish(source), 0, 1050 * MS);
	assert_int_equal(source_open(source), -ENODEV);
	/* A server that has just started may need a moment: short delays again. */
	assert_int_equal(wait_for_wish(source), 250 * MS);
	fake.present = true;
	expect_opened(source);
	source_get_status(source, &status);
	assert_null(status.reason);
	/* The first opening is no gap. */
	run_device(source, 100);
	source_destroy(source);
	assert_false(fake.open);
}

static void test_lost_and_back(void **state)
{
	(void)state;
	struct source *source = create();
	struct source_status status;

	fake.present = true;
	expect_opened(source);
	run_device(source, 1000);
	/* What came before the end is still given. */
	fake.now += 5 * MS;
	fake.waiting = 240;
	fake.active = fake.present = false;
	expect_audio(source, 240);
	expect_lost(source, "the device stopped");
	assert_false(source_wants_open(source));
	source_get_status(source, &status);
	assert_false(status.open);
	assert_int_equal(status.losses, 1);
	assert_string_equal(status.name, "Fake Mic (hw:1,0)");

	fake.now += 300 * MS;
	assert_true(source_wants_open(source));
	assert_int_equal(source_open(source), -ENODEV);
	assert_string_equal(fake.bound, "Fake Mic (hw:1,0)");
	assert_false(fake.open);

	/* Back with another rate. Its first samples were captured in the last
	 * 100 ms of the absence. */
	fake.present = true;
	fake.rate = 44100;
	fake.now += 2000 * MS;
	expect_opened(source);
	expect_nothing(source);
	fake.now += 1700 * MS;
	fake.waiting = 4410;
	expect_gap(source, SOURCE_GAP_DEVICE, (2000 + 1700 + 300 - 100) * 441 / 10);
	expect_audio(source, 4096);
	expect_audio(source, 314);
	run_device(source, 3000);
	source_get_status(source, &status);
	assert_true(status.open);
	assert_int_equal(status.overruns, 0);
	source_destroy(source);
}

static void test_stall(void **state)
{
	(void)state;
	struct source *source = create();

	fake.present = true;
	expect_opened(source);
	/* A device that opens and stays mute is given five seconds. */
	fake.now += 4999 * MS;
	expect_nothing(source);
	fake.now += 1 * MS;
	expect_lost(source, "no samples come");
	/* And again: the back-off grows, since no sample came. */
	fake.now += 250 * MS;
	assert_true(source_wants_open(source));
	expect_opened(source);
	fake.now += 5000 * MS;
	expect_lost(source, "no samples come");
	fake.now += 499 * MS;
	assert_false(source_wants_open(source));
	fake.now += 1 * MS;
	expect_opened(source);
	run_device(source, 500);
	fake.now += 1999 * MS;
	expect_nothing(source);
	fake.now += 1 * MS;
	expect_lost(source, "no samples come");
	fake.now += 250 * MS;
	expect_opened(source);
	fake.now += 10 * MS;
	fake.waiting = 480;
	expect_gap(source, SOURCE_GAP_DEVICE, (2000 + 250) * 48);
	expect_audio(source, 480);
	source_destroy(source);
}

/* We were too slow: the gap lies before the frames that follow it. */
static void test_overrun(void **state)
{
	(void)state;
	struct source *source = create();
	struct source_status status;

	fake.present = true;
	expect_opened(source);
	run_device(source, 2000);
	fake.now += 1000 * MS;
	fake.waiting = 480;
	fake.dropped = 47520;
	expect_gap(source, SOURCE_GAP_OVERRUN, 47520);
	expect_audio(source, 480);
	run_device(source, 5000);
	/* Told while nothing waits. */
	fake.dropped += 100;
	expect_gap(source, SOURCE_GAP_OVERRUN, 100);
	expect_nothing(source);
	source_get_status(source, &status);
	assert_int_equal(status.overruns, 2);
	assert_int_equal(status.overrun_frames, 47620);
	source_destroy(source);
}

/* The sound system loses a second and says nothing. */
static void test_silent_loss(void **state)
{
	(void)state;
	struct source *source = create();
	struct source_event event;
	uint64_t missing = 0;

	fake.present = true;
	expect_opened(source);
	run_device(source, 4000);
	fake.now += 1000 * MS;
	for (int t = 0; t < 10000; t += 10) {
		fake.now += 10 * MS;
		fake.waiting += RATE / 100;
		while (source_next(source, &event)) {
			if (event.kind != SOURCE_GAP)
				continue;
			assert_int_equal(event.gap, SOURCE_GAP_OVERRUN);
			/* Within a second and a little. */
			assert_true(t <= 1100);
			missing += event.frames;
		}
	}
	assert_in_range(missing, RATE - 50, RATE + 50);
	source_destroy(source);
}

/* A pause whose samples all come later is no loss; nor is slow drift. */
static void test_late_is_not_lost(void **state)
{
	(void)state;
	struct source *source = create();
	struct source_event event;

	fake.present = true;
	expect_opened(source);
	run_device(source, 3000);
	for (int round = 0; round < 20; round++) {
		fake.now += 900 * MS;
		expect_nothing(source);
		fake.waiting = RATE / 10 * 9;
		while (source_next(source, &event))
			assert_int_equal(event.kind, SOURCE_AUDIO);
		run_device(source, 300);
	}
	/* 500 ppm slow for ten minutes: 0.3 s in all. */
	for (int t = 0; t < 600; t++) {
		run_device(source, 1000);
		fake.now += MS / 2;
	}
	source_destroy(source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_absent_at_start), cmocka_unit_test(test_lost_and_back),
		cmocka_unit_test(test_stall),           cmocka_unit_test(test_overrun),
		cmocka_unit_test(test_silent_loss),     cmocka_unit_test(test_late_is_not_lost),
	};

	return cmocka_run_group_tests_name("microphone", tests, NULL, NULL);
}
