#!/usr/bin/env python3
"""Grammars of sessions: the real daemon against heard-model, over the same samples."""

import json
import random
import signal
import unittest
import wave

from harness import *

MODEL = os.path.join(FIXTURES, "base-style")
GRAMMAR = """public <light> = turn (on | off) [the] <room> light;
<room> = kitchen | bed room;
stop;
"""


def read_wav(path):
    with wave.open(path) as w:
        return w.readframes(w.getnframes())


class Commands(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = directory.name
        self.pcm = read_wav(os.path.join(MODEL, "input.wav"))
        self.file = self.write("lights", GRAMMAR)

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def model_finds(self, path):
        """The best phrase, whatever its confidence."""
        result = subprocess.run(
            [HEARD_MODEL, "transcribe", MODEL, os.path.join(MODEL, "input.wav"), "--json",
             "--grammar", path, "--threshold", "0"],
            capture_output=True, check=True,
        )
        return json.loads(result.stdout)

    def check(self, command, wanted):
        for key in "phrase", "rule", "slots":
            self.assertEqual(command.get(key), wanted.get(key))
        self.assertAlmostEqual(command["confidence"], wanted["confidence"], delta=2e-4)
        self.assertEqual([w["word"] for w in command["words"]],
                         [w["word"] for w in wanted["words"]])
        for ours, theirs in zip(command["words"], wanted["words"]):
            for key in "start", "end":
                self.assertAlmostEqual(ours[key], theirs[key], places=5)
        self.assertEqual(command["start"], command["words"][0]["start"])
        self.assertEqual(command["end"], command["words"][-1]["end"])
        for key in "stream", "clock", "time", "utt":
            self.assertIn(key, command)

    def push(self, client, **options):
        events = client.push(self.pcm, {"heard": dict(final="offline", **options)}, chunk=3000)
        return (pick(events, "heard-command"), pick(events, "heard-no-match"), events)

    def refused(self, client, kind, data, *words):
        error = client.ask(kind, data, "error")
        self.assertEqual(error["code"], "bad-field")
        for word in words:
            self.assertIn(word, error["text"])

    def test_pushed(self):
        wanted = self.model_finds(self.file)
        phrases = self.model_finds(self.write("list.json", json.dumps(["stop", "bed room"])))
        with Daemon(program=HEARD, model=MODEL) as daemon, daemon.connect() as client:
            self.assertIn("grammar", client.ask("heard-hello", {}, "heard-welcome")["capabilities"])
            self.assertEqual(self.push(client)[:2], ([], []))
            commands, others, events = self.push(client, grammar=GRAMMAR, threshold=0)
            self.assertEqual((len(commands), others), (1, []))
            self.check(commands[0], wanted)
            self.assertTrue(any(p.get("command") for p in pick(events, "heard-partial")))
            # Noise is no command: what is told is the free text, not the nearest phrase.
            commands, others, events = self.push(client, grammar=GRAMMAR, threshold=1)
            self.assertEqual((commands, len(others)), ([], 1))
            self.assertEqual(others[0]["text"], text_of(events))
            self.assertEqual(others[0]["clock"], len(self.pcm) // 2)
            commands, _, _ = self.push(client, phrases=["stop", "bed room"], threshold=0)
            self.check(commands[0], phrases)
            # For the session, and taken away for one stream and for good.
            answer = client.ask("heard-set", {"grammar": GRAMMAR, "threshold": 0})
            self.assertEqual(answer["threshold"], 0)
            self.check(self.push(client)[0][0], wanted)
            self.assertEqual(self.push(client, phrases=[])[:2], ([], []))
            self.check(self.push(client)[0][0], wanted)
            self.assertEqual(len(self.push(client, threshold=1)[1]), 1)
            client.ask("heard-set", {"grammar": ""})
            self.assertEqual(self.push(client)[:2], ([], []))

    def test_refusals(self):
        with Daemon(program=HEARD, model=MODEL) as daemon, daemon.connect() as client:
            client.ask("heard-hello", {}, "heard-welcome")
            self.refused(client, "heard-set", {"grammar": "stop;\nturn (on | off;\n"},
                         "grammar:2:15: ")
            self.refused(client, "heard-set", {"grammar": "go to <nowhere>;"}, "grammar:1:7: ",
                         "nowhere")
            self.refused(client, "heard-set", {"grammar": "stop;\nroom 101;"}, "grammar:2:6: ",
                         "101")
            self.refused(client, "heard-set", {"phrases": ["stop", "room 101"]}, "phrases:2:6: ",
                         "101")
            self.refused(client, "heard-set", {"phrases": ["stop", 5]}, "phrases")
            self.refused(client, "heard-set", {"phrases": ["a"], "grammar": "a;"}, "exclude")
            self.refused(client, "heard-set", {"threshold": 2}, "threshold")
            self.refused(client, "transcribe", {"heard": {"grammar": "("}}, "grammar:1:")
            # What would take a worker and memory too long.
            self.refused(client, "heard-set", {"grammar": "<a>{1,64} <a>{1,64} <a>{1,64};\n"
                                               "<a> = (a | b | c d | e){1,64};"}, "more than")
            self.refused(client, "heard-set", {"grammar": "stop;" + " " * 600000}, "524288 bytes")
            # Nothing of it was taken, and the session is there.
            self.assertNotIn("threshold", client.ask("heard-set", {}))
            self.assertEqual(self.push(client)[:2], ([], []))

    def phrases(self, n, seed=1):
        """Made-up ones of three to six words, with the letters that the model has."""
        rng = random.Random(seed)
        words = ["".join(rng.choice("aeiou") if i % 2 else rng.choice("bdfgklmnprst")
                         for i in range(rng.randint(3, 7))) for _ in range(2000)]
        return [" ".join(rng.choice(words) for _ in range(rng.randint(3, 6))) for _ in range(n)]

    def test_large(self):
        """10000 phrases, compiled aside: what a client sends behind them waits for them, what
        others send does not."""
        phrases = self.phrases(10000)
        with Daemon(program=HEARD, model=MODEL) as daemon:
            with daemon.connect() as client, daemon.connect() as other:
                client.ask("heard-hello", {}, "heard-welcome")
                other.ask("heard-hello", {}, "heard-welcome")
                client.send("heard-set", {"phrases": phrases, "threshold": 0})
                client.send("ping", {"text": "behind"})
                for event in push_events(self.pcm, {"heard": {"final": "offline"}}):
                    client.send_bytes(event)
                # Small ones wait for their turn; the rest does not.
                self.assertEqual(other.ask("ping", {"text": "x"}, "pong")["text"], "x")
                self.assertEqual(self.push(other)[:2], ([], []))
                self.refused(other, "heard-set", {"grammar": "("}, "grammar:1:")
                events = client.until("transcript")
                kinds = [kind for kind, _ in events]
                self.assertLess(kinds.index("heard-set"), kinds.index("pong"))
                self.assertEqual(kinds.count("heard-command"), 1)
                self.assertIn(pick(events, "heard-command")[0]["phrase"], phrases)

    def test_gone_in_the_middle(self):
        """Clients that leave while theirs is compiled or waits; a new model meanwhile."""
        phrases = self.phrases(10000)
        with Daemon(program=HEARD, model=MODEL) as daemon:
            gone = [daemon.connect() for _ in range(3)]
            for client in gone:
                client.send("heard-set", {"phrases": phrases})
            with daemon.connect() as stays:
                stays.send("heard-set", {"phrases": ["stop"], "threshold": 0})
                for client in gone:
                    client.close()
                self.assertEqual(stays.until("heard-set")[-1][1]["threshold"], 0)
                stays.send("heard-set", {"phrases": phrases})
                daemon.kill(signal.SIGHUP)
                stays.until("heard-set")
                daemon.wait_log("is loaded", 2)
                self.assertEqual(len(self.push(stays)[0]), 1)
            client = daemon.connect()
            client.send("heard-set", {"phrases": phrases})
            self.assertEqual(daemon.stop(), 0)
            client.close()

    def test_room(self):
        """All grammars of clients together have a limit."""
        phrases = self.phrases(10000)
        with Daemon(program=HEARD, model=MODEL) as daemon:
            clients, answer = [], None
            for _ in range(32):
                client = daemon.connect()
                clients.append(client)
                client.send("heard-set", {"phrases": phrases})
                answer = client.recv()
                if answer[0] == "error":
                    break
            self.assertEqual(answer[0], "error")
            self.assertIn("other clients", answer[1]["text"])
            # A small one has room, and so has a large one once others leave theirs.
            clients[-1].ask("heard-set", {"phrases": ["stop"]})
            clients[0].ask("heard-set", {"phrases": []})
            clients[-1].ask("heard-set", {"phrases": phrases})
            for client in clients:
                client.close()

    def test_settings(self):
        wanted = self.model_finds(self.file)
        with Daemon("--grammar", self.file, "--grammar-threshold", "0", program=HEARD,
                    model=MODEL) as daemon, daemon.connect() as client:
            self.check(self.push(client)[0][0], wanted)
            self.assertEqual(len(self.push(client, threshold=1)[1]), 1)
            self.assertEqual(self.push(client, grammar="")[:2], ([], []))
            # Those who did not opt in are told nothing of it.
            with daemon.connect() as plain:
                events = plain.push(self.pcm)
                self.assertEqual(pick(events, "heard-command"), [])
        bad = self.write("bad", "stop;\nroom 101;\n")
        with Daemon("--grammar", bad, program=HEARD, model=MODEL, wait=False) as daemon:
            self.assertEqual(daemon.process.wait(PATIENCE), 3)
            self.assertIn(f"{bad}:2:6: ", daemon.log())

    def test_source(self):
        """A subscriber with a grammar of its own beside one without."""
        path = os.path.join(self.dir, "source.wav")
        with wave.open(path, "wb") as w:
            w.setparams((1, 2, RATE, 0, "NONE", ""))
            w.writeframes(tones(6, 4))
        with Daemon("--gate=no", "--endpoint-max-length", "1", "--loop", program=HEARD,
                    model=MODEL, source=f"file:{path}") as daemon:
            plain, client = daemon.connect(), daemon.connect()
            plain.ask("heard-subscribe", {}, "heard-device")
            client.ask("heard-subscribe", {"phrases": ["stop"], "threshold": 0}, "heard-device")
            command = client.until("heard-command")[-1][1]
            self.assertEqual((command["phrase"], command["slots"]), ("stop", {}))
            self.assertEqual(command["stream"], 0)
            client.ask("heard-set", {"threshold": 1})
            self.assertTrue(client.until("heard-no-match")[-1][1]["text"])
            events = plain.until("transcript")
            self.assertEqual(pick(events, "heard-command") + pick(events, "heard-no-match"), [])
            plain.close()
            client.close()


if __name__ == "__main__":
    unittest.main()
