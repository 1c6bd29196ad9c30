/*
 * The program of --exec: started for each command that was heard, without a shell, with
 * what was heard in its environment.
 *
 * Nothing waits for it: it is reaped when it has ended, and outlives us where it has not. How
 * many run at once, and how fast they are started, is bounded: a match beyond that starts
 * nothing, since a light that goes on a minute late is worse than one that does not.
 */
#ifndef HEARD_CLIENT_PROGRAM_H
#define HEARD_CLIENT_PROGRAM_H

struct heard_event;
struct program;

enum {
	PROGRAM_MAX_RUNNING = 8,
	PROGRAM_BURST = 10,     /* started at once, where none was for a while */
	PROGRAM_PER_SECOND = 2, /* on the long run */
};

/* What there is to say of the program, one line; not called while something prints. */
typedef void (*program_say)(void *ctx, const char *line);

/* Looks the program up as execvp does; says on standard error why it cannot be run. One of them
 * at a time: it takes over SIGCHLD (wait.h). Returns 0 or a negative errno. */
int program_open(const char *name, program_say say, void *ctx, struct program **out);
/* Does not end what runs. NULL is allowed. */
void program_close(struct program *program);

/* Starts the program for a HEARD_COMMAND; file: the recording it was heard in, NULL: live.
 * What goes wrong is said. */
void program_run(struct program *program, const struct heard_event *event, const char *file);

#endif
