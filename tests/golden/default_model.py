#!/usr/bin/python3
"""models/default is what it says: a Hugging Face directory like the others.

usage: default_model.py HEARD_MODEL ROOT

Its tensors and configuration have the names of the large-style fixture's, which
the reference implementation wrote; sizes follow from config.json. The network's
numbers are those of reference.py, offline and with the lookahead that heard.json
recommends. Of the synthesized clips of tests/data/clips, the commands come out word
for word, the others with the error rate that the model card tells, or less.
HEARD_TEST_FEW (an emulated CPU): four of the clips. Prints one TAP line a case.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
except ImportError:
    print("1..0 # SKIP python3-numpy is not installed")
    sys.exit(0)

import reference
from random_models import Runner, compare, read_wave

MOST_PARAMETERS = 6_000_000
MOST_BYTES = 12_000_000
# Word error rate over all clips: a model that is worse than the one it was measured
# with does not replace it.
MOST_WRONG = 0.29
MOST_WRONG_WITH_LETTERS = 0.24
RIGHT = [f"clips/{kind}-{i}.flac" for kind, numbers in (
    ("command", (1, 3, 4, 5, 6, 7, 8, 9, 10)), ("digits", (1, 4, 5, 6, 7)), ("letters", (4,)),
    ("mixed", (3,)), ("wake", (1,))) for i in numbers]
FEW = [f"clips/{name}.flac" for name in ("command-1", "digits-5", "letters-4", "wake-1")]


def shapes(config):
    """Every tensor of a HubertForCTC with layer norms and a stable layer norm."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    expected = {"hubert.masked_spec_embed": [hidden]}

    def pair(name, *shape):
        expected[name + ".weight"] = list(shape)
        expected[name + ".bias"] = [shape[0]]

    dims = config["conv_dim"]
    for i, out in enumerate(dims):
        name = f"hubert.feature_extractor.conv_layers.{i}."
        pair(name + "conv", out, dims[i - 1] if i else 1, config["conv_kernel"][i])
        pair(name + "layer_norm", out)
    pair("hubert.feature_projection.layer_norm", dims[-1])
    pair("hubert.feature_projection.projection", hidden, dims[-1])
    kernel = config["num_conv_pos_embeddings"]
    name = "hubert.encoder.pos_conv_embed.conv."
    expected[name + "bias"] = [hidden]
    expected[name + "weight_g"] = [1, 1, kernel]
    expected[name + "weight_v"] = [hidden, hidden // config["num_conv_pos_embedding_groups"], kernel]
    pair("hubert.encoder.layer_norm", hidden)
    for i in range(config["num_hidden_layers"]):
        name = f"hubert.encoder.layers.{i}."
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            pair(f"{name}attention.{part}", hidden, hidden)
        pair(name + "layer_norm", hidden)
        pair(name + "feed_forward.intermediate_dense", inner, hidden)
        pair(name + "feed_forward.output_dense", hidden, inner)
        pair(name + "final_layer_norm", hidden)
    pair("lm_head", config["vocab_size"], hidden)
    return expected


def any_layer(name):
    """Parametrized and plain names of a weight norm are both a checkpoint's."""
    name = name.replace("parametrizations.weight.original0", "weight_g")
    name = name.replace("parametrizations.weight.original1", "weight_v")
    return re.sub(r"\.\d+\.", ".N.", name)


def check_directory(directory, fixture):
    problems = []
    config = json.loads((directory / "config.json").read_text())
    theirs = json.loads((fixture / "config.json").read_text())
    for key in sorted(set(theirs) - {"transformers_version"} ^ set(config)):
        problems.append(f"config.json: {key} is in one of the two only")
    for key in ("feat_extract_norm", "feat_proj_layer_norm", "do_stable_layer_norm", "conv_bias",
                "vocab_size", "pad_token_id", "architectures", "model_type", "hidden_act"):
        if config.get(key) != theirs[key]:
            problems.append(f"config.json: {key} is {config.get(key)}, not {theirs[key]}")
    for name in ("vocab.json", "special_tokens_map.json"):
        if json.loads((directory / name).read_text()) != json.loads((fixture / name).read_text()):
            problems.append(f"{name} is not the fixture's")
    if json.loads((directory / "preprocessor_config.json").read_text())["do_normalize"]:
        problems.append("preprocessor_config.json: do_normalize is true")

    file = directory / "model.safetensors"
    tensors = reference.read_safetensors(file)
    found = {name: list(tensor.shape) for name, tensor in tensors.items()}
    expected = shapes(config)
    for name in sorted(set(found) | set(expected)):
        if found.get(name) != expected.get(name):
            problems.append(f"{name}: shape {found.get(name)}, expected {expected.get(name)}")
    names = {any_layer(name) for name in reference.read_safetensors(fixture / "model.safetensors")}
    for name in sorted(names ^ {any_layer(name) for name in found}):
        problems.append(f"{name} is in one of the two only")
    if any(tensor.dtype != np.float16 for tensor in tensors.values()):
        problems.append("a tensor is not stored as half")
    parameters = sum(tensor.size for tensor in tensors.values())
    if parameters > MOST_PARAMETERS or file.stat().st_size > MOST_BYTES:
        problems.append(f"{parameters} parameters, {file.stat().st_size} bytes")
    if np.prod(config["conv_stride"]) != 320:
        problems.append("the hop is not 320 samples")
    return problems


def check_numbers(runner, directory, fixture, scratch):
    audio = fixture / "input.wav"
    samples = read_wave(audio)
    model, problems = reference.Model(directory), []

    def features(*options):
        out = scratch / "out.safetensors"
        command = [*runner.command, "features", directory, audio, "-o", out, "--weights", "f32"]
        subprocess.run([*command, *options], check=True, capture_output=True)
        return reference.read_safetensors(out)

    got = features("--all", "--attentions")
    for name, tensor in model.offline(samples).items():
        compare(name, got[name], tensor, problems)
    streaming = json.loads((directory / "heard.json").read_text())["streaming"]
    context = [streaming[key] for key in ("left", "chunk", "right")]
    if context[2] < json.loads((directory / "config.json").read_text())["num_conv_pos_embeddings"] // 2:
        problems.append("the positional convolution reaches past the lookahead")
    got = features("--streaming=" + ":".join(map(str, context)))
    parts = model.streaming(samples, *context, False)
    for name, tensor in zip(("committed", "provisional", "steps"), parts):
        compare(name, got[name], tensor, problems)
    return problems


def few_clips(clips, scratch):
    """A folder with those of FEW."""
    folder = scratch / "clips"
    folder.mkdir()
    header, *lines = (clips / "manifest.tsv").read_text().splitlines(keepends=True)
    lines = [line for line in lines if any(name in line.split("\t") for name in FEW)]
    (folder / "manifest.tsv").write_text(header + "".join(lines))
    for name in FEW:
        shutil.copy(clips.parent / name, folder)
    return folder


def check_words(runner, directory, clips, right, most, *options):
    command = [*runner.command, "wer", directory, clips, "--json", "--show", *options]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        return [f"wer exits with {run.returncode}: {run.stderr.strip()}"]
    report = json.loads(run.stdout)
    said = {clip["path"]: clip for clip in report["clips"]}
    problems = [f"{path}: {said[path]['hypothesis']}, said was {said[path]['reference']}"
                for path in right if said[path]["hypothesis"] != said[path]["reference"]]
    if report["wer"] > most:
        problems.append(f"word error rate {report['wer']}, at most {most}")
    return problems


def main():
    program, root = sys.argv[1], Path(sys.argv[2])
    directory = root / "models/default"
    clips = root / "tests/data/clips"
    runner = Runner(program)
    fixture = root / "tests/golden/fixtures/large-style"
    print("1..5")
    runner.report("names, shapes and fields", check_directory(directory, fixture))
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        runner.report("numbers of reference.py",
                      check_numbers(runner, directory, fixture, scratch))
        right = RIGHT
        if os.environ.get("HEARD_TEST_FEW"):
            clips, right = few_clips(clips, scratch), FEW
        streaming = ("--streaming", "default")
        runner.report("words of the clips, offline",
                      check_words(runner, directory, clips, right, MOST_WRONG))
        runner.report("words of the clips, streaming",
                      check_words(runner, directory, clips, right, MOST_WRONG, *streaming))
        letters = ("--beam", "16", "--lm", directory / "letters.lm")
        runner.report("words of the clips, with the language model",
                      check_words(runner, directory, clips, right, MOST_WRONG_WITH_LETTERS,
                                  *streaming, *letters))
    return 1 if runner.failed else 0


if __name__ == "__main__":
    sys.exit(main())
