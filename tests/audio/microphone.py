#!/usr/bin/env python3
"""The real way of the sound: a WAV file is played into a PulseAudio null sink,
PortAudio captures its monitor, and what arrives must be what was played, with
not a sample lost; at another rate it must correlate. Then the server is killed
and started again.

    microphone.py PROBE     PROBE is the program made from microphone_probe.c

Exits with 77 (skipped) where PulseAudio is not installed or the program was
built without PortAudio.
"""

import array
import math
import queue
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
import wave
from pathlib import Path

from pulse_server import PulseServer, missing_tools

RATE = 48000
SECONDS = 4
PATIENCE = 60  # seconds until something that must happen counts as missing


def speech():
    """Interleaved stereo, 16 bits: syllables of a few tones each. The first and
    the last frame are loud, so that both can be found."""
    rng = random.Random(7)
    samples = array.array("h")
    n = RATE * SECONDS
    syllable, tones, start, length = 0, [], 0, 0
    for i in range(n):
        if i == start + length:
            start, length = i, rng.randrange(RATE // 10, RATE // 4)
            tones = [(rng.uniform(90, 1400), rng.uniform(0, 6), rng.uniform(0.02, 0.12))
                     for _ in range(5)]
            syllable += 1
        edge = min(1.0, (i - start) / 400, (start + length - i) / 400)
        t = i / RATE
        value = sum(a * math.sin(2 * math.pi * f * t + p) for f, p, a in tones)
        left = int(20000 * edge * value)
        samples.append(max(-32000, min(32000, left)))
        samples.append(max(-32000, min(32000, -left // 2)))
    for at in (0, 1, -2, -1):
        samples[at] = 12000
    return samples


def write_wav(path, samples):
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE)
        # The null sink drops what lies in its buffer when a stream starts:
        # up to a second of what is played would not reach the monitor.
        silence = bytes(4 * RATE)
        out.writeframes(silence + samples.tobytes() + silence)


def fail(message):
    print(f"FAIL: {message}")
    sys.exit(1)


class Probe:
    def __init__(self, program, out, env, rate, channels=2, device="default"):
        self.out = out
        self.stderr = tempfile.TemporaryFile()
        # Sanitizers see leaks and races inside libraries made without them.
        quiet = out.with_suffix(".tsan")
        quiet.write_text("".join(f"race:{name}\n" for name in
                                 ("libasound", "libjack", "libportaudio", "libpulse")))
        env = dict(env, ASAN_OPTIONS="detect_leaks=0", TSAN_OPTIONS=f"suppressions={quiet}")
        self.process = subprocess.Popen(
            [program, str(out), device, str(rate), str(channels)], env=env,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.stderr, text=True)
        self.lines = queue.Queue()
        self.seen = []
        threading.Thread(target=self.read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.stderr.close()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())

    def wait_for(self, pattern):
        """The match of the next line, all others are skipped and remembered."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                line = self.lines.get(timeout=0.2)
            except queue.Empty:
                if self.process.poll() == 77:
                    print("SKIP: built without PortAudio")
                    sys.exit(77)
                if self.process.poll() is not None or time.monotonic() > deadline:
                    fail(f"no '{pattern}' after {self.seen}")
                continue
            self.seen.append(line)
            match = re.match(pattern, line)
            if match:
                return match

    def finish(self):
        """Ends it and returns what it captured. Nothing but our own log lines
        may have come to standard error."""
        self.process.stdin.close()
        if self.process.wait(timeout=PATIENCE) != 0:
            fail(f"the probe left with {self.process.returncode}")
        while not self.lines.empty():
            self.seen.append(self.lines.get())
        self.stderr.seek(0)
        for line in self.stderr.read().decode().splitlines():
            if not re.match(r"\[\d+\.\d+\] (info|warning): microphone: ", line):
                fail(f"noise on standard error: {line}")
        captured = array.array("f")
        captured.frombytes(self.out.read_bytes())
        return captured


def compare_exactly(captured, played, what):
    """Finds the played samples in the captured ones, whole and in one piece."""
    scale = 1 / 32768
    start = next((i for i, x in enumerate(captured) if abs(x) > 0.2), None)
    if start is None:
        fail(f"{what}: nothing but silence was captured, {len(captured)} samples")
    worst, at = 0, 0
    for i, sample in enumerate(played):
        if start + i >= len(captured):
            fail(f"{what}: only {i // 2} of {len(played) // 2} frames arrived")
        error = abs(captured[start + i] - sample * scale)
        if error > worst:
            worst, at = error, i
    if worst > 2 * scale:
        fail(f"{what}: off by {worst:.4f} at frame {at // 2} of {len(played) // 2}")
    print(f"ok: {what}: {len(played) // 2} frames, largest difference {worst:.6f}")


def compare_by_correlation(captured, played, rate, what):
    """The left channel in blocks of 100 ms, played resampled to `rate`. A lost
    or doubled sample would shift all blocks behind it."""
    left = captured[0::2]
    source = [played[2 * i] / 32768 for i in range(len(played) // 2)]
    n = len(source) * rate // RATE - 2
    reference = []
    for i in range(n):
        at = i * RATE / rate
        k = int(at)
        reference.append(source[k] + (source[k + 1] - source[k]) * (at - k))
    onset = next((i for i, x in enumerate(left) if abs(x) > 0.15), None)
    if onset is None:
        fail(f"{what}: nothing but silence was captured")

    def correlation(lag, start, length):
        ab = aa = bb = 1e-12
        for i in range(start, min(start + length, n)):
            a, b = reference[i], left[lag + i] if 0 <= lag + i < len(left) else 0.0
            ab += a * b
            aa += a * a
            bb += b * b
        return ab / math.sqrt(aa * bb)

    lag = max(range(onset - 40, onset + 40), key=lambda k: correlation(k, 0, rate // 4))
    block = rate // 10
    worst = min(correlation(lag, i, block) for i in range(0, n - block, block))
    if worst < 0.98:
        fail(f"{what}: a block correlates by {worst:.3f} only")
    print(f"ok: {what}: smallest correlation {worst:.4f}")


def overruns(probe):
    return [line for line in probe.seen if line.startswith("gap overrun")]


def capture(program, pulse, directory, wav, rate):
    with Probe(program, directory / f"capture-{rate}.f32", pulse.env, rate) as probe:
        opened = probe.wait_for(r"opened (\d+) (\d+) (.*)")
        if opened.group(1, 2) != (str(rate), "2"):
            fail(f"opened {opened.group(0)} for {rate} Hz, stereo")
        probe.wait_for("audio")
        pulse.play(wav)
        time.sleep(1)
        captured = probe.finish()
        if overruns(probe):
            fail(f"overruns at {rate} Hz: {probe.seen}")
        return captured


def restart(program, pulse, directory, wav, played):
    """No server, server, no server, server."""
    pulse.kill()
    with Probe(program, directory / "restart.f32", pulse.env, RATE) as probe:
        time.sleep(1)
        pulse.start()
        name = probe.wait_for(r"opened 48000 2 (.*)").group(1)
        probe.wait_for("audio")
        pulse.play(wav)
        time.sleep(1)
        pulse.kill()
        probe.wait_for("lost the device stopped")
        time.sleep(2)
        pulse.start()
        again = probe.wait_for(r"opened 48000 2 (.*)").group(1)
        if again != name:
            fail(f"came back as {again}, was {name}")
        gap = probe.wait_for(r"gap device (\d+) (\d+)")
        if int(gap.group(1)) < 2 * RATE:
            fail(f"the clock moved by {gap.group(1)} frames, two seconds are {2 * RATE}")
        probe.wait_for("audio")
        pulse.play(wav)
        time.sleep(1)
        captured = probe.finish()
    at = 2 * int(gap.group(2))
    compare_exactly(captured[:at], played, "before the server was killed")
    compare_exactly(captured[at:], played, "after it came back")


def main():
    missing = missing_tools()
    if missing:
        print(f"SKIP: not installed: {' '.join(missing)}")
        return 77
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        played = speech()
        wav = directory / "speech.wav"
        write_wav(wav, played)
        with PulseServer(directory, RATE) as pulse:
            pulse.start()
            compare_exactly(capture(program, pulse, directory, wav, RATE), played, "48000 Hz")
            compare_by_correlation(capture(program, pulse, directory, wav, 44100), played,
                                   44100, "44100 Hz")
            restart(program, pulse, directory, wav, played)
    return 0


if __name__ == "__main__":
    sys.exit(main())
