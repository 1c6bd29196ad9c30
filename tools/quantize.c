/*
 * `heard-model quantize`: the directory once more, with its matrices in fewer
 * bits. What becomes of a tensor goes by its name (core/acoustic/weight_choice.h)
 * and through the functions that quantize at load, so that both give the same
 * model. The positional convolution's weight norm is folded in. Everything else
 * stays as it is.
 */
#include "core/kernels/quantize.h"
#include "core/acoustic/weight_choice.h"
#include "core/acoustic/weight_norm.h"
#include "core/base/half.h"
#include "core/base/log.h"
#include "core/kernels/microkernel.h"
#include "core/weights/json_file.h"
#include "core/weights/weights.h"
#include "tools/commands.h"
#include "tools/output_file.h"
#include "tools/safetensors_out.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_BYTES = 256, COPY_BYTES = 1 << 16 };

/* One tensor of the source and what is written for it. */
struct piece {
	const struct tensor *tensor; /* borrowed */
	const struct tensor *norm;   /* g of a weight norm that is folded in, or NULL */
	enum weight_type type;       /* WEIGHT_F32: as it is */
	enum dtype dtype;            /* of the values */
	int values, scales, factors; /* numbers in the output */
};

struct quantizer {
	const char *dir, *out_dir;
	enum weight_type type;
	struct weights *weights;      /* owned */
	struct safetensors_out *file; /* owned */
	struct piece *pieces;         /* owned */
	size_t n_pieces;
};

static size_t rows_of(const struct tensor *tensor)
{
	return tensor->n_dims > 0 ? tensor->dims[0] : 1;
}

static size_t row_length(const struct tensor *tensor)
{
	return rows_of(tensor) > 0 ? tensor_elements(tensor) / rows_of(tensor) : 0;
}

static size_t groups_of(size_t k)
{
	return (k + GROUP - 1) / GROUP;
}

/* ---- what is written: names, types, shapes ---- */

static bool ends_with(const char *name, const char *suffix)
{
	size_t length = strlen(name), tail = strlen(suffix);

	return length >= tail && strcmp(name + length - tail, suffix) == 0;
}

/* The two spellings of weight norm: g and v, and what they are replaced by. */
static const char *const norms[][2] = {
	{".weight_g", ".weight_v"},
	{".parametrizations.weight.original0", ".parametrizations.weight.original1"},
};

/* Where `tensor` is the v of a weight norm: its g and the name of the product. */
static const struct tensor *find_norm(const struct quantizer *q, const struct tensor *tensor,
				      char *name)
{
	char full[NAME_BYTES];

	for (size_t i = 0; i < 2; i++) {
		if (!ends_with(tensor->name, norms[i][1]))
			continue;
		int stem = (int)(strlen(tensor->name) - strlen(norms[i][1]));
		snprintf(full, sizeof(full), "%.*s%s", stem, tensor->name, norms[i][0]);
		snprintf(name, NAME_BYTES, "%.*s.weight", stem, tensor->name);
		return weights_find(q->weights, full);
	}
	return NULL;
}

static bool is_norm(const char *name)
{
	return strstr(name, "pos_conv_embed.conv.") &&
	       (ends_with(name, norms[0][0]) || ends_with(name, norms[1][0]));
}

static bool is_float(enum dtype dtype)
{
	return dtype == DTYPE_F32 || dtype == DTYPE_F16 || dtype == DTYPE_BF16 ||
	       dtype == DTYPE_F64;
}

static enum dtype dtype_of(enum weight_type type, enum dtype dtype)
{
	switch (type) {
	case WEIGHT_F16:
		return DTYPE_F16;
	case WEIGHT_BF16:
		return DTYPE_BF16;
	case WEIGHT_INT8:
		return DTYPE_I8;
	case WEIGHT_INT4:
		return DTYPE_U8;
	default:
		return dtype == DTYPE_F64 ? DTYPE_F32 : dtype;
	}
}

static int add(struct quantizer *q, const char *name, const char *suffix, enum dtype dtype,
	       size_t n_dims, const size_t *dims)
{
	char full[NAME_BYTES + 16];

	snprintf(full, sizeof(full), "%s%s", name, suffix);
	return safetensors_out_add(q->file, full, dtype, n_dims, dims);
}

static int declare(struct quantizer *q, const struct tensor *tensor)
{
	struct piece *piece = &q->pieces[q->n_pieces];
	char name[NAME_BYTES];
	enum matrix_role role;

	if (tensor->dtype == DTYPE_I8 || tensor->dtype == DTYPE_U8) {
		log_error("%s: tensor '%s' is quantized already", tensor->file, tensor->name);
		return -EINVAL;
	}
	/* Integers are what training counted. */
	if (!is_float(tensor->dtype) || is_norm(tensor->name))
		return 0;
	snprintf(name, sizeof(name), "%s", tensor->name);
	*piece = (struct piece){.tensor = tensor, .type = WEIGHT_F32};
	if (strstr(name, "pos_conv_embed.conv."))
		piece->norm = find_norm(q, tensor, name);
	if (weight_choice_role(name, tensor->n_dims, &role))
		piece->type = weight_choice_of(role, q->type);
	piece->dtype = dtype_of(piece->type, tensor->dtype);

	size_t rows = rows_of(tensor), k = row_length(tensor);
	if (piece->type == WEIGHT_INT4) {
		piece->values = add(q, name, "", piece->dtype, 2,
				    (size_t[]){rows, groups_of(k) * (GROUP / 2)});
		piece->factors =
			add(q, name, "_factor", DTYPE_F16, 2, (size_t[]){rows, groups_of(k)});
	} else {
		piece->values = add(q, name, "", piece->dtype, tensor->n_dims, tensor->dims);
	}
	if (piece->type == WEIGHT_INT4 || piece->type == WEIGHT_INT8)
		piece->scales = add(q, name, "_scale", DTYPE_F32, 1, &rows);
	q->n_pieces++;
	if (piece->values < 0)
		return piece->values;
	return piece->factors < 0 ? piece->factors : piece->scales < 0 ? piece->scales : 0;
}

/* ---- the data ---- */

/* Room for a row on its way. */
struct row {
	float *values, *taps;
	int8_t *codes;
	uint16_t *halves;
	unsigned char *bytes;
};

static void row_finish(struct row *row)
{
	free(row->values);
	free(row->taps);
	free(row->codes);
	free(row->halves);
	free(row->bytes);
}

static int row_init(struct row *row, size_t k)
{
	*row = (struct row){
		.values = malloc((k + 1) * sizeof(float)),
		.taps = malloc((k + 1) * sizeof(float)),
		.codes = calloc(groups_of(k) + 1, GROUP),
		.halves = malloc((k + 1) * sizeof(uint16_t)),
		.bytes = malloc((groups_of(k) + 1) * GROUP),
	};
	if (row->values && row->taps && row->codes && row->halves && row->bytes)
		return 0;
	row_finish(row);
	return -ENOMEM;
}

static int write_floats(struct quantizer *q, const struct piece *piece, struct row *row,
			size_t first, size_t count)
{
	const void *data = row->values;

	if (piece->dtype != DTYPE_F32) {
		for (size_t i = 0; i < count; i++)
			row->halves[i] = piece->dtype == DTYPE_F16
						 ? half_narrow_f16(row->values[i])
						 : half_narrow_bf16(row->values[i]);
		data = row->halves;
	}
	return safetensors_out_write(q->file, piece->values, first, data, count);
}

static int write_codes(struct quantizer *q, const struct piece *piece, struct row *row, size_t n,
		       size_t k)
{
	size_t groups = groups_of(k), bytes = groups * (GROUP / 2);
	float scale;
	int error;

	if (piece->type == WEIGHT_INT8) {
		quantize_int8(row->values, k, row->codes, &scale);
		error = safetensors_out_write(q->file, piece->values, n * k, row->codes, k);
	} else {
		quantize_int4(row->values, k, row->codes, row->halves, &scale);
		for (size_t i = 0; i < bytes; i++)
			row->bytes[i] = (unsigned char)((row->codes[2 * i] + 8) |
							(row->codes[2 * i + 1] + 8) << 4);
		error = safetensors_out_write(q->file, piece->values, n * bytes, row->bytes, bytes);
		if (!error)
			error = safetensors_out_write(q->file, piece->factors, n * groups,
						      row->halves, groups);
	}
	return error ? error : safetensors_out_write(q->file, piece->scales, n, &scale, 1);
}

static int write_piece(struct quantizer *q, const struct piece *piece)
{
	const struct tensor *tensor = piece->tensor;
	size_t rows = rows_of(tensor), k = row_length(tensor);
	size_t kernel = tensor->n_dims == 3 ? tensor->dims[2] : 1;
	struct row row;
	int error = row_init(&row, k > kernel ? k : kernel);

	if (error)
		return error;
	if (piece->norm)
		error = weight_norm_factors(piece->norm, tensor, row.taps);
	for (size_t n = 0; n < rows && !error; n++) {
		tensor_read_f32(tensor, n * k, k, row.values);
		for (size_t i = 0; piece->norm && i < k; i++)
			row.values[i] *= row.taps[i % kernel];
		if (piece->type == WEIGHT_INT8 || piece->type == WEIGHT_INT4)
			error = write_codes(q, piece, &row, n, k);
		else
			error = write_floats(q, piece, &row, n * k, k);
	}
	row_finish(&row);
	tensor_release(tensor);
	return error;
}

static int write_weights(struct quantizer *q)
{
	char path[4096];
	int error = weights_open(q->dir, &q->weights);

	if (error)
		return error;
	snprintf(path, sizeof(path), "%s/model.safetensors", q->out_dir);
	q->pieces = calloc(weights_count(q->weights) + 1, sizeof(*q->pieces));
	error = q->pieces ? safetensors_out_create(path, &q->file) : -ENOMEM;
	for (size_t i = 0; i < weights_count(q->weights) && !error; i++)
		error = declare(q, weights_at(q->weights, i));
	if (!error)
		error = safetensors_out_begin(q->file);
	for (size_t i = 0; i < q->n_pieces && !error; i++)
		error = write_piece(q, &q->pieces[i]);
	return error ? error : safetensors_out_finish(q->file);
}

/* ---- the files beside the weights ---- */

static int write_text(const char *dir, const char *name, const char *text)
{
	struct output_file file = {.fd = -1};
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int error = output_file_open(&file, path);
	if (!error)
		error = output_file_write(&file, text, strlen(text), 0);
	if (!error)
		error = output_file_finish(&file);
	output_file_close(&file);
	return error;
}

/* Says what happened where other programs look: they then refuse the directory
 * instead of misreading it. Plain halves need no word of ours. */
static int write_config(const struct quantizer *q)
{
	bool codes = q->type == WEIGHT_INT8 || q->type == WEIGHT_INT4;
	cJSON *config = NULL;
	int error = json_file_read(q->dir, "config.json", &config);

	if (error == -ENOENT)
		log_error("%s: no config.json", q->dir);
	if (error)
		return error;
	if (codes) {
		cJSON *about = cJSON_AddObjectToObject(config, "quantization_config");
		cJSON_AddStringToObject(about, "quant_method", "heard");
		cJSON_AddStringToObject(about, "weights", weight_type_name(q->type));
	} else {
		cJSON_DeleteItemFromObjectCaseSensitive(config, "torch_dtype");
		cJSON_AddStringToObject(config, "torch_dtype",
					q->type == WEIGHT_F16 ? "float16" : "bfloat16");
	}
	char *text = cJSON_Print(config);
	error = text ? write_text(q->out_dir, "config.json", text) : -ENOMEM;
	cJSON_free(text);
	cJSON_Delete(config);
	return error;
}

static int copy_file(const struct quantizer *q, const char *name)
{
	struct output_file file = {.fd = -1};
	char from[4096], to[4096];
	static char block[COPY_BYTES];
	size_t at = 0;
	ssize_t n = 0;
	int error = 0;

	snprintf(from, sizeof(from), "%s/%s", q->dir, name);
	snprintf(to, sizeof(to), "%s/%s", q->out_dir, name);
	int fd = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		error = -errno;
		log_error("%s: %s", from, strerror(-error));
		return error;
	}
	error = output_file_open(&file, to);
	while (!error && (n = read(fd, block, sizeof(block))) > 0) {
		error = output_file_write(&file, block, (size_t)n, at);
		at += (size_t)n;
	}
	if (!error && n < 0) {
		error = -errno;
		log_error("%s: %s", from, strerror(-error));
	}
	if (!error)
		error = output_file_finish(&file);
	output_file_close(&file);
	close(fd);
	return error;
}

/* What belongs to a model directory besides configuration and weights. */
static int copy_files(const struct quantizer *q)
{
	static const char *const patterns[] = {
		"preprocessor_config.json", "vocab.json",        "tokenizer_config.json",
		"special_tokens_map.json",  "added_tokens.json", "heard.json",
		"adapter.*.safetensors",    "README*",           "LICENSE*",
	};
	DIR *listing = opendir(q->dir);
	int error = 0;

	if (!listing) {
		error = -errno;
		log_error("%s: %s", q->dir, strerror(-error));
		return error;
	}
	for (struct dirent *entry; !error && (entry = readdir(listing));) {
		for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]) && !error; i++) {
			if (fnmatch(patterns[i], entry->d_name, 0) == 0)
				error = copy_file(q, entry->d_name);
		}
	}
	closedir(listing);
	return error;
}

/* A directory of its own: the source is still being read. */
static int make_directory(const struct quantizer *q)
{
	struct stat source, target;

	if (mkdir(q->out_dir, 0777) < 0 && errno != EEXIST) {
		int error = -errno;
		log_error("%s: %s", q->out_dir, strerror(-error));
		return error;
	}
	if (stat(q->dir, &source) == 0 && stat(q->out_dir, &target) == 0 &&
	    source.st_dev == target.st_dev && source.st_ino == target.st_ino) {
		log_error("%s: cannot be its own quantized directory", q->out_dir);
		return -EINVAL;
	}
	return 0;
}

static int run(const struct options *options)
{
	struct quantizer q = {
		.dir = options->arguments[0],
		.out_dir = options->arguments[1],
		.type = options->weights,
	};

	if (q.type == WEIGHT_AUTO || q.type == WEIGHT_F32) {
		log_error("--weights %s: quantize makes f16, bf16, int8 or int4",
			  weight_type_name(q.type));
		return EXIT_USAGE;
	}
	int error = make_directory(&q);
	if (!error)
		error = write_weights(&q);
	if (!error)
		error = copy_files(&q);
	if (!error)
		error = write_config(&q);
	safetensors_out_destroy(q.file);
	weights_close(q.weights);
	free(q.pieces);
	return error ? EXIT_FAILED : EXIT_DONE;
}

const struct command quantize_command = {
	.name = "quantize",
	.arguments = "DIR OUT --weights TYPE",
	.summary = "Writes a model directory once more with smaller weights.",
	.min_arguments = 2,
	.max_arguments = 2,
	.options = OPTION_WEIGHTS,
	.required = OPTION_WEIGHTS,
	.run = run,
};
