#!/usr/bin/env python3
"""A training checkpoint to a Hugging Face directory, and back.

    export.py CHECKPOINT.pt OUT

The running average of the weights goes out, as half precision. transformers
opens the result with HubertForCTC.from_pretrained; so does heard.
"""
import json
import pathlib
import struct
import sys

import numpy as np
import torch

from model import LETTERS, RATE, Config

DTYPES = {"F16": np.float16, "F32": np.float32}


def load(directory):
    """The state dict in a directory that write() made."""
    data = (pathlib.Path(directory) / "model.safetensors").read_bytes()
    size, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + o for o in entry["data_offsets"])
        values = np.frombuffer(data[begin:end], DTYPES[entry["dtype"]])
        tensors[name] = torch.from_numpy(values.astype(np.float32).reshape(entry["shape"]))
    return tensors


def safetensors(tensors):
    header, blobs, offset = {"__metadata__": {"format": "pt"}}, [], 0
    for name in sorted(tensors):
        blob = tensors[name].detach().to(torch.float16).contiguous().numpy().tobytes()
        header[name] = {"dtype": "F16", "shape": list(tensors[name].shape),
                        "data_offsets": [offset, offset + len(blob)]}
        offset += len(blob)
        blobs.append(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(blobs)


def configuration(config):
    return {
        "architectures": ["HubertForCTC"], "model_type": "hubert", "vocab_size": len(LETTERS),
        "hidden_size": config.hidden, "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads, "intermediate_size": config.intermediate,
        "hidden_act": "gelu", "feat_extract_norm": "layer", "feat_extract_activation": "gelu",
        "feat_proj_layer_norm": True, "conv_dim": list(config.conv_dim),
        "conv_kernel": list(config.conv_kernel), "conv_stride": list(config.conv_stride),
        "conv_bias": True, "num_feat_extract_layers": len(config.conv_dim),
        "num_conv_pos_embeddings": config.pos_kernel,
        "num_conv_pos_embedding_groups": config.pos_groups, "do_stable_layer_norm": True,
        "layer_norm_eps": config.eps, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
        "ctc_loss_reduction": "mean", "ctc_zero_infinity": True,
        # What transformers' own training would start from.
        "activation_dropout": 0.0, "attention_dropout": 0.0, "hidden_dropout": config.dropout,
        "feat_proj_dropout": 0.0, "final_dropout": 0.0, "layerdrop": 0.0,
        "apply_spec_augment": True, "mask_time_prob": 0.05, "mask_time_length": 10,
        "mask_time_min_masks": 2, "mask_feature_prob": 0.0, "mask_feature_length": 10,
        "mask_feature_min_masks": 0, "conv_pos_batch_norm": False, "initializer_range": 0.02,
        "use_weighted_layer_sum": False, "classifier_proj_size": 256,
        "torch_dtype": "float16"}


def write(tensors, config, out):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "model.safetensors").write_bytes(safetensors(tensors))
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    files = {
        "config.json": configuration(config),
        "preprocessor_config.json": {
            "do_normalize": False, "feature_extractor_type": "Wav2Vec2FeatureExtractor",
            "feature_size": 1, "padding_side": "right", "padding_value": 0.0,
            "return_attention_mask": True, "sampling_rate": RATE},
        "vocab.json": {letter: i for i, letter in enumerate(LETTERS)},
        "tokenizer_config.json": {
            **special, "do_lower_case": False, "word_delimiter_token": "|",
            "tokenizer_class": "Wav2Vec2CTCTokenizer"},
        "special_tokens_map.json": special,
        "heard.json": {"streaming": {"left": 250, "chunk": 16, "right": 16}, "final": "stream"}}
    for name, value in files.items():
        (out / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    write(torch.load(sys.argv[1], map_location="cpu")["average"], Config(), sys.argv[2])


if __name__ == "__main__":
    main()
