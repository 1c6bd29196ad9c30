/*
 * A stack machine. Values live in blocks that are freed together; the stack
 * and the memo hold pointers to them, a mark is a NULL on the stack. An opcode
 * creates at most one value, and a list grows only by what was on the stack,
 * so memory is bounded by the length of the pickle.
 */
#include "core/weights/pickle.h"

#include "core/base/checked.h"
#include "core/base/log.h"
#include "core/weights/pickle_opcodes.h"
#include "core/weights/pickle_torch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 64 << 10, HIGHEST_PROTOCOL = 5 };

struct block {
	struct block *next;
	_Alignas(max_align_t) unsigned char bytes[];
};

struct pickle {
	struct block *blocks; /* owned */
	size_t block_left;    /* bytes free at `block_at` */
	unsigned char *block_at;
	size_t total; /* bytes of all blocks */
};

struct machine {
	struct pickle *pickle;
	const char *file;
	const unsigned char *data;
	size_t size, at;
	size_t opcode_at;            /* for messages */
	struct pickle_value **stack; /* owned */
	size_t depth, stack_room;
	struct pickle_value **memo; /* owned; NULL where nothing was put */
	size_t memo_room, memo_next;
};

static int fail(const struct machine *m, const char *what)
{
	log_error("%s: pickle, byte %zu: %s", m->file, m->opcode_at, what);
	return -EINVAL;
}

/* Zeroed memory that lives as long as the pickle. */
static int allocate(struct machine *m, size_t bytes, void **out)
{
	struct pickle *pickle = m->pickle;
	size_t alignment = _Alignof(max_align_t);

	bytes = (bytes + alignment - 1) / alignment * alignment;
	if (bytes > pickle->block_left) {
		size_t wanted = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
		if (wanted > PICKLE_MAX_OBJECT_BYTES - pickle->total)
			return fail(m, "too many objects");
		struct block *block = calloc(1, sizeof(*block) + wanted);
		if (block == NULL)
			return -ENOMEM;
		block->next = pickle->blocks;
		pickle->blocks = block;
		pickle->block_at = block->bytes;
		pickle->block_left = wanted;
		pickle->total += wanted;
	}
	*out = pickle->block_at;
	pickle->block_at += bytes;
	pickle->block_left -= bytes;
	return 0;
}

static int push(struct machine *m, struct pickle_value *value)
{
	if (m->depth == m->stack_room) {
		size_t room = m->stack_room ? 2 * m->stack_room : 256;
		struct pickle_value **stack = realloc(m->stack, room * sizeof(*stack));
		if (stack == NULL)
			return -ENOMEM;
		m->stack = stack;
		m->stack_room = room;
	}
	m->stack[m->depth++] = value;
	return 0;
}

static int push_new(struct machine *m, enum pickle_kind kind, struct pickle_value **out)
{
	void *memory;
	int rc = allocate(m, sizeof(**out), &memory);

	if (rc < 0)
		return rc;
	*out = memory;
	(*out)->kind = kind;
	return push(m, *out);
}

static int pop(struct machine *m, struct pickle_value **out)
{
	if (m->depth == 0 || m->stack[m->depth - 1] == NULL)
		return fail(m, "the stack is empty");
	*out = m->stack[--m->depth];
	return 0;
}

/* The values above the topmost mark; they and the mark leave the stack but stay
 * readable until the next push. */
static int pop_to_mark(struct machine *m, struct pickle_value ***items, size_t *n)
{
	size_t at = m->depth;

	while (at > 0 && m->stack[at - 1] != NULL)
		at--;
	if (at == 0)
		return fail(m, "no mark on the stack");
	*items = m->stack + at;
	*n = m->depth - at;
	m->depth = at - 1;
	return 0;
}

static int append(struct machine *m, struct pickle_value *list, struct pickle_value *const *items,
		  size_t n)
{
	if (n > list->list.capacity - list->list.n) {
		size_t capacity = 2 * list->list.capacity + n;
		void *memory;
		int rc = allocate(m, capacity * sizeof(*items), &memory);
		if (rc < 0)
			return rc;
		if (list->list.n)
			memcpy(memory, list->list.items, list->list.n * sizeof(*items));
		list->list.items = memory;
		list->list.capacity = capacity;
	}
	if (n)
		memcpy(list->list.items + list->list.n, items, n * sizeof(*items));
	list->list.n += n;
	return 0;
}

/* The next `n` bytes of the pickle. */
static int take(struct machine *m, size_t n, const unsigned char **out)
{
	if (!checked_range(m->at, n, m->size))
		return fail(m, "the pickle ends inside an opcode; is the file truncated?");
	*out = m->data + m->at;
	m->at += n;
	return 0;
}

/* A little-endian unsigned number of `bytes` bytes, at most eight. */
static int take_number(struct machine *m, size_t bytes, uint64_t *out)
{
	const unsigned char *at;
	int rc = take(m, bytes, &at);

	*out = 0;
	for (size_t i = 0; rc == 0 && i < bytes; i++)
		*out |= (uint64_t)at[i] << 8 * i;
	return rc;
}

static int push_integer(struct machine *m, enum pickle_kind kind, int64_t integer)
{
	struct pickle_value *value;
	int rc = push_new(m, kind, &value);

	if (rc == 0)
		value->integer = integer;
	return rc;
}

/* Two's complement of up to eight bytes; longer ones are kept as they are. */
static int run_long(struct machine *m)
{
	uint64_t length;
	const unsigned char *at;
	struct pickle_value *value;

	int rc = take_number(m, 1, &length);
	if (rc == 0)
		rc = take(m, (size_t)length, &at);
	if (rc != 0)
		return rc;
	if (length > sizeof(int64_t)) {
		rc = push_new(m, PICKLE_LONG, &value);
		if (rc == 0) {
			value->text.data = (const char *)at;
			value->text.length = (size_t)length;
		}
		return rc;
	}
	uint64_t bits = length > 0 && at[length - 1] & 0x80 ? UINT64_MAX : 0;
	for (size_t i = (size_t)length; i-- > 0;)
		bits = bits << 8 | at[i];
	int64_t integer;
	memcpy(&integer, &bits, sizeof(integer));
	return push_integer(m, PICKLE_INTEGER, integer);
}

static int run_text(struct machine *m, size_t length_bytes)
{
	uint64_t length;
	const unsigned char *at;
	struct pickle_value *value;

	int rc = take_number(m, length_bytes, &length);
	if (rc == 0)
		rc = take(m, (size_t)length, &at);
	if (rc == 0)
		rc = push_new(m, PICKLE_TEXT, &value);
	if (rc != 0)
		return rc;
	value->text.data = (const char *)at;
	value->text.length = (size_t)length;
	return 0;
}

static int run_tuple(struct machine *m, size_t n)
{
	struct pickle_value *items[3], *tuple;
	int rc = 0;

	for (size_t i = n; rc == 0 && i-- > 0;)
		rc = pop(m, &items[i]);
	if (rc == 0)
		rc = push_new(m, PICKLE_TUPLE, &tuple);
	return rc < 0 ? rc : append(m, tuple, items, n);
}

static int run_mark_tuple(struct machine *m)
{
	struct pickle_value **items, *tuple;
	size_t n;
	void *memory;

	int rc = pop_to_mark(m, &items, &n);
	if (rc == 0)
		rc = allocate(m, sizeof(*tuple), &memory);
	if (rc != 0)
		return rc;
	tuple = memory;
	tuple->kind = PICKLE_TUPLE;
	rc = append(m, tuple, items, n);
	return rc < 0 ? rc : push(m, tuple);
}

/* SETITEM(S) and APPEND(S): the container stays on the stack. */
static int run_fill(struct machine *m, enum pickle_kind kind, size_t n)
{
	struct pickle_value *single[2], **items = single;
	int rc = 0;

	if (n == 0) {
		rc = pop_to_mark(m, &items, &n);
	} else {
		for (size_t i = n; rc == 0 && i-- > 0;)
			rc = pop(m, &single[i]);
	}
	if (rc < 0)
		return rc;
	struct pickle_value *container = m->depth ? m->stack[m->depth - 1] : NULL;
	if (container == NULL || container->kind != kind)
		return fail(m, "items for something that takes none of this kind");
	if (kind == PICKLE_DICT && n % 2 != 0)
		return fail(m, "a key without a value");
	return append(m, container, items, n);
}

static int run_put(struct machine *m, uint64_t index)
{
	if (m->depth == 0 || m->stack[m->depth - 1] == NULL)
		return fail(m, "nothing on the stack to remember");
	/* A pickler counts up from zero and needs two bytes for each. */
	if (index >= m->size)
		return fail(m, "a memo index larger than the pickle");
	if (index >= m->memo_room) {
		size_t room = 2 * (size_t)index + 256;
		struct pickle_value **memo = realloc(m->memo, room * sizeof(*memo));
		if (memo == NULL)
			return -ENOMEM;
		memset(memo + m->memo_room, 0, (room - m->memo_room) * sizeof(*memo));
		m->memo = memo;
		m->memo_room = room;
	}
	m->memo[index] = m->stack[m->depth - 1];
	if (index >= m->memo_next)
		m->memo_next = (size_t)index + 1;
	return 0;
}

static int run_get(struct machine *m, uint64_t index)
{
	if (index >= m->memo_room || m->memo[index] == NULL)
		return fail(m, "a memo index that was never set");
	return push(m, m->memo[index]);
}

static int push_global(struct machine *m, const char *module, size_t module_length,
		       const char *name, size_t name_length)
{
	struct pickle_value found = {0}, *value;

	if (!pickle_torch_global(module, module_length, name, name_length, &found)) {
		log_error("%s: pickle, byte %zu: global '%.*s.%.*s' is not on the list", m->file,
			  m->opcode_at, module_length < 200 ? (int)module_length : 200, module,
			  name_length < 200 ? (int)name_length : 200, name);
		return -ENOTSUP;
	}
	int rc = push_new(m, PICKLE_GLOBAL, &value);
	if (rc == 0)
		*value = found;
	return rc;
}

static int take_line(struct machine *m, const char **text, size_t *length)
{
	const unsigned char *begin = m->data + m->at;
	const unsigned char *end = memchr(begin, '\n', m->size - m->at);

	if (end == NULL)
		return fail(m, "the pickle ends inside a name");
	*text = (const char *)begin;
	*length = (size_t)(end - begin);
	m->at += *length + 1;
	return 0;
}

static int run_global(struct machine *m)
{
	const char *module, *name;
	size_t module_length, name_length;

	int rc = take_line(m, &module, &module_length);
	if (rc == 0)
		rc = take_line(m, &name, &name_length);
	return rc < 0 ? rc : push_global(m, module, module_length, name, name_length);
}

static int run_stack_global(struct machine *m)
{
	struct pickle_value *module, *name;

	int rc = pop(m, &name);
	if (rc == 0)
		rc = pop(m, &module);
	if (rc < 0)
		return rc;
	if (module->kind != PICKLE_TEXT || name->kind != PICKLE_TEXT)
		return fail(m, "a global whose name is no text");
	return push_global(m, module->text.data, module->text.length, name->text.data,
			   name->text.length);
}

static int run_reduce(struct machine *m)
{
	struct pickle_value *callable, *arguments, *forward, result = {0}, *value;

	int rc = pop(m, &arguments);
	if (rc == 0)
		rc = pop(m, &callable);
	if (rc < 0)
		return rc;
	if (!pickle_torch_call(callable, arguments, &result, &forward))
		return fail(m, "REDUCE of something that is no call of torch's functions");
	if (forward)
		return push(m, forward);
	rc = push_new(m, result.kind, &value);
	if (rc == 0)
		*value = result;
	return rc;
}

static int run_persistent(struct machine *m)
{
	struct pickle_value *id, found = {0}, *value;

	int rc = pop(m, &id);
	if (rc < 0)
		return rc;
	if (!pickle_torch_storage(id, &found))
		return fail(m, "a persistent id that is no plain storage");
	rc = push_new(m, PICKLE_STORAGE, &value);
	if (rc == 0)
		*value = found;
	return rc;
}

/* Attributes of a dictionary (torch puts `_metadata` there) are dropped. */
static int run_build(struct machine *m)
{
	struct pickle_value *state;

	int rc = pop(m, &state);
	if (rc < 0)
		return rc;
	if (m->depth == 0 || m->stack[m->depth - 1] == NULL ||
	    m->stack[m->depth - 1]->kind != PICKLE_DICT)
		return fail(m, "BUILD of something that is no dictionary");
	return 0;
}

static int run_protocol(struct machine *m)
{
	uint64_t protocol;
	int rc = take_number(m, 1, &protocol);

	if (rc == 0 && protocol > HIGHEST_PROTOCOL)
		return fail(m, "an unknown pickle protocol");
	return rc;
}

/* Opcodes whose argument is one number. */
static int run_with_number(struct machine *m, unsigned char opcode, size_t bytes)
{
	uint64_t number;
	int rc = take_number(m, bytes, &number);

	if (rc < 0)
		return rc;
	switch (opcode) {
	case OP_BININT:
		return push_integer(m, PICKLE_INTEGER, (int32_t)(uint32_t)number);
	case OP_BININT1:
	case OP_BININT2:
		return push_integer(m, PICKLE_INTEGER, (int64_t)number);
	case OP_BINPUT:
	case OP_LONG_BINPUT:
		return run_put(m, number);
	case OP_BINGET:
	case OP_LONG_BINGET:
		return run_get(m, number);
	default: /* FRAME: only a hint for readers of streams */
		return 0;
	}
}

static int run_opcode(struct machine *m, unsigned char opcode)
{
	struct pickle_value *value;

	switch (opcode) {
	case OP_PROTO:
		return run_protocol(m);
	case OP_MARK:
		return push(m, NULL);
	case OP_NONE:
		return push_new(m, PICKLE_NONE, &value);
	case OP_NEWTRUE:
	case OP_NEWFALSE:
		return push_integer(m, PICKLE_FLAG, opcode == OP_NEWTRUE);
	case OP_BININT1:
	case OP_BINPUT:
	case OP_BINGET:
		return run_with_number(m, opcode, 1);
	case OP_BININT2:
		return run_with_number(m, opcode, 2);
	case OP_BININT:
	case OP_LONG_BINPUT:
	case OP_LONG_BINGET:
		return run_with_number(m, opcode, 4);
	case OP_FRAME:
		return run_with_number(m, opcode, 8);
	case OP_MEMOIZE:
		return run_put(m, m->memo_next);
	case OP_LONG1:
		return run_long(m);
	case OP_BINUNICODE:
		return run_text(m, 4);
	case OP_SHORT_BINUNICODE:
		return run_text(m, 1);
	case OP_EMPTY_TUPLE:
		return push_new(m, PICKLE_TUPLE, &value);
	case OP_TUPLE1:
		return run_tuple(m, 1);
	case OP_TUPLE2:
		return run_tuple(m, 2);
	case OP_TUPLE3:
		return run_tuple(m, 3);
	case OP_TUPLE:
		return run_mark_tuple(m);
	case OP_EMPTY_LIST:
		return push_new(m, PICKLE_LIST, &value);
	case OP_APPEND:
		return run_fill(m, PICKLE_LIST, 1);
	case OP_APPENDS:
		return run_fill(m, PICKLE_LIST, 0);
	case OP_EMPTY_DICT:
		return push_new(m, PICKLE_DICT, &value);
	case OP_SETITEM:
		return run_fill(m, PICKLE_DICT, 2);
	case OP_SETITEMS:
		return run_fill(m, PICKLE_DICT, 0);
	case OP_GLOBAL:
		return run_global(m);
	case OP_STACK_GLOBAL:
		return run_stack_global(m);
	case OP_REDUCE:
		return run_reduce(m);
	case OP_BUILD:
		return run_build(m);
	case OP_BINPERSID:
		return run_persistent(m);
	}
	const char *name = pickle_refused_name(opcode);
	log_error("%s: pickle, byte %zu: opcode %s (0x%02x) is not on the list", m->file,
		  m->opcode_at, name ? name : "unknown", opcode);
	return -ENOTSUP;
}

static int run(struct machine *m)
{
	for (;;) {
		const unsigned char *opcode;
		m->opcode_at = m->at;
		int rc = take(m, 1, &opcode);
		if (rc == 0 && *opcode == OP_STOP)
			return 0;
		if (rc == 0)
			rc = run_opcode(m, *opcode);
		if (rc < 0)
			return rc;
	}
}

int pickle_run(const unsigned char *data, size_t size, const char *file, struct pickle **out,
	       const struct pickle_value **root, size_t *consumed)
{
	struct machine m = {.file = file, .data = data};
	struct pickle_value *result;

	*out = NULL;
	/* In the older format gigabytes of tensors follow. */
	m.size = size < PICKLE_MAX_BYTES ? size : PICKLE_MAX_BYTES;
	m.pickle = calloc(1, sizeof(*m.pickle));
	if (m.pickle == NULL)
		return -ENOMEM;
	int rc = run(&m);
	if (rc == 0)
		rc = pop(&m, &result);
	free(m.stack);
	free(m.memo);
	if (rc < 0) {
		pickle_destroy(m.pickle);
		return rc;
	}
	*out = m.pickle;
	*root = result;
	if (consumed)
		*consumed = m.at;
	return 0;
}

void pickle_destroy(struct pickle *pickle)
{
	while (pickle && pickle->blocks) {
		struct block *next = pickle->blocks->next;
		free(pickle->blocks);
		pickle->blocks = next;
	}
	free(pickle);
}
