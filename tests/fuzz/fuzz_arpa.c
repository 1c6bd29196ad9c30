/* An ARPA text, plain or gzip. What is packed passes the check of packed files. */
#include "core/decode/lm_image.h"
#include "core/decode/lm_pack.h"
#include "core/decode/lm_text.h"
#include "tests/fuzz/lm_walk.h"
#include "tests/fuzz/quiet.h"
#include "tests/fuzz/target.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lm_text text;
	struct lm_packed packed;

	quiet_log();
	if (lm_text_open_memory(&text, data, size, "fuzz") < 0)
		return 0;
	if (lm_pack_text(&text, &packed) == 0) {
		struct lm *lm = calloc(1, sizeof(*lm));

		walk_check(lm != NULL);
		walk_check(lm_adopt(lm, packed.data, packed.size, "fuzz") == 0);
		walk_lm(lm, (unsigned)size, 64);
		lm->memory = packed.memory; /* lm_close frees it */
		lm_close(lm);
	}
	return 0;
}
