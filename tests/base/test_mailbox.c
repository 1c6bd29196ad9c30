/* The record ring: bounds, wrap with padding, alignment, and two threads. */
#include "core/base/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_empty_and_limit(void **state)
{
	(void)state;
	struct mailbox mailbox;
	unsigned char big[2048] = {0};
	size_t bytes;

	assert_int_equal(mailbox_init(&mailbox, 1000), 0);
	assert_int_equal(mailbox.capacity, 1024);
	assert_null(mailbox_peek(&mailbox, &bytes));
	size_t limit = mailbox_limit(&mailbox);
	assert_int_equal(limit, 512 - 16);
	assert_null(mailbox_reserve(&mailbox, limit + 1));
	assert_null(mailbox_reserve(&mailbox, SIZE_MAX));
	/* The promise of the limit, from every position. */
	for (int i = 0; i < 200; i++) {
		assert_true(mailbox_post(&mailbox, big, limit));
		assert_non_null(mailbox_peek(&mailbox, &bytes));
		assert_int_equal(bytes, limit);
		mailbox_release(&mailbox);
		assert_true(mailbox_post(&mailbox, NULL, 0));
		assert_non_null(mailbox_peek(&mailbox, &bytes));
		assert_int_equal(bytes, 0);
		mailbox_release(&mailbox);
	}
	mailbox_finish(&mailbox);
	assert_int_equal(mailbox_init(&mailbox, SIZE_MAX), -ENOMEM);
	mailbox_finish(&mailbox);
}

static void test_full(void **state)
{
	(void)state;
	struct mailbox mailbox;
	unsigned value = 0, expected = 0;

	assert_int_equal(mailbox_init(&mailbox, 256), 0);
	while (mailbox_post(&mailbox, &value, sizeof(value)))
		value++;
	assert_int_equal(value, 256 / 32);
	for (int round = 0; round < 100; round++) {
		unsigned *got = mailbox_peek(&mailbox, NULL);
		assert_non_null(got);
		assert_int_equal(*got, expected++);
		/* Peeking again gives the same record. */
		assert_ptr_equal(mailbox_peek(&mailbox, NULL), got);
		mailbox_release(&mailbox);
		assert_true(mailbox_post(&mailbox, &value, sizeof(value)));
		value++;
		assert_false(mailbox_post(&mailbox, &value, sizeof(value)));
	}
	mailbox_finish(&mailbox);
}

/* A reservation that is not committed is never seen, and its place is used
 * again. */
static void test_abandoned_reservation(void **state)
{
	(void)state;
	struct mailbox mailbox;
	size_t bytes;

	assert_int_equal(mailbox_init(&mailbox, 256), 0);
	for (int i = 0; i < 50; i++) {
		memset(mailbox_reserve(&mailbox, 90), 0xee, 90);
		assert_null(mailbox_peek(&mailbox, &bytes));
		char *place = mailbox_reserve(&mailbox, 3);
		assert_non_null(place);
		assert_int_equal((uintptr_t)place % 16, 0);
		memcpy(place, "ab", 3);
		mailbox_commit(&mailbox);
		assert_string_equal(mailbox_peek(&mailbox, &bytes), "ab");
		assert_int_equal(bytes, 3);
		mailbox_release(&mailbox);
	}
	mailbox_finish(&mailbox);
}

enum { THREADED_RECORDS = 60000 };

/* Record i: its number, then i * 37 % 181 bytes that follow from it. */
static size_t tail_bytes(unsigned i)
{
	return i * 37U % 181U;
}

static void *produce(void *arg)
{
	struct mailbox *mailbox = arg;

	for (unsigned i = 0; i < THREADED_RECORDS;) {
		size_t n = tail_bytes(i);
		unsigned char *record = mailbox_reserve(mailbox, sizeof(i) + n);
		if (!record) {
			sched_yield();
			continue;
		}
		memcpy(record, &i, sizeof(i));
		for (size_t k = 0; k < n; k++)
			record[sizeof(i) + k] = (unsigned char)(i + k);
		mailbox_commit(mailbox);
		i++;
	}
	return NULL;
}

static void test_two_threads(void **state)
{
	(void)state;
	struct mailbox mailbox;
	pthread_t thread;
	size_t wrong = 0;

	assert_int_equal(mailbox_init(&mailbox, 1024), 0);
	assert_int_equal(pthread_create(&thread, NULL, produce, &mailbox), 0);
	for (unsigned i = 0; i < THREADED_RECORDS;) {
		size_t bytes;
		const unsigned char *record = mailbox_peek(&mailbox, &bytes);
		if (!record) {
			sched_yield();
			continue;
		}
		unsigned number;
		memcpy(&number, record, sizeof(number));
		wrong += number != i || bytes != sizeof(number) + tail_bytes(i);
		for (size_t k = sizeof(number); k < bytes; k++)
			wrong += record[k] != (unsigned char)(i + k - sizeof(number));
		mailbox_release(&mailbox);
		i++;
	}
	pthread_join(thread, NULL);
	assert_int_equal(wrong, 0);
	assert_null(mailbox_peek(&mailbox, NULL));
	mailbox_finish(&mailbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_and_limit),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_abandoned_reservation),
		cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests_name("mailbox", tests, NULL, NULL);
}
