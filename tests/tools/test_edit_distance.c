#include "tools/edit_distance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* "=A ~B>C +D -E": equal, substituted, inserted, deleted. */
static void describe(const struct edit_alignment *alignment, char *out, size_t size)
{
	static const char signs[] = "=~+-";

	out[0] = '\0';
	for (size_t i = 0; i < alignment->n; i++) {
		const struct edit_pair *pair = &alignment->pairs[i];
		const struct edit_unit *first =
			pair->kind == EDIT_INSERTION ? pair->hypothesis : pair->reference;
		size_t n = strlen(out);
		n += (size_t)snprintf(out + n, size - n, "%s%c%.*s", i ? " " : "",
				      signs[pair->kind], (int)first->size, first->text);
		if (pair->kind == EDIT_SUBSTITUTION)
			snprintf(out + n, size - n, ">%.*s", (int)pair->hypothesis->size,
				 pair->hypothesis->text);
	}
}

static void check(const char *reference, const char *hypothesis, const char *wanted)
{
	struct edit_units a, b;
	struct edit_alignment alignment;
	struct edit_counts counts;
	char text[256];

	assert_int_equal(edit_words(reference, &a), 0);
	assert_int_equal(edit_words(hypothesis, &b), 0);
	assert_int_equal(edit_align(&a, &b, &alignment), 0);
	describe(&alignment, text, sizeof(text));
	assert_string_equal(text, wanted);
	assert_int_equal(edit_count(&a, &b, &counts), 0);
	assert_memory_equal(&counts, &alignment.counts, sizeof(counts));
	edit_alignment_finish(&alignment);
	edit_units_finish(&a);
	edit_units_finish(&b);
}

static void test_alignment(void **state)
{
	(void)state;
	check("", "", "");
	check("ONE", "", "-ONE");
	check("", "ONE TWO", "+ONE +TWO");
	check("ONE TWO THREE", "ONE TWO THREE", "=ONE =TWO =THREE");
	check("ONE TWO THREE", "ONE TOO THREE", "=ONE ~TWO>TOO =THREE");
	check("ONE TWO THREE", "ONE THREE", "=ONE -TWO =THREE");
	check("ONE THREE", "ONE TWO THREE", "=ONE +TWO =THREE");
	check("A B C D", "B C D E", "-A =B =C =D +E");
	check("  A\tB \xc2\xa0 C ", "A B C", "=A =B =C"); /* a no-break space too */
	/* Several ways cost the same: pairs from the end, then deletions. */
	check("A B", "C", "-A ~B>C");
	check("A", "B C", "+B ~A>C");
}

static struct edit_counts characters(const char *reference, const char *hypothesis)
{
	struct edit_units a, b;
	struct edit_counts counts;

	assert_int_equal(edit_characters(reference, &a), 0);
	assert_int_equal(edit_characters(hypothesis, &b), 0);
	assert_int_equal(edit_count(&a, &b, &counts), 0);
	edit_units_finish(&a);
	edit_units_finish(&b);
	return counts;
}

static void test_characters(void **state)
{
	(void)state;
	struct edit_counts counts = characters("KITTEN", "SITTING");
	assert_int_equal(counts.reference, 6);
	assert_int_equal(counts.substitutions, 2);
	assert_int_equal(counts.insertions, 1);
	assert_int_equal(counts.deletions, 0);
	assert_int_equal(edit_errors(&counts), 3);

	counts = characters("  a  b ", "a b"); /* a space, however long */
	assert_int_equal(counts.reference, 3);
	assert_int_equal(edit_errors(&counts), 0);

	counts = characters("sch\xc3\xb6n", "schon"); /* a code point is one character */
	assert_int_equal(counts.reference, 5);
	assert_int_equal(counts.substitutions, 1);
	assert_int_equal(edit_errors(&counts), 1);

	counts = characters("\xff\xfe", "\xff"); /* no UTF-8: byte by byte */
	assert_int_equal(counts.reference, 2);
	assert_int_equal(edit_errors(&counts), 1);
}

static void test_fold(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"", ""},
		{"Hello, World's 9", "HELLO, WORLD'S 9"},
		{"stra\xc3\x9f"
		 "e \xc3\xa9",
		 "STRASSE \xc3\x89"},
		{"\xff"
		 "a",
		 "\xff"
		 "A"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *folded = edit_fold(cases[i][0]);
		assert_non_null(folded);
		assert_string_equal(folded, cases[i][1]);
		free(folded);
	}
}

static void test_sum(void **state)
{
	(void)state;
	struct edit_counts sum = {1, 2, 3, 4};
	const struct edit_counts more = {10, 20, 30, 40};

	edit_counts_add(&sum, &more);
	assert_int_equal(sum.reference, 11);
	assert_int_equal(edit_errors(&sum), 99);
}

/* The definition, letter by letter, for short texts. */
static size_t distance(const char *a, const char *b)
{
	if (*a == '\0' || *b == '\0')
		return strlen(a) + strlen(b);
	size_t pair = distance(a + 1, b + 1) + (*a != *b);
	size_t deletion = distance(a + 1, b) + 1;
	size_t insertion = distance(a, b + 1) + 1;
	size_t least = pair < deletion ? pair : deletion;
	return least < insertion ? least : insertion;
}

static void random_text(uint32_t *seed, char *out)
{
	*seed = *seed * 1664525U + 1013904223U;
	size_t n = *seed >> 29;

	for (size_t i = 0; i < n; i++) {
		*seed = *seed * 1664525U + 1013904223U;
		out[i] = (char)('A' + (*seed >> 30));
	}
	out[n] = '\0';
}

/* Fewest edits; and the pairs spell both texts. */
static void test_against_the_definition(void **state)
{
	(void)state;
	uint32_t seed = 1;

	for (int round = 0; round < 500; round++) {
		char a[16], b[16], left[16] = "", right[16] = "";
		struct edit_units units_a, units_b;
		struct edit_alignment alignment;
		random_text(&seed, a);
		random_text(&seed, b);
		assert_int_equal(edit_characters(a, &units_a), 0);
		assert_int_equal(edit_characters(b, &units_b), 0);
		assert_int_equal(edit_align(&units_a, &units_b, &alignment), 0);
		size_t errors = 0;
		for (size_t i = 0; i < alignment.n; i++) {
			const struct edit_pair *pair = &alignment.pairs[i];
			errors += pair->kind != EDIT_EQUAL;
			if (pair->reference)
				strncat(left, pair->reference->text, pair->reference->size);
			if (pair->hypothesis)
				strncat(right, pair->hypothesis->text, pair->hypothesis->size);
			if (pair->kind == EDIT_EQUAL)
				assert_int_equal(*pair->reference->text, *pair->hypothesis->text);
		}
		assert_string_equal(left, a);
		assert_string_equal(right, b);
		assert_int_equal(errors, distance(a, b));
		assert_int_equal(errors, edit_errors(&alignment.counts));
		assert_int_equal(alignment.counts.reference, strlen(a));
		edit_alignment_finish(&alignment);
		edit_units_finish(&units_a);
		edit_units_finish(&units_b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_characters),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_sum),
		cmocka_unit_test(test_against_the_definition),
	};
	return cmocka_run_group_tests_name("edit-distance", tests, NULL, NULL);
}
