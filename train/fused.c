/*
 * What lies between the matrix products in training, each in one pass over
 * memory: PyTorch's own takes two thirds of a step's time on a CPU. ops.py
 * compiles this with the machine's compiler, and does without where there is
 * none.
 *
 * bfloat16 is the upper half of a float; sums run in float. Rows are
 * independent and shared among the threads that PyTorch was given.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef uint16_t bf16;

static inline float widen(bf16 x)
{
	union {
		uint32_t u;
		float f;
	} v = {(uint32_t)x << 16};
	return v.f;
}

static inline bf16 narrow(float x)
{
	union {
		float f;
		uint32_t u;
	} v = {x};
	return (bf16)((v.u + 0x7fff + (v.u >> 16 & 1)) >> 16);
}

/* Abramowitz and Stegun 7.1.26, 1.5e-7 absolute; gauss = exp(-x * x). */
static inline float error_function(float x, float gauss)
{
	float t = 1.0f / (1.0f + 0.3275911f * fabsf(x));
	float p = ((((1.061405429f * t - 1.453152027f) * t + 1.421413741f) * t - 0.284496736f) * t +
		   0.254829592f) *
		  t;
	return copysignf(1.0f - p * gauss, x);
}

void gelu_forward(const bf16 *x, bf16 *y, long n)
{
#pragma omp parallel for simd
	for (long i = 0; i < n; i++) {
		float v = widen(x[i]);
		float e = error_function(v * 0.70710678f, expf(-0.5f * v * v));
		y[i] = narrow(0.5f * v * (1.0f + e));
	}
}

void gelu_backward(const bf16 *x, const bf16 *dy, bf16 *dx, long n)
{
#pragma omp parallel for simd
	for (long i = 0; i < n; i++) {
		float v = widen(x[i]), gauss = expf(-0.5f * v * v);
		float e = error_function(v * 0.70710678f, gauss);
		dx[i] = narrow(widen(dy[i]) * (0.5f * (1.0f + e) + v * gauss * 0.39894228f));
	}
}

/* sum = x + keep * h, y = norm(sum). Without h (NULL) sum is x and not written. */
void add_norm_forward(const float *x, const bf16 *h, const bf16 *keep, const float *gamma,
		      const float *beta, float eps, float *sum, bf16 *y, float *mean, float *scale,
		      long rows, long d)
{
#pragma omp parallel for
	for (long r = 0; r < rows; r++) {
		const float *in = x + r * d;
		float m = 0, v = 0;

		if (h) {
			float *out = sum + r * d;
			const bf16 *hr = h + r * d, *kr = keep + r * d;

			for (long i = 0; i < d; i++)
				out[i] = in[i] + widen(hr[i]) * (keep ? widen(kr[i]) : 1.0f);
			in = out;
		}
		for (long i = 0; i < d; i++)
			m += in[i];
		m /= d;
		for (long i = 0; i < d; i++)
			v += (in[i] - m) * (in[i] - m);
		float s = 1.0f / sqrtf(v / d + eps);
		for (long i = 0; i < d; i++)
			y[r * d + i] = narrow((in[i] - m) * s * gamma[i] + beta[i]);
		mean[r] = m;
		scale[r] = s;
	}
}

/* From the gradients of sum (NULL: none) and y those of x, h (NULL: not
 * wanted), gamma and beta. */
void add_norm_backward(const float *sum, const float *dsum, const bf16 *dy, const bf16 *keep,
		       const float *gamma, const float *mean, const float *scale, float *dx,
		       bf16 *dh, float *dgamma, float *dbeta, long rows, long d)
{
	memset(dgamma, 0, d * sizeof(*dgamma));
	memset(dbeta, 0, d * sizeof(*dbeta));
#pragma omp parallel for reduction(+ : dgamma[:d], dbeta[:d])
	for (long r = 0; r < rows; r++) {
		const float *in = sum + r * d;
		const bf16 *g = dy + r * d;
		float m = mean[r], s = scale[r], a = 0, b = 0;

		for (long i = 0; i < d; i++) {
			float n = (in[i] - m) * s, w = widen(g[i]);

			dgamma[i] += w * n;
			dbeta[i] += w;
			a += w * gamma[i];
			b += w * gamma[i] * n;
		}
		a /= d;
		b /= d;
		for (long i = 0; i < d; i++) {
			float n = (in[i] - m) * s;
			float v = s * (widen(g[i]) * gamma[i] - a - n * b);

			dx[r * d + i] = dsum ? v + dsum[r * d + i] : v;
		}
		if (dh) {
			for (long i = 0; i < d; i++)
				dh[r * d + i] = narrow(dx[r * d + i] *
						       (keep ? widen(keep[r * d + i]) : 1.0f));
		}
	}
}

/*
 * Attention weights of windows side by side (model.py, WindowLayout). Row
 * (b, h, s, w) sees the chunk frames [s * chunk - left, (s + 1) * chunk) and
 * the `right` frames ahead of its own window, as far as the utterance has them.
 * near [batch * heads, steps * (chunk + right), keys] and ahead [..., right]
 * hold scores and get weights. One step with chunk = keys is full attention.
 */
struct view {
	long from, to, look;
};

static struct view view_of(long s, long chunk, long left, long right, long length, long keys)
{
	struct view v = {s * chunk > left ? s * chunk - left : 0, (s + 1) * chunk, 0};

	v.look = length - v.to;
	v.look = v.look < 0 ? 0 : v.look > right ? right : v.look;
	v.to = v.to > length ? length : v.to;
	v.to = v.to > keys ? keys : v.to;
	/* A window beyond the utterance sees one frame, or its weights would have no sum. */
	if (v.from >= v.to)
		v = (struct view){0, 1, 0};
	return v;
}

static void softmax_row(bf16 *near, bf16 *ahead, struct view v, long keys, long right)
{
	float most = -1e30f, sum = 0;

	for (long i = v.from; i < v.to; i++)
		most = fmaxf(most, widen(near[i]));
	for (long i = 0; i < v.look; i++)
		most = fmaxf(most, widen(ahead[i]));
	for (long i = v.from; i < v.to; i++)
		sum += expf(widen(near[i]) - most);
	for (long i = 0; i < v.look; i++)
		sum += expf(widen(ahead[i]) - most);
	sum = 1.0f / sum;
	memset(near, 0, v.from * sizeof(*near));
	for (long i = v.from; i < v.to; i++)
		near[i] = narrow(expf(widen(near[i]) - most) * sum);
	memset(near + v.to, 0, (keys - v.to) * sizeof(*near));
	for (long i = 0; i < v.look; i++)
		ahead[i] = narrow(expf(widen(ahead[i]) - most) * sum);
	memset(ahead + v.look, 0, (right - v.look) * sizeof(*ahead));
}

void softmax_forward(bf16 *near, bf16 *ahead, const int64_t *lengths, long batch, long heads,
		     long steps, long chunk, long left, long right, long keys)
{
	long width = chunk + right;

#pragma omp parallel for
	for (long row = 0; row < batch * heads * steps * width; row++) {
		long b = row / (heads * steps * width), s = row / width % steps;
		struct view v = view_of(s, chunk, left, right, lengths[b], keys);

		softmax_row(near + row * keys, ahead + row * right, v, keys, right);
	}
}

/* Turns the gradients of the weights into those of the scores, in place. */
void softmax_backward(const bf16 *near, const bf16 *ahead, bf16 *dnear, bf16 *dahead,
		      const int64_t *lengths, long batch, long heads, long steps, long chunk,
		      long left, long right, long keys)
{
	long width = chunk + right;

#pragma omp parallel for
	for (long row = 0; row < batch * heads * steps * width; row++) {
		long b = row / (heads * steps * width), s = row / width % steps;
		struct view v = view_of(s, chunk, left, right, lengths[b], keys);
		const bf16 *n = near + row * keys, *a = ahead + row * right;
		bf16 *dn = dnear + row * keys, *da = dahead + row * right;
		float sum = 0;

		for (long i = v.from; i < v.to; i++)
			sum += widen(n[i]) * widen(dn[i]);
		for (long i = 0; i < v.look; i++)
			sum += widen(a[i]) * widen(da[i]);
		memset(dn, 0, v.from * sizeof(*dn));
		for (long i = v.from; i < v.to; i++)
			dn[i] = narrow(widen(n[i]) * (widen(dn[i]) - sum));
		memset(dn + v.to, 0, (keys - v.to) * sizeof(*dn));
		for (long i = 0; i < v.look; i++)
			da[i] = narrow(widen(a[i]) * (widen(da[i]) - sum));
		memset(da + v.look, 0, (right - v.look) * sizeof(*da));
	}
}
