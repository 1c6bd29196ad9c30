"""What the tests of hear share: a directory, a daemon, the program."""

import os
import struct
import subprocess
import sys
import tempfile
import unittest
import wave

from fake_daemon import FakeDaemon

HEAR, EXAMPLE = (os.path.abspath(path) for path in sys.argv[1:3])
SECONDS = 30  # nothing here takes long; a hang is a failure, not a measurement


def read_text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def words(*items):
    return [{"word": w, "start": s, "end": e, "confidence": 0.9} for w, s, e in items]


class HearTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.directory.name, "s")
        self.daemon = None

    def tearDown(self):
        if self.daemon:
            self.daemon.stop()
            self.assertEqual(self.daemon.errors, [])
        self.directory.cleanup()

    def serve(self, function):
        self.daemon = FakeDaemon(self.path, function)

    def file(self, name):
        return os.path.join(self.directory.name, name)

    def wav(self, name, samples=8000, rate=16000, channels=1):
        path = self.file(name)
        with wave.open(path, "wb") as out:
            out.setparams((channels, 2, rate, 0, "NONE", ""))
            values = [i % 2000 - 1000 for i in range(samples * channels)]
            out.writeframes(struct.pack(f"<{len(values)}h", *values))
        return path

    def start(self, *arguments, **options):
        environment = {**os.environ, "HEARD_SOCKET": self.path, "TERM": "xterm"}
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen([HEAR, *arguments], stderr=subprocess.PIPE, env=environment,
                                **options)

    def run_hear(self, *arguments, status=0, **options):
        process = self.start(*arguments, **options)
        out, err = process.communicate(timeout=SECONDS)
        self.assertEqual(process.returncode, status, err)
        return out.decode(), err.decode()


def main():
    """Command line: TEST HEAR EXAMPLE [unittest arguments]"""
    unittest.main(module="__main__", argv=sys.argv[:1] + sys.argv[3:])
