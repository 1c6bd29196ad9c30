/* What every fuzz target defines; named by libFuzzer. */
#ifndef HEARD_TESTS_FUZZ_TARGET_H
#define HEARD_TESTS_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
