#include "core/base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct layout {
	char *a;
	double *b;
	char *c;
};

static void take(struct arena *arena, struct layout *layout)
{
	layout->a = arena_alloc(arena, 3);
	layout->b = arena_alloc_array(arena, 100, sizeof(*layout->b));
	layout->c = arena_alloc(arena, 65);
}

static void test_measured_size_is_what_the_layout_takes(void **state)
{
	(void)state;
	struct arena measuring = {0};
	struct layout layout;

	take(&measuring, &layout);
	assert_null(layout.a);
	assert_null(layout.b);
	assert_null(layout.c);
	assert_int_equal(measuring.used, 64 + 832 + 128);

	struct arena arena;
	assert_int_equal(arena_init(&arena, measuring.used), 0);
	take(&arena, &layout);
	assert_non_null(layout.a);
	assert_non_null(layout.b);
	assert_non_null(layout.c);
	assert_int_equal(arena.used, measuring.used);
	assert_null(arena_alloc(&arena, 1));
	arena_finish(&arena);
}

static void test_memory_is_aligned_zeroed_and_disjoint(void **state)
{
	(void)state;
	struct arena arena;
	unsigned char *previous = NULL;
	size_t previous_size = 0;

	assert_int_equal(arena_init(&arena, 64 * 1024), 0);
	for (size_t size = 0; size < 200; size++) {
		unsigned char *memory = arena_alloc(&arena, size);
		assert_non_null(memory);
		assert_int_equal((uintptr_t)memory % ARENA_ALIGNMENT, 0);
		assert_true(previous == NULL || memory >= previous + previous_size);
		for (size_t i = 0; i < size; i++) {
			assert_int_equal(memory[i], 0);
			memory[i] = 0xff;
		}
		previous = memory;
		previous_size = size;
	}
	arena_finish(&arena);
}

static void test_overflow_is_refused(void **state)
{
	(void)state;
	struct arena arena;
	struct arena measuring = {0};

	assert_int_equal(arena_init(&arena, 4096), 0);
	assert_null(arena_alloc_array(&arena, SIZE_MAX / 2, 3));
	assert_null(arena_alloc(&arena, SIZE_MAX));
	assert_null(arena_alloc(&arena, SIZE_MAX - 32));
	assert_int_equal(arena.used, 0);
	assert_non_null(arena_alloc(&arena, 4096));
	arena_finish(&arena);

	assert_null(arena_alloc(&measuring, 128));
	assert_null(arena_alloc(&measuring, SIZE_MAX - 150));
	assert_int_equal(measuring.used, 128);
}

static void test_large_arenas_keep_what_was_asked_for(void **state)
{
	(void)state;
	/* Rounded to huge pages inside; the whole of the request must be usable. */
	const size_t size = ((size_t)9 << 20) + 4096;
	struct arena arena;

	assert_int_equal(arena_init(&arena, size), 0);
	assert_true(arena.size >= size);
	unsigned char *memory = arena_alloc(&arena, size);
	assert_non_null(memory);
	memory[0] = 1;
	memory[size - 1] = 1;
	arena_finish(&arena);
}

static void test_impossible_and_empty_sizes(void **state)
{
	(void)state;
	struct arena arena;

	assert_true(arena_init(&arena, SIZE_MAX) < 0);
	assert_null(arena.base);
	arena_finish(&arena);

	assert_int_equal(arena_init(&arena, 0), 0);
	assert_non_null(arena.base);
	arena_finish(&arena);
	assert_null(arena.base);
	arena_finish(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_measured_size_is_what_the_layout_takes),
		cmocka_unit_test(test_memory_is_aligned_zeroed_and_disjoint),
		cmocka_unit_test(test_overflow_is_refused),
		cmocka_unit_test(test_large_arenas_keep_what_was_asked_for),
		cmocka_unit_test(test_impossible_and_empty_sizes),
	};
	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
