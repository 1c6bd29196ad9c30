"""What the golden scripts share: safetensors and WAV files, TAP, running the program.

Standard library only, and independent of the project's own readers.
"""

import array
import json
import os
import struct
import subprocess
import sys

CODES = {"F32": "f", "I32": "i", "I64": "q"}


def read_header(raw):
    """(header as a dict, where the data begins) of a safetensors file's bytes."""
    (size,) = struct.unpack_from("<Q", raw)
    return json.loads(raw[8 : 8 + size]), 8 + size


def read_safetensors(path):
    """{name: (dtype, shape, array of values)}, data in a half type as bytes."""
    with open(path, "rb") as file:
        raw = file.read()
    header, start = read_header(raw)
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        data = raw[start + begin : start + end]
        if entry["dtype"] in CODES:
            data = array.array(CODES[entry["dtype"]], data)
        tensors[name] = (entry["dtype"], entry["shape"], data)
    return tensors


def write_safetensors(path, header, data):
    """header: a dict, or the bytes to put in its place."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def split_safetensors(path):
    """(header dict, data bytes), for rewriting."""
    with open(path, "rb") as file:
        raw = file.read()
    header, start = read_header(raw)
    return header, raw[start:]


class Tap:
    """Counts checks and prints them; a failure shows what was expected and what came."""

    def __init__(self):
        self.checks = 0
        self.failures = 0

    def check(self, name, ok, *details):
        self.checks += 1
        print(f"{'ok' if ok else 'not ok'} {self.checks} - {name}")
        if not ok:
            self.failures += 1
            for detail in details:
                for line in str(detail).splitlines() or [""]:
                    print(f"# {line}")
        return ok

    def equal(self, name, expected, got):
        return self.check(name, expected == got, f"expected {expected!r}", f"got      {got!r}")

    def close(self, name, expected, got, tolerance):
        """Two sequences of numbers, value by value."""
        if len(expected) != len(got):
            return self.check(name, False, f"expected {len(expected)} values, got {len(got)}")
        worst, at = 0.0, 0
        for i, (e, g) in enumerate(zip(expected, got)):
            difference = abs(e - g)
            if not difference <= worst:  # a NaN is the worst of all
                worst, at = difference, i
                if difference != difference:
                    break
        ok = worst <= tolerance
        return self.check(
            f"{name} ({len(expected)} values, difference {worst:.2g} of {tolerance:.2g})",
            ok,
            "" if ok else f"value {at}: expected {expected[at]!r}, got {got[at]!r}",
        )

    def finish(self):
        print(f"1..{self.checks}")
        sys.exit(1 if self.failures or not self.checks else 0)


class Result:
    def __init__(self, command, status, out, err):
        self.command, self.status, self.out, self.err = command, status, out, err

    def __str__(self):
        return f"{' '.join(self.command)}\nexit status {self.status}\n{self.out}{self.err}"


def run(*command, stdin=b"", timeout=300):
    """Runs a program; status None where it did not end in time."""
    command = [os.fspath(part) for part in command]
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return Result(command, None, "", f"not done after {timeout} s\n")
    return Result(
        command,
        done.returncode,
        done.stdout.decode("utf-8", "replace"),
        done.stderr.decode("utf-8", "replace"),
    )
