#include "core/decode/fusion.h"

#include "core/decode/spelling.h"
#include "core/decode/vocab_table.h"

#include <string.h>

int fusion_init(struct fusion *fusion, const struct vocab *vocab, const struct decode_plan *plan)
{
	*fusion = (struct fusion){
		.vocab = vocab,
		.hotwords = plan->hotwords,
		.lm = plan->lm != NULL ? plan->lm->lm : NULL,
		.weights = plan->weights,
		.spell = spelling_words(vocab) == SPELLING_MARKED,
	};
	if (fusion->lm == NULL)
		return 0;
	return lm_tokens_create(fusion->lm, vocab, (const char *const *)plan->lm->labels,
				plan->lm->n_labels, plan->lm->unit, &fusion->tokens);
}

void fusion_finish(struct fusion *fusion)
{
	lm_tokens_destroy(fusion->tokens);
	fusion->tokens = NULL;
}

void fusion_begin(const struct fusion *fusion, struct fusion_state *state)
{
	*state = (struct fusion_state){0};
	if (fusion->hotwords != NULL) {
		state->hotword = hotwords_begin(fusion->hotwords);
		state->pending = hotwords_pending(fusion->hotwords, state->hotword);
	}
	if (fusion->lm != NULL) {
		lm_fusion_begin(fusion->lm, &fusion->weights, &state->lm);
		lm_cursor_begin(fusion->lm, &state->cursor);
	}
}

/* ---- language model ---- */

static void end_word(const struct fusion *fusion, struct fusion_state *state)
{
	if (state->cursor.bytes == 0)
		return;
	state->lm_sum +=
		(double)lm_fusion_word(fusion->lm, &fusion->weights, &state->lm,
				       lm_cursor_word(fusion->lm, &state->cursor), &state->lm);
	state->lm_open = 0.0F;
	lm_cursor_begin(fusion->lm, &state->cursor);
}

static void push_word(const struct fusion *fusion, const struct lm_token *token,
		      struct fusion_state *state)
{
	if (token->kind == LM_TOKEN_SPACE || token->begins_word)
		end_word(fusion, state);
	if (token->kind != LM_TOKEN_TEXT || token->bytes == 0)
		return;
	lm_cursor_push(fusion->lm, &state->cursor, token->text, token->bytes);
	state->lm_open = lm_fusion_partial(fusion->lm, &fusion->weights, &state->cursor);
}

static void push_lm(const struct fusion *fusion, int id, struct fusion_state *state)
{
	const struct lm_token *token = lm_tokens_get(fusion->tokens, id);

	if (token->kind == LM_TOKEN_SILENT)
		return;
	if (lm_tokens_unit(fusion->tokens) == LM_UNIT_TOKEN)
		state->lm_sum += (double)lm_fusion_word(fusion->lm, &fusion->weights, &state->lm,
							token->id, &state->lm);
	else
		push_word(fusion, token, state);
}

/* ---- hotwords ---- */

static void push_hotwords(const struct fusion *fusion, int id, struct fusion_state *state)
{
	const struct vocab_entry *entry = vocab_entry(fusion->vocab, id);
	const size_t mark = strlen(SPELLING_PIECE_MARK);
	const char *text = entry->printed;
	size_t n = entry->printed_size;

	if (entry->space) {
		text = " ";
		n = 1;
	} else if (fusion->spell && n >= mark && memcmp(text, SPELLING_PIECE_MARK, mark) == 0) {
		state->hotword =
			hotwords_push(fusion->hotwords, state->hotword, " ", 1, &state->hotwords);
		text += mark;
		n -= mark;
	}
	state->hotword = hotwords_push(fusion->hotwords, state->hotword, text, n, &state->hotwords);
	state->pending = hotwords_pending(fusion->hotwords, state->hotword);
}

/* ---- both ---- */

void fusion_push(const struct fusion *fusion, const struct fusion_state *from, int token,
		 struct fusion_state *to)
{
	*to = *from;
	if (fusion->hotwords != NULL)
		push_hotwords(fusion, token, to);
	if (fusion->lm != NULL)
		push_lm(fusion, token, to);
}

void fusion_end(const struct fusion *fusion, const struct fusion_state *from,
		struct fusion_state *to)
{
	*to = *from;
	if (fusion->hotwords != NULL) {
		to->hotwords += (double)hotwords_end(fusion->hotwords, from->hotword);
		to->pending = 0.0F;
	}
	if (fusion->lm != NULL) {
		end_word(fusion, to);
		to->lm_sum += (double)lm_fusion_end(fusion->lm, &fusion->weights, &to->lm);
	}
}
