/* The offline passes of ended utterances: a queue in the order of their ends,
 * worked off piece by piece behind the streaming steps. */
#include "core/recognizer_state.h"

int recognizer_offline_reserve(struct recognizer *recognizer, size_t n, int adapter)
{
	size_t outputs = acoustic_model_output_size(recognizer->model, adapter);
	bool longer = n > recognizer->reserved_samples;
	int error = 0;

	if (!longer && outputs <= recognizer->reserved_outputs)
		return 0;
	if (!longer)
		n = recognizer->reserved_samples;
	if (recognizer->offline == NULL)
		error = acoustic_offline_create(recognizer->model, n, &recognizer->offline);
	/* Beginning takes all memory that the pass will need. No sample is read before it advances,
	 * and it never does: the pass in work begins again. */
	recognizer->begun = false;
	if (error == 0)
		error = acoustic_offline_begin(recognizer->offline, NULL, n, adapter, NULL);
	if (error == 0) {
		/* Heads seen before may need more room for the longer ones. */
		recognizer->reserved_samples = n;
		recognizer->reserved_outputs = outputs;
	}
	return error;
}

void final_enqueue(struct recognizer *recognizer, struct utterance *utterance)
{
	struct utterance **end = &recognizer->queue;

	while (*end != NULL)
		end = &(*end)->next;
	utterance->next = NULL;
	*end = utterance;
}

void final_remove(struct recognizer *recognizer, const struct recognizer_stream *stream)
{
	struct utterance **at = &recognizer->queue;

	while (*at != NULL) {
		if ((*at)->stream != stream) {
			at = &(*at)->next;
			continue;
		}
		if (*at == recognizer->queue)
			recognizer->begun = false;
		*at = (*at)->next;
	}
}

int recognizer_final_advance(struct recognizer *recognizer)
{
	struct utterance *utterance = recognizer->queue;
	bool failed = false;

	if (utterance == NULL)
		return 0;
	if (!recognizer->begun) {
		/* Room was made when the stream opened, so this can only fail where
		 * the stream could not have been opened. */
		failed = acoustic_offline_begin(recognizer->offline, utterance->samples,
						utterance->length,
						utterance->stream->language->adapter, NULL) < 0;
		recognizer->begun = !failed;
	}
	if (!failed && acoustic_offline_advance(recognizer->offline) != 0)
		return 1;
	recognizer->queue = utterance->next;
	recognizer->begun = false;
	/* Reading the logits takes no memory. */
	if (!failed)
		utterance_offline(utterance, acoustic_offline_output(recognizer->offline),
				  acoustic_offline_frames(recognizer->offline));
	utterance_conclude(utterance, failed ? FINAL_STREAM : FINAL_OFFLINE);
	return recognizer->queue != NULL;
}

bool recognizer_final_pending(const struct recognizer *recognizer)
{
	return recognizer->queue != NULL;
}

void recognizer_final_abandon(struct recognizer_stream *stream)
{
	final_remove(stream->recognizer, stream);
	for (size_t i = 0; i < 2; i++) {
		struct utterance *utterance = &stream->utterances[i];

		if (utterance->state == UTTERANCE_ENDED && !utterance->concluded)
			utterance_conclude(utterance, FINAL_STREAM);
	}
}
