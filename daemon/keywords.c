#include "daemon/keywords.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void choose(struct keywords *keywords, const char *dir, const struct string_list *ignore)
{
	for (size_t k = 0; k < ignore->n; k++) {
		size_t i = 0;

		while (i < keywords->labels &&
		       strcmp(classifier_label(keywords->classifier, i), ignore->items[k]) != 0)
			i++;
		if (i < keywords->labels)
			keywords->ignored[i] = true;
		else
			log_warn("%s: has no label \"%s\" to ignore", dir, ignore->items[k]);
	}
}

int keywords_open(const char *dir, unsigned threads, double window_s,
		  const struct string_list *ignore, struct keywords **out)
{
	struct keywords *keywords = calloc(1, sizeof(*keywords));
	struct classifier_options options = {
		.model_dir = dir,
		.threads = threads,
		.max_seconds = window_s,
	};

	if (!keywords)
		return -ENOMEM;
	int err = classifier_open(&options, &keywords->classifier);
	if (err == 0) {
		keywords->labels = classifier_labels(keywords->classifier);
		keywords->max_samples =
			(size_t)(window_s * (double)classifier_rate(keywords->classifier));
		keywords->ignored = calloc(keywords->labels, sizeof(*keywords->ignored));
		keywords->probabilities =
			calloc(keywords->labels, sizeof(*keywords->probabilities));
		if (!keywords->ignored || !keywords->probabilities)
			err = -ENOMEM;
	}
	if (err < 0) {
		keywords_close(keywords);
		return err;
	}
	choose(keywords, dir, ignore);
	*out = keywords;
	return 0;
}

void keywords_close(struct keywords *keywords)
{
	if (!keywords)
		return;
	classifier_close(keywords->classifier);
	free(keywords->ignored);
	free(keywords->probabilities);
	free(keywords);
}
