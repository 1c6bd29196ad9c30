#!/usr/bin/env python3
"""Spoken orders of coffee: how many are understood, clean and in noise.

usage: coffee.py HEARD_MODEL MODEL SET [--noise DIR] [--snr DB,...] [--others MANIFEST]...
                 [OPTION...]

SET is a folder with the 619 orders of the public Speech-to-Intent benchmark (Picovoice): a
manifest.tsv (heard-model(1), MANIFESTS) with a column utt, and beside it slots.tsv with the
columns utt, intent and slots, a JSON object; `heard-model intent` reads both as they are. The
grammar is docs/examples/coffee.grammar. With --noise each order is heard again with the noise
of that folder under it, at each ratio of --snr (24, 18, 12, 6 dB); the noise is not the
benchmark's. --others is speech without orders, for false acceptance. Other options go to
heard-model, such as --streaming, --threads, --weights, --threshold, --limit, --seed.

An order is understood where its intent and every slot are right.
"""

import json
import os
import subprocess
import sys

GRAMMAR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../docs/examples/coffee.grammar")
COLUMNS = ("", "orders", "right %", "wrong %", "rejected %", "others", "accepted %")


def usage():
    print(__doc__.strip(), file=sys.stderr)
    sys.exit(2)


def parse(arguments):
    """(program, model, set, noise, ratios, others, options of heard-model)"""
    noise, ratios, others, rest = None, [24, 18, 12, 6], [], []
    places = []
    arguments = iter(arguments)
    for argument in arguments:
        if argument in ("--noise", "--snr", "--others"):
            value = next(arguments, None) or usage()
            if argument == "--noise":
                noise = value
            elif argument == "--snr":
                ratios = [float(ratio) for ratio in value.split(",")]
            else:
                others.append(value)
        elif len(places) < 3 and not argument.startswith("-"):
            places.append(argument)
        else:
            rest.append(argument)
    if len(places) < 3:
        usage()
    return (*places, noise, ratios, others, rest)


def measure(program, model, manifests, options):
    command = [program, "intent", model, *manifests, "--grammar", GRAMMAR, "--json", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)
    return json.loads(done.stdout.decode().splitlines()[-1])


def percent(share):
    return "-" if share is None else f"{100 * share:.1f}"


def row(name, result):
    cells = (name, result["commands"], percent(result["right"]), percent(result["wrong"]),
             percent(result["rejected"]), result["others"], percent(result["accepted"]))
    return format_row(cells)


def format_row(cells):
    return "".join(f"{cell:>11}" for cell in cells)


def main():
    program, model, folder, noise, ratios, others, options = parse(sys.argv[1:])
    manifests = [os.path.join(folder, "manifest.tsv"), *others]
    print(format_row(COLUMNS))
    print(row("clean", measure(program, model, manifests, options)), flush=True)
    right = []
    for ratio in ratios if noise else []:
        under = ["--noise", noise, "--snr", f"{ratio:g}"]
        result = measure(program, model, manifests, [*under, *options])
        right.append(result["right"])
        print(row(f"{ratio:g} dB", result), flush=True)
    if right:
        print(f"mean over {len(right)} ratios: {percent(sum(right) / len(right))} % right")


if __name__ == "__main__":
    main()
