/* Widening is exact for every half; strides and views do what they say. */
#include "core/weights/tensor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* By the definition of the format, in double precision. */
static double half_value(uint16_t bits)
{
	double sign = bits & 0x8000 ? -1.0 : 1.0;
	int exponent = bits >> 10 & 0x1f;
	double fraction = (bits & 0x3ff) / 1024.0;

	if (exponent == 31)
		return fraction == 0 ? sign * (double)INFINITY : (double)NAN;
	if (exponent == 0)
		return sign * ldexp(fraction, -14);
	return sign * ldexp(1.0 + fraction, exponent - 15);
}

static struct tensor vector_of(enum dtype dtype, const void *data, size_t n)
{
	return (struct tensor){.name = "x",
			       .file = "test",
			       .dtype = dtype,
			       .n_dims = 1,
			       .dims = {n},
			       .strides = {1},
			       .data = data};
}

static void test_every_half_widens_exactly(void **state)
{
	static uint16_t halves[1 << 16];
	static float wide[1 << 16];
	struct tensor tensor = vector_of(DTYPE_F16, halves, 1 << 16);

	(void)state;
	for (size_t i = 0; i < 1 << 16; i++)
		halves[i] = (uint16_t)i;
	tensor_read_f32(&tensor, 0, 1 << 16, wide);
	for (size_t i = 0; i < 1 << 16; i++) {
		double expected = half_value((uint16_t)i);
		if (isnan(expected)) {
			assert_true(isnan(wide[i]));
			continue;
		}
		assert_true((double)wide[i] == expected);
		assert_int_equal(signbit(wide[i]) != 0, i >> 15);
	}
}

static void test_every_bfloat_is_the_upper_half(void **state)
{
	static uint16_t halves[1 << 16];
	static float wide[1 << 16];
	struct tensor tensor = vector_of(DTYPE_BF16, halves, 1 << 16);

	(void)state;
	for (size_t i = 0; i < 1 << 16; i++)
		halves[i] = (uint16_t)i;
	tensor_read_f32(&tensor, 0, 1 << 16, wide);
	for (size_t i = 0; i < 1 << 16; i++) {
		uint32_t bits;
		memcpy(&bits, &wide[i], sizeof(bits));
		assert_int_equal(bits, (uint32_t)i << 16);
	}
}

static void test_other_types_convert(void **state)
{
	const double f64[] = {1.5, -2.25};
	const int64_t i64[] = {-3, 1 << 20};
	const int32_t i32[] = {-4, 70000};
	const int16_t i16[] = {-5, 300};
	const int8_t i8[] = {-6, 127};
	const uint8_t u8[] = {0, 255};
	const uint8_t flags[] = {0, 1};
	const struct {
		enum dtype dtype;
		const void *data;
		float a, b;
	} cases[] = {
		{DTYPE_F64, f64, 1.5f, -2.25f},  {DTYPE_I64, i64, -3.0f, 1048576.0f},
		{DTYPE_I32, i32, -4.0f, 7e4f},   {DTYPE_I16, i16, -5.0f, 300.0f},
		{DTYPE_I8, i8, -6.0f, 127.0f},   {DTYPE_U8, u8, 0.0f, 255.0f},
		{DTYPE_BOOL, flags, 0.0f, 1.0f},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tensor tensor = vector_of(cases[i].dtype, cases[i].data, 2);
		float out[2];
		tensor_read_f32(&tensor, 0, 2, out);
		assert_true(out[0] == cases[i].a && out[1] == cases[i].b);
		tensor_read_f32(&tensor, 1, 1, out);
		assert_true(out[0] == cases[i].b);
		assert_null(tensor_view_f32(&tensor));
		enum dtype named;
		assert_true(dtype_from_name(dtype_name(cases[i].dtype), &named));
		assert_int_equal(named, cases[i].dtype);
	}
}

static void test_strides_and_partial_reads(void **state)
{
	float data[24], out[24];
	/* [2, 3, 4] whose storage is [4, 3, 2] row major. */
	struct tensor tensor = {.name = "x",
				.file = "test",
				.dtype = DTYPE_F32,
				.n_dims = 3,
				.dims = {2, 3, 4},
				.strides = {1, 2, 6},
				.data = (const unsigned char *)data};

	(void)state;
	for (size_t i = 0; i < 24; i++)
		data[i] = (float)i;
	assert_int_equal(tensor_elements(&tensor), 24);
	assert_null(tensor_view_f32(&tensor));
	for (size_t first = 0; first < 24; first++) {
		size_t count = 24 - first;
		tensor_read_f32(&tensor, first, count, out);
		for (size_t i = 0; i < count; i++) {
			size_t at = first + i;
			size_t element = at / 12 + at / 4 % 3 * 2 + at % 4 * 6;
			assert_true(out[i] == (float)element);
		}
	}
	tensor_read_f32(&tensor, 24, 0, out);
}

static void test_view_needs_alignment_and_order(void **state)
{
	_Alignas(8) unsigned char bytes[20] = {0};
	struct tensor tensor = vector_of(DTYPE_F32, bytes, 4);

	(void)state;
	assert_ptr_equal(tensor_view_f32(&tensor), bytes);
	tensor.data = bytes + 1;
	assert_null(tensor_view_f32(&tensor));
	float out[4];
	tensor_read_f32(&tensor, 0, 4, out);
	assert_true(out[3] == 0.0f);

	/* The stride of a dimension of one does not matter. */
	tensor = vector_of(DTYPE_F32, bytes, 4);
	tensor.n_dims = 2;
	tensor.dims[0] = 1;
	tensor.dims[1] = 4;
	tensor.strides[0] = 99;
	tensor.strides[1] = 1;
	assert_non_null(tensor_view_f32(&tensor));
}

static void test_scalar(void **state)
{
	const int64_t value = 7;
	struct tensor tensor = {
		.name = "n", .file = "test", .dtype = DTYPE_I64, .data = (const void *)&value};
	float out;

	(void)state;
	assert_int_equal(tensor_elements(&tensor), 1);
	tensor_read_f32(&tensor, 0, 1, &out);
	assert_true(out == 7.0f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_half_widens_exactly),
		cmocka_unit_test(test_every_bfloat_is_the_upper_half),
		cmocka_unit_test(test_other_types_convert),
		cmocka_unit_test(test_strides_and_partial_reads),
		cmocka_unit_test(test_view_needs_alignment_and_order),
		cmocka_unit_test(test_scalar),
	};

	return cmocka_run_group_tests_name("tensor", tests, NULL, NULL);
}
