#!/usr/bin/env python3
"""Estimates an n-gram language model from text and writes it in ARPA format,
for `heard-model lm-pack` and whatever else reads ARPA. Standard library only.

    lm.py -o words.arpa --order 3 text.txt
    lm.py -o letters.arpa --order 5 --characters --split train manifest.tsv

INPUT is text, a sentence a line, or a manifest.tsv with a column "transcript"
(and "split", for --split). With --characters the letters are the words of the
model and "|" is the space between two words, as in a CTC vocabulary.

Two interpolated estimates, both written as back-off models with the same
probabilities:

witten-bell   p(w|h) = (c(hw) + t(h) p(w|h')) / (c(h) + t(h)), t(h) the number
              of different words seen behind h. (Witten and Bell 1991.) For few
              different words, such as characters: the default there.
kneser-ney    modified Kneser-Ney, three discounts an order from counts of
              counts, continuation counts below the highest order. (Chen and
              Goodman 1998, as lmplz of KenLM has it, with its fallback
              discounts 0.5, 1, 1.5 where the counts give none.)

The shortest history is interpolated with an equal share for every word of the
vocabulary, </s> and <unk> among them.
"""

import argparse
import math
import sys
from collections import Counter

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
MAX_ORDER = 5


def read_sentences(paths, split):
    """Lists of words. A manifest is known by its first line."""
    for path in paths:
        with open(path, encoding="utf-8") as f:
            first = f.readline()
            columns = first.rstrip("\n").split("\t")
            if "transcript" not in columns:
                if split:
                    sys.exit(f"lm.py: {path}: --split needs a manifest with a header")
                yield first.split()
                yield from (line.split() for line in f)
                continue
            if split and "split" not in columns:
                sys.exit(f"lm.py: {path}: no column 'split'")
            for line in f:
                row = dict(zip(columns, line.rstrip("\n").split("\t")))
                if not split or row["split"] == split:
                    yield row["transcript"].split()


def spell(words):
    return list("|".join(words))


def count_ngrams(sentences, order):
    """counts[k]: the n-grams of k + 1 words. <s> is only ever context."""
    counts = [Counter() for _ in range(order)]
    for sentence in sentences:
        words = (BEGIN, *sentence, END)
        for i in range(1, len(words)):
            for k in range(min(order, i + 1)):
                counts[k][words[i - k : i + 1]] += 1
    return counts


class WittenBell:
    """Discount nothing, give each context's number of different words away."""

    def __init__(self, counts):
        self.counts = counts

    def taken(self, k, count):
        return 0.0

    def given(self, k, followers):
        return float(len(followers))

    def total(self, k, followers):
        return float(sum(followers) + len(followers))


class KneserNey:
    def __init__(self, counts):
        order = len(counts)
        # Below the highest order: in how many contexts an n-gram was seen; one
        # that begins a sentence has but one context and keeps its count.
        self.counts = [Counter() for _ in range(order - 1)] + [counts[-1]]
        for k in range(order - 1):
            for ngram in counts[k + 1]:
                self.counts[k][ngram[1:]] += 1
            for ngram, count in counts[k].items():
                if ngram[0] == BEGIN:
                    self.counts[k][ngram] = count
        self.discounts = [self.discounts_of(c) for c in self.counts]

    @staticmethod
    def discounts_of(counts):
        of = Counter(min(c, 5) for c in counts.values())
        n1, n2, n3, n4 = (of[i] for i in range(1, 5))
        if n1 and n2 and n3 and n4:
            y = n1 / (n1 + 2 * n2)
            found = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
            if all(0 <= d <= i + 1 for i, d in enumerate(found)):
                return found
        return (0.5, 1.0, 1.5)

    def taken(self, k, count):
        return self.discounts[k][min(count, 3) - 1]

    def given(self, k, followers):
        return sum(self.taken(k, count) for count in followers)

    def total(self, k, followers):
        return float(sum(followers))


def estimate(method, vocabulary):
    """probabilities[k], backoffs[k] of the n-grams of k + 1 words."""
    order = len(method.counts)
    probabilities = [{} for _ in range(order)]
    backoffs = [{} for _ in range(order)]
    for k in range(order):
        followers = {}
        for ngram, count in method.counts[k].items():
            followers.setdefault(ngram[:-1], []).append(count)
        given = {h: method.given(k, f) / method.total(k, f) for h, f in followers.items()}
        totals = {h: method.total(k, f) for h, f in followers.items()}
        for ngram, count in method.counts[k].items():
            context = ngram[:-1]
            shorter = probabilities[k - 1][ngram[1:]] if k else 1 / len(vocabulary)
            probabilities[k][ngram] = (
                count - method.taken(k, count)
            ) / totals[context] + given[context] * shorter
        if k:
            backoffs[k - 1] = given
        else:
            for word in vocabulary:
                probabilities[0].setdefault((word,), given[()] / len(vocabulary))
    return probabilities, backoffs


def log10(p):
    # A probability of 1 may come out a little above it.
    return min(0.0, math.log10(p))


def write_arpa(f, probabilities, backoffs):
    """<s> is listed for its back-off; its probability is never asked for."""
    order = len(probabilities)
    sections = [dict(p) for p in probabilities]
    sections[0][(BEGIN,)] = None
    f.write("\\data\\\n")
    for k, section in enumerate(sections):
        f.write(f"ngram {k + 1}={len(section)}\n")
    for k, section in enumerate(sections):
        f.write(f"\n\\{k + 1}-grams:\n")
        for ngram in sorted(section):
            p = section[ngram]
            f.write(f"{-99 if p is None else log10(p):.7g}\t{' '.join(ngram)}")
            if k + 1 < order and ngram in backoffs[k]:
                f.write(f"\t{math.log10(backoffs[k][ngram]):.7g}")
            f.write("\n")
    f.write("\n\\end\\\n")


def main():
    parser = argparse.ArgumentParser(
        description="Estimates an n-gram language model from text, in ARPA format."
    )
    parser.add_argument("input", nargs="+", metavar="INPUT", help="text or manifest.tsv")
    parser.add_argument("-o", "--output", required=True, metavar="ARPA")
    parser.add_argument("--order", type=int, default=3, choices=range(1, MAX_ORDER + 1))
    parser.add_argument("--characters", action="store_true", help="letters are the words")
    parser.add_argument("--smoothing", choices=("witten-bell", "kneser-ney"))
    parser.add_argument("--split", help="only these rows of a manifest")
    parser.add_argument("--unique", action="store_true", help="count equal sentences once")
    args = parser.parse_args()

    sentences = [s for s in read_sentences(args.input, args.split) if s]
    if args.unique:
        sentences = [list(s) for s in dict.fromkeys(map(tuple, sentences))]
    if args.characters:
        sentences = [spell(s) for s in sentences]
    if not sentences:
        sys.exit("lm.py: no sentence in the input")
    words = {w for s in sentences for w in s}
    if words & {BEGIN, END, UNKNOWN}:
        sys.exit("lm.py: <s>, </s> and <unk> may not occur in the text")

    default = "witten-bell" if args.characters else "kneser-ney"
    method = KneserNey if (args.smoothing or default) == "kneser-ney" else WittenBell
    vocabulary = sorted(words | {END, UNKNOWN})
    probabilities, backoffs = estimate(method(count_ngrams(sentences, args.order)), vocabulary)
    with open(args.output, "w", encoding="utf-8") as f:
        write_arpa(f, probabilities, backoffs)
    sizes = " ".join(str(len(p)) for p in probabilities)
    print(f"{len(sentences)} sentences, {sum(map(len, sentences))} words; n-grams: {sizes}")


if __name__ == "__main__":
    main()
