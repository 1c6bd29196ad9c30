#include "protocol/pcm.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

int pcm_init(struct pcm *pcm, int width, int channels, bool floating)
{
	*pcm = (struct pcm){.width = width, .channels = channels, .floating = floating};
	if (channels < 1 || channels > PCM_MAX_CHANNELS)
		return -EINVAL;
	if (floating ? width != 4 : width < 2 || width > 4)
		return -EINVAL;
	return 0;
}

static size_t frame_bytes(const struct pcm *pcm)
{
	return (size_t)pcm->width * (size_t)pcm->channels;
}

size_t pcm_frames(const struct pcm *pcm, size_t n)
{
	size_t frame = frame_bytes(pcm);

	/* carried < frame; the sum of remainders cannot overflow, n + carried could. */
	return n / frame + (n % frame + pcm->carried) / frame;
}

static int32_t integer(const unsigned char *c, int width)
{
	uint32_t bits = 0;

	/* Left-aligned, so that the sign bit of every width is the sign bit. */
	for (int i = 0; i < width; i++)
		bits |= (uint32_t)c[i] << (8 * (4 - width + i));
	return (int32_t)bits;
}

static float floating(const unsigned char *c)
{
	uint32_t bits =
		(uint32_t)c[0] | (uint32_t)c[1] << 8 | (uint32_t)c[2] << 16 | (uint32_t)c[3] << 24;
	float value;

	memcpy(&value, &bits, sizeof(value));
	return fabsf(value) <= 32768.0f ? value : 0.0f;
}

static float frame_sample(const struct pcm *pcm, const unsigned char *c)
{
	float sum = 0.0f;

	for (int i = 0; i < pcm->channels; i++, c += pcm->width) {
		if (pcm->floating)
			sum += floating(c);
		else
			sum += (float)integer(c, pcm->width) * (1.0f / 2147483648.0f);
	}
	return pcm->channels == 1 ? sum : sum / (float)pcm->channels;
}

size_t pcm_convert(struct pcm *pcm, const void *bytes, size_t n, float *out)
{
	const unsigned char *c = bytes;
	size_t frame = frame_bytes(pcm);
	size_t written = 0;

	if (pcm->carried > 0) {
		size_t wanted = frame - pcm->carried;
		if (wanted > n)
			wanted = n;
		memcpy(pcm->carry + pcm->carried, c, wanted);
		pcm->carried += wanted;
		c += wanted;
		n -= wanted;
		if (pcm->carried < frame)
			return 0;
		out[written++] = frame_sample(pcm, pcm->carry);
		pcm->carried = 0;
	}
	for (; n >= frame; c += frame, n -= frame)
		out[written++] = frame_sample(pcm, c);
	if (n > 0)
		memcpy(pcm->carry, c, n);
	pcm->carried = n;
	return written;
}
