/* pytorch_model.bin: both containers, the unpickler, and hostile ones of each. */
#include "core/weights/weights.h"
#include "tests/weights/scratch.h"
#include "tests/weights/torch_writer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char file_name[] = "pytorch_model.bin";
static const float data[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

static void refuse(struct scratch *scratch, int rc, const char *what)
{
	struct weights *weights;

	assert_int_equal(weights_open(scratch->dir, &weights), rc);
	assert_null(weights);
	scratch_expect(scratch, file_name, what);
}

/* An archive of this pickle and one storage "0" of twelve floats. */
static void write_archive(struct scratch *scratch, const struct bytes *pickle, int zip64)
{
	struct archive *archive = calloc(1, sizeof(*archive));

	assert_non_null(archive);
	archive_add(archive, "archive/data.pkl", pickle->data, pickle->n);
	archive_add(archive, "archive/byteorder", "little", 6);
	archive_add(archive, "archive/data/0", data, sizeof(data));
	archive_end(archive, zip64);
	scratch_write(scratch, file_name, archive->bytes.data, archive->bytes.n);
	free(archive);
}

/* A dictionary with one tensor "x" over the storage of twelve floats. */
static void write_tensor(struct scratch *scratch, const char *type, int32_t elements,
			 int32_t offset, size_t n_dims, const int32_t *dims, const int32_t *strides)
{
	struct bytes pickle = {.n = 0};

	pickle_ops(&pickle, "\x80\x02}");
	pickle_text(&pickle, "x");
	pickle_tensor(&pickle, type, "0", elements, offset, n_dims, dims, strides);
	pickle_ops(&pickle, "s.");
	write_archive(scratch, &pickle, 0);
}

static void check_tensor(struct scratch *scratch, const float *expected, size_t n)
{
	struct weights *weights;
	float out[16];

	assert_int_equal(weights_open(scratch->dir, &weights), 0);
	assert_int_equal(weights_count(weights), 1);
	const struct tensor *x = weights_find(weights, "x");
	assert_int_equal(tensor_elements(x), n);
	tensor_read_f32(x, 0, n, out);
	assert_memory_equal(out, expected, n * sizeof(float));
	weights_close(weights);
}

static void test_strides_and_offsets(void **state)
{
	struct scratch *scratch = *state;

	write_tensor(scratch, "FloatStorage", 12, 0, 2, (int32_t[]){3, 4}, (int32_t[]){4, 1});
	check_tensor(scratch, data, 12);
	write_tensor(scratch, "FloatStorage", 12, 0, 2, (int32_t[]){2, 3}, (int32_t[]){1, 4});
	check_tensor(scratch, (float[]){0, 4, 8, 1, 5, 9}, 6);
	write_tensor(scratch, "FloatStorage", 12, 5, 2, (int32_t[]){2, 2}, (int32_t[]){4, 2});
	check_tensor(scratch, (float[]){5, 7, 9, 11}, 4);
	write_tensor(scratch, "FloatStorage", 12, 11, 0, NULL, NULL);
	check_tensor(scratch, data + 11, 1);
	write_tensor(scratch, "FloatStorage", 12, 3, 2, (int32_t[]){2, 2}, (int32_t[]){0, 1});
	check_tensor(scratch, (float[]){3, 4, 3, 4}, 4);
	write_tensor(scratch, "FloatStorage", 12, 12, 2, (int32_t[]){0, 4}, (int32_t[]){4, 1});
	check_tensor(scratch, data, 0);
}

static void test_shapes_outside_the_storage(void **state)
{
	struct scratch *scratch = *state;
	static const struct {
		const char *type;
		int32_t elements, offset;
		int32_t dims[2], strides[2];
		const char *what;
	} cases[] = {
		{"FloatStorage", 12, 1, {3, 4}, {4, 1}, "'x' reaches outside"},
		{"FloatStorage", 12, 0, {3, 4}, {5, 1}, "'x' reaches outside"},
		{"FloatStorage", 12, 13, {0, 1}, {1, 1}, "'x' reaches outside"},
		{"FloatStorage", 12, -1, {1, 1}, {1, 1}, "'x' reaches outside"},
		{"FloatStorage", 12, 0, {-1, 1}, {1, 1}, "'x' has a size or stride"},
		{"FloatStorage", 12, 0, {1, 2}, {1, -1}, "'x' has a size or stride"},
		{"FloatStorage", 12, 0, {1 << 13, 1 << 13}, {0, 0}, "'x' has far more elements"},
		{"FloatStorage", 13, 0, {1, 1}, {1, 1}, "'x': its storage '0' of 13 elements has"},
		{"DoubleStorage", 12, 0, {1, 1}, {1, 1}, "'x': its storage '0' of 12 elements has"},
		{"FloatStorage", -1, 0, {1, 1}, {1, 1}, "'x': its storage '0' of -1 elements has"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_tensor(scratch, cases[i].type, cases[i].elements, cases[i].offset, 2,
			     cases[i].dims, cases[i].strides);
		refuse(scratch, -EINVAL, cases[i].what);
	}
	const int32_t nine[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
	write_tensor(scratch, "FloatStorage", 12, 0, 9, nine, nine);
	refuse(scratch, -EINVAL, "'x' has sizes and strides");
	const int32_t huge[3] = {INT32_MAX, INT32_MAX, INT32_MAX};
	write_tensor(scratch, "FloatStorage", 12, 0, 3, huge, (int32_t[]){0, 0, 0});
	refuse(scratch, -EINVAL, "'x' has a shape that overflows");
}

static void test_shared_storage_and_parameters(void **state)
{
	struct scratch *scratch = *state;
	struct bytes pickle = {.n = 0};
	struct weights *weights;

	/* An OrderedDict with attributes, a Parameter, two tensors of one storage. */
	pickle_ops(&pickle, "\x80\x02");
	pickle_global(&pickle, "collections", "OrderedDict");
	pickle_ops(&pickle, ")Rq\1(");
	pickle_item(&pickle, "a", "FloatStorage", "0", 12);
	pickle_text(&pickle, "b");
	pickle_global(&pickle, "torch._utils", "_rebuild_parameter");
	pickle_ops(&pickle, "(");
	pickle_tensor(&pickle, "FloatStorage", "0", 12, 4, 1, (int32_t[]){3}, (int32_t[]){1});
	pickle_ops(&pickle, "\x88");
	pickle_global(&pickle, "collections", "OrderedDict");
	pickle_ops(&pickle, ")RtRu}");
	pickle_text(&pickle, "_metadata");
	pickle_ops(&pickle, "h\1s");
	pickle_ops(&pickle, "b.");
	for (int zip64 = 0; zip64 < 2; zip64++) {
		write_archive(scratch, &pickle, zip64);
		assert_int_equal(weights_open(scratch->dir, &weights), 0);
		assert_int_equal(weights_count(weights), 2);
		const struct tensor *a = weights_find(weights, "a"),
				    *b = weights_find(weights, "b");
		assert_ptr_equal(b->data, a->data + 4 * sizeof(float));
		assert_int_equal(b->dims[0], 3);
		weights_close(weights);
	}
}

static void test_globals_and_opcodes_by_name(void **state)
{
	struct scratch *scratch = *state;
	static const struct {
		const char *pickle, *what;
		int rc;
	} cases[] = {
		{"\x80\x02"
		 "cos\nsystem\n(X\4\1\1\1idtR.",
		 "global 'os.system' is not on the list", -ENOTSUP},
		{"\x80\x04\x8c\2os\x8c\6system\x93.", "global 'os.system' is not on the list",
		 -ENOTSUP},
		{"ctorch.nn.modules.linear\nLinear\n.", "'torch.nn.modules.linear.Linear'",
		 -ENOTSUP},
		{"ctorch\nComplexFloatStorage\n.", "'torch.ComplexFloatStorage'", -ENOTSUP},
		{"(ios\nsystem\n.", "opcode INST (0x69)", -ENOTSUP},
		{"N\x81.", "opcode NEWOBJ (0x81)", -ENOTSUP},
		{"G.", "opcode BINFLOAT (0x47)", -ENOTSUP},
		{"\x82\1.", "opcode EXT1 (0x82)", -ENOTSUP},
		{"2.", "opcode DUP (0x32)", -ENOTSUP},
		{"~.", "opcode unknown (0x7e)", -ENOTSUP},
		{"\x80\x06.", "unknown pickle protocol", -EINVAL},
		{"}X", "ends inside an opcode", -EINVAL},
		{"}X\xff\xff\xff\xff", "ends inside an opcode", -EINVAL},
		{"\x8a\x05", "ends inside an opcode", -EINVAL},
		{"", "ends inside an opcode", -EINVAL},
		{"cos", "ends inside a name", -EINVAL},
		{".", "the stack is empty", -EINVAL},
		{"(.", "the stack is empty", -EINVAL},
		{"t.", "no mark on the stack", -EINVAL},
		{"NR.", "the stack is empty", -EINVAL},
		{"N)R.", "REDUCE of something", -EINVAL},
		{"ccollections\nOrderedDict\n(Nt)R.", "REDUCE of something", -EINVAL},
		{"ccollections\nOrderedDict\n(NtR.", "REDUCE of something", -EINVAL},
		{"ctorch\nFloatStorage\n)R.", "REDUCE of something", -EINVAL},
		{"ctorch._utils\n_rebuild_tensor_v2\n(NNNNNNtR.", "REDUCE of something", -EINVAL},
		{"ctorch._utils\n_rebuild_parameter\n(NNNtR.", "REDUCE of something", -EINVAL},
		{"NQ.", "persistent id", -EINVAL},
		{"(NNNNNtQ.", "persistent id", -EINVAL},
		{"N}b.", "BUILD of something", -EINVAL},
		{"(q\1.", "nothing on the stack", -EINVAL},
		{"Nr\xff\xff\xff\xff.", "memo index larger", -EINVAL},
		{"h\7.", "memo index that was never set", -EINVAL},
		{"NN\x93.", "a global whose name is no text", -EINVAL},
		{"](NNu.", "items for something", -EINVAL},
		{"}(NNe.", "items for something", -EINVAL},
		{"}(Nu.", "a key without a value", -EINVAL},
		{"].", "no dictionary of tensors", -EINVAL},
		{"N.", "no dictionary of tensors", -EINVAL},
		{"}NNs.", "a key that is no text", -EINVAL},
		/* A dictionary that holds itself. */
		{"}q\1\x8c\1xh\1s.", "'x' is not a tensor", -EINVAL},
		{"]q\1h\1a.", "no dictionary of tensors", -EINVAL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bytes pickle = {.n = 0};
		pickle_ops(&pickle, cases[i].pickle);
		write_archive(scratch, &pickle, 0);
		refuse(scratch, cases[i].rc, cases[i].what);
	}
}

static void test_storage_names(void **state)
{
	struct scratch *scratch = *state;
	struct bytes pickle = {.n = 0};

	pickle_ops(&pickle, "\x80\x02}");
	pickle_item(&pickle, "x", "FloatStorage", "7", 12);
	pickle_ops(&pickle, "s.");
	write_archive(scratch, &pickle, 0);
	refuse(scratch, -EINVAL, "'x': its storage '7' of 12 elements is missing");

	pickle.n = 0;
	pickle_ops(&pickle, "\x80\x02}(");
	pickle_item(&pickle, "x", "FloatStorage", "0", 12);
	pickle_item(&pickle, "x", "FloatStorage", "0", 12);
	pickle_ops(&pickle, "u.");
	write_archive(scratch, &pickle, 0);
	refuse(scratch, -EINVAL, "'x' is also in");
}

static void test_archives(void **state)
{
	struct scratch *scratch = *state;
	struct archive *archive = calloc(1, sizeof(*archive));
	static const struct {
		uint16_t method, flags;
		uint32_t size_lie;
		const char *name;
		const char *what;
		int rc;
	} cases[] = {
		{8, 0, 0, "a/data.pkl", "'a/data.pkl' is compressed (method 8)", -ENOTSUP},
		{0, 1, 0, "a/data.pkl", "'a/data.pkl' is encrypted", -ENOTSUP},
		{0, 0, 1000, "a/data.pkl", "'a/data.pkl': size or offset", -EINVAL},
		{0, 0, 0xfffffffd, "a/data.pkl", "'a/data.pkl': size or offset", -EINVAL},
		{0, 0, 100, "a/data.pkl", "local header at byte 0 is damaged", -EINVAL},
		{0, 0, 0, "a/other.pkl", "no data.pkl", -EINVAL},
		{0, 0, 0, "", "no data.pkl", -EINVAL},
	};

	assert_non_null(archive);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(archive, 0, sizeof(*archive));
		archive->method = cases[i].method;
		archive->flags = cases[i].flags;
		archive->size_lie = cases[i].size_lie;
		archive_add(archive, cases[i].name, "}.", 2);
		archive_end(archive, 0);
		scratch_write(scratch, file_name, archive->bytes.data, archive->bytes.n);
		refuse(scratch, cases[i].rc, cases[i].what);
	}

	memset(archive, 0, sizeof(*archive));
	archive_add(archive, "a/data.pkl", "}.", 2);
	archive_add(archive, "a/data.pkl", "}.", 2);
	archive_end(archive, 0);
	scratch_write(scratch, file_name, archive->bytes.data, archive->bytes.n);
	refuse(scratch, -EINVAL, "'a/data.pkl' appears twice");

	memset(archive, 0, sizeof(*archive));
	archive_add(archive, "a/data.pkl", "}.", 2);
	archive_add(archive, "b/data.pkl", "}.", 2);
	archive_end(archive, 0);
	scratch_write(scratch, file_name, archive->bytes.data, archive->bytes.n);
	refuse(scratch, -EINVAL, "more than one data.pkl");

	memset(archive, 0, sizeof(*archive));
	archive_add(archive, "a/data.pkl", "}.", 2);
	archive_add(archive, "a/byteorder", "big", 3);
	archive_end(archive, 0);
	scratch_write(scratch, file_name, archive->bytes.data, archive->bytes.n);
	refuse(scratch, -ENOTSUP, "byte order");

	/* Every truncation of a good file is refused, none of them crashes. */
	struct bytes pickle = {.n = 0};
	pickle_ops(&pickle, "\x80\x02}");
	pickle_item(&pickle, "x", "FloatStorage", "0", 12);
	pickle_ops(&pickle, "s.");
	memset(archive, 0, sizeof(*archive));
	archive_add(archive, "a/data.pkl", pickle.data, pickle.n);
	archive_add(archive, "a/data/0", data, sizeof(data));
	archive_end(archive, 1);
	for (size_t n = 0; n < archive->bytes.n; n++) {
		struct weights *weights;
		scratch_write(scratch, file_name, archive->bytes.data, n);
		assert_int_equal(weights_open(scratch->dir, &weights), -EINVAL);
		assert_int_equal(scratch->errors, 1);
		scratch_quiet(scratch);
	}
	free(archive);
}

/* The older format with tensors "x" (floats) and "y" (longs) of storages k1, k2. */
static void write_legacy(struct bytes *out, const char *first_key, uint64_t first_count)
{
	const int64_t longs[] = {-5, 6};

	out->n = 0;
	legacy_preamble(out);
	pickle_ops(out, "\x80\x02}(");
	pickle_item(out, "x", "FloatStorage", "k1", 12);
	pickle_item(out, "y", "LongStorage", "k2", 2);
	pickle_ops(out, "u.\x80\x02](");
	pickle_text(out, first_key);
	pickle_text(out, "k2");
	pickle_ops(out, "e.");
	bytes_add_number(out, first_count, 8);
	bytes_add(out, data, sizeof(data));
	bytes_add_number(out, 2, 8);
	bytes_add(out, longs, sizeof(longs));
}

static void test_legacy(void **state)
{
	struct scratch *scratch = *state;
	struct bytes file;
	struct weights *weights;
	float out[12];

	write_legacy(&file, "k1", 12);
	scratch_write(scratch, file_name, file.data, file.n);
	assert_int_equal(weights_open(scratch->dir, &weights), 0);
	tensor_read_f32(weights_find(weights, "x"), 0, 12, out);
	assert_memory_equal(out, data, sizeof(data));
	const struct tensor *y = weights_find(weights, "y");
	assert_int_equal(y->dtype, DTYPE_I64);
	tensor_read_f32(y, 0, 2, out);
	assert_true(out[0] == -5 && out[1] == 6);
	weights_close(weights);

	for (size_t n = 0; n < file.n; n++) {
		scratch_write(scratch, file_name, file.data, n);
		assert_int_equal(weights_open(scratch->dir, &weights), -EINVAL);
		assert_int_equal(scratch->errors, 1);
		scratch_quiet(scratch);
	}

	write_legacy(&file, "k1", 11);
	scratch_write(scratch, file_name, file.data, file.n);
	refuse(scratch, -EINVAL, "storage 'k1' of 11 elements (the pickle says 12)");
	write_legacy(&file, "k1", UINT64_MAX / 4 + 12);
	scratch_write(scratch, file_name, file.data, file.n);
	refuse(scratch, -EINVAL, "storage 'k1' of");
	write_legacy(&file, "k3", 12);
	scratch_write(scratch, file_name, file.data, file.n);
	refuse(scratch, -EINVAL, "storage key 0 belongs to no tensor");
	write_legacy(&file, "k2", 2);
	scratch_write(scratch, file_name, file.data, file.n);
	refuse(scratch, -EINVAL, "storage key 1 belongs to no tensor or comes twice");
}

static void test_legacy_preamble(void **state)
{
	struct scratch *scratch = *state;
	struct bytes file = {.n = 0};

	scratch_write(scratch, file_name, "hello", 5);
	refuse(scratch, -EINVAL, "neither a zip archive nor a pickle");
	scratch_write(scratch, file_name, "\x80\x02N.", 4);
	refuse(scratch, -EINVAL, "does not begin like");
	pickle_ops(&file, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.");
	size_t magic = file.n;
	pickle_ops(&file, "\x80\x02M\xe8\x03.");
	scratch_write(scratch, file_name, file.data, file.n);
	refuse(scratch, -EINVAL, "unknown version");
	file.n = magic;
	pickle_ops(&file, "\x80\x02M\xe9\x03.\x80\x02}");
	pickle_text(&file, "little_endian");
	pickle_ops(&file, "\x89s.");
	scratch_write(scratch, file_name, file.data, file.n);
	refuse(scratch, -EINVAL, "little-endian");
}

static void test_one_key_two_types(void **state)
{
	struct scratch *scratch = *state;
	struct bytes file = {.n = 0};
	static const char *const orders[][2] = {{"ByteStorage", "DoubleStorage"},
						{"DoubleStorage", "ByteStorage"}};

	for (size_t i = 0; i < 2; i++) {
		file.n = 0;
		legacy_preamble(&file);
		pickle_ops(&file, "\x80\x02}(");
		pickle_item(&file, "x", orders[i][0], "k", 4);
		pickle_item(&file, "y", orders[i][1], "k", 4);
		pickle_ops(&file, "u.\x80\x02](");
		pickle_text(&file, "k");
		pickle_ops(&file, "e.");
		bytes_add_number(&file, 4, 8);
		bytes_add(&file, data, 32);
		scratch_write(scratch, file_name, file.data, file.n);
		refuse(scratch, -EINVAL, "is described in two ways");
	}
}

static void test_shards(void **state)
{
	struct scratch *scratch = *state;
	struct bytes pickle = {.n = 0};
	struct weights *weights;

	pickle_ops(&pickle, "\x80\x02}");
	pickle_item(&pickle, "x", "FloatStorage", "0", 12);
	pickle_ops(&pickle, "s.");
	write_archive(scratch, &pickle, 0);
	scratch_write_text(scratch, "pytorch_model.bin.index.json",
			   "{\"weight_map\":{\"x\":\"part.bin\",\"y\":\"old.bin\"}}");
	char from[128], to[128];
	snprintf(from, sizeof(from), "%s/%s", scratch->dir, file_name);
	snprintf(to, sizeof(to), "%s/part.bin", scratch->dir);
	assert_int_equal(rename(from, to), 0);

	struct bytes old = {.n = 0};
	legacy_preamble(&old);
	pickle_ops(&old, "\x80\x02}");
	pickle_item(&old, "y", "HalfStorage", "k", 2);
	pickle_ops(&old, "s.\x80\x02]");
	pickle_text(&old, "k");
	pickle_ops(&old, "a.");
	bytes_add_number(&old, 2, 8);
	bytes_add_number(&old, 0x3c00c000, 4);
	scratch_write(scratch, "old.bin", old.data, old.n);

	assert_int_equal(weights_open(scratch->dir, &weights), 0);
	float out[2];
	tensor_read_f32(weights_find(weights, "y"), 0, 2, out);
	assert_true(out[0] == -2.0f && out[1] == 1.0f);
	weights_close(weights);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_strides_and_offsets, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_shapes_outside_the_storage, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_shared_storage_and_parameters, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_globals_and_opcodes_by_name, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_storage_names, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_archives, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_legacy, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_legacy_preamble, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_one_key_two_types, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_shards, scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests_name("torch_bin", tests, NULL, NULL);
}
