/*
 * The flag ladder: the last assignment that the CPU allows wins. A table is put
 * together once for each set of flags that differ here, and kept.
 */
#include "core/kernels/kernels.h"

#include "core/base/cpu.h"
#include "core/kernels/tables.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TABLES = 32 };

static void use(struct kernels *table, const struct microkernel *micro)
{
	table->micro[micro->type] = micro;
}

static const struct kernels *base_table(unsigned flags)
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

/* The vector tables come with what all of their machines have. */
static struct kernels assemble(unsigned flags)
{
	struct kernels table = *base_table(flags);

	use(&table, &microkernel_int8_c);
	use(&table, &microkernel_int4_c);
#ifdef HAVE_KERNELS_X86
	if (flags & CPU_AVX2) {
		use(&table, &microkernel_int8_avx2);
		use(&table, &microkernel_int4_avx2);
	}
	if (flags & CPU_AVX_VNNI) {
		use(&table, &microkernel_int8_avxvnni);
		use(&table, &microkernel_int4_avxvnni);
	}
	if (flags & CPU_AVX512_VNNI) {
		use(&table, &microkernel_int8_avx512vnni);
		use(&table, &microkernel_int4_avx512vnni);
	}
	if ((flags & CPU_AVX512_BF16) && !(flags & CPU_SLOW_BF16))
		use(&table, &microkernel_bf16_avx512);
#endif
#ifdef HAVE_KERNELS_ARM
	if (flags & CPU_NEON) {
		use(&table, &microkernel_int8_neon);
		use(&table, &microkernel_int4_neon);
	}
#endif
#ifdef HAVE_KERNELS_ARM64
	if (flags & CPU_DOTPROD) {
		use(&table, &microkernel_int8_dotprod);
		use(&table, &microkernel_int4_dotprod);
	}
	if (flags & CPU_I8MM)
		use(&table, &microkernel_int8_i8mm);
	if (flags & CPU_ARM_BF16)
		use(&table, &microkernel_bf16_mmla);
#endif
	return table;
}

static bool same(const struct kernels *a, const struct kernels *b)
{
	return strcmp(a->name, b->name) == 0 && memcmp(a->micro, b->micro, sizeof(a->micro)) == 0;
}

const struct kernels *kernels_for(unsigned flags)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static struct kernels tables[MAX_TABLES];
	static size_t n_tables;
	struct kernels wanted = assemble(flags);
	size_t i = 0;

	pthread_mutex_lock(&mutex);
	while (i < n_tables && !same(&tables[i], &wanted))
		i++;
	if (i == MAX_TABLES)
		abort();
	if (i == n_tables)
		tables[n_tables++] = wanted;
	pthread_mutex_unlock(&mutex);
	return &tables[i];
}

const struct kernels *kernels_get(void)
{
	return kernels_for(cpu_flags());
}

const char *kernels_for_weights(const struct kernels *kernels, enum weight_type type)
{
	return kernels->micro[type] ? kernels->micro[type]->name : kernels->name;
}
