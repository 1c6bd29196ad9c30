#!/usr/bin/env python3
"""models/default: the words of the demo's clip, whatever way they take.

usage: test_default.py DIRECTORY_OF_PULSE_SERVER [unittest arguments]

HEARD_DEFAULT names the model, HEARD_DEMO the clip without its ending: beside the
.flac lies a .txt with the words of each utterance on a line.
"""

import unittest

from harness import *

MODEL = os.environ.get("HEARD_DEFAULT", "")
CLIP = os.environ.get("HEARD_DEMO", "") + ".flac"
TEXT = os.environ.get("HEARD_DEMO", "") + ".txt"
HEAR = os.environ.get("HEAR", "")


def words(text):
    return text.upper().split()


class Default(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = directory.name
        with open(TEXT, encoding="utf-8") as f:
            self.utterances = [words(line) for line in f]
        self.words = sum(self.utterances, [])

    def run_program(self, *args):
        return subprocess.run(args, capture_output=True, text=True, check=True).stdout

    def follow(self, daemon, ends):
        """Transcripts of the source until `ends(event)`, and what comes with the end."""
        client = daemon.connect()
        self.addCleanup(client.close)
        client.ask("heard-subscribe", {"words": True}, "heard-device")
        return client, self.collect(client, ends)

    def collect(self, client, ends):
        events = []
        while not events or not ends(*events[-1]):
            event_ = client.recv()
            self.assertIsNotNone(event_, "the connection ended")
            events.append(event_)
        return events

    def check_captions(self, events):
        transcripts = [t for t in pick(events, "transcript") if t["text"]]
        self.assertEqual([words(t["text"]) for t in transcripts], self.utterances)
        for transcript in transcripts:
            self.assertTrue(transcript["heard"]["prefix_ok"])
            self.assertEqual([w["word"] for w in transcript["heard"]["words"]],
                             transcript["text"].split())

    def test_pushed(self):
        with Daemon(program=HEARD, model=MODEL) as daemon:
            text = self.run_program(HEAR, "--socket", f"unix://{daemon.path}", CLIP)
            self.assertEqual(words(text), self.words)
            text = self.run_program(HEAR, "--socket", f"unix://{daemon.path}", "-e", CLIP)
            self.assertEqual([words(line) for line in text.splitlines()], self.utterances)

    def test_captions(self):
        """As ./dev demo shows them."""
        with Daemon(program=HEARD, model=MODEL, source=f"file:{CLIP}") as daemon:
            _, events = self.follow(daemon, lambda kind, data: data.get("state") == "ended")
            self.check_captions(events)
            partials = pick(events, "heard-partial")
            self.assertGreater(len(partials), len(self.words) // 2)

    def check_microphone(self, rate):
        """The clip through a sound server, and what the daemon got of it, pushed."""
        if pulse_server.missing_tools():
            self.skipTest("no PulseAudio")
        dump = os.path.join(self.dir, "dump.wav")
        with pulse_server.PulseServer(self.dir, rate=rate, channels=2) as pulse:
            pulse.start()
            with Daemon("--dump", dump, "--device-rate", str(rate), program=HEARD, model=MODEL,
                        source="mic", env=pulse.env) as daemon:
                client = daemon.connect()
                self.addCleanup(client.close)
                if client.ask("heard-subscribe", {"words": True}, "heard-device")["state"] != "open":
                    self.collect(client, lambda kind, data: data.get("state") == "open")
                pulse.play(CLIP)
                # The clip ends in silence: the gate closes once it was heard.
                events = client.until("voice-stopped")
                daemon.kill(signal.SIGTERM)
                events += client.rest()
        self.check_captions(events)
        samples = read_floats(dump)
        with Daemon(program=HEARD, model=MODEL) as daemon, daemon.connect() as client:
            for transcript in pick(events, "transcript"):
                heard = transcript["heard"]
                piece = samples[heard["start_sample"] : heard["end_sample"]]
                text = client.transcribe_floats(piece, {"heard": {}})
                self.assertEqual(text, transcript["text"])

    def test_commands_at_a_microphone(self):
        """hear --exec: a sound server, the daemon, a grammar, a program with its slots."""
        if pulse_server.missing_tools():
            self.skipTest("no PulseAudio")
        grammar = os.path.join(self.dir, "demo.grammar")
        with open(grammar, "w", encoding="ascii") as file:
            file.write("<digit> = one | two | three | four | five | six | seven | eight | nine;\n"
                       "public <number> = <digit>{1,8};\n"
                       "public <order> = stop | go;\n")
        log = os.path.join(self.dir, "log")
        program = os.path.join(self.dir, "program")
        with open(program, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\n"
                       f'echo "$HEARD_RULE: $HEARD_PHRASE ($HEARD_SLOT_DIGIT)" >> "{log}"\n')
        os.chmod(program, 0o700)
        with pulse_server.PulseServer(self.dir, rate=48000, channels=2) as pulse:
            pulse.start()
            with Daemon(program=HEARD, model=MODEL, source="mic", env=pulse.env) as daemon:
                client = daemon.connect()
                self.addCleanup(client.close)
                if client.ask("heard-subscribe", {}, "heard-device")["state"] != "open":
                    self.collect(client, lambda kind, data: data.get("state") == "open")
                hear = subprocess.Popen(
                    [HEAR, "--socket", f"unix://{daemon.path}", "--commands", grammar,
                     "--exec", program], stdout=subprocess.PIPE, text=True)
                try:
                    while client.ask("heard-status")["subscribers"] < 2:
                        pass
                    pulse.play(CLIP)
                    phrases = [json.loads(hear.stdout.readline())["data"]["phrase"]
                               for _ in range(3)]
                finally:
                    hear.send_signal(signal.SIGINT)
                    hear.communicate(timeout=60)
                self.assertEqual(hear.returncode, 0)
        numbers = [" ".join(u).lower() for u in self.utterances[:2]]
        self.assertEqual(phrases, numbers + ["stop"])
        while True:  # the last program may still run
            with open(log, encoding="utf-8") as file:
                lines = file.read().splitlines()
            if len(lines) == 3:
                break
        self.assertEqual(sorted(lines), sorted([f"number: {n} ({n})" for n in numbers] +
                                               ["order: stop ()"]))

    def test_microphone_48000(self):
        self.check_microphone(48000)

    def test_microphone_44100(self):
        self.check_microphone(44100)


if __name__ == "__main__":
    sys.path.insert(0, sys.argv.pop(1))
    import pulse_server

    unittest.main()
