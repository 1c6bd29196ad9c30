#include "audio/pcm.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct layout {
	const char *name;
	unsigned char bytes;
	bool big;
	bool floating;
	bool is_unsigned;
};

static const struct layout layouts[] = {
	[PCM_U8] = {"u8", 1, false, false, true},
	[PCM_S8] = {"s8", 1, false, false, false},
	[PCM_S16LE] = {"s16le", 2, false, false, false},
	[PCM_S16BE] = {"s16be", 2, true, false, false},
	[PCM_S24LE] = {"s24le", 3, false, false, false},
	[PCM_S24BE] = {"s24be", 3, true, false, false},
	[PCM_S32LE] = {"s32le", 4, false, false, false},
	[PCM_S32BE] = {"s32be", 4, true, false, false},
	[PCM_F32LE] = {"f32le", 4, false, true, false},
	[PCM_F32BE] = {"f32be", 4, true, true, false},
	[PCM_F64LE] = {"f64le", 8, false, true, false},
};

bool pcm_format_parse(const char *name, enum pcm_format *out)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		if (strcmp(name, layouts[i].name) == 0) {
			*out = (enum pcm_format)i;
			return true;
		}
	}
	return false;
}

const char *pcm_format_name(enum pcm_format format)
{
	return layouts[format].name;
}

const char *pcm_format_list(void)
{
	return "u8 s8 s16le s16be s24le s24be s32le s32be f32le f32be f64le";
}

size_t pcm_bytes(enum pcm_format format)
{
	return layouts[format].bytes;
}

/* The sample's bytes as the low bits of an integer, whatever their order. */
static uint64_t read_bits(const unsigned char *p, size_t bytes, bool big)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < bytes; i++)
		bits |= (uint64_t)p[i] << 8 * (big ? bytes - 1 - i : i);
	return bits;
}

static float read_float(const struct layout *layout, const unsigned char *p)
{
	uint64_t bits = read_bits(p, layout->bytes, layout->big);

	if (layout->bytes == 8) {
		double value;
		memcpy(&value, &bits, sizeof(value));
		return (float)value;
	}
	uint32_t low = (uint32_t)bits;
	float value;
	memcpy(&value, &low, sizeof(value));
	return value;
}

static float read_integer(const struct layout *layout, const unsigned char *p)
{
	unsigned width = 8U * layout->bytes;
	assert(width > 0);
	int64_t half = (int64_t)1 << (width - 1);
	int64_t value = (int64_t)read_bits(p, layout->bytes, layout->big);

	if (layout->is_unsigned)
		value -= half;
	else if (value >= half)
		value -= 2 * half;
	return (float)value / (float)half;
}

void pcm_to_float(enum pcm_format format, const void *bytes, size_t n, float *out)
{
	const struct layout *layout = &layouts[format];
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i++, p += layout->bytes)
		out[i] = layout->floating ? read_float(layout, p) : read_integer(layout, p);
}
