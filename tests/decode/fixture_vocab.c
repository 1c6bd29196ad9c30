#include "core/weights/tokenizer.h"
#include "tests/decode/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct vocab *fixture_vocab(const char *name, const char *language)
{
	struct tokenizer tokenizer;
	struct vocab *vocab;

	assert_int_equal(tokenizer_load(fixture_dir(name), language, &tokenizer), 0);
	assert_int_equal(vocab_create(&tokenizer, -1, &vocab), 0);
	tokenizer_finish(&tokenizer);
	return vocab;
}
