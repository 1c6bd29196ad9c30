/* Inflating gzip; with the feature zlib off lm_gzip_none.c stands in. */
#ifndef HEARD_DECODE_LM_GZIP_H
#define HEARD_DECODE_LM_GZIP_H

#include <stdbool.h>
#include <stddef.h>

struct lm_gzip;

/* 0, -ENOMEM, or -ENOTSUP in a build without zlib. */
int lm_gzip_create(struct lm_gzip **out);
void lm_gzip_destroy(struct lm_gzip *gzip);

/* Inflates from in[0..*n_in) to out[0..*n_out); both become what was used. One
 * member may follow another. 0 or -EINVAL (damaged). */
int lm_gzip_read(struct lm_gzip *gzip, const unsigned char *in, size_t *n_in, unsigned char *out,
		 size_t *n_out);
/* All members so far are complete: a file may end here. */
bool lm_gzip_complete(const struct lm_gzip *gzip);

#endif
