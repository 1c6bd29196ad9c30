#include "core/decode/lm_pack.h"

#include "core/base/log.h"
#include "core/decode/lm_arpa.h"
#include "core/decode/lm_grams.h"
#include "core/decode/lm_image.h"
#include "core/decode/lm_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The rows of two tables begin with the same words. */
static bool same_path(const uint32_t *a, const uint32_t *b, unsigned n)
{
	return memcmp(a, b, n * sizeof(*a)) == 0;
}

/* Children of the rows of one order: both tables are sorted, and each row of
 * the longer one has its ending in the shorter one. */
static void link_children(const struct lm_table *parents, const struct lm_table *children,
			  struct lm_entry *entries)
{
	size_t child = 0;

	for (size_t i = 0; i < parents->n; i++) {
		const uint32_t *row = lm_table_row(parents, i);

		entries[i].child = (uint32_t)child;
		while (child < children->n &&
		       same_path(row, lm_table_row(children, child), parents->order))
			child++;
	}
	entries[parents->n].child = (uint32_t)child;
}

static void write_words(const struct lm_grams *grams, const struct lm_layout *at)
{
	uint32_t end = 0;

	for (size_t i = 0; i < grams->n_words; i++) {
		const struct lm_unigram *word = &grams->words[i];

		at->string_index[i] = end;
		memcpy(at->strings + end, grams->strings + word->offset, word->bytes);
		end += word->bytes;
		at->entries[0][i] = (struct lm_entry){
			.probability = word->probability,
			.backoff = word->backoff,
			.child = grams->order > 1 ? grams->tables[1].first[i] : 0,
		};
	}
	at->string_index[grams->n_words] = end;
	at->entries[0][grams->n_words].child = grams->order > 1 ? (uint32_t)grams->tables[1].n : 0;
}

static void write_table(const struct lm_table *table, const struct lm_layout *at)
{
	unsigned k = table->order - 1;

	for (size_t i = 0; i < table->n; i++) {
		const uint32_t *row = lm_table_row(table, i);

		at->keys[k][i] = row[k];
		if (at->entries[k]) {
			at->entries[k][i].probability = lm_row_float(row, table->order);
			at->entries[k][i].backoff = lm_row_float(row, table->order + 1);
		} else {
			at->probabilities[i] = lm_row_float(row, table->order);
		}
	}
}

static void free_rows(struct lm_table *table)
{
	free(table->rows);
	free(table->first);
	table->rows = NULL;
	table->first = NULL;
}

/* From the longest n-grams down, each table freed as soon as it is written. */
static void write_image(struct lm_grams *grams, const struct lm_layout *at)
{
	for (unsigned k = grams->order - 1; k > 0; k--) {
		write_table(&grams->tables[k], at);
		if (k + 1 < grams->order) {
			link_children(&grams->tables[k], &grams->tables[k + 1], at->entries[k]);
			free_rows(&grams->tables[k + 1]);
		}
	}
	write_words(grams, at);
}

static void fill_header(const struct lm_grams *grams, struct lm_header *header)
{
	*header = (struct lm_header){
		.byte_order = LM_BYTE_ORDER,
		.order = grams->order,
		.unknown = grams->unknown,
		.begin = grams->begin,
		.end = grams->end,
	};
	memcpy(header->magic, LM_MAGIC, sizeof(header->magic));
	header->counts[0] = (uint32_t)grams->n_words;
	for (unsigned k = 1; k < grams->order; k++)
		header->counts[k] = (uint32_t)grams->tables[k].n;
	for (size_t i = 0; i < grams->n_words; i++)
		header->string_bytes += grams->words[i].bytes;
}

static int make_image(struct lm_grams *grams, struct lm_packed *out)
{
	struct lm_header header;
	struct lm_layout at;

	fill_header(grams, &header);
	if (!lm_layout(&header, NULL, &at))
		return -EFBIG;
	out->size = at.bytes;
	if (arena_init(&out->memory, out->size + ARENA_ALIGNMENT) < 0)
		return -ENOMEM;
	out->data = arena_alloc(&out->memory, out->size);
	if (out->data == NULL || !lm_layout(&header, out->data, &at))
		return -ENOMEM;
	write_image(grams, &at);
	header.body_checksum = lm_body_checksum(&at, out->data);
	header.header_checksum = lm_header_checksum(&header);
	memcpy(out->data, &header, sizeof(header));
	out->order = header.order;
	memcpy(out->counts, header.counts, sizeof(out->counts));
	return 0;
}

static int close_grams(struct lm_grams *grams, const char *path, uint32_t *added)
{
	uint32_t words[LM_MAX_ORDER];
	unsigned order;
	size_t listed = 0, n = 0;
	int rc;

	for (unsigned k = 1; k < grams->order; k++)
		listed += grams->tables[k].n;
	rc = lm_grams_close(grams, &order, words);
	if (rc == -EEXIST) {
		char text[256] = "";
		size_t used = 0;

		for (unsigned i = 0; i < order; i++) {
			const struct lm_unigram *word = &grams->words[words[i]];
			size_t room = sizeof(text) - 1 - used, bytes = word->bytes;

			bytes = bytes < room ? bytes : room;
			memcpy(text + used, grams->strings + word->offset, bytes);
			used += bytes;
			if (used < sizeof(text) - 1 && i + 1 < order)
				text[used++] = ' ';
		}
		log_error("%s: the %u-gram '%s' is listed twice", path, order, text);
		return -EINVAL;
	}
	for (unsigned k = 1; k < grams->order; k++)
		n += grams->tables[k].n;
	*added = (uint32_t)(n - listed);
	return rc;
}

int lm_pack_text(struct lm_text *text, struct lm_packed *out)
{
	struct lm_grams grams = {0};
	const char *path = text->path;
	int rc = lm_arpa_read(text, &grams);

	*out = (struct lm_packed){0};
	lm_text_close(text);
	if (rc == 0) {
		rc = close_grams(&grams, path, &out->added);
		if (rc == 0)
			rc = make_image(&grams, out);
		if (rc == -ENOMEM)
			log_error("%s: not enough memory to pack it", path);
		else if (rc == -EFBIG)
			log_error("%s: too large to be packed on this machine", path);
	}
	lm_grams_finish(&grams);
	if (rc < 0)
		lm_packed_finish(out);
	return rc;
}

int lm_pack(const char *path, struct lm_packed *out)
{
	struct lm_text text;
	int rc = lm_text_open(&text, path);

	*out = (struct lm_packed){0};
	return rc < 0 ? rc : lm_pack_text(&text, out);
}

void lm_packed_finish(struct lm_packed *packed)
{
	arena_finish(&packed->memory);
	*packed = (struct lm_packed){0};
}
