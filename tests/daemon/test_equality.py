#!/usr/bin/env python3
"""The real daemon against heard-model: final=offline is the offline pass over the
same samples, final=stream never takes text back, whatever the network does to
the bytes."""

import array
import unittest
import wave

from harness import *


def fixture(name):
    return os.path.join(FIXTURES, name)


def write_wav(path, pcm, rate=RATE, channels=1):
    with wave.open(path, "wb") as w:
        w.setparams((channels, 2, rate, 0, "NONE", ""))
        w.writeframes(pcm)


def read_wav(path):
    with wave.open(path) as w:
        return w.readframes(w.getnframes())


class Equality(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = directory.name

    def model_says(self, model, path, *args):
        result = subprocess.run(
            [HEARD_MODEL, "transcribe", model, path, *args], capture_output=True, check=True
        )
        return result.stdout.decode().rstrip("\n")

    def check(self, model, pcms, transcribe=None, args=(), **fmt):
        """All at once: company must not change a word."""
        wanted, heard = [], [None] * len(pcms)
        for i, pcm in enumerate(pcms):
            path = os.path.join(self.dir, f"{i}.wav")
            write_wav(path, pcm, fmt.get("rate", RATE), fmt.get("channels", 1))
            wanted.append(self.model_says(model, path, *args))
        with Daemon(program=HEARD, model=model) as daemon:

            def push(i):
                with daemon.connect() as client:
                    options = dict(transcribe or {}, heard={"final": "offline"})
                    heard[i] = client.transcribe(pcms[i], options, chunk=1000 + 317 * i, **fmt)

            threads = [threading.Thread(target=push, args=(i,)) for i in range(len(pcms))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(heard, wanted)
        self.assertTrue(any(wanted), "the models say something about at least one")

    def test_models(self):
        pcms = [tones(seconds, seed) for seed, seconds in enumerate([0.01, 1, 3.3, 7])]
        for name in "base-style", "large-style", "vocab-unicode":
            own = read_wav(os.path.join(fixture(name), "input.wav"))
            self.check(fixture(name), pcms + [own])

    def test_languages(self):
        model = fixture("w2v2-mms-adapter")
        pcms = [tones(2, 5)]
        names = sorted(
            f.split(".")[1] for f in os.listdir(model) if f.startswith("adapter.")
        )
        self.assertTrue(names)
        for language in names:
            self.check(model, pcms, {"language": language}, ("--lang", language))

    def test_languages_are_told(self):
        """Those of all adapters, the default first; the first answer has them too."""
        model = fixture("w2v2-mms-adapter")
        for args, want in ([], ["eng", "fra"]), (["--language", "fra"], ["fra", "eng"]):
            with Daemon(*args, program=HEARD, model=model) as daemon, daemon.connect() as client:
                for _ in range(2):
                    (told,) = client.ask("describe", answer="info")["asr"][0]["models"]
                    self.assertEqual(told["languages"], want)
                    daemon.wait_log("is loaded")
                client.transcribe(tones(1), {"language": "fra-FR"})

    def test_other_formats(self):
        stereo = array.array("h")
        for i, sample in enumerate(array.array("h", tones(4, 9))):
            stereo.extend((sample, sample // 2 if i % 3 else -sample))
        self.check(fixture("large-style"), [stereo.tobytes()], rate=44100, channels=2)
        self.check(fixture("large-style"), [tones(3, 2)], rate=8000)

    def test_long_audio(self):
        """Longer than a segment: cut where heard-model cuts, texts joined."""
        for name in "base-style", "large-style":
            self.check(fixture(name), [tones(70, 3), tones(30, 4), tones(30.1, 5)])

    def test_stream_never_retracts(self):
        generator = random.Random(11)
        for name in "base-style", "large-style":
            with Daemon(program=HEARD, model=fixture(name)) as daemon, daemon.connect() as client:
                for seed in range(12):
                    self.one_stream(client, tones(generator.uniform(0.5, 12), seed), generator)
                # And across the limit of an utterance.
                self.one_stream(client, tones(40, 99), generator)

    def one_stream(self, client, pcm, generator):
        endpoint = generator.choice([False, True, {"silence_text": 0.3, "max_length": 5}])
        options = {"heard": {"final": "stream", "endpoint": endpoint}}
        data = b"".join(push_events(pcm, options, chunk=generator.choice([333, 4096, 100000])))

        def write():
            at = 0
            while at < len(data):
                n = generator.choice([1, 100, 5000, 200000])
                client.send_bytes(data[at : at + n])
                at += n

        writer = threading.Thread(target=write)
        writer.start()
        rule, texts = None, []
        while rule != "stop":
            events = client.until("transcript-stop")
            text = text_of(events)
            self.check_partials(events, text, endpoint)
            transcript = pick(events, "transcript")[0]
            self.assertTrue(transcript["heard"]["prefix_ok"])
            self.assertEqual(transcript["heard"]["final"], "stream")
            rule = transcript["heard"]["rule"]
            texts.append(text)
        writer.join()

    def check_partials(self, events, text, endpoint):
        stable = {}
        for kind, data in events:
            if kind != "heard-partial":
                continue
            before = stable.get(data["utt"], "")
            self.assertTrue(data["stable"].startswith(before), (before, data["stable"]))
            stable[data["utt"]] = data["stable"]
        if endpoint and stable:
            # Utterances without text end without a transcript.
            self.assertTrue(text.startswith(stable[max(stable)]) or not text)
        elif stable:
            for part in stable.values():
                self.assertIn(part, text)


if __name__ == "__main__":
    unittest.main()
