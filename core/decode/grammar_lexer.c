#include "core/decode/grammar_lexer.h"

#include "core/decode/unicode.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char special[] = "()[]{}|<>=;\"*+";

void grammar_lexer_init(struct grammar_lexer *lexer, const struct grammar_tree *tree,
			const char *text, size_t size)
{
	*lexer = (struct grammar_lexer){
		.tree = tree,
		.text = text,
		.size = size,
		.line = 1,
		.column = 1,
	};
	if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		lexer->position = 3; /* a byte order mark */
}

static int refuse(const struct grammar_lexer *lexer, const char *message)
{
	return grammar_refuse(lexer->tree, -EINVAL, lexer->line, lexer->column, "%s", message);
}

/* The next character, which is not taken yet; -1 at the end. */
static int peek(const struct grammar_lexer *lexer)
{
	return lexer->position < lexer->size ? (unsigned char)lexer->text[lexer->position] : -1;
}

static uint32_t take(struct grammar_lexer *lexer)
{
	uint32_t c = unicode_next(lexer->text, lexer->size, &lexer->position);

	lexer->column++;
	if (c == '\n') {
		lexer->line++;
		lexer->column = 1;
	}
	return c;
}

static bool at_comment(const struct grammar_lexer *lexer)
{
	int c = peek(lexer);

	return c == '#' || (c == '/' && lexer->position + 1 < lexer->size &&
			    lexer->text[lexer->position + 1] == '/');
}

static bool at_space(const struct grammar_lexer *lexer)
{
	size_t position = lexer->position;

	return position < lexer->size &&
	       unicode_is_space(unicode_next(lexer->text, lexer->size, &position));
}

static void skip_space(struct grammar_lexer *lexer)
{
	for (;;) {
		if (at_space(lexer)) {
			take(lexer);
		} else if (at_comment(lexer)) {
			while (peek(lexer) >= 0 && peek(lexer) != '\n')
				take(lexer);
		} else {
			return;
		}
	}
}

static bool at_special(const struct grammar_lexer *lexer)
{
	int c = peek(lexer);

	return c > 0 && c < 0x80 && strchr(special, c) != NULL;
}

/* Control characters would spoil messages and are in no word. */
static int check_character(const struct grammar_lexer *lexer)
{
	size_t position = lexer->position;
	uint32_t c = unicode_next(lexer->text, lexer->size, &position);

	if (c >= UNICODE_BYTE)
		return refuse(lexer, "not UTF-8");
	return c < 0x20 || c == 0x7f ? refuse(lexer, "a control character") : 0;
}

static int lexer_word(struct grammar_lexer *lexer)
{
	size_t start = lexer->position;

	lexer->symbol = SYMBOL_WORD;
	while (peek(lexer) >= 0 && !at_space(lexer) && !at_special(lexer)) {
		if (check_character(lexer) < 0)
			return -EINVAL;
		take(lexer);
	}
	lexer->word = lexer->text + start;
	lexer->word_size = lexer->position - start;
	return 0;
}

static int lexer_quoted(struct grammar_lexer *lexer)
{
	size_t start;

	take(lexer);
	start = lexer->position;
	lexer->symbol = SYMBOL_WORD;
	lexer->quoted = true;
	while (peek(lexer) != '"') {
		if (peek(lexer) < 0 || peek(lexer) == '\n')
			return refuse(lexer, "the closing quote is missing");
		if (check_character(lexer) < 0)
			return -EINVAL;
		take(lexer);
	}
	lexer->word = lexer->text + start;
	lexer->word_size = lexer->position - start;
	take(lexer);
	return 0;
}

static bool name_character(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.';
}

static size_t lexer_name_part(struct grammar_lexer *lexer)
{
	size_t start = lexer->position;

	while (name_character(peek(lexer)))
		take(lexer);
	return lexer->position - start;
}

static int lexer_name(struct grammar_lexer *lexer)
{
	take(lexer);
	lexer->symbol = SYMBOL_NAME;
	lexer->word = lexer->text + lexer->position;
	lexer->word_size = lexer_name_part(lexer);
	if (lexer->word_size == 0)
		return refuse(lexer, "a name of letters, digits, _, - and . belongs here");
	if (peek(lexer) == ':') {
		take(lexer);
		lexer->slot = lexer->text + lexer->position;
		lexer->slot_size = lexer_name_part(lexer);
		if (lexer->slot_size == 0)
			return refuse(lexer, "the name of a slot belongs behind the colon");
	}
	if (peek(lexer) != '>')
		return refuse(lexer, "a name of letters, digits, _, - and . ends with >");
	take(lexer);
	return 0;
}

static int lexer_number(struct grammar_lexer *lexer, uint32_t *number)
{
	int digits = 0;

	*number = 0;
	skip_space(lexer);
	while (peek(lexer) >= '0' && peek(lexer) <= '9') {
		if (++digits > 6)
			return refuse(lexer, "the number is too large");
		*number = *number * 10 + (uint32_t)(take(lexer) - '0');
	}
	skip_space(lexer);
	return digits > 0 ? 0 : refuse(lexer, "a number of repetitions belongs here");
}

static int lexer_count(struct grammar_lexer *lexer)
{
	take(lexer);
	lexer->symbol = SYMBOL_COUNT;
	if (lexer_number(lexer, &lexer->least) < 0)
		return -EINVAL;
	lexer->most = lexer->least;
	if (peek(lexer) == ',') {
		take(lexer);
		if (lexer_number(lexer, &lexer->most) < 0)
			return -EINVAL;
	}
	if (peek(lexer) != '}')
		return refuse(lexer, "} belongs here");
	take(lexer);
	if (lexer->most == 0 || lexer->most < lexer->least)
		return grammar_refuse(lexer->tree, -EINVAL, lexer->symbol_line,
				      lexer->symbol_column, "{%u,%u} repeats nothing", lexer->least,
				      lexer->most);
	if (lexer->most > GRAMMAR_MAX_REPEAT)
		return grammar_refuse(lexer->tree, -E2BIG, lexer->symbol_line, lexer->symbol_column,
				      "more than %d repetitions", GRAMMAR_MAX_REPEAT);
	return 0;
}

int grammar_lexer_next(struct grammar_lexer *lexer)
{
	skip_space(lexer);
	lexer->symbol_line = lexer->line;
	lexer->symbol_column = lexer->column;
	lexer->quoted = false;
	lexer->slot = NULL;
	switch (peek(lexer)) {
	case -1:
		lexer->symbol = SYMBOL_END;
		return 0;
	case '"':
		return lexer_quoted(lexer);
	case '<':
		return lexer_name(lexer);
	case '{':
		return lexer_count(lexer);
	case '*':
	case '+':
		return refuse(lexer, "repetition has bounds: {0,8} instead of * or +");
	case '>':
	case '}':
		return refuse(lexer, "nothing was opened that this could close");
	case '(':
	case ')':
	case '[':
	case ']':
	case '|':
	case '=':
	case ';':
		lexer->symbol = (int)take(lexer);
		return 0;
	default:
		return lexer_word(lexer);
	}
}

const char *grammar_lexer_show(const struct grammar_lexer *lexer, char *buffer, size_t size)
{
	int n = lexer->word_size < 32 ? (int)lexer->word_size : 32;

	/* Not in the middle of a character. */
	while (n > 0 && n < (int)lexer->word_size && (lexer->word[n] & 0xc0) == 0x80)
		n--;
	switch (lexer->symbol) {
	case SYMBOL_END:
		return "the end";
	case SYMBOL_WORD:
		snprintf(buffer, size, "\"%.*s\"", n, lexer->word);
		return buffer;
	case SYMBOL_NAME:
		snprintf(buffer, size, "<%.*s>", n, lexer->word);
		return buffer;
	case SYMBOL_COUNT:
		return "a repetition";
	default:
		snprintf(buffer, size, "%c", lexer->symbol);
		return buffer;
	}
}
