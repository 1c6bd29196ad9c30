#include "tools/json_out.h"

#include "core/base/utf8.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static void write_string(FILE *f, const char *value)
{
	size_t left = strlen(value);

	putc('"', f);
	for (const char *s = value; left > 0;) {
		uint32_t code;
		size_t n = utf8_decode(s, left, &code);
		if (n == 0) {
			fputs("\xef\xbf\xbd", f);
			n = 1;
		} else if (*s == '"' || *s == '\\') {
			putc('\\', f);
			putc(*s, f);
		} else if (code < 0x20 || code == 0x7f) {
			fprintf(f, "\\u%04x", (unsigned)code);
		} else {
			fwrite(s, 1, n, f);
		}
		s += n;
		left -= n;
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
