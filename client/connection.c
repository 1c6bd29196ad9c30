#include "client/connection.h"

#include "client/hear.h"
#include "client/options.h"
#include "client/wait.h"
#include "protocol/address.h"
#include "protocol/error.h"
#include "protocol/heard.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { ANSWER_MS = 10000 };

int connection_open(const struct options *options, bool quiet, struct heard **out)
{
	int status = heard_connect(options->socket, out);
	char where[ADDRESS_TEXT_BYTES] = "the default socket";
	const char *reason = strerror(-status);
	struct address address;

	if (status == 0 || quiet)
		return status;
	int parsed = options->socket ? address_parse(options->socket, &address, &reason)
				     : address_default(&address, &reason);
	if (parsed == 0)
		address_print(&address, where);
	else if (options->socket)
		snprintf(where, sizeof(where), "%s", options->socket);
	fprintf(stderr, "hear: %s: %s%s\n", where, reason,
		status == -ENOENT || status == -ECONNREFUSED ? " (is heard running?)" : "");
	return status;
}

int connection_exit_status(int error)
{
	return error == -EINVAL ? HEAR_USAGE : HEAR_NO_DAEMON;
}

static void complain(bool quiet, const char *text)
{
	if (!quiet)
		fprintf(stderr, "hear: %s\n", text);
}

int connection_ask(struct heard *heard, const char *request, const char *answer, bool quiet,
		   struct heard_event *event)
{
	int64_t deadline = wait_now_ms() + ANSWER_MS;
	int status = request ? heard_send(heard, request, NULL) : 0;

	while (status >= 0) {
		status = heard_next(heard, event);
		if (status > 0 && strcmp(event->type, answer) == 0)
			return HEAR_OK;
		if (status > 0 && event->kind == HEARD_ERROR) {
			complain(quiet, event->text);
			return HEAR_FAILED;
		}
		if (status != 0)
			continue;
		int64_t left = deadline - wait_now_ms();
		status = left > 0 ? wait_for(heard, -1, (int)left) : 0;
		if (status == 0) {
			if (!quiet)
				fprintf(stderr, "hear: no %s came\n", answer);
			return HEAR_FAILED;
		}
	}
	if (status == -EINTR)
		return HEAR_INTERRUPTED;
	complain(quiet, heard_error(heard)[0] ? heard_error(heard) : strerror(-status));
	return HEAR_FAILED;
}

bool connection_worth_retrying(const char *error_code)
{
	switch (protocol_error_find(error_code)) {
	case PROTOCOL_NOT_READY:
	case PROTOCOL_OVERLOADED:
	case PROTOCOL_TOO_MANY_CLIENTS:
	case PROTOCOL_TOO_SLOW:
	case PROTOCOL_TIMEOUT:
	case PROTOCOL_SHUTDOWN:
	case PROTOCOL_INTERNAL:
		return true;
	default:
		return false;
	}
}
