/*
 * Runs a fuzz target over files and directories given as arguments, without a
 * fuzzing engine: how the corpora are replayed by every test run, and how a
 * finding is reproduced.
 */
#include "tests/fuzz/target.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat info;

	if (file == NULL || fstat(fileno(file), &info) < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		if (file)
			fclose(file);
		return -1;
	}
	/* Exactly as large as the input, so that ASan sees the first byte too many. */
	size_t size = (size_t)info.st_size;
	unsigned char *data = malloc(size ? size : 1);
	int rc = data && fread(data, 1, size, file) == size ? 0 : -1;
	if (rc == 0)
		LLVMFuzzerTestOneInput(data, size);
	else
		fprintf(stderr, "%s: cannot read\n", path);
	free(data);
	fclose(file);
	return rc;
}

/* Returns the number of inputs run, or -1. Directories are not descended into. */
static long replay_directory(const char *path, DIR *dir)
{
	const struct dirent *entry;
	long n = 0;

	while (n >= 0 && (entry = readdir(dir)) != NULL) {
		char name[4096];
		struct stat info;
		int length = snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (length < 0 || (size_t)length >= sizeof(name) || stat(name, &info) < 0)
			n = -1;
		else if (S_ISREG(info.st_mode))
			n = replay_file(name) == 0 ? n + 1 : -1;
	}
	return n;
}

int main(int argc, char **argv)
{
	long total = 0;

	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);
		long n = dir ? replay_directory(argv[i], dir) : replay_file(argv[i]) == 0 ? 1 : -1;
		if (dir)
			closedir(dir);
		if (n < 0)
			return 1;
		total += n;
	}
	printf("%ld inputs\n", total);
	/* An empty corpus would pass without having tested anything. */
	return total > 0 ? 0 : 1;
}
