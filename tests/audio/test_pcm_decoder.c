/* A stream of PCM bytes: any split, and samples that are none. */
#include "audio/pcm_decoder.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_channels(void **state)
{
	(void)state;
	struct pcm_decoder decoder;

	assert_int_equal(pcm_decoder_init(&decoder, PCM_S16LE, 0), -EINVAL);
	assert_int_equal(pcm_decoder_init(&decoder, PCM_S16LE, PCM_MAX_CHANNELS + 1), -EINVAL);
	assert_int_equal(pcm_decoder_init(&decoder, PCM_F64LE, PCM_MAX_CHANNELS), 0);
}

static void test_invalid_floats(void **state)
{
	(void)state;
	static const unsigned char in[] = {
		0x00, 0x00, 0xc0, 0x7f, /* not a number */
		0x00, 0x00, 0x80, 0x7f, /* infinite */
		0x00, 0x00, 0x80, 0xff, /* minus infinite */
		0x00, 0x00, 0x00, 0x7f, /* 2^127 */
		0x00, 0x00, 0x00, 0x3f, /* 0.5 */
		0x00, 0x00, 0x80, 0x49, /* 2^20 */
	};
	float out[6];
	struct pcm_decoder decoder;

	assert_int_equal(pcm_decoder_init(&decoder, PCM_F32LE, 1), 0);
	assert_int_equal(pcm_decode(&decoder, in, sizeof(in), out), 6);
	for (int i = 0; i < 4; i++)
		assert_true(out[i] == 0);
	assert_true(out[4] == 0.5F && out[5] == 1048576.0F);
	assert_int_equal(decoder.invalid, 4);
}

/* Any split gives the samples of the whole; a tail below a frame waits. */
static void test_any_split(void **state)
{
	(void)state;
	static const enum pcm_format formats[] = {PCM_U8, PCM_S16LE, PCM_S24LE, PCM_S32LE,
						  PCM_F32LE};
	unsigned char bytes[1201];
	float whole[1201], parts[1201];
	uint32_t seed = 1;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)((seed = seed * 1664525U + 1013904223U) >> 24);
	for (size_t f = 0; f < sizeof(formats) / sizeof(formats[0]); f++) {
		for (unsigned channels = 1; channels <= 8; channels++) {
			struct pcm_decoder decoder;
			pcm_decoder_init(&decoder, formats[f], channels);
			size_t frames = pcm_decode(&decoder, bytes, sizeof(bytes), whole);
			size_t size = channels * pcm_bytes(formats[f]);
			uint64_t invalid = decoder.invalid;
			assert_int_equal(frames, sizeof(bytes) / size);
			assert_int_equal(decoder.carried, sizeof(bytes) % size);
			for (size_t step = 1; step < 200; step += step < 8 ? 1 : 37) {
				size_t got = 0;
				pcm_decoder_init(&decoder, formats[f], channels);
				for (size_t at = 0; at < sizeof(bytes); at += step) {
					size_t n = sizeof(bytes) - at;
					n = n < step ? n : step;
					size_t expected = pcm_decoder_frames(&decoder, n);
					size_t now = pcm_decode(&decoder, bytes + at, n,
								parts + got * channels);
					assert_int_equal(now, expected);
					got += now;
				}
				assert_int_equal(got, frames);
				assert_int_equal(decoder.invalid, invalid);
				assert_memory_equal(parts, whole, got * channels * sizeof(float));
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_channels),
		cmocka_unit_test(test_invalid_floats),
		cmocka_unit_test(test_any_split),
	};

	return cmocka_run_group_tests_name("pcm_decoder", tests, NULL, NULL);
}
