/* HEARD_CPU_MASK is read once a process: each case is a child of its own. */
#include "core/base/cpu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static unsigned flags_with(const char *mask)
{
	int ends[2];
	unsigned flags = 0;

	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (mask)
			setenv("HEARD_CPU_MASK", mask, 1);
		else
			unsetenv("HEARD_CPU_MASK");
		flags = cpu_flags();
		/* The second call answers from memory. */
		_exit(write(ends[1], &flags, sizeof(flags)) != sizeof(flags) ||
		      cpu_flags() != flags);
	}
	assert_int_equal(read(ends[0], &flags, sizeof(flags)), sizeof(flags));
	int status = -1;
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	close(ends[0]);
	close(ends[1]);
	return flags;
}

static void test_mask(void **state)
{
	unsigned all = cpu_flags_detected();

	(void)state;
	assert_int_equal(flags_with(NULL), all);
	assert_int_equal(flags_with(""), all);
	assert_int_equal(flags_with("0xffffffff"), all);
	assert_int_equal(flags_with("c"), 0);
	assert_int_equal(flags_with("0"), 0);
	assert_int_equal(flags_with("1"), all & CPU_AVX2);
	assert_int_equal(flags_with("avx2"), all & CPU_AVX2);
	assert_int_equal(flags_with("avx2,neon"), all & (CPU_AVX2 | CPU_NEON));
	assert_int_equal(flags_with("avx512"), all & (CPU_AVX2 | CPU_AVX512));
	assert_int_equal(flags_with(",avx512vnni,,"),
			 all & (CPU_AVX2 | CPU_AVX512 | CPU_AVX512_VNNI));
	assert_int_equal(flags_with("nonsense,avx2"), all & CPU_AVX2);
	/* An extension without its base. */
	assert_int_equal(flags_with("2"), 0);
	assert_int_equal(flags_with("0x5"), all & CPU_AVX2);
}

static void test_detected(void **state)
{
	unsigned flags = cpu_flags_detected();

	(void)state;
	if (flags & (CPU_AVX512_VNNI | CPU_AVX512_BF16))
		assert_true(flags & CPU_AVX512);
	if (flags & (CPU_AVX512 | CPU_AVX_VNNI))
		assert_true(flags & CPU_AVX2);
	assert_false((flags & CPU_AVX2) && (flags & CPU_NEON));
#if defined(__aarch64__)
	assert_true(flags & CPU_NEON);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mask),
		cmocka_unit_test(test_detected),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
