#include "core/kernels/packing.h"

#include "core/base/half.h"
#include "core/kernels/kernels.h"
#include "core/kernels/matrix.h"
#include "core/kernels/microkernel.h"
#include "core/kernels/quantize.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 64 };

static size_t round_up(size_t n, size_t unit)
{
	return (n + unit - 1) / unit * unit;
}

static bool has_codes(const struct microkernel *micro)
{
	return micro->type == WEIGHT_INT8 || micro->type == WEIGHT_INT4;
}

size_t packing_k(const struct microkernel *micro, size_t k)
{
	return round_up(k, has_codes(micro) ? GROUP : micro->interleave);
}

size_t packing_panel_bytes(const struct microkernel *micro, size_t k)
{
	size_t kp = packing_k(micro, k);

	switch (micro->type) {
	case WEIGHT_INT8:
		return kp * PANEL;
	case WEIGHT_INT4:
		return round_up(kp * PANEL / 2 + kp / GROUP * PANEL * sizeof(uint16_t), LINE_BYTES);
	default:
		return round_up(kp * PANEL * sizeof(uint16_t), LINE_BYTES);
	}
}

/* Sixteen rows on their way into one panel, all of them kp long. */
struct sixteen {
	size_t k, kp, groups;
	float *row;        /* [K] */
	uint16_t *halves;  /* [16][kp] */
	int8_t *codes;     /* [16][kp] */
	uint16_t *factors; /* [16][groups] */
};

static void sixteen_finish(struct sixteen *rows)
{
	free(rows->row);
	free(rows->halves);
	free(rows->codes);
	free(rows->factors);
}

static int sixteen_init(struct sixteen *rows, const struct microkernel *micro, size_t k)
{
	size_t kp = packing_k(micro, k), groups = kp / GROUP + 1;

	*rows = (struct sixteen){
		.k = k,
		.kp = kp,
		.groups = groups,
		.row = malloc((k + 1) * sizeof(float)),
		.halves = has_codes(micro) ? NULL : calloc(PANEL * (kp + 1), sizeof(uint16_t)),
		.codes = has_codes(micro) ? calloc(PANEL * (kp + 1), 1) : NULL,
		.factors = calloc(PANEL * groups, sizeof(uint16_t)),
	};
	if (rows->row && rows->factors && (rows->halves || rows->codes))
		return 0;
	sixteen_finish(rows);
	return -ENOMEM;
}

static void read_halves(struct sixteen *rows, const struct microkernel *micro,
			const struct matrix_source *source, size_t n, size_t c)
{
	uint16_t *halves = rows->halves + c * rows->kp;

	source->read_row(source->ctx, n, rows->row);
	if (micro->type == WEIGHT_F16)
		for (size_t i = 0; i < rows->k; i++)
			halves[i] = half_narrow_f16(rows->row[i]);
	else
		for (size_t i = 0; i < rows->k; i++)
			halves[i] = half_narrow_bf16(rows->row[i]);
}

static void read_codes(struct sixteen *rows, const struct microkernel *micro,
		       const struct matrix_source *source, size_t n, size_t c, float *scale)
{
	struct code_row out = {
		.codes = rows->codes + c * rows->kp,
		.factors = rows->factors + c * rows->groups,
		.scale = scale,
	};

	if (source->read_codes && source->coded == micro->type) {
		source->read_codes(source->ctx, n, &out);
		return;
	}
	source->read_row(source->ctx, n, rows->row);
	if (micro->type == WEIGHT_INT8)
		quantize_int8(rows->row, rows->k, out.codes, scale);
	else
		quantize_int4(rows->row, rows->k, out.codes, out.factors, scale);
}

/* A column that there is not: zeros. */
static void clear_column(struct sixteen *rows, size_t c, float *scale)
{
	if (rows->halves)
		memset(rows->halves + c * rows->kp, 0, rows->kp * sizeof(uint16_t));
	if (rows->codes)
		memset(rows->codes + c * rows->kp, 0, rows->kp);
	memset(rows->factors + c * rows->groups, 0, rows->groups * sizeof(uint16_t));
	if (scale)
		*scale = 0.0f;
}

static void write_halves(const struct sixteen *rows, size_t g, uint16_t *out)
{
	for (size_t i = 0; i < rows->kp; i += g) {
		for (size_t c = 0; c < PANEL; c++, out += g)
			memcpy(out, rows->halves + c * rows->kp + i, g * sizeof(uint16_t));
	}
}

static void write_int8(const struct sixteen *rows, size_t g, int offset, unsigned char *out)
{
	/* + 128 in a byte is a flip of its highest bit. */
	const unsigned char flip = offset ? 0x80 : 0;

	for (size_t i = 0; i < rows->kp; i += g) {
		const int8_t *from = rows->codes + i;
		for (size_t c = 0; c < PANEL; c++, out += g, from += rows->kp) {
			if (g == 4) {
				/* The most common one, a word at a time: loading time. */
				uint32_t word;
				memcpy(&word, from, sizeof(word));
				word ^= flip * 0x01010101u;
				memcpy(out, &word, sizeof(word));
				continue;
			}
			for (size_t j = 0; j < g; j++)
				out[j] = (unsigned char)from[j] ^ flip;
		}
	}
}

static void write_int4(const struct sixteen *rows, size_t g, unsigned char *out)
{
	for (size_t i = 0; i < rows->kp; i += 2 * g) {
		for (size_t c = 0; c < PANEL; c++, out += g) {
			const int8_t *low = rows->codes + c * rows->kp + i, *high = low + g;
			if (g == 4) {
				/* Code + 8 is its low half with the sign flipped. */
				uint32_t a, b;
				memcpy(&a, low, sizeof(a));
				memcpy(&b, high, sizeof(b));
				a = (a & 0x0f0f0f0fu) ^ 0x08080808u;
				b = (b & 0x0f0f0f0fu) ^ 0x08080808u;
				a |= b << 4;
				memcpy(out, &a, sizeof(a));
				continue;
			}
			for (size_t j = 0; j < g; j++)
				out[j] = (unsigned char)((low[j] + 8) | (high[j] + 8) << 4);
		}
	}
	for (size_t i = 0; i < rows->kp / GROUP; i++) {
		for (size_t c = 0; c < PANEL; c++, out += sizeof(uint16_t))
			memcpy(out, &rows->factors[c * rows->groups + i], sizeof(uint16_t));
	}
}

void packing_run(const struct matrix_source *source, size_t tasks, pool_func func, void *ctx)
{
	if (source->pool) {
		pool_run(source->pool, tasks, func, ctx);
		return;
	}
	for (size_t task = 0; task < tasks; task++)
		func(ctx, task, 0);
}

unsigned packing_workers(const struct matrix_source *source)
{
	return source->pool ? pool_threads(source->pool) : 1;
}

struct pack_job {
	const struct microkernel *micro;
	const struct matrix_source *source;
	unsigned char *panels;
	size_t panel_bytes;
	float *scales;
	struct sixteen *rows; /* [workers] */
};

static void pack_panel(void *ctx, size_t task, unsigned worker)
{
	const struct pack_job *job = ctx;
	const struct microkernel *micro = job->micro;
	unsigned char *panel = job->panels + task * job->panel_bytes;
	struct sixteen *rows = &job->rows[worker];
	size_t first = task * PANEL;

	for (size_t c = 0; c < PANEL; c++) {
		float *scale = job->scales ? job->scales + first + c : NULL;

		if (first + c >= job->source->n)
			clear_column(rows, c, scale);
		else if (has_codes(micro))
			read_codes(rows, micro, job->source, first + c, c, scale);
		else
			read_halves(rows, micro, job->source, first + c, c);
	}
	switch (micro->type) {
	case WEIGHT_INT8:
		write_int8(rows, micro->interleave, micro->offset, panel);
		break;
	case WEIGHT_INT4:
		write_int4(rows, micro->interleave, panel);
		break;
	default:
		write_halves(rows, micro->interleave, (uint16_t *)(void *)panel);
		break;
	}
}

int packing_pack(const struct microkernel *micro, const struct matrix_source *source,
		 unsigned char *panels, float *scales)
{
	unsigned workers = packing_workers(source), ready = 0;
	struct pack_job job = {
		.micro = micro,
		.source = source,
		.panels = panels,
		.panel_bytes = packing_panel_bytes(micro, source->k),
		.scales = scales,
		.rows = calloc(workers, sizeof(*job.rows)),
	};

	while (job.rows && ready < workers && sixteen_init(&job.rows[ready], micro, source->k) == 0)
		ready++;
	if (ready == workers)
		packing_run(source, (source->n + PANEL - 1) / PANEL, pack_panel, &job);
	for (unsigned i = 0; i < ready; i++)
		sixteen_finish(&job.rows[i]);
	free(job.rows);
	return ready == workers ? 0 : -ENOMEM;
}
