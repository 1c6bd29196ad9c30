#include "daemon/publisher.h"

#include "core/base/log.h"
#include "daemon/ladder.h"
#include "daemon/server.h"

static void count(struct publisher *publisher, const struct result *result)
{
	struct counters *counters = &publisher->daemon->counters;
	struct flicker *flicker = &publisher->flicker;
	uint64_t shown = flicker->shown, revised = flicker->revised;

	if (result->kind == RESULT_PARTIAL) {
		flicker_partial(flicker, result_text(result, result->stable),
				result_text(result, result->unstable));
	} else if (result->kind == RESULT_FINAL) {
		flicker_final(flicker, result_text(result, result->text));
		counters->utterances++;
		counters->prefix_broken += !result->prefix_ok;
		publisher->next_utterance = result->utterance + 1;
	}
	counters->words_shown += flicker->shown - shown;
	counters->words_revised += flicker->revised - revised;
}

static void fill_lag(const struct result *lag, struct message *message)
{
	*message = (struct message){.kind = MESSAGE_LAG};
	message->lag = (struct message_lag){
		.stamp = message_stamp(0, lag->clock, lag->rate),
		.behind = lag->behind_ms / 1000,
		.rtf = lag->rtf,
		.rung = lag->rung,
		.measures = ladder_name(lag->rung),
		.window = {lag->left, lag->chunk, lag->right},
	};
}

void publisher_result(struct publisher *publisher, const struct result *result, double latency)
{
	struct server *server = publisher->daemon->server;
	struct message message;

	if (result->kind == RESULT_VIEW) {
		server_publish_view(server, result->view, result->utterance);
		return;
	}
	if (result->kind != RESULT_LAG) {
		if (result->view == 0)
			count(publisher, result);
		server_publish_result(server, result, latency);
		return;
	}
	publisher->lag = *result;
	log_warn("behind real time by %.1f s: %s from the next utterance on",
		 result->behind_ms / 1000, ladder_name(result->rung));
	fill_lag(result, &message);
	server_publish(server, &message);
}

bool publisher_lag(const struct publisher *publisher, struct message *message)
{
	if (publisher->lag.rung == LADDER_NONE)
		return false;
	fill_lag(&publisher->lag, message);
	return true;
}
