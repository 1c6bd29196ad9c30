#include "core/decode/lm_gzip.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

struct lm_gzip {
	z_stream stream;
	bool complete;
};

int lm_gzip_create(struct lm_gzip **out)
{
	struct lm_gzip *gzip = calloc(1, sizeof(*gzip));

	*out = NULL;
	if (gzip == NULL)
		return -ENOMEM;
	if (inflateInit2(&gzip->stream, MAX_WBITS + 16) != Z_OK) { /* + 16: gzip only */
		free(gzip);
		return -ENOMEM;
	}
	*out = gzip;
	return 0;
}

void lm_gzip_destroy(struct lm_gzip *gzip)
{
	if (gzip == NULL)
		return;
	inflateEnd(&gzip->stream);
	free(gzip);
}

bool lm_gzip_complete(const struct lm_gzip *gzip)
{
	return gzip->complete;
}

int lm_gzip_read(struct lm_gzip *gzip, const unsigned char *in, size_t *n_in, unsigned char *out,
		 size_t *n_out)
{
	z_stream *stream = &gzip->stream;
	size_t size_in = *n_in, size_out = *n_out;
	int rc;

	if (size_in > UINT_MAX || size_out > UINT_MAX)
		return -EINVAL;
	stream->next_in = (unsigned char *)(size_t)in;
	stream->avail_in = (unsigned)size_in;
	stream->next_out = out;
	stream->avail_out = (unsigned)size_out;
	while (stream->avail_out > 0) {
		if (gzip->complete) {
			if (stream->avail_in == 0)
				break;
			if (inflateReset(stream) != Z_OK)
				return -EINVAL;
			gzip->complete = false;
		}
		rc = inflate(stream, Z_NO_FLUSH);
		if (rc == Z_BUF_ERROR) /* wants more input */
			break;
		if (rc != Z_OK && rc != Z_STREAM_END)
			return -EINVAL;
		gzip->complete = rc == Z_STREAM_END;
	}
	*n_in = size_in - stream->avail_in;
	*n_out = size_out - stream->avail_out;
	return 0;
}
