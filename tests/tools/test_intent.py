#!/usr/bin/env python3
"""heard-model intent and transcribe --grammar: commands in made-up sets.

The models have random weights. What they print for the fixture's audio is
gibberish, but always the same: a grammar that holds it finds it with
confidence 1, one that does not rejects it.

usage: test_intent.py HEARD_MODEL FIXTURES [unittest arguments]
"""

import json
import sys
import unittest

from tool_case import ToolTest, fixture, samples_of, text_of

MODEL = "large-style"
WINDOW = "64:16:16"


class IntentTest(ToolTest):
    def setUp(self):
        super().setUp()
        self.wav = self.write_wav("clip.wav", samples_of(MODEL))
        self.words = text_of(MODEL).split()

    def write(self, name, text):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def manifest(self, *transcripts):
        rows = ["path\tutt\tsplit\ttranscript"]
        rows += [f"clip.wav\tu{i}\ttest\t{text}" for i, text in enumerate(transcripts)]
        return self.write("manifest.tsv", "\n".join(rows) + "\n")

    def grammar(self, *phrases):
        return self.write("phrases.json", json.dumps(phrases))

    def intent(self, manifest, grammar, *options):
        out = self.good(
            "intent", fixture(MODEL), manifest, "--grammar", grammar, "--json", *options
        )
        return [json.loads(line) for line in out.splitlines()]


class Commands(IntentTest):
    def test_what_is_heard_is_a_command(self):
        said = " ".join(self.words)
        for options in ([], ["--streaming", "-1:-1:0"]):
            manifest = self.manifest(said, "ANOTHER COMMAND", "")
            clip, other, total = self.intent(
                manifest, self.grammar(said.lower(), "e t"), "--show", *options
            )
            self.assertTrue(clip["command"] and clip["accepted"] and clip["right"])
            self.assertEqual(clip["phrase"], said.lower())
            self.assertGreater(clip["confidence"], 0.99)
            self.assertEqual([w["word"] for w in clip["words"]], said.lower().split())
            ends = [0] + [w["end"] for w in clip["words"]]
            for word, end in zip(clip["words"], ends):
                self.assertGreaterEqual(word["start"], end)
                self.assertGreater(word["end"], word["start"])
            # The same sound under a transcript that is no command.
            self.assertFalse(other["command"] or other["right"])
            self.assertEqual((total["commands"], total["others"]), (1, 1))
            self.assertEqual(total["right"], 1)
            self.assertEqual(total["accepted"], 1)
            self.assertEqual(total["rejected"], 0)
            self.assertEqual(total["curve"][-1]["threshold"], 1)

    def test_what_is_not_in_the_grammar_is_rejected(self):
        manifest = self.manifest("TURN IT OFF", "TURN IT ON")
        clip, _, total = self.intent(manifest, self.grammar("turn it off", "open"), "--show")
        self.assertFalse(clip["accepted"])
        self.assertEqual(clip["text"], text_of(MODEL))
        self.assertLess(clip["confidence"], 0.5)
        self.assertEqual((total["commands"], total["others"]), (1, 1))
        self.assertEqual(total["accepted"], 0)
        self.assertEqual(total["rejected"], 1)
        first = total["curve"][0]
        self.assertEqual(first["right"] + first["wrong"] + first["rejected"], 1)

    def test_slots_of_a_table(self):
        first, rest = self.words[0].lower(), " ".join(self.words[1:]).lower()
        grammar = self.write(
            "say.grammar", f'public <say> = <first> <rest>;\n<first> = "{first}";\n'
            f'<rest> = "{rest}";\n'
        )
        manifest = self.manifest("", "", "")
        slots = {"first": first, "rest": rest}
        rows = ["utt\tintent\tslots", f"u0\tsay\t{json.dumps(slots)}"]
        rows.append(f'u1\tsay\t{json.dumps({"first": first})}')
        rows.append(f"u2\tanother\t{json.dumps(slots)}")
        self.write("slots.tsv", "\n".join(rows) + "\n")
        *clips, total = self.intent(manifest, grammar, "--show")
        self.assertEqual([clip["right"] for clip in clips], [True, False, False])
        self.assertEqual(clips[0]["slots"], slots)
        self.assertEqual(clips[0]["rule"], "say")
        self.assertAlmostEqual(total["right"], 1 / 3, places=5)
        self.assertAlmostEqual(total["wrong"], 2 / 3, places=5)

    def test_noise_and_text(self):
        manifest = self.manifest(" ".join(self.words))
        out = self.good(
            "intent", fixture(MODEL), manifest, "--grammar", self.grammar("e t"),
            "--noise", self.wav, "--snr", "-3", "--threshold", "0.7",
        )
        self.assertIn("0 commands and 1 other utterances", out)
        self.assertIn("noise at -3 dB", out)
        self.assertIn("\n     0.70", out)


class Transcribe(IntentTest):
    def test_phrases(self):
        said = " ".join(self.words).lower()
        for options in ([], ["--streaming", "-1:-1:0"]):
            out = self.good(
                "transcribe", fixture(MODEL), self.wav, "--grammar", self.grammar(said), *options
            )
            self.assertEqual(out, said + "\n")
        out = self.good(
            "transcribe", fixture(MODEL), self.wav, "--grammar", self.grammar("turn it off")
        )
        self.assertEqual(out, f"(no match) {text_of(MODEL)}\n")
        out = self.good(
            "transcribe", fixture(MODEL), self.wav, "--json", "--grammar", self.grammar(said)
        )
        found = json.loads(out)
        self.assertEqual((found["phrase"], found["text"]), (said, text_of(MODEL)))
        self.assertTrue(found["accepted"])
        self.assertIsNone(found["rule"])


class WordErrors(IntentTest):
    """wer --grammar: the words of commands, and of free text where there is none."""

    def wer(self, manifest, *options):
        out = self.good("wer", fixture(MODEL), manifest, "--json", *options)
        return json.loads(out)

    def test_commands(self):
        said = " ".join(self.words)
        manifest = self.manifest(said, said + " AGAIN")
        grammar = self.grammar(said.lower(), "e t")
        for options in ([], ["--streaming", "-1:-1:0"], ["--max-segment", "0"]):
            result = self.wer(manifest, "--grammar", grammar, "--calibration", "--show", *options)
            self.assertEqual([c["hypothesis"] for c in result["clips"]], [said.lower()] * 2)
            self.assertEqual(result["rejected_utterances"], 0)
            self.assertEqual(result["word_errors"],
                             {"substitutions": 0, "insertions": 0, "deletions": 1})
            self.assertIsNone(result["loss"])
            self.assertEqual(result["calibration"]["words"], 2 * len(self.words))
        self.assertNotIn("rejected_utterances", self.wer(manifest))

    def test_free_text(self):
        """What is rejected: what was heard instead of a command."""
        said = " ".join(self.words)
        manifest = self.manifest(said)
        result = self.wer(manifest, "--grammar", self.grammar("turn it off"), "--show")
        self.assertEqual(result["clips"][0]["hypothesis"], text_of(MODEL))
        self.assertEqual((result["rejected_utterances"], result["wer"]), (1, 0))
        text = self.good("wer", fixture(MODEL), manifest, "--grammar", self.grammar("turn it off"))
        self.assertIn("no command in 1 of 1 utterances", text)

    def test_sweep(self):
        said = " ".join(self.words)
        manifest = self.manifest(said)
        rows = self.wer(manifest, "--grammar", self.grammar(said.lower()), "--lookahead-sweep")
        self.assertEqual(rows["lookahead"][-1]["wer"], 0)


class Refused(IntentTest):
    def check(self, name, text, message):
        path = self.write(name, text)
        error = self.failed(1, "transcribe", fixture(MODEL), self.wav, "--grammar", path)
        self.assertIn(f"{path}{message}", error)

    def test_grammars(self):
        self.check("a.grammar", "go\n (up", ":2:5: ) belongs here, not the end")
        self.check("a.grammar", "go 7up;", ":1:4: the vocabulary cannot spell: 7up")
        self.check("a.json", '["go", "go 7"]', ":2:4: the vocabulary cannot spell: 7")
        self.check("a.json", '["go", 7]', ": is no JSON list of strings")
        self.check("a.json", "go", ": is no JSON list of strings")
        self.check("a.json", "[]", ": there is no phrase")
        missing = self.path("missing.grammar")
        error = self.failed(1, "transcribe", fixture(MODEL), self.wav, "--grammar", missing)
        self.assertIn(f"{missing}: No such file", error)

    def test_options(self):
        manifest = self.manifest("GO")
        self.failed(2, "intent", fixture(MODEL), manifest)
        self.failed(2, "transcribe", fixture(MODEL), self.wav, "--threshold", "0.5")
        self.failed(
            2, "intent", fixture(MODEL), manifest, "--grammar", "g", "--threshold", "1.5"
        )
        self.failed(2, "intent", fixture(MODEL), manifest, "--grammar", "g", "--snr", "3")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
