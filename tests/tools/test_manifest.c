/* Lists of recordings as they should be, and as nobody should write them. */
#include "tests/weights/scratch.h"
#include "tools/manifest.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char *in(const struct scratch *scratch, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", scratch->dir, name);
	return path;
}

static struct manifest *load(struct scratch *scratch, const char *text)
{
	struct manifest *manifest;

	scratch_write_text(scratch, "list.tsv", text);
	assert_int_equal(manifest_load(in(scratch, "list.tsv"), &manifest), 0);
	assert_int_equal(scratch->errors, 0);
	return manifest;
}

static void refused(struct scratch *scratch, const void *data, size_t size, const char *where,
		    const char *why)
{
	struct manifest *manifest;

	scratch_write(scratch, "bad.tsv", data, size);
	assert_int_equal(manifest_load(in(scratch, "bad.tsv"), &manifest), -EINVAL);
	assert_null(manifest);
	scratch_expect(scratch, where, why);
}

static void test_fields(void **state)
{
	struct manifest *manifest = load(*state, "start\tpath\tsamples\ttranscript\tnote\n"
						 "1600\ta.opus\t52800\tENTER SIX\t\n"
						 "0\ta.opus\t1099511627776\t\tschön\n"
						 "\tb.opus\t\tA  B\tx\n");

	assert_int_equal(manifest_size(manifest), 3);
	assert_string_equal(manifest_set(manifest), "list");
	const struct manifest_clip *clip = manifest_clip(manifest, 0);
	assert_int_equal(clip->start, 1600);
	assert_int_equal(clip->samples, 52800);
	assert_int_equal(clip->line, 2);
	assert_string_equal(clip->name, "a.opus");
	assert_int_equal(manifest_clip(manifest, 1)->samples, (uint64_t)1 << 40);
	assert_ptr_equal(manifest_clip(manifest, 1)->path, clip->path);
	assert_int_equal(manifest_clip(manifest, 2)->start, 0);
	assert_true(manifest_clip(manifest, 2)->samples == MANIFEST_TO_END);

	int transcript = manifest_column(manifest, "transcript");
	int note = manifest_column(manifest, "note");
	assert_string_equal(manifest_field(manifest, 0, transcript), "ENTER SIX");
	assert_string_equal(manifest_field(manifest, 1, transcript), "");
	assert_string_equal(manifest_field(manifest, 1, note), "schön");
	assert_string_equal(manifest_field(manifest, 2, transcript), "A  B");
	assert_int_equal(manifest_column(manifest, "speaker"), -ENOENT);
	assert_string_equal(manifest_field(manifest, 2, -ENOENT), "");
	manifest_destroy(manifest);
	manifest_destroy(NULL);
}

/* What editors and spreadsheets leave behind. */
static void test_line_ends(void **state)
{
	struct manifest *manifest = load(*state, "\xef\xbb\xbfpath\tnote\r\n"
						 "a.wav\tone\r\n"
						 "\r\n"
						 "\n"
						 "b.wav\ttwo");

	assert_int_equal(manifest_size(manifest), 2);
	assert_string_equal(manifest_field(manifest, 0, 1), "one");
	assert_string_equal(manifest_field(manifest, 1, 1), "two");
	assert_int_equal(manifest_clip(manifest, 1)->line, 5);
	manifest_destroy(manifest);

	manifest = load(*state, "path\n");
	assert_int_equal(manifest_size(manifest), 0);
	manifest_destroy(manifest);
}

static void test_many_rows(void **state)
{
	enum { ROWS = 3000 };
	char *text = malloc(ROWS * 32);
	int n = sprintf(text, "path\tstart\n");

	for (int i = 0; i < ROWS; i++)
		n += sprintf(text + n, "%d.wav\t%d\n", i / 2, i);
	struct manifest *manifest = load(*state, text);
	free(text);
	assert_int_equal(manifest_size(manifest), ROWS);
	for (int i = 0; i < ROWS; i++) {
		char name[32];
		snprintf(name, sizeof(name), "%d.wav", i / 2);
		const struct manifest_clip *clip = manifest_clip(manifest, (size_t)i);
		assert_string_equal(clip->name, name);
		assert_string_equal(strrchr(clip->path, '/') + 1, name);
		assert_int_equal(clip->start, i);
	}
	manifest_destroy(manifest);
}

static void assert_ends_with(const char *text, const char *end)
{
	size_t n = strlen(text);
	size_t m = strlen(end);

	if (n < m || strcmp(text + n - m, end) != 0)
		fail_msg("'%s' does not end with '%s'", text, end);
}

/* The folder above comes first, then the manifest's own; where neither has the
 * file it is looked for above. */
static void test_where_files_are(void **state)
{
	struct scratch *scratch = *state;
	struct manifest *manifest;

	assert_int_equal(mkdir(in(scratch, "set"), 0700), 0);
	scratch_write_text(scratch, "set/manifest.tsv",
			   "path\nset/a.wav\nb.wav\nboth.wav\nnone.wav\n/root/x.wav\n-\n");
	scratch_write_text(scratch, "set/a.wav", "");
	scratch_write_text(scratch, "set/b.wav", "");
	scratch_write_text(scratch, "set/both.wav", "");
	scratch_write_text(scratch, "both.wav", "");

	assert_int_equal(chdir(scratch->dir), 0);
	static const char *const names[] = {"set", "set/", "set/manifest.tsv", "./set/../set/"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(manifest_load(names[i], &manifest), 0);
		assert_string_equal(manifest_set(manifest), "set");
		const char *base = strrchr(scratch->dir, '/');
		char above[128];
		snprintf(above, sizeof(above), "%s/set/a.wav", base);
		assert_ends_with(manifest_clip(manifest, 0)->path, above);
		assert_ends_with(manifest_clip(manifest, 1)->path, "/set/b.wav");
		snprintf(above, sizeof(above), "%s/both.wav", base);
		assert_ends_with(manifest_clip(manifest, 2)->path, above);
		snprintf(above, sizeof(above), "%s/none.wav", base);
		assert_ends_with(manifest_clip(manifest, 3)->path, above);
		assert_string_equal(manifest_clip(manifest, 4)->path, "/root/x.wav");
		/* Standard input is no file of a manifest. */
		assert_ends_with(manifest_clip(manifest, 5)->path, "/-");
		manifest_destroy(manifest);
	}
	assert_int_equal(chdir("set"), 0);
	assert_int_equal(manifest_load("manifest.tsv", &manifest), 0);
	assert_string_equal(manifest_set(manifest), "set");
	assert_ends_with(manifest_clip(manifest, 0)->path, "/set/a.wav");
	manifest_destroy(manifest);
	assert_int_equal(chdir("/"), 0);

	scratch_remove(scratch, "set/manifest.tsv");
	scratch_remove(scratch, "set/a.wav");
	scratch_remove(scratch, "set/b.wav");
	scratch_remove(scratch, "set/both.wav");
	assert_int_equal(rmdir(in(scratch, "set")), 0);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *where, *why;
	} cases[] = {
		{"", "bad.tsv:1", "no header"},
		{"\n", "bad.tsv:1", "without a name"},
		{"file\ttranscript\na.wav\tX\n", "bad.tsv:1", "'path'"},
		{"path\tpath\n", "bad.tsv:1", "same name"},
		{"path\t\ttranscript\n", "bad.tsv:1", "without a name"},
		{"path\tnote\na.wav\n", "bad.tsv:2", "fewer fields"},
		{"path\tnote\na.wav\tx\nb.wav\tx\ty\n", "bad.tsv:3", "more fields"},
		{"path\tnote\n\tx\n", "bad.tsv:2", "path is empty"},
		{"path\tstart\na.wav\t-1\n", "bad.tsv:2", "start"},
		{"path\tstart\na.wav\t1.5\n", "bad.tsv:2", "start"},
		{"path\tstart\na.wav\t 1\n", "bad.tsv:2", "start"},
		{"path\tstart\na.wav\t0x10\n", "bad.tsv:2", "start"},
		{"path\tstart\na.wav\t1099511627777\n", "bad.tsv:2", "start"},
		{"path\tstart\na.wav\t99999999999999999999999999\n", "bad.tsv:2", "start"},
		{"path\tsamples\na.wav\t18446744073709551616\n", "bad.tsv:2", "length"},
		{"path\tsamples\na.wav\tmany\n", "bad.tsv:2", "length"},
		{"path\tnote\na.wav\t\xff\n", "bad.tsv:2", "UTF-8"},
		{"path\tnote\na.wav\t\xed\xa0\x80\n", "bad.tsv:2", "UTF-8"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refused(*state, cases[i].text, strlen(cases[i].text), cases[i].where, cases[i].why);
	static const char zero[] = "path\tnote\na.wav\tx\0y\n";
	refused(*state, zero, sizeof(zero) - 1, "bad.tsv:2", "zero byte");
	static const char zero_at_end[] = "path\na.wav\n\0";
	refused(*state, zero_at_end, sizeof(zero_at_end) - 1, "bad.tsv:3", "zero byte");

	char wide[4 * MANIFEST_MAX_COLUMNS + 16] = "path";
	for (int i = 0; i < MANIFEST_MAX_COLUMNS; i++)
		sprintf(wide + strlen(wide), "\tc%d", i);
	refused(*state, wide, strlen(wide), "bad.tsv:1", "more columns");
}

static void test_no_such_file(void **state)
{
	struct scratch *scratch = *state;
	struct manifest *manifest;

	assert_int_equal(manifest_load("/no/such/list.tsv", &manifest), -ENOENT);
	scratch_expect(scratch, "/no/such/list.tsv", "No such file");
	assert_int_equal(manifest_load(scratch->dir, &manifest), -ENOENT);
	scratch_expect(scratch, "manifest.tsv", "No such file");
	assert_int_equal(manifest_load("", &manifest), -ENOENT);
	scratch_quiet(scratch);
}

/* A sparse file: its size alone is the reason. */
static void test_too_large(void **state)
{
	struct scratch *scratch = *state;
	struct manifest *manifest;

	scratch_write_text(scratch, "large.tsv", "path\n");
	assert_int_equal(truncate(in(scratch, "large.tsv"), (off_t)1 << 40), 0);
	assert_int_equal(manifest_load(in(scratch, "large.tsv"), &manifest), -EFBIG);
	scratch_expect(scratch, "large.tsv", "64 MiB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_fields, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_line_ends, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_many_rows, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_where_files_are, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_refused, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_no_such_file, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_too_large, scratch_setup, scratch_teardown),
	};
	return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
