#!/usr/bin/env python3
"""Writes an ARPA language model of a given size: made-up words, Zipf's law, as
many n-grams of each order as pruned models of read books have. For measuring
how long packing, loading and look-ups take; it says nothing about any language.

usage: make_arpa.py OUT [--megabytes N] [--order N] [--seed N]
"""

import argparse
import random

# Of 100 MB: words, and shares of the rest by order (the 3-gram model of
# LibriSpeech, pruned with 1e-7, has 200,000 words, 0.9 million 2-grams and
# 1.1 million 3-grams; longer orders go on in this manner).
WORDS = 200_000
SHARES = {1: (), 2: (1.0,), 3: (0.5, 0.5), 4: (0.4, 0.35, 0.25), 5: (0.35, 0.3, 0.2, 0.15)}

SYLLABLES = [c + v for c in "bcdfghjklmnprstvwz" for v in ("a", "e", "i", "o", "u", "ai", "ou", "er", "an")]


def make_words(rng, n):
    words = set()
    while len(words) < n:
        words.add("".join(rng.choice(SYLLABLES) for _ in range(rng.choice((1, 2, 2, 3, 3, 4)))).upper())
    return sorted(words)


class Writer:
    def __init__(self, rng, words):
        self.rng = rng
        self.words = words

    def word(self):
        """Roughly Zipf: the density of 1/x over the ranks."""
        n = len(self.words)
        return int(n ** self.rng.random()) - 1

    def line(self, ids, backoff):
        text = " ".join(self.words[i] for i in ids)
        line = f"-{self.rng.random() * 5:.6f}\t{text}"
        return line + (f"\t-{self.rng.random():.6f}\n" if backoff else "\n")


def make_order(writer, order, shorter, followers, nbytes, last):
    """N-grams whose context and ending are listed (shorter, and by context in
    followers), until they fill nbytes of text. Lines, n-grams, followers."""
    rng, lines, ngrams, written = writer.rng, [], [], 0
    seen, by_context = set(), {}
    while written < nbytes:
        context = shorter[rng.randrange(len(shorter))]
        choices = followers.get(context[1:], ())
        # Each context that was drawn goes on in a few ways.
        for _ in range(rng.randrange(1, 8)):
            if order > 2 and not choices:
                break
            key = context + (rng.choice(choices) if order > 2 else writer.word(),)
            if key in seen:
                continue
            seen.add(key)
            line = writer.line(key, not last)
            lines.append(line)
            ngrams.append(key)
            by_context.setdefault(context, []).append(key[-1])
            written += len(line)
    return lines, ngrams, by_context


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("out")
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--order", type=int, default=3, choices=sorted(SHARES))
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    rng = random.Random(args.seed)
    total = int(args.megabytes * 1e6)
    writer = Writer(rng, make_words(rng, max(100, int(WORDS * args.megabytes / 100))))
    rng.shuffle(writer.words)
    specials = ["-2.0\t<unk>\n", "-99\t<s>\t-0.5\n", "-1.5\t</s>\n"]
    sections = [specials + [writer.line((i,), args.order > 1) for i in range(len(writer.words))]]
    ngrams, followers = [(i,) for i in range(len(writer.words))], {}
    left = total - sum(map(len, sections[0]))
    for k, share in enumerate(SHARES[args.order]):
        last = k + 2 == args.order
        lines, ngrams, followers = make_order(
            writer, k + 2, ngrams, followers, int(left * share), last
        )
        sections.append(lines)

    with open(args.out, "w", encoding="utf-8") as f:
        f.write("\\data\\\n")
        for k, lines in enumerate(sections):
            f.write(f"ngram {k + 1}={len(lines)}\n")
        for k, lines in enumerate(sections):
            f.write(f"\n\\{k + 1}-grams:\n")
            f.writelines(lines)
        f.write("\n\\end\\\n")


if __name__ == "__main__":
    main()
