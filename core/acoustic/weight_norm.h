/*
 * The weight norm of the positional convolution, torch.nn.utils.weight_norm over
 * dim 2: w[:, :, j] = g[j] * v[:, :, j] / |v[:, :, j]|.
 */
#ifndef HEARD_ACOUSTIC_WEIGHT_NORM_H
#define HEARD_ACOUSTIC_WEIGHT_NORM_H

struct tensor;

/* g [1, 1, kernel] and v [out, in, kernel], of float types. Writes what each
 * kernel position of v is multiplied by, [kernel]. 0 or -ENOMEM. */
int weight_norm_factors(const struct tensor *g, const struct tensor *v, float *factors);

#endif
