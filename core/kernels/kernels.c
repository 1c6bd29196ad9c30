/* The flag ladder: the last assignment that the CPU allows wins. */
#include "core/kernels/kernels.h"

#include "core/base/cpu.h"
#include "core/kernels/tables.h"

const struct kernels *kernels_for(unsigned flags)
{
	const struct kernels *best = &kernels_c;

	(void)flags;
#ifdef HAVE_KERNELS_X86
	if (flags & CPU_AVX2)
		best = &kernels_avx2;
	if (flags & CPU_AVX512)
		best = &kernels_avx512;
#endif
#ifdef HAVE_KERNELS_ARM
	if (flags & CPU_NEON)
		best = &kernels_neon;
#endif
	return best;
}

const struct kernels *kernels_get(void)
{
	return kernels_for(cpu_flags());
}
