#!/usr/bin/env python3
"""heard-model with --beam, --hotwords, --lm and --nbest."""

import json
import unittest

from tool_case import *

NAME = "base-style"


class Search(ToolTest):
    def setUp(self):
        super().setUp()
        self.args = ("transcribe", fixture(NAME), fixture(NAME, "input.wav"))

    def says(self, *args):
        return self.good(*self.args, *args).rstrip("\n")

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)
        return self.path(name)

    def test_beam(self):
        """Greedy text is among a beam's, and never better; scores add up."""
        greedy = text_of(NAME)
        self.assertEqual(self.says("--beam", "1"), greedy)
        plain = self.says("--beam", "8")
        out = json.loads(self.says("--beam", "8", "--json", "--nbest", "20"))
        self.assertEqual(out["text"], plain)
        (segment,) = out["segments"]
        self.assertEqual((segment["start"], segment["end"]), (0, 3))
        best = segment["nbest"]
        self.assertEqual(best[0]["text"], plain)
        self.assertIn(greedy, [hypothesis["text"] for hypothesis in best])
        self.assertLessEqual(len(best), 9)
        scores = [hypothesis["score"] for hypothesis in best]
        self.assertEqual(scores, sorted(scores, reverse=True))
        for hypothesis in best:
            parts = hypothesis["acoustic"] + hypothesis["lm"] + hypothesis["hotwords"]
            self.assertAlmostEqual(hypothesis["score"], parts, 3)

    def test_streaming(self):
        """All in one step, nothing made final before the end: the same."""
        streaming = ("--streaming", "-1:-1:0", "--statistics", "utterance")
        self.assertEqual(
            self.says("--beam", "8", "--commit-delay", "60", *streaming), self.says("--beam", "8")
        )
        self.assertTrue(self.says("--beam", "8", "--streaming", "50:8:4"))

    def test_hotwords(self):
        words = self.write("words", "# comment\nab :40\n")
        args = ("--hotwords", words)
        self.assertIn("AB", self.says(*args).split())
        out = json.loads(self.says(*args, "--json", "--nbest", "1"))
        (best,) = out["segments"][0]["nbest"]
        self.assertAlmostEqual(best["hotwords"], 40 * best["text"].split().count("AB"), 3)
        self.write("words", "ab\nroom 101\n")
        message = self.failed(1, *self.args, *args)
        self.assertIn(f"{words}:2: the vocabulary cannot spell: 101", message)
        self.assertIn("No such file", self.failed(1, *self.args, "--hotwords", words + "-none"))

    def test_language_model(self):
        arpa = self.write(
            "lm.arpa",
            "\\data\\\nngram 1=3\n\n\\1-grams:\n-9\t<unk>\n-1\t<s>\n-1\tAB\n\n\\end\\\n",
        )
        words = self.write("words", "ab :20\n")
        out = json.loads(
            self.says("--lm", arpa, "--hotwords", words, "--lm-alpha", "1", "--lm-beta", "0.5",
                      "--json", "--nbest", "2")
        )
        for hypothesis in out["segments"][0]["nbest"]:
            said = hypothesis["text"].split()
            known = said.count("AB")
            unknown = len(said) - known
            # An unknown word has pyctcdecode's offset of -10 beside its own -9.
            wanted = 0.5 * len(said) - math.log(10) * (known + 19 * unknown)
            self.assertAlmostEqual(hypothesis["lm"], wanted, 2)
        self.assertIn("none", self.failed(1, *self.args, "--lm", self.path("none")))

    def test_usage(self):
        words = self.write("words", "ab\n")
        for args, wanted in (
            (("--beam", "1", "--hotwords", words), "greedy"),
            (("--nbest", "2", "--json"), "--beam"),
            (("--nbest", "2", "--beam", "4"), "--json"),
            (("--beam", "0"), "--beam"),
            (("--beam", "513"), "--beam"),
            (("--lm-alpha", "x"), "--lm-alpha"),
        ):
            self.assertIn(wanted, self.failed(2, *self.args, *args))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
