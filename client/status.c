#include "client/status.h"

#include "client/connection.h"
#include "client/hear.h"
#include "client/options.h"
#include "protocol/heard.h"
#include "protocol/message.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *or_dash(const char *text)
{
	return text && text[0] != '\0' ? text : "-";
}

static void print_duration(const char *label, double seconds)
{
	long long s = seconds > 0 && seconds < 1e15 ? (long long)seconds : 0;

	printf("%-12s", label);
	if (s >= 86400)
		printf("%lld d ", s / 86400);
	if (s >= 3600)
		printf("%lld h ", s / 3600 % 24);
	if (s >= 60)
		printf("%lld min ", s / 60 % 60);
	printf("%lld s\n", s % 60);
}

static void print_status(const struct message_status *status)
{
	double hop =
		status->rate > 0 && status->window.chunk > 0 &&
				status->window.chunk + status->window.right > 0
			? status->lookahead / (double)(status->window.chunk + status->window.right)
			: 0;

	printf("%-12sheard %s, %s\n", "daemon", or_dash(status->version), or_dash(status->state));
	print_duration("uptime", status->uptime);
	printf("%-12s%s, %.0f Hz, final %s\n", "model", or_dash(status->model), status->rate,
	       or_dash(status->final));
	printf("%-12s%lld:%lld:%lld frames", "context", (long long)status->window.left,
	       (long long)status->window.chunk, (long long)status->window.right);
	if (hop > 0)
		printf(" of %.0f ms", hop * 1000);
	printf(", text after %.2f s\n", status->lookahead);
	printf("%-12s%s", "source", or_dash(status->source));
	if (status->device)
		printf(", %s, %s", status->device, or_dash(status->device_state));
	putchar('\n');
	if (isfinite(status->level))
		printf("%-12s%.1f dBFS, gate %s\n", "level", status->level,
		       status->gate_open ? "open" : "closed");
	printf("%-12s%lld now (%lld following, %lld pushing), %lld in all, %lld dropped\n",
	       "clients", (long long)status->clients, (long long)status->subscribers,
	       (long long)status->pushers, (long long)status->clients_total,
	       (long long)status->dropped_clients);
	printf("%-12s%lld utterances, %.1f s of audio\n", "recognized",
	       (long long)status->utterances_total, status->audio_total);
	printf("%-12s%.2f s behind, rung %lld", "load", status->behind, (long long)status->rung);
	if (status->rtf >= 0)
		printf(", real-time factor %.3f", status->rtf);
	putchar('\n');
	printf("%-12s%lld, p50 %.1f ms, p99 %.1f ms\n", "steps", (long long)status->steps,
	       status->step_p50 * 1000, status->step_p99 * 1000);
	printf("%-12s%.2f s of audio, %lld partials\n", "lost", status->overrun,
	       (long long)status->dropped_partials);
	printf("%-12s%.1f MiB, peak %.1f MiB\n", "memory", (double)status->memory / 1048576,
	       (double)status->memory_peak / 1048576);
	if (status->flicker >= 0)
		printf("%-12s%.1f %% of %lld unstable words were revised\n", "flicker",
		       status->flicker * 100, (long long)status->words_shown);
	if (status->prefix_broken > 0)
		printf("%-12s%lld finals contradicted their stable text\n", "finals",
		       (long long)status->prefix_broken);
}

static void print_devices(const struct message_device *device)
{
	for (size_t i = 0; i < device->n_devices; i++) {
		const struct message_input *input = &device->devices[i];
		bool open = device->name && strcmp(device->state, "open") == 0 &&
			    strcmp(device->name, input->name) == 0;
		printf("%3lld  %s", (long long)input->index, input->name);
		printf("  (%s%s%.0f Hz, %lld channel%s)%s%s\n", input->host ? input->host : "",
		       input->host ? ", " : "", input->rate, (long long)input->channels,
		       input->channels == 1 ? "" : "s", input->is_default ? " [default]" : "",
		       open ? " [open]" : "");
	}
	if (device->n_devices == 0)
		fputs("hear: the daemon sees no device to record from\n", stderr);
}

/* Asks, and prints the answer as JSON or by its kind. */
static int ask(const struct options *options, const char *type)
{
	struct heard *heard;
	struct heard_event event;
	struct message message;
	struct problem problem;

	int status = connection_open(options, false, &heard);
	if (status < 0)
		return connection_exit_status(status);
	status = connection_ask(heard, type, type, false, &event);
	const char *json = status == HEAR_OK ? heard_json(heard) : NULL;
	if (status == HEAR_OK && !json) {
		fputs("hear: out of memory\n", stderr);
		status = HEAR_FAILED;
	}
	if (json && options->json) {
		puts(json);
	} else if (json) {
		cJSON *tree = cJSON_Parse(json);
		const cJSON *data = cJSON_GetObjectItemCaseSensitive(tree, "data");
		if (message_parse(type, data, &message, &problem) == 0) {
			if (message.kind == MESSAGE_STATUS)
				print_status(&message.status);
			else
				print_devices(&message.device);
			message_finish(&message);
		} else {
			fprintf(stderr, "hear: %s\n", problem.text);
			status = HEAR_FAILED;
		}
		cJSON_Delete(tree);
	}
	heard_close(heard);
	return fflush(stdout) == 0 ? status : HEAR_FILE;
}

int status_run(const struct options *options)
{
	return ask(options, message_type(MESSAGE_STATUS));
}

int devices_run(const struct options *options)
{
	return ask(options, message_type(MESSAGE_DEVICE));
}
