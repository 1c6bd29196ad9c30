#include "core/decode/lm_arpa.h"

#include "core/base/log.h"
#include "core/decode/lm_image.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Score, words, back-off; one more to notice too many. */
enum { MAX_FIELDS = LM_MAX_ORDER + 3 };

struct field {
	char *text; /* terminated */
	size_t bytes;
};

struct reader {
	struct lm_text *text;
	struct lm_grams *grams;
	uint64_t announced[LM_MAX_ORDER]; /* n-grams by order, as the header says */
	char *line;
	size_t n;
};

static int refuse(const struct reader *reader, int error, const char *what)
{
	log_error("%s:%zu: %s", reader->text->path, reader->text->line, what);
	return error;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next line that is not empty, blanks at both ends cut off. 1, 0 or an errno. */
static int next_line(struct reader *reader)
{
	int rc;

	do {
		rc = lm_text_line(reader->text, &reader->line, &reader->n);
		if (rc <= 0)
			return rc;
		while (reader->n > 0 && is_blank(reader->line[reader->n - 1]))
			reader->line[--reader->n] = '\0';
		while (reader->n > 0 && is_blank(reader->line[0])) {
			reader->line++;
			reader->n--;
		}
	} while (reader->n == 0);
	return 1;
}

static int next_line_or_refuse(struct reader *reader)
{
	int rc = next_line(reader);

	return rc == 0 ? refuse(reader, -EINVAL, "the file is cut off here, before \\end\\") : rc;
}

static bool starts_with(const char *line, const char *prefix)
{
	return strncmp(line, prefix, strlen(prefix)) == 0;
}

/* Divides the line at blanks; returns the number of fields, at most MAX_FIELDS. */
static unsigned split(char *line, struct field fields[MAX_FIELDS])
{
	unsigned n = 0;

	while (*line != '\0' && n < MAX_FIELDS) {
		size_t bytes = strcspn(line, " \t");

		fields[n++] = (struct field){line, bytes};
		line += bytes;
		if (*line != '\0')
			*line++ = '\0';
		line += strspn(line, " \t");
	}
	return n;
}

/* What lies before \data\ in a file that is no ARPA text has a name, or not. */
static int refuse_foreign(const struct reader *reader)
{
	if (starts_with(reader->line, "mmap lm http://kheafield.com/code"))
		return refuse(reader, -ENOTSUP,
			      "a KenLM binary, which only KenLM can read: use the ARPA file it was "
			      "built from (pack it with 'heard-model lm-pack')");
	return refuse(reader, -EINVAL, "no \\data\\ line: not an ARPA language model");
}

/* Text in front of \data\ is allowed, but not without an end. */
static int find_data(struct reader *reader)
{
	enum { MAX_PREAMBLE = 1000 };

	/* The name of a KenLM binary is followed by a zero byte, which would be
	 * refused as part of a line. */
	static const char kenlm[] = "mmap lm http://kheafield.com/code";
	size_t ready = reader->text->end - reader->text->start;

	reader->line = reader->text->buffer + reader->text->start;
	if (ready >= sizeof(kenlm) && memcmp(reader->line, kenlm, sizeof(kenlm) - 1) == 0)
		return refuse_foreign(reader);
	for (int i = 0; i < MAX_PREAMBLE; i++) {
		int rc = next_line(reader);

		if (rc < 0)
			return rc;
		if (rc == 0)
			break;
		if (strcmp(reader->line, "\\data\\") == 0)
			return 0;
	}
	return refuse_foreign(reader);
}

/* "ngram 2=1234", with blanks where somebody likes them. */
static int read_count(struct reader *reader)
{
	unsigned order = reader->grams->order + 1;
	unsigned long long count;
	char *end, *text = reader->line + strlen("ngram");
	unsigned long number = strtoul(text, &end, 10);

	bool given = end != text;

	while (is_blank(*end))
		end++;
	if (!given || *end != '=')
		return refuse(reader, -EINVAL, "expected 'ngram ORDER=COUNT'");
	if (number != order)
		return refuse(reader, -EINVAL, "the orders do not follow each other from 1");
	if (order > LM_MAX_ORDER)
		return refuse(reader, -ENOTSUP, "n-grams longer than 5 words are not supported");
	text = end + 1;
	text += strspn(text, " \t");
	errno = 0;
	count = strtoull(text, &end, 10);
	if (end == text || *end != '\0' || *text == '-' || errno != 0)
		return refuse(reader, -EINVAL, "expected a number of n-grams");
	if (count >= LM_NONE)
		return refuse(reader, -EFBIG, "more n-grams than can be counted here");
	reader->announced[order - 1] = count;
	reader->grams->order = order;
	return 0;
}

static int read_counts(struct reader *reader)
{
	int rc;

	while ((rc = next_line_or_refuse(reader)) > 0 && starts_with(reader->line, "ngram")) {
		rc = read_count(reader);
		if (rc < 0)
			return rc;
	}
	if (rc > 0 && reader->grams->order == 0)
		return refuse(reader, -EINVAL, "expected 'ngram 1=COUNT'");
	return rc < 0 ? rc : 0;
}

static bool read_score(const struct field *field, float *out)
{
	char *end;

	/* strtof would take words and hexadecimal too. */
	if (field->bytes == 0 || strspn(field->text, "+-.0123456789eE") != field->bytes)
		return false;
	*out = strtof(field->text, &end);
	return *end == '\0' && fabsf(*out) <= LM_MAX_SCORE;
}

static int find_words(const struct reader *reader, unsigned order, const struct field *words,
		      uint32_t ids[LM_MAX_ORDER])
{
	for (unsigned i = 0; i < order; i++) {
		ids[i] = lm_grams_find(reader->grams, words[i].text, words[i].bytes);
		if (ids[i] == LM_NONE) {
			log_error("%s:%zu: '%s' is not among the unigrams", reader->text->path,
				  reader->text->line, words[i].text);
			return -EINVAL;
		}
	}
	return 0;
}

static int add_ngram(struct reader *reader, unsigned order, const struct field *words,
		     float probability, float backoff)
{
	uint32_t ids[LM_MAX_ORDER];
	int rc;

	if (order == 1) {
		rc = lm_grams_add_word(reader->grams, words[0].text, words[0].bytes, probability,
				       backoff);
	} else {
		rc = find_words(reader, order, words, ids);
		if (rc == 0)
			rc = lm_grams_add(reader->grams, order, ids, probability, backoff);
	}
	if (rc == -EEXIST)
		return refuse(reader, -EINVAL, "this word is listed twice");
	return rc == -EFBIG ? refuse(reader, rc, "more than can be kept here") : rc;
}

static int read_ngram(struct reader *reader, unsigned order)
{
	struct field fields[MAX_FIELDS];
	unsigned n = split(reader->line, fields);
	bool longest = order == reader->grams->order;
	float probability, backoff = 0;

	if (n != order + 1 && n != order + 2) {
		log_error("%s:%zu: expected a log-probability, %u word%s and maybe a back-off, "
			  "not %u fields",
			  reader->text->path, reader->text->line, order, order == 1 ? "" : "s", n);
		return -EINVAL;
	}
	if (!read_score(&fields[0], &probability))
		return refuse(reader, -EINVAL, "the log-probability is no number in range");
	if (probability > 0)
		return refuse(reader, -EINVAL, "a positive log-probability");
	if (n == order + 2 && !read_score(&fields[order + 1], &backoff))
		return refuse(reader, -EINVAL, "the back-off is no number in range");
	/* Nothing can follow the longest n-grams: some tools write a 0 there. */
	if (longest && backoff != 0)
		return refuse(reader, -EINVAL, "a back-off of an n-gram of the highest order");
	return add_ngram(reader, order, fields + 1, probability, backoff);
}

/* "\2-grams:" and what follows, up to the next line with a backslash in front. */
static int read_section(struct reader *reader, unsigned order)
{
	char *end;
	unsigned long number = strtoul(reader->line + 1, &end, 10);
	uint64_t n = 0;
	int rc;

	if (reader->line[0] != '\\' || number != order || strcmp(end, "-grams:") != 0) {
		log_error("%s:%zu: expected \\%u-grams:", reader->text->path, reader->text->line,
			  order);
		return -EINVAL;
	}
	while ((rc = next_line_or_refuse(reader)) > 0 && reader->line[0] != '\\') {
		if (n == reader->announced[order - 1])
			break;
		rc = read_ngram(reader, order);
		if (rc < 0)
			return rc;
		n++;
	}
	if (rc < 0)
		return rc;
	if (n != reader->announced[order - 1] || reader->line[0] != '\\') {
		log_error("%s:%zu: %s %u-grams than the %llu announced", reader->text->path,
			  reader->text->line, reader->line[0] == '\\' ? "fewer" : "more", order,
			  (unsigned long long)reader->announced[order - 1]);
		return -EINVAL;
	}
	return 0;
}

static int read_all(struct reader *reader)
{
	int rc = find_data(reader);

	if (rc == 0)
		rc = read_counts(reader);
	for (unsigned order = 1; rc == 0 && order <= reader->grams->order; order++) {
		rc = read_section(reader, order);
		if (rc == 0 && order == 1)
			rc = lm_grams_end_words(reader->grams);
	}
	if (rc == 0 && strcmp(reader->line, "\\end\\") != 0)
		rc = refuse(reader, -EINVAL, "expected \\end\\");
	return rc;
}

int lm_arpa_read(struct lm_text *text, struct lm_grams *grams)
{
	struct reader reader = {.text = text, .grams = grams};
	int rc = read_all(&reader);

	if (rc == -ENOMEM)
		log_error("%s:%zu: out of memory", text->path, text->line);
	return rc;
}
