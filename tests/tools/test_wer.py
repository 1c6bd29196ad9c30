#!/usr/bin/env python3
"""heard-model wer: error rates of the built program on made-up sets.

The models have random weights: what they print is gibberish, but always the
same, so that a transcript of it is right and any change to it is wrong by a
known number of words.

usage: test_wer.py HEARD_MODEL FIXTURES [unittest arguments]
"""

import array
import json
import math
import os
import random
import shutil
import sys
import unittest
import wave

from tool_case import ToolTest, fixture, run, samples_of, text_of, tones

MODEL = "large-style"
WINDOW = "64:16:16"


class WerTest(ToolTest):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("set"))

    def manifest(self, rows, columns="path start samples split transcript", name="manifest.tsv"):
        path = self.path(f"set/{name}")
        with open(path, "w", encoding="utf-8", newline="") as f:
            for row in [columns.split(" "), *rows]:
                f.write("\t".join(str(field) for field in row) + "\n")
        return path

    def pack(self):
        """Pieces of the fixture's audio in one file, and a row for each."""
        samples = samples_of(MODEL)
        packed, rows = array.array("h"), []
        for begin, end in ((0, 12000), (12000, 30000), (5000, 5300), (30000, len(samples))):
            packed.extend([0] * 1600)
            rows.append((len(packed), end - begin))
            packed.extend(samples[begin:end])
        self.write_wav("set/packed.wav", packed)
        clips = []
        for i, (start, n) in enumerate(rows):
            clips.append(self.write_wav(f"clip{i}.wav", packed[start : start + n]))
        return rows, clips

    def packed_set(self, *options):
        """A set whose transcripts are what transcribe prints."""
        rows, clips = self.pack()
        out = self.good("transcribe", fixture(MODEL), *clips, *options)
        texts = out.splitlines()
        self.assertEqual(texts[2], "")  # too short for a frame
        texts[2] = "X"
        manifest = self.manifest(
            [("set/packed.wav", *row, "test", text) for row, text in zip(rows, texts)]
        )
        return manifest, texts

    def wer(self, manifest, *options, model=MODEL):
        lines = self.good("wer", fixture(model), manifest, "--json", *options).splitlines()
        self.assertEqual(len(lines), 1)
        return json.loads(lines[0])


class Rates(WerTest):
    def test_what_transcribe_prints_is_right(self):
        for options in ([], ["--streaming", WINDOW], ["--streaming", "-1:-1:0"]):
            manifest, texts = self.packed_set(*options)
            result = self.wer(manifest, *options)
            self.assertEqual(result["set"], "set")
            self.assertEqual(result["utterances"], 4)
            self.assertEqual(result["words"], sum(len(t.split()) for t in texts))
            self.assertEqual(result["characters"], sum(len(" ".join(t.split())) for t in texts))
            self.assertEqual(
                result["word_errors"], {"substitutions": 0, "insertions": 0, "deletions": 1}
            )
            self.assertAlmostEqual(result["wer"], 1 / result["words"], places=6)
            self.assertAlmostEqual(result["cer"], 1 / result["characters"], places=6)
            self.assertEqual(result["wrong_utterances"], 1)
            self.assertEqual(result["infeasible_utterances"], 1)
            self.assertAlmostEqual(result["seconds"], (len(samples_of(MODEL)) + 300) / 16000)
            self.assertEqual(result["streaming"] is None, not options)
            self.assertEqual(result["flicker"] is None, not options)

    def test_errors_are_counted(self):
        words = text_of(MODEL).split()
        self.assertGreater(len(words), 4)
        said = ["NEW", words[0], words[1], words[2] + "X", *words[3:-1]]
        self.write_wav("set/a.wav", samples_of(MODEL))
        manifest = self.manifest([["a.wav", " ".join(said).lower()]], "path transcript")
        result = self.wer(manifest, "--show")
        self.assertEqual(
            result["word_errors"], {"substitutions": 1, "insertions": 1, "deletions": 1}
        )
        self.assertEqual(result["words"], len(said))
        self.assertAlmostEqual(result["wer"], 3 / len(said), places=6)
        confusions = result["confusions"]
        self.assertEqual(confusions["deletions"], [{"reference": "NEW", "count": 1}])
        self.assertEqual(len(confusions["substitutions"]), 1)
        self.assertEqual(len(confusions["insertions"]), 1)
        self.assertEqual(result["clips"][0]["hypothesis"], text_of(MODEL))
        self.assertEqual(result["clips"][0]["reference"], " ".join(said).lower())

        text = self.good("wer", fixture(MODEL), manifest, "--show")
        self.assertIn(f"\nset                           1 {len(said):7} ", text)
        self.assertIn("substitutions (said, recognized)\n", text)
        self.assertIn("\n     1  NEW\n", text)
        said_line, got_line = text.splitlines()[1:3]
        self.assertTrue(said_line.startswith("  said NEW " + words[0]), said_line)
        self.assertTrue(got_line.startswith("  got  *** " + words[0]), got_line)

    def test_loss_is_that_of_align(self):
        self.write_wav("set/a.wav", samples_of(MODEL))
        audio = self.path("set/a.wav")
        for text in ("SHE SELLS SEA SHELLS", "A"):
            manifest = self.manifest([["a.wav", text.lower()]], "path transcript")
            out = self.good("align", fixture(MODEL), audio, "--text", text, "--json")
            with open(fixture(MODEL, "config.json"), encoding="utf-8") as f:
                mean = json.load(f).get("ctc_loss_reduction", "sum") == "mean"
            loss = json.loads(out)["loss"] / (1 if mean else len(text))
            self.assertAlmostEqual(self.wer(manifest)["loss"] / loss, 1, places=4)
        manifest = self.manifest([["a.wav", "\u0416"]], "path transcript")
        self.assertIsNone(self.wer(manifest)["loss"])  # no token for it

    def test_long_utterances_are_cut_as_transcribe_cuts_them(self):
        samples = samples_of(MODEL)
        audio = self.write_wav("set/long.wav", samples * 3)
        for options in (["--max-segment", "2"], ["--max-segment", "2", "--streaming", WINDOW]):
            text = self.good("transcribe", fixture(MODEL), audio, *options).strip()
            manifest = self.manifest([["long.wav", text]], "path transcript")
            result = self.wer(manifest, *options)
            self.assertEqual(result["wer"], 0)
            self.assertEqual(result["words"], len(text.split()))
            self.assertGreater(self.wer(manifest, *options[2:])["wer"], 0)

    def test_streams_beside_it_make_no_difference(self):
        rows, _ = self.pack()
        draw = random.Random(1)
        clips = []
        for _ in range(40):
            start = rows[0][0] + draw.randrange(30000)
            clips.append(("packed.wav", start, draw.randrange(500, 20000), "test", "A B C"))
        manifest = self.manifest(clips)
        for window in (WINDOW, "8:4:0", "-1:16:8", "0:1:3", "-1:-1:0", "200000:300000:5"):
            options = ["--streaming", window, "--show", "--calibration"]
            one = self.wer(manifest, *options, "--streams", "1")
            for streams in ("2", "7", "64"):
                self.assertEqual(self.wer(manifest, *options, "--streams", streams), one)
            for clip in one["clips"][:3]:
                i = one["clips"].index(clip)
                samples = self.read_clip(clips[i])
                audio = self.write_wav("one.wav", samples)
                text = self.good("transcribe", fixture(MODEL), audio, "--streaming", window)
                self.assertEqual(text, clip["hypothesis"] + "\n")

    def read_clip(self, clip):
        with wave.open(self.path("set/packed.wav")) as w:
            w.setpos(clip[1])
            return array.array("h", w.readframes(clip[2]))

    def test_statistics(self):
        """A model that normalizes its input hears another utterance when it knows all of it."""
        audio = self.write_wav("set/a.wav", samples_of(MODEL))
        for kind in ("cumulative", "utterance"):
            options = ["--streaming", WINDOW, "--statistics", kind]
            text = self.good("transcribe", fixture(MODEL), audio, *options).strip()
            manifest = self.manifest([["a.wav", text]], "path transcript")
            self.assertEqual(self.wer(manifest, *options)["wer"], 0)

    def test_default_window_is_the_models(self):
        self.write_wav("set/a.wav", samples_of(MODEL))
        manifest = self.manifest([["a.wav", "A"]], "path transcript")
        info = json.loads(self.good("info", fixture(MODEL), "--json"))["streaming"]
        default = self.wer(manifest, "--streaming", "default", "--show")
        self.assertEqual(default["streaming"], {k: info[k] for k in ("left", "chunk", "right")})
        window = f"{info['left']}:{info['chunk']}:{info['right']}"
        self.assertEqual(self.wer(manifest, "--streaming", window, "--show"), default)
        audio = self.path("set/a.wav")
        one, two = (
            self.good("transcribe", fixture(MODEL), audio, "--streaming", w)
            for w in (window, "default")
        )
        self.assertEqual(one, two)

    def test_lookahead_sweep(self):
        manifest, _ = self.packed_set()
        result = self.wer(manifest, "--lookahead-sweep", "--streaming", "64:8:3")
        rows = result["lookahead"]
        self.assertEqual([r["streaming"] and r["streaming"]["right"] for r in rows][-1], None)
        self.assertEqual(len({json.dumps(r["streaming"]) for r in rows}), len(rows))
        self.assertGreater(len(rows), 4)
        for row in rows:
            window = row["streaming"]
            options = []
            if window:
                self.assertEqual((window["left"], window["chunk"]), (64, 8))
                options = ["--streaming", f"64:8:{window['right']}"]
            alone = self.wer(manifest, *options)
            self.assertEqual(row, {key: alone[key] for key in row})
        self.assertEqual(rows[-1]["wer"], min(r["wer"] for r in rows))
        text = self.good("wer", fixture(MODEL), manifest, "--lookahead-sweep")
        self.assertEqual(len(text.splitlines()), 2 + len(rows))
        self.assertRegex(text, r"\n250:16:32 +640 ")

    def test_calibration(self):
        manifest, texts = self.packed_set()
        result = self.wer(manifest, "--calibration")["calibration"]
        self.assertEqual(len(result["bins"]), 10)
        self.assertEqual(result["words"], sum(len(t.split()) for t in texts) - 1)
        self.assertEqual(sum(b["words"] for b in result["bins"]), result["words"])
        # All are right, so the error is what the confidences lack.
        lack = 0
        for b in result["bins"]:
            self.assertEqual(b["right"], 1 if b["words"] else None)
            lack += b["words"] * (1 - (b["confidence"] or 0))
        self.assertAlmostEqual(result["error"], lack / result["words"], places=5)
        self.assertIn(
            "expected calibration error: ", self.good("wer", fixture(MODEL), manifest, "--calibration")
        )

    def corrected(self, **confidence):
        """The model with an entry in its heard.json."""
        path = self.path("corrected")
        shutil.rmtree(path, ignore_errors=True)
        os.mkdir(path)
        for name in os.listdir(fixture(MODEL)):
            os.symlink(os.path.abspath(fixture(MODEL, name)), os.path.join(path, name))
        heard = os.path.join(path, "heard.json")
        said = {}
        if os.path.exists(heard):
            with open(heard, encoding="utf-8") as file:
                said = json.load(file)
            os.unlink(heard)
        with open(heard, "w", encoding="utf-8") as file:
            json.dump({**said, "confidence": confidence}, file)
        return path

    def test_correction(self):
        """heard.json moves the confidences of words, and nothing else."""
        _, clips = self.pack()
        model = self.corrected(scale=0.5, shift=-1)
        for options in [], ["--beam", "8"], ["--streaming", WINDOW]:
            before, after = ([json.loads(line) for line in self.good(
                "transcribe", m, "--json", *options, *clips).splitlines()]
                for m in (fixture(MODEL), model))
            words = 0
            for a, b in zip(before, after):
                for x, y in zip(a["words"], b["words"]):
                    p = min(max(x.pop("confidence"), 1e-4), 1 - 1e-4)
                    wanted = 1 / (1 + math.exp(1 - 0.5 * math.log(p / (1 - p))))
                    self.assertAlmostEqual(y.pop("confidence"), wanted, places=2)
                    words += 1
            self.assertEqual(before, after)
            self.assertGreater(words, 0)

    def test_fit(self):
        """What is fitted does not depend on what the model says already."""
        manifest, texts = self.packed_set()
        right = self.wer(manifest, "--calibration")["calibration"]["bins"]
        # Words that are wrong, so that there is something to fit.
        with open(manifest, encoding="utf-8") as file:
            lines = file.read().splitlines()
        lines[1:] = [line.rsplit("\t", 1)[0] + "\t" + " ".join(
            word if i % 3 else "X" + word for i, word in enumerate(line.rsplit("\t", 1)[1].split()))
            for line in lines[1:]]
        with open(manifest, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        plain = self.wer(manifest, "--calibration")["calibration"]
        self.assertNotEqual(plain["bins"], right)
        if plain["fit"] is None:
            self.skipTest("the confidences of this model say nothing")
        model = self.corrected(scale=plain["fit"]["scale"], shift=plain["fit"]["shift"])
        again = json.loads(self.good("wer", model, manifest, "--json", "--calibration"))["calibration"]
        self.assertAlmostEqual(again["error"], plain["fit"]["error"], delta=0.03)
        self.assertAlmostEqual(again["fit"]["scale"], plain["fit"]["scale"], delta=0.05)
        self.assertAlmostEqual(again["fit"]["shift"], plain["fit"]["shift"], delta=0.05)


class Sets(WerTest):
    def rows(self):
        self.write_wav("set/a.wav", samples_of(MODEL)[:4000])
        return [("a.wav", i, 1000 + i, "test" if i % 2 else "dev", f"W{i}") for i in range(10)]

    def references(self, manifest, *options):
        return [c["reference"] for c in self.wer(manifest, "--show", *options)["clips"]]

    def test_split_and_limit(self):
        rows = self.rows()
        manifest = self.manifest(rows)
        odd, even = ([f"W{i}" for i in range(10) if i % 2 == k] for k in (1, 0))
        self.assertEqual(self.references(manifest), odd)
        self.assertEqual(self.references(manifest, "--split", "dev"), even)
        self.assertEqual(len(self.references(manifest, "--split", "all")), 10)
        self.assertEqual(self.references(manifest, "--limit", "100"), odd)
        self.assertEqual(
            self.references(manifest, "--limit", "3", "--split", "all"), ["W0", "W3", "W6"]
        )
        # Without a split column everything is taken.
        manifest = self.manifest([(r[0], r[4]) for r in rows], "path transcript")
        self.assertEqual(len(self.references(manifest)), 10)

    def test_without_transcripts(self):
        rows = self.rows()
        manifest = self.manifest([(*r[:4], "" if i < 9 else r[4]) for i, r in enumerate(rows)])
        self.assertEqual(self.references(manifest), ["W9"])
        manifest = self.manifest([(*r[:4], " ") for r in rows])
        result = run("wer", fixture(MODEL), manifest, "--json")
        self.assertEqual(result.returncode, 0)
        self.assertIn(b"no utterance", result.stderr)
        line = json.loads(result.stdout)
        self.assertEqual((line["utterances"], line["words"], line["wer"]), (0, 0, None))

    def test_several_sets(self):
        rows = self.rows()
        first = self.manifest(rows)
        second = self.manifest(rows[:3], name="other.tsv")
        out = self.good("wer", fixture(MODEL), first, self.path("set"), second, "--json")
        lines = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([x["set"] for x in lines], ["set", "set", "other", "total"])
        self.assertEqual([x["utterances"] for x in lines], [5, 5, 1, 11])
        text = self.good("wer", fixture(MODEL), first, second)
        self.assertRegex(text, r"\nset +5 +5 (.*\n)other +1 +1 (.*\n)total +6 +6 ")

    def test_synthesized_clips(self):
        """What lies in tests/data/clips is whole: every clip a transcript, beside it too."""
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data/clips")
        result = self.wer(folder, "--show")
        self.assertEqual(result["set"], "clips")
        files = {name for name in os.listdir(folder) if name.endswith(".flac")}
        self.assertEqual({os.path.basename(c["path"]) for c in result["clips"]}, files)
        self.assertEqual(result["utterances"], len(files))
        for clip in result["clips"]:
            name = os.path.basename(clip["path"]).replace(".flac", ".txt")
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                self.assertEqual(f.read(), clip["reference"] + "\n")
        size = sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder))
        self.assertLess(size, 1e6)
        self.assertGreater(result["seconds"], len(files))

    def test_positions_count_at_16000_hz(self):
        """Whatever the rate of the file: the tone is found where the manifest says."""
        self.write_wav("set/a.wav", tones(48000, 3), 48000)
        self.write_wav("set/b.wav", tones(16000, 3))
        rows = [(name, 8000, 16000, "test", "A") for name in ("a.wav", "b.wav")]
        result = self.wer(self.manifest(rows), "--show")
        self.assertAlmostEqual(result["seconds"], 2)
        one, two = (clip["hypothesis"] for clip in result["clips"])
        self.assertEqual(one, two)

    def test_hostile_manifests(self):
        """One line that names file and line, nothing on standard output, no crash."""
        rows = self.rows()
        good = "path\tstart\tsamples\ttranscript\n"
        huge = "9" * 40
        for text, where in (
            ("", ":1: "),
            ("path\tstart\n", "transcript"),
            ("transcript\nA\n", ":1: "),
            (good + "a.wav\t0\t10\n", ":2: "),
            (good + "a.wav\t0\t10\tA\tB\n", ":2: "),
            (good + "a.wav\t-5\t10\tA\n", ":2: "),
            (good + f"a.wav\t{huge}\t10\tA\n", ":2: "),
            (good + f"a.wav\t0\t{huge}\tA\n", ":2: "),
            (good + "a.wav\t0\t10\tA\na.wav\t3999\t10\tB\n", ":3: "),
            (good + "a.wav\t1099511627776\t1099511627776\tA\n", ":2: "),
            (good + "missing.wav\t0\t10\tA\n", "missing.wav"),
            (good + "../../../../../../etc/passwd\t0\t10\tA\n", "passwd"),
            (good + ".\t0\t10\tA\n", "directory"),
            (good + "a.wav\t0\t10\t\ud800\n", ":2: "),
            (good + "a.wav\t0\t10\t\0A\n", ":2: "),
        ):
            path = self.path("set/bad.tsv")
            with open(path, "wb") as f:
                f.write(text.encode("utf-8", "surrogatepass"))
            message = self.failed(1, "wer", fixture(MODEL), path)
            self.assertIn(where, message, text)
        # A transcript of a mebibyte is a transcript.
        path = self.manifest([("a.wav", 0, 4000, "test", "WORD " * 200000)])
        result = self.wer(path)
        self.assertEqual((result["words"], result["infeasible_utterances"]), (200000, 1))
        # Nothing is recognized before all lists were looked at.
        path = self.manifest(rows)
        message = self.failed(1, "wer", fixture(MODEL), path, "/no/such/list.tsv")
        self.assertIn("/no/such/list.tsv", message)

    def test_usage(self):
        model, manifest = fixture(MODEL), self.manifest(self.rows())
        for options in (
            [],
            [manifest, "--noise", self.dir],
            [manifest, "--snr", "10"],
            [manifest, "--noise", self.dir, "--snr", "loud"],
            [manifest, "--noise", self.dir, "--snr", "nan"],
            [manifest, "--noise", self.dir, "--snr", "101"],
            [manifest, "--limit", "0"],
            [manifest, "--split", ""],
            [manifest, "--streaming", "recommended"],
            [manifest, "--streaming", "8:-1:0", "--lookahead-sweep"],
            [manifest, "--lookahead-sweep", "--show"],
            [manifest, "--lookahead-sweep", "--calibration"],
            [manifest, "--streams", "65"],
            [manifest, "--statistics", "utterance"],
        ):
            self.failed(2, "wer", model, *options)
        self.assertIn("CTC", self.failed(1, "wer", fixture("seqcls"), manifest))


class Noise(WerTest):
    def test_noise(self):
        manifest, _ = self.packed_set()
        os.mkdir(self.path("noise"))
        draw = random.Random(2)
        for name in ("a.wav", "b.wav"):
            noise = array.array("h", (draw.randrange(-3000, 3000) for _ in range(20000)))
            self.write_wav(f"noise/{name}", noise)
        options = ["--noise", self.path("noise"), "--snr", "3", "--show"]
        noisy = self.wer(manifest, *options, "--seed", "7")
        self.assertEqual(noisy["noise"], {"snr_db": 3, "seed": 7})
        self.assertGreater(noisy["wer"], self.wer(manifest)["wer"])
        self.assertEqual(self.wer(manifest, *options, "--seed", "7"), noisy)
        other = self.wer(manifest, *options, "--seed", "8")
        self.assertNotEqual(
            [c["hypothesis"] for c in other["clips"]], [c["hypothesis"] for c in noisy["clips"]]
        )
        # A clip has the same noise whichever others are run.
        some = self.wer(manifest, *options, "--seed", "7", "--limit", "2")
        self.assertEqual(some["clips"][1], noisy["clips"][2])
        self.assertEqual(some["clips"][0], noisy["clips"][0])
        # What cannot be heard changes nothing (no frame of the whole is a near tie).
        self.write_wav("set/a.wav", samples_of(MODEL))
        manifest = self.manifest([["a.wav", text_of(MODEL)]], "path transcript")
        quiet = self.wer(manifest, "--noise", self.path("noise/a.wav"), "--snr", "100")
        self.assertEqual(quiet["wer"], 0)

    def test_refused(self):
        manifest, _ = self.packed_set()
        options = ["--snr", "3", "--noise"]
        self.assertIn("/none", self.failed(1, "wer", fixture(MODEL), manifest, *options, "/none"))
        os.mkdir(self.path("empty"))
        message = self.failed(1, "wer", fixture(MODEL), manifest, *options, self.path("empty"))
        self.assertIn("no audio file", message)

    def test_silence_is_told(self):
        self.write_wav("set/a.wav", array.array("h", [0] * 16000))
        self.write_wav("noise.wav", array.array("h", [1000, -1000] * 500))
        manifest = self.manifest([["a.wav", "A"]], "path transcript")
        result = run("wer", fixture(MODEL), manifest, "--noise", self.path("noise.wav"), "--snr", "3")
        self.assertEqual(result.returncode, 0)
        self.assertIn(b"no noise under 1 utterance", result.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
