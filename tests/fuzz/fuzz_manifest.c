/* A manifest of recordings, from a file in memory. */
#include "core/base/utf8.h"
#include "tests/fuzz/quiet.h"
#include "tests/fuzz/target.h"
#include "tools/manifest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void check(const struct manifest *manifest)
{
	static const char *const names[] = {"path", "start", "transcript", "split", "note"};

	for (size_t i = 0; i < manifest_size(manifest); i++) {
		const struct manifest_clip *clip = manifest_clip(manifest, i);
		/* What code behind it relies on. */
		if (clip->name[0] == '\0' || clip->path[0] != '/' || clip->line < 2 ||
		    (clip->samples != MANIFEST_TO_END && clip->start + clip->samples < clip->start))
			abort();
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
			int column = manifest_column(manifest, names[k]);
			const char *field = manifest_field(manifest, i, column);
			if (!utf8_valid(field, strlen(field)) || strpbrk(field, "\t\n"))
				abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifest *manifest;
	char path[64];
	int fd = memfd_create("manifest", MFD_CLOEXEC);

	quiet_log();
	if (fd < 0 || (size > 0 && write(fd, data, size) != (ssize_t)size)) {
		perror("memfd");
		abort();
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (manifest_load(path, &manifest) == 0) {
		check(manifest);
		manifest_destroy(manifest);
	}
	close(fd);
	return 0;
}
