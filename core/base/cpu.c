#include "core/base/cpu.h"

#include "core/base/log.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

/* A name keeps what its instructions build on as well. */
static const struct {
	const char *name;
	unsigned flags;
} flag_names[] = {
	{"avx2", CPU_AVX2},
	{"avx512", CPU_AVX2 | CPU_AVX512},
	{"avx512vnni", CPU_AVX2 | CPU_AVX512 | CPU_AVX512_VNNI},
	{"avx512bf16", CPU_AVX2 | CPU_AVX512 | CPU_AVX512_BF16}, /* also where it is slow */
	{"avxvnni", CPU_AVX2 | CPU_AVX_VNNI},
	{"neon", CPU_NEON},
	{"dotprod", CPU_NEON | CPU_DOTPROD},
	{"i8mm", CPU_NEON | CPU_DOTPROD | CPU_I8MM},
	{"armbf16", CPU_NEON | CPU_ARM_BF16},
	{"c", 0},
};

#if defined(__x86_64__) || defined(__i386__)

/* Which register files the operating system saves on a context switch. */
static unsigned long long enabled_state(void)
{
	unsigned low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (unsigned long long)high << 32 | low;
}

static bool vendor_is_intel(void)
{
	unsigned eax, ebx, ecx, edx;

	return __get_cpuid(0, &eax, &ebx, &ecx, &edx) && ebx == signature_INTEL_ebx &&
	       ecx == signature_INTEL_ecx && edx == signature_INTEL_edx;
}

unsigned cpu_flags_detected(void)
{
	const unsigned leaf1_ecx = bit_FMA | bit_OSXSAVE | bit_AVX | bit_F16C;
	const unsigned avx512 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
	const unsigned long long ymm_state = 0x06; /* SSE, AVX */
	const unsigned long long zmm_state = 0xe6; /* and mask registers, upper halves, zmm16-31 */
	unsigned eax, ebx, ecx, edx, eax1 = 0;
	unsigned flags = 0;

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || (ecx & leaf1_ecx) != leaf1_ecx)
		return 0;
	unsigned long long state = enabled_state();
	if ((state & ymm_state) != ymm_state)
		return 0;
	if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || !(ebx & bit_AVX2))
		return 0;
	flags |= CPU_AVX2;
	if (eax >= 1) {
		unsigned b, c, d;
		__cpuid_count(7, 1, eax1, b, c, d);
	}
	if (eax1 & 1u << 4)
		flags |= CPU_AVX_VNNI;
	if ((state & zmm_state) == zmm_state && (ebx & avx512) == avx512) {
		flags |= CPU_AVX512;
		if (ecx & 1u << 11)
			flags |= CPU_AVX512_VNNI;
		if (eax1 & 1u << 5)
			flags |= CPU_AVX512_BF16;
		/* On Emerald Rapids it reaches half the speed of f32, on Zen 4 twice
		 * that speed (docs/SPEED.md). */
		if ((flags & CPU_AVX512_BF16) && vendor_is_intel())
			flags |= CPU_SLOW_BF16;
	}
	return flags;
}

#elif defined(__aarch64__)

unsigned cpu_flags_detected(void)
{
	/* Bits of the kernel's stable interface (asm/hwcap.h), spelled out because
	 * older headers lack the newer names. */
	const unsigned long asimd = 1ul << 1, dotprod = 1ul << 20;
	const unsigned long i8mm2 = 1ul << 13, bf16_2 = 1ul << 14;
	unsigned long caps = getauxval(AT_HWCAP), caps2 = getauxval(AT_HWCAP2);

	if (!(caps & asimd))
		return 0;
	return CPU_NEON | (caps & dotprod ? CPU_DOTPROD : 0u) | (caps2 & i8mm2 ? CPU_I8MM : 0u) |
	       (caps2 & bf16_2 ? CPU_ARM_BF16 : 0u);
}

#else

unsigned cpu_flags_detected(void)
{
	return 0;
}

#endif

static unsigned flags_named(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++) {
		if (strlen(flag_names[i].name) == length &&
		    memcmp(flag_names[i].name, name, length) == 0)
			return flag_names[i].flags;
	}
	log_warn("HEARD_CPU_MASK: no CPU flag is called '%.*s'", (int)length, name);
	return 0;
}

static unsigned mask_from_environment(void)
{
	const char *text = getenv("HEARD_CPU_MASK");
	char *end;

	if (text == NULL || text[0] == '\0')
		return ~0u;
	unsigned long number = strtoul(text, &end, 0);
	if (*end == '\0')
		return (unsigned)number;

	unsigned mask = 0;
	while (*text != '\0') {
		size_t length = strcspn(text, ",");
		if (length > 0)
			mask |= flags_named(text, length);
		text += length;
		text += *text == ',';
	}
	return mask;
}

/* A number can keep an extension without its base, a machine that does not
 * exist; the kernels may rely on the base. */
static unsigned consistent(unsigned flags)
{
	if (!(flags & CPU_AVX2))
		flags &= ~(unsigned)(CPU_AVX512 | CPU_AVX_VNNI);
	if (!(flags & CPU_AVX512))
		flags &= ~(unsigned)(CPU_AVX512_VNNI | CPU_AVX512_BF16);
	if (!(flags & CPU_AVX512_BF16))
		flags &= ~(unsigned)CPU_SLOW_BF16;
	if (!(flags & CPU_NEON))
		flags &= ~(unsigned)(CPU_DOTPROD | CPU_I8MM | CPU_ARM_BF16);
	return flags;
}

unsigned cpu_flags(void)
{
	/* Threads that race here compute the same value; the top bit says that
	 * it is there. */
	static atomic_uint known;
	const unsigned valid = 1u << 31;
	unsigned flags = atomic_load_explicit(&known, memory_order_relaxed);

	if (!(flags & valid)) {
		flags = consistent(cpu_flags_detected() & mask_from_environment() & ~valid) | valid;
		atomic_store_explicit(&known, flags, memory_order_relaxed);
	}
	return flags & ~valid;
}
