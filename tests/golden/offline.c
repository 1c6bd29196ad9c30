/* The offline pass, stage by stage, against expected.* and its kin. */
#include "core/acoustic/acoustic.h"
#include "core/decode/ctc_loss.h"
#include "core/decode/vocab.h"
#include "core/weights/weights.h"
#include "tests/golden/fixture.h"
#include "tests/golden/golden.h"
#include "tests/golden/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STAGES = 128 };

/* What the tap has seen of one stage. */
struct stage {
	char name[40];
	float *data; /* owned, [rows, columns] */
	size_t rows, columns;
};

struct stages {
	struct stage stage[MAX_STAGES];
	size_t n;
};

static void collect(void *ctx, const char *name, int layer, size_t first, const float *values,
		    size_t rows, size_t columns, size_t stride)
{
	struct stages *stages = ctx;
	struct stage *stage = stages->stage;
	char full[40];

	(void)first;
	if (layer >= 0)
		snprintf(full, sizeof(full), "%s.%d", name, layer);
	else
		snprintf(full, sizeof(full), "%s", name);
	while (stage < stages->stage + stages->n && strcmp(stage->name, full) != 0)
		stage++;
	if (stage == stages->stage + stages->n) {
		if (++stages->n > MAX_STAGES)
			fixture_die("more than %d stages", MAX_STAGES);
		*stage = (struct stage){.columns = columns};
		memcpy(stage->name, full, sizeof(full));
	}
	if (stage->columns != columns)
		fixture_die("%s comes in pieces of different widths", full);
	stage->data =
		realloc(stage->data, ((stage->rows + rows) * columns + 1) * sizeof(*stage->data));
	if (!stage->data)
		fixture_die("out of memory");
	for (size_t r = 0; r < rows; r++)
		memcpy(stage->data + (stage->rows + r) * columns, values + r * stride,
		       columns * sizeof(*values));
	stage->rows += rows;
}

static const struct stage *find_stage(const struct stages *stages, const char *name)
{
	for (size_t i = 0; i < stages->n; i++) {
		if (strcmp(stages->stage[i].name, name) == 0)
			return &stages->stage[i];
	}
	return NULL;
}

static void finish_stages(struct stages *stages)
{
	for (size_t i = 0; i < stages->n; i++)
		free(stages->stage[i].data);
}

/* One run of the offline pass and what is expected of it. */
struct run {
	const struct subject *subject;
	const char *label;
	const struct acoustic_offline *offline;
	const struct stages *stages;
	const struct weights *expected;
	const cJSON *json;
	const struct vocab *vocab;
	size_t width; /* of a row of the output */
};

static double activation_tolerance(const struct values *expected)
{
	return 5e-5 + 1e-5 * (double)values_max_abs(expected);
}

/* The fixture keeps the first frames of a conv layer, channel major. */
static void check_conv_head(const struct run *run, int layer)
{
	struct values expected;
	char name[40];

	snprintf(name, sizeof(name), "conv_out.%d", layer);
	const struct stage *stage = find_stage(run->stages, name);
	const char *label = report_name("%s: %s.head", run->label, name);

	fixture_values(run->expected, report_name("%s.head", name), &expected);
	size_t channels = expected.dims[0], frames = expected.dims[1];

	if (!stage || stage->columns != channels || stage->rows < frames) {
		report_failure(label, "the stage was not seen, or not as wide or long");
	} else {
		float *head = fixture_allocate(expected.n, sizeof(*head));

		for (size_t c = 0; c < channels; c++) {
			for (size_t f = 0; f < frames; f++)
				head[c * frames + f] = stage->data[f * channels + c];
		}
		report_close(label, expected.data, expected.n, head, expected.n,
			     activation_tolerance(&expected));
		free(head);
	}
	values_finish(&expected);
}

static void check_stage(const struct run *run, const char *name)
{
	const struct stage *stage = find_stage(run->stages, name);
	const char *label = report_name("%s: %s", run->label, name);
	struct values expected;
	double tolerance;

	fixture_values(run->expected, name, &expected);
	if (strcmp(name, "input_values") == 0)
		tolerance = TOLERANCE_INPUT;
	else if (strncmp(name, "attentions.", 11) == 0)
		tolerance = TOLERANCE_ATTENTION;
	else
		tolerance = activation_tolerance(&expected);
	if (stage)
		report_close(label, expected.data, expected.n, stage->data,
			     stage->rows * stage->columns, tolerance);
	else
		report_failure(label, "the stage was not seen");
	values_finish(&expected);
}

int golden_argmax(const float *row, size_t n, float *margin)
{
	size_t best = 0;
	float second = -INFINITY;

	for (size_t i = 1; i < n; i++) {
		if (row[i] > row[best]) {
			second = row[best];
			best = i;
		} else if (row[i] > second) {
			second = row[i];
		}
	}
	if (margin)
		*margin = row[best] - second;
	return (int)best;
}

static void check_argmax(const struct run *run, const struct values *logits)
{
	size_t frames = acoustic_offline_frames(run->offline);
	const float *output = acoustic_offline_output(run->offline);
	int *ids = fixture_allocate(frames, sizeof(*ids));
	int *wanted = fixture_allocate(frames, sizeof(*wanted));
	struct values argmax;

	if (!fixture_values(run->expected, "argmax", &argmax) || argmax.n != frames)
		fixture_die("%s: argmax is missing or of another length", run->label);
	for (size_t f = 0; f < frames; f++) {
		float margin;

		ids[f] = golden_argmax(output + f * run->width, run->width, NULL);
		(void)golden_argmax(logits->data + f * run->width, run->width, &margin);
		wanted[f] = margin > (float)MARGIN ? (int)argmax.data[f] : ids[f];
	}
	report_ints(report_name("%s: argmax", run->label), wanted, frames, ids, frames);
	if (run->vocab)
		check_texts(run->label, run->vocab, ids, frames, run->json);
	values_finish(&argmax);
	free(wanted);
	free(ids);
}

static void check_logits(const struct run *run)
{
	const float *labels = acoustic_offline_labels(run->offline);
	const char *name = report_name("%s: logits", run->label);
	struct values expected;

	fixture_values(run->expected, "logits", &expected);
	if (labels) {
		report_close(name, expected.data, expected.n, labels,
			     run->subject->config->n_labels, TOLERANCE_LOGITS);
	} else if (report_close(
			   name, expected.data, expected.n, acoustic_offline_output(run->offline),
			   acoustic_offline_frames(run->offline) * run->width, TOLERANCE_LOGITS)) {
		check_argmax(run, &expected);
	}
	values_finish(&expected);
}

static void check_classification(const struct run *run)
{
	const struct model_config *config = run->subject->config;
	const float *logits = acoustic_offline_labels(run->offline);
	const cJSON *probabilities = cJSON_GetObjectItem(run->json, "probabilities");
	float sum = 0;

	if (!logits || (size_t)cJSON_GetArraySize(probabilities) != config->n_labels) {
		report_failure(report_name("%s: probabilities", run->label), "no label logits");
		return;
	}
	int best = golden_argmax(logits, config->n_labels, NULL);
	float *expected = fixture_allocate(config->n_labels, sizeof(*expected));
	float *got = fixture_allocate(config->n_labels, sizeof(*got));

	for (size_t i = 0; i < config->n_labels; i++)
		sum += expf(logits[i] - logits[best]);
	for (size_t i = 0; i < config->n_labels; i++) {
		expected[i] = (float)cJSON_GetArrayItem(probabilities, (int)i)->valuedouble;
		got[i] = expf(logits[i] - logits[best]) / sum;
	}
	report_close(report_name("%s: probabilities", run->label), expected, config->n_labels, got,
		     config->n_labels, TOLERANCE_LOGITS);
	report_int(report_name("%s: label_id", run->label),
		   cJSON_GetObjectItem(run->json, "label_id")->valueint, best);
	report_text(report_name("%s: label", run->label),
		    cJSON_GetStringValue(cJSON_GetObjectItem(run->json, "label")),
		    config->labels[best]);
	free(got);
	free(expected);
}

static void check_loss(const struct run *run)
{
	const struct model_config *config = run->subject->config;
	const struct ctc_loss_options options = {
		.blank = config->pad_token_id,
		.mean = config->ctc_loss_mean,
		.zero_infinity = config->ctc_zero_infinity,
	};
	const char *name = report_name("%s: loss", run->label);
	size_t n;
	int *wanted = fixture_ints(cJSON_GetObjectItem(run->json, "labels"), &n);
	int *labels = NULL;
	double loss;

	int n_labels = vocab_encode(
		run->vocab, cJSON_GetStringValue(cJSON_GetObjectItem(run->json, "label_text")),
		&labels, NULL);
	report_ints(report_name("%s: labels", run->label), wanted, n, labels,
		    n_labels < 0 ? 0 : (size_t)n_labels);

	int error = ctc_loss(acoustic_offline_output(run->offline),
			     acoustic_offline_frames(run->offline), run->width, wanted, n, &options,
			     &loss);
	if (error < 0) {
		report_failure(name, "ctc_loss failed");
	} else {
		double expected = cJSON_GetObjectItem(run->json, "loss")->valuedouble;

		report_close(name, &(float){(float)expected}, 1, &(float){(float)loss}, 1,
			     TOLERANCE_LOSS * fabs(expected));
	}
	free(labels);
	free(wanted);
}

static void check_tensors(const struct run *run)
{
	for (size_t i = 0; i < weights_count(run->expected); i++) {
		const char *name = weights_at(run->expected, i)->name;
		int layer;

		if (sscanf(name, "conv_out.%d.head", &layer) == 1)
			check_conv_head(run, layer);
		else if (strcmp(name, "logits") == 0)
			check_logits(run);
		else if (strcmp(name, "argmax") != 0 && strcmp(name, "labels") != 0 &&
			 strcmp(name, "loss") != 0)
			check_stage(run, name); /* argmax comes with logits, the others below */
	}
	if (cJSON_GetObjectItem(run->json, "loss") && run->vocab)
		check_loss(run);
	if (cJSON_GetObjectItem(run->json, "label_id"))
		check_classification(run);
}

void check_offline(const struct subject *subject, const char *stem, const char *wav, int adapter,
		   const struct vocab *vocab)
{
	char *label = strdup(report_name("%s%s", subject->label, stem));
	cJSON *json = fixture_json(subject->dir, report_name("%s.json", stem));
	struct stages *stages = fixture_allocate(1, sizeof(*stages));
	const struct acoustic_tap tap = {
		.func = collect,
		.ctx = stages,
		.attentions = strncmp(stem, "attn", 4) == 0,
	};
	struct acoustic_offline *offline;
	size_t n;
	float *samples = fixture_samples(subject->dir, wav, &n);

	if (!label || acoustic_offline_create(subject->model, n, &offline) < 0 ||
	    acoustic_offline_begin(offline, samples, n, adapter, &tap) < 0)
		fixture_die("%s: the offline pass does not start", stem);
	while (acoustic_offline_advance(offline) > 0) {
	}

	report_int(report_name("%s: frames", label), cJSON_GetObjectItem(json, "frames")->valueint,
		   (long long)acoustic_offline_frames(offline));
	report_int(report_name("%s: config_frames", label),
		   cJSON_GetObjectItem(json, "frames")->valueint,
		   (long long)config_frames(subject->config, n));
	if (!cJSON_GetObjectItem(json, "error")) {
		const char *name = report_name("%s.safetensors", stem);
		struct weights *expected = fixture_tensors(subject->dir, name);
		const struct run run = {
			.subject = subject,
			.label = label,
			.offline = offline,
			.stages = stages,
			.expected = expected,
			.json = json,
			.vocab = vocab,
			.width = acoustic_model_output_size(subject->model, adapter),
		};

		check_tensors(&run);
		weights_close(expected);
	}
	acoustic_offline_destroy(offline);
	finish_stages(stages);
	free(stages);
	free(samples);
	cJSON_Delete(json);
	free(label);
}
