/* A packed matrix, open to matrix.c and products.c only. */
#ifndef HEARD_KERNELS_MATRIX_PRIVATE_H
#define HEARD_KERNELS_MATRIX_PRIVATE_H

#include "core/kernels/matrix.h"

struct matrix {
	size_t n, k;
	enum weight_type type;
	const struct microkernel *micro; /* NULL for f32 */
	const unsigned char *panels;     /* [ceil(N / 16)] in the arena; NULL with OpenBLAS */
	size_t panel_bytes;              /* f32: [K][16] floats; else see microkernel.h */
	const float *scales;             /* [N rounded up to 16], codes only; else NULL */
	const float *row_major; /* [N, K], borrowed or in the arena; NULL without OpenBLAS */
};

#endif
