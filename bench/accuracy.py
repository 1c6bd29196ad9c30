#!/usr/bin/env python3
"""What the default model understands: the tables of models/default/README.md.

usage: accuracy.py HEARD_MODEL MODEL SPEECH [--noise DIR] [--split NAME]

SPEECH holds the sets that train/prepare.py reads. Digits are the fsdd set, the
digit words of speech_commands and the utterances of an4 that are nothing but
digits; commands are the ten words of speech_commands that everybody counts.
All figures are `heard-model wer`'s.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile

DIGITS = "ZERO OH ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE".split()
COMMANDS = "YES NO UP DOWN LEFT RIGHT ON OFF STOP GO".split()
SETS = ("an4", "speech_commands", "alphanumeric", "speechocean762")
COLUMNS = ("path", "start", "samples", "split", "transcript")


def rows(speech, name):
    path = os.path.join(speech, name, "manifest.tsv")
    with open(path, newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def choose(speech):
    """Rows of the two sets that are parts of others."""
    def only(name, vocabulary):
        for row in rows(speech, name):
            words = row["transcript"].split()
            if words and all(word in vocabulary for word in words):
                yield row

    digits = [*rows(speech, "fsdd"), *only("speech_commands", DIGITS), *only("an4", DIGITS)]
    return {"digits": digits, "commands": list(only("speech_commands", COMMANDS))}


def lay_out(speech, scratch):
    """Folders of manifests in `scratch`, recordings where they are."""
    for name in (*SETS, "fsdd"):
        os.symlink(os.path.join(os.path.abspath(speech), name), os.path.join(scratch, name))
    for name, chosen in choose(speech).items():
        os.mkdir(os.path.join(scratch, name))
        with open(os.path.join(scratch, name, "manifest.tsv"), "w", encoding="utf-8") as file:
            file.write("\t".join(COLUMNS) + "\n")
            for row in chosen:
                file.write("\t".join(row[key] for key in COLUMNS) + "\n")
    return ["digits", "commands", *SETS]


def objects(text):
    """JSON values one after the other."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        yield value
        while at < len(text) and text[at].isspace():
            at += 1


def measure(arguments, scratch, names, options):
    command = [arguments.program, "wer", arguments.model, *names, "--json"]
    command += ["--split", arguments.split, *options]
    run = subprocess.run(command, cwd=scratch, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(run.stderr.strip())
    return {result["set"]: result for result in objects(run.stdout)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=os.path.abspath)
    parser.add_argument("model", type=os.path.abspath)
    parser.add_argument("speech")
    parser.add_argument("--noise", type=os.path.abspath)
    parser.add_argument("--split", default="test")
    arguments = parser.parse_args()

    columns = {"streaming": ["--streaming", "default"], "offline": []}
    if arguments.noise:
        for snr in ("20", "10"):
            columns[f"streaming, {snr} dB"] = ["--streaming", "default", "--noise",
                                               arguments.noise, "--snr", snr]
    with tempfile.TemporaryDirectory() as scratch:
        names = lay_out(arguments.speech, scratch)
        results = {title: measure(arguments, scratch, names, options)
                   for title, options in columns.items()}

    print("| set | utterances, words | " + " | ".join(columns) + " |")
    print("| --- " * (2 + len(columns)) + "|")
    for name in names:
        first = results["streaming"][name]
        cells = [f"{100 * r[name]['wer']:.1f} / {100 * r[name]['cer']:.1f}"
                 for r in results.values()]
        print(f"| {name} | {first['utterances']}, {first['words']} | {' | '.join(cells)} |")
    for name in ("digits", "commands"):
        pairs = results["streaming"][name]["confusions"]["substitutions"][:12]
        listed = ", ".join(f"{p['reference']} as {p['hypothesis']} ({p['count']})" for p in pairs)
        print(f"\n{name}: {listed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
