/*
 * From named tensors to what the kernels read: vectors as floats, linear layers
 * and convolutions as packed matrices, in the arena of the model.
 *
 * While the arena measures, shapes are checked and sizes are counted, and
 * nothing is read: binding runs twice, so the two can never disagree.
 */
#ifndef HEARD_ACOUSTIC_BIND_H
#define HEARD_ACOUSTIC_BIND_H

#include "core/base/arena.h"
#include "core/kernels/matrix.h"

#include <stddef.h>

struct kernels;
struct pool;
struct weights;

struct binder {
	struct weights *weights;                        /* borrowed */
	const struct kernels *kernels;                  /* borrowed */
	struct arena *arena;                            /* borrowed; measuring or real */
	struct pool *pool;                              /* borrowed; packs linear layers */
	const char *prefix;                             /* "hubert.", "wav2vec2." or "" */
	enum weight_type linear_type, convolution_type; /* what matrices are packed as */
};

struct linear {
	const struct matrix *w; /* [out, in] */
	const float *bias;      /* [out] */
	size_t out, in;
};

struct norm {
	const float *gamma, *beta; /* [n] */
	float eps;
};

/*
 * Each returns 0 or the negative errno of weights_require (logged there),
 * -EINVAL for a tensor that is no float type (logged), -ENOMEM. Names are
 * formed printf-like and prefixed with binder->prefix where `prefixed`.
 */
int bind_name(char *out, size_t size, const struct binder *binder, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

int bind_vector(const struct binder *binder, const char *name, size_t n_dims, const size_t *dims,
		const float **out);

/* NAME.weight [n] and NAME.bias [n]. */
int bind_norm(const struct binder *binder, const char *name, size_t n, float eps, struct norm *out);

/* NAME.weight [out, in] and NAME.bias [out]. */
int bind_linear(const struct binder *binder, const char *name, size_t out_size, size_t in_size,
		struct linear *out);

/*
 * Rows [first, first + n) of the convolution weight `name` [rows, in, kernel]
 * as a matrix [n, kernel * in], the order of time-major input. `tap_scale`
 * ([kernel], may be NULL) multiplies every kernel position: weight norm.
 */
int bind_convolution(const struct binder *binder, const char *name, size_t rows, size_t first,
		     size_t n, size_t in, size_t kernel, const float *tap_scale,
		     const struct matrix **out);

/* Whether the tensor is there at all, for the two spellings of weight norm. */
int bind_has(const struct binder *binder, const char *name);

enum { BIND_NAME_BYTES = 160 };

#endif
