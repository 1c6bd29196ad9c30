/*
 * heard.conf: INI through inih, keys are the long options of heard, in no
 * section or in [heard].
 */
#ifndef HEARD_DAEMON_CONFIG_H
#define HEARD_DAEMON_CONFIG_H

#include "daemon/settings.h"

/* Reads `path` over what is in *settings. Every wrong line is logged as
 * "path:line: reason". Returns 0, -EINVAL (some line was wrong), -ENOMEM or
 * the negative errno of opening or reading. */
int config_read(const char *path, struct settings *settings);

/* The file to read where --config names none: $XDG_CONFIG_HOME/heard/heard.conf
 * (or ~/.config), else /etc/heard/heard.conf. Returns the length of the path, 0
 * where neither exists. */
size_t config_find(char *path, size_t size);

#endif
