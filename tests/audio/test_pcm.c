#include "audio/pcm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct value {
	enum pcm_format format;
	unsigned char bytes[8];
	float want;
};

static void test_values(void **state)
{
	static const struct value values[] = {
		{PCM_U8, {0x80}, 0.0F},
		{PCM_U8, {0x00}, -1.0F},
		{PCM_S8, {0x80}, -1.0F},
		{PCM_S8, {0x40}, 0.5F},
		{PCM_S16LE, {0x01, 0x00}, 1.0F / 32768.0F},
		{PCM_S16LE, {0x00, 0x80}, -1.0F},
		{PCM_S16BE, {0x7f, 0xff}, 32767.0F / 32768.0F},
		{PCM_S24LE, {0x00, 0x00, 0xc0}, -0.5F},
		{PCM_S24BE, {0x00, 0x00, 0x01}, 1.0F / 8388608.0F},
		{PCM_S32LE, {0x00, 0x00, 0x00, 0x80}, -1.0F},
		{PCM_S32BE, {0x40, 0x00, 0x00, 0x00}, 0.5F},
		{PCM_F32LE, {0x00, 0x00, 0x80, 0xbf}, -1.0F},
		{PCM_F32BE, {0x3e, 0x80, 0x00, 0x00}, 0.25F},
		{PCM_F64LE, {0, 0, 0, 0, 0, 0, 0xe0, 0x3f}, 0.5F},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		float got = 9.0F;
		pcm_to_float(values[i].format, values[i].bytes, 1, &got);
		if (got != values[i].want)
			fail_msg("%s: %.9g, not %.9g", pcm_format_name(values[i].format),
				 (double)got, (double)values[i].want);
	}
}

static void test_names(void **state)
{
	(void)state;
	char list[256];
	enum pcm_format format;
	size_t found = 0;

	assert_true(strlen(pcm_format_list()) < sizeof(list));
	strcpy(list, pcm_format_list());
	for (char *name = strtok(list, " "); name; name = strtok(NULL, " ")) {
		assert_true(pcm_format_parse(name, &format));
		assert_string_equal(pcm_format_name(format), name);
		found++;
	}
	assert_int_equal(found, PCM_F64LE + 1);
	assert_false(pcm_format_parse("s17le", &format));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests_name("pcm", tests, NULL, NULL);
}
