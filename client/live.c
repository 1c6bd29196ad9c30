#include "client/live.h"

#include "client/connection.h"
#include "client/hear.h"
#include "client/options.h"
#include "client/output.h"
#include "client/wait.h"
#include "protocol/heard.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* How following one connection ended. */
enum end {
	END_INTERRUPTED,
	END_OUTPUT,  /* nobody reads standard output: done */
	END_FILE,    /* something could not be written; reported */
	END_REFUSED, /* reported */
	END_SOURCE,  /* the daemon's source has no more */
	END_LOST,    /* worth connecting again */
};

struct live {
	struct output output;
	int64_t started_ms; /* the first subscription was answered; 0: not yet */
	bool subscribed;    /* this connection's was */
	bool lost;          /* there was one before, or it was refused */
};

static enum end end_of_output(int status)
{
	return status == -EPIPE ? END_OUTPUT : END_FILE;
}

/* True where the event ends the connection. */
static bool show(struct live *live, struct heard *heard, const struct heard_event *event,
		 enum end *end)
{
	/* The answer to the subscription tells the stream's clock, which starts anew
	 * with each daemon, while subtitles start once, with us. */
	if (event->kind == HEARD_DEVICE && !live->subscribed) {
		if (live->started_ms == 0)
			live->started_ms = wait_now_ms();
		live->output.zero = event->time - (double)(wait_now_ms() - live->started_ms) / 1000;
		live->subscribed = true;
		if (live->lost)
			output_notice(&live->output, "connected again");
		live->lost = false;
		output_obstacle(&live->output, "");
	}
	int status = output_event(&live->output, heard, event);
	if (status < 0) {
		*end = end_of_output(status);
		return true;
	}
	if (event->kind == HEARD_ERROR) {
		bool retry = connection_worth_retrying(event->code);
		if (retry && !live->output.json)
			output_obstacle(&live->output, event->text);
		else if (!live->output.json)
			output_refusal(&live->output, event, NULL);
		*end = retry ? END_LOST : END_REFUSED;
		return true;
	}
	if (event->kind == HEARD_DEVICE && strcmp(event->code, "ended") == 0) {
		*end = END_SOURCE;
		return true;
	}
	return false;
}

static enum end follow(struct live *live, const struct options *options, struct heard *heard)
{
	struct heard_options session = options->session;
	struct heard_event event;
	enum end end;

	session.partials = options->json || live->output.captions.live;
	session.words = options->json || options->srt || options->vtt;
	int status = heard_subscribe(heard, &session);
	while (status >= 0) {
		while ((status = heard_next(heard, &event)) > 0) {
			if (show(live, heard, &event, &end))
				return end;
		}
		if (status == 0)
			status = wait_for(heard, -1, -1);
	}
	if (status == -EINTR)
		return END_INTERRUPTED;
	output_obstacle(&live->output, heard_error(heard));
	return END_LOST;
}

int live_run(const struct options *options)
{
	static struct live live; /* large */
	struct backoff backoff = {0};
	struct heard *heard;
	enum end end = END_LOST;

	int status = connection_open(options, false, &heard);
	if (status < 0)
		return connection_exit_status(status);
	if (output_init(&live.output, options) < 0) {
		heard_close(heard);
		output_finish(&live.output);
		return HEAR_FILE;
	}
	for (;;) {
		live.subscribed = false;
		end = follow(&live, options, heard);
		heard_close(heard);
		heard = NULL;
		if (end != END_LOST)
			break;
		captions_final(&live.output.captions, "", false);
		live.lost = true;
		if (live.subscribed)
			backoff = (struct backoff){0};
		do {
			status = backoff_wait(&backoff);
		} while (status == 0 && connection_open(options, true, &heard) < 0);
		if (status < 0) {
			end = END_INTERRUPTED;
			break;
		}
	}
	output_finish(&live.output);
	return end == END_FILE ? HEAR_FILE : end == END_REFUSED ? HEAR_FAILED : HEAR_OK;
}
