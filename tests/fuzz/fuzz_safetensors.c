/* One safetensors file. Every element of what is accepted is read. */
#include "core/weights/safetensors.h"
#include "tests/fuzz/quiet.h"
#include "tests/fuzz/target.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct mapping file = {data, size, (char[]){"fuzz"}};
	struct tensor_list list = {0};
	float value;

	if (size == 0) /* never mapped */
		return 0;
	quiet_log();
	if (safetensors_read(&file, &list) == 0) {
		for (size_t i = 0; i < list.n; i++) {
			const struct tensor *tensor = &list.items[i];
			size_t n = tensor_elements(tensor);
			/* The reader has shown that the data lies in the file. */
			if (n * dtype_size(tensor->dtype) > size)
				abort();
			for (size_t k = 0; k < n; k++)
				tensor_read_f32(tensor, k, 1, &value);
			tensor_view_f32(tensor);
		}
	}
	tensor_list_finish(&list);
	return 0;
}
