"""What the tests of heard-model share: the program, fixtures, a directory.

A test is called with HEARD_MODEL FIXTURES [unittest arguments].
"""

import array
import json
import math
import os
import struct
import subprocess
import sys
import tempfile
import unittest
import wave

TOOL, FIXTURES = sys.argv[1:3]


def fixture(*parts):
    return os.path.join(FIXTURES, *parts)


def run(*args, data=None, **options):
    """Runs the tool with bytes on standard input, nothing without `data`."""
    return subprocess.run(
        [TOOL, *args], input=b"" if data is None else data, capture_output=True, **options
    )


def text_of(case):
    with open(fixture(case, "expected.json"), encoding="utf-8") as f:
        return json.load(f)["text"]


def samples_of(case):
    with wave.open(fixture(case, "input.wav")) as w:
        return array.array("h", w.readframes(w.getnframes()))


def tones(rate, seconds):
    """The same sound at any rate: nothing in it is above 3 kHz."""
    out = array.array("h")
    for i in range(int(rate * seconds)):
        t = i / rate
        x = 0.2 * math.sin(2 * math.pi * 300 * t) + 0.1 * math.sin(2 * math.pi * 2900 * t)
        out.append(round(32767 * x))
    return out


def read_tensors(path):
    """Of a safetensors file: {name: (shape, values)}, header and file size."""
    with open(path, "rb") as f:
        data = f.read()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    out = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = array.array("f" if entry["dtype"] == "F32" else "i")
        values.frombytes(data[8 + size + begin : 8 + size + end])
        out[name] = (entry["shape"], values)
    return out, size, len(data)


class ToolTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="heard-model-")
        self.addCleanup(temporary.cleanup)
        self.dir = temporary.name

    def path(self, name):
        return os.path.join(self.dir, name)

    def write_wav(self, name, samples, rate=16000, channels=1):
        path = self.path(name)
        with wave.open(path, "wb") as w:
            w.setnchannels(channels)
            w.setsampwidth(2)
            w.setframerate(rate)
            w.writeframes(samples.tobytes())
        return path

    def good(self, *args, **options):
        result = run(*args, **options)
        self.assertEqual(result.stderr, b"", args)
        self.assertEqual(result.returncode, 0, args)
        return result.stdout.decode()

    def failed(self, code, *args, **options):
        """Nothing on standard output, and one message with a name."""
        result = run(*args, **options)
        self.assertEqual(result.returncode, code, (args, result.stderr))
        self.assertEqual(result.stdout, b"", args)
        self.assertTrue(result.stderr.startswith(b"heard-model: "), result.stderr)
        if code == 1:
            self.assertEqual(result.stderr.count(b"\n"), 1, result.stderr)
        return result.stderr.decode()
