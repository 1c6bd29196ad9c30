#!/usr/bin/env python3
"""Language models that train/lm.py estimates: their probabilities sum to 1 in
every context, agree with the estimate's formula, and the C reader takes them.

usage: test_lm.py LM_PY HEARD_MODEL [unittest arguments]
"""

import os
import random
import shlex
import subprocess
import sys
import tempfile
import unittest
from collections import Counter

LM_PY = HEARD_MODEL = ""


def read_arpa(path):
    ngrams, order = {}, 0
    with open(path, encoding="utf-8") as f:
        for line in f:
            line = line.rstrip("\n")
            if line.startswith("\\"):
                order = int(line[1]) if line.endswith("-grams:") else 0
            elif order and line:
                fields = line.split("\t")
                backoff = float(fields[2]) if len(fields) > 2 else 0.0
                ngrams[tuple(fields[1].split(" "))] = (float(fields[0]), backoff)
    return ngrams


def score(ngrams, history, word):
    """log10 p(word | history), by the definition of an ARPA file."""
    ngram = history + (word,)
    if ngram in ngrams:
        return ngrams[ngram][0]
    return ngrams.get(history, (0, 0.0))[1] + score(ngrams, history[1:], word)


def random_text(seed, sentences):
    rng = random.Random(seed)
    words = ["A", "BE", "SEE", "DEE", "E", "EFF", "GEE", "IT'S", "\u00c9T\u00c9"]
    out = []
    for _ in range(sentences):
        n = rng.randrange(1, 9)
        out.append(" ".join(words[int(len(words) * rng.random() ** 2)] for _ in range(n)))
    return out


class LmTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="heard-lm-")
        self.addCleanup(temporary.cleanup)
        self.dir = temporary.name

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, lines):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.writelines(line + "\n" for line in lines)
        return self.path(name)

    def make(self, *args):
        subprocess.run(
            [sys.executable, LM_PY, "-o", self.path("lm.arpa"), *args],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return read_arpa(self.path("lm.arpa"))

    def check_sums(self, ngrams, label):
        """Behind every context that is listed, and behind some that are not."""
        words = [n[0] for n in ngrams if len(n) == 1 and n[0] != "<s>"]
        longest = max(map(len, ngrams))
        contexts = {n for n in ngrams if len(n) < longest and n[-1] != "</s>"}
        contexts |= {(), ("<unk>",), ("E", "<unk>")[:longest - 1]}
        for context in contexts:
            total = sum(10 ** score(ngrams, context, w) for w in words)
            self.assertAlmostEqual(total, 1, delta=2e-6, msg=(label, context))

    def test_sums(self):
        text = self.write("text", random_text(1, 60))
        for smoothing in ("witten-bell", "kneser-ney"):
            for order in range(1, 6):
                for unit in ([], ["--characters"]):
                    args = ["--order", str(order), "--smoothing", smoothing, *unit]
                    ngrams = self.make(*args, text)
                    self.assertEqual(max(map(len, ngrams)), order)
                    self.check_sums(ngrams, args)

    def test_witten_bell_by_hand(self):
        # c(A) = 3, c(B) = 1, c(</s>) = 2; A was followed by A, B, </s>.
        ngrams = self.make("--order", "2", "--smoothing", "witten-bell", self.write("t", ["A A", "A B"]))
        share = 1 / 4  # A, B, </s>, <unk>
        p_a = (3 + 3 * share) / (6 + 3)
        p_b = (1 + 3 * share) / (6 + 3)
        self.assertAlmostEqual(10 ** ngrams[("A",)][0], p_a, places=6)
        self.assertAlmostEqual(10 ** ngrams[("<unk>",)][0], 3 * share / 9, places=6)
        self.assertAlmostEqual(10 ** ngrams[("A", "B")][0], (1 + 3 * p_b) / (3 + 3), places=6)
        self.assertAlmostEqual(10 ** ngrams[("A",)][1], 3 / 6, places=6)
        self.assertAlmostEqual(10 ** ngrams[("<s>", "A")][0], (2 + p_a) / 3, places=6)

    def test_kneser_ney_continuations(self):
        # SAN is frequent and FRANCISCO with it, but only ever behind SAN: by
        # itself it is no likelier than a word seen once.
        text = ["SAN FRANCISCO"] * 20 + ["TO BE", "IT BE", "WE BE"]
        ngrams = self.make("--order", "2", "--smoothing", "kneser-ney", self.write("t", text))
        self.assertLess(ngrams[("FRANCISCO",)][0], ngrams[("BE",)][0])
        self.assertGreater(ngrams[("SAN", "FRANCISCO")][0], -0.1)
        self.check_sums(ngrams, "continuations")

    def test_characters(self):
        ngrams = self.make("--order", "3", "--characters", self.write("t", ["IT IS", "IT'S"]))
        self.assertIn(("T", "|", "I"), ngrams)
        self.assertIn(("<s>", "I", "T"), ngrams)
        self.assertNotIn((" ",), ngrams)

    def test_manifest(self):
        rows = ["path\tsplit\ttranscript", "a\ttrain\tYES YES", "b\ttest\tNO", "c\ttrain\t", "d\ttrain\tYES YES"]
        ngrams = self.make("--order", "1", "--split", "train", self.write("m.tsv", rows))
        self.assertEqual({n[0] for n in ngrams}, {"<s>", "</s>", "<unk>", "YES"})
        unique = self.make("--order", "1", "--split", "train", "--unique", self.path("m.tsv"))
        self.assertEqual(set(unique), set(ngrams))
        self.assertGreater(unique[("<unk>",)][0], ngrams[("<unk>",)][0])

    def test_refused(self):
        for lines in ([], ["", ""], ["A <s> B"]):
            result = subprocess.run(
                [sys.executable, LM_PY, "-o", self.path("x"), self.write("t", lines)],
                capture_output=True,
            )
            self.assertEqual(result.returncode, 1)
            self.assertTrue(result.stderr.startswith(b"lm.py: "), result.stderr)
            self.assertFalse(os.path.exists(self.path("x")))

    def test_packs(self):
        """Nothing is left to be added, and all n-grams are there."""
        for order in (1, 3, 5):
            ngrams = self.make("--order", str(order), self.write("t", random_text(order, 50)))
            out = subprocess.run(
                [*HEARD_MODEL, "lm-pack", self.path("lm.arpa"), self.path("lm")],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            sizes = Counter(map(len, ngrams))
            listed = " ".join(str(sizes[k]) for k in range(1, order + 1))
            self.assertTrue(out.startswith(f"order {order}: {listed} n-grams"), out)
            self.assertNotIn("leaves out", out)


if __name__ == "__main__":
    LM_PY = sys.argv[1]
    # For another architecture the machine file names it.
    HEARD_MODEL = [*shlex.split(os.environ.get("HEARD_EMULATOR", "")), sys.argv[2]]
    del sys.argv[1:3]
    unittest.main()
