/*
 * From float weights to codes of 8 and 4 bits: at load, or for good by
 * `heard-model quantize`. Both go through here, so both give the same model.
 */
#ifndef HEARD_KERNELS_QUANTIZE_H
#define HEARD_KERNELS_QUANTIZE_H

#include <stddef.h>
#include <stdint.h>

/* codes[i] in [-127, 127], w[i] ~ codes[i] * *scale, with *scale = max |w| / 127
 * (0 for a row of zeros). Values that are not finite count as 0. */
void quantize_int8(const float *w, size_t k, int8_t *codes, float *scale);

/* codes[i] in [-8, 7], w[i] ~ codes[i] * factors[i / 32] * *scale. `factors` are
 * f16, one for each group of 32 (the last may be shorter), at most 1 in magnitude.
 * A group's largest value becomes code -8, or the factor is made a little smaller
 * where that lowers the squared error. */
void quantize_int4(const float *w, size_t k, int8_t *codes, uint16_t *factors, float *scale);

void dequantize_int8(const int8_t *codes, size_t k, float scale, float *w);
void dequantize_int4(const int8_t *codes, size_t k, const uint16_t *factors, float scale, float *w);

#endif
