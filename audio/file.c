#include "audio/file.h"

#include "audio/resample.h"
#include "core/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sndfile.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The data's way: sound or stream -> interleaved -> mono -> resampler -> caller. */
enum { BLOCK_FRAMES = 4096 };

struct audio_file {
	char *path;                /* owned, for messages */
	int fd;                    /* owned; -1 for standard input */
	SNDFILE *sound;            /* owned, or NULL */
	struct pcm_stream *stream; /* owned, where sound is NULL */
	unsigned rate, channels;   /* of the source */
	int64_t frames;            /* of the source; negative: not known */
	struct resampler *resampler;
	bool ended;         /* the source has no more */
	uint64_t position;  /* frames read from the source */
	size_t head, tail;  /* samples of `mono` that the resampler has not taken */
	float *interleaved; /* owned, [BLOCK_FRAMES, channels] */
	float mono[BLOCK_FRAMES];
};

static int open_sound(struct audio_file *file, int fd)
{
	SF_INFO info = {0};

	file->sound = sf_open_fd(fd, SFM_READ, &info, 0);
	if (!file->sound) {
		log_error("%s: %s", file->path, sf_strerror(NULL));
		return -EINVAL;
	}
	if (info.channels < 1 || info.samplerate < 1) {
		log_error("%s: no usable channels or rate", file->path);
		return -EINVAL;
	}
	file->channels = (unsigned)info.channels;
	file->rate = (unsigned)info.samplerate;
	/* libsndfile's word for "the header does not say" is the largest number. */
	if (info.frames < SF_COUNT_MAX)
		file->frames = info.frames;
	return 0;
}

static int open_path(struct audio_file *file)
{
	struct stat status;

	file->fd = open(file->path, O_RDONLY | O_CLOEXEC);
	if (file->fd < 0) {
		int error = errno;
		log_error("%s: %s", file->path, strerror(error));
		return -error;
	}
	if (fstat(file->fd, &status) == 0 && S_ISDIR(status.st_mode)) {
		log_error("%s: %s", file->path, strerror(EISDIR));
		return -EISDIR;
	}
	return open_sound(file, file->fd);
}

/* Standard input redirected from a file can seek, so every container works. */
static int open_stdin(struct audio_file *file, const struct pcm_layout *raw)
{
	unsigned char bytes[PCM_STREAM_SNIFF_BYTES];
	off_t start = lseek(STDIN_FILENO, 0, SEEK_CUR);

	if (start >= 0 &&
	    pread(STDIN_FILENO, bytes, sizeof(bytes), start) == (ssize_t)sizeof(bytes) &&
	    pcm_stream_is_container(bytes))
		return open_sound(file, STDIN_FILENO);

	int error = pcm_stream_open(STDIN_FILENO, file->path, raw, &file->stream);
	if (error)
		return error;
	file->channels = pcm_stream_layout(file->stream)->channels;
	file->rate = pcm_stream_layout(file->stream)->rate;
	return 0;
}

int audio_file_open(const char *path, unsigned rate, const struct pcm_layout *raw,
		    struct audio_file **out)
{
	struct pcm_layout layout = {.format = PCM_S16LE, .rate = rate, .channels = 1};
	bool is_stdin = strcmp(path, "-") == 0;

	*out = NULL;
	if (raw)
		layout = *raw;
	if (layout.rate == 0)
		layout.rate = rate;
	struct audio_file *file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	int error = -ENOMEM;
	file->fd = -1;
	file->frames = -1;
	file->path = strdup(is_stdin ? "standard input" : path);
	if (!file->path)
		goto fail;
	error = is_stdin ? open_stdin(file, &layout) : open_path(file);
	if (error)
		goto fail;

	error = -ENOMEM;
	file->interleaved = calloc(BLOCK_FRAMES, file->channels * sizeof(float));
	if (!file->interleaved)
		goto fail;
	error = resampler_create(file->rate, rate, RESAMPLER_BEST, &file->resampler);
	if (error == -EINVAL)
		log_error("%s: cannot convert %u Hz to %u Hz", file->path, file->rate, rate);
	if (error)
		goto fail;
	*out = file;
	return 0;
fail:
	audio_file_close(file);
	return error;
}

double audio_file_duration(const struct audio_file *file)
{
	return file->frames < 0 ? -1 : (double)file->frames / file->rate;
}

void audio_file_close(struct audio_file *file)
{
	if (!file)
		return;
	if (file->sound)
		sf_close(file->sound);
	if (file->fd >= 0)
		close(file->fd);
	pcm_stream_close(file->stream);
	resampler_destroy(file->resampler);
	free(file->interleaved);
	free(file->path);
	free(file);
}

static ssize_t read_frames(struct audio_file *file)
{
	if (file->stream)
		return pcm_stream_read(file->stream, file->interleaved, BLOCK_FRAMES);
	sf_count_t n = sf_readf_float(file->sound, file->interleaved, BLOCK_FRAMES);
	if (n < BLOCK_FRAMES && sf_error(file->sound) != SF_ERR_NO_ERROR) {
		log_error("%s: %s", file->path, sf_strerror(file->sound));
		return -EIO;
	}
	return (ssize_t)n;
}

/* The mean of the channels. A float file may hold anything; one NaN would
 * spread through the network to every later frame. */
static int downmix(struct audio_file *file, size_t frames)
{
	const float *in = file->interleaved;
	const float scale = 1.0F / (float)file->channels;

	for (size_t i = 0; i < frames; i++, in += file->channels) {
		float sum = in[0];
		for (unsigned c = 1; c < file->channels; c++)
			sum += in[c];
		file->mono[i] = file->channels == 1 ? sum : sum * scale;
		if (!isfinite(file->mono[i])) {
			log_error("%s: sample %llu is not a finite number", file->path,
				  (unsigned long long)(file->position + i));
			return -EINVAL;
		}
	}
	return 0;
}

static int refill(struct audio_file *file)
{
	ssize_t n = read_frames(file);
	if (n < 0)
		return (int)n;
	int error = downmix(file, (size_t)n);
	if (error)
		return error;
	file->ended = n == 0;
	file->position += (uint64_t)n;
	file->head = 0;
	file->tail = (size_t)n;
	return 0;
}

ssize_t audio_file_read(struct audio_file *file, float *samples, size_t n)
{
	size_t done = 0;

	while (done < n) {
		if (file->head == file->tail && !file->ended) {
			int error = refill(file);
			if (error)
				return error;
		}
		size_t used = file->tail - file->head;
		size_t made = n - done;
		int error = resampler_run(file->resampler, file->mono + file->head, &used,
					  samples + done, &made, file->ended);
		if (error) {
			log_error("%s: the resampler failed", file->path);
			return error;
		}
		file->head += used;
		done += made;
		if (file->ended && made == 0)
			break;
	}
	return (ssize_t)done;
}

int audio_file_read_all(struct audio_file *file, float **samples, size_t *n)
{
	size_t capacity = 1 << 18;
	size_t size = 0;
	float *all = malloc(capacity * sizeof(*all));

	*samples = NULL;
	*n = 0;
	while (all) {
		ssize_t got = audio_file_read(file, all + size, capacity - size);
		if (got < 0) {
			free(all);
			return (int)got;
		}
		size += (size_t)got;
		if (size < capacity) {
			*samples = all;
			*n = size;
			return 0;
		}
		float *grown = NULL;
		if (capacity <= SIZE_MAX / 2 / sizeof(*all)) {
			capacity *= 2;
			grown = realloc(all, capacity * sizeof(*all));
		}
		if (!grown)
			free(all);
		all = grown;
	}
	log_error("%s: too long for this machine's memory", file->path);
	return -ENOMEM;
}
