#!/usr/bin/env python3
"""Synthetic speech for training, by espeak-ng and flite.

    synthesize.py OUT [--clips N] [--seed N] [--sentences CLIPS.TSV]

Says random phrases of phrases.txt (and, with --sentences, the texts of a
clips.tsv of prepare.py's) in many voices, rates and pitches, and writes
OUT/audio.i16 and OUT/clips.tsv as prepare.py does. The texts come from here;
no recording and no transcript of a test set has a part in it.
"""
import argparse
import csv
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import soundfile

RATE = 16000
ESPEAK = ["en-us", "en-us", "en-us", "en-gb", "en-gb", "en-gb-scotland", "en-gb-x-rp",
          "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029", "en-us-nyc"]
VARIANTS = [""] + ["+" + name for name in (
    "m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 adam Alex Alicia Andrea Andy Annie anika announcer "
    "antonio aunty belinda benjamin boris caleb david Denis Diogo ed edward Gene grandma grandpa "
    "Henrique Hugo iven iven2 Jacky john kaukovalta klatt klatt2 klatt3 Lee linda marcelo Marco "
    "Mario max Michael michel miguel Mike norbert pablo paul pedro quincy rob robert sandro shelby "
    "steph steph2 travis victor zac").split()]
FLITE = {"slt": 180, "rms": 105, "awb": 125, "kal16": 105, "kal": 105}
# The share of clips with a sentence, where there are any.
SENTENCES = 0.05
WORD = re.compile(r"[\w']+|<\w+>|[()\[\]|]|\{\d+,\d+\}")


class Phrases:
    """Random texts from phrases.txt."""

    def __init__(self, path, rng):
        self.rng, self.rules, self.say = rng, {}, []
        text = re.sub(r"#.*", "", path.read_text())
        for line in re.split(r";\s*\n|\n(?=say )", text):
            if match := re.match(r"\s*<(\w+)> = (.*)", line, re.S):
                self.rules[match[1]] = self.parse(WORD.findall(match[2]))
            elif match := re.match(r"\s*say (\d+) (.*)", line, re.S):
                self.say.append((int(match[1]), self.parse(WORD.findall(match[2]))))
        shares = np.array([share for share, _ in self.say], float)
        self.shares = shares / shares.sum()

    def parse(self, tokens):
        """A list of alternatives; each a list of words and (kind, ...) tuples."""
        alternatives = [[]]
        while tokens and tokens[0] not in (")", "]"):
            token = tokens.pop(0)
            if token == "|":
                alternatives.append([])
            elif token in "([":
                inner = self.parse(tokens)
                tokens.pop(0)
                alternatives[-1].append(("optional" if token == "[" else "one", inner))
            elif token[0] == "{":
                low, high = map(int, token[1:-1].split(","))
                alternatives[-1].append(("repeat", alternatives[-1].pop(), low, high))
            elif token[0] == "<":
                alternatives[-1].append(("rule", token[1:-1]))
            else:
                alternatives[-1].append(token)
        return alternatives

    def expand(self, item):
        if isinstance(item, str):
            return [item]
        if isinstance(item, list):
            return [w for part in item[self.rng.integers(len(item))] for w in self.expand(part)]
        if item[0] == "optional":
            return self.expand(item[1]) if self.rng.random() < 0.5 else []
        if item[0] == "repeat":
            count = self.rng.integers(item[2], item[3] + 1)
            return [w for _ in range(count) for w in self.expand(item[1])]
        return self.expand(self.rules[item[1]] if item[0] == "rule" else item[1])

    def draw(self):
        return " ".join(self.expand(self.say[self.rng.choice(len(self.say), p=self.shares)][1]))


def spoken(text, rng):
    """Letters get commas, or a synthesizer reads them as a word; some other words do."""
    gap = rng.choice([", ", " "])
    words = text.split()
    out = ""
    for i, word in enumerate(words):
        single = len(word) == 1 and (word not in ("a", "i") or all(len(w) == 1 for w in words))
        follows = i + 1 < len(words) and len(words[i + 1]) == 1
        out += word.upper() if single else word
        out += ", " if single or (single and follows) else gap if len(words) < 9 else " "
    return out.strip(" ,")


def resample(x, rate):
    if rate == RATE:
        return x
    size = int(len(x) * RATE / rate)
    spectrum = np.fft.rfft(x)
    kept = np.zeros(size // 2 + 1, complex)
    n = min(len(kept), len(spectrum))
    kept[:n] = spectrum[:n]
    return (np.fft.irfft(kept, size) * (size / len(x))).astype(np.float32)


def trim(x):
    """Cuts most of the silence at both ends."""
    loud = np.flatnonzero(np.abs(x) > 0.01 * np.abs(x).max())
    return x[max(0, loud[0] - 800):loud[-1] + 1600] if len(loud) else x[:0]


def speak(text, rng, path):
    if rng.random() < 0.5:
        voice = rng.choice(ESPEAK) + rng.choice(VARIANTS)
        command = ["espeak-ng", "-v", voice, "-s", str(rng.integers(115, 235)),
                   "-p", str(rng.integers(15, 86)), "-g", str(rng.integers(0, 4)),
                   "-w", path, text]
    else:
        voice = rng.choice(list(FLITE))
        command = ["flite", "-voice", voice, "--setf", f"duration_stretch={rng.uniform(0.8, 1.35)}",
                   "--setf", f"int_f0_target_mean={FLITE[voice] * rng.uniform(0.8, 1.25)}",
                   "--setf", f"int_f0_target_stddev={rng.uniform(8, 30)}", "-t", text, "-o", path]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    samples, rate = soundfile.read(path, dtype="float32")
    return voice, trim(resample(samples, rate))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--clips", type=int, default=14000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sentences", type=pathlib.Path)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    phrases = Phrases(pathlib.Path(__file__).with_name("phrases.txt"), rng)
    sentences = []
    if options.sentences:
        with open(options.sentences, newline="", encoding="utf-8") as file:
            sentences = [row["text"].lower() for row in
                         csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
                         if row["split"] == "train" and row["set"] == "speechocean762"]
    options.out.mkdir(parents=True, exist_ok=True)
    position = 0
    with tempfile.TemporaryDirectory() as scratch, \
            open(options.out / "audio.i16", "wb") as audio, \
            open(options.out / "clips.tsv", "w", encoding="utf-8") as table:
        table.write("set\tsplit\tspeaker\tstart\tsamples\ttext\n")
        for _ in range(options.clips):
            sentence = sentences and rng.random() < SENTENCES
            text = sentences[rng.integers(len(sentences))] if sentence else phrases.draw()
            voice, x = speak(spoken(text, rng), rng, f"{scratch}/clip.wav")
            if len(x) < 3000:
                continue
            x = np.clip(np.rint(x / np.abs(x).max() * 16000), -32768, 32767).astype("<i2")
            audio.write(x.tobytes())
            table.write(f"synthetic\ttrain\tsynthetic-{voice}\t{position}\t{len(x)}\t"
                        f"{text.upper()}\n")
            position += len(x)
    print(f"{position / RATE / 3600:.2f} h")
    return 0


if __name__ == "__main__":
    sys.exit(main())
