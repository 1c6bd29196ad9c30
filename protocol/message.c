#include "protocol/message.h"

#include <stdlib.h>
#include <string.h>

static const char *const types[MESSAGE_KINDS] = {
	[MESSAGE_UNKNOWN] = "",
	[MESSAGE_DESCRIBE] = "describe",
	[MESSAGE_INFO] = "info",
	[MESSAGE_TRANSCRIBE] = "transcribe",
	[MESSAGE_AUDIO_START] = "audio-start",
	[MESSAGE_AUDIO_CHUNK] = "audio-chunk",
	[MESSAGE_AUDIO_STOP] = "audio-stop",
	[MESSAGE_TRANSCRIPT_START] = "transcript-start",
	[MESSAGE_TRANSCRIPT_CHUNK] = "transcript-chunk",
	[MESSAGE_TRANSCRIPT] = "transcript",
	[MESSAGE_TRANSCRIPT_STOP] = "transcript-stop",
	[MESSAGE_VOICE_STARTED] = "voice-started",
	[MESSAGE_VOICE_STOPPED] = "voice-stopped",
	[MESSAGE_DETECT] = "detect",
	[MESSAGE_DETECTION] = "detection",
	[MESSAGE_NOT_DETECTED] = "not-detected",
	[MESSAGE_PING] = "ping",
	[MESSAGE_PONG] = "pong",
	[MESSAGE_ERROR] = "error",
	[MESSAGE_HELLO] = "heard-hello",
	[MESSAGE_WELCOME] = "heard-welcome",
	[MESSAGE_SUBSCRIBE] = "heard-subscribe",
	[MESSAGE_SET] = "heard-set",
	[MESSAGE_FLUSH] = "heard-flush",
	[MESSAGE_RESET] = "heard-reset",
	[MESSAGE_CANCEL] = "heard-cancel",
	[MESSAGE_PARTIAL] = "heard-partial",
	[MESSAGE_ENDPOINT] = "heard-endpoint",
	[MESSAGE_DEVICE] = "heard-device",
	[MESSAGE_OVERRUN] = "heard-overrun",
	[MESSAGE_LAG] = "heard-lag",
	[MESSAGE_STATUS] = "heard-status",
	[MESSAGE_COMMAND] = "heard-command",
	[MESSAGE_NO_MATCH] = "heard-no-match",
	[MESSAGE_NBEST] = "heard-nbest",
};

const char *message_type(enum message_kind kind)
{
	if ((unsigned)kind >= MESSAGE_KINDS)
		abort();
	return types[kind];
}

enum message_kind message_kind(const char *type)
{
	for (int i = MESSAGE_UNKNOWN + 1; i < MESSAGE_KINDS; i++) {
		if (strcmp(types[i], type) == 0)
			return (enum message_kind)i;
	}
	return MESSAGE_UNKNOWN;
}
