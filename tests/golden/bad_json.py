"""Broken config.json, preprocessor_config.json, vocab.json and their kin."""

import json
import os

from formats import run

FIXTURE = "short-base"

# Key of config.json and values that have to be refused by the key's name.
CONFIG = {
    "hidden_size": [0, -1, 1.5, "32", None, [], float("nan"), float("inf"), 33, 1 << 40],
    "num_hidden_layers": [-1, "2", 1 << 40, 3],
    "num_attention_heads": [0, -4, 5, float("nan")],
    "intermediate_size": [0, -1, 7, 1 << 50],
    "conv_dim": [[], "32", [32], [32] * 6 + [0], [32] * 6 + [-1], [32] * 6 + [1 << 40], [32] * 40],
    "conv_kernel": [[], [10, 3, 3], [10, 3, 3, 3, 3, 2, 0], [10, 3, 3, 3, 3, 2, -2], {}],
    "conv_stride": [[5, 2, 2, 2, 2, 2, 0], [5, 2], "5", [1 << 30] * 7],
    "num_conv_pos_embeddings": [0, -16, "x", 1 << 40],
    "num_conv_pos_embedding_groups": [0, -1, 3, 64],
    "layer_norm_eps": [float("nan"), float("-inf"), -1e-5, "1e-5"],
    "hidden_act": ["gelu_unknown", 3, ""],
    "feat_extract_activation": ["gelu_unknown", 1],
    "feat_extract_norm": ["batch", 1],
    "conv_bias": ["yes", 2.5],
    "do_stable_layer_norm": ["no"],
    "add_adapter": [True],
    "vocab_size": [0, -1, 31, 1 << 40, float("inf")],
    "pad_token_id": [-5, 32, 1 << 40, 0.5],
    "model_type": ["whisper", 5],
    "ctc_loss_reduction": ["max", 1],
}


def cases(bench):
    config_values(bench)
    documents(bench)
    preprocessor(bench)
    vocabularies(bench)
    tokenizer_files(bench)
    classification(bench)
    own_settings(bench)


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def save(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file)


def config_values(bench):
    directory = bench.fixture(FIXTURE)
    path = os.path.join(directory, "config.json")
    config = load(path)
    for key, values in CONFIG.items():
        for value in values:
            save(path, {**config, key: value})
            # A size that is well formed but not the tensors' may be told by a tensor.
            fits = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 20
            names = () if fits else (path, key)
            bench.refused(f"config.json: {key} = {str(value)[:60]}", directory, *names)
    save(path, {**config, "architectures": ["BertModel"]})
    bench.refused("config.json: another architecture", directory, path, "BertModel")
    save(path, {**config, "architectures": "HubertForCTC"})
    bench.survives("config.json: architectures is a string", directory, path)
    text = json.dumps(config)
    for name, number in (("1e999", "1e999"), ("-0", "-0"), ("999 digits", "9" * 999)):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace('"hidden_size": 32', f'"hidden_size": {number}'))
        bench.refused(f"config.json: hidden_size = {name}", directory, path, "hidden_size")


def documents(bench):
    """The same breakage for every JSON file of a directory."""
    broken = {
        "empty": b"",
        "a blank": b" ",
        "garbage": bytes(range(256)),
        "a list": b"[]",
        "a number": b"7",
        "a string": b'"x"',
        "cut in the middle": None,
        "not UTF-8": b'{"a": "\xff\xfe"}',
        "deep": b'{"a":' * 100000,
        "brackets": b"[" * 1000000,
        "a key twice": b'{"a": 1, "a": 2}',
        "a number that is infinite": b'{"a": 1e400}',
        "text behind": None,
    }
    for file in ("config.json", "preprocessor_config.json", "vocab.json", "tokenizer_config.json",
                 "special_tokens_map.json"):  # fmt: skip
        directory = bench.fixture(FIXTURE)
        path = os.path.join(directory, file)
        with open(path, "rb") as opened:
            good = opened.read()
        for name, text in broken.items():
            if name == "cut in the middle":
                text = good[: len(good) // 2]
            elif name == "text behind":
                text = good + b" {}"
            with open(path, "wb") as opened:
                opened.write(text)
            bench.refused(f"{file}: {name}", directory, path)
        os.truncate(path, 0)
        with open(path, "ab") as opened:
            opened.truncate(3 << 30)
        bench.refused(f"{file}: three gigabytes of zeros", directory, path)
        os.remove(path)
        os.mkdir(path)
        bench.refused(f"{file}: a directory", directory, path)
        os.rmdir(path)
        os.symlink("/dev/zero", path)
        bench.refused(f"{file}: an endless device", directory, path)
    directory = bench.fixture(FIXTURE)
    os.remove(os.path.join(directory, "config.json"))
    bench.refused("no config.json", directory, "config.json")
    directory = bench.fixture(FIXTURE)
    os.remove(os.path.join(directory, "vocab.json"))
    bench.refused("no vocab.json, and text is wanted", directory, "vocab.json")


def preprocessor(bench):
    directory = bench.fixture(FIXTURE)
    path = os.path.join(directory, "preprocessor_config.json")
    good = load(path)
    for key, values in {
        "sampling_rate": [0, -16000, "16000", 16000.5, float("nan"), 1 << 40],
        "do_normalize": ["yes", 2, []],
        "feature_size": [2, 80],
    }.items():
        for value in values:
            save(path, {**good, key: value})
            bench.refused(f"preprocessor_config.json: {key} = {value}", directory, path, key)


def vocabularies(bench):
    directory = bench.fixture(FIXTURE)
    path = os.path.join(directory, "vocab.json")
    good = load(path)
    broken = {
        "empty": {},
        "with a hole": {k: v for k, v in good.items() if v != 10},
        "with the same id twice": {**good, "E": 6},
        "with a negative id": {**good, "E": -1},
        "with a fraction for an id": {**good, "E": 5.5},
        "with a string for an id": {**good, "E": "5"},
        "with a huge id": {**good, "E": 1 << 31},
        "with an id of 2^63": {**good, "E": 1 << 63},
        "with a list for an id": {**good, "E": [5]},
        "with null for an id": {**good, "E": None},
    }
    for name, vocab in broken.items():
        save(path, vocab)
        bench.refused(f"vocab.json: {name}", directory, path)
    save(path, {**good, "": 32})
    bench.survives("vocab.json: an empty token", directory, path)
    save(path, {**good, "x" * 100000: 32})
    bench.survives("vocab.json: a token of 100,000 bytes", directory, path)
    save(path, {k: v for k, v in good.items() if k != "|"})
    bench.survives("vocab.json: no delimiter", directory, path)
    with open(path, "w", encoding="ascii") as file:
        file.write(json.dumps(good).replace('"E"', '"\\ud800"'))
    bench.survives("vocab.json: half a surrogate pair", directory, path)

    directory = bench.fixture("w2v2-mms-adapter")
    path = os.path.join(directory, "vocab.json")
    good = load(path)
    save(path, {**good, "eng": {}})
    bench.refused("nested vocab.json: an empty language", directory, path)
    save(path, {**good, "eng": 3})
    bench.refused("nested vocab.json: a language that is a number", directory, path)
    save(path, {"fra": good["fra"]})
    bench.refused("nested vocab.json: without the language of the model", directory, "eng")


def tokenizer_files(bench):
    for file, changes in {
        "tokenizer_config.json": {
            "pad_token": [5, [], ""],
            "unk_token": [True, {"no": "content"}],
            "word_delimiter_token": [7, {}],
            "do_lower_case": ["maybe"],
            "target_lang": [9],
        },
        "special_tokens_map.json": {"pad_token": [1.5, {"content": 3}], "additional_special_tokens": ["x", [3]]},
        "added_tokens.json": {"<extra>": [-1, "3", 1.5, 1 << 40], "E": [99]},
    }.items():
        directory = bench.fixture(FIXTURE)
        path = os.path.join(directory, file)
        good = load(path) if os.path.exists(path) else {}
        for key, values in changes.items():
            for value in values:
                save(path, {**good, key: value})
                bench.survives(f"{file}: {key} = {value}", directory, path)


def classification(bench):
    directory = bench.fixture("seqcls")
    path = os.path.join(directory, "config.json")
    good = load(path)
    for key, value in (
        ("id2label", []),
        ("id2label", {"0": 5}),
        ("id2label", {"x": "y"}),
        ("id2label", {"0": "a", "9": "b"}),
        ("id2label", {}),
        ("classifier_proj_size", 0),
        ("classifier_proj_size", 1 << 40),
    ):
        save(path, {**good, key: value})
        result = classify(bench, directory)
        bench.orderly(f"seqcls: {key} = {value}", result, (path,))


def classify(bench, directory):
    return run(bench.program, "classify", directory, os.path.join(directory, "input.wav"))


def own_settings(bench):
    directory = bench.fixture(FIXTURE)
    path = os.path.join(directory, "heard.json")
    for value in (
        {"streaming": {"left": -2, "chunk": 16, "right": 16}},
        {"streaming": {"left": 64, "chunk": 0, "right": 16}},
        {"streaming": {"left": 64, "chunk": 16, "right": -1}},
        {"streaming": {"left": "x", "chunk": 16, "right": 16}},
        {"streaming": []},
        {"streaming": {"left": 64, "chunk": 1 << 40, "right": 16}},
        {"final": "sometimes"},
        {"final": 3},
    ):
        save(path, value)
        bench.refused(f"heard.json: {json.dumps(value)}", directory, path)
