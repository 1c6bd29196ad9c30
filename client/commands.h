/*
 * The file of --commands: what the daemon is to listen for.
 */
#ifndef HEARD_CLIENT_COMMANDS_H
#define HEARD_CLIENT_COMMANDS_H

struct heard_options;
struct commands;

/* Reads the file and puts what it holds into the options, which borrow it until commands_close. As
 * everywhere, a name that ends with .json is a list of phrases, any other a grammar; what is wrong
 * inside, the daemon says. 0, or a negative errno that has been reported on standard error. */
int commands_open(const char *path, struct heard_options *options, struct commands **out);
void commands_close(struct commands *commands); /* NULL is allowed */

#endif
