/* Python's pickle opcodes (Lib/pickletools.py lists them): the numbers of those
 * that pickle.c runs, and the names of all for its refusals. */
#ifndef HEARD_WEIGHTS_PICKLE_OPCODES_H
#define HEARD_WEIGHTS_PICKLE_OPCODES_H

enum pickle_opcode {
	OP_MARK = '(',
	OP_STOP = '.',
	OP_NONE = 'N',
	OP_BININT = 'J',
	OP_BININT1 = 'K',
	OP_BININT2 = 'M',
	OP_BINPERSID = 'Q',
	OP_REDUCE = 'R',
	OP_BINUNICODE = 'X',
	OP_APPEND = 'a',
	OP_BUILD = 'b',
	OP_GLOBAL = 'c',
	OP_EMPTY_LIST = ']',
	OP_APPENDS = 'e',
	OP_BINGET = 'h',
	OP_LONG_BINGET = 'j',
	OP_BINPUT = 'q',
	OP_LONG_BINPUT = 'r',
	OP_SETITEM = 's',
	OP_TUPLE = 't',
	OP_EMPTY_TUPLE = ')',
	OP_SETITEMS = 'u',
	OP_EMPTY_DICT = '}',
	OP_PROTO = 0x80,
	OP_TUPLE1 = 0x85,
	OP_TUPLE2 = 0x86,
	OP_TUPLE3 = 0x87,
	OP_NEWTRUE = 0x88,
	OP_NEWFALSE = 0x89,
	OP_LONG1 = 0x8a,
	OP_SHORT_BINUNICODE = 0x8c,
	OP_STACK_GLOBAL = 0x93,
	OP_MEMOIZE = 0x94,
	OP_FRAME = 0x95,
};

/* The name of an opcode that is not run, NULL where Python has none either. */
static inline const char *pickle_refused_name(unsigned char opcode)
{
	static const char *const names[256] = {
		['0'] = "POP",
		['1'] = "POP_MARK",
		['2'] = "DUP",
		['F'] = "FLOAT",
		['G'] = "BINFLOAT",
		['I'] = "INT",
		['L'] = "LONG",
		['P'] = "PERSID",
		['S'] = "STRING",
		['T'] = "BINSTRING",
		['U'] = "SHORT_BINSTRING",
		['V'] = "UNICODE",
		['B'] = "BINBYTES",
		['C'] = "SHORT_BINBYTES",
		['d'] = "DICT",
		['g'] = "GET",
		['i'] = "INST",
		['l'] = "LIST",
		['o'] = "OBJ",
		['p'] = "PUT",
		[0x81] = "NEWOBJ",
		[0x82] = "EXT1",
		[0x83] = "EXT2",
		[0x84] = "EXT4",
		[0x8b] = "LONG4",
		[0x8d] = "BINUNICODE8",
		[0x8e] = "BINBYTES8",
		[0x8f] = "EMPTY_SET",
		[0x90] = "ADDITEMS",
		[0x91] = "FROZENSET",
		[0x92] = "NEWOBJ_EX",
		[0x96] = "BYTEARRAY8",
		[0x97] = "NEXT_BUFFER",
		[0x98] = "READONLY_BUFFER",
	};

	return names[opcode];
}

#endif
