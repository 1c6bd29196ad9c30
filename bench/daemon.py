#!/usr/bin/env python3
"""What somebody who watches the captions waits for, and what the daemon costs.

usage: daemon.py BUILD MODEL... [--soak MINUTES]

For each model, with the programs of the build directory:

- live: the demo's clip as the source, in real time. `first text` is from the
  beginning of an utterance's first word to the arrival of its first partial with
  text, `partials` from the last sample that a step looks at to the arrival of its
  partial, `final` from the end of an utterance's last word (the silence of the
  endpoint rule is in it) and, apart, from its last sample.
- pushed: the same clip in real time, then audio-stop: from there to the transcript,
  for both kinds of final.
- silence: a microphone of PulseAudio that nobody speaks into, open for 20 s: time on
  the CPU in percent of one core, and resident memory.
- soak: streams of a minute as fast as the daemon takes them, resident memory on the
  way.

Times are those of the clock on the wall: measure on a quiet machine.
"""

import argparse
import os
import statistics
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(ROOT, "tests", "daemon"), os.path.join(ROOT, "tests", "audio")]

# pylint: disable=wrong-import-position,wildcard-import,unused-wildcard-import
import pulse_server
from harness import *

CLIP = os.path.join(ROOT, "tests", "data", "demo.flac")
MIB = 1 << 20
SILENCE_S = 20


def show(name, seconds):
    """A row: median, least and most of times in seconds."""
    if not seconds:
        print(f"  {name:34} -")
        return
    median = statistics.median(seconds)
    print(f"  {name:34} {median * 1000:6.0f} ms"
          f"  ({min(seconds) * 1000:.0f} to {max(seconds) * 1000:.0f}, {len(seconds)} times)")


class Bench:
    def __init__(self, build, model):
        self.heard = os.path.join(build, "daemon", "heard")
        self.hear = os.path.join(build, "client", "hear")
        self.model = model

    def daemon(self, *args, **options):
        return Daemon(*args, program=self.heard, model=self.model, **options)

    def live(self):
        events = []
        with self.daemon(source=f"file:{CLIP}") as daemon, daemon.connect() as client:
            # The source opens when the model is loaded, so this is early enough.
            client.send("heard-subscribe", {"words": True})
            opened = None
            while not events or events[-1][2].get("state") != "ended":
                kind, data = client.recv()
                now = time.monotonic()
                if kind == "heard-device" and data["state"] == "open":
                    opened = now
                events.append((now - opened if opened else 0, kind, data))
            status = client.ask("heard-status")
        self.show_live(events, status)
        print(f"  {'memory, at its peak':34} {status['memory_peak'] / MIB:6.1f} MiB")

    def show_live(self, events, status):
        # `lookahead` is that of a step, chunk and right context, in seconds.
        right = status["lookahead"] * status["right"] / (status["chunk"] + status["right"])
        first, partials, shown = [], [], set()
        for at, kind, data in events:
            if kind != "heard-partial":
                continue
            partials.append(at - data["time"] - right)
            words = data.get("words")
            if words and data["utt"] not in shown:
                shown.add(data["utt"])
                first.append(at - words[0]["start"])
        finals = [data["heard"] for _, kind, data in events if kind == "transcript"]
        show("live, first text after its word", first)
        show("live, partial after its samples", partials)
        show("live, final after the last word",
             [f["end"] - f["words"][-1]["end"] + f["latency"] for f in finals if f.get("words")])
        show("live, final after the last sample", [f["latency"] for f in finals])
        print(f"  {'step':34} {status['step_p50'] * 1000:6.1f} ms"
              f"  (p99 {status['step_p99'] * 1000:.1f})")

    def pushed(self):
        for final in "stream", "offline":
            with self.daemon() as daemon:
                daemon.wait_log("is loaded")
                out = subprocess.run(
                    [self.hear, "--socket", f"unix://{daemon.path}", "--json", "--realtime",
                     "--final", final, CLIP],
                    check=True, capture_output=True, text=True,
                ).stdout
            events = [json.loads(line) for line in out.splitlines()]
            show(f"pushed, final {final} after audio-stop",
                 [e["data"]["heard"]["latency"] for e in events if e["type"] == "transcript"])

    def silence(self):
        if pulse_server.missing_tools():
            print(f"  {'silence':34} no PulseAudio")
            return
        with tempfile.TemporaryDirectory() as directory:
            with pulse_server.PulseServer(directory, rate=48000, channels=2) as pulse:
                pulse.start()
                with self.daemon(source="mic", env=pulse.env) as daemon:
                    daemon.wait_log("Hz, 2 channels")
                    time.sleep(3)
                    before = self.cpu_seconds(daemon)
                    time.sleep(SILENCE_S)
                    used = self.cpu_seconds(daemon) - before
                    print(f"  {'silence, microphone open':34} {100 * used / SILENCE_S:6.2f} %"
                          f" of a core, {daemon.memory() / MIB:.1f} MiB resident")

    def cpu_seconds(self, daemon):
        """Of all threads, to the nanosecond; times(2) counts ticks."""
        tasks = f"/proc/{daemon.process.pid}/task"
        total = 0
        for task in os.listdir(tasks):
            with open(os.path.join(tasks, task, "schedstat"), encoding="ascii") as f:
                total += int(f.read().split()[0])
        return total / 1e9

    def soak(self, minutes):
        pcm = tones(60)
        with self.daemon() as daemon, daemon.connect() as client:
            start = time.monotonic()
            for minute in range(minutes + 1):
                if minute in (1, 5, minutes) or minute % 20 == 0:
                    print(f"  soak, after {minute:3d} min of audio"
                          f"         {daemon.memory() / MIB:6.1f} MiB resident"
                          f"  ({time.monotonic() - start:.0f} s)")
                if minute < minutes:
                    final = "offline" if minute % 2 else "stream"
                    client.push(pcm, {"heard": {"final": final}})


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("build")
    parser.add_argument("model", nargs="+")
    parser.add_argument("--soak", type=int, default=0, metavar="MINUTES")
    args = parser.parse_args()
    for model in args.model:
        print(model)
        bench = Bench(args.build, model)
        bench.live()
        bench.pushed()
        bench.silence()
        if args.soak:
            bench.soak(args.soak)


if __name__ == "__main__":
    main()
