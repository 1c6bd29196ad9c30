#!/usr/bin/env python3
"""Keywords: detect on pushed audio and on the daemon's own source.

The fake classifier (fake_classifier.c) hears "alpha" in a window that is loud
and "beta" in one that is louder.
"""

import unittest
import wave

from harness import *


def sound(level, seconds):
    return array.array("h", [round(level * 32767)] * round(seconds * RATE)).tobytes()


QUIET = sound(0, 2)
ALPHA = sound(0.2, 0.5)
BETA = sound(0.6, 0.5)


class Wake(unittest.TestCase):
    def start(self, *args, **options):
        return Daemon("--wake-model", "/models/words", "--wake-ignore", "none", *args, **options)

    def detect(self, client, pcm, names=None, context=None, **options):
        client.send("detect", {"names": names, "context": context})
        client.send_bytes(b"".join(push_events(pcm, **options)))
        client.send("ping", {"text": "end"})
        return [e for e in self.until_quiet(client)]

    def until_quiet(self, client):
        """All answers to a stream: pong may overtake, so ask again behind it."""
        events = client.until("pong")
        client.send_bytes(b"".join(push_events(b"", {})))
        events += client.until("transcript-stop")
        return [e for e in events if e[0] in ("detection", "not-detected", "error")]

    def test_info(self):
        with self.start() as daemon, daemon.connect() as client:
            daemon.wait_log("keyword model")
            info = client.ask("describe", answer="info")
            names = [model["name"] for model in info["wake"][0]["models"]]
            self.assertEqual(names, ["alpha", "beta"])
            self.assertIn("wake", client.ask("heard-hello", answer="heard-welcome")["capabilities"])

    def test_without_a_model(self):
        with Daemon() as daemon, daemon.connect() as client:
            welcome = client.ask("heard-hello", answer="heard-welcome")
            self.assertNotIn("wake", welcome["capabilities"])
            client.send("detect", {})
            self.assertEqual(client.until("error")[-1][1]["code"], "no-wake")

    def test_pushed(self):
        with self.start() as daemon, daemon.connect() as client:
            events = self.detect(client, QUIET + ALPHA + QUIET + BETA + QUIET)
            # With a refractory time of a second each is there twice at most: the
            # window holds it for a second and a half.
            names = [data["name"] for kind, data in events]
            self.assertEqual(names, ["alpha", "alpha", "beta", "beta"])
            times = [data["timestamp"] for kind, data in events]
            self.assertEqual(times, [2100, 3100, 4600, 5600])
            self.assertNotIn("heard", events[0][1])

    def test_names_and_context(self):
        with self.start("--wake-refractory", "2") as daemon, daemon.connect() as client:
            client.ask("heard-hello", answer="heard-welcome")
            pcm = QUIET + ALPHA + QUIET + BETA + QUIET
            for names, wanted in (["beta"], ["beta"]), ([], ["alpha", "beta"]):
                events = self.detect(client, pcm, names, {"id": 7})
                self.assertEqual([data["name"] for _, data in events], wanted)
                self.assertEqual(events[0][1]["context"], {"id": 7})
                self.assertGreater(events[0][1]["heard"]["confidence"], 0.8)
            events = self.detect(client, pcm, ["gamma"], {"id": 8})
            self.assertEqual(events, [("not-detected", {"context": {"id": 8}})])

    def test_short_and_odd(self):
        with self.start() as daemon, daemon.connect() as client:
            for pcm, wanted in (
                (ALPHA, "detection"),  # shorter than a window
                (QUIET, "not-detected"),
                (b"", "not-detected"),
                (ALPHA[:100], "not-detected"),
            ):
                events = self.detect(client, pcm, chunk=777)
                self.assertEqual([kind for kind, _ in events], [wanted])

    def test_then_transcribe(self):
        """transcribe ends the search: the next stream is text again."""
        with self.start() as daemon, daemon.connect() as client:
            self.detect(client, ALPHA)
            self.assertEqual(client.transcribe(speak("TEXT"), {}), "text")

    def test_source(self):
        with tempfile.NamedTemporaryFile(suffix=".wav") as f:
            with wave.open(f.name, "wb") as w:
                w.setparams((1, 2, RATE, 0, "NONE", ""))
                w.writeframes(QUIET + ALPHA + QUIET + BETA + QUIET)
            with self.start(
                "--gate=no", "--loop", "--wake-refractory", "2", source=f"file:{f.name}"
            ) as daemon:
                client, other = daemon.connect(), daemon.connect()
                for c, names in (client, None), (other, ["beta"]):
                    self.addCleanup(c.close)
                    c.send("detect", {"names": names})
                    c.ask("heard-subscribe", {}, "heard-device")
                heard = [client.until("detection")[-1][1] for _ in range(3)]
                names = [data["name"] for data in heard]
                self.assertIn(names, (["alpha", "beta", "alpha"], ["beta", "alpha", "beta"]))
                self.assertEqual(heard[0]["heard"]["stream"], 0)
                self.assertEqual(other.until("detection")[-1][1]["name"], "beta")

    def test_model_that_cannot_be_loaded(self):
        with Daemon("--wake-model", "/models/bad", wait=False) as daemon:
            self.assertEqual(daemon.process.wait(PATIENCE), 3)


class RealWake(unittest.TestCase):
    def test_equals_classify(self):
        """A window of the whole audio: what heard-model classify says of it."""
        model = os.path.join(FIXTURES, "seqcls")
        path = os.path.join(model, "input.wav")
        with wave.open(path) as w:
            pcm = w.readframes(w.getnframes())
        result = subprocess.run(
            [HEARD_MODEL, "classify", model, path, "--json"], capture_output=True, check=True
        )
        best = json.loads(result.stdout)["labels"][0]
        seconds = str(len(pcm) / 2 / RATE)
        with Daemon(
            "--wake-model", model, "--wake-threshold", "0.0001", "--wake-window", seconds,
            program=HEARD, model=os.path.join(FIXTURES, "large-style"),
        ) as daemon, daemon.connect() as client:
            client.ask("heard-hello", answer="heard-welcome")
            client.send("detect", {})
            client.send_bytes(b"".join(push_events(pcm)))
            detection = client.until("detection")[-1][1]
            self.assertEqual(detection["name"], best["label"])
            confidence = detection["heard"]["confidence"]
            self.assertAlmostEqual(confidence, best["probability"], places=3)


if __name__ == "__main__":
    unittest.main()
