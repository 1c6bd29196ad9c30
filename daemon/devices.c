#include "daemon/devices.h"

#include "audio/device.h"
#include "core/base/log.h"
#include "daemon/live.h"
#include "daemon/server.h"
#include "daemon/session.h"

#include <stdlib.h>

/* The client may be gone when the list is there, so it is kept by number. */
struct query {
	uv_work_t work;
	struct daemon *daemon;
	uint64_t client;
	struct device_list list;
	int err;
};

static void read_list(uv_work_t *work)
{
	struct query *query = work->data;

	query->err = device_list_read(&query->list);
}

static void answer(struct session *session, const struct device_list *list)
{
	struct message_input *inputs = calloc(list->n ? list->n : 1, sizeof(*inputs));
	struct message message;

	if (!inputs) {
		session_fail(session, PROTOCOL_INTERNAL, "out of memory");
		return;
	}
	for (size_t i = 0; i < list->n; i++) {
		const struct device *device = &list->devices[i];

		inputs[i] = (struct message_input){
			.index = device->index,
			.name = device->name,
			.host = device->host,
			.rate = device->rate,
			.channels = device->channels,
			.is_default = device->is_default,
		};
	}
	live_describe(session->daemon->live, &message);
	message.device.devices = inputs;
	message.device.n_devices = list->n;
	message.device.has_devices = true;
	session_send(session, &message, OUTQUEUE_KEEP);
	free(inputs);
}

static void list_read(uv_work_t *work, int status)
{
	struct query *query = work->data;
	struct session *session = server_find(query->daemon->server, query->client);

	(void)status;
	/* Without PortAudio the list is empty, which is what it is. */
	if (session)
		answer(session, &query->list);
	if (query->err == 0)
		device_list_finish(&query->list);
	free(query);
}

void devices_send(struct session *session)
{
	struct query *query = calloc(1, sizeof(*query));

	if (!query) {
		session_fail(session, PROTOCOL_INTERNAL, "out of memory");
		return;
	}
	query->daemon = session->daemon;
	query->client = session->id;
	query->work.data = query;
	if (uv_queue_work(session->daemon->loop, &query->work, read_list, list_read) < 0) {
		free(query);
		session_fail(session, PROTOCOL_INTERNAL, "no worker");
	}
}
