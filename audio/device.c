#include "audio/device.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void device_list_finish(struct device_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->devices[i].name);
		free(list->devices[i].host);
	}
	free(list->devices);
	*list = (struct device_list){0};
}

static const struct device *find_default(const struct device_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->devices[i].is_default)
			return &list->devices[i];
	}
	return NULL;
}

static const struct device *find_name(const struct device_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++) {
		if (strcasecmp(list->devices[i].name, name) == 0)
			return &list->devices[i];
	}
	return NULL;
}

static const struct device *find_index(const struct device_list *list, const char *name)
{
	char *end;
	long index = strtol(name, &end, 10);

	if (!isdigit((unsigned char)name[0]) || *end != '\0')
		return NULL;
	for (size_t i = 0; i < list->n; i++) {
		if (list->devices[i].index == index)
			return &list->devices[i];
	}
	return NULL;
}

static const struct device *find_part(const struct device_list *list, const char *part)
{
	for (size_t i = 0; i < list->n; i++) {
		if (strcasestr(list->devices[i].name, part))
			return &list->devices[i];
	}
	return NULL;
}

const struct device *device_find(const struct device_list *list, const char *name)
{
	const struct device *device;

	if (!name || name[0] == '\0' || strcasecmp(name, "default") == 0)
		return find_default(list);
	device = find_name(list, name);
	if (!device)
		device = find_index(list, name);
	if (!device)
		device = find_part(list, name);
	return device;
}

/* The length of a name without " (hw:1,0)" and what follows it. */
static size_t stem_length(const char *name)
{
	const char *hw = strstr(name, " (hw:");

	return hw ? (size_t)(hw - name) : strlen(name);
}

const struct device *device_find_again(const struct device_list *list, const char *name)
{
	const struct device *device = find_name(list, name);
	size_t length = stem_length(name);

	for (size_t i = 0; !device && i < list->n; i++) {
		const char *other = list->devices[i].name;
		if (stem_length(other) == length && strncmp(other, name, length) == 0)
			device = &list->devices[i];
	}
	return device;
}

static bool has_rate(const unsigned *rates, size_t n, unsigned rate)
{
	for (size_t i = 0; i < n; i++) {
		if (rates[i] == rate)
			return true;
	}
	return false;
}

size_t device_rates(const struct device *device, unsigned wanted, unsigned rates[DEVICE_RATES])
{
	const unsigned usual[DEVICE_RATES] = {
		device->rate, 48000, 32000, 96000, wanted, 44100, 16000, 8000,
	};
	size_t n = 0;

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < DEVICE_RATES; i++) {
			bool divided = wanted > 0 && usual[i] % wanted == 0;

			if (usual[i] > 0 && divided == (pass == 0) && !has_rate(rates, n, usual[i]))
				rates[n++] = usual[i];
		}
	}
	return n;
}
