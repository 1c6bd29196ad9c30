#include "protocol/error.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	const char *text;
	bool fatal;
} errors[] = {
	[PROTOCOL_OK] = {"ok", "no error", false},
	[PROTOCOL_LINE_TOO_LONG] = {"line-too-long", "the header line is too long", true},
	[PROTOCOL_DATA_TOO_LONG] = {"data-too-long", "the data part is too long", true},
	[PROTOCOL_PAYLOAD_TOO_LONG] = {"payload-too-long", "the payload is too long", true},
	[PROTOCOL_BAD_UTF8] = {"bad-utf8", "the header or data part is not UTF-8 text", true},
	[PROTOCOL_BAD_JSON] = {"bad-json", "the header or data part is not JSON", true},
	[PROTOCOL_BAD_HEADER] = {"bad-header", "the header line is not a Wyoming header", true},
	[PROTOCOL_BAD_DATA] = {"bad-data", "the data is not a JSON object", true},
	[PROTOCOL_BAD_FIELD] = {"bad-field", "a field has a wrong value", false},
	[PROTOCOL_BAD_ORDER] = {"bad-order", "the event does not belong here", false},
	[PROTOCOL_BAD_FORMAT] = {"bad-format", "the audio format is not supported", true},
	[PROTOCOL_NO_LANGUAGE] = {"no-language", "the model does not have this language", false},
	[PROTOCOL_NO_SOURCE] = {"no-source", "the daemon has no audio source", false},
	[PROTOCOL_NO_WAKE] = {"no-wake", "the daemon has no wake model", false},
	[PROTOCOL_NOT_PERMITTED] = {"not-permitted", "this client may not do that", false},
	[PROTOCOL_NOT_READY] = {"not-ready", "the model could not be loaded", true},
	[PROTOCOL_OVERLOADED] = {"overloaded", "the machine is behind real time", true},
	[PROTOCOL_TOO_MANY_CLIENTS] = {"too-many-clients", "too many clients", true},
	[PROTOCOL_TOO_SLOW] = {"too-slow", "the client does not read its events", true},
	[PROTOCOL_TOO_MUCH_AUDIO] = {"too-much-audio", "the stream is too long", true},
	[PROTOCOL_TIMEOUT] = {"timeout", "nothing came for too long", true},
	[PROTOCOL_SHUTDOWN] = {"shutdown", "the daemon shuts down", true},
	[PROTOCOL_INTERNAL] = {"internal", "the daemon failed", true},
};

_Static_assert(sizeof(errors) / sizeof(errors[0]) == PROTOCOL_ERRORS, "a code without a name");

const char *protocol_error_name(enum protocol_error error)
{
	if ((unsigned)error >= PROTOCOL_ERRORS)
		abort();
	return errors[error].name;
}

enum protocol_error protocol_error_find(const char *name)
{
	int i = 0;

	if (!name)
		return PROTOCOL_ERRORS;
	while (i < PROTOCOL_ERRORS && strcmp(errors[i].name, name) != 0)
		i++;
	return (enum protocol_error)i;
}

const char *protocol_error_text(enum protocol_error error)
{
	if ((unsigned)error >= PROTOCOL_ERRORS)
		abort();
	return errors[error].text;
}

bool protocol_error_fatal(enum protocol_error error)
{
	if ((unsigned)error >= PROTOCOL_ERRORS)
		abort();
	return errors[error].fatal;
}
