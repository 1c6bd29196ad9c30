#!/usr/bin/env python3
"""Broken model directories and recordings: one clear line, a failure, no crash.

    bad_input.py HEARD_MODEL FIXTURES [GROUP...]

Each case copies a small fixture, breaks one thing, runs the program and judges
exit status and standard error: exactly one line, naming the file and the tensor
or key. Cases that may as well be accepted only have to end in an orderly way.
Run it with a sanitizer build: a report of the sanitizer is more than one line.
"""

import os
import random
import shutil
import sys
import tempfile

import bad_audio
import bad_json
import bad_pickles
import bad_safetensors
from formats import Tap, run

GROUPS = {
    "safetensors": bad_safetensors.cases,
    "json": bad_json.cases,
    "pickle": bad_pickles.cases,
    "audio": bad_audio.cases,
}

# Where a case leaves its mark if something in a file was executed.
CANARY = "HEARD_CANARY"


class Bench:
    """What the groups build their cases with."""

    def __init__(self, program, fixtures, scratch, tap):
        self.program, self.fixtures, self.scratch, self.tap = program, fixtures, scratch, tap
        self.random = random.Random(1)
        self.canary = os.path.join(scratch, "executed")
        os.environ[CANARY] = self.canary

    def fixture(self, name):
        """A fresh copy of a fixture's model and input."""
        copy = os.path.join(self.scratch, "model")
        shutil.rmtree(copy, ignore_errors=True)
        os.mkdir(copy)
        for file in os.listdir(os.path.join(self.fixtures, name)):
            if not file.startswith(("expected", "streaming", "decode", "attn", "short")):
                shutil.copy(os.path.join(self.fixtures, name, file), copy)
        return copy

    def transcribe(self, directory, *options, audio=None):
        audio = audio or os.path.join(self.fixtures, "short-base", "short_1040.wav")
        return run(self.program, "transcribe", directory, audio, *options, timeout=120)

    def orderly(self, name, result, names=()):
        """Failed with one line that holds all of `names`."""
        lines = [line for line in result.err.splitlines() if line.strip()]
        problems = []
        if result.status is None:
            problems.append("it did not end")
        elif result.status <= 0 or result.status >= 128:
            problems.append(f"exit status {result.status}")
        if len(lines) != 1:
            problems.append(f"{len(lines)} lines on standard error")
        problems += [f"'{n}' is not named" for n in names if n not in result.err]
        if result.out:
            problems.append("something on standard output")
        return self.verdict(name, problems, result)

    def refused(self, name, directory, *names, options=(), audio=None):
        return self.orderly(name, self.transcribe(directory, *options, audio=audio), names)

    def survives(self, name, directory, *names, options=(), audio=None):
        """Accepted in silence or a warning, or refused in the orderly way."""
        result = self.transcribe(directory, *options, audio=audio)
        if result.status != 0:
            return self.orderly(name, result, names)
        report = "Sanitizer" in result.err or "runtime error" in result.err
        return self.verdict(name, ["a sanitizer's report"] if report else [], result)

    def verdict(self, name, problems, result):
        if os.path.exists(self.canary):
            problems.append("code from the file was executed")
            os.remove(self.canary)
        return self.tap.check(name, not problems, "; ".join(problems), str(result)[:2000])


def main():
    program, fixtures, *groups = sys.argv[1:]
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="heard-bad-") as scratch:
        bench = Bench(program, fixtures, scratch, tap)
        for group in groups or GROUPS:
            GROUPS[group](bench)
    tap.finish()


if __name__ == "__main__":
    main()
