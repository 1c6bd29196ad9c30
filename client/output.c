#include "client/output.h"

#include "client/program.h"
#include "client/terminal.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void say_program(void *ctx, const char *line)
{
	output_notice(ctx, "%s", line);
}

int output_init(struct output *output, const struct options *options)
{
	int status = 0;

	memset(output, 0, sizeof(*output));
	captions_init(&output->captions, STDOUT_FILENO);
	output->json = options->json;
	output->quiet = options->quiet;
	output->commands = options->commands;
	if (output->commands)
		output->captions.live = false;
	output->partials = options->command == COMMAND_LIVE || options->realtime;
	if (options->srt)
		status = subtitles_open(&output->srt, SUBTITLES_SRT, options->srt);
	if (status == 0 && options->vtt)
		status = subtitles_open(&output->vtt, SUBTITLES_VTT, options->vtt);
	if (status == 0 && options->txt)
		status = subtitles_open(&output->txt, SUBTITLES_TXT, options->txt);
	if (status == 0 && options->exec)
		status = program_open(options->exec, say_program, output, &output->program);
	return status;
}

void output_finish(struct output *output)
{
	captions_hide(&output->captions);
	program_close(output->program);
	subtitles_close(&output->srt);
	subtitles_close(&output->vtt);
	subtitles_close(&output->txt);
	free(output->words);
}

static void say(struct output *output, const char *format, va_list args)
{
	char text[1024];

	vsnprintf(text, sizeof(text), format, args);
	terminal_clean(text, text, sizeof(text));
	captions_hide(&output->captions);
	fprintf(stderr, "hear: %s\n", text);
	captions_restore(&output->captions);
}

void output_notice(struct output *output, const char *format, ...)
{
	va_list args;

	if (output->quiet)
		return;
	va_start(args, format);
	say(output, format, args);
	va_end(args);
}

void output_error(struct output *output, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(output, format, args);
	va_end(args);
}

void output_obstacle(struct output *output, const char *text)
{
	char obstacle[sizeof(output->obstacle)];

	snprintf(obstacle, sizeof(obstacle), "%s", text);
	if (strcmp(obstacle, output->obstacle) == 0)
		return;
	memcpy(output->obstacle, obstacle, sizeof(obstacle));
	if (text[0] != '\0')
		output_notice(output, "%s", text);
}

void output_refusal(struct output *output, const struct heard_event *event, const char *what)
{
	static const char *const fields[] = {"grammar", "phrases"};

	/* What is wrong in the commands is in their file, at the line or phrase given. */
	for (size_t i = 0; output->commands && i < sizeof(fields) / sizeof(fields[0]); i++) {
		size_t n = strlen(fields[i]);
		if (strncmp(event->text, fields[i], n) == 0 && event->text[n] == ':') {
			output_error(output, "%s%s", output->commands, event->text + n);
			return;
		}
	}
	output_error(output, "%s%s%s", what ? what : "", what ? ": " : "", event->text);
}

static int flushed(struct output *output)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	if (errno != EPIPE)
		output_error(output, "standard output: %s", strerror(errno));
	return -errno;
}

/* A caption's errors are write's; nobody has reported them. */
static int shown(struct output *output, int status)
{
	if (status < 0 && status != -EPIPE)
		output_error(output, "standard output: %s", strerror(-status));
	return status;
}

static int print_json(struct output *output, struct heard *heard)
{
	const char *line = heard_json(heard);

	if (!line)
		return -ENOMEM;
	if (output->file) {
		/* {"type":...} becomes {"file":...,"type":...}. */
		cJSON *file = cJSON_CreateString(output->file);
		char *text = file ? cJSON_PrintUnformatted(file) : NULL;
		cJSON_Delete(file);
		if (!text)
			return -ENOMEM;
		printf("{\"file\":%s,%s\n", text, line + 1);
		cJSON_free(text);
	} else {
		puts(line);
	}
	return flushed(output);
}

static int add_subtitles(struct output *output, const struct heard_event *event)
{
	size_t n = event->n_words;

	if (n > 0) {
		struct subtitles_word *grown = reallocarray(output->words, n, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		output->words = grown;
	}
	for (size_t i = 0; i < n; i++) {
		output->words[i] = (struct subtitles_word){
			.word = event->words[i].word,
			.start = event->words[i].start - output->zero,
			.end = event->words[i].end - output->zero,
		};
	}
	struct subtitles *const all[] = {&output->srt, &output->vtt, &output->txt};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int status = subtitles_add(all[i], event->text, event->start - output->zero,
					   event->end - output->zero, output->words, n);
		if (status < 0)
			return status;
	}
	return 0;
}

static void notice_device(struct output *output, const struct heard_event *event)
{
	const char *name = event->name[0] ? event->name : "the microphone";

	if (strcmp(event->code, "open") == 0 && event->seconds > 0)
		output_notice(output, "%s is back after %.1f s", name, event->seconds);
	else if (strcmp(event->code, "open") != 0)
		output_notice(output, "%s: %s%s%s", name, event->code, event->text[0] ? ": " : "",
			      event->text);
}

int output_event(struct output *output, struct heard *heard, const struct heard_event *event)
{
	int status = 0;

	if (event->kind == HEARD_TRANSCRIPT)
		status = add_subtitles(output, event);
	if (status < 0)
		return status;
	if (event->kind == HEARD_COMMAND && output->program)
		program_run(output->program, event, output->file);
	if (output->json || (output->commands && event->kind == HEARD_COMMAND))
		return print_json(output, heard);
	if (output->commands && event->kind == HEARD_TRANSCRIPT)
		return 0;

	switch (event->kind) {
	case HEARD_PARTIAL:
		if (output->partials)
			status = captions_partial(&output->captions, event->text, event->unstable);
		return shown(output, status);
	case HEARD_TRANSCRIPT:
		return shown(output,
			     captions_final(&output->captions, event->text, output->empty_lines));
	case HEARD_DEVICE:
		notice_device(output, event);
		return 0;
	case HEARD_OVERRUN:
		output_notice(output, "%.2f s of audio were lost", event->seconds);
		return 0;
	case HEARD_LAG:
		if (event->rung > 0)
			output_notice(output, "%.1f s behind: %s", event->seconds, event->name);
		else
			output_notice(output, "back to real time");
		return 0;
	default:
		return 0;
	}
}
