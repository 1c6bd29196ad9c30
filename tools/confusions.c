#include "tools/confusions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void entry_finish(struct confusion *entry)
{
	free(entry->reference);
	free(entry->hypothesis);
}

void confusions_finish(struct confusions *confusions)
{
	for (size_t i = 0; i < confusions->n; i++)
		entry_finish(&confusions->entries[i]);
	free(confusions->entries);
	*confusions = (struct confusions){0};
}

/* Takes the entry over, on failure too. */
static int append(struct confusions *confusions, struct confusion entry)
{
	if ((entry.kind != EDIT_INSERTION && !entry.reference) ||
	    (entry.kind != EDIT_DELETION && !entry.hypothesis)) {
		entry_finish(&entry);
		return -ENOMEM;
	}
	if (confusions->n == confusions->capacity) {
		size_t capacity = 2 * confusions->capacity + 64;
		struct confusion *grown =
			realloc(confusions->entries, capacity * sizeof(*confusions->entries));
		if (!grown) {
			entry_finish(&entry);
			return -ENOMEM;
		}
		confusions->entries = grown;
		confusions->capacity = capacity;
	}
	confusions->entries[confusions->n++] = entry;
	return 0;
}

static char *unit_copy(const struct edit_unit *unit)
{
	return unit ? strndup(unit->text, unit->size) : NULL;
}

int confusions_add(struct confusions *confusions, const struct edit_pair *pair)
{
	if (pair->kind == EDIT_EQUAL)
		return 0;
	return append(confusions, (struct confusion){
					  .kind = pair->kind,
					  .reference = unit_copy(pair->reference),
					  .hypothesis = unit_copy(pair->hypothesis),
					  .count = 1,
				  });
}

int confusions_merge(struct confusions *confusions, const struct confusions *from)
{
	int error = 0;

	for (size_t i = 0; i < from->n && !error; i++) {
		struct confusion entry = from->entries[i];
		entry.reference = entry.reference ? strdup(entry.reference) : NULL;
		entry.hypothesis = entry.hypothesis ? strdup(entry.hypothesis) : NULL;
		error = append(confusions, entry);
	}
	return error;
}

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int compare_what(const void *a, const void *b)
{
	const struct confusion *x = a;
	const struct confusion *y = b;
	int order = (x->kind > y->kind) - (x->kind < y->kind);

	if (order == 0)
		order = compare_text(x->reference, y->reference);
	return order != 0 ? order : compare_text(x->hypothesis, y->hypothesis);
}

static int compare_rank(const void *a, const void *b)
{
	const struct confusion *x = a;
	const struct confusion *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return compare_what(a, b);
}

void confusions_rank(struct confusions *confusions)
{
	struct confusion *entries = confusions->entries;
	size_t n = 0;

	if (confusions->n == 0)
		return;
	qsort(entries, confusions->n, sizeof(*entries), compare_what);
	for (size_t i = 1; i < confusions->n; i++) {
		if (compare_what(&entries[n], &entries[i]) == 0) {
			entries[n].count += entries[i].count;
			entry_finish(&entries[i]);
		} else {
			entries[++n] = entries[i];
		}
	}
	confusions->n = n + 1;
	qsort(entries, confusions->n, sizeof(*entries), compare_rank);
}
