#!/usr/bin/python3
"""Random configurations of the architecture against reference.py.

usage: random_models.py HEARD_MODEL FIXTURES [--count N] [--seed N]

Checks the second opinion against some fixtures first, then draws model
configurations that the fixtures do not have, writes them as model directories
with random weights, runs `heard-model features` on them offline and streaming,
and compares every tensor. Prints one TAP line a case.
"""

import argparse
import json
import math
import os
import random
import shlex
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

try:
    import numpy as np
except ImportError:
    print("1..0 # SKIP python3-numpy is not installed")
    sys.exit(0)

import reference

RATE = 16000


def read_wave(path):
    with wave.open(str(path)) as file:
        raw = file.readframes(file.getnframes())
    return np.frombuffer(raw, "<i2").astype(np.float64) / 32768


def write_wave(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())


def draw_config(rng):
    """Any combination that the configuration can express, small."""
    layers = rng.randint(1, 6)
    kernels = [rng.choice([5, 10, 16])] + [rng.randint(1, 4) for _ in range(layers - 1)]
    strides = [rng.choice([2, 4, 5])] + [rng.randint(1, 3) for _ in range(layers - 1)]
    # Stride above kernel skips input for good: rare, and allowed.
    heads = rng.choice([1, 2, 3, 4])
    groups = rng.choice([1, 2, 4])
    hidden = rng.choice([1, 2, 3, 5]) * 4 * heads
    hidden += -hidden % groups
    while hidden % heads or hidden % groups:
        hidden += 1
    wav2vec2 = rng.random() < 0.3
    head = rng.choice(["CTC", "CTC", "CTC", "SequenceClassification", "Model"])
    kind = "Wav2Vec2" if wav2vec2 else "Hubert"
    activations = sorted(reference.ACTIVATIONS)
    config = {
        "model_type": kind.lower(),
        "architectures": [kind + ("Model" if head == "Model" else "For" + head)],
        "conv_dim": [rng.randint(1, 24) for _ in range(layers)],
        "conv_kernel": kernels,
        "conv_stride": strides,
        "num_feat_extract_layers": layers,
        "conv_bias": rng.random() < 0.5,
        "feat_extract_norm": rng.choice(["group", "layer"]),
        "feat_extract_activation": rng.choice(activations),
        "hidden_act": rng.choice(activations),
        "hidden_size": hidden,
        "intermediate_size": rng.randint(1, 70),
        "num_hidden_layers": rng.randint(1, 4),
        "num_attention_heads": heads,
        "num_conv_pos_embeddings": rng.choice([1, 2, 3, 16, 19, 64]),
        "num_conv_pos_embedding_groups": groups,
        "do_stable_layer_norm": rng.random() < 0.5,
        "layer_norm_eps": rng.choice([1e-5, 1e-3, 1e-12]),
        "vocab_size": rng.randint(6, 40),
        "pad_token_id": 0,
        "classifier_proj_size": rng.randint(1, 30),
        "use_weighted_layer_sum": rng.random() < 0.5,
    }
    if not wav2vec2:
        config["feat_proj_layer_norm"] = rng.random() < 0.7
        config["conv_pos_batch_norm"] = rng.random() < 0.2
    elif config["do_stable_layer_norm"] and rng.random() < 0.4:
        config["adapter_attn_dim"] = rng.randint(1, 20)
    if head == "SequenceClassification":
        labels = rng.randint(2, 9)
        config["id2label"] = {str(i): f"label {i}" for i in range(labels)}
        config["label2id"] = {f"label {i}": i for i in range(labels)}
    return config


def draw_weights(config, rng):
    noise = np.random.default_rng(rng.getrandbits(32))
    tensors = {}

    def put(name, *shape, scale=None, around=0.0):
        fan_in = math.prod(shape[1:]) or 1
        scale = 1 / math.sqrt(fan_in) if scale is None else scale
        tensors[name] = (around + scale * noise.standard_normal(shape)).astype(np.float32)

    def norm(name, n):
        put(name + ".weight", n, scale=0.2, around=1)
        put(name + ".bias", n, scale=0.2)

    def dense(name, out, into):
        put(name + ".weight", out, into)
        put(name + ".bias", out, scale=0.2)

    base = config["architectures"][0].endswith("Model")
    prefix = "" if base else config["model_type"] + "."
    dims = config["conv_dim"]
    for i, out in enumerate(dims):
        name = f"{prefix}feature_extractor.conv_layers.{i}."
        put(name + "conv.weight", out, dims[i - 1] if i else 1, config["conv_kernel"][i])
        if config["conv_bias"]:
            put(name + "conv.bias", out, scale=0.2)
        if i == 0 or config["feat_extract_norm"] == "layer":
            norm(name + "layer_norm", out)
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    if config.get("feat_proj_layer_norm", True):
        norm(prefix + "feature_projection.layer_norm", dims[-1])
    dense(prefix + "feature_projection.projection", hidden, dims[-1])

    name = prefix + "encoder.pos_conv_embed."
    kernel = config["num_conv_pos_embeddings"]
    width = hidden // config["num_conv_pos_embedding_groups"]
    put(name + "conv.bias", hidden, scale=0.2)
    if config.get("conv_pos_batch_norm"):
        put(name + "conv.weight", hidden, width, kernel)
        norm(name + "batch_norm", hidden)
        put(name + "batch_norm.running_mean", hidden, scale=0.2)
        put(name + "batch_norm.running_var", hidden, scale=0.01, around=1)
        tensors[name + "batch_norm.num_batches_tracked"] = np.array(7, np.int64)
    else:
        g, v = rng.choice(
            [
                ("weight_g", "weight_v"),
                ("parametrizations.weight.original0", "parametrizations.weight.original1"),
            ]
        )
        put(f"{name}conv.{g}", 1, 1, kernel, scale=0.3, around=1)
        put(f"{name}conv.{v}", hidden, width, kernel)
    norm(prefix + "encoder.layer_norm", hidden)
    for i in range(config["num_hidden_layers"]):
        name = f"{prefix}encoder.layers.{i}."
        for part in "qkv":
            dense(f"{name}attention.{part}_proj", hidden, hidden)
        dense(name + "attention.out_proj", hidden, hidden)
        norm(name + "layer_norm", hidden)
        dense(name + "feed_forward.intermediate_dense", inner, hidden)
        dense(name + "feed_forward.output_dense", hidden, inner)
        norm(name + "final_layer_norm", hidden)
        if "adapter_attn_dim" in config:
            norm(name + "adapter_layer.norm", hidden)
            dense(name + "adapter_layer.linear_1", config["adapter_attn_dim"], hidden)
            dense(name + "adapter_layer.linear_2", hidden, config["adapter_attn_dim"])
    if config["architectures"][0].endswith("ForCTC"):
        dense("lm_head", config["vocab_size"], hidden)
    elif not base:
        dense("projector", config["classifier_proj_size"], hidden)
        dense("classifier", len(config["id2label"]), config["classifier_proj_size"])
        if config["use_weighted_layer_sum"]:
            put("layer_weights", config["num_hidden_layers"] + 1, scale=1)
    return tensors


def write_model(directory, config, do_normalize, rng):
    tensors = draw_weights(config, rng)
    if rng.random() < 0.2:
        tensors = {
            n: a.astype(np.float16) if a.dtype == np.float32 else a for n, a in tensors.items()
        }
    reference.write_safetensors(directory / "model.safetensors", tensors)
    (directory / "config.json").write_text(json.dumps(config))
    (directory / "preprocessor_config.json").write_text(
        json.dumps({"do_normalize": do_normalize, "sampling_rate": RATE})
    )
    letters = ["<pad>", "<s>", "</s>", "<unk>", "|"]
    letters += [chr(0x41 + i) for i in range(config["vocab_size"] - len(letters))]
    (directory / "vocab.json").write_text(json.dumps({c: i for i, c in enumerate(letters)}))
    (directory / "tokenizer_config.json").write_text(
        json.dumps({"pad_token": "<pad>", "unk_token": "<unk>", "word_delimiter_token": "|"})
    )


def compare(name, got, expected, problems):
    if list(got.shape) != list(expected.shape):
        problems.append(f"{name}: shape {list(got.shape)}, expected {list(expected.shape)}")
        return
    if got.size == 0:
        return
    largest = np.abs(expected).max()
    # The fixtures' tolerances. Random activations may be large, and so are the
    # logits' rounding errors then; float32 has seven digits.
    bound = 2e-4 if name in ("logits", "committed", "provisional") else 5e-5
    bound += 3e-5 * largest
    worst = np.abs(got - expected).max()
    if not worst <= bound:
        problems.append(f"{name}: off by {worst:.3g}, bound {bound:.3g}, largest {largest:.3g}")


class Runner:
    def __init__(self, program):
        # For another architecture the machine file names it.
        self.command = [*shlex.split(os.environ.get("HEARD_EMULATOR", "")), program]
        self.number = 0
        self.failed = 0

    def report(self, name, problems):
        self.number += 1
        self.failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {self.number} - {name}")
        for problem in problems:
            print(f"# {problem}")
        sys.stdout.flush()

    def features(self, directory, audio, *options):
        out = directory / "out.safetensors"
        command = [*self.command, "features", str(directory), str(audio), "-o", str(out)]
        run = subprocess.run([*command, *options], capture_output=True, text=True)
        if run.returncode != 0:
            raise RuntimeError(f"exit {run.returncode}: {run.stderr.strip()}")
        return reference.read_safetensors(out)

    def check_model(self, model, directory, audio, samples, rng):
        problems = []
        expected = model.offline(samples)
        got = self.features(directory, audio, "--all", "--attentions")
        for name, tensor in expected.items():
            if name not in got:
                problems.append(f"{name} is missing")
            else:
                compare(name, got[name], tensor, problems)
        if "classifier.weight" in model.heads:
            return problems
        for _ in range(2):
            left, chunk, right = rng.choice([-1, 0, 7, 40]), rng.randint(1, 30), rng.randint(0, 20)
            for cumulative in (False, True):
                statistics = "cumulative" if cumulative else "utterance"
                context = f"{left}:{chunk}:{right}"
                got = self.features(
                    directory, audio, f"--streaming={context}", f"--statistics={statistics}"
                )
                parts = model.streaming(samples, left, chunk, right, cumulative)
                for name, tensor in zip(("committed", "provisional", "steps"), parts):
                    before = len(problems)
                    compare(name, got[name], tensor, problems)
                    problems[before:] = [f"{context} {statistics} {p}" for p in problems[before:]]
        return problems


def check_reference(runner, fixtures, name):
    """The second opinion must agree with the reference implementation."""
    directory = Path(fixtures) / name
    model = reference.Model(directory)
    samples = read_wave(directory / "input.wav")
    expected = reference.read_safetensors(directory / "expected.safetensors")
    problems = []
    for stage, tensor in model.offline(samples).items():
        if stage.startswith("conv_out"):
            stage += ".head"
            tensor = tensor[:, :24]
        if stage in expected:
            compare(stage, tensor, expected[stage], problems)
    streaming = directory / "streaming.safetensors"
    if streaming.exists():
        expected = reference.read_safetensors(streaming)
        for setting in ("L64_C16_R16", "L32_C8_R4"):
            left, chunk, right = (int(part[1:]) for part in setting.split("_"))
            for cumulative in (False, True):
                key = setting + (".cumulative" if cumulative else "")
                if key + ".committed" not in expected:
                    continue
                parts = model.streaming(samples, left, chunk, right, cumulative)
                compare("committed", parts[0], expected[key + ".committed"], problems)
                compare("provisional", parts[1], expected[key + ".provisional"], problems)
    runner.report(f"reference.py against {name}", problems)


def check_random(runner, seed, root):
    rng = random.Random(seed)
    config = draw_config(rng)
    directory = Path(root) / str(seed)
    directory.mkdir()
    write_model(directory, config, rng.random() < 0.5, rng)
    model = reference.Model(directory)
    noise = np.random.default_rng(seed)
    n = model.field + model.hop * rng.randint(1, 90) + rng.randint(0, model.hop - 1)
    time = np.arange(n) / RATE
    tone = 8000 * np.sin(2 * math.pi * (200 + 3000 * time) * time)
    samples = (tone + 500 * noise.standard_normal(n)).astype(np.int16)
    audio = directory / "input.wav"
    write_wave(audio, samples)
    try:
        problems = runner.check_model(
            model, directory, audio, samples.astype(np.float64) / 32768, rng
        )
    except (RuntimeError, KeyError) as error:
        problems = [str(error)]
    if problems:
        problems.append(json.dumps(config))
    runner.report(f"random model {seed}", problems)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("fixtures")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    runner = Runner(arguments.program)
    fixtures = ["base-style", "large-style", "pos-batch-norm", "pos-odd-19", "conv5"]
    print(f"1..{len(fixtures) + arguments.count}")
    for name in fixtures:
        check_reference(runner, arguments.fixtures, name)
    with tempfile.TemporaryDirectory() as root:
        for seed in range(arguments.seed, arguments.seed + arguments.count):
            check_random(runner, seed, root)
    return 1 if runner.failed else 0


if __name__ == "__main__":
    sys.exit(main())
