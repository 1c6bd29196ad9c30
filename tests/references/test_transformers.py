"""models/default and the fixtures in transformers itself: numbers, text, quantized directories.

HEARD_MODEL, HEARD_FIXTURES and HEARD_DEFAULT name the tool, the fixtures and the model.
"""

import array
import json
import os
import shutil
import struct
import subprocess
import tempfile
import unittest

import soundfile
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoProcessor, HubertForCTC, Wav2Vec2ForCTC

TOOL = os.environ["HEARD_MODEL"]
FIXTURES = os.environ["HEARD_FIXTURES"]
DEFAULT = os.environ["HEARD_DEFAULT"]
CLIP = os.environ["HEARD_CLIP"]
# Largest difference of a logit, as the fixtures have it.
TOLERANCE = 2e-4


def run(*args):
    done = subprocess.run([TOOL, *args], capture_output=True, check=False)
    if done.returncode:
        raise AssertionError(f"heard-model {' '.join(args)}: {done.stderr.decode()}")
    return done.stdout.decode()


def tensor(path, name):
    """Rows of floats out of a safetensors file."""
    with open(path, "rb") as f:
        data = f.read()
    (size,) = struct.unpack("<Q", data[:8])
    entry = json.loads(data[8 : 8 + size])[name]
    begin, end = entry["data_offsets"]
    values = array.array("f", data[8 + size + begin : 8 + size + end])
    return torch.tensor(values).reshape(entry["shape"])


def loadable(path, out):
    """The directory, with the metadata that transformers asks of safetensors; the fixtures
    come without any, as many files in the wild do."""
    shutil.copytree(path, out)
    for name in os.listdir(out):
        if name.endswith(".safetensors"):
            file = os.path.join(out, name)
            save_file(load_file(file), file, {"format": "pt"})
    return out


def load(cls, path):
    """The model, and what did not fit."""
    model, report = cls.from_pretrained(
        path, output_loading_info=True, torch_dtype=torch.float32, attn_implementation="eager"
    )
    return model.eval(), report


class Reference(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="heard-references-")
        self.addCleanup(shutil.rmtree, self.dir)

    def path(self, name):
        return os.path.join(self.dir, name)

    def reference(self, model, directory, samples):
        """(logits [T, V], text) as transformers has them."""
        processor = AutoProcessor.from_pretrained(directory)
        inputs = processor(samples, sampling_rate=16000, return_tensors="pt")
        with torch.no_grad():
            logits = model(inputs.input_values).logits[0]
        return logits, processor.decode(logits.argmax(-1))

    def compare(self, cls, directory, clip):
        model, report = load(cls, directory)
        self.assertEqual((report["missing_keys"], report["unexpected_keys"]), ([], []), directory)
        samples, rate = soundfile.read(clip, dtype="float32")
        self.assertEqual(rate, 16000)
        logits, text = self.reference(model, directory, samples)
        out = self.path("features.safetensors")
        run("features", directory, clip, "-o", out)
        ours = tensor(out, "logits")
        self.assertEqual(ours.shape, logits.shape)
        self.assertLess(float((ours - logits).abs().max()), TOLERANCE)
        self.assertEqual(json.loads(run("transcribe", "--json", directory, clip))["text"], text)

    def test_default_model(self):
        self.compare(HubertForCTC, DEFAULT, CLIP)

    def test_fixtures(self):
        """Of one of each kind: our numbers and theirs, computed now."""
        for case, cls in (
            ("base-style", HubertForCTC),
            ("large-style", HubertForCTC),
            ("fp16-weights", HubertForCTC),
            ("bf16-weights", HubertForCTC),
            ("w2v2-base", Wav2Vec2ForCTC),
        ):
            with self.subTest(case):
                directory = loadable(os.path.join(FIXTURES, case), self.path(case))
                self.compare(cls, directory, os.path.join(directory, "input.wav"))

    def test_quantized_to_half(self):
        """What `quantize` writes in 16 bits is a checkpoint like any other."""
        for case, cls in (
            ("base-style", HubertForCTC),
            ("large-style", HubertForCTC),
            ("bf16-weights", HubertForCTC),
            ("w2v2-base", Wav2Vec2ForCTC),
        ):
            source = os.path.join(FIXTURES, case)
            for weights in ("f16", "bf16"):
                with self.subTest(case=case, weights=weights):
                    out = self.path(f"{case}-{weights}")
                    run("quantize", source, out, "--weights", weights)
                    self.compare(cls, out, os.path.join(source, "input.wav"))


if __name__ == "__main__":
    unittest.main()
