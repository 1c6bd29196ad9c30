#include "daemon/info.h"

#include "daemon/model.h"
#include "daemon/session.h"
#include "daemon/wake.h"

#include <stdlib.h>

/* Each keyword is a model of its own to Wyoming. */
static size_t fill_wake(const struct session *session,
			const struct message_attribution *attribution, struct message_model **out)
{
	static const char *const languages[] = {"en"};
	size_t n;
	const char *const *words = wake_words(session->daemon->wake, &n);

	*out = calloc(n ? n : 1, sizeof(**out));
	if (!*out)
		return 0;
	for (size_t i = 0; i < n; i++) {
		(*out)[i] = (struct message_model){
			.name = words[i],
			.phrase = words[i],
			.attribution = *attribution,
			.installed = true,
			.languages = languages,
			.n_languages = 1,
		};
	}
	return n;
}

/* `installed` stays true while the model loads: Home Assistant asks once and
 * would leave us out for good. */
void info_send(struct session *session)
{
	static const struct message_attribution attribution = {
		.name = "heard",
		.url = "",
	};
	const struct model *model = session->daemon->model;
	long left, chunk, right;
	size_t n_languages;
	struct message_model asr_model = {
		.name = model_name(model),
		.description = "HuBERT or wav2vec 2.0 with a CTC head",
		.attribution = attribution,
		.installed = true,
		.languages = model_languages(model, &n_languages),
	};
	struct message_program asr = {
		.name = "heard",
		.description = "streaming speech recognition",
		.version = HEARD_VERSION,
		.attribution = attribution,
		.installed = true,
		.supports_transcript_streaming = true,
		.models = &asr_model,
		.n_models = 1,
		.heard = model_ready(model),
		.rate = model_rate(model),
		.hop = model_hop(model),
		.final = model_final_stream(model) ? SESSION_FINAL_STREAM : SESSION_FINAL_OFFLINE,
	};
	struct message message = {.kind = MESSAGE_INFO, .info = {.asr = &asr, .n_asr = 1}};
	struct message_program wake = {
		.name = "heard",
		.description = "keyword spotting",
		.version = HEARD_VERSION,
		.attribution = attribution,
		.installed = true,
	};
	struct message_model *wake_models = NULL;

	if (wake_exists(session->daemon->wake)) {
		wake.n_models = fill_wake(session, &attribution, &wake_models);
		wake.models = wake_models;
		message.info.wake = &wake;
		message.info.n_wake = 1;
	}
	asr_model.n_languages = n_languages;
	model_context(model, &left, &chunk, &right);
	asr.window = (struct message_window){left, chunk, right};
	session_send(session, &message, OUTQUEUE_KEEP);
	free(wake_models);
}
