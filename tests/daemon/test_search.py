#!/usr/bin/env python3
"""Beams and hotwords of sessions: the real daemon against heard-model, over the
same samples, for pushed streams and for subscribers with a search of their own."""

import unittest
import wave

from harness import *

MODEL = os.path.join(FIXTURES, "base-style")
# A random model says letters without end: this is enough to make it say the word.
HOTWORDS = [{"phrase": "ab", "weight": 40}, {"phrase": "Tea", "weight": 40}]


def read_wav(path):
    with wave.open(path) as w:
        return w.readframes(w.getnframes())


class Search(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = directory.name
        self.list = os.path.join(self.dir, "hotwords")
        with open(self.list, "w", encoding="utf-8") as out:
            for word in HOTWORDS:
                out.write(f"{word['phrase']} :{word['weight']}\n")

    def write(self, pcm, name="a.wav"):
        path = os.path.join(self.dir, name)
        with wave.open(path, "wb") as w:
            w.setparams((1, 2, RATE, 0, "NONE", ""))
            w.writeframes(pcm)
        return path

    def model_says(self, pcm, *args):
        result = subprocess.run(
            [HEARD_MODEL, "transcribe", MODEL, self.write(pcm), *args],
            capture_output=True, check=True,
        )
        return result.stdout.decode().rstrip("\n")

    def refused(self, client, kind, data, *words):
        error = client.ask(kind, data, "error")
        self.assertEqual(error["code"], "bad-field")
        for word in words:
            self.assertIn(word, error["text"])


class Pushed(Search):
    def test_like_heard_model(self):
        pcm = read_wav(os.path.join(MODEL, "input.wav"))
        greedy = self.model_says(pcm)
        beam = self.model_says(pcm, "--beam", "8")
        hot = self.model_says(pcm, "--hotwords", self.list)
        self.assertEqual(len({greedy, beam, hot}), 3)
        self.assertIn(" AB ", hot)
        with Daemon(program=HEARD, model=MODEL) as daemon, daemon.connect() as client:
            offline = {"final": "offline"}

            def says(**options):
                return client.transcribe(pcm, {"heard": dict(offline, **options)}, chunk=3000)

            self.assertEqual(says(), greedy)
            self.assertEqual(says(beam=8), beam)
            self.assertEqual(says(hotwords=HOTWORDS), hot)
            self.assertEqual(says(), greedy)
            # And for the session, until they are taken away again.
            answer = client.ask("heard-set", {"hotwords": HOTWORDS})
            self.assertEqual(answer["beam"], 32)
            self.assertFalse(answer["lm"])
            self.assertEqual(says(), hot)
            self.assertEqual(says(hotwords=[], beam=8), beam)
            self.assertEqual(says(), hot)
            self.assertEqual(client.ask("heard-set", {"hotwords": []})["beam"], 1)
            self.assertEqual(says(), greedy)

    def test_stream(self):
        """Stable text of a beam is never taken back, and is the final."""
        pcm = read_wav(os.path.join(MODEL, "input.wav"))
        with Daemon(program=HEARD, model=MODEL) as daemon, daemon.connect() as client:
            client.ask("heard-hello", {}, "heard-welcome")
            for delay in 0.1, 1, 10:
                options = {"final": "stream", "hotwords": HOTWORDS, "commit_delay": delay}
                events = client.push(pcm, {"heard": options}, chunk=1000)
                text = text_of(events)
                self.assertEqual(
                    "".join(c["text"] for c in pick(events, "transcript-chunk")), text
                )
                self.assertTrue(pick(events, "transcript")[-1]["heard"]["prefix_ok"])
                stable = ""
                for partial in pick(events, "heard-partial"):
                    self.assertTrue(partial["stable"].startswith(stable))
                    stable = partial["stable"]
                self.assertTrue(text.startswith(stable))
                self.assertTrue(stable)

    def test_nbest(self):
        """The hypotheses that heard-model lists, before the transcript, for those who ask."""
        pcm = read_wav(os.path.join(MODEL, "input.wav"))
        out = json.loads(self.model_says(pcm, "--json", "--hotwords", self.list, "--nbest", "5"))
        wanted = out["segments"][0]["nbest"]
        with Daemon(program=HEARD, model=MODEL) as daemon, daemon.connect() as client:
            client.ask("heard-hello", {}, "heard-welcome")

            def lists(**options):
                events = client.push(pcm, {"heard": {"final": "offline", **options}})
                kinds = [kind for kind, _ in events]
                found = pick(events, "heard-nbest")
                if found:
                    self.assertLess(kinds.index("heard-nbest"), kinds.index("transcript"))
                    self.assertEqual(found[0]["nbest"][0]["text"], text_of(events))
                    self.assertEqual(found[0]["end"], len(pcm) / 2 / RATE)
                return [event["nbest"] for event in found]

            self.assertEqual(lists(hotwords=HOTWORDS), [])
            (got,) = lists(hotwords=HOTWORDS, nbest=5)
            self.assertEqual([h["text"] for h in got], [h["text"] for h in wanted])
            for ours, theirs in zip(got, wanted):
                for key in "score", "acoustic", "lm", "hotwords":
                    self.assertAlmostEqual(ours[key], theirs[key], delta=2e-3)
            # A beam of its own where nothing else asks for one; never more than there are.
            answer = client.ask("heard-set", {"nbest": 3})
            self.assertEqual((answer["nbest"], answer["beam"]), (3, 32))
            (got,) = lists()
            self.assertEqual(len(got), 3)
            self.assertEqual(sorted((h["score"] for h in got), reverse=True),
                             [h["score"] for h in got])
            # Greedy decoding's is kept beside those of the beam.
            self.assertIn(len(lists(beam=2, nbest=64)[0]), (2, 3))
            self.assertEqual(len(lists(final="stream")[0]), 3)
            self.assertEqual(lists(nbest=0), [])
            self.refused(client, "heard-set", {"beam": 1, "nbest": 2}, "greedy")

    def test_settings(self):
        """The daemon's own hotwords and language model, for those who ask for nothing."""
        pcm = read_wav(os.path.join(MODEL, "input.wav"))
        arpa = os.path.join(self.dir, "words.arpa")
        with open(arpa, "w", encoding="utf-8") as out:
            out.write(
                "\\data\\\nngram 1=4\n\n\\1-grams:\n-3\t<unk>\n-1\t<s>\n-40\tAB\n-1\tTEA\n\n"
                "\\end\\\n"
            )
        both = self.model_says(pcm, "--hotwords", self.list, "--lm", arpa)
        hot = self.model_says(pcm, "--hotwords", self.list)
        weak = self.model_says(pcm, "--hotwords", self.list, "--lm", arpa, "--lm-alpha", "0.01")
        greedy = self.model_says(pcm)
        self.assertNotEqual(both, hot)
        with Daemon("--hotwords", self.list, "--lm", arpa, "--final", "offline",
                    program=HEARD, model=MODEL) as daemon, daemon.connect() as client:
            self.assertEqual(client.transcribe(pcm), both)
            self.assertEqual(client.transcribe(pcm, {"heard": {"lm": False}}), hot)
            self.assertEqual(client.transcribe(pcm, {"heard": {"lm": {"alpha": 0.01}}}), weak)
            self.assertEqual(client.transcribe(pcm, {"heard": {"beam": 1}}), greedy)
            self.assertTrue(client.ask("heard-set", {})["lm"])

    def test_refusals(self):
        pcm = read_wav(os.path.join(MODEL, "input.wav"))
        with Daemon(program=HEARD, model=MODEL) as daemon, daemon.connect() as client:
            client.ask("heard-hello", {}, "heard-welcome")
            self.refused(client, "heard-set", {"hotwords": ["tea", "room 101"]}, "101", "[1]")
            self.refused(client, "heard-set", {"hotwords": ["tea", ""]}, "empty")
            self.refused(client, "heard-set", {"hotwords": [5]}, "hotwords")
            self.refused(client, "heard-set", {"hotwords": [{"weight": 5}]}, "phrase")
            self.refused(client, "heard-set", {"hotwords": ["tea"], "beam": 1}, "greedy")
            self.refused(client, "heard-set", {"lm": True}, "no language model")
            self.refused(client, "heard-set", {"beam": 513}, "512")
            self.refused(client, "transcribe", {"heard": {"hotwords": ["1"]}}, "spell: 1")
            # Nothing of it was taken, and the session is there.
            self.assertEqual(client.ask("heard-set", {})["beam"], 1)
            offline = {"heard": {"final": "offline"}}
            self.assertEqual(client.transcribe(pcm, offline), self.model_says(pcm))
        bad = os.path.join(self.dir, "bad")
        with open(bad, "w", encoding="utf-8") as out:
            out.write("tea\nroom 101\n")
        with Daemon("--hotwords", bad, program=HEARD, model=MODEL, wait=False) as daemon:
            self.assertEqual(daemon.process.wait(PATIENCE), 3)
            self.assertIn(f"{bad}:2: the vocabulary cannot spell: 101", daemon.log())


class Source(Search):
    def test_views(self):
        """Three subscribers of one source, each with its own search over the same
        network: what each is told is what its search makes of these samples."""
        pcm = tones(12, 3)
        path = self.write(pcm, "source.wav")
        wanted = [
            ({"words": True}, ()),
            ({"hotwords": HOTWORDS}, ("--hotwords", self.list)),
            ({"beam": 4}, ("--beam", "4")),
        ]
        with Daemon("--gate=no", "--final", "offline", "--endpoint-max-length", "1",
                    program=HEARD, model=MODEL, source=f"file:{path}") as daemon:
            clients = [daemon.connect() for _ in wanted]
            for client, (options, _) in zip(clients, wanted):
                client.ask("heard-subscribe", options, "heard-device")
            finals = []
            for client in clients:
                events = []
                while not events or events[-1][1].get("state") != "ended":
                    events.append(client.recv())
                finals.append(
                    {t["heard"]["utt"]: t for t in pick(events, "transcript")}
                )
                client.close()
        # A search begins with an utterance; the first may have begun without.
        last = max(finals[0])
        self.assertGreater(last, 5)
        for (_, args), told in zip(wanted, finals):
            for utt in range(2, last + 1):
                # Endpoints are common; where nothing was said nothing is told.
                heard = finals[0].get(utt, told.get(utt, {})).get("heard")
                if heard is None:
                    continue
                samples = pcm[2 * heard["start_sample"] : 2 * heard["end_sample"]]
                text = told[utt]["text"] if utt in told else ""
                self.assertEqual(text, self.model_says(samples, *args))
        self.assertNotEqual(finals[0][3]["text"], finals[1][3]["text"])

    def test_change(self):
        """Hotwords that come and go between utterances; endpoints stay the same."""
        path = self.write(tones(6, 4), "source.wav")
        with Daemon("--gate=no", "--final", "stream", "--endpoint-max-length", "1", "--loop",
                    program=HEARD, model=MODEL, source=f"file:{path}") as daemon:
            plain, client = daemon.connect(), daemon.connect()
            plain.ask("heard-subscribe", {}, "heard-device")
            client.ask("heard-subscribe", {}, "heard-device")

            def upto(condition):
                while True:
                    transcript = client.until("transcript")[-1][1]
                    if condition(transcript["text"]):
                        return transcript["heard"]["utt"]

            def hot(text):
                return "AB" in text.split()

            self.assertEqual(client.ask("heard-set", {"hotwords": HOTWORDS})["beam"], 32)
            first = upto(hot)
            self.assertEqual(client.ask("heard-set", {"hotwords": []})["beam"], 1)
            second = upto(lambda text: not hot(text))
            self.assertGreater(second, first)
            while True:
                event = plain.until("transcript")[-1][1]
                self.assertFalse(hot(event["text"]))
                if event["heard"]["utt"] >= second:
                    break
            plain.close()
            client.close()


if __name__ == "__main__":
    unittest.main()
