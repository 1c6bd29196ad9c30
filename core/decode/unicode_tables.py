#!/usr/bin/env python3
"""Writes unicode_tables.c: the case and white-space properties of Python's str.

The tokenizers that vocab.c reproduces are Python programs: str.strip, lower
and upper decide what they print. Run it with a newer Python to get a newer
Unicode: ./unicode_tables.py > unicode_tables.c
"""
import sys
import unicodedata

LIMIT = 0x110000
chars = [c for c in range(LIMIT) if not 0xD800 <= c < 0xE000]


def ranges(values):
    out = []
    for v in values:
        if out and out[-1][1] == v - 1:
            out[-1][1] = v
        else:
            out.append([v, v])
    return out


def cased(c):  # and not case-ignorable: what makes a following capital sigma final
    return (chr(c) + "\u03a3").lower().endswith("\u03c2")


def ignorable(c):
    return not cased(c) and ("A" + chr(c) + "\u03a3").lower().endswith("\u03c2")


def mapping(fold):
    """Runs (first, last, step, delta) of one-to-one maps, and the longer ones."""
    runs, longer = [], []
    for c in chars:
        to = fold(chr(c))
        if to == chr(c):
            continue
        if len(to) > 1:
            longer.append([c] + [ord(x) for x in to] + [0] * (3 - len(to)))
            continue
        delta = ord(to) - c
        if runs:
            first, last, step, d = runs[-1]
            gap = c - last
            if d == delta and gap <= 2 and (first == last or gap == step):
                runs[-1] = [first, c, gap, d]
                continue
        runs.append([c, c, 1, delta])
    return runs, longer


def table(kind, name, rows, form):
    print(f"\nconst struct {kind} {name}[] = {{")
    line = ""
    for r in rows:
        item = [f(v) for f, v in zip(form, r)]
        if kind == "unicode_longer":
            item[1], item[-1] = "{" + item[1], item[-1] + "}"
        item = "{" + ", ".join(item) + "},"
        if len(line) + len(item) + 9 > 98:
            print("\t" + line.rstrip())
            line = ""
        line += item + " "
    print("\t" + line.rstrip())
    print("};")
    print(f"const size_t {name}_size = sizeof({name}) / sizeof({name}[0]);")


def hexa(v):
    return f"0x{v:x}"


print("/*")
print(f" * Written by unicode_tables.py: Unicode {unicodedata.unidata_version}, as Python's str")
print(" * folds case and strips white space.")
print(" */")
print("/* clang-format off */")
print('#include "core/decode/unicode_tables.h"')
two = [hexa, hexa]
table("unicode_range", "unicode_space", ranges([c for c in chars if chr(c).isspace()]), two)
table("unicode_range", "unicode_cased", ranges([c for c in chars if cased(c)]), two)
table("unicode_range", "unicode_ignorable", ranges([c for c in chars if ignorable(c)]), two)
for name, fold in (("lower", str.lower), ("upper", str.upper)):
    runs, longer = mapping(fold)
    table("unicode_run", f"unicode_{name}_runs", runs, [hexa, hexa, str, str])
    table("unicode_longer", f"unicode_{name}_longer", longer, [hexa] * 4)
sys.stdout.flush()
