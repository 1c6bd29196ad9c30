/* Speech to text, word by word: arecord -q -f S16_LE -r 16000 | ./transcribe */
#include <heard.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	const struct heard_format format = {.rate = 16000, .width = 2, .channels = 1};
	struct heard *h;
	struct heard_event e;
	char audio[3200];
	ssize_t n = 0, pushed = 0;
	int status = heard_connect(NULL, &h), reading = 1, done = 0;

	if (status == 0)
		status = heard_start(h, NULL, &format);
	while (status >= 0 && !done) {
		struct pollfd fds[] = {{.fd = reading && pushed == n ? 0 : -1, .events = POLLIN},
				       {.fd = heard_fd(h), .events = heard_events(h)}};
		poll(fds, 2, -1);
		if (fds[0].revents && (pushed = 0, n = read(0, audio, sizeof(audio))) <= 0) {
			reading = n = 0;
			heard_stop(h);
		}
		if (pushed < n)
			pushed += heard_push(h, audio + pushed, (size_t)(n - pushed));
		while (!done && (status = heard_next(h, &e)) > 0) {
			if (e.kind == HEARD_PARTIAL)
				fprintf(stderr, "\r\033[K%s\033[2m%s\033[0m", e.text, e.unstable);
			if (e.kind == HEARD_TRANSCRIPT)
				done = fprintf(stderr, "\r\033[K") + printf("%s\n", e.text);
		}
	}
	if (status < 0)
		fprintf(stderr, "transcribe: %s\n", strerror(-status));
	heard_close(h);
	return status < 0;
}
