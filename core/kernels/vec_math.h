/*
 * exp, tanh and the activations over vec.h. Polynomials are minimax fits made
 * for this file (relative error in exact arithmetic given beside each); what is
 * left is rounding, one to two units in the last place.
 */
#ifndef HEARD_KERNELS_VEC_MATH_H
#define HEARD_KERNELS_VEC_MATH_H

#include "core/kernels/vec.h"

/* exp(x) = 2^n exp(r), r = x - n ln 2 in +-0.35. Returns exp(r), gives n. */
static ALWAYS_INLINE vec exp_reduced(vec x, vec *n)
{
	*n = vec_round(vec_mul(x, vec_all(1.44269504088896340736f)));
	/* ln 2 in two parts; n times the first is exact. */
	vec r = vec_fma(*n, vec_all(-0.693359375f), x);
	r = vec_fma(*n, vec_all(2.12194440e-4f), r);

	/* 1 + r + r^2 p(r), 4e-9 */
	vec p = vec_all(0.0013950489228591323f);
	p = vec_fma(p, r, vec_all(0.008368889801204205f));
	p = vec_fma(p, r, vec_all(0.04166620597243309f));
	p = vec_fma(p, r, vec_all(0.166665181517601f));
	p = vec_fma(p, r, vec_all(0.5f));
	return vec_add(vec_fma(p, vec_mul(r, r), r), vec_all(1.0f));
}

/* For x in [-87, 88], where the result and its scale are normal numbers. */
static ALWAYS_INLINE vec exp_normal(vec x)
{
	vec n;
	vec p = exp_reduced(x, &n);

	return vec_scale(p, n);
}

/* For x <= 0, as in a softmax: 0 where the result would be no normal number. */
static ALWAYS_INLINE vec exp_below(vec x)
{
	const vec least = vec_all(-87.336f);

	return vec_if_less(x, least, vec_all(0.0f), exp_normal(vec_max(least, x)));
}

/* For any x: overflows to infinity, underflows through denormals to 0. */
static ALWAYS_INLINE vec exp_any(vec x)
{
	vec n;

	/* exp(-106) is 0 and exp(89) infinity already. */
	x = vec_min(vec_all(89.0f), vec_max(vec_all(-106.0f), x));
	vec p = exp_reduced(x, &n);
	/* 2^n itself may not be representable, its two halves are. */
	vec half = vec_round(vec_mul(n, vec_all(0.5f)));
	return vec_scale(vec_scale(p, half), vec_sub(n, half));
}

static ALWAYS_INLINE vec tanh_any(vec x)
{
	const vec one = vec_all(1.0f), two = vec_all(2.0f), zero = vec_all(0.0f);
	vec a = vec_min(vec_all(10.0f), vec_abs(x)); /* tanh(10) is 1 */

	/* 1 - 2 / (exp(2a) + 1) cancels for small a. */
	vec large = vec_sub(one, vec_div(two, vec_add(exp_normal(vec_mul(two, a)), one)));
	large = vec_if_less(x, zero, vec_sub(zero, large), large);

	/* x + x^3 p(x^2) up to 0.625, 5e-9 */
	vec t = vec_mul(x, x);
	vec p = vec_all(-0.005717036779969931f);
	p = vec_fma(p, t, vec_all(0.020650578662753105f));
	p = vec_fma(p, t, vec_all(-0.05374349653720856f));
	p = vec_fma(p, t, vec_all(0.13331490755081177f));
	p = vec_fma(p, t, vec_all(-0.3333328366279602f));
	vec small = vec_fma(vec_mul(p, t), x, x);
	return vec_if_less(a, vec_all(0.625f), small, large);
}

static ALWAYS_INLINE vec act_linear(vec x)
{
	return x;
}

/*
 * x Phi(x) = max(x, 0) - a Phi(-a) with a = |x|: the second term is at most 0.17,
 * needs no great precision, and nothing cancels. Beyond A = 5.7 it is below 3.5e-8.
 * Up to there it is a (A - a)^2 q(a), q a polynomial in 2a / A - 1, which stays in
 * [-1, 1]; the square keeps rounding errors small where the term is small. Absolute
 * error 3.6e-8 in exact arithmetic. There is no exponential and no division in it.
 */
static ALWAYS_INLINE vec act_gelu(vec x)
{
	const vec zero = vec_all(0.0f), end = vec_all(5.7f);
	vec a = vec_min(end, vec_abs(x));
	vec d = vec_sub(end, a);
	vec s = vec_fma(a, vec_all(2.0f / 5.7f), vec_all(-1.0f));

	/* -q */
	vec q = vec_all(-0.000568824529f);
	q = vec_fma(q, s, vec_all(0.000269361364f));
	q = vec_fma(q, s, vec_all(0.00254621566f));
	q = vec_fma(q, s, vec_all(-0.0022224728f));
	q = vec_fma(q, s, vec_all(-0.00410500681f));
	q = vec_fma(q, s, vec_all(0.00683224015f));
	q = vec_fma(q, s, vec_all(0.000121759571f));
	q = vec_fma(q, s, vec_all(-0.00884754956f));
	q = vec_fma(q, s, vec_all(0.00889410265f));
	q = vec_fma(q, s, vec_all(-3.16121659e-05f));
	q = vec_fma(q, s, vec_all(-0.0085364338f));
	q = vec_fma(q, s, vec_all(0.00982085243f));
	q = vec_fma(q, s, vec_all(-0.00577802863f));
	q = vec_fma(q, s, vec_all(0.00187327748f));
	q = vec_fma(q, s, vec_all(-0.000269124313f));
	return vec_fma(vec_mul(vec_mul(a, d), d), q, vec_if_less(x, zero, zero, x));
}

static ALWAYS_INLINE vec act_gelu_tanh(vec x)
{
	vec cube = vec_mul(vec_mul(x, x), x);
	vec u = vec_mul(vec_all(0.79788456080286535588f), vec_fma(vec_all(0.044715f), cube, x));

	return vec_mul(vec_mul(vec_all(0.5f), x), vec_add(vec_all(1.0f), tanh_any(u)));
}

static ALWAYS_INLINE vec act_relu(vec x)
{
	const vec zero = vec_all(0.0f);
	return vec_if_less(x, zero, zero, x);
}

static ALWAYS_INLINE vec act_relu6(vec x)
{
	const vec six = vec_all(6.0f);
	vec y = act_relu(x);
	return vec_if_less(six, y, six, y);
}

static ALWAYS_INLINE vec act_selu(vec x)
{
	const vec zero = vec_all(0.0f);
	const float alpha = 1.6732632423543772848170429916717f;
	const float scale = 1.0507009873554804934193349852946f;
	vec below = vec_mul(vec_all(alpha), vec_sub(exp_any(x), vec_all(1.0f)));

	return vec_mul(vec_all(scale), vec_if_less(x, zero, below, x));
}

static ALWAYS_INLINE vec act_sigmoid(vec x)
{
	const vec one = vec_all(1.0f);
	return vec_div(one, vec_add(one, exp_any(vec_sub(vec_all(0.0f), x))));
}

static ALWAYS_INLINE vec act_silu(vec x)
{
	vec e = exp_any(vec_sub(vec_all(0.0f), x));
	return vec_div(x, vec_add(vec_all(1.0f), e));
}

static ALWAYS_INLINE vec act_quick_gelu(vec x)
{
	vec e = exp_any(vec_mul(vec_all(-1.702f), x));
	return vec_div(x, vec_add(vec_all(1.0f), e));
}

/* tanh(log(1 + e)) = m / (m + 2) with e = exp(x), m = e (e + 2). Beyond 20 it is
 * 1, and e^2 would overflow. */
static ALWAYS_INLINE vec act_mish(vec x)
{
	const vec two = vec_all(2.0f);
	vec e = exp_any(vec_min(vec_all(20.0f), x));
	vec m = vec_mul(e, vec_add(e, two));

	return vec_mul(x, vec_div(m, vec_add(m, two)));
}

#endif
