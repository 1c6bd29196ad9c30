#!/usr/bin/env python3
"""heard-model verify: what it says of two types of weights is what `features`,
`transcribe` and `wer` say of each.

usage: test_verify.py HEARD_MODEL FIXTURES [unittest arguments]
"""

import array
import json
import math
import os
import sys
import unittest

from tool_case import ToolTest, fixture, read_tensors, samples_of, text_of, tones

STAGES = ["extract_features", "feature_projection", "pos_conv", "hidden_states.0"]


def argmax(row):
    return max(range(len(row)), key=lambda i: row[i])


class Verify(ToolTest):
    def verify(self, *args):
        return [json.loads(line) for line in self.good("verify", *args, "--json").splitlines()]

    def features(self, model, audio, kind):
        out = self.path(f"{kind}.safetensors")
        self.good("features", model, audio, "-o", out, "--all", "-w", kind)
        return read_tensors(out)[0]

    def manifest(self, rows, columns):
        os.makedirs(self.path("set"), exist_ok=True)
        path = self.path("set/manifest.tsv")
        with open(path, "w", encoding="utf-8") as f:
            for row in [columns, *rows]:
                f.write("\t".join(row) + "\n")
        return path

    def test_errors_are_those_of_features(self):
        for name in ("base-style", "large-style"):
            model, audio = fixture(name), fixture(name, "input.wav")
            exact = self.features(model, audio, "f32")
            results = self.verify(model, audio, "--weights", "int4,bf16")
            self.assertEqual([x["weights"] for x in results], ["bf16", "int4"])
            for result in results:
                other = self.features(model, audio, result["weights"])
                stages = [x["stage"] for x in result["stages"]]
                self.assertEqual(stages[:4], STAGES)
                self.assertEqual(stages[-1], "logits")
                for stage in result["stages"]:
                    a, b = exact[stage["stage"]][1], other[stage["stage"]][1]
                    size = math.sqrt(sum(x * x for x in a) / len(a))
                    errors = [abs(x - y) for x, y in zip(a, b)]
                    rms = math.sqrt(sum(x * x for x in errors) / len(a)) / size
                    self.assertGreater(rms, 0)
                    self.assertAlmostEqual(stage["rms"] / rms, 1, places=4)
                    self.assertAlmostEqual(stage["max"] * size / max(errors), 1, places=4)
                (frames, width), a = exact["logits"]
                b = other["logits"][1]
                rows = [(a[i : i + width], b[i : i + width]) for i in range(0, len(a), width)]
                equal = sum(argmax(x) == argmax(y) for x, y in rows)
                self.assertEqual((result["frames"], result["frames_equal"]), (frames, equal))
                self.assertEqual(result["utterances"], 1)
                self.assertEqual(result["utterances_equal"], int(result["token_errors"] == 0))
                self.assertIsNone(result["wer"])
                self.assertAlmostEqual(result["seconds"], len(samples_of(name)) / 16000)

    def test_the_same_weights_do_not_differ(self):
        model, audio = fixture("base-style"), fixture("base-style", "input.wav")
        for kind in ("f32", "int8"):
            (result,) = self.verify(model, audio, audio, "-w", kind, "--against", kind)
            self.assertEqual((result["weights"], result["against"]), (kind, kind))
            self.assertEqual({x["rms"] for x in result["stages"]}, {0})
            self.assertEqual({x["max"] for x in result["stages"]}, {0})
            self.assertEqual((result["utterances"], result["utterances_equal"]), (2, 2))
            self.assertEqual(result["frames"], result["frames_equal"])
            self.assertGreater(result["tokens"], 0)
            self.assertEqual(result["token_errors"], 0)

    def test_words_are_those_of_wer(self):
        self.write_wav("a.wav", samples_of("large-style"))
        self.write_wav("b.wav", tones(16000, 2))
        self.write_wav("c.wav", tones(16000, 0.01))
        path = self.manifest(
            [
                ("a.wav", "test", text_of("large-style")),
                ("b.wav", "test", "SOME WORDS"),
                ("b.wav", "test", ""),
                ("c.wav", "test", "TOO SHORT"),
                ("a.wav", "train", "NOT TAKEN"),
            ],
            ("path", "split", "transcript"),
        )
        model = fixture("large-style")
        results = self.verify(model, path, "--threads", "1")
        self.assertEqual([x["weights"] for x in results], ["f16", "bf16", "int8", "int4"])
        rates = {}
        for kind in ("f32", "f16", "int8"):
            line = self.good("wer", model, path, "--json", "-w", kind)
            rates[kind] = json.loads(line)["wer"]
        for result in results:
            self.assertEqual(result["utterances"], 4)
            self.assertEqual(result["words"], 4 + len(text_of("large-style").split()))
            self.assertAlmostEqual(result["wer_against"], rates["f32"], places=5)
            if result["weights"] in rates:
                self.assertAlmostEqual(result["wer"], rates[result["weights"]], places=5)
        # Of the split all, then two of them, then a folder.
        args = ["-w", "f16", "--split", "all"]
        self.assertEqual(self.verify(model, path, *args)[0]["utterances"], 5)
        self.assertEqual(self.verify(model, path, *args, "--limit", "2")[0]["utterances"], 2)
        self.assertEqual(self.verify(model, self.path("set"), *args)[0]["utterances"], 5)

    def test_long_audio_is_cut_as_transcribe_cuts_it(self):
        samples = samples_of("base-style")
        quiet = array.array("h", [0] * 8000)
        audio = self.write_wav("long.wav", (samples + quiet) * 3)
        model = fixture("base-style")
        args = ["-w", "int8", "--max-segment", "3"]
        text = self.good("transcribe", model, audio, "--max-segment", "3", "-w", "f32").strip()
        path = self.manifest([("long.wav", text)], ("path", "transcript"))
        (result,) = self.verify(model, path, *args)
        self.assertEqual(result["wer_against"], 0)
        self.assertEqual(result["words"], len(text.split()))

    def test_tables(self):
        model, audio = fixture("large-style"), fixture("large-style", "input.wav")
        lines = self.good("verify", model, audio, "-w", "f16,int8").splitlines()
        self.assertIn("against f32, 1 utterances", lines[0])
        titles = [line.split()[0] for line in lines if line]
        self.assertEqual(titles[1:], ["rms", "f16", "int8", "largest", "f16", "int8", "weights",
                                      "f32", "f16", "int8"])

    def test_other_heads(self):
        for name in ("seqcls", "model-only"):
            audio = fixture(name, "input.wav")
            (result,) = self.verify(fixture(name), audio, "-w", "int8")
            frames = 1 if name == "seqcls" else 0
            self.assertEqual((result["frames"], result["tokens"]), (frames, 0))
            self.assertGreater(len(result["stages"]), 4)
            self.good("verify", fixture(name), audio, "-w", "int8")

    def test_wrong_usage(self):
        model, audio = fixture("base-style"), fixture("base-style", "input.wav")
        for args in (
            ["verify", model],
            ["verify", model, audio, "--weights", "f32,"],
            ["verify", model, audio, "--weights", "f32,int"],
            ["verify", model, audio, "--against", "f32,f16"],
            ["transcribe", model, audio, "--weights", "f32,f16"],
            ["transcribe", model, audio, "--against", "f16"],
        ):
            self.failed(2, *args)
        self.failed(1, "verify", model, "-")
        self.failed(1, "verify", model, self.path("missing.wav"))
        self.failed(1, "verify", model, self.path("missing.tsv"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
