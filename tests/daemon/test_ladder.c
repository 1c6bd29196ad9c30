/* The ladder: one rung at a time, up at once, down after calm. */
#include "daemon/ladder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_up(void **state)
{
	(void)state;
	struct ladder ladder = {0};

	assert_false(ladder_note(&ladder, LADDER_UP_MS));
	assert_true(ladder_note(&ladder, LADDER_UP_MS + 1));
	assert_int_equal(ladder.rung, LADDER_LARGE_CHUNKS);
	assert_int_equal(ladder.active, LADDER_NONE);
	/* No further rung before this one was tried. */
	assert_false(ladder_note(&ladder, 10 * LADDER_UP_MS));
	assert_false(ladder_utterance(&ladder));
	assert_int_equal(ladder.active, LADDER_LARGE_CHUNKS);

	for (int rung = LADDER_NO_PARTIALS; rung < LADDER_RUNGS; rung++) {
		assert_true(ladder_note(&ladder, 10 * LADDER_UP_MS));
		assert_int_equal(ladder.rung, rung);
		ladder_utterance(&ladder);
	}
	assert_false(ladder_note(&ladder, 100 * LADDER_UP_MS));
	assert_int_equal(ladder.active, LADDER_FINALS_ONLY);
}

static void test_down(void **state)
{
	(void)state;
	struct ladder ladder = {.rung = LADDER_NO_PARTIALS, .active = LADDER_NO_PARTIALS};

	for (int i = 1; i < LADDER_CALM; i++) {
		ladder_note(&ladder, 0);
		assert_false(ladder_utterance(&ladder));
	}
	/* One utterance that lags starts the count anew. */
	ladder_note(&ladder, LADDER_DOWN_MS + 1);
	assert_false(ladder_utterance(&ladder));
	for (int i = 1; i < LADDER_CALM; i++)
		assert_false(ladder_utterance(&ladder));
	assert_true(ladder_utterance(&ladder));
	assert_int_equal(ladder.rung, LADDER_LARGE_CHUNKS);
	assert_int_equal(ladder.active, LADDER_NO_PARTIALS);
	ladder_utterance(&ladder);
	assert_int_equal(ladder.active, LADDER_LARGE_CHUNKS);

	struct ladder bottom = {0};
	for (int i = 0; i < 10 * LADDER_CALM; i++)
		assert_false(ladder_utterance(&bottom));
}

static void check_context(enum ladder_rung rung, long chunk_in, long chunk, long right)
{
	long l = 250, c = chunk_in, r = 16;

	ladder_context(rung, &l, &c, &r);
	assert_int_equal(l, 250);
	assert_int_equal(c, chunk);
	assert_int_equal(r, right);
}

static void test_context(void **state)
{
	(void)state;
	check_context(LADDER_NONE, 16, 16, 16);
	check_context(LADDER_LARGE_CHUNKS, 16, 64, 16);
	check_context(LADDER_NO_PARTIALS, 16, 64, 0);
	check_context(LADDER_FINALS_ONLY, 16, LADDER_LONGEST_CHUNK, 0);
	check_context(LADDER_LARGE_CHUNKS, 200, LADDER_LONGEST_CHUNK, 16);
	check_context(LADDER_FINALS_ONLY, -1, -1, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_up),
		cmocka_unit_test(test_down),
		cmocka_unit_test(test_context),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
