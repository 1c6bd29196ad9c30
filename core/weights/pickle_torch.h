/* What the few names in a pickle of torch.save mean; used by pickle.c alone. */
#ifndef HEARD_WEIGHTS_PICKLE_TORCH_H
#define HEARD_WEIGHTS_PICKLE_TORCH_H

#include "core/weights/pickle.h"

/* Looks a global up in the list of those we know. */
bool pickle_torch_global(const char *module, size_t module_length, const char *name,
			 size_t name_length, struct pickle_value *out);

/* Calls callable(*arguments) as far as it is one of the listed functions with
 * the arguments it takes. The result is *out, or *forward where it is one of
 * the arguments. False: no such call. */
bool pickle_torch_call(const struct pickle_value *callable, const struct pickle_value *arguments,
		       struct pickle_value *out, struct pickle_value **forward);

/* The storage that a persistent id ('storage', type, key, location, elements)
 * describes. False: no such id. */
bool pickle_torch_storage(const struct pickle_value *id, struct pickle_value *out);

#endif
