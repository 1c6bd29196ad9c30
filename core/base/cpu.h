/*
 * What vector instructions this CPU has, found once. The environment variable
 * HEARD_CPU_MASK is AND-ed with it, for tests and for users of odd machines: a
 * number (as for strtoul with base 0), or a comma-separated list of what to
 * keep: avx2, avx512, avx512vnni, avx512bf16, avxvnni, neon, dotprod, i8mm,
 * armbf16, each with what it builds on; "c" keeps nothing. A list that names
 * avx512bf16 uses it also where it is slow.
 */
#ifndef HEARD_BASE_CPU_H
#define HEARD_BASE_CPU_H

enum cpu_flag {
	CPU_AVX2 = 1 << 0,   /* with FMA and F16C */
	CPU_AVX512 = 1 << 1, /* F, BW, DQ, VL */
	CPU_AVX512_VNNI = 1 << 2,
	CPU_AVX512_BF16 = 1 << 3,
	CPU_AVX_VNNI = 1 << 4,
	CPU_NEON = 1 << 5, /* of 64-bit ARM; 32-bit ARM computes in C */
	CPU_DOTPROD = 1 << 6,
	CPU_I8MM = 1 << 7,
	/* vdpbf16ps takes longer than the two multiply-adds it stands for. */
	CPU_SLOW_BF16 = 1 << 8,
	CPU_ARM_BF16 = 1 << 9, /* bfdot, bfmmla */
};

unsigned cpu_flags(void);          /* after the mask */
unsigned cpu_flags_detected(void); /* before it */

#endif
