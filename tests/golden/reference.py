"""A second opinion: the network written down once more, in numpy and float64.

Follows the published architecture (HubertModel and Wav2Vec2Model of the
transformers library) and the streaming definition of docs/MODEL.md, with plain
loops and no state: every step recomputes what it needs from the features. It is
checked against the fixtures, and then serves as the reference for
configurations that the fixtures do not have (random_models.py).
"""

import json
import math
import struct
from pathlib import Path

import numpy as np

DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4"}


def read_safetensors(path):
    raw = Path(path).read_bytes()
    (size,) = struct.unpack_from("<Q", raw)
    header = json.loads(raw[8 : 8 + size])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        data = raw[begin:end]
        if entry["dtype"] == "BF16":
            wide = np.frombuffer(data, "<u2").astype(np.uint32) << 16
            array = wide.view(np.float32)
        else:
            array = np.frombuffer(data, DTYPES[entry["dtype"]])
        tensors[name] = array.reshape(entry["shape"])
    return tensors


def write_safetensors(path, tensors):
    names = {"f8": "F64", "f4": "F32", "f2": "F16", "i8": "I64", "i4": "I32"}
    header, offset = {}, 0
    for name, array in tensors.items():
        header[name] = {
            "dtype": names[array.dtype.str[1:]],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in tensors.values():
            file.write(array.tobytes())


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def gelu(x):
    return 0.5 * x * (1 + np.vectorize(math.erf, otypes=[float])(x / math.sqrt(2)))


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
ACTIVATIONS = {
    "gelu": gelu,
    "gelu_python": gelu,
    "gelu_new": gelu_tanh,
    "gelu_fast": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "quick_gelu": lambda x: x * sigmoid(1.702 * x),
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "selu": lambda x: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(np.minimum(x, 0))),
    "silu": lambda x: x * sigmoid(x),
    "swish": lambda x: x * sigmoid(x),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "linear": lambda x: x,
}


def layer_norm(x, tensors, name, eps):
    mean = x.mean(-1, keepdims=True)
    variance = x.var(-1, keepdims=True)
    scaled = (x - mean) / np.sqrt(variance + eps)
    return scaled * tensors[name + ".weight"] + tensors[name + ".bias"]


def linear(x, tensors, name):
    return x @ tensors[name + ".weight"].T + tensors[name + ".bias"]


def convolve(x, weight, bias, stride):
    """x [frames, in], weight [out, in, kernel]: [frames', out]."""
    kernel = weight.shape[2]
    if len(x) < kernel:
        return np.zeros((0, weight.shape[0]))
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel, 0)[::stride]
    y = np.einsum("tik,oik->to", windows, weight, optimize=True)
    return y if bias is None else y + bias


class Moments:
    """Mean and population variance of all values given so far, per channel."""

    def __init__(self):
        self.values = None

    def add(self, values):
        self.values = values if self.values is None else np.concatenate([self.values, values])

    def get(self):
        return self.values.mean(0), self.values.var(0)


class Model:
    def __init__(self, directory):
        directory = Path(directory)
        self.config = json.loads((directory / "config.json").read_text())
        preprocessor = json.loads((directory / "preprocessor_config.json").read_text())
        self.do_normalize = preprocessor["do_normalize"]
        raw = read_safetensors(directory / "model.safetensors")
        raw = {name: array.astype(np.float64) for name, array in raw.items()}
        self.heads = {n: a for n, a in raw.items() if n.split(".")[0] in HEADS}
        self.tensors = {
            n.removeprefix("hubert.").removeprefix("wav2vec2."): a
            for n, a in raw.items()
            if n not in self.heads
        }
        self.pos_weight = self._pos_weight()
        self.activation = ACTIVATIONS[self.config["hidden_act"]]
        self.conv_activation = ACTIVATIONS[self.config["feat_extract_activation"]]
        self.hop = math.prod(self.config["conv_stride"])
        self.field = 1
        for kernel, stride in reversed(
            list(zip(self.config["conv_kernel"], self.config["conv_stride"]))
        ):
            self.field = (self.field - 1) * stride + kernel

    def _pos_weight(self):
        name = "encoder.pos_conv_embed.conv."
        for g, v in (
            ("weight_g", "weight_v"),
            ("parametrizations.weight.original0", "parametrizations.weight.original1"),
        ):
            if name + v in self.tensors:
                direction = self.tensors[name + v]
                length = np.sqrt((direction**2).sum((0, 1), keepdims=True))
                return self.tensors[name + g] * direction / length
        return self.tensors[name + "weight"]

    def frames(self, samples):
        return 0 if samples < self.field else (samples - self.field) // self.hop + 1

    # -- conv encoder --

    def conv0(self, x):
        return self._conv(x[:, None], 0)

    def _conv(self, x, i):
        name = f"feature_extractor.conv_layers.{i}."
        return convolve(
            x,
            self.tensors[name + "conv.weight"],
            self.tensors.get(name + "conv.bias"),
            self.config["conv_stride"][i],
        )

    def conv_layers(self, first):
        """All layers' outputs, given layer 0's convolution before its norm, or,
        with group norm, after it."""
        outputs, x = [], first
        group = self.config["feat_extract_norm"] == "group"
        for i in range(len(self.config["conv_dim"])):
            if i > 0:
                x = self._conv(x, i)
            if not group:
                norm = f"feature_extractor.conv_layers.{i}.layer_norm"
                x = layer_norm(x, self.tensors, norm, 1e-5)
            x = self.conv_activation(x)
            outputs.append(x)
        return outputs

    def group_norm(self, x, mean, variance):
        name = "feature_extractor.conv_layers.0.layer_norm."
        scaled = (x - mean) / np.sqrt(variance + 1e-5)
        return scaled * self.tensors[name + "weight"] + self.tensors[name + "bias"]

    def normalize(self, samples):
        if not self.do_normalize:
            return samples
        return (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)

    def project(self, features):
        if self.config.get("feat_proj_layer_norm", True):
            features = layer_norm(
                features, self.tensors, "feature_projection.layer_norm", self.eps()
            )
        return linear(features, self.tensors, "feature_projection.projection")

    def eps(self):
        return self.config.get("layer_norm_eps", 1e-5)

    # -- transformer --

    def pos_conv(self, features, first, last):
        """Of frames [first, last): real features to the left, zeros from last on."""
        kernel = self.pos_weight.shape[2]
        left, right = kernel // 2, kernel - 1 - kernel // 2
        x = features[max(0, first - left) : last]
        if self.config.get("conv_pos_batch_norm", False):
            name = "encoder.pos_conv_embed.batch_norm."
            deviation = np.sqrt(self.tensors[name + "running_var"] + 1e-5)
            x = (x - self.tensors[name + "running_mean"]) / deviation
            x = x * self.tensors[name + "weight"] + self.tensors[name + "bias"]
        before = np.zeros((max(0, left - first), x.shape[1]))
        x = np.concatenate([before, x, np.zeros((right, x.shape[1]))])
        groups = self.config["num_conv_pos_embedding_groups"]
        width = x.shape[1] // groups
        parts = [
            convolve(
                x[:, g * width : (g + 1) * width],
                self.pos_weight[g * width : (g + 1) * width],
                None,
                1,
            )
            for g in range(groups)
        ]
        y = np.concatenate(parts, 1) + self.tensors["encoder.pos_conv_embed.conv.bias"]
        return self.conv_activation(y)

    def attention(self, x, name, cache):
        heads = self.config["num_attention_heads"]
        query, key, value = (
            linear(x, self.tensors, f"{name}.{part}_proj") for part in ("q", "k", "v")
        )
        keys = np.concatenate([cache[0], key]) if cache else key
        values = np.concatenate([cache[1], value]) if cache else value
        width = x.shape[1] // heads
        parts, probabilities = [], []
        for h in range(heads):
            part = slice(h * width, (h + 1) * width)
            scores = query[:, part] @ keys[:, part].T / math.sqrt(width)
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            scores /= scores.sum(-1, keepdims=True)
            probabilities.append(scores)
            parts.append(scores @ values[:, part])
        out = linear(np.concatenate(parts, 1), self.tensors, f"{name}.out_proj")
        return out, (key, value), np.stack(probabilities)

    def layer(self, x, i, cache):
        name = f"encoder.layers.{i}"
        stable = self.config.get("do_stable_layer_norm", False)

        def norm(x, which):
            return layer_norm(x, self.tensors, f"{name}.{which}", self.eps())

        def feed_forward(x):
            x = self.activation(linear(x, self.tensors, f"{name}.feed_forward.intermediate_dense"))
            return linear(x, self.tensors, f"{name}.feed_forward.output_dense")

        inner = norm(x, "layer_norm") if stable else x
        out, kv, probabilities = self.attention(inner, f"{name}.attention", cache)
        x = x + out
        if stable:
            x = x + feed_forward(norm(x, "final_layer_norm"))
            if f"{name}.adapter_layer.norm.weight" in self.tensors:
                y = layer_norm(x, self.tensors, f"{name}.adapter_layer.norm", 1e-5)
                y = np.maximum(linear(y, self.tensors, f"{name}.adapter_layer.linear_1"), 0)
                x = x + linear(y, self.tensors, f"{name}.adapter_layer.linear_2")
        else:
            x = norm(x, "layer_norm")
            x = norm(x + feed_forward(x), "final_layer_norm")
        return x, kv, probabilities

    def transformer(self, x, caches):
        stable = self.config.get("do_stable_layer_norm", False)
        if not stable:
            x = layer_norm(x, self.tensors, "encoder.layer_norm", self.eps())
        states, kvs, attentions = [], [], []
        for i in range(self.config["num_hidden_layers"]):
            states.append(x)
            x, kv, probabilities = self.layer(x, i, caches[i] if caches else None)
            kvs.append(kv)
            attentions.append(probabilities)
        if stable:
            x = layer_norm(x, self.tensors, "encoder.layer_norm", self.eps())
        states.append(x)
        return states, kvs, attentions

    # -- whole passes --

    def offline(self, samples):
        """All stages under the names that `heard-model features` uses."""
        out = {"input_values": self.normalize(samples)}
        first = self.conv0(out["input_values"])
        if self.config["feat_extract_norm"] == "group" and len(first):
            first = self.group_norm(first, first.mean(0), first.var(0))
        convs = self.conv_layers(first)
        for i, conv in enumerate(convs):
            out[f"conv_out.{i}"] = conv.T
        features = self.project(convs[-1])
        pos = self.pos_conv(features, 0, len(features))
        states, _, attentions = self.transformer(features + pos, None)
        out |= {"extract_features": convs[-1], "feature_projection": features, "pos_conv": pos}
        out |= {f"hidden_states.{i}": state for i, state in enumerate(states)}
        out |= {f"attentions.{i}": attention for i, attention in enumerate(attentions)}
        out["last_hidden_state"] = states[-1]
        if "lm_head.weight" in self.heads:
            out["logits"] = linear(states[-1], self.heads, "lm_head")
        elif "classifier.weight" in self.heads:
            hidden = states[-1]
            if "layer_weights" in self.heads:
                weights = np.exp(self.heads["layer_weights"])
                weights /= weights.sum()
                hidden = sum(w * state for w, state in zip(weights, states))
            pooled = linear(hidden, self.heads, "projector").mean(0)
            out["logits"] = linear(pooled, self.heads, "classifier")
        return out

    def streaming(self, samples, left, chunk, right, cumulative):
        """`committed`, `provisional`, `steps` of the streaming definition."""
        total = self.frames(len(samples))
        left = total if left < 0 else left
        chunk = total if chunk < 0 else chunk
        caches = None
        committed, provisional, steps = [], [], []
        encoder = self._cumulative() if cumulative else None
        if not cumulative:
            features = self.offline(samples)["feature_projection"]
        for first in range(0, total, chunk):
            end = min(total, first + chunk)
            last = min(total, first + chunk + right)
            if cumulative:
                arrived = len(samples) if end == total else (last - 1) * self.hop + self.field
                features = encoder(samples, arrived)
            x = features[first:last] + self.pos_conv(features, first, last)
            states, kvs, _ = self.transformer(x, caches)
            new = [(k[: end - first], v[: end - first]) for k, v in kvs]
            if caches:
                new = [
                    (np.concatenate([a[0], b[0]]), np.concatenate([a[1], b[1]]))
                    for a, b in zip(caches, new)
                ]
            caches = [(k[max(0, len(k) - left) :], v[max(0, len(v) - left) :]) for k, v in new]
            out = states[-1]
            if "lm_head.weight" in self.heads:
                out = linear(out, self.heads, "lm_head")
            rows = sum(len(p) for p in provisional)
            committed.append(out[: end - first])
            provisional.append(out[end - first :])
            steps.append([first, end - first, last - end, rows])
        return np.concatenate(committed), np.concatenate(provisional), np.array(steps)

    def _cumulative(self):
        """A function from all samples and how many have arrived to the features
        so far; values are normalised once, with the statistics of their step."""
        inputs, moments, norm_moments = np.zeros(0), Moments(), Moments()
        normed = None

        def encode(samples, arrived):
            nonlocal inputs, normed
            new = samples[len(inputs) : arrived]
            if self.do_normalize:
                moments.add(new)
                mean, variance = moments.get()
                new = (new - mean) / np.sqrt(variance + 1e-7)
            inputs = np.concatenate([inputs, new])
            first = self.conv0(inputs)
            if self.config["feat_extract_norm"] == "group":
                fresh = first if normed is None else first[len(normed) :]
                norm_moments.add(fresh)
                fresh = self.group_norm(fresh, *norm_moments.get())
                normed = fresh if normed is None else np.concatenate([normed, fresh])
                first = normed
            return self.project(self.conv_layers(first)[-1])

        return encode


HEADS = {"lm_head", "projector", "classifier", "layer_weights"}
