#include "tools/json_out.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* Length of the valid UTF-8 sequence at s, 0 where there is none (Unicode
 * 15.0, table 3-7: no surrogates, no overlong forms). */
static size_t utf8_length(const unsigned char *s)
{
	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	size_t n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	unsigned char low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
	unsigned char high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

static void write_string(FILE *f, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;

	putc('"', f);
	while (*s != '\0') {
		size_t n = utf8_length(s);
		if (n == 0) {
			fputs("\xef\xbf\xbd", f);
			n = 1;
		} else if (*s == '"' || *s == '\\') {
			putc('\\', f);
			putc(*s, f);
		} else if (*s < 0x20 || *s == 0x7f) {
			fprintf(f, "\\u%04x", *s);
		} else {
			fwrite(s, 1, n, f);
		}
		s += n;
	}
	putc('"', f);
}

static void start(struct json_out *json, const char *key)
{
	if (json->comma)
		fputs(", ", json->file);
	json->comma = true;
	if (key) {
		write_string(json->file, key);
		fputs(": ", json->file);
	}
}

static void open_bracket(struct json_out *json, const char *key, char bracket)
{
	start(json, key);
	putc(bracket, json->file);
	json->comma = false;
}

static void close_bracket(struct json_out *json, char bracket)
{
	putc(bracket, json->file);
	json->comma = true;
}

void json_begin_object(struct json_out *json, const char *key)
{
	open_bracket(json, key, '{');
}

void json_end_object(struct json_out *json)
{
	close_bracket(json, '}');
}

void json_begin_array(struct json_out *json, const char *key)
{
	open_bracket(json, key, '[');
}

void json_end_array(struct json_out *json)
{
	close_bracket(json, ']');
}

void json_string(struct json_out *json, const char *key, const char *value)
{
	start(json, key);
	if (value)
		write_string(json->file, value);
	else
		fputs("null", json->file);
}

void json_integer(struct json_out *json, const char *key, long long value)
{
	start(json, key);
	fprintf(json->file, "%lld", value);
}

void json_bool(struct json_out *json, const char *key, bool value)
{
	start(json, key);
	fputs(value ? "true" : "false", json->file);
}

void json_null(struct json_out *json, const char *key)
{
	start(json, key);
	fputs("null", json->file);
}

void json_number(struct json_out *json, const char *key, double value, int digits)
{
	start(json, key);
	if (isfinite(value))
		fprintf(json->file, "%.*g", digits, value);
	else
		fputs("null", json->file);
}

void json_newline(struct json_out *json)
{
	putc('\n', json->file);
	json->comma = false;
}
