#!/usr/bin/env python3
"""One fixture directory through the program, as a user would run it.

    cli.py HEARD_MODEL FIXTURE_DIR

Text, JSON, tensors, classes and losses against the reference's; prints TAP.
golden.c does the same inside the process and in more variants; here the way
through options, files and JSON is what is proved.
"""

import json
import math
import os
import sys
import tempfile

from formats import Tap, read_safetensors, run

ABSOLUTE = {"input_values": 1e-5, "attentions": 1e-5, "logits": 2e-4}
LOGITS, CUMULATIVE, LOSS, MARGIN = 2e-4, 3e-4, 1e-5, 1e-3


class Case:
    def __init__(self, program, directory, tap, scratch):
        self.program, self.directory, self.tap = program, directory, tap
        self.out = os.path.join(scratch, "out.safetensors")
        self.info = json.loads(self.ok("info --json", "info", directory, "--json").out)
        config = self.json("config.json")
        strides = config.get("conv_stride", (5, 2, 2, 2, 2, 2, 2))
        rate = 16000
        if os.path.exists(self.path("preprocessor_config.json")):
            rate = self.json("preprocessor_config.json").get("sampling_rate", rate)
        self.frame = math.prod(strides) / rate
        self.rate = rate
        self.classifies = any("Classification" in a for a in config.get("architectures", []))
        self.has_text = os.path.exists(self.path("vocab.json"))

    def path(self, name):
        return os.path.join(self.directory, name)

    def json(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return json.load(file)

    def ok(self, name, *arguments, stdin=b""):
        """Runs a subcommand that has to succeed and say nothing on standard error."""
        result = run(self.program, *arguments, stdin=stdin)
        self.tap.check(f"{name} runs", result.status == 0 and not result.err, result)
        return result


def parse(text):
    try:
        return json.loads(text)
    except ValueError:
        return {}


def check_text(case, stem, wav, options, expected):
    tap, name = case.tap, f"{stem}: transcribe"
    result = case.ok(name, "transcribe", case.directory, wav, *options)
    tap.equal(f"{name} prints the text", expected.get("text", "") + "\n", result.out)

    line = parse(case.ok(f"{name} --json", "transcribe", case.directory, wav, "--json", *options).out)
    tap.equal(f"{name} --json: text", expected.get("text", ""), line.get("text"))
    tap.equal(f"{name} --json: file", wav, line.get("file"))
    tap.close(
        f"{name} --json: duration",
        [expected["samples"] / case.rate],
        [line.get("duration", math.nan)],
        1e-6,
    )
    for key, label, offsets in (("words", "word", "word_offsets"), ("chars", "char", "char_offsets")):
        wanted = expected.get(offsets, [])
        got = line.get(key, [])
        tap.equal(f"{name} --json: {key}", [w[label] for w in wanted], [g.get(label) for g in got])
        for end, offset in (("start", "start_offset"), ("end", "end_offset")):
            tap.close(
                f"{name} --json: {end} of {key}",
                [w[offset] * case.frame for w in wanted],
                [g.get(end, math.nan) for g in got],
                1e-6,
            )
        tap.check(
            f"{name} --json: confidences of {key} are in [0, 1]",
            all(0 <= g.get("confidence", -1) <= 1 for g in got),
            got[:3],
        )


def tolerance(name, values):
    fixed = ABSOLUTE.get(name.split(".")[0])
    if fixed is not None:
        return fixed
    return 5e-5 + 1e-5 * max((abs(v) for v in values), default=0)


def check_features(case, stem, wav, options, expected):
    tap, name = case.tap, f"{stem}: features"
    extra = ["--attentions"] if stem.startswith("attn") else []
    case.ok(name, "features", case.directory, wav, "-o", case.out, "--all", *extra, *options)
    got = read_safetensors(case.out)
    if expected.get("error"):
        tap.check(
            f"{name}: no frames, no rows",
            all(shape[0] == 0 for key, (_, shape, _) in got.items() if key in ("logits", "last_hidden_state")),
            {key: shape for key, (_, shape, _) in got.items()},
        )
        return
    reference = read_safetensors(case.path(f"{stem}.safetensors"))
    for key, (dtype, shape, values) in reference.items():
        if key in ("labels", "loss"):
            continue
        source = key.removesuffix(".head")
        if not tap.check(f"{name}: has {source}", source in got, sorted(got)):
            continue
        got_dtype, got_shape, got_values = got[source]
        if key.endswith(".head"):
            channels, frames = shape
            tap.check(
                f"{name}: {source} is channel major and as long as it should be",
                got_shape[0] == channels and got_shape[1] >= frames,
                got_shape,
            )
            total = got_shape[1]
            got_values = [v for c in range(channels) for v in got_values[c * total : c * total + frames]]
        else:
            tap.equal(f"{name}: type and shape of {source}", (dtype, shape), (got_dtype, got_shape))
        if dtype == "I32":
            tap.equal(f"{name}: {source}", list(values), list(got_values))
        else:
            tap.close(f"{name}: {source}", values, got_values, tolerance(key, values))
    tap.check(f"{name}: last_hidden_state is there", "last_hidden_state" in got, sorted(got))

    case.ok(f"{name} without --all", "features", case.directory, wav, "-o", case.out, *options)
    wanted = {"last_hidden_state"}
    if "logits" in reference:
        wanted.add("logits")
    tap.equal(f"{name} without --all: tensors", sorted(wanted), sorted(read_safetensors(case.out)))


def check_align(case, stem, wav, options, expected):
    tap, name = case.tap, f"{stem}: align"
    text = expected["label_text"]
    result = case.ok(name, "align", case.directory, wav, "--text", text, "--json", *options)
    line = parse(result.out)
    loss = line.get("loss")
    tap.check(
        f"{name}: loss",
        loss is not None and abs(loss - expected["loss"]) <= LOSS * abs(expected["loss"]),
        f"expected {expected['loss']}, got {loss}",
    )
    times = [(w.get("start", -1), w.get("end", -1)) for w in line.get("words", [])]
    words = text.replace("|", " ").split()  # the delimiter may be written as itself
    tap.equal(f"{name}: a time for each word", len(words), len(times))
    flat = [t for pair in times for t in pair]
    tap.check(
        f"{name}: times ascend within the audio",
        flat == sorted(flat) and all(0 <= t <= expected["samples"] / case.rate for t in flat),
        flat,
    )


def check_classify(case, stem, wav, expected):
    tap, name = case.tap, f"{stem}: classify"
    line = parse(case.ok(name, "classify", case.directory, wav, "--json").out)
    labels = {entry.get("id"): entry for entry in line.get("labels", [])}
    probabilities = expected["probabilities"]
    tap.equal(f"{name}: every label", sorted(range(len(probabilities))), sorted(labels))
    tap.close(
        f"{name}: probabilities",
        probabilities,
        [labels.get(i, {}).get("probability", math.nan) for i in range(len(probabilities))],
        LOGITS,
    )
    best = labels.get(expected["label_id"], {})
    tap.equal(f"{name}: best label", expected["label"], best.get("label"))
    given = parse(
        case.ok(
            f"{name} --label", "classify", case.directory, wav, "--json", "--label", expected["label"]
        ).out
    )
    tap.close(
        f"{name} --label: cross-entropy",
        [-math.log(probabilities[expected["label_id"]])],
        [given.get("loss") or math.nan],
        LOGITS,
    )
    first = case.ok(f"{name} for people", "classify", case.directory, wav).out.splitlines()
    tap.check(f"{name} for people names the best first", first and expected["label"] in first[0], first)


def margins_allow(values, width):
    for start in range(0, len(values), width):
        best = sorted(values[start : start + width])[-2:]
        if best[1] - best[0] <= MARGIN:
            return False
    return True


def check_streaming(case, wav):
    tap = case.tap
    reference = read_safetensors(case.path("streaming.safetensors"))
    for setting in case.json("streaming.json"):
        window = f"{setting['L']}:{setting['C']}:{setting['R']}"
        for statistics, infix, allowed in (
            ("utterance", "", LOGITS),
            ("cumulative", ".cumulative", CUMULATIVE),
        ):
            name = f"streaming {window}, {statistics} statistics"
            options = ["--streaming", window, "--statistics", statistics]
            case.ok(name, "features", case.directory, wav, "-o", case.out, *options)
            got = read_safetensors(case.out)
            for key in ("committed", "provisional"):
                dtype, shape, values = reference[f"{setting['name']}{infix}.{key}"]
                got_dtype, got_shape, got_values = got.get(key, ("none", [], []))
                tap.equal(f"{name}: type and shape of {key}", (dtype, shape), (got_dtype, got_shape))
                tap.close(f"{name}: {key}", values, got_values, allowed)
            dtype, shape, values = reference[f"{setting['name']}.steps"]
            got_dtype, got_shape, got_values = got.get("steps", ("none", [], []))
            tap.equal(f"{name}: type and shape of steps", (dtype, shape), (got_dtype, got_shape))
            tap.equal(f"{name}: steps", list(values), list(got_values))
            _, shape, values = reference[f"{setting['name']}{infix}.committed"]
            if statistics == "utterance" and margins_allow(values, shape[1]):
                result = case.ok(f"{name}: transcribe", "transcribe", case.directory, wav, *options)
                tap.equal(f"{name}: text", setting["text"] + "\n", result.out)


def check_ways_in(case, wav, expected):
    """Standard input, several files in one call, raw samples."""
    tap = case.tap
    with open(wav, "rb") as file:
        data = file.read()
    text = expected.get("text", "") + "\n"
    result = case.ok("WAV from standard input", "transcribe", case.directory, "-", stdin=data)
    tap.equal("WAV from standard input: text", text, result.out)
    raw = data[data.index(b"data") + 8 :]
    result = case.ok(
        "raw samples from standard input",
        "transcribe", case.directory, "-", "--raw-format", "s16le", "--raw-rate", str(case.rate),
        stdin=raw,
    )  # fmt: skip
    tap.equal("raw samples from standard input: text", text, result.out)
    result = case.ok("two files", "transcribe", case.directory, wav, wav)
    tap.equal("two files: a line each", text + text, result.out)


def check_input(case, stem, wav, options):
    expected = case.json(f"{stem}.json")
    check_features(case, stem, wav, options, expected)
    if case.has_text:
        check_text(case, stem, wav, options, expected)
    if "loss" in expected and case.has_text:
        check_align(case, stem, wav, options, expected)
    if case.classifies and "label_id" in expected:
        check_classify(case, stem, wav, expected)
    return expected


def main():
    program, directory = sys.argv[1:]
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="heard-golden-") as scratch:
        case = Case(program, directory, tap, scratch)
        wav = case.path("input.wav")
        expected = check_input(case, "expected", wav, [])
        for name in sorted(os.listdir(directory)):
            stem, extension = os.path.splitext(name)
            if extension == ".json" and stem.startswith("expected."):
                check_input(case, stem, wav, ["--lang", stem.split(".", 1)[1]])
            elif extension == ".wav" and name != "input.wav":
                check_input(case, stem, case.path(name), [])
        if os.path.exists(case.path("streaming.json")):
            check_streaming(case, wav)
        if case.has_text:
            check_ways_in(case, wav, expected)
    tap.finish()


if __name__ == "__main__":
    main()
