#include "core/weights/json_file.h"

#include "core/base/log.h"
#include "core/base/mapping.h"
#include "core/base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t line_of(const char *text, size_t offset)
{
	size_t line = 1;

	for (size_t i = 0; i < offset; i++)
		line += text[i] == '\n';
	return line;
}

/* cJSON hands strings out as C strings and does not look at their encoding. */
static int check_text(const char *text, size_t size, const char *label)
{
	size_t valid = utf8_valid_prefix(text, size);

	if (valid < size) {
		log_error("%s:%zu: not valid UTF-8", label, line_of(text, valid));
		return -EINVAL;
	}
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\0') {
			log_error("%s:%zu: a NUL byte in the text", label, line_of(text, i));
			return -EINVAL;
		}
		/* Outside of strings a backslash is a syntax error anyway. */
		if (text[i] == '\\' && size - i >= 6 && memcmp(text + i, "\\u0000", 6) == 0) {
			log_error("%s:%zu: a NUL character (\\u0000) in a string", label,
				  line_of(text, i));
			return -EINVAL;
		}
		/* Step over an escaped backslash, so that its second half does
		 * not start an escape. */
		i += text[i] == '\\' && i + 1 < size && text[i + 1] == '\\';
	}
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Both C JSON readers and Python take one of two equal keys, not always the
 * same one: what a file means must not depend on the reader. */
static int check_keys(const cJSON *object, const char *label)
{
	size_t n = 0;
	const cJSON *item;

	cJSON_ArrayForEach(item, object) n++;
	if (n < 2)
		return 0;
	const char **keys = malloc(n * sizeof(*keys));
	if (keys == NULL)
		return -ENOMEM;
	n = 0;
	cJSON_ArrayForEach(item, object) keys[n++] = item->string;
	qsort(keys, n, sizeof(*keys), compare_keys);
	int rc = 0;
	for (size_t i = 1; i < n && rc == 0; i++) {
		if (strcmp(keys[i - 1], keys[i]) == 0) {
			log_error("%s: key '%s' appears twice", label, keys[i]);
			rc = -EINVAL;
		}
	}
	free(keys);
	return rc;
}

/* Recursion is bounded by cJSON's own nesting limit (1000). */
static int check_tree(const cJSON *item, const char *key, const char *label)
{
	if (cJSON_IsNumber(item) && !isfinite(item->valuedouble)) {
		log_error("%s: key '%s' is not a finite number", label, key);
		return -EINVAL;
	}
	if (cJSON_IsObject(item)) {
		int rc = check_keys(item, label);
		if (rc < 0)
			return rc;
	}
	const cJSON *child;
	cJSON_ArrayForEach(child, item)
	{
		int rc = check_tree(child, child->string ? child->string : key, label);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* The last key before `offset`, for the message: a value that is no JSON (NaN)
 * is better found by its name. NULL where there is none. */
static const char *key_before(const char *text, size_t offset, size_t *length)
{
	enum { KEY_SHOWN = 100 };
	size_t end = offset;

	*length = 0;
	while (end >= 2 && !(text[end - 1] == ':' && text[end - 2] == '"'))
		end--;
	if (end < 2)
		return NULL;
	end -= 2; /* the closing quote */
	size_t start = end;
	while (start > 0 && text[start - 1] != '"' && end - start < KEY_SHOWN)
		start--;
	*length = end - start;
	return text + start;
}

int json_parse(const char *text, size_t size, const char *label, cJSON **out)
{
	*out = NULL;
	if (size > JSON_MAX_BYTES) {
		log_error("%s: %zu bytes of JSON, at most %d are read", label, size,
			  JSON_MAX_BYTES);
		return -EFBIG;
	}
	int rc = check_text(text, size, label);
	if (rc < 0)
		return rc;

	const char *end = NULL;
	cJSON *root = cJSON_ParseWithLengthOpts(text, size, &end, 0);
	size_t offset = end ? (size_t)(end - text) : 0;
	if (root) {
		while (offset < size && strchr(" \t\r\n", text[offset]))
			offset++;
		if (offset == size)
			rc = check_tree(root, "", label);
	}
	if (root == NULL || offset < size) {
		int shown = size - offset < 24 ? (int)(size - offset) : 24;
		for (int i = 0; i < shown; i++) {
			if (text[offset + (size_t)i] == '\n')
				shown = i;
		}
		size_t length;
		const char *key = key_before(text, offset, &length);
		log_error("%s:%zu: not valid JSON at '%.*s'%s%.*s%s", label, line_of(text, offset),
			  shown, text + offset, key ? " behind key '" : "", (int)length,
			  key ? key : "", key ? "'" : "");
		rc = -EINVAL;
	}
	if (rc < 0) {
		cJSON_Delete(root);
		return rc;
	}
	*out = root;
	return 0;
}

static int read_all(int fd, const char *path, char **text, size_t *size)
{
	struct stat info;

	*text = NULL;
	if (fstat(fd, &info) < 0) {
		int err = errno;
		log_error("%s: cannot inspect: %s", path, strerror(err));
		return -err;
	}
	if (!S_ISREG(info.st_mode)) {
		log_error("%s: not a regular file", path);
		return -EINVAL;
	}
	if (info.st_size > JSON_MAX_BYTES) {
		log_error("%s: %lld bytes of JSON, at most %d are read", path,
			  (long long)info.st_size, JSON_MAX_BYTES);
		return -EFBIG;
	}
	char *buffer = malloc((size_t)info.st_size + 1);
	if (buffer == NULL)
		return -ENOMEM;
	size_t have = 0;
	while (have < (size_t)info.st_size) {
		ssize_t n = read(fd, buffer + have, (size_t)info.st_size - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int err = errno;
			log_error("%s: cannot read: %s", path, strerror(err));
			free(buffer);
			return -err;
		}
		if (n == 0)
			break;
		have += (size_t)n;
	}
	buffer[have] = '\0';
	*text = buffer;
	*size = have;
	return 0;
}

int json_file_read(const char *dir, const char *name, cJSON **out)
{
	*out = NULL;
	char *path = mapping_path(dir, name);
	if (path == NULL)
		return -ENOMEM;

	char *text = NULL;
	size_t size = 0;
	int rc;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		rc = -errno;
		if (rc != -ENOENT)
			log_error("%s: cannot open: %s", path, strerror(-rc));
		goto done;
	}
	rc = read_all(fd, path, &text, &size);
	close(fd);
	if (text)
		rc = json_parse(text, size, path, out);
	free(text);
done:
	free(path);
	return rc;
}

bool json_to_size(const cJSON *item, size_t *out)
{
	const double largest = 9007199254740992.0;

	if (!cJSON_IsNumber(item))
		return false;
	double value = item->valuedouble;
	if (!(value >= 0 && value <= largest) || value != floor(value))
		return false;
#if SIZE_MAX < UINT64_MAX
	if (value > (double)SIZE_MAX)
		return false;
#endif
	*out = (size_t)value;
	return true;
}
