#include "client/program.h"

#include "client/wait.h"
#include "protocol/heard.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct program {
	char path[PATH_MAX];
	program_say say;
	void *ctx;
	pid_t running[PROGRAM_MAX_RUNNING];
	size_t n_running;
	int64_t tokens_ms; /* what may be started: 1000 / PROGRAM_PER_SECOND each */
	int64_t filled_ms; /* when that was true */
	bool refusing;     /* and it was said */
};

static void say(struct program *program, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct program *program, const char *format, ...)
{
	char line[PATH_MAX + 128];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	program->say(program->ctx, line);
}

/* ---- which one ---- */

static int try_path(const char *path)
{
	struct stat info;

	if (stat(path, &info) < 0)
		return -errno;
	if (!S_ISREG(info.st_mode) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		return -EACCES;
	return 0;
}

/* Along $PATH, where the name has no slash. */
static int find(const char *name, char out[PATH_MAX])
{
	const char *next = getenv("PATH");
	int found = -ENOENT;

	if (strchr(name, '/'))
		return snprintf(out, PATH_MAX, "%s", name) < PATH_MAX ? try_path(out)
								      : -ENAMETOOLONG;
	if (!next)
		next = "/usr/bin:/bin";
	while (name[0] != '\0') {
		int n = (int)strcspn(next, ":");
		int length =
			snprintf(out, PATH_MAX, "%.*s/%s", n > 0 ? n : 1, n > 0 ? next : ".", name);
		int status = length < PATH_MAX ? try_path(out) : -ENAMETOOLONG;
		if (status == 0)
			return 0;
		if (status == -EACCES)
			found = status;
		if (next[n] == '\0')
			break;
		next += n + 1;
	}
	return found;
}

/* ---- its environment ---- */

struct environment {
	char **list; /* owned, as are the strings from `own` on; ends with NULL */
	size_t own, n;
	bool failed;
};

/* Ours, from an outer hear: nothing of it may be taken for what was heard now. */
static bool is_stale(const char *entry)
{
	static const char *const names[] = {
		"HEARD_PHRASE=", "HEARD_RULE=", "HEARD_CONFIDENCE=", "HEARD_START=",
		"HEARD_END=",    "HEARD_FILE=", "HEARD_SLOT_"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strncmp(entry, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}

/* Room for `more` variables beside what we have ourselves. */
static void environment_init(struct environment *to, size_t more)
{
	size_t n = 0;

	*to = (struct environment){0};
	while (environ && environ[n])
		n++;
	to->list = calloc(n + more + 1, sizeof(*to->list));
	to->failed = !to->list;
	for (size_t i = 0; i < n && to->list; i++) {
		if (!is_stale(environ[i]))
			to->list[to->n++] = environ[i];
	}
	to->own = to->n;
}

static void environment_finish(struct environment *environment)
{
	for (size_t i = environment->own; i < environment->n; i++)
		free(environment->list[i]);
	free(environment->list);
}

static void environment_add(struct environment *to, const char *name, const char *value)
{
	size_t length = strlen(name), size = length + strlen(value) + 2;
	char *entry = to->failed ? NULL : malloc(size);
	size_t i = to->own;

	if (!entry) {
		to->failed = true;
		return;
	}
	snprintf(entry, size, "%s=%s", name, value);
	/* Two slots may have the same name once it is a variable's: the last one counts. */
	while (i < to->n && strncmp(to->list[i], entry, length + 1) != 0)
		i++;
	if (i < to->n)
		free(to->list[i]);
	else
		to->n++;
	to->list[i] = entry;
}

static void environment_number(struct environment *to, const char *name, double value)
{
	char text[64];

	snprintf(text, sizeof(text), "%.4f", value);
	environment_add(to, name, text);
}

/* Upper case, and _ for what no shell takes in the name of a variable. */
static void environment_slot(struct environment *to, const struct heard_slot *slot)
{
	size_t prefix = strlen("HEARD_SLOT_"), n = strlen(slot->name);
	char *name = malloc(prefix + n + 1);

	if (!name) {
		to->failed = true;
		return;
	}
	memcpy(name, "HEARD_SLOT_", prefix);
	for (size_t i = 0; i <= n; i++) {
		unsigned char c = (unsigned char)slot->name[i];
		name[prefix + i] = c == '\0' || (c < 0x80 && isalnum(c)) ? (char)toupper(c) : '_';
	}
	environment_add(to, name, slot->value);
	free(name);
}

static void describe(struct environment *to, const struct heard_event *event, const char *file)
{
	environment_init(to, 6 + event->n_slots);
	environment_add(to, "HEARD_PHRASE", event->text);
	environment_add(to, "HEARD_RULE", event->name);
	environment_number(to, "HEARD_CONFIDENCE", event->confidence);
	environment_number(to, "HEARD_START", event->start);
	environment_number(to, "HEARD_END", event->end);
	if (file)
		environment_add(to, "HEARD_FILE", file);
	for (size_t i = 0; i < event->n_slots; i++)
		environment_slot(to, &event->slots[i]);
}

/* ---- starting and reaping ---- */

static void reap(void *ctx)
{
	struct program *program = ctx;
	size_t left = 0;

	for (size_t i = 0; i < program->n_running; i++) {
		int status;
		pid_t ended = waitpid(program->running[i], &status, WNOHANG);
		if (ended == 0) {
			program->running[left++] = program->running[i];
			continue;
		}
		if (ended > 0 && WIFSIGNALED(status))
			say(program, "%s: ended by signal %d", program->path, WTERMSIG(status));
		else if (ended > 0 && WEXITSTATUS(status) != 0)
			say(program, "%s: exit status %d", program->path, WEXITSTATUS(status));
	}
	program->n_running = left;
}

/* Takes the right to start one. */
static bool may_start(struct program *program)
{
	const int64_t one = 1000 / PROGRAM_PER_SECOND;
	int64_t now = wait_now_ms();

	program->tokens_ms += now - program->filled_ms;
	program->filled_ms = now;
	if (program->tokens_ms > PROGRAM_BURST * one)
		program->tokens_ms = PROGRAM_BURST * one;
	if (program->n_running == PROGRAM_MAX_RUNNING || program->tokens_ms < one) {
		if (!program->refusing)
			say(program, "%s: not started: %s", program->path,
			    program->n_running == PROGRAM_MAX_RUNNING
				    ? "too many of them are running"
				    : "too many commands at once");
		program->refusing = true;
		return false;
	}
	program->refusing = false;
	program->tokens_ms -= one;
	return true;
}

/* Standard input is empty, and its output goes where our notices go: ours is for what was
 * heard. A closed pipe kills it as it does any program. */
static int spawn(const char *path, char **environment, pid_t *pid)
{
	char *arguments[] = {(char *)path, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t defaults;

	int error = posix_spawn_file_actions_init(&files);
	if (error)
		return -error;
	error = posix_spawnattr_init(&attributes);
	if (error) {
		posix_spawn_file_actions_destroy(&files);
		return -error;
	}
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	error = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
	if (!error)
		error = posix_spawn(pid, path, &files, &attributes, arguments, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return -error;
}

void program_run(struct program *program, const struct heard_event *event, const char *file)
{
	struct environment environment;
	pid_t pid;

	reap(program);
	if (!may_start(program))
		return;
	describe(&environment, event, file);
	int status = environment.failed ? -ENOMEM : spawn(program->path, environment.list, &pid);
	environment_finish(&environment);
	if (status == 0)
		program->running[program->n_running++] = pid;
	else
		say(program, "%s: %s", program->path, strerror(-status));
}

int program_open(const char *name, program_say say_line, void *ctx, struct program **out)
{
	struct program *program = calloc(1, sizeof(*program));
	int status = program ? find(name, program->path) : -ENOMEM;

	*out = NULL;
	if (status == 0)
		status = wait_on_child(reap, program);
	if (status < 0) {
		fprintf(stderr, "hear: --exec: %s: %s\n", name, strerror(-status));
		free(program);
		return status;
	}
	program->say = say_line;
	program->ctx = ctx;
	program->filled_ms = wait_now_ms();
	program->tokens_ms = PROGRAM_BURST * 1000 / PROGRAM_PER_SECOND;
	*out = program;
	return 0;
}

void program_close(struct program *program)
{
	if (!program)
		return;
	wait_on_child(NULL, NULL);
	free(program);
}
