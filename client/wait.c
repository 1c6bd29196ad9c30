#include "client/wait.h"

#include "protocol/heard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

enum { BACKOFF_FIRST_MS = 100, BACKOFF_LAST_MS = 5000 };

/* The handler writes a byte here, so that a signal between looking and polling
 * is not missed. */
static int signal_pipe[2] = {-1, -1};
static volatile sig_atomic_t interrupted, child_ended;

static void (*reap_child)(void *ctx);
static void *reap_ctx;

static void on_signal(int signal)
{
	int error = errno;

	if (signal == SIGCHLD)
		child_ended = 1;
	else
		interrupted = 1;
	ssize_t n = write(signal_pipe[1], "", 1);
	(void)n; /* full: it is readable anyway */
	errno = error;
}

int wait_init(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGINT, &action, NULL) < 0 || sigaction(SIGTERM, &action, NULL) < 0 ||
	    sigaction(SIGPIPE, &ignore, NULL) < 0)
		return -errno;
	return 0;
}

bool wait_interrupted(void)
{
	return interrupted != 0;
}

int wait_on_child(void (*reap)(void *ctx), void *ctx)
{
	/* Other calls than poll go on: to print a line is not worth a special case. */
	struct sigaction action = {.sa_handler = reap ? on_signal : SIG_DFL,
				   .sa_flags = SA_RESTART | SA_NOCLDSTOP};

	reap_child = reap;
	reap_ctx = ctx;
	sigemptyset(&action.sa_mask);
	return sigaction(SIGCHLD, &action, NULL) < 0 ? -errno : 0;
}

static void look_after_children(void)
{
	if (!child_ended)
		return;
	child_ended = 0; /* before looking: one that ends meanwhile sets it again */
	if (reap_child)
		reap_child(reap_ctx);
}

static void empty_signal_pipe(void)
{
	char bytes[64];

	while (read(signal_pipe[0], bytes, sizeof(bytes)) > 0)
		;
}

int64_t wait_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int wait_for(struct heard *heard, int input_fd, int timeout_ms)
{
	int64_t deadline = timeout_ms > 0 ? wait_now_ms() + timeout_ms : 0;

	for (;;) {
		int found = 0, left = timeout_ms;
		if (wait_interrupted())
			return -EINTR;
		look_after_children();
		if (heard) {
			found = heard_wait(heard, 0);
			if (found < 0)
				return found;
		}
		if (timeout_ms > 0) {
			int64_t rest = deadline - wait_now_ms();
			left = rest > 0 ? (int)rest : 0;
		}
		/* With an event at hand, only look whether there is input too. */
		struct pollfd fds[3] = {
			{.fd = signal_pipe[0], .events = POLLIN},
			{.fd = input_fd, .events = POLLIN},
			{.fd = heard ? heard_fd(heard) : -1,
			 .events = heard ? heard_events(heard) : 0},
		};
		int n = poll(fds, 3, found > 0 ? 0 : left);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (fds[0].revents & POLLIN)
			empty_signal_pipe();
		if (n < 0 || (fds[0].revents & POLLIN))
			continue;
		int bits = found > 0 ? WAIT_EVENT : 0;
		if (fds[1].revents)
			bits |= WAIT_INPUT;
		if (bits != 0 || n == 0)
			return bits;
	}
}

int backoff_wait(struct backoff *backoff)
{
	if (backoff->next_ms == 0)
		backoff->next_ms = BACKOFF_FIRST_MS;
	int status = wait_for(NULL, -1, backoff->next_ms);
	backoff->next_ms *= 2;
	if (backoff->next_ms > BACKOFF_LAST_MS)
		backoff->next_ms = BACKOFF_LAST_MS;
	return status < 0 ? status : 0;
}
