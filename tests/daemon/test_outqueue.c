/* The queue of one client: order, superseded partials, the cap. */
#include "daemon/outqueue.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int push(struct outqueue *queue, enum outqueue_kind kind, const char *text)
{
	return outqueue_push(queue, kind, strdup(text), strlen(text));
}

static void assert_next(struct outqueue *queue, const char *text)
{
	struct outqueue_item *item = outqueue_pop(queue);

	assert_non_null(item);
	assert_int_equal(item->n, strlen(text));
	assert_memory_equal(item->bytes, text, item->n);
	outqueue_release(queue, item);
}

static void test_order(void **state)
{
	(void)state;
	struct outqueue queue;

	outqueue_init(&queue, 100);
	assert_null(outqueue_pop(&queue));
	assert_int_equal(push(&queue, OUTQUEUE_KEEP, "a"), 0);
	assert_int_equal(push(&queue, OUTQUEUE_FINAL, "bb"), 0);
	assert_int_equal(push(&queue, OUTQUEUE_KEEP, "c"), 0);
	assert_int_equal(queue.bytes, 4);
	assert_next(&queue, "a");
	assert_next(&queue, "bb");
	assert_next(&queue, "c");
	assert_null(outqueue_pop(&queue));
	assert_int_equal(queue.bytes, 0);
	assert_int_equal(push(&queue, OUTQUEUE_KEEP, "d"), 0);
	outqueue_finish(&queue);
}

static void test_partials(void **state)
{
	(void)state;
	struct outqueue queue;

	outqueue_init(&queue, 100);
	push(&queue, OUTQUEUE_PARTIAL, "p1");
	push(&queue, OUTQUEUE_KEEP, "k");
	push(&queue, OUTQUEUE_PARTIAL, "p2");
	push(&queue, OUTQUEUE_PARTIAL, "p3");
	assert_int_equal(queue.superseded, 2);
	push(&queue, OUTQUEUE_FINAL, "f1");
	assert_int_equal(queue.superseded, 3);
	push(&queue, OUTQUEUE_PARTIAL, "p4");
	/* One that is on its way is out of reach. */
	assert_next(&queue, "k");
	assert_next(&queue, "f1");
	struct outqueue_item *item = outqueue_pop(&queue);
	push(&queue, OUTQUEUE_PARTIAL, "p5");
	assert_memory_equal(item->bytes, "p4", 2);
	outqueue_release(&queue, item);
	assert_next(&queue, "p5");
	assert_null(outqueue_pop(&queue));
	assert_int_equal(queue.superseded, 3);
	outqueue_finish(&queue);
}

static void test_cap(void **state)
{
	(void)state;
	struct outqueue queue;

	outqueue_init(&queue, 10);
	assert_int_equal(push(&queue, OUTQUEUE_FINAL, "12345"), 0);
	assert_int_equal(push(&queue, OUTQUEUE_PARTIAL, "1234567"), 0);
	assert_int_equal(queue.superseded, 1);
	assert_int_equal(queue.bytes, 5);
	assert_int_equal(push(&queue, OUTQUEUE_PARTIAL, "12345"), 0);
	assert_int_equal(queue.bytes, 10);
	assert_int_equal(push(&queue, OUTQUEUE_KEEP, "1"), 0);
	assert_int_equal(queue.superseded, 2);
	assert_int_equal(push(&queue, OUTQUEUE_FINAL, "12345"), -ENOBUFS);
	/* What is popped counts until it is released. */
	struct outqueue_item *item = outqueue_pop(&queue);
	assert_int_equal(push(&queue, OUTQUEUE_FINAL, "x"), -ENOBUFS);
	outqueue_release(&queue, item);
	assert_int_equal(push(&queue, OUTQUEUE_FINAL, "y"), 0);
	outqueue_finish(&queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_partials),
		cmocka_unit_test(test_cap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
