#!/usr/bin/env python3
"""Drives the built heard-model as its users do: options, exit codes, what it
reads and what it prints. Whether the numbers are right is for tests/golden.

usage: test_heard_model.py HEARD_MODEL FIXTURES [unittest arguments]
"""

import array
import json
import math
import os
import signal
import struct
import subprocess
import sys
import time
import unittest

from tool_case import TOOL, ToolTest, fixture, read_tensors, run, samples_of, text_of, tones


class Usage(ToolTest):
    def test_wrong_usage_is_2(self):
        model = fixture("base-style")
        audio = fixture("base-style", "input.wav")
        for args in (
            ["transmogrify"],
            ["info"],
            ["info", model, "more"],
            ["transcribe", model],
            ["transcribe", model, audio, "--all"],
            ["transcribe", model, audio, "--nonsense"],
            ["transcribe", model, audio, "-q"],
            ["transcribe", model, audio, "--threads"],
            ["transcribe", model, audio, "--threads", "0"],
            ["transcribe", model, audio, "--threads", "two"],
            ["transcribe", model, audio, "--streaming", "1:2"],
            ["transcribe", model, audio, "--streaming", "1:2:3:4"],
            ["transcribe", model, audio, "--streaming", "1:0:3"],
            ["transcribe", model, audio, "--streaming", "-2:1:3"],
            ["transcribe", model, audio, "--streaming", "1:1:-1"],
            ["transcribe", model, audio, "--streaming", "99999999999999999999:1:1"],
            ["transcribe", model, audio, "--statistics", "utterance"],
            ["transcribe", model, audio, "--streaming", "8:8:8", "--statistics", "none"],
            ["transcribe", model, audio, "--max-segment", "-1"],
            ["transcribe", model, audio, "--max-segment", "nan"],
            ["transcribe", model, "-", "--raw-format", "s17le"],
            ["transcribe", model, "-", "--raw-rate", "0"],
            ["transcribe", model, "-", "--raw-channels", "0"],
            ["features", model, audio],
            ["features", model, audio, "-o", self.path("x"), "--all", "--streaming", "8:8:8"],
            ["align", model, audio],
            ["bench", model, "--windows", "8:8:8,"],
            ["bench", model, "--windows", "8:-1:8"],
            ["bench", model, "--streams", "1,,2"],
            ["bench", model, "--streams", "1,65"],
            ["bench", model, "--streams", "1,2,3,4,5,6,7,8,9"],
            ["wer", model, self.path("x"), "--streams", "1,2"],
            ["lm-pack", self.path("x")],
            ["lm-pack", self.path("x"), self.path("y"), self.path("z")],
            ["make-random", "huge", self.path("x")],
            ["make-random", "base"],
            ["make-random", "base", self.path("x"), "--dtype", "f8"],
        ):
            self.failed(2, *args)
        result = run()
        self.assertEqual((result.returncode, result.stdout), (2, b""))
        self.assertIn(b"transcribe", result.stderr)

    def test_help_and_version(self):
        names = "info transcribe features classify align wer bench quantize make-random".split()
        overview = self.good("--help")
        for name in names:
            self.assertIn(f"\n  {name} ", overview)
            text = self.good(name, "--help")
            self.assertTrue(text.startswith(f"Usage: heard-model {name} "), text)
        self.assertRegex(self.good("--version"), r"^heard-model \d+\.\d+\.\d+\n$")

    def test_what_is_missing_is_named(self):
        audio = fixture("base-style", "input.wav")
        self.assertIn("/nonexistent", self.failed(1, "info", "/nonexistent"))
        self.assertIn("/nonexistent", self.failed(1, "transcribe", "/nonexistent", audio))
        self.assertIn(self.dir, self.failed(1, "info", self.dir))
        model = fixture("base-style")
        self.assertIn("klingon", self.failed(1, "transcribe", model, audio, "--lang", "klingon"))
        self.assertIn("classification", self.failed(1, "classify", model, audio))
        self.assertIn("CTC", self.failed(1, "transcribe", fixture("seqcls"), audio))
        self.assertIn("CTC", self.failed(1, "align", fixture("model-only"), audio, "--text", "A"))

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "wb") as full:
            result = subprocess.run(
                [TOOL, "--help"], stdout=full, stderr=subprocess.PIPE, check=False
            )
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"No space left", result.stderr)

    def test_a_reader_that_leaves(self):
        """As `heard-model ... | head -1` has it: no message, no waiting."""
        audio = fixture("base-style", "input.wav")
        with subprocess.Popen(
            [TOOL, "transcribe", fixture("base-style"), *[audio] * 3, "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as tool:
            tool.stdout.close()
            self.assertEqual(tool.stderr.read(), b"")
        self.assertEqual(tool.returncode, -signal.SIGPIPE)


class Transcribe(ToolTest):
    def test_text_is_a_line_a_file(self):
        for case in ("base-style", "large-style"):
            audio = fixture(case, "input.wav")
            out = self.good("transcribe", fixture(case), audio, audio)
            self.assertEqual(out, 2 * (text_of(case) + "\n"))

    def test_standard_input(self):
        model = fixture("base-style")
        want = text_of("base-style") + "\n"
        samples = samples_of("base-style")
        with open(fixture("base-style", "input.wav"), "rb") as f:
            wav = f.read()
        self.assertEqual(self.good("transcribe", model, "-", data=wav), want)
        self.assertEqual(self.good("transcribe", model, "-", data=samples.tobytes()), want)
        # A header that was written before the length was known.
        guess = wav[:4] + b"\xff" * 4 + wav[8:40] + b"\xff" * 4 + wav[44:]
        self.assertEqual(self.good("transcribe", model, "-", data=guess), want)
        with open(fixture("base-style", "input.wav"), "rb") as f:
            result = subprocess.run(
                [TOOL, "transcribe", model, "-"], stdin=f, capture_output=True, check=False
            )
        self.assertEqual(result.stdout.decode(), want)

        floats = array.array("f", (s / 32768 for s in samples))
        args = ["transcribe", model, "-", "--raw-format", "f32le"]
        self.assertEqual(self.good(*args, data=floats.tobytes()), want)
        wide = b"".join(struct.pack("<i", s << 16) for s in samples)
        args = ["transcribe", model, "-", "--raw-format", "s32le", "--raw-rate", "16000"]
        self.assertEqual(self.good(*args, data=wide), want)
        both = array.array("h", (s for s in samples for _ in range(2)))
        args = ["transcribe", model, "-", "--raw-channels", "2"]
        self.assertEqual(self.good(*args, data=both.tobytes()), want)

    def test_channels(self):
        both = array.array("h", (s for s in samples_of("base-style") for _ in range(2)))
        audio = self.write_wav("stereo.wav", both, channels=2)
        out = self.good("transcribe", fixture("base-style"), audio)
        self.assertEqual(out, text_of("base-style") + "\n")

    def test_rates(self):
        """What the network is given is the same sound, whatever the file's rate."""
        wanted = None
        for rate in (16000, 8000, 11025, 22050, 44100, 48000, 96000):
            audio = self.write_wav("tone.wav", tones(rate, 0.5), rate)
            out = self.path("out.safetensors")
            self.good("features", fixture("base-style"), audio, "--all", "-o", out)
            shape, values = read_tensors(out)[0]["input_values"]
            self.assertAlmostEqual(shape[0], 8000, delta=1)
            wanted = wanted or values
            worst = max(abs(a - b) for a, b in zip(values[800:7200], wanted[800:7200]))
            self.assertLess(worst, 1e-3, rate)

    def test_json(self):
        name = self.path('a "quoted\\ \n name')
        os.symlink(fixture("large-style", "input.wav"), name)
        raw_name = os.fsencode(self.path("")) + b"not-\xff-utf8"
        os.symlink(os.fsencode(fixture("large-style", "input.wav")), raw_name)
        out = self.good("transcribe", fixture("large-style"), name, raw_name, "--json")
        lines = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(len(lines), 2)
        self.assertEqual(lines[0]["file"], name)
        self.assertTrue(lines[1]["file"].endswith("not-\ufffd-utf8"))
        for line in lines:
            self.assertEqual(list(line), ["file", "text", "duration", "words", "chars"])
            self.assertEqual(line["text"], text_of("large-style"))
            self.assertAlmostEqual(line["duration"], len(samples_of("large-style")) / 16000)
            self.check_spans(line, "words", "word")
            self.check_spans(line, "chars", "char")
        self.assertEqual([w["word"] for w in lines[0]["words"]], text_of("large-style").split())

    def check_spans(self, line, key, text_key):
        last = 0
        self.assertTrue(line[key])
        for span in line[key]:
            self.assertEqual(list(span), [text_key, "start", "end", "confidence"])
            self.assertLessEqual(last, span["start"])
            self.assertLess(span["start"], span["end"])
            self.assertLessEqual(span["end"], line["duration"])
            self.assertTrue(0 <= span["confidence"] <= 1, span)
            last = span["end"]

    def test_short_audio_is_an_empty_line(self):
        model = fixture("large-style")
        for n in (0, 1, 399):
            audio = self.write_wav("short.wav", tones(16000, 1)[:n])
            for more in ([], ["--streaming", "8:8:8"], ["--max-segment", "0"]):
                self.assertEqual(self.good("transcribe", model, audio, *more), "\n")
            line = json.loads(self.good("transcribe", model, audio, "--json"))
            self.assertEqual((line["text"], line["words"], line["chars"]), ("", [], []))
            self.assertAlmostEqual(line["duration"], n / 16000)
        self.assertEqual(self.good("transcribe", model, "-"), "\n")

    def test_broken_files_do_not_stop_the_others(self):
        good = fixture("base-style", "input.wav")
        broken = self.path("broken.wav")
        with open(broken, "wb") as f:
            f.write(b"RIFF but no more than that")
        result = run("transcribe", fixture("base-style"), "/no/such.wav", good, broken, good)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stdout.decode(), 2 * (text_of("base-style") + "\n"))
        self.assertEqual(result.stderr.count(b"\n"), 2)
        self.assertIn(b"/no/such.wav", result.stderr)
        self.assertIn(b"broken.wav", result.stderr)

    def test_values_that_are_no_sound(self):
        data = struct.pack("<3f", 0.1, math.nan, 0.1)
        message = self.failed(
            1, "transcribe", fixture("base-style"), "-", "--raw-format", "f32le", data=data
        )
        self.assertIn("standard input: sample 1 ", message)

    def test_streaming_everything_at_once_is_offline(self):
        model = fixture("large-style")
        audio = fixture("large-style", "input.wav")
        want = text_of("large-style") + "\n"
        for statistics in ("utterance", "cumulative"):
            args = ["--streaming", "-1:-1:0", "--statistics", statistics]
            self.assertEqual(self.good("transcribe", model, audio, *args), want)
        with open(fixture("large-style", "streaming.json"), encoding="utf-8") as f:
            reference = {row["name"]: row for row in json.load(f)}
        args = ["--streaming", "64:16:16", "--statistics", "utterance"]
        out = self.good("transcribe", model, audio, *args)
        self.assertEqual(out, reference["L64_C16_R16"]["text"] + "\n")

    def test_long_audio_is_cut_in_quiet_places(self):
        """Two utterances with silence between are as if run one by one."""
        model = fixture("large-style")
        one = samples_of("large-style")
        two = array.array("h", one[: len(one) // 2])
        quiet = array.array("h", bytes(2 * 16000))
        audio = self.write_wav("long.wav", one + quiet + two)
        limit = len(one) / 16000 + 1
        args = ["transcribe", model, audio, "--json", "--max-segment", str(limit)]
        line = json.loads(self.good(*args))
        self.assertAlmostEqual(line["duration"], (len(one) + 16000 + len(two)) / 16000)
        self.check_spans(line, "words", "word")

        cut = None
        for start in range(len(one) + 800, len(one) + 16000, 160):
            first = self.write_wav("a.wav", (one + quiet)[:start])
            second = self.write_wav("b.wav", (one + quiet + two)[start:])
            out = self.good("transcribe", model, first, second)
            if " ".join(filter(None, out.split("\n"))) == line["text"]:
                cut = start
                break
        self.assertIsNotNone(cut)
        whole = self.good("transcribe", model, audio, "--max-segment", "0")
        self.assertEqual(whole, self.good("transcribe", model, audio))

    def test_threads_and_languages(self):
        model = fixture("w2v2-mms-adapter")
        audio = fixture("w2v2-mms-adapter", "input.wav")
        for language in ("eng", "fra"):
            name = fixture("w2v2-mms-adapter", f"expected.{language}.json")
            with open(name, encoding="utf-8") as f:
                want = json.load(f)["text"] + "\n"
            for threads in ("1", "3", "auto"):
                args = ["--lang", language, "--threads", threads]
                self.assertEqual(self.good("transcribe", model, audio, *args), want)


class Others(ToolTest):
    def test_info(self):
        info = json.loads(self.good("info", fixture("large-style"), "--json"))
        self.assertEqual(info["architecture"], "HubertForCTC")
        self.assertEqual(info["hop_ms"], 20)
        self.assertEqual(info["vocabulary"], {"size": 32, "blank": 0, "delimiter": "|"})
        streaming = info["streaming"]
        self.assertEqual([streaming[k] for k in ("left", "chunk", "right")], [250, 16, 16])
        self.assertEqual(streaming["lookahead_ms"], 320)
        self.assertGreater(info["parameters"], 10000)
        self.assertGreater(info["memory"]["stream_bytes"], 10000)
        info = json.loads(self.good("info", fixture("w2v2-mms-adapter"), "--json"))
        self.assertLessEqual({"eng", "fra"}, set(info["languages"]))
        info = json.loads(self.good("info", fixture("seqcls"), "--json"))
        self.assertEqual(info["labels"][0], "yes")
        self.assertIsNone(info["vocabulary"])
        self.assertIn("HubertModel", self.good("info", fixture("model-only")))

    def test_features_file(self):
        model = fixture("base-style")
        audio = fixture("base-style", "input.wav")
        out = self.path("out.safetensors")
        self.good("features", model, audio, "-o", out)
        tensors, size, _ = read_tensors(out)
        self.assertEqual(size % 8, 0)
        self.assertEqual(sorted(tensors), ["last_hidden_state", "logits"])

        self.good("features", model, audio, "-o", out, "--all")
        tensors = read_tensors(out)[0]
        frames, width = tensors["logits"][0]
        self.assertEqual(tensors["argmax"][0], [frames])
        row = list(tensors["logits"][1][:width])
        self.assertEqual(tensors["argmax"][1][0], row.index(max(row)))

        self.good("features", model, audio, "-o", out, "--streaming", "8:8:4")
        tensors = read_tensors(out)[0]
        self.assertEqual(sorted(tensors), ["committed", "provisional", "steps"])
        steps = tensors["steps"][1]
        self.assertEqual(tensors["committed"][0], [frames, width])
        self.assertEqual(sum(steps[1::4]), frames)
        self.assertEqual(sum(steps[2::4]), tensors["provisional"][0][0])

        self.good("features", fixture("model-only"), audio, "-o", out, "--streaming", "8:8:4")
        self.assertEqual(read_tensors(out)[0]["committed"][0][1], 32)
        self.assertEqual(os.listdir(self.dir), ["out.safetensors"])

    def test_features_without_frames(self):
        audio = self.write_wav("short.wav", tones(16000, 0.01))
        out = self.path("out.safetensors")
        args = ["features", fixture("large-style"), audio, "-o", out]
        self.good(*args, "--all", "--attentions")
        tensors = read_tensors(out)[0]
        self.assertEqual(tensors["input_values"][0], [160])
        self.assertEqual(tensors["logits"][0], [0, 32])
        self.assertEqual(tensors["conv_out.0"][0], [32, 0])
        self.good(*args, "--streaming", "-1:-1:4")
        self.assertEqual(read_tensors(out)[0]["steps"][0], [0, 4])

    def test_features_output(self):
        model = fixture("base-style")
        audio = fixture("base-style", "input.wav")
        missing = self.path("missing/out")
        self.assertIn(missing, self.failed(1, "features", model, audio, "-o", missing))
        # A device is written to, not replaced.
        self.good("features", model, audio, "-o", "/dev/null")
        self.assertFalse(os.path.isfile("/dev/null"))
        self.assertIn("/dev/full", self.failed(1, "features", model, audio, "-o", "/dev/full"))

    def test_classify(self):
        model = fixture("seqcls")
        audio = fixture("seqcls", "input.wav")
        with open(fixture("seqcls", "expected.json"), encoding="utf-8") as f:
            want = json.load(f)
        result = json.loads(self.good("classify", model, audio, "--json"))
        self.assertIsNone(result["loss"])
        best = result["labels"][0]
        self.assertEqual(list(best), ["label", "id", "probability"])
        self.assertEqual((best["label"], best["id"]), (want["label"], want["label_id"]))
        self.assertAlmostEqual(sum(x["probability"] for x in result["labels"]), 1, places=6)
        for label in (want["label"], str(want["label_id"])):
            args = ["classify", model, audio, "--json", "--label", label]
            loss = json.loads(self.good(*args))["loss"]
            self.assertAlmostEqual(loss, -math.log(best["probability"]), places=5)
        self.assertIn("maybe", self.failed(1, "classify", model, audio, "--label", "maybe"))
        first = self.good("classify", model, audio).splitlines()[0]
        self.assertEqual(first.split("\t")[1], want["label"])
        short = self.write_wav("short.wav", tones(16000, 0.01))
        result = json.loads(self.good("classify", model, short, "--json", "--label", "0"))
        self.assertEqual((result["labels"], result["loss"]), ([], None))

    def test_align(self):
        model = fixture("large-style")
        audio = fixture("large-style", "input.wav")
        with open(fixture("large-style", "expected.json"), encoding="utf-8") as f:
            want = json.load(f)
        args = ["align", model, audio, "--text", want["label_text"]]
        result = json.loads(self.good(*args, "--json"))
        self.assertAlmostEqual(result["loss"] / want["loss"], 1, places=5)
        self.assertEqual(result["text"], want["label_text"])
        self.assertIs(result["feasible"], True)
        self.assertEqual([w["word"] for w in result["words"]], want["label_text"].split())
        ends = [0.0] + [t for w in result["words"] for t in (w["start"], w["end"])]
        self.assertEqual(ends, sorted(ends))
        lines = self.good(*args).splitlines()
        self.assertEqual(len(lines), 1 + len(result["words"]))

        impossible = "A" * 500
        args = ["align", model, audio, "--text", impossible]
        result = json.loads(self.good(*args, "--json"))
        self.assertIsNone(result["loss"])
        self.assertIs(result["feasible"], False)
        self.assertEqual(self.good(*args), "loss\tinfinite\n")
        short = self.write_wav("short.wav", tones(16000, 0.01))
        result = json.loads(self.good("align", model, short, "--text", "A", "--json"))
        self.assertIs(result["feasible"], False)
        result = json.loads(self.good("align", model, audio, "--text", "", "--json"))
        self.assertEqual((result["text"], result["feasible"]), ("", True))

    def test_lm_pack(self):
        text = (
            "\\data\\\nngram 1=4\nngram 2=1\nngram 3=1\n\n\\1-grams:\n-1 <s> -0.5\n-1 </s>\n-1 a\n-1 b\n\n"
            "\\2-grams:\n-0.5 <s> a -0.25\n\n\\3-grams:\n-0.25 <s> a b\n\n\\end\\\n"
        )
        with open(self.path("lm.arpa"), "w", encoding="utf-8") as f:
            f.write(text)
        self.good("lm-pack", self.path("lm.arpa"), self.path("lm"))
        with open(self.path("lm"), "rb") as f:
            packed = f.read()
        line = json.loads(self.good("lm-pack", self.path("lm.arpa"), self.path("lm"), "--json"))
        # <unk>, and "a b", which the file leaves out.
        self.assertEqual(
            (line["order"], line["ngrams"], line["added"], line["bytes"]),
            (3, [5, 2, 1], 1, len(packed)),
        )
        self.failed(1, "lm-pack", self.path("lm"), self.path("again"))
        with open(self.path("lm.arpa"), "w", encoding="utf-8") as f:
            f.write(text.replace("\\end\\", ""))
        self.failed(1, "lm-pack", self.path("lm.arpa"), self.path("lm"))
        with open(self.path("lm"), "rb") as f:
            self.assertEqual(f.read(), packed)
        self.assertEqual(sorted(os.listdir(self.dir)), ["lm", "lm.arpa"])

    def test_bench(self):
        out = self.good(
            *["bench", fixture("base-style"), "--json", "--seconds", "0.01", "--streams", "2,3"],
            *["--threads", "2", "--windows", "16:8:4,-1:4:0"],
        )
        lines = [json.loads(line) for line in out.splitlines()]
        # Without vector kernels f32 alone; else every type, the windows apart.
        types = list(dict.fromkeys(x["weights"] for x in lines))
        self.assertIn(types, (["f32"], ["f32", "f16", "bf16", "int8", "int4"]))
        windows = [(16, 8, 4), (1499, 4, 0)]
        self.assertEqual(
            [(x["weights"], x["L"], x["C"], x["R"], x["streams"]) for x in lines],
            [(type, *window, n) for window in windows for n in (2, 3) for type in types],
        )
        for line in lines:
            self.assertEqual(line["threads"], 2)
            streams = line["streams_per_core"]
            self.assertAlmostEqual(streams * line["rtf"] * 2 / line["streams"], 1, places=3)
            self.assertLessEqual(line["step_ms"]["p50"], line["step_ms"]["p99"])
            for key in ("rtf", "offline_rtf", "peak_rss_bytes", "roofline_ms", "roofline_share",
                        "peak_gops"):
                self.assertGreater(line[key], 0, key)
        args = ["bench", fixture("base-style"), "--json", "--seconds", "0.01"]
        line = json.loads(self.good(*args, "--windows", "16:8:4", "--weights", "int8"))
        self.assertEqual(line["weights"], "int8")

    def test_quantize(self):
        audio = os.path.join(fixture("base-style"), "input.wav")
        for name in ("base-style", "large-style", "pos-batch-norm", "bin-legacy"):
            for kind in ("f16", "bf16", "int8", "int4"):
                out, here, there = (self.path(f"{name}-{kind}{x}") for x in ("", ".a", ".b"))
                self.good("quantize", fixture(name), out, "--weights", kind)
                # The same network as quantized at load, to the bit.
                for model, to in ((fixture(name), here), (out, there)):
                    self.good("features", model, audio, "-o", to, "--all", "-w", kind)
                with open(here, "rb") as a, open(there, "rb") as b:
                    self.assertEqual(a.read(), b.read(), (name, kind))
                one, two = (
                    json.loads(self.good("info", model, "--json"))
                    for model in (fixture(name), out)
                )
                self.assertEqual(one["architecture"], two["architecture"])
                self.assertEqual(one["vocabulary"], two["vocabulary"])
        # Its own type is the default; another one is made from the codes.
        out = self.path("large-style-int8")
        results = {}
        for kind in ("auto", "int8", "f32"):
            to = self.path(kind)
            self.good("features", out, audio, "-o", to, "-w", kind)
            results[kind] = read_tensors(to)[0]["logits"][1]
        distance = max(abs(a - b) for a, b in zip(results["int8"], results["f32"]))
        self.assertGreater(distance, 0)
        self.assertLess(distance, 1)
        self.assertIn(results["auto"], (results["int8"], results["f32"]))

    def test_quantize_refuses(self):
        model, out = fixture("base-style"), self.path("out")
        self.assertIn("--weights", self.failed(2, "quantize", model, out))
        self.failed(2, "quantize", model, out, "--weights", "f32")
        self.failed(1, "quantize", model, model, "--weights", "int8")
        self.good("quantize", model, out, "--weights", "int8")
        line = self.failed(1, "quantize", out, self.path("again"), "--weights", "int8")
        self.assertIn("quantized already", line)
        # A scale that is missing, or no number.
        weights = os.path.join(out, "model.safetensors")
        with open(weights, "rb") as f:
            whole = f.read()
        name = b"encoder.layers.0.attention.q_proj.weight_scale"
        with open(weights, "wb") as f:
            f.write(whole.replace(name, name.replace(b"scale", b"scala")))
        self.assertIn("weight_scale", self.failed(1, "info", out))


class Slow(ToolTest):
    def test_memory_does_not_grow_with_the_file(self):
        def peak(minutes):
            audio = self.write_wav("long.wav", tones(16000, 10) * (6 * minutes))
            pid = os.posix_spawn(
                TOOL,
                [TOOL, "transcribe", fixture("base-style"), audio],
                os.environ,
                file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)],
            )
            _, status, usage = os.wait4(pid, 0)
            self.assertEqual(status, 0)
            return usage.ru_maxrss * 1024

        # Twenty minutes are 77 MB of samples.
        self.assertLess(peak(20) - peak(1), 8e6)

    def test_an_interrupted_program_leaves_nothing(self):
        out = self.path("model")
        part = os.path.join(out, "model.safetensors.part")
        with subprocess.Popen([TOOL, "make-random", "large", out]) as tool:
            while not os.path.exists(part) and tool.poll() is None:
                time.sleep(0.001)
            tool.send_signal(signal.SIGINT)
        self.assertEqual(tool.returncode, -signal.SIGINT)
        self.assertEqual(os.listdir(out), [])

    def test_make_random(self):
        files = []
        for i, dtype in enumerate(("bf16", "bf16", "f16")):
            out = self.path(f"model{i}")
            self.good("make-random", "base", out, "--dtype", dtype, "--seed", "7")
            with open(os.path.join(out, "model.safetensors"), "rb") as f:
                files.append(f.read())
        self.assertEqual(files[0], files[1])
        # But for the names of the types.
        self.assertEqual(len(files[0]) // 1000, len(files[2]) // 1000)
        self.assertNotEqual(files[0], files[2])
        info = json.loads(self.good("info", out, "--json"))
        self.assertEqual((info["architecture"], info["layers"]), ("HubertForCTC", 12))
        audio = self.write_wav("tone.wav", tones(16000, 1))
        features = self.path("out.safetensors")
        self.good("features", out, audio, "-o", features)
        values = read_tensors(features)[0]["logits"][1]
        self.assertTrue(all(math.isfinite(v) and abs(v) < 100 for v in values))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
