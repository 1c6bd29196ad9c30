#include "core/decode/lm_gzip.h"

#include <errno.h>

int lm_gzip_create(struct lm_gzip **out)
{
	*out = NULL;
	return -ENOTSUP;
}

void lm_gzip_destroy(struct lm_gzip *gzip)
{
	(void)gzip;
}

bool lm_gzip_complete(const struct lm_gzip *gzip)
{
	(void)gzip;
	return true;
}

int lm_gzip_read(struct lm_gzip *gzip, const unsigned char *in, size_t *n_in, unsigned char *out,
		 size_t *n_out)
{
	(void)gzip;
	(void)in;
	(void)out;
	*n_in = *n_out = 0;
	return -EINVAL;
}
