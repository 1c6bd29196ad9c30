#include "tests/weights/scratch.h"

#include "core/base/log.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void keep_line(void *ctx, enum log_level level, const char *line)
{
	struct scratch *scratch = ctx;

	if (level != LOG_LEVEL_ERROR)
		return;
	scratch->errors++;
	snprintf(scratch->log, sizeof(scratch->log), "%s", line);
}

int scratch_setup(void **state)
{
	struct scratch *scratch = calloc(1, sizeof(*scratch));

	if (scratch == NULL)
		return -1;
	snprintf(scratch->dir, sizeof(scratch->dir), "/tmp/heard-test-XXXXXX");
	if (mkdtemp(scratch->dir) == NULL) {
		free(scratch);
		return -1;
	}
	log_set_sink(keep_line, scratch);
	*state = scratch;
	return 0;
}

int scratch_teardown(void **state)
{
	struct scratch *scratch = *state;
	DIR *dir = opendir(scratch->dir);
	const struct dirent *entry;

	log_set_sink(NULL, NULL);
	while (dir && (entry = readdir(dir)) != NULL)
		scratch_remove(scratch, entry->d_name);
	if (dir)
		closedir(dir);
	rmdir(scratch->dir);
	free(scratch);
	return 0;
}

void scratch_quiet(struct scratch *scratch)
{
	scratch->errors = 0;
	scratch->log[0] = '\0';
}

static const char *path_of(const struct scratch *scratch, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", scratch->dir, name);
	return path;
}

void scratch_write(const struct scratch *scratch, const char *name, const void *data, size_t size)
{
	FILE *file = fopen(path_of(scratch, name), "wb");

	assert_non_null(file);
	assert_int_equal(size ? fwrite(data, 1, size, file) : 0, size);
	assert_int_equal(fclose(file), 0);
}

void scratch_write_text(const struct scratch *scratch, const char *name, const char *text)
{
	scratch_write(scratch, name, text, strlen(text));
}

void scratch_remove(const struct scratch *scratch, const char *name)
{
	unlink(path_of(scratch, name));
}

void scratch_expect(struct scratch *scratch, const char *file, const char *what)
{
	if (scratch->errors != 1 || strstr(scratch->log, file) == NULL ||
	    strstr(scratch->log, what) == NULL)
		fail_msg("expected one line with '%s' and '%s', got %d, the last: '%s'", file, what,
			 scratch->errors, scratch->log);
	scratch_quiet(scratch);
}

void scratch_write_safetensors(const struct scratch *scratch, const char *name, const char *header,
			       size_t padding, const void *data, size_t size)
{
	FILE *file = fopen(path_of(scratch, name), "wb");
	uint64_t length = strlen(header) + padding;

	assert_non_null(file);
	assert_int_equal(fwrite(&length, 1, sizeof(length), file), sizeof(length));
	assert_int_equal(fwrite(header, 1, strlen(header), file), strlen(header));
	for (size_t i = 0; i < padding; i++)
		fputc(' ', file);
	assert_int_equal(size ? fwrite(data, 1, size, file) : 0, size);
	assert_int_equal(fclose(file), 0);
}
