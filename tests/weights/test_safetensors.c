/* model.safetensors, its shards, and everything that is wrong with such files. */
#include "core/weights/weights.h"
#include "tests/weights/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const float eight[] = {0, 1, 2, 3, 4, 5, 6, 7};

static const char file_name[] = "model.safetensors";

static void expect_refusal(struct scratch *scratch, int rc, const char *file, const char *what)
{
	struct weights *weights;

	assert_int_equal(weights_open(scratch->dir, &weights), rc);
	assert_null(weights);
	scratch_expect(scratch, file, what);
}

/* Opens, expects a refusal with this text. */
static void refuse(struct scratch *scratch, const char *header, size_t size, const char *what)
{
	scratch_write_safetensors(scratch, file_name, header, 0, eight, size);
	expect_refusal(scratch, -EINVAL, file_name, what);
}

static void test_unaligned_data_in_any_order(void **state)
{
	struct scratch *scratch = *state;
	const char *header =
		"{\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,32]},"
		"\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
		"\"__metadata__\":{\"format\":\"pt\"},"
		"\"empty\":{\"dtype\":\"F16\",\"shape\":[0,5],\"data_offsets\":[32,32]}}";

	for (size_t padding = 0; padding < 8; padding++) {
		struct weights *weights;
		scratch_write_safetensors(scratch, file_name, header, padding, eight, 32);
		assert_int_equal(weights_open(scratch->dir, &weights), 0);
		assert_int_equal(weights_count(weights), 3);
		assert_string_equal(weights_at(weights, 0)->name, "a");
		assert_null(weights_find(weights, "c"));

		const struct tensor *b = weights_find(weights, "b");
		float out[6];
		tensor_read_f32(b, 0, 2, out);
		assert_true(out[0] == 6 && out[1] == 7);

		const struct tensor *a;
		assert_int_equal(weights_require(weights, "a", 2, (const size_t[]){2, 3}, &a), 0);
		tensor_read_f32(a, 0, 6, out);
		assert_memory_equal(out, eight, sizeof(out));
		const float *view = tensor_view_f32(a);
		assert_true(view == NULL || memcmp(view, eight, 24) == 0);
		tensor_release(a);
		tensor_read_f32(a, 0, 6, out);
		assert_memory_equal(out, eight, sizeof(out));
		weights_close(weights);
	}
	weights_close(NULL);
}

static void test_requirements(void **state)
{
	struct scratch *scratch = *state;
	struct weights *weights;
	const struct tensor *tensor;

	scratch_write_safetensors(scratch, file_name,
				  "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
				  "\"s\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[8,16]},"
				  "\"hubert.masked_spec_embed\":{\"dtype\":\"F32\",\"shape\":[2],"
				  "\"data_offsets\":[16,24]}}",
				  0, eight, 24);
	assert_int_equal(weights_open(scratch->dir, &weights), 0);
	assert_int_equal(weights_require(weights, "y", 0, NULL, &tensor), -ENOENT);
	scratch_expect(scratch, file_name, "'y' is missing");
	assert_int_equal(weights_require(weights, "x", 2, (const size_t[]){2, 1}, &tensor),
			 -EINVAL);
	assert_null(tensor);
	scratch_expect(scratch, file_name, "'x' has shape [2], the configuration needs [2, 1]");
	assert_int_equal(weights_require(weights, "x", 1, (const size_t[]){2}, &tensor), 0);
	assert_int_equal(weights_check_all_used(weights), -EINVAL);
	scratch_expect(scratch, file_name, "'s' is not part of");
	assert_int_equal(weights_require(weights, "s", 0, NULL, &tensor), 0);
	assert_int_equal(weights_check_all_used(weights), 0);
	weights_close(weights);
}

#define ENTRY(dtype, shape, offsets) \
	"{\"x\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static void test_bad_entries(void **state)
{
	struct scratch *scratch = *state;

	refuse(scratch, ENTRY("F32", "[2]", "[0,12]"), 12, "'x': shape and dtype F32 need 8 bytes");
	refuse(scratch, ENTRY("F32", "[4]", "[0,16]"), 12, "'x': data_offsets [0, 16] lie past");
	refuse(scratch, ENTRY("F32", "[2]", "[8,0]"), 12, "'x': 'data_offsets'");
	refuse(scratch, ENTRY("F32", "[2]", "[0,8.5]"), 8, "'x': 'data_offsets'");
	refuse(scratch, ENTRY("F32", "[2]", "[-8,0]"), 8, "'x': 'data_offsets'");
	refuse(scratch, ENTRY("F32", "[2]", "[0,8,8]"), 8, "'x': 'data_offsets'");
	refuse(scratch, ENTRY("F32", "[-2]", "[0,8]"), 8, "'x': 'shape'");
	refuse(scratch, ENTRY("F32", "\"2\"", "[0,8]"), 8, "'x': 'shape'");
	refuse(scratch, ENTRY("F32", "[1e16]", "[0,8]"), 8, "'x': 'shape'");
	refuse(scratch, ENTRY("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "more than 8 dimensions");
	refuse(scratch, ENTRY("F32", "[2147483648,2147483648,2147483648]", "[0,8]"), 8,
	       "the shape overflows");
	refuse(scratch, ENTRY("F32", "[0,2147483648,2147483648,2147483648]", "[0,0]"), 0,
	       "the shape overflows");
	refuse(scratch, ENTRY("F32", "[2147483648,2147483648]", "[0,8]"), 8, "the shape overflows");
	refuse(scratch, "{\"x\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "'x' has no 'dtype'");
	refuse(scratch, "{\"x\":[]}", 0, "'x': the header entry");
	refuse(scratch, "[]", 0, "not a JSON object");
	refuse(scratch, ENTRY("F32", "[2]", "[0,8]"), 12, "12 bytes of data, of which the tensors");

	scratch_write_safetensors(scratch, file_name, ENTRY("F8_E4M3", "[2]", "[0,2]"), 0, eight,
				  2);
	expect_refusal(scratch, -ENOTSUP, file_name, "'x': dtype 'F8_E4M3' is not supported");
}

static void test_overlap_holes_and_duplicates(void **state)
{
	struct scratch *scratch = *state;

	refuse(scratch,
	       "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
	       "\"y\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
	       12, "'y' overlaps tensor 'x'");
	refuse(scratch,
	       "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
	       "\"y\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]}}",
	       16, "'y' begins at 12");
	refuse(scratch,
	       "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
	       "\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}",
	       12, "key 'x' appears twice");
}

static void test_bad_files(void **state)
{
	struct scratch *scratch = *state;
	unsigned char bytes[16] = {200, 0, 0, 0, 0, 0, 0, 0, '{', '}'};

	expect_refusal(scratch, -ENOENT, scratch->dir, "no model.safetensors");
	scratch_write(scratch, file_name, "", 0);
	expect_refusal(scratch, -EINVAL, file_name, "empty");
	scratch_write(scratch, file_name, bytes, 7);
	expect_refusal(scratch, -EINVAL, file_name, "7 bytes are too few");
	scratch_write(scratch, file_name, bytes, 10);
	expect_refusal(scratch, -EINVAL, file_name, "header of 200 bytes reaches past");
	memset(bytes, 0xff, 8);
	scratch_write(scratch, file_name, bytes, 10);
	expect_refusal(scratch, -EINVAL, file_name, "reaches past the end");
	memset(bytes, 0, 8);
	scratch_write(scratch, file_name, bytes, 8);
	expect_refusal(scratch, -EINVAL, file_name, "not valid JSON");

	struct weights *weights;
	assert_int_equal(weights_open_file("/nonexistent/x", &weights), -ENOENT);
	scratch_expect(scratch, "/nonexistent/x", "no such file");
	assert_int_equal(weights_open_file(scratch->dir, &weights), -EINVAL);
	scratch_expect(scratch, scratch->dir, "not a regular file");

	/* A FIFO must be refused, not waited for. */
	char path[128];
	scratch_remove(scratch, file_name);
	snprintf(path, sizeof(path), "%s/%s", scratch->dir, file_name);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_refusal(scratch, -EINVAL, file_name, "not a regular file");
}

static const char shard_a[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
static const char shard_b[] = "{\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";

static void test_shards(void **state)
{
	struct scratch *scratch = *state;
	static const char index_name[] = "model.safetensors.index.json";
	struct weights *weights;

	scratch_write_safetensors(scratch, "1.safetensors", shard_a, 0, eight, 8);
	scratch_write_safetensors(scratch, "2.safetensors", shard_b, 0, eight + 4, 4);
	scratch_write_text(
		scratch, index_name,
		"{\"metadata\":{\"total_size\":12},\"weight_map\":{\"a\":\"1.safetensors\","
		"\"b\":\"2.safetensors\"}}");
	assert_int_equal(weights_open(scratch->dir, &weights), 0);
	assert_int_equal(weights_count(weights), 2);
	float out;
	tensor_read_f32(weights_find(weights, "b"), 0, 1, &out);
	assert_true(out == 4);
	weights_close(weights);

	static const struct {
		const char *index, *file, *what;
	} cases[] = {
		{"{}", index_name, "'weight_map' is not an object"},
		{"{\"weight_map\":{}}", index_name, "names 0 files"},
		{"{\"weight_map\":{\"a\":1}}", index_name, "'a': no file name"},
		{"{\"weight_map\":{\"a\":\"../1.safetensors\"}}", index_name, "'a': no file name"},
		{"{\"weight_map\":{\"a\":\"..\"}}", index_name, "'a': no file name"},
		{"{\"weight_map\":{\"a\":\"3.safetensors\"}}", "3.safetensors", "is missing"},
		{"{\"weight_map\":{\"a\":\"1.safetensors\",\"c\":\"1.safetensors\"}}", index_name,
		 "'c' is not in 1.safetensors"},
		{"{\"weight_map\":{\"a\":\"2.safetensors\",\"b\":\"1.safetensors\"}}", index_name,
		 "'a' is not in 2.safetensors"},
		{"{\"weight_map\":{\"a\":\"1.safetensors\",\"c\":\"2.safetensors\"}}", index_name,
		 "'c' is not in"},
		{"{\"weight_map\":{\"b\":\"2.safetensors\"", index_name, "not valid JSON"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		scratch_write_text(scratch, index_name, cases[i].index);
		expect_refusal(scratch, -EINVAL, cases[i].file, cases[i].what);
	}

	scratch_write_safetensors(
		scratch, "2.safetensors",
		"{\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
		"\"extra\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
		0, eight, 8);
	scratch_write_text(scratch, index_name,
			   "{\"weight_map\":{\"a\":\"1.safetensors\",\"b\":\"2.safetensors\"}}");
	expect_refusal(scratch, -EINVAL, "2.safetensors", "'extra' is not in the index");
	scratch_write_safetensors(scratch, "2.safetensors", shard_a, 0, eight, 8);
	expect_refusal(scratch, -EINVAL, "safetensors", "'a' is also in");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_unaligned_data_in_any_order, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_requirements, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_bad_entries, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_overlap_holes_and_duplicates, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_bad_files, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_shards, scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests_name("safetensors", tests, NULL, NULL);
}
