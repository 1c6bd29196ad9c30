#include "core/acoustic/weight_norm.h"

#include "core/weights/tensor.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

int weight_norm_factors(const struct tensor *g, const struct tensor *v, float *factors)
{
	size_t kernel = v->dims[2], rows = v->dims[0] * v->dims[1];
	double *squares = calloc(kernel, sizeof(*squares));
	float *row = malloc(kernel * sizeof(*row));

	if (squares == NULL || row == NULL) {
		free(squares);
		free(row);
		return -ENOMEM;
	}
	for (size_t i = 0; i < rows; i++) {
		tensor_read_f32(v, i * kernel, kernel, row);
		for (size_t j = 0; j < kernel; j++)
			squares[j] += (double)row[j] * row[j];
	}
	tensor_read_f32(g, 0, kernel, factors);
	for (size_t j = 0; j < kernel; j++)
		factors[j] = (float)(factors[j] / sqrt(squares[j]));
	free(squares);
	free(row);
	return 0;
}
