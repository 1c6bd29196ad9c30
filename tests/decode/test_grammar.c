/* Reading grammars: what they mean, where and why they are refused, limits. */
#include "core/decode/grammar.h"
#include "core/decode/grammar_object.h"
#include "tests/decode/fixture.h"
#include "tests/decode/letters.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Upper case with apostrophe, as English models have it. */
static struct vocab *english(void)
{
	return fixture_vocab("base-style", NULL);
}

static struct grammar *compile(const struct vocab *vocab, const char *text)
{
	struct grammar_error error;
	struct grammar *grammar;
	int code = grammar_compile(vocab, text, strlen(text), &grammar, &error);

	if (code < 0)
		fail_msg("%zu:%zu: %s in %s", error.line, error.column, error.message, text);
	return grammar;
}

static bool accepts(const struct grammar *grammar, const int *tokens, size_t n)
{
	uint32_t state = grammar->graph.start;

	for (size_t i = 0; i < n; i++) {
		if (!graph_follow(&grammar->graph, state, tokens[i], &state))
			return false;
	}
	return grammar->graph.accepts[state];
}

/* The graph and the network agree on it: NULL where it is no phrase. */
static bool interpret(const struct vocab *vocab, const struct grammar *grammar, const char *text,
		      struct grammar_phrase *phrase)
{
	char upper[512];
	size_t unknown;
	int *ids, n, error;

	snprintf(upper, sizeof(upper), "%s", text);
	for (char *p = upper; *p != '\0'; p++)
		*p = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
	n = vocab_encode(vocab, upper, &ids, &unknown);
	assert_true(n >= 0);
	error = grammar_interpret(grammar, ids, (size_t)n, phrase);
	assert_int_equal(error == 0, accepts(grammar, ids, (size_t)n));
	assert_true(error == 0 || error == -EINVAL);
	free(ids);
	return error == 0;
}

/* "rule|slot=words|slot=words" of a phrase; "-" where it is none. */
static void check(const struct vocab *vocab, const struct grammar *grammar, const char *text,
		  const char *expected)
{
	char got[512] = "-";
	struct grammar_phrase phrase;
	size_t n;

	if (interpret(vocab, grammar, text, &phrase)) {
		assert_string_equal(phrase.text, text);
		n = (size_t)snprintf(got, sizeof(got), "%s",
				     phrase.rule != NULL ? phrase.rule : "");
		for (size_t i = 0; i < phrase.n_slots; i++) {
			n += (size_t)snprintf(got + n, sizeof(got) - n,
					      "|%s=", phrase.slots[i].name);
			for (size_t w = phrase.slots[i].first; w < phrase.slots[i].last; w++)
				n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%s",
						      w > phrase.slots[i].first ? " " : "",
						      phrase.words[w].text);
		}
		grammar_phrase_finish(&phrase);
	}
	assert_string_equal(got, expected);
}

/* A name that comes several times is told once. */
static void test_slots(void **state)
{
	struct vocab *vocab = english();
	struct grammar *grammar =
		compile(vocab, "<dial> = [<call>] <d>{1,4} <call>; <d> = one | two;"
			       "<call> = now [now];");
	struct grammar_phrase phrase;
	char *value;

	(void)state;
	assert_true(interpret(vocab, grammar, "now one two one now now", &phrase));
	assert_int_equal(phrase.n_slots, 5);
	assert_int_equal(grammar_phrase_slot(&phrase, 0, &value), 1);
	assert_string_equal(phrase.slots[0].name, "call");
	assert_string_equal(value, "now now now");
	free(value);
	assert_int_equal(grammar_phrase_slot(&phrase, 1, &value), 1);
	assert_string_equal(value, "one two one");
	free(value);
	for (size_t i = 2; i < 5; i++) {
		assert_int_equal(grammar_phrase_slot(&phrase, i, &value), 0);
		assert_null(value);
	}
	grammar_phrase_finish(&phrase);
	grammar_unref(grammar);
	vocab_destroy(vocab);
}

static void test_meaning(void **state)
{
	struct vocab *vocab = english();
	struct grammar *grammar = compile(vocab, "# The house\n"
						 "<light> = turn (on | off) [the] <room> light;\n"
						 "<move> = go from <room:from> to <room:to>;\n"
						 "<dial> = dial <number>;\n"
						 "<room> = kitchen | bed room; // two\n"
						 "<number> = <digit>{2,4} [<_please>];\n"
						 "<digit> = one | two | three;\n"
						 "<_please> = please;\n"
						 "\"what's\" up;");

	(void)state;
	check(vocab, grammar, "turn on the kitchen light", "light|room=kitchen");
	check(vocab, grammar, "turn off bed room light", "light|room=bed room");
	check(vocab, grammar, "turn off bed light", "-");
	check(vocab, grammar, "turn on on the kitchen light", "-");
	check(vocab, grammar, "go from kitchen to bed room", "move|from=kitchen|to=bed room");
	check(vocab, grammar, "dial one two", "dial|number=one two|digit=one|digit=two");
	check(vocab, grammar, "dial one", "-");
	check(vocab, grammar, "dial one two three one please",
	      "dial|number=one two three one please|digit=one|digit=two|digit=three|digit=one");
	check(vocab, grammar, "dial one two three one two", "-");
	check(vocab, grammar, "what's up", "");
	check(vocab, grammar, "kitchen", "-");
	check(vocab, grammar, "", "-");
	grammar_unref(grammar);

	/* The first of two readings; only public rules are commands then. */
	grammar = compile(vocab, "#JSGF V1.0;\ngrammar house;\n"
				 "public <a> = go <x>;\npublic <b> = go <y>;\n"
				 "<x> = up | down;\n<y> = up | left;\n<z> = nothing;");
	check(vocab, grammar, "go up", "a|x=up");
	check(vocab, grammar, "go left", "b|y=left");
	check(vocab, grammar, "nothing", "-");
	grammar_unref(grammar);

	/* `grammar` and `public` are words elsewhere. */
	grammar = compile(vocab, "grammar public (public)");
	check(vocab, grammar, "grammar public public", "");
	grammar_unref(grammar);
	vocab_destroy(vocab);
}

/* Delimiters may repeat, and lie around the phrase, but have to be in it. */
static void test_delimiters(void **state)
{
	struct vocab *vocab = english();
	struct grammar *grammar = compile(vocab, "go [up];");
	const int bar = vocab_delimiter(vocab);
	struct grammar_phrase phrase;
	int tokens[16], n = 0, *go, *up;

	(void)state;
	assert_int_equal(vocab_encode(vocab, "GO", &go, NULL), 2);
	assert_int_equal(vocab_encode(vocab, "UP", &up, NULL), 2);
	tokens[n++] = bar;
	tokens[n++] = bar;
	tokens[n++] = go[0];
	tokens[n++] = go[1];
	assert_true(accepts(grammar, tokens, (size_t)n));
	tokens[n++] = bar;
	assert_true(accepts(grammar, tokens, (size_t)n));
	tokens[n++] = bar;
	tokens[n++] = up[0];
	assert_false(accepts(grammar, tokens, (size_t)n));
	tokens[n++] = up[1];
	tokens[n++] = bar;
	assert_true(accepts(grammar, tokens, (size_t)n));
	assert_int_equal(grammar_interpret(grammar, tokens, (size_t)n, &phrase), 0);
	assert_string_equal(phrase.text, "go up");
	assert_int_equal(phrase.words[0].first, 2);
	assert_int_equal(phrase.words[0].last, 4);
	assert_int_equal(phrase.words[1].first, 6);
	assert_int_equal(phrase.words[1].last, 8);
	grammar_phrase_finish(&phrase);
	tokens[4] = up[0];
	tokens[5] = up[1];
	assert_false(accepts(grammar, tokens, 6));
	assert_int_equal(grammar_interpret(grammar, tokens, 6, &phrase), -EINVAL);
	free(go);
	free(up);
	grammar_unref(grammar);
	vocab_destroy(vocab);
}

/* Tokens of several letters: each way to spell a word; no delimiter at all. */
static void test_pieces(void **state)
{
	static const char *const pieces[] = {"a", "b", "ab", "aba", "\u00e4"};
	struct vocab *vocab = letters_vocab(pieces, 5, false, false);
	struct grammar *grammar = compile(vocab, "abab [\u00c4] | b;");
	struct grammar_phrase phrase;
	/* 0 blank, 1 a, 2 b, 3 ab, 4 aba, 5 ae */
	static const int ways[][6] = {{1, 2, 1, 2, -1}, {3, 3, -1},    {1, 2, 3, -1}, {3, 1, 2, -1},
				      {4, 2, -1},       {4, 2, 5, -1}, {2, -1}};
	static const int wrong[][4] = {{4, -1}, {3, 3, 3, -1}, {4, 3, -1}, {5, -1}};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		size_t n = 0;

		while (ways[i][n] >= 0)
			n++;
		assert_true(accepts(grammar, ways[i], n));
		assert_int_equal(grammar_interpret(grammar, ways[i], n, &phrase), 0);
		grammar_phrase_finish(&phrase);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		size_t n = 0;

		while (wrong[i][n] >= 0)
			n++;
		assert_false(accepts(grammar, wrong[i], n));
		assert_int_equal(grammar_interpret(grammar, wrong[i], n, &phrase), -EINVAL);
	}
	grammar_unref(grammar);
	vocab_destroy(vocab);
}

static void check_refused(const struct vocab *vocab, const char *text, int code, size_t line,
			  size_t column, const char *part)
{
	struct grammar_error error;
	struct grammar *grammar;
	int got = grammar_compile(vocab, text, strlen(text), &grammar, &error);

	assert_null(grammar);
	if (got != code || error.line != line || error.column != column ||
	    strstr(error.message, part) == NULL)
		fail_msg("%.40s: %d %zu:%zu: %s, not %d %zu:%zu: %s", text, got, error.line,
			 error.column, error.message, code, line, column, part);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		size_t line, column;
		const char *part;
	} cases[] = {
		{"", 1, 1, "no statement"},
		{" # nothing\n", 1, 1, "no statement"},
		{"go (up", 1, 7, ") belongs here, not the end"},
		{"go (up];", 1, 7, ") belongs here, not ]"},
		{"go\n  up);", 2, 5, "; or | belongs here, not )"},
		{"go | ;", 1, 6, "a word, <name>, ( or [ belongs here, not ;"},
		{"go ();", 1, 5, "belongs here, not )"},
		{"go {2};\n", 0, 0, ""},
		{"go {0};", 1, 4, "repeats nothing"},
		{"go {3,2};", 1, 4, "{3,2} repeats nothing"},
		{"go {2}{3};", 1, 7, "second repetition"},
		{"go {x};", 1, 5, "a number"},
		{"go {2;", 1, 6, "} belongs here"},
		{"go *;", 1, 4, "{0,8}"},
		{"go up+;", 1, 6, "{0,8}"},
		{"go } up;", 1, 4, "nothing was opened"},
		{"go \"up;", 1, 8, "closing quote"},
		{"go \"\";", 1, 4, "an empty word"},
		{"go <>;", 1, 5, "a name of letters"},
		{"go <a b>;", 1, 6, "ends with >"},
		{"go <a:>;", 1, 7, "name of a slot"},
		{"go <up>;", 1, 4, "no rule <up>"},
		{"go = up;", 1, 4, "; or | belongs here, not ="},
		{"<a> = go;\n<a> = up;", 2, 1, "defined in line 1"},
		{"<a> = go <b>;\n<b> = up [<a>];", 2, 11, "<a> leads to itself"},
		{"<a> = go <a>;", 1, 10, "<a> leads to itself"},
		{"go;\n[up];", 2, 1, "saying nothing at all"},
		{"<a> = [go] [up];", 1, 1, "saying nothing at all"},
		{"go na\u00efve up 7up;", 1, 4, "cannot spell: na\u00efve, 7up"},
		{"go\x01;", 1, 3, "control character"},
		{"go \xff;", 1, 4, "not UTF-8"},
	};
	struct vocab *vocab = english();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cases[i].line == 0 && cases[i].part[0] == '\0')
			grammar_unref(compile(vocab, cases[i].text));
		else
			check_refused(vocab, cases[i].text, -EINVAL, cases[i].line, cases[i].column,
				      cases[i].part);
	}
	vocab_destroy(vocab);
}

static void test_limits(void **state)
{
	struct vocab *vocab = english();
	size_t size = 1 << 20, n;
	char *text = malloc(size), *end;

	(void)state;
	assert_non_null(text);
	/* Doubling: 2 to the 40th words. */
	n = 0;
	for (int i = 0; i < 40; i++)
		n += (size_t)snprintf(text + n, size - n, "<r%d> = <r%d> | <r%d> <r%d>;\n", i,
				      i + 1, i + 1, i + 1);
	snprintf(text + n, size - n, "<r40> = go | up;\n");
	check_refused(vocab, text, -E2BIG, 32, 17, "phrases of more than 256 words");
	n = 0;
	for (int i = 0; i < 40; i++)
		n += (size_t)snprintf(text + n, size - n, "<r%d> = <r%d> | <r%d>;\n", i, i + 1,
				      i + 1);
	snprintf(text + n, size - n, "<r40> = go | up;\n");
	check_refused(vocab, text, -E2BIG, 24, 9, "expands to more than");
	/* The n-th word from the end: 2 to the 30th sets. */
	check_refused(vocab, "(go|up){0,40} go (go|up){30};", -E2BIG, 0, 0, "too many choices");
	check_refused(vocab, "go{65};", -E2BIG, 1, 3, "more than 64 repetitions");
	check_refused(vocab, "go{64}{2};", -EINVAL, 1, 7, "second repetition");
	check_refused(vocab, "(go{64}){5};", -E2BIG, 1, 9, "more than 256 words");
	/* Depth. */
	memset(text, '(', 5000);
	snprintf(text + 5000, size - 5000, "go");
	check_refused(vocab, text, -E2BIG, 1, 65, "brackets inside each other");
	n = 0;
	for (int i = 0; i < 2000; i++)
		n += (size_t)snprintf(text + n, size - n, "<r%d> = <r%d>;\n", i, i + 1);
	snprintf(text + n, size - n, "<r2000> = go;\n");
	check_refused(vocab, text, -E2BIG, 66, 9, "inside each other");
	/* A long word, a long text. */
	memset(text, 'a', 129);
	text[129] = '\0';
	check_refused(vocab, text, -E2BIG, 1, 1, "more than 128 bytes");
	free(text);
	size = GRAMMAR_MAX_BYTES + 2;
	text = malloc(size);
	assert_non_null(text);
	memset(text, ' ', size);
	end = text + size - 1;
	*end = '\0';
	check_refused(vocab, text, -E2BIG, 0, 0, "more than 8388608 bytes");
	free(text);
	vocab_destroy(vocab);
}

/* The same grammar with more and with less room than it needs. */
static void test_limits_given(void **state)
{
	static const char text[] = "(lights|music) (on|off);";
	static const char *const phrases[] = {"lights on", "music off"};
	struct grammar_limits limits = {100, 100, 1000};
	struct vocab *vocab = english();
	struct grammar_error error;
	struct grammar *grammar;

	(void)state;
	assert_int_equal(
		grammar_compile_within(vocab, &limits, text, strlen(text), &grammar, &error), 0);
	assert_true(grammar_fits(grammar, vocab));
	grammar_unref(grammar);
	limits.nodes = 3;
	assert_int_equal(
		grammar_compile_within(vocab, &limits, text, strlen(text), &grammar, &error),
		-E2BIG);
	assert_non_null(strstr(error.message, "more than 3 words and branches"));
	assert_int_equal(
		grammar_compile_phrases_within(vocab, &limits, phrases, 2, &grammar, &error),
		-E2BIG);
	limits = (struct grammar_limits){100, 5, 1000};
	assert_int_equal(
		grammar_compile_within(vocab, &limits, text, strlen(text), &grammar, &error),
		-E2BIG);
	assert_non_null(strstr(error.message, "more than 5 states"));
	limits = (struct grammar_limits){100, 100, 5};
	assert_int_equal(
		grammar_compile_within(vocab, &limits, text, strlen(text), &grammar, &error),
		-E2BIG);
	assert_non_null(strstr(error.message, "more than 5 steps"));
	vocab_destroy(vocab);
}

static void test_fits(void **state)
{
	struct vocab *vocab = english(), *other = fixture_vocab("vocab-unicode", NULL);
	struct grammar *grammar = compile(vocab, "go;");

	(void)state;
	assert_true(grammar_fits(grammar, vocab));
	assert_false(grammar_fits(grammar, other));
	grammar_unref(grammar);
	vocab_destroy(vocab);
	vocab_destroy(other);
}

static void check_list_refused(const struct vocab *vocab, const char *const *phrases, size_t n,
			       int code, size_t line, size_t column, const char *part)
{
	struct grammar_error error;
	struct grammar *grammar;

	assert_int_equal(grammar_compile_phrases(vocab, phrases, n, &grammar, &error), code);
	assert_int_equal(error.line, line);
	assert_int_equal(error.column, column);
	assert_non_null(strstr(error.message, part));
}

static void test_lists(void **state)
{
	static const char *const phrases[] = {"lights on", "  Lights   OFF ", "what's up"};
	static const char *const unspelled[] = {"lights on", "lights at 7"};
	static const char *const empty[] = {"lights on", " "};
	static const char *const control[] = {"on\x02"};
	struct vocab *vocab = english();
	const char **million = calloc(1000000, sizeof(*million));
	struct grammar_error error;
	struct grammar *grammar;

	(void)state;
	assert_int_equal(grammar_compile_phrases(vocab, phrases, 3, &grammar, &error), 0);
	check(vocab, grammar, "lights on", "");
	check(vocab, grammar, "Lights OFF", "");
	check(vocab, grammar, "what's up", "");
	check(vocab, grammar, "lights", "-");
	grammar_unref(grammar);
	check_list_refused(vocab, unspelled, 2, -EINVAL, 2, 11, "cannot spell: 7");
	check_list_refused(vocab, empty, 2, -EINVAL, 2, 1, "an empty word");
	check_list_refused(vocab, control, 1, -EINVAL, 1, 3, "control character");
	check_list_refused(vocab, phrases, 0, -EINVAL, 0, 0, "no phrase");
	assert_non_null(million);
	for (size_t i = 0; i < 1000000; i++)
		million[i] = "go";
	check_list_refused(vocab, million, 1000000, -E2BIG, 0, 0, "more than 100000 phrases");
	free(million);
	vocab_destroy(vocab);
}

/* Ten thousand phrases of five words: common ends are one, so far fewer states than letters. */
static void test_many(void **state)
{
	static const char *const words[] = {"light",  "music", "window", "garden", "kitchen",
					    "winter", "table", "silver", "orange", "seven"};
	struct vocab *vocab = english();
	char(*texts)[64] = calloc(10000, sizeof(*texts));
	const char **phrases = calloc(10000, sizeof(*phrases));
	struct grammar_error error;
	struct grammar *grammar;
	struct grammar_size size;

	(void)state;
	assert_non_null(texts);
	assert_non_null(phrases);
	for (size_t i = 0; i < 10000; i++) {
		snprintf(texts[i], sizeof(texts[i]), "%s %s %s %s now", words[i / 1000],
			 words[i / 100 % 10], words[i / 10 % 10], words[i % 10]);
		phrases[i] = texts[i];
	}
	assert_int_equal(grammar_compile_phrases(vocab, phrases, 10000, &grammar, &error), 0);
	size = grammar_size(grammar);
	/* Four times the same ten words and one more: one place for each letter
	 * that words do not begin with in common, and the gaps. */
	assert_true(size.states < 4 * 60 + 8);
	assert_int_equal(size.words, 11);
	assert_true(size.bytes < 2 << 20);
	for (size_t i = 0; i < 10000; i += 37)
		check(vocab, grammar, texts[i], "");
	check(vocab, grammar, "light music window now", "-");
	grammar_unref(grammar);
	free(texts);
	free(phrases);
	vocab_destroy(vocab);
}

/* Any cut or changed byte of a grammar is read or refused, with a place inside it. */
static void test_broken(void **state)
{
	static const char whole[] = "public <a> = go (up|\"what's\" <b:c>){1,3} [now];\n<b> = x y;";
	static const char bytes[] = "<>(){}[]|;=\" :#*a1,\n\xc3";
	struct vocab *vocab = english();
	unsigned random = 1;

	(void)state;
	for (int i = 0; i < 4000; i++) {
		char text[sizeof(whole)];
		struct grammar_error error;
		struct grammar *grammar;
		size_t n = sizeof(whole) - 1;

		memcpy(text, whole, sizeof(whole));
		if (fixture_random(&random, 3) == 0)
			n = fixture_random(&random, (unsigned)n);
		for (unsigned k = fixture_random(&random, 3); k > 0; k--)
			text[fixture_random(&random, sizeof(whole) - 1)] =
				bytes[fixture_random(&random, sizeof(bytes) - 1)];
		if (grammar_compile(vocab, text, n, &grammar, &error) == 0) {
			grammar_unref(grammar);
			continue;
		}
		assert_true(error.message[0] != '\0');
		assert_true(error.line <= 3);
		assert_true(error.column <= sizeof(whole) + 1);
	}
	vocab_destroy(vocab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_meaning),    cmocka_unit_test(test_slots),
		cmocka_unit_test(test_delimiters), cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_refused),    cmocka_unit_test(test_limits),
		cmocka_unit_test(test_lists),      cmocka_unit_test(test_limits_given),
		cmocka_unit_test(test_fits),       cmocka_unit_test(test_many),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests_name("grammar", tests, NULL, NULL);
}
