#!/usr/bin/env python3
"""Fails when a folder includes something above it.

    layering.py ROOT        check the sources under ROOT
    layering.py --self-test check that violations are found

The table below is the architecture: each folder lists what it may include. An
entry is a folder, or a single header. System headers that belong to one layer
(libuv, PortAudio, cJSON, OpenBLAS, ...) are listed with the folders that may
know them.
"""

import re
import sys
import tempfile
from pathlib import Path

BASE = ["core/base"]
CORE = BASE + ["core/kernels", "core/weights", "core/decode", "core/acoustic", "core/recognizer.h", "core/classifier.h", "core/language_model.h", "core/grammar_file.h"]

ALLOWED = {
    "core/base": [],
    "core/kernels": BASE,
    "core/weights": BASE,
    "core/decode": BASE + ["core/weights/tokenizer.h"],
    "core/acoustic": BASE + ["core/kernels", "core/weights"],
    "core": CORE,  # core/recognizer*: the door of all of it
    "audio": BASE,
    "protocol": BASE,
    "tools": CORE + ["audio", "protocol"],
    "client": BASE + ["audio", "protocol"],
    "daemon": CORE + ["audio", "protocol"],
}

# What only these folders may know of. Anything that matches no pattern is libc.
EXTERNAL = {
    r"uv\.h|uv/.*": ["daemon", "client"],
    r"portaudio\.h|pa_.*\.h": ["audio"],
    r"samplerate\.h": ["audio"],
    r"sndfile\.h": ["audio"],
    r"cjson/.*|cJSON\.h": ["core/weights", "protocol", "client", "daemon", "tools"],
    r"zlib\.h": ["core/decode"],
    r"cblas\.h|openblas.*": ["core/kernels"],
    r"ini\.h": ["daemon"],
    r"systemd/.*": ["daemon"],
    r"sys/socket\.h|sys/un\.h|netinet/.*|arpa/.*|netdb\.h": ["protocol", "client", "daemon"],
    r"cmocka\.h": [],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')


def folder_of(path):
    """The longest folder of the table that holds the file, or None."""
    for folder in sorted(ALLOWED, key=len, reverse=True):
        if path.startswith(folder + "/"):
            return folder
    return None


def inside(path, entry):
    return path == entry or path.startswith(entry + "/")


def check_local(root, file, folder, target):
    if not (root / target).is_file():
        return f'"{target}" does not exist: includes are written from the root of the repository'
    own = target.startswith(folder + "/") and folder_of(target) == folder
    if own or any(inside(target, entry) for entry in ALLOWED[folder]):
        return None
    return f'{folder} may not include "{target}"'


def check_system(folder, target):
    for pattern, folders in EXTERNAL.items():
        if re.fullmatch(pattern, target) and not any(inside(folder, f) for f in folders):
            return f"{folder} may not know <{target}>"
    return None


def violations(root):
    """Lines of text, one for each include that points upward; and the files read."""
    found, files = [], 0
    for path in sorted(root.rglob("*.[chS]")):
        file = path.relative_to(root).as_posix()
        folder = folder_of(file)
        if folder is None:
            continue
        files += 1
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            quote, target = match.groups()
            # A quoted name without a folder may be a system header such as "sndfile.h".
            if quote == '"' and "/" in target:
                problem = check_local(root, file, folder, target)
            elif quote == '"':
                problem = f'"{target}" is not written from the root of the repository'
            else:
                problem = check_system(folder, target)
            if problem:
                found.append(f"{file}:{number}: {problem}")
    return found, files


SELF_TEST = [
    # file, its include, whether it is allowed
    ("core/base/a.c", '#include "core/base/a.h"', True),
    ("core/base/a.c", "#include <stdio.h>", True),
    ("core/base/a.c", '#include "core/kernels/k.h"', False),
    ("core/kernels/k.c", '#include "core/base/a.h"', True),
    ("core/kernels/k.c", '#include "core/weights/tokenizer.h"', False),
    ("core/kernels/k.c", "#include <cblas.h>", True),
    ("core/acoustic/m.c", '#include "core/kernels/k.h"', True),
    ("core/acoustic/m.c", '#include "core/decode/d.h"', False),
    ("core/acoustic/m.c", "#include <cblas.h>", False),
    ("core/decode/d.c", '#include "core/weights/tokenizer.h"', True),
    ("core/decode/d.c", '#include "core/weights/w.h"', False),
    ("core/decode/d.c", '#include "core/recognizer.h"', False),
    ("core/recognizer.c", '#include "core/acoustic/m.h"', True),
    ("core/recognizer_stream.c", "  #  include <uv.h>", False),
    ("core/weights/w.c", "#include <cjson/cJSON.h>", True),
    ("core/decode/d.c", "#include <cjson/cJSON.h>", False),
    ("core/decode/d.c", "#include <zlib.h>", True),
    ("core/weights/w.c", "#include <zlib.h>", False),
    ("audio/c.c", '#include "core/base/a.h"', True),
    ("audio/c.c", '#include "core/recognizer.h"', False),
    ("audio/c.c", "#include <portaudio.h>", True),
    ("protocol/p.c", '#include "audio/c.h"', False),
    ("client/h.c", '#include "protocol/p.h"', True),
    ("client/h.c", '#include "core/recognizer.h"', False),
    ("client/h.c", '#include "daemon/s.h"', False),
    ("daemon/s.c", '#include "core/recognizer.h"', True),
    ("daemon/s.c", '#include "s.h"', False),
    ("daemon/s.c", '#include "daemon/missing.h"', False),
    ("tools/t.c", '#include "core/acoustic/m.h"', True),
    ("tools/t.c", "#include <uv.h>", False),
]


def self_test():
    headers = {m for _, line, _ in SELF_TEST for m in re.findall(r'"(.+/.+)"', line)}
    headers.discard("daemon/missing.h")
    failures = 0
    for file, line, allowed in SELF_TEST:
        with tempfile.TemporaryDirectory() as directory:
            root = Path(directory)
            for name in headers | {file}:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text("")
            (root / file).write_text("/* first */\n" + line + "\n")
            found, _ = violations(root)
            if bool(found) == allowed:
                failures += 1
                print(f"{file}: {line}: expected {'no problem' if allowed else 'a problem'}, got {found}")
    print(f"{len(SELF_TEST) - failures} of {len(SELF_TEST)} includes judged right")
    return 1 if failures else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    found, files = violations(root)
    for line in found:
        print(line)
    print(f"{files} files, {len(found)} includes that point upward")
    return 1 if found or files == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
