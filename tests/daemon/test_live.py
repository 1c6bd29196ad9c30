#!/usr/bin/env python3
"""The daemon's own source, here a file in real time, and its subscribers."""

import unittest
import wave

from harness import *


class Source(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = directory.name

    def write(self, pcm, name="source.wav"):
        path = os.path.join(self.dir, name)
        with wave.open(path, "wb") as w:
            w.setparams((1, 2, RATE, 0, "NONE", ""))
            w.writeframes(pcm)
        return path

    def follow(self, daemon, options=None):
        client = daemon.connect()
        self.addCleanup(client.close)
        self.assertIn(client.ask("heard-subscribe", options, "heard-device")["state"],
                      ("searching", "open"))
        return client


class Live(Source):
    def test_captions(self):
        path = self.write(speak("FIRST LINE...SECOND LINE....."))
        with Daemon(source=f"file:{path}") as daemon:
            client = self.follow(daemon, {"words": True})
            events = client.until("transcript-stop") + client.until("transcript-stop")
            transcripts = pick(events, "transcript")
            self.assertEqual([t["text"] for t in transcripts], ["first line", "second line"])
            self.assertEqual([t["heard"]["rule"] for t in transcripts], ["silence-text"] * 2)
            self.assertEqual({t["heard"]["stream"] for t in transcripts}, {0})
            endpoints = pick(events, "heard-endpoint")
            self.assertEqual([e["rule"] for e in endpoints], ["silence-text"] * 2)
            self.assertGreater(len(pick(events, "heard-partial")), 4)
            status = client.ask("heard-status")
            self.assertEqual(status["source"], "file")
            while client.recv()[1].get("state") != "ended":
                pass

    def test_end_is_told_last(self):
        """A client may leave when the source has ended: all words came before."""
        path = self.write(speak("LAST WORDS"))
        with Daemon(source=f"file:{path}") as daemon:
            client = self.follow(daemon)
            events = []
            while not events or events[-1][1].get("state") != "ended":
                events.append(client.recv())
            transcript = pick(events, "transcript")[-1]
            self.assertEqual(transcript["text"], "last words")
            self.assertEqual(transcript["heard"]["rule"], "stop")

    def test_name_before_it_is_open(self):
        """A file has its own name from the beginning, not that of a device."""
        path = self.write(speak("X"))
        with Daemon("--device", "USB", model="/models/slow", source=f"file:{path}") as daemon:
            with daemon.connect() as client:
                state = client.ask("heard-subscribe", {}, "heard-device")
                self.assertEqual((state["state"], state["name"]), ("searching", path))
                self.assertEqual(client.ask("heard-status")["device"], path)

    def no_microphone(self, client):
        """The state of the source once it says why there is none."""
        state = client.ask("heard-subscribe", {}, "heard-device")
        if state["state"] == "none":
            self.skipTest("built without PortAudio")
        while "reason" not in state:
            state = client.until("heard-device")[-1][1]
        return state

    def test_unknown_microphone(self):
        """Clients are told what was looked for, as the log is."""
        env = {"PULSE_SERVER": "unix:/nonexistent"}
        with Daemon("--device", "Nowhere Mic", source="mic", env=env) as daemon:
            with daemon.connect() as client:
                state = self.no_microphone(client)
                self.assertEqual((state["state"], state["name"]), ("searching", "Nowhere Mic"))
                self.assertIn("'Nowhere Mic'", state["reason"])
                self.assertIn(f"microphone: {state['reason']}", daemon.log())

    def test_sound_system_without_configuration(self):
        """PortAudio would end the process by an assertion; pushed audio is served."""
        path = os.path.join(self.dir, "asound.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write("pcm.only { type null }\n")
        for configuration in (os.devnull, path):
            with Daemon(source="mic", env={"ALSA_CONFIG_PATH": configuration}) as daemon:
                with daemon.connect() as client:
                    state = self.no_microphone(client)
                    self.assertIn("no 'default'", state["reason"])
                with daemon.connect() as client:
                    self.assertEqual(client.ask("heard-device", {})["devices"], [])
                    self.assertEqual(client.transcribe(speak("STILL HERE")), "still here")
                self.assertIsNone(daemon.process.poll())

    def test_subscriber_is_read_only(self):
        path = self.write(speak("X"))
        with Daemon("--loop", source=f"file:{path}") as daemon:
            client = self.follow(daemon)
            client.send("audio-start", audio_format())
            self.assertEqual(client.until("error")[-1][1]["code"], "bad-order")
            client.send("heard-set", {"final": "stream"})
            self.assertEqual(client.until("error")[-1][1]["code"], "bad-field")
            self.assertTrue(client.ask("heard-set", {"words": True})["words"])

    def test_stdin(self):
        """Standard input has no pace: nothing is lost, and its end is the end."""
        pcm = b"".join(speak(f"LINE {chr(65 + i)}....") for i in range(20))
        read, write = os.pipe()
        with Daemon(source="stdin", stdin=read) as daemon:
            os.close(read)
            client = self.follow(daemon)
            with os.fdopen(write, "wb") as pipe:
                pipe.write(pcm)
            texts = [text_of(client.until("transcript-stop")) for _ in range(20)]
            self.assertEqual(texts, [f"line {chr(97 + i)}" for i in range(20)])
            self.assertEqual(client.ask("heard-status")["overrun"], 0)

    def test_term_flushes(self):
        path = self.write(speak("NEVER ENDING " * 20))
        with Daemon(source=f"file:{path}") as daemon:
            client = self.follow(daemon)
            client.until("heard-partial")
            client.until("heard-partial")
            daemon.kill(signal.SIGTERM)
            transcript = pick(client.rest(), "transcript")[0]
            self.assertTrue("never ending never".startswith(transcript["text"].strip()[:5]))
            self.assertEqual(transcript["heard"]["rule"], "stop")
            self.assertEqual(daemon.process.wait(PATIENCE), 0)

    def test_pushed_never_degrades(self):
        with Daemon(model="/models/behind") as daemon, daemon.connect() as client:
            events = client.push(speak("NOT ONE LETTER IS LOST"), {"heard": {}})
            self.assertEqual(text_of(events), "not one letter is lost")
            self.assertEqual(pick(events, "heard-lag"), [])


class Slow(Source):
    def test_ladder(self):
        """Behind real time: larger chunks, told; and back when they are enough."""
        path = self.write((speak("A WORD OR TWO") + b"\0" * 32000) * 3)
        with Daemon(
            "--loop", "--gate=no", "--final", "stream", model="/models/behind",
            source=f"file:{path}",
        ) as daemon:
            client = self.follow(daemon)
            up = client.until("heard-lag")[-1][1]
            self.assertEqual((up["rung"], up["measures"]), (1, "large-chunks"))
            self.assertEqual((up["chunk"], up["right"]), (32, 4))
            self.assertGreater(up["behind"], 1)
            # A newcomer is told too.
            other = self.follow(daemon)
            self.assertEqual(other.until("heard-lag")[-1][1]["rung"], 1)
            down = client.until("heard-lag")[-1][1]
            self.assertEqual((down["rung"], down["measures"]), (0, "none"))
            # Words are right all the way.
            while text_of(client.until("transcript-stop")) != "A WORD OR TWO":
                pass

    def test_dump(self):
        """What the engine got, pushed again between the places that the finals
        name, says the same."""
        path = self.write(speak("DUMP ME...AND ME") + tones(1) + speak(".....")) 
        dump = os.path.join(self.dir, "dump.wav")
        with Daemon("--dump", dump, source=f"file:{path}") as daemon:
            client = self.follow(daemon)
            transcripts = []
            while True:
                kind, data = client.recv()
                if kind == "transcript":
                    transcripts.append(data)
                elif kind == "heard-device" and data["state"] == "ended":
                    break
            wait(lambda: client.ask("heard-status") is not None, "the status")
        transcripts += pick(client.rest(), "transcript")
        self.assertGreater(len(transcripts), 1)
        samples = read_floats(dump)
        with Daemon() as daemon, daemon.connect() as client:
            for transcript in transcripts:
                heard = transcript["heard"]
                piece = samples[heard["start_sample"] : heard["end_sample"]]
                self.assertEqual(client.transcribe_floats(piece, {}), transcript["text"])

    def test_reload_changes_the_source(self):
        first = self.write(speak("FIRST..."), "first.wav")
        second = self.write(speak("SECOND..."), "second.wav")
        config = os.path.join(self.dir, "heard.conf")

        def configure(path):
            with open(config, "w", encoding="ascii") as f:
                f.write(f"model = /models/upper\nsource = file:{path}\nloop = yes\n")

        configure(first)
        with Daemon("--config", config, model=None, source=None) as daemon:
            client = self.follow(daemon)
            while text_of(client.until("transcript-stop")) != "FIRST":
                pass
            configure(second)
            daemon.kill(signal.SIGHUP)
            while text_of(client.until("transcript-stop")) != "SECOND":
                pass


if __name__ == "__main__":
    unittest.main()
