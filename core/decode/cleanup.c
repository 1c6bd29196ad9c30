#include "core/decode/cleanup.h"

/* Every pattern starts with its only space, or (" ' ") has the other one at its
 * very end. So no prefix of a pattern that is held back has a suffix that
 * starts the pattern again: after a mismatch all of it can go. */
static const struct {
	const char *pattern;
	const char *replacement;
} passes[CLEANUP_PASSES] = {
	{" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
	{" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
};

static char *pass_byte(struct cleanup *cleanup, int pass, char byte, char *out);

static char *pass_text(struct cleanup *cleanup, int pass, const char *text, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		out = pass_byte(cleanup, pass, text[i], out);
	return out;
}

static char *pass_byte(struct cleanup *cleanup, int pass, char byte, char *out)
{
	const char *pattern;
	size_t held;

	if (pass == CLEANUP_PASSES) {
		*out++ = byte;
		return out;
	}
	pattern = passes[pass].pattern;
	held = cleanup->held[pass];
	if (byte != pattern[held] && held > 0) {
		cleanup->held[pass] = 0;
		out = pass_text(cleanup, pass + 1, pattern, held, out);
		held = 0;
	}
	if (byte != pattern[held])
		return pass_byte(cleanup, pass + 1, byte, out);
	held++;
	if (pattern[held] != '\0') {
		cleanup->held[pass] = (unsigned char)held;
		return out;
	}
	cleanup->held[pass] = 0;
	for (const char *p = passes[pass].replacement; *p != '\0'; p++)
		out = pass_byte(cleanup, pass + 1, *p, out);
	return out;
}

size_t cleanup_byte(struct cleanup *cleanup, char byte, char *out)
{
	return (size_t)(pass_byte(cleanup, 0, byte, out) - out);
}

size_t cleanup_end(struct cleanup *cleanup, char *out)
{
	char *start = out;

	for (int pass = 0; pass < CLEANUP_PASSES; pass++) {
		size_t held = cleanup->held[pass];

		cleanup->held[pass] = 0;
		out = pass_text(cleanup, pass + 1, passes[pass].pattern, held, out);
	}
	return (size_t)(out - start);
}
