#include "daemon/wake.h"

#include "core/base/log.h"
#include "daemon/keywords.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct wake {
	struct daemon *daemon;
	void (*loaded)(struct daemon *daemon, int err);
	uv_work_t work;
	bool busy, again;

	/* of the load under way; worker thread */
	char *dir; /* owned */
	unsigned threads;
	double window_s;
	struct string_list ignore;
	struct keywords *keywords;
	int err;

	/* in force */
	bool ready;
	unsigned rate;
	char *name; /* owned */
	struct string_list words;
};

struct retirement {
	uv_work_t work;
	struct keywords *keywords;
};

static void retire_work(uv_work_t *work)
{
	keywords_close(((struct retirement *)work->data)->keywords);
}

static void retire_done(uv_work_t *work, int status)
{
	(void)status;
	free(work->data);
}

void wake_retire(struct wake *wake, struct keywords *keywords)
{
	struct retirement *retirement = calloc(1, sizeof(*retirement));

	if (retirement) {
		retirement->keywords = keywords;
		retirement->work.data = retirement;
	}
	if (!retirement ||
	    uv_queue_work(wake->daemon->loop, &retirement->work, retire_work, retire_done) < 0) {
		keywords_close(keywords);
		free(retirement);
	}
}

int wake_create(struct daemon *daemon, void (*loaded)(struct daemon *daemon, int err),
		struct wake **out)
{
	struct wake *wake = calloc(1, sizeof(*wake));

	if (!wake)
		return -ENOMEM;
	wake->daemon = daemon;
	wake->loaded = loaded;
	wake->work.data = wake;
	*out = wake;
	return 0;
}

void wake_destroy(struct wake *wake)
{
	if (!wake)
		return;
	free(wake->dir);
	free(wake->name);
	string_list_clear(&wake->ignore);
	string_list_clear(&wake->words);
	free(wake);
}

/* ---- loading ---- */

static void load_work(uv_work_t *work)
{
	struct wake *wake = work->data;

	wake->err = keywords_open(wake->dir, wake->threads, wake->window_s, &wake->ignore,
				  &wake->keywords);
}

static int take_words(struct wake *wake)
{
	const struct keywords *keywords = wake->keywords;
	int err = 0;

	string_list_clear(&wake->words);
	for (size_t i = 0; i < keywords->labels && err == 0; i++) {
		const char *label = classifier_label(keywords->classifier, i);

		if (!keywords->ignored[i])
			err = string_list_add(&wake->words, label, strlen(label));
	}
	return err;
}

static int take_keywords(struct wake *wake)
{
	unsigned rate = (unsigned)classifier_rate(wake->keywords->classifier);

	if (wake->ready && rate != wake->rate) {
		log_error("%s: its sampling rate is %u Hz; changing from %u Hz needs a restart",
			  wake->dir, rate, wake->rate);
		return -EINVAL;
	}
	int err = take_words(wake);
	if (err < 0)
		return err;
	wake->rate = rate;
	wake->ready = true;
	/* "/models/keywords/" is called "keywords". */
	free(wake->name);
	size_t n = strlen(wake->dir);
	while (n > 1 && wake->dir[n - 1] == '/')
		n--;
	wake->dir[n] = '\0';
	const char *slash = strrchr(wake->dir, '/');
	wake->name = strdup(slash && slash[1] ? slash + 1 : wake->dir);
	engine_set_keywords(wake->daemon->engine, wake->keywords);
	wake->keywords = NULL;
	return 0;
}

static void load_done(uv_work_t *work, int status)
{
	struct wake *wake = work->data;
	int err = status < 0 ? status : wake->err;

	wake->busy = false;
	if (err == 0)
		err = take_keywords(wake);
	if (err == 0)
		log_info("keyword model %s is loaded", wake->dir);
	keywords_close(wake->keywords);
	wake->keywords = NULL;
	wake->loaded(wake->daemon, err);
	if (wake->again && !wake->daemon->stopping) {
		wake->again = false;
		wake_load(wake);
	}
}

static int copy_list(struct string_list *to, const struct string_list *from)
{
	int err = 0;

	string_list_clear(to);
	for (size_t i = 0; i < from->n && err == 0; i++)
		err = string_list_add(to, from->items[i], strlen(from->items[i]));
	return err;
}

void wake_load(struct wake *wake)
{
	const struct settings *settings = &wake->daemon->settings;

	if (!settings->wake_model)
		return;
	if (wake->busy) {
		wake->again = true;
		return;
	}
	free(wake->dir);
	wake->dir = strdup(settings->wake_model);
	wake->threads = (unsigned)settings->threads;
	wake->window_s = settings->wake_window;
	wake->busy = true;
	wake->err = copy_list(&wake->ignore, &settings->wake_ignore);
	if (!wake->dir)
		wake->err = -ENOMEM;
	if (wake->err < 0 ||
	    uv_queue_work(wake->daemon->loop, &wake->work, load_work, load_done) < 0)
		load_done(&wake->work, wake->err < 0 ? wake->err : -EAGAIN);
}

bool wake_busy(const struct wake *wake)
{
	return wake->busy;
}

/* ---- what it is ---- */

bool wake_exists(const struct wake *wake)
{
	return wake->daemon->settings.wake_model != NULL;
}

bool wake_ready(const struct wake *wake)
{
	return wake->ready;
}

unsigned wake_rate(const struct wake *wake)
{
	return wake->rate;
}

const char *wake_name(const struct wake *wake)
{
	return wake->name ? wake->name : "";
}

const char *const *wake_words(const struct wake *wake, size_t *n)
{
	*n = wake->words.n;
	return (const char *const *)wake->words.items;
}

void wake_params(const struct wake *wake, struct engine_params *params)
{
	const struct settings *settings = &wake->daemon->settings;

	*params = (struct engine_params){
		.role = ENGINE_WAKE,
		.spotting =
			{
				.window_s = settings->wake_window,
				.hop_s = settings->wake_hop,
				.refractory_s = settings->wake_refractory,
				.threshold = settings->wake_threshold,
			},
	};
}
