/*
 * Recursive descent over
 *
 *	grammar   = { statement } ;
 *	statement = [ [ "public" ] "<name>" "=" ] choice ";"
 *	choice    = sequence { "|" sequence }
 *	sequence  = repeated { repeated }
 *	repeated  = item [ "{" n [ "," m ] "}" ]
 *	item      = word | "<name>" | "(" choice ")" | "[" choice "]"
 *
 * where the last ";" may be left out. The reader is one symbol ahead.
 */
#include "core/decode/grammar_lexer.h"
#include "core/decode/unicode.h"

#include <errno.h>
#include <string.h>

struct parser {
	struct grammar_tree *tree; /* borrowed */
	struct grammar_lexer lexer;
	size_t depth;
};

static int refuse_here(const struct parser *parser, int code, const char *message)
{
	return grammar_refuse(parser->tree, code, parser->lexer.symbol_line,
			      parser->lexer.symbol_column, "%s", message);
}

static int refuse_symbol(const struct parser *parser, const char *expected)
{
	char buffer[64];

	return grammar_refuse(parser->tree, -EINVAL, parser->lexer.symbol_line,
			      parser->lexer.symbol_column, "%s belongs here, not %s", expected,
			      grammar_lexer_show(&parser->lexer, buffer, sizeof(buffer)));
}

static int node_here(const struct parser *parser, enum grammar_kind kind, uint32_t *node)
{
	return grammar_tree_node(parser->tree, kind, parser->lexer.symbol_line,
				 parser->lexer.symbol_column, node);
}

static int add_word(const struct parser *parser, const char *text, size_t size, uint32_t *word)
{
	if (size == 0)
		return refuse_here(parser, -EINVAL, "an empty word");
	if (size > GRAMMAR_MAX_WORD_BYTES)
		return refuse_here(parser, -E2BIG, "a word of more than 128 bytes");
	return grammar_words_add(&parser->tree->words, text, size, word);
}

/* ---- items ---- */

static int parse_choice(struct parser *parser, uint32_t *out);

static int append_word(const struct parser *parser, const char *text, size_t size, size_t column,
		       uint32_t sequence, uint32_t *last)
{
	struct grammar_tree *tree = parser->tree;
	uint32_t word = 0, node = 0;
	int error = add_word(parser, text, size, &word);

	if (error == 0)
		error = grammar_tree_node(tree, GRAMMAR_WORD, parser->lexer.symbol_line, column,
					  &node);
	if (error < 0)
		return error;
	tree->nodes[node].value = word;
	*(*last == GRAMMAR_NONE ? &tree->nodes[sequence].child : &tree->nodes[*last].sibling) =
		node;
	*last = node;
	return 0;
}

/* What is in quotes, or a phrase of a list, may be several words: a sequence. */
static int parse_word(const struct parser *parser, uint32_t *out)
{
	const struct grammar_lexer *lexer = &parser->lexer;
	const char *text = lexer->word;
	size_t position = 0, column = lexer->symbol_column + (lexer->quoted ? 1 : 0);
	uint32_t last = GRAMMAR_NONE;
	int error = node_here(parser, GRAMMAR_SEQUENCE, out);

	while (error == 0 && position < lexer->word_size) {
		size_t start = position, end = position, at = column;
		bool space = false;

		while (position < lexer->word_size && !space) {
			end = position;
			space = unicode_is_space(unicode_next(text, lexer->word_size, &position));
			column++;
		}
		if (!space)
			end = position;
		if (end > start)
			error = append_word(parser, text + start, end - start, at, *out, &last);
	}
	if (error == 0 && last == GRAMMAR_NONE)
		return refuse_here(parser, -EINVAL, "an empty word");
	return error;
}

static int parse_reference(const struct parser *parser, uint32_t *out)
{
	const struct grammar_lexer *lexer = &parser->lexer;
	struct grammar_tree *tree = parser->tree;
	uint32_t name, slot = GRAMMAR_NONE, rule;
	int error = add_word(parser, lexer->word, lexer->word_size, &name);

	if (error == 0 && lexer->slot != NULL)
		error = add_word(parser, lexer->slot, lexer->slot_size, &slot);
	else if (error == 0 && lexer->word[0] != '_')
		slot = name;
	if (error == 0)
		error = grammar_tree_rule(tree, name, lexer->symbol_line, lexer->symbol_column,
					  &rule);
	if (error == 0)
		error = node_here(parser, GRAMMAR_RULE, out);
	if (error < 0)
		return error;
	tree->rules[rule].referred = true;
	tree->nodes[*out].value = rule;
	tree->nodes[*out].slot = slot;
	return 0;
}

static int parse_bracket(struct parser *parser, uint32_t *out)
{
	int open = parser->lexer.symbol, close = open == '(' ? ')' : ']';
	uint32_t inner;
	int error;

	if (++parser->depth > GRAMMAR_MAX_DEPTH)
		return refuse_here(parser, -E2BIG, "more than 64 brackets inside each other");
	error = node_here(parser, GRAMMAR_REPEAT, out);
	if (error == 0)
		error = grammar_lexer_next(&parser->lexer);
	if (error == 0)
		error = parse_choice(parser, &inner);
	if (error < 0)
		return error;
	if (parser->lexer.symbol != close)
		return refuse_symbol(parser, close == ')' ? ")" : "]");
	parser->depth--;
	parser->tree->nodes[*out].child = inner;
	parser->tree->nodes[*out].least = open == '(' ? 1 : 0;
	parser->tree->nodes[*out].most = 1;
	return 0;
}

static bool at_item(const struct parser *parser)
{
	int symbol = parser->lexer.symbol;

	return symbol == SYMBOL_WORD || symbol == SYMBOL_NAME || symbol == '(' || symbol == '[';
}

static int parse_item(struct parser *parser, uint32_t *out)
{
	switch (parser->lexer.symbol) {
	case SYMBOL_WORD:
		return parse_word(parser, out);
	case SYMBOL_NAME:
		return parse_reference(parser, out);
	default:
		return parse_bracket(parser, out);
	}
}

static int parse_repeated(struct parser *parser, uint32_t *out)
{
	struct grammar_tree *tree = parser->tree;
	uint32_t item;
	int error = parse_item(parser, &item);

	*out = item;
	if (error == 0)
		error = grammar_lexer_next(&parser->lexer);
	if (error < 0 || parser->lexer.symbol != SYMBOL_COUNT)
		return error;
	error = node_here(parser, GRAMMAR_REPEAT, out);
	if (error < 0)
		return error;
	tree->nodes[*out].child = item;
	tree->nodes[*out].least = parser->lexer.least;
	tree->nodes[*out].most = parser->lexer.most;
	error = grammar_lexer_next(&parser->lexer);
	if (error == 0 && parser->lexer.symbol == SYMBOL_COUNT)
		error = refuse_here(parser, -EINVAL,
				    "a second repetition: put ( ) around the first");
	return error;
}

static int parse_sequence(struct parser *parser, uint32_t *out)
{
	uint32_t last = GRAMMAR_NONE, item;
	int error = node_here(parser, GRAMMAR_SEQUENCE, out);

	if (error == 0 && !at_item(parser))
		return refuse_symbol(parser, "a word, <name>, ( or [");
	while (error == 0 && at_item(parser)) {
		error = parse_repeated(parser, &item);
		if (error < 0)
			break;
		*(last == GRAMMAR_NONE ? &parser->tree->nodes[*out].child
				       : &parser->tree->nodes[last].sibling) = item;
		last = item;
	}
	return error;
}

static int parse_choice(struct parser *parser, uint32_t *out)
{
	uint32_t last = GRAMMAR_NONE, sequence;
	int error = node_here(parser, GRAMMAR_CHOICE, out);

	while (error == 0) {
		error = parse_sequence(parser, &sequence);
		if (error < 0)
			break;
		*(last == GRAMMAR_NONE ? &parser->tree->nodes[*out].child
				       : &parser->tree->nodes[last].sibling) = sequence;
		last = sequence;
		if (parser->lexer.symbol != '|')
			break;
		error = grammar_lexer_next(&parser->lexer);
	}
	return error;
}

/* ---- statements ---- */

static bool is_word(const struct grammar_lexer *lexer, const char *text)
{
	return lexer->symbol == SYMBOL_WORD && !lexer->quoted && lexer->word_size == strlen(text) &&
	       memcmp(lexer->word, text, lexer->word_size) == 0;
}

/* `<name> =` or `public <name> =` begins here. */
static int at_definition(const struct parser *parser, bool *is_public, bool *definition)
{
	struct grammar_lexer ahead = parser->lexer;
	int error = 0;

	*is_public = is_word(&ahead, "public");
	if (*is_public)
		error = grammar_lexer_next(&ahead);
	*definition = error == 0 && ahead.symbol == SYMBOL_NAME && ahead.slot == NULL;
	if (*definition)
		error = grammar_lexer_next(&ahead);
	*definition = *definition && error == 0 && ahead.symbol == '=';
	return error;
}

static int parse_definition(struct parser *parser, bool is_public, uint32_t *rule)
{
	struct grammar_lexer *lexer = &parser->lexer;
	struct grammar_rule *known;
	uint32_t name;
	int error = is_public ? grammar_lexer_next(lexer) : 0;

	if (error == 0)
		error = add_word(parser, lexer->word, lexer->word_size, &name);
	if (error == 0)
		error = grammar_tree_rule(parser->tree, name, lexer->symbol_line,
					  lexer->symbol_column, rule);
	if (error < 0)
		return error;
	known = &parser->tree->rules[*rule];
	if (known->node != GRAMMAR_NONE)
		return grammar_refuse(parser->tree, -EINVAL, lexer->symbol_line,
				      lexer->symbol_column, "<%.64s> is defined in line %u already",
				      grammar_word_text(&parser->tree->words, name), known->line);
	known->line = (uint32_t)lexer->symbol_line;
	known->column = (uint32_t)lexer->symbol_column;
	known->is_public = is_public;
	error = grammar_lexer_next(lexer); /* = */
	return error == 0 ? grammar_lexer_next(lexer) : error;
}

static int parse_statement(struct parser *parser)
{
	struct grammar_lexer *lexer = &parser->lexer;
	bool is_public, definition;
	uint32_t rule, node;
	int error = at_definition(parser, &is_public, &definition);

	if (error < 0)
		return error;
	if (definition)
		error = parse_definition(parser, is_public, &rule);
	else
		error = grammar_tree_rule(parser->tree, GRAMMAR_NONE, lexer->symbol_line,
					  lexer->symbol_column, &rule);
	if (error == 0)
		error = parse_choice(parser, &node);
	if (error < 0)
		return error;
	parser->tree->rules[rule].node = node;
	if (lexer->symbol == SYMBOL_END)
		return 0;
	if (lexer->symbol != ';')
		return refuse_symbol(parser, "; or |");
	return grammar_lexer_next(lexer);
}

/* "#JSGF V1.0;" is a comment here; `grammar name;` behind it is no command. */
static int skip_jsgf(struct parser *parser)
{
	struct grammar_lexer *lexer = &parser->lexer;
	int error = grammar_lexer_next(lexer);

	if (error < 0 || lexer->size < 5 || memcmp(lexer->text, "#JSGF", 5) != 0 ||
	    !is_word(lexer, "grammar"))
		return error;
	while (error == 0 && lexer->symbol != ';' && lexer->symbol != SYMBOL_END)
		error = grammar_lexer_next(lexer);
	return error == 0 && lexer->symbol == ';' ? grammar_lexer_next(lexer) : error;
}

int grammar_parse(struct grammar_tree *tree, const char *text, size_t size)
{
	struct parser parser = {.tree = tree};
	int error;

	if (size > GRAMMAR_MAX_BYTES)
		return grammar_refuse(tree, -E2BIG, 0, 0, "more than %d bytes", GRAMMAR_MAX_BYTES);
	grammar_lexer_init(&parser.lexer, tree, text, size);
	error = skip_jsgf(&parser);
	if (error == 0 && parser.lexer.symbol == SYMBOL_END)
		return grammar_refuse(tree, -EINVAL, 1, 1, "there is no statement");
	while (error == 0 && parser.lexer.symbol != SYMBOL_END)
		error = parse_statement(&parser);
	return error;
}

/* ---- lists ---- */

static int parse_phrase(struct parser *parser, const char *text, size_t line, uint32_t *out)
{
	struct grammar_lexer *lexer = &parser->lexer;
	size_t position = 0, size = strlen(text);

	lexer->symbol_line = line;
	lexer->symbol_column = 1;
	for (size_t column = 1; position < size; column++) {
		uint32_t c = unicode_next(text, size, &position);

		if (c >= UNICODE_BYTE)
			return grammar_refuse(parser->tree, -EINVAL, line, column, "not UTF-8");
		if ((c < 0x20 && !unicode_is_space(c)) || c == 0x7f)
			return grammar_refuse(parser->tree, -EINVAL, line, column,
					      "a control character");
	}
	lexer->word = text;
	lexer->word_size = size;
	return parse_word(parser, out);
}

int grammar_parse_phrases(struct grammar_tree *tree, const char *const *phrases, size_t n)
{
	struct parser parser = {.tree = tree};
	uint32_t rule, choice, last = GRAMMAR_NONE, phrase;
	size_t bytes = 0;
	int error;

	if (n == 0)
		return grammar_refuse(tree, -EINVAL, 0, 0, "there is no phrase");
	if (n > GRAMMAR_MAX_PHRASES)
		return grammar_refuse(tree, -E2BIG, 0, 0, "more than %d phrases",
				      GRAMMAR_MAX_PHRASES);
	error = grammar_tree_rule(tree, GRAMMAR_NONE, 1, 1, &rule);
	if (error == 0)
		error = grammar_tree_node(tree, GRAMMAR_CHOICE, 1, 1, &choice);
	for (size_t i = 0; i < n && error == 0; i++) {
		bytes += strlen(phrases[i]);
		if (bytes > GRAMMAR_MAX_BYTES)
			return grammar_refuse(tree, -E2BIG, i + 1, 1, "more than %d bytes",
					      GRAMMAR_MAX_BYTES);
		error = parse_phrase(&parser, phrases[i], i + 1, &phrase);
		if (error < 0)
			break;
		*(last == GRAMMAR_NONE ? &tree->nodes[choice].child : &tree->nodes[last].sibling) =
			phrase;
		last = phrase;
	}
	if (error == 0)
		tree->rules[rule].node = choice;
	return error;
}
