#include "protocol/address.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int refuse(const char **reason, const char *why)
{
	if (reason)
		*reason = why;
	return -EINVAL;
}

/* The rest of text behind a prefix, or NULL. */
static const char *after(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

static int parse_path(const char *path, struct address *out, const char **reason)
{
	size_t n = strlen(path);

	if (n == 0)
		return refuse(reason, "the path of the socket is empty");
	if (n >= sizeof(out->path))
		return refuse(reason, "the path of the socket is longer than 107 bytes");
	out->kind = ADDRESS_UNIX;
	memcpy(out->path, path, n + 1);
	return 0;
}

static bool parse_port(const char *text, uint16_t *port)
{
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 5 || text[n] != '\0')
		return false;
	long value = strtol(text, NULL, 10);
	if (value < 1 || value > 65535)
		return false;
	*port = (uint16_t)value;
	return true;
}

static int parse_tcp(const char *text, struct address *out, const char **reason)
{
	const char *host = text, *end, *port = NULL;

	if (text[0] == '[') {
		host = text + 1;
		end = strchr(host, ']');
		if (!end || (end[1] != '\0' && end[1] != ':'))
			return refuse(reason, "an IPv6 address is written [ADDRESS]:PORT");
		if (end[1] == ':')
			port = end + 2;
	} else {
		end = strchr(text, ':');
		if (end)
			port = end + 1;
		else
			end = text + strlen(text);
		if (port && strchr(port, ':'))
			return refuse(reason, "an IPv6 address is written [ADDRESS]:PORT");
	}
	size_t n = (size_t)(end - host);
	if (n >= sizeof(out->host))
		return refuse(reason, "the host name is too long");
	if (memchr(host, '/', n))
		return refuse(reason, "a TCP address is written tcp://HOST:PORT");
	out->kind = ADDRESS_TCP;
	memcpy(out->host, host, n);
	out->host[n] = '\0';
	out->port = ADDRESS_TCP_PORT;
	if (port && !parse_port(port, &out->port))
		return refuse(reason, "the port must be a number from 1 to 65535");
	return 0;
}

int address_parse(const char *text, struct address *out, const char **reason)
{
	const char *rest;

	*out = (struct address){.kind = ADDRESS_UNIX};
	if ((rest = after(text, "unix://")))
		return parse_path(rest, out, reason);
	if ((rest = after(text, "tcp://")))
		return parse_tcp(rest, out, reason);
	if ((rest = after(text, "stdio://"))) {
		if (rest[0] != '\0')
			return refuse(reason, "nothing follows stdio://");
		out->kind = ADDRESS_STDIO;
		return 0;
	}
	if (strstr(text, "://"))
		return refuse(reason, "an address starts with unix://, tcp:// or stdio://");
	return parse_path(text, out, reason);
}

void address_print(const struct address *address, char *out)
{
	switch (address->kind) {
	case ADDRESS_UNIX:
		snprintf(out, ADDRESS_TEXT_BYTES, "unix://%s", address->path);
		return;
	case ADDRESS_TCP:
		snprintf(out, ADDRESS_TEXT_BYTES,
			 strchr(address->host, ':') ? "tcp://[%s]:%u" : "tcp://%s:%u",
			 address->host, (unsigned)address->port);
		return;
	case ADDRESS_STDIO:
		snprintf(out, ADDRESS_TEXT_BYTES, "stdio://");
		return;
	}
	abort();
}

int address_default(struct address *out, const char **reason)
{
	const char *socket = getenv("HEARD_SOCKET");
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char path[512];

	if (socket && socket[0] != '\0')
		return address_parse(socket, out, reason);
	if (!runtime || runtime[0] != '/')
		return address_parse(ADDRESS_SYSTEM_SOCKET, out, reason);
	int n = snprintf(path, sizeof(path), "%s/heard.sock", runtime);
	if (n < 0 || (size_t)n >= sizeof(path))
		return refuse(reason, "XDG_RUNTIME_DIR is too long");
	return address_parse(path, out, reason);
}
