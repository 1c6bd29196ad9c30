/* One pytorch_model.bin: archive, unpickler, older stream. Of what is accepted
 * the elements at both ends are read; strides make the ends the farthest. */
#include "core/weights/torch_bin.h"
#include "tests/fuzz/quiet.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { PROBED = 64 };
	const struct mapping file = {data, size, (char[]){"fuzz"}};
	struct tensor_list list = {0};
	float values[PROBED];

	if (size == 0) /* never mapped */
		return 0;
	quiet_log();
	if (torch_bin_read(&file, &list) == 0) {
		for (size_t i = 0; i < list.n; i++) {
			size_t n = tensor_elements(&list.items[i]);
			size_t count = n < PROBED ? n : PROBED;
			tensor_read_f32(&list.items[i], 0, count, values);
			tensor_read_f32(&list.items[i], n - count, count, values);
		}
	}
	tensor_list_finish(&list);
	return 0;
}
