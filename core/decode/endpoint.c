#include "core/decode/endpoint.h"

const char *endpoint_rule_name(enum endpoint_rule rule)
{
	switch (rule) {
	case ENDPOINT_SILENCE_NO_TEXT:
		return "silence-no-text";
	case ENDPOINT_SILENCE_TEXT:
		return "silence-text";
	case ENDPOINT_MAX_LENGTH:
		return "max-length";
	case ENDPOINT_NONE:
		break;
	}
	return "none";
}

/* A millionth of a frame of slack: 0.6 s are 30 frames of 20 ms, although
 * neither number is exact in binary. */
static int lasted(size_t frames, double frame_seconds, double limit)
{
	return limit > 0.0 && ((double)frames + 1e-6) * frame_seconds >= limit;
}

enum endpoint_rule endpoint_check(const struct endpoint_rules *rules, size_t frames,
				  size_t trailing, int has_text, double frame_seconds)
{
	if (has_text && lasted(trailing, frame_seconds, rules->silence_text))
		return ENDPOINT_SILENCE_TEXT;
	if (!has_text && lasted(trailing, frame_seconds, rules->silence_no_text))
		return ENDPOINT_SILENCE_NO_TEXT;
	if (lasted(frames, frame_seconds, rules->max_length))
		return ENDPOINT_MAX_LENGTH;
	return ENDPOINT_NONE;
}
