#include "client/subtitles.h"

#include "client/terminal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int report(const struct subtitles *subtitles, int error)
{
	fprintf(stderr, "hear: %s: %s\n", subtitles->path, strerror(error));
	return -error;
}

int subtitles_open(struct subtitles *subtitles, enum subtitles_format format, const char *path)
{
	*subtitles = (struct subtitles){.format = format, .path = strdup(path)};
	if (!subtitles->path)
		return -ENOMEM;
	subtitles->file = fopen(path, "we");
	if (!subtitles->file) {
		int status = report(subtitles, errno);
		subtitles_close(subtitles);
		return status;
	}
	if (format == SUBTITLES_VTT &&
	    (fputs("WEBVTT\n\n", subtitles->file) < 0 || fflush(subtitles->file) != 0))
		return report(subtitles, errno);
	return 0;
}

void subtitles_close(struct subtitles *subtitles)
{
	if (subtitles->file && fclose(subtitles->file) != 0)
		report(subtitles, errno);
	free(subtitles->path);
	*subtitles = (struct subtitles){.file = NULL};
}

static void print_time(const struct subtitles *subtitles, double seconds)
{
	/* Beyond a century a clock is broken, not long. */
	long long ms = seconds > 0 && seconds < 3e9 ? (long long)(seconds * 1000 + 0.5) : 0;

	fprintf(subtitles->file, "%02lld:%02lld:%02lld%c%03lld", ms / 3600000, ms / 60000 % 60,
		ms / 1000 % 60, subtitles->format == SUBTITLES_SRT ? ',' : '.', ms % 1000);
}

/* A cue's text may hold no empty line, and WebVTT's no markup. */
static void print_text(const struct subtitles *subtitles, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = text[i];
		if (subtitles->format == SUBTITLES_VTT && c == '&')
			fputs("&amp;", subtitles->file);
		else if (subtitles->format == SUBTITLES_VTT && c == '<')
			fputs("&lt;", subtitles->file);
		else if (subtitles->format == SUBTITLES_VTT && c == '>')
			fputs("&gt;", subtitles->file);
		else
			fputc((unsigned char)c < 0x20 ? ' ' : c, subtitles->file);
	}
}

static void print_cue(struct subtitles *subtitles, double start, double end, const char *text)
{
	struct terminal_row rows[64];
	size_t length = strlen(text);

	if (start < subtitles->last_end)
		start = subtitles->last_end;
	if (end < start)
		end = start;
	subtitles->last_end = end;
	if (subtitles->format == SUBTITLES_SRT)
		fprintf(subtitles->file, "%lu\n", ++subtitles->cues);
	print_time(subtitles, start);
	fputs(" --> ", subtitles->file);
	print_time(subtitles, end);
	fputc('\n', subtitles->file);
	size_t n = terminal_wrap(text, length, SUBTITLES_LINE_CELLS, rows, 64);
	for (size_t i = 0; i < n && i < 64; i++) {
		/* What is longer than all rows stays on the last. */
		size_t row_end = i == 63 ? length : rows[i].end;
		print_text(subtitles, text + rows[i].start, row_end - rows[i].start);
		fputc('\n', subtitles->file);
	}
	fputc('\n', subtitles->file);
}

/* Words [first, return) make one cue. */
static size_t cue_end(const struct subtitles_word *words, size_t first, size_t n)
{
	struct terminal_row rows[SUBTITLES_LINES + 1];
	char text[4 * SUBTITLES_LINE_CELLS * SUBTITLES_LINES + 64];
	size_t length = 0, i;

	for (i = first; i < n; i++) {
		size_t word = strlen(words[i].word);
		if (length + word + 2 > sizeof(text))
			break;
		if (i > first) {
			if (words[i].end - words[first].start > SUBTITLES_CUE_SECONDS ||
			    words[i].start - words[i - 1].end > SUBTITLES_PAUSE_SECONDS)
				break;
			text[length++] = ' ';
		}
		memcpy(text + length, words[i].word, word);
		length += word;
		if (terminal_wrap(text, length, SUBTITLES_LINE_CELLS, rows, SUBTITLES_LINES + 1) >
		    SUBTITLES_LINES)
			break;
	}
	return i > first ? i : first + 1;
}

static int print_cues(struct subtitles *subtitles, const struct subtitles_word *words, size_t n)
{
	for (size_t first = 0; first < n;) {
		size_t last = cue_end(words, first, n), length = 0;
		for (size_t i = first; i < last; i++)
			length += strlen(words[i].word) + 1;
		assert(length > 0); /* a cue has a word */
		char *text = malloc(length);
		if (!text)
			return -ENOMEM;
		char *end = text;
		for (size_t i = first; i < last; i++) {
			end = stpcpy(end, words[i].word);
			*end++ = ' ';
		}
		end[-1] = '\0';
		print_cue(subtitles, words[first].start, words[last - 1].end, text);
		free(text);
		first = last;
	}
	return 0;
}

int subtitles_add(struct subtitles *subtitles, const char *text, double start, double end,
		  const struct subtitles_word *words, size_t n_words)
{
	int status = 0;

	if (!subtitles->file || text[0] == '\0')
		return 0;
	if (subtitles->format == SUBTITLES_TXT) {
		print_text(subtitles, text, strlen(text));
		fputc('\n', subtitles->file);
	} else if (n_words > 0) {
		status = print_cues(subtitles, words, n_words);
	} else {
		print_cue(subtitles, start, end, text);
	}
	if (status == 0 && (fflush(subtitles->file) != 0 || ferror(subtitles->file)))
		status = report(subtitles, errno);
	return status;
}
