/* The float ring: capacity, wrap of buffer and of indices, and two threads. */
#include "core/base/ring.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_capacity(void **state)
{
	(void)state;
	struct ring ring;

	assert_int_equal(ring_init(&ring, 100), 0);
	assert_int_equal(ring.capacity, 128);
	assert_int_equal(ring_writable(&ring), 128);
	assert_int_equal(ring_readable(&ring), 0);
	ring_finish(&ring);
	assert_int_equal(ring_init(&ring, 64), 0);
	assert_int_equal(ring.capacity, 64);
	ring_finish(&ring);
	assert_int_equal(ring_init(&ring, 0), 0);
	assert_int_equal(ring.capacity, 1);
	ring_finish(&ring);
	assert_int_equal(ring_init(&ring, SIZE_MAX), -ENOMEM);
	assert_int_equal(ring_init(&ring, SIZE_MAX / 2 + 1), -ENOMEM);
	ring_finish(&ring);
}

static void test_full_and_empty(void **state)
{
	(void)state;
	struct ring ring;
	float in[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
	float out[10] = {0};

	assert_int_equal(ring_init(&ring, 8), 0);
	assert_int_equal(ring_read(&ring, out, 10), 0);
	assert_int_equal(ring_write(&ring, in, 10), 8);
	assert_int_equal(ring_write(&ring, in, 1), 0);
	assert_int_equal(ring_writable(&ring), 0);
	assert_int_equal(ring_read(&ring, out, 3), 3);
	assert_memory_equal(out, in, 3 * sizeof(float));
	assert_int_equal(ring_write(&ring, in, 10), 3);
	assert_int_equal(ring_read(&ring, out, 10), 8);
	assert_memory_equal(out, in + 3, 5 * sizeof(float));
	assert_memory_equal(out + 5, in, 3 * sizeof(float));
	assert_int_equal(ring_read(&ring, out, 10), 0);
	ring_write(&ring, in, 5);
	ring_reset(&ring);
	assert_int_equal(ring_readable(&ring), 0);
	ring_finish(&ring);
}

static void test_regions(void **state)
{
	(void)state;
	struct ring ring;
	float *to;
	const float *from;

	assert_int_equal(ring_init(&ring, 8), 0);
	assert_int_equal(ring_write_region(&ring, &to), 8);
	for (int i = 0; i < 6; i++)
		to[i] = (float)i;
	ring_write_commit(&ring, 6);
	assert_int_equal(ring_read_region(&ring, &from), 6);
	assert_true(from[5] == 5.0F);
	ring_read_commit(&ring, 5);
	/* Two slots to the end, then five at the start. */
	assert_int_equal(ring_write_region(&ring, &to), 2);
	to[0] = 6.0F;
	to[1] = 7.0F;
	ring_write_commit(&ring, 2);
	assert_int_equal(ring_write_region(&ring, &to), 5);
	to[0] = 8.0F;
	ring_write_commit(&ring, 1);
	assert_int_equal(ring_read_region(&ring, &from), 3);
	assert_true(from[0] == 5.0F && from[2] == 7.0F);
	ring_read_commit(&ring, 3);
	assert_int_equal(ring_read_region(&ring, &from), 1);
	assert_true(from[0] == 8.0F);
	ring_read_commit(&ring, 1);
	assert_int_equal(ring_read_region(&ring, &from), 0);
	ring_finish(&ring);
}

/* The indices run over SIZE_MAX as if nothing were there. */
static void test_index_wrap(void **state)
{
	(void)state;
	struct ring ring;

	assert_int_equal(ring_init(&ring, 16), 0);
	atomic_store(&ring.head, SIZE_MAX - 20);
	atomic_store(&ring.tail, SIZE_MAX - 20);
	float next_in = 0, next_out = 0;
	for (int round = 0; round < 50; round++) {
		float in[7], out[7];
		for (int i = 0; i < 7; i++)
			in[i] = next_in++;
		assert_int_equal(ring_write(&ring, in, 7), 7);
		assert_int_equal(ring_readable(&ring), 7);
		assert_int_equal(ring_read(&ring, out, 7), 7);
		for (int i = 0; i < 7; i++)
			assert_true(out[i] == next_out++);
	}
	ring_finish(&ring);
}

/* A float counts exactly up to 2^24: every value tells its position. */
enum { THREADED_TOTAL = 1 << 21 };

static void *produce(void *arg)
{
	struct ring *ring = arg;
	float block[97];
	size_t done = 0;

	while (done < THREADED_TOTAL) {
		/* Copying and in-place writes, in turn and of odd sizes. */
		if (done % 3 == 0) {
			float *to;
			size_t n = ring_write_region(ring, &to);
			if (n > THREADED_TOTAL - done)
				n = THREADED_TOTAL - done;
			for (size_t i = 0; i < n; i++)
				to[i] = (float)(done + i);
			ring_write_commit(ring, n);
			done += n;
			if (n == 0)
				sched_yield();
			continue;
		}
		size_t n = 1 + done % 97;
		if (n > THREADED_TOTAL - done)
			n = THREADED_TOTAL - done;
		for (size_t i = 0; i < n; i++)
			block[i] = (float)(done + i);
		n = ring_write(ring, block, n);
		done += n;
		if (n == 0)
			sched_yield();
	}
	return NULL;
}

static void test_two_threads(void **state)
{
	(void)state;
	struct ring ring;
	pthread_t thread;
	size_t done = 0, wrong = 0;

	assert_int_equal(ring_init(&ring, 256), 0);
	assert_int_equal(pthread_create(&thread, NULL, produce, &ring), 0);
	while (done < THREADED_TOTAL) {
		float block[131];
		const float *from = block;
		size_t n;
		bool in_place = done % 2 == 0;
		if (in_place)
			n = ring_read_region(&ring, &from);
		else
			n = ring_read(&ring, block, 1 + done % 131);
		for (size_t i = 0; i < n; i++)
			wrong += from[i] != (float)(done + i);
		if (in_place)
			ring_read_commit(&ring, n);
		done += n;
		if (n == 0)
			sched_yield();
	}
	pthread_join(thread, NULL);
	assert_int_equal(wrong, 0);
	assert_int_equal(ring_readable(&ring), 0);
	ring_finish(&ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capacity),    cmocka_unit_test(test_full_and_empty),
		cmocka_unit_test(test_regions),     cmocka_unit_test(test_index_wrap),
		cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
