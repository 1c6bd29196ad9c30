#include "daemon/status.h"

#include "core/base/log.h"
#include "daemon/live.h"
#include "daemon/model.h"
#include "daemon/server.h"
#include "daemon/session.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Resident bytes now and at most, from /proc; 0 where it is not mounted. */
static void read_memory(int64_t *now, int64_t *peak)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[128];
	long long kib;

	*now = *peak = 0;
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "VmRSS: %lld", &kib) == 1)
			*now = kib * 1024;
		else if (sscanf(line, "VmHWM: %lld", &kib) == 1)
			*peak = kib * 1024;
	}
	if (file)
		fclose(file);
}

static void count_sessions(const struct server *server, struct message_status *status)
{
	for (const struct session *session = server_first(server); session;
	     session = session->next) {
		status->clients++;
		status->subscribers += session->subscriber;
		status->pushers += session->push != NULL;
		status->dropped_partials += (int64_t)session->connection.queue.superseded;
	}
}

static void fill_engine(const struct engine_stats *stats, struct message_status *status)
{
	status->audio_total = atomic_load_explicit(&stats->audio_s, memory_order_relaxed);
	status->behind = atomic_load_explicit(&stats->behind_ms, memory_order_relaxed) / 1000;
	status->rung = atomic_load_explicit(&stats->rung, memory_order_relaxed);
	status->rtf = atomic_load_explicit(&stats->rtf, memory_order_relaxed);
	status->steps = (int64_t)histogram_count(&stats->steps);
	status->step_p50 = histogram_quantile_ms(&stats->steps, 0.5) / 1000;
	status->step_p99 = histogram_quantile_ms(&stats->steps, 0.99) / 1000;
}

void status_fill(struct daemon *daemon, struct message *message)
{
	const struct counters *counters = &daemon->counters;
	const struct model *model = daemon->model;
	struct message_status *status = &message->status;
	long left, chunk, right;

	*message = (struct message){.kind = MESSAGE_STATUS};
	status->stamp = live_stamp(daemon->live);
	status->version = HEARD_VERSION;
	status->state = daemon->stopping ? "stopping" : model_ready(model) ? "ready" : "loading";
	status->model = model_name(model);
	status->level = NAN;
	if (model_ready(model)) {
		model_context(model, &left, &chunk, &right);
		status->rate = model_rate(model);
		status->window = (struct message_window){left, chunk, right};
		status->lookahead =
			chunk < 0 ? 0
				  : (double)(chunk + right) * model_hop(model) / model_rate(model);
		status->final = model_final_stream(model) ? "stream" : "offline";
	}
	live_fill_status(daemon->live, status);
	status->uptime = (double)(uv_hrtime() - daemon->started) / 1e9;
	status->clients_total = (int64_t)counters->clients;
	status->utterances_total = (int64_t)counters->utterances;
	status->dropped_partials = (int64_t)counters->dropped_partials;
	status->dropped_clients = (int64_t)counters->dropped_clients;
	count_sessions(daemon->server, status);
	fill_engine(engine_stats(daemon->engine), status);
	read_memory(&status->memory, &status->memory_peak);
	status->words_shown = (int64_t)counters->words_shown;
	status->words_revised = (int64_t)counters->words_revised;
	status->flicker = counters->words_shown
				  ? (double)counters->words_revised / (double)counters->words_shown
				  : -1;
	status->prefix_broken = (int64_t)counters->prefix_broken;
}

void status_log(struct daemon *daemon)
{
	struct message message;
	const struct message_status *status = &message.status;

	status_fill(daemon, &message);
	log_info("status: %s, model %s, source %s (%s), up %.0f s", status->state, status->model,
		 status->source, status->device_state, status->uptime);
	log_info("status: %lld clients (%lld subscribers, %lld pushing), %lld since start, %lld "
		 "dropped, %lld utterances, %.1f s of audio",
		 (long long)status->clients, (long long)status->subscribers,
		 (long long)status->pushers, (long long)status->clients_total,
		 (long long)status->dropped_clients, (long long)status->utterances_total,
		 status->audio_total);
	log_info("status: behind %.2f s (%s), rtf %.3f, step p50 %.1f ms, p99 %.1f ms of %lld, "
		 "%.1f s lost, %lld KiB resident",
		 status->behind, ladder_name((enum ladder_rung)status->rung), status->rtf,
		 status->step_p50 * 1000, status->step_p99 * 1000, (long long)status->steps,
		 status->overrun, (long long)status->memory / 1024);
}
