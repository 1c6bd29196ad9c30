/* A packed language model. Its checksums are set right first, or nothing but
 * them would be tried. What is accepted is used. */
#include "core/decode/lm_image.h"
#include "tests/fuzz/lm_walk.h"
#include "tests/fuzz/quiet.h"
#include "tests/fuzz/target.h"

#include <string.h>

static void seal(unsigned char *image, size_t size)
{
	struct lm_header header;
	struct lm_layout at;

	if (size < 2 * LM_ALIGNMENT) /* what the header takes */
		return;
	memcpy(&header, image, sizeof(header));
	if (header.order >= 1 && header.order <= LM_MAX_ORDER && lm_layout(&header, image, &at) &&
	    at.bytes == size)
		header.body_checksum = lm_body_checksum(&at, image);
	header.header_checksum = lm_header_checksum(&header);
	memcpy(image, &header, sizeof(header));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lm *lm = calloc(1, sizeof(*lm));
	unsigned char *image = malloc(size ? size : 1);

	quiet_log();
	walk_check(lm != NULL && image != NULL);
	if (size > 0)
		memcpy(image, data, size);
	seal(image, size);
	if (lm_adopt(lm, image, size, "fuzz") == 0)
		walk_lm(lm, (unsigned)size, 256);
	lm_close(lm);
	free(image);
	return 0;
}
