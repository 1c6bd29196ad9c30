/*
 * Multikey quicksort (Bentley and Sedgewick 1997): divide the rows by one
 * column into less, equal and greater; go on in the next column for the equal
 * ones. No column is compared twice where rows agree in it, nothing is copied
 * aside. Pivots are drawn at random, so that no order of the file is a bad one.
 */
#include "core/decode/lm_sort.h"

#include <stdbool.h>
#include <string.h>

enum { FEW_ROWS = 12, MAX_WIDTH = 8 };

struct sorter {
	uint32_t *rows;
	unsigned width, keys;
	uint64_t random;
};

static uint32_t *row_at(const struct sorter *sorter, size_t i)
{
	return sorter->rows + i * sorter->width;
}

static void swap_rows(const struct sorter *sorter, size_t a, size_t b)
{
	uint32_t aside[MAX_WIDTH], *left = row_at(sorter, a), *right = row_at(sorter, b);
	size_t bytes = sorter->width * sizeof(uint32_t);

	memcpy(aside, left, bytes);
	memmove(left, right, bytes);
	memcpy(right, aside, bytes);
}

static bool is_less(const struct sorter *sorter, size_t a, size_t b, unsigned column)
{
	const uint32_t *left = row_at(sorter, a), *right = row_at(sorter, b);

	while (column + 1 < sorter->keys && left[column] == right[column])
		column++;
	return left[column] < right[column];
}

static void insert_rows(const struct sorter *sorter, size_t first, size_t last, unsigned column)
{
	for (size_t i = first + 1; i < last; i++) {
		for (size_t k = i; k > first && is_less(sorter, k, k - 1, column); k--)
			swap_rows(sorter, k, k - 1);
	}
}

static uint32_t draw_key(struct sorter *sorter, size_t first, size_t n, unsigned column)
{
	sorter->random = sorter->random * 6364136223846793005U + 1442695040888963407U;
	return row_at(sorter, first + (size_t)(sorter->random >> 33) % n)[column];
}

static uint32_t pick_pivot(struct sorter *sorter, size_t first, size_t n, unsigned column)
{
	uint32_t a = draw_key(sorter, first, n, column), b = draw_key(sorter, first, n, column),
		 c = draw_key(sorter, first, n, column);
	uint32_t low = a < b ? a : b, high = a < b ? b : a;

	return c < low ? low : c > high ? high : c;
}

static void sort(struct sorter *sorter, size_t first, size_t last, unsigned column)
{
	while (last - first > FEW_ROWS) {
		uint32_t pivot = pick_pivot(sorter, first, last - first, column);
		size_t less = first, greater = last, i = first;

		/* [first, less) below, [less, i) equal, [greater, last) above. */
		while (i < greater) {
			uint32_t key = row_at(sorter, i)[column];

			if (key < pivot)
				swap_rows(sorter, i++, less++);
			else if (key > pivot)
				swap_rows(sorter, i, --greater);
			else
				i++;
		}
		/* The largest part is done in this call, so that calls nest at
		 * most as deep as the number of rows halves. */
		struct part {
			size_t first, last;
			unsigned column;
		} parts[3] = {{first, less, column},
			      {less, greater, column + 1},
			      {greater, last, column}},
		  *largest = parts;
		for (int k = 1; k < 3; k++) {
			if (parts[k].last - parts[k].first > largest->last - largest->first)
				largest = &parts[k];
		}
		for (int k = 0; k < 3; k++) {
			if (&parts[k] != largest && parts[k].column < sorter->keys)
				sort(sorter, parts[k].first, parts[k].last, parts[k].column);
		}
		if (largest->column == sorter->keys)
			return;
		first = largest->first;
		last = largest->last;
		column = largest->column;
	}
	insert_rows(sorter, first, last, column);
}

void lm_sort_rows(uint32_t *rows, size_t n, unsigned width, unsigned keys)
{
	struct sorter sorter = {.rows = rows, .width = width, .keys = keys, .random = n};

	if (n > 1)
		sort(&sorter, 0, n, 0);
}
