#include "tests/golden/report.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 16, NAME_BYTES = 256 };

static size_t checks, failures;

const char *report_name(const char *fmt, ...)
{
	static char names[NAMES][NAME_BYTES];
	static size_t next;
	char *name = names[next++ % NAMES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(name, NAME_BYTES, fmt, args);
	va_end(args);
	return name;
}

bool report_true(const char *name, bool ok)
{
	checks++;
	if (!ok)
		failures++;
	printf("%s %zu - %s\n", ok ? "ok" : "not ok", checks, name);
	return ok;
}

void report_failure(const char *name, const char *reason)
{
	report_true(name, false);
	printf("# %s\n", reason);
}

bool report_close(const char *name, const float *expected, size_t n_expected, const float *got,
		  size_t n_got, double tolerance)
{
	double worst = 0;
	size_t at = 0;

	if (n_expected != n_got) {
		report_true(name, false);
		printf("# expected %zu values, got %zu\n", n_expected, n_got);
		return false;
	}
	for (size_t i = 0; i < n_expected; i++) {
		double difference = fabs((double)got[i] - (double)expected[i]);

		/* Written so that a NaN is the worst of all. */
		if (!(difference <= worst)) {
			worst = difference;
			at = i;
			if (isnan(difference))
				break;
		}
	}
	bool ok = worst <= tolerance;

	report_true(report_name("%s (%zu values, difference %.2g of %.2g)", name, n_expected, worst,
				tolerance),
		    ok);
	if (!ok)
		printf("# value %zu of %zu: expected %.9g, got %.9g, difference %.3g, allowed %.3g\n",
		       at, n_expected, (double)expected[at], (double)got[at], worst, tolerance);
	return ok;
}

bool report_ints(const char *name, const int *expected, size_t n_expected, const int *got,
		 size_t n_got)
{
	size_t i = 0;

	while (i < n_expected && i < n_got && expected[i] == got[i])
		i++;
	bool ok = i == n_expected && i == n_got;

	report_true(name, ok);
	if (ok)
		return true;
	if (n_expected != n_got)
		printf("# expected %zu values, got %zu\n", n_expected, n_got);
	if (i < n_expected && i < n_got)
		printf("# value %zu: expected %d, got %d\n", i, expected[i], got[i]);
	return false;
}

bool report_int(const char *name, long long expected, long long got)
{
	bool ok = report_true(name, expected == got);

	if (!ok)
		printf("# expected %lld, got %lld\n", expected, got);
	return ok;
}

bool report_text(const char *name, const char *expected, const char *got)
{
	bool ok = report_true(name, got && strcmp(expected, got) == 0);

	if (!ok)
		printf("# expected \"%s\"\n#      got \"%s\"\n", expected, got ? got : "(none)");
	return ok;
}

int report_finish(void)
{
	printf("1..%zu\n", checks);
	if (checks == 0)
		printf("# nothing was checked\n");
	return failures == 0 && checks > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
