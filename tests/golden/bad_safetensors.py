"""Broken safetensors files: sizes, headers, offsets, shapes, names, indexes, adapters."""

import json
import os
import struct

from formats import read_header, split_safetensors, write_safetensors

FIXTURE = "short-base"
OPTIONAL = {"hubert.masked_spec_embed", "hubert.encoder.pos_conv_embed.conv.num_batches_tracked"}


def cases(bench):
    truncated(bench)
    header_lengths(bench)
    headers(bench)
    entries(bench)
    bindings(bench)
    shards(bench)
    adapters(bench)
    no_weights(bench)


def model(bench, name=FIXTURE):
    directory = bench.fixture(name)
    return directory, os.path.join(directory, "model.safetensors")


def truncated(bench):
    directory, path = model(bench)
    with open(path, "rb") as file:
        raw = file.read()
    _, start = read_header(raw)
    lengths = {0, 1, 7, 8, 9, 100, start - 1, start, start + 1, len(raw) // 2, len(raw) - 1}
    lengths |= {bench.random.randrange(len(raw)) for _ in range(30)}
    for length in sorted(lengths):
        with open(path, "wb") as file:
            file.write(raw[:length])
        bench.refused(f"model.safetensors of {length} of {len(raw)} bytes", directory, path)
    with open(path, "wb") as file:
        file.write(raw + b"\0" * 4096)
    bench.survives("model.safetensors with bytes behind the data", directory, path)


def header_lengths(bench):
    directory, path = model(bench)
    with open(path, "rb") as file:
        raw = file.read()
    _, start = read_header(raw)
    for length in (0, 1, start - 9, start - 7, len(raw) - 8, len(raw) - 7, len(raw), 1 << 32,
                   101 << 20, (1 << 63) - 1, 1 << 63, (1 << 64) - 8, (1 << 64) - 1):  # fmt: skip
        with open(path, "wb") as file:
            file.write(struct.pack("<Q", length) + raw[8:])
        bench.refused(f"header length {length}", directory, path)


def headers(bench):
    directory, path = model(bench)
    header, data = split_safetensors(path)
    good = json.dumps(header)
    broken = {
        "empty": b"",
        "no JSON": b"tensor" * 20,
        "a list": b"[]",
        "a number": b"17",
        "an empty object": b"{}",
        "a hundred thousand brackets": b"[" * 100000,
        "a hundred thousand objects": b'{"a":' * 100000,
        "not UTF-8": good.replace("lm_head", "lm_hea\x00").encode().replace(b"\0", b"\xff"),
        "a NUL byte": good.replace("lm_head.weight", "lm_head\x00").encode(),
        "the same name twice": ("{" + good[1:-1] + "," + good[1:]).encode(),
        "text behind the object": (good + "{}").encode(),
        "__metadata__ that is a list": (good[:-1] + ', "__metadata__": []}').encode(),
    }
    for name, text in broken.items():
        write_safetensors(path, text, data)
        check = bench.survives if "metadata" in name or "behind" in name else bench.refused
        check(f"header: {name}", directory, path)


def entries(bench):
    directory, path = model(bench)
    header, data = split_safetensors(path)
    name = "hubert.encoder.layers.1.attention.k_proj.weight"
    other = "hubert.encoder.layers.0.attention.k_proj.weight"
    begin, end = header[name]["data_offsets"]
    changes = {
        "is a string": "x",
        "is a list": [1, 2],
        "is null": None,
        "without dtype": {"dtype": ...},
        "without shape": {"shape": ...},
        "without offsets": {"data_offsets": ...},
        "dtype is a number": {"dtype": 32},
        "dtype is unknown": {"dtype": "F33"},
        "dtype is of another size": {"dtype": "F16"},
        "shape is a string": {"shape": "32"},
        "shape is negative": {"shape": [-32, -32]},
        "shape is a fraction": {"shape": [32.5, 32]},
        "shape is huge": {"shape": [1 << 62, 4]},
        "shape overflows to the right size": {"shape": [1 << 32, 1 << 32, 1 << 10]},
        "shape has a NaN": {"shape": [float("nan"), 32]},
        "shape has a string": {"shape": ["32", 32]},
        "shape has nine dimensions": {"shape": [32, 32, 1, 1, 1, 1, 1, 1, 1]},
        "shape has a zero": {"shape": [0, 32]},
        "shape does not fit the bytes": {"shape": [32, 31]},
        "offsets are the wrong way round": {"data_offsets": [end, begin]},
        "offsets are negative": {"data_offsets": [-4, end]},
        "offsets reach past the end": {"data_offsets": [begin, end + len(data)]},
        "offsets lie past the end": {"data_offsets": [begin + len(data), end + len(data)]},
        "offsets are huge": {"data_offsets": [(1 << 64) - 8, 1 << 64]},
        "offsets are strings": {"data_offsets": ["0", "4096"]},
        "offsets are three": {"data_offsets": [begin, end, end]},
        "offsets are fractions": {"data_offsets": [begin + 0.5, end + 0.5]},
        "overlaps another": {"data_offsets": header[other]["data_offsets"]},
        "overlaps in part": {"data_offsets": [begin - 4, end - 4]},
    }
    for title, change in changes.items():
        entry = change
        if isinstance(change, dict):
            entry = {k: v for k, v in {**header[name], **change}.items() if v is not ...}
        write_safetensors(path, {**header, name: entry}, data)
        # An overlap may be reported by the name of the other tensor; a NaN is no JSON.
        names = (path,) if "overlap" in title or "NaN" in title else (path, name)
        bench.refused(f"tensor: {title}", directory, *names)


def rewrite(path, header, data):
    """Writes the tensors anew so that their data has no holes."""
    packed, parts, at = {}, [], 0
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        packed[name] = {**entry, "data_offsets": [at, at + end - begin]}
        parts.append(data[begin:end])
        at += end - begin
    write_safetensors(path, packed, b"".join(parts))


def bindings(bench):
    directory, path = model(bench)
    header, data = split_safetensors(path)
    for name in header:
        if name == "__metadata__":
            continue
        without = {k: v for k, v in header.items() if k != name}
        rewrite(path, without, data)
        if name in OPTIONAL:
            bench.survives(f"without {name}", directory, path)
        else:
            bench.refused(f"without {name}", directory, name)
        shape = header[name]["shape"]
        elements = 1
        for size in shape:
            elements *= size
        rewrite(path, {**header, name: {**header[name], "shape": [1, *shape]}}, data)
        if name not in OPTIONAL:
            bench.refused(f"{name} with one dimension more", directory, path, name)
        if len(shape) > 1:
            rewrite(path, {**header, name: {**header[name], "shape": [elements]}}, data)
            bench.refused(f"{name} flat", directory, path, name)
    first = next(n for n in header if n != "__metadata__")
    for extra in ("lm_head.weight2", "hubert.encoder.layers.2.final_layer_norm.bias",
                  "hubert.encoder.adapter_layer.0.bias", "\x1b[31mred\n"):  # fmt: skip
        rewrite(path, {**header, extra: header[first]}, data)
        names = (path,) if "\n" in extra else (path, extra)
        bench.refused(f"extra tensor {extra!r}", directory, *names)
    for dtype, size in (("I32", 4), ("U8", 1), ("F64", 8), ("BOOL", 1)):
        name = "lm_head.bias"
        begin, end = header[name]["data_offsets"]
        entry = {**header[name], "dtype": dtype}
        count = header[name]["shape"][0]
        entry["data_offsets"] = [len(data), len(data) + count * size]
        rewrite(path, {**header, name: entry}, data + bytes(count * size))
        bench.survives(f"{name} as {dtype}", directory, path, name)
    poisoned = bytearray(data)
    begin, end = header["lm_head.weight"]["data_offsets"]
    poisoned[begin:end] = struct.pack("<f", float("nan")) * ((end - begin) // 4)
    write_safetensors(path, header, bytes(poisoned))
    bench.survives("weights that are NaN", directory, path)


def shards(bench):
    directory = bench.fixture("sharded")
    index_path = os.path.join(directory, "model.safetensors.index.json")
    with open(index_path, encoding="utf-8") as file:
        index = json.load(file)
    weight_map = index["weight_map"]
    name = "lm_head.weight"
    files = sorted(set(weight_map.values()))
    elsewhere = next(f for f in files if f != weight_map[name])

    def write(changed):
        with open(index_path, "w", encoding="utf-8") as file:
            json.dump(changed, file)

    broken = {
        "no weight_map": {},
        "weight_map is a list": {"weight_map": []},
        "weight_map is empty": {"weight_map": {}},
        "a shard that is a number": {"weight_map": {**weight_map, name: 3}},
        "a shard that is missing": {"weight_map": {**weight_map, name: "model-9.safetensors"}},
        "a shard outside the directory": {"weight_map": {**weight_map, name: "../x.safetensors"}},
        "a shard with an absolute path": {"weight_map": {**weight_map, name: "/etc/passwd"}},
        "a shard that is the index": {"weight_map": {**weight_map, name: os.path.basename(index_path)}},
        "a tensor in another shard": {"weight_map": {**weight_map, name: elsewhere}},
        "a tensor that no shard has": {"weight_map": {**weight_map, "lm_head.extra": elsewhere}},
        "without a tensor of a shard": {"weight_map": {k: v for k, v in weight_map.items() if k != name}},
    }
    for title, changed in broken.items():
        write(changed)
        check = bench.survives if "without" in title else bench.refused
        check(f"index: {title}", directory, directory)
    write(index)
    os.remove(os.path.join(directory, files[0]))
    bench.refused("index: the first shard is gone", directory, files[0])


def adapters(bench):
    directory = bench.fixture("w2v2-mms-adapter")
    path = os.path.join(directory, "adapter.fra.safetensors")
    bench.refused("language without adapter", directory, "deu", options=("--lang", "deu"))
    bench.refused("language that is a path", directory, options=("--lang", "../fra"))
    header, data = split_safetensors(path)
    for name in header:
        if name == "__metadata__":
            continue
        rewrite(path, {k: v for k, v in header.items() if k != name}, data)
        bench.refused(f"adapter without {name}", directory, name, options=("--lang", "fra"))
    rewrite(path, {**header, "lm_head.extra": header["lm_head.bias"]}, data)
    bench.refused("adapter with an extra tensor", directory, path, "lm_head.extra",
                  options=("--lang", "fra"))  # fmt: skip
    with open(path, "wb") as file:
        file.write(b"\0" * 7)
    bench.refused("adapter of seven bytes", directory, path, options=("--lang", "fra"))
    directory = bench.fixture(FIXTURE)
    bench.refused("language of a model without languages", directory, "fra", options=("--lang", "fra"))


def no_weights(bench):
    directory, path = model(bench)
    os.remove(path)
    bench.refused("no weights at all", directory, directory)
    os.mkdir(path)
    bench.refused("weights are a directory", directory, path)
    os.rmdir(path)
    os.symlink(path, path)
    bench.refused("weights are a link to themselves", directory, path)
    bench.refused("the model directory does not exist", os.path.join(bench.scratch, "none"), "none")
    bench.refused("the model directory is a file", os.path.join(directory, "vocab.json"), "vocab.json")
