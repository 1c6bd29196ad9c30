#!/usr/bin/env python3
"""Trains the default model.

    train.py --data DIR [--data DIR]... --out DIR [options]

The first --data is prepare.py's, others may be synthesize.py's. Half of the
batches run the streaming windows of model.py with sizes that users will choose,
the others see the whole utterance. Several workers train on their own batches
and average their weights every --sync seconds ("local SGD": Stich 2019,
arXiv:1805.09767), which loses nothing here and needs no synchronous step.

--out gets checkpoint.pt (weights, their running average, optimizer, time spent)
and log.txt; started again on the same --out it goes on. With one worker a seed
gives the same run; several average by the clock.
"""
import argparse
import copy
import os
import pathlib
import sys
import time

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F
from torch import nn

import export
from data import Masker, Sampler, read_clips
from model import LETTERS, Config, HubertForCTC, Windows
from muon import Muon

# Shares of the mixture. A set that is not there leaves its share to the others.
WEIGHTS = {"an4": 0.13, "speech_commands": 0.13, "speech_commands_more": 0.05, "fsdd": 0.05,
           "alphanumeric": 0.06, "librispeech": 0.26, "librispeech_unlabelled": 0.06,
           "speechocean762": 0.03, "picovoice_wakewords": 0.025, "mycroft_precise": 0.01,
           "custom_keywords": 0.005, "kathleen": 0.025, "ljspeech": 0.025, "grid": 0.015,
           "common_voice": 0.015, "vctk": 0.003, "nato": 0.002, "asterisk_prompts": 0.01,
           "voxforge": 0.01, "gcompris": 0.005, "klettres": 0.005, "synthetic": 0.2}
# Frames: chunk, the lookaheads it is trained with.
STREAMING = [(8, (0, 4, 8)), (12, (0, 8, 12)), (16, (0, 8, 16, 16, 16)), (24, (0, 12, 24)),
             (32, (0, 16, 32))]
LEFT = (64, 128, 250, 250, 250)
# Muon bears a higher rate than AdamW does.
MUON_RATE = 2
DEV_SETS = ("an4", "speech_commands", "speech_commands_more", "alphanumeric", "librispeech")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--init", help="Hugging Face directory to start from")
    parser.add_argument("--minutes", type=float, default=480, help="of the whole run")
    parser.add_argument("--decay", type=float, default=0.5,
                        help="last part of the run in which the rate falls to nothing")
    parser.add_argument("--rate", type=float, default=1e-3,
                        help="of AdamW")
    parser.add_argument("--seconds", type=float, default=40, help="of audio a batch")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sync", type=float, default=45, help="seconds between averagings")
    parser.add_argument("--report", type=float, default=10, help="minutes between checks on dev")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def decode(ids):
    out = [LETTERS[t] for i, t in enumerate(ids) if t and (not i or t != ids[i - 1])]
    return " ".join("".join(out).replace("|", " ").split())


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


def evaluate(model, clips, config, windows, limit):
    """Word and character error rate in percent for each set. For the log: the figures that
    are published come from `heard-model wer`."""
    model.eval()
    result = {}
    for name in DEV_SETS:
        chosen = [c for c in clips if c.set == name]
        np.random.default_rng(0).shuffle(chosen)
        words = chars = word_errors = char_errors = 0
        for clip in chosen[:limit]:
            frames = config.frames(clip.samples)
            if frames < 1:
                continue
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
                logits, _ = model(torch.from_numpy(clip.wave())[None], torch.tensor([frames]),
                                  windows)
            text = decode(logits[0].argmax(-1).tolist())
            words += len(clip.text.split())
            chars += len(clip.text)
            word_errors += distance(clip.text.split(), text.split())
            char_errors += distance(clip.text, text)
        if words:
            result[name] = f"{100 * word_errors / words:.1f}/{100 * char_errors / chars:.1f}"
    model.train()
    return result


def loss_of(logits, frames, targets, sizes):
    losses = F.ctc_loss(F.log_softmax(logits, -1).transpose(0, 1), targets, frames, sizes,
                        reduction="none", zero_infinity=True)
    return (losses / sizes.clamp(min=1)).mean()


def draw_windows(rng):
    if rng.random() < 0.5:
        return None
    chunk, rights = STREAMING[rng.choice(len(STREAMING), p=(0.15, 0.15, 0.3, 0.2, 0.2))]
    return Windows(int(rng.choice(LEFT)), chunk, int(rng.choice(rights)))


def rate_at(share, decay):
    """Constant, then linear to nothing over the last part."""
    return max(0.0, min(1.0, (1.0 - share) / decay)) if decay else 1.0


def hardness_at(share):
    """Clean speech first: noise from the start costs a short run more than it gives."""
    return min(0.7, 0.3 + 0.8 * share)


def optimizers(model, rate):
    """AdamW for the ends of the network, biases and norms; Muon for the matrices between."""
    inner, matrices, vectors = [], [], []
    for name, p in model.named_parameters():
        if not p.requires_grad:
            continue
        if p.ndim < 2:
            vectors.append(p)
        elif ".layers." in name or name.endswith("projection.weight") or \
                ("conv_layers" in name and ".0.conv" not in name):
            inner.append(p)
        else:
            matrices.append(p)
    outer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.01},
                               {"params": vectors, "weight_decay": 0}],
                              lr=rate, betas=(0.9, 0.98))
    return {"adamw": outer, "muon": Muon(inner, MUON_RATE * rate)}


class Trainer:
    def __init__(self, options, rank):
        torch.set_num_threads(1 if options.workers > 1 else os.cpu_count())
        seed = options.seed * 1000 + rank
        torch.manual_seed(options.seed)
        self.options, self.rank, self.config = options, rank, Config()
        self.model = HubertForCTC(self.config)
        self.rng = np.random.default_rng(seed)
        self.sampler = Sampler(options.data, WEIGHTS, seed + 1)
        self.masker = Masker(seed + 2)
        torch.manual_seed(seed)
        self.optimizers = optimizers(self.model, options.rate)
        self.spent, self.steps, self.audio = 0.0, 0, 0.0
        self.file = options.out / "checkpoint.pt"
        if self.file.exists():
            saved = torch.load(self.file)
            self.model.load_state_dict(saved["model"])
            for name, optimizer in self.optimizers.items():
                optimizer.load_state_dict(saved[name])
            self.average = saved["average"]
            self.spent, self.steps, self.audio = saved["spent"], saved["steps"], saved["audio"]
            self.sampler.rng = np.random.default_rng([seed, self.steps])
        else:
            if options.init:
                self.model.load_state_dict(export.load(options.init))
            self.average = copy.deepcopy(self.model.state_dict())
        if rank == 0:
            self.dev = read_clips(options.data[:1], "dev")

    def log(self, text):
        if self.rank == 0:
            print(text, flush=True)
            with open(self.options.out / "log.txt", "a") as file:
                file.write(text + "\n")

    def step(self, batch, minutes):
        samples, frames, targets, sizes = batch
        share = minutes / self.options.minutes
        self.sampler.hardness = hardness_at(share)
        rate = self.options.rate * rate_at(share, self.options.decay)
        rate *= min(1.0, (self.done + 1) / 200)  # anew in every run: the moments are stale
        for name, factor in (("adamw", 1), ("muon", MUON_RATE)):
            for group in self.optimizers[name].param_groups:
                group["lr"] = rate * factor
        with torch.autocast("cpu", torch.bfloat16):
            logits, half = self.model(samples, frames, draw_windows(self.rng), self.masker)
        loss = loss_of(logits, frames, targets, sizes)
        total = 0.7 * loss + 0.3 * loss_of(half, frames, targets, sizes)
        self.model.zero_grad(set_to_none=True)
        total.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        if torch.isfinite(norm):
            for optimizer in self.optimizers.values():
                optimizer.step()
        else:
            self.skipped += 1
        self.steps += 1
        self.done += 1
        self.audio += samples.numel() / 16000
        return float(loss)

    def synchronize(self, steps):
        """Averages the workers' weights, each by the steps it made, then the running average."""
        if self.options.workers > 1:
            flat = nn.utils.parameters_to_vector(self.model.parameters()).detach()
            packed = torch.cat([flat * steps, torch.tensor([float(steps)])])
            dist.all_reduce(packed)
            nn.utils.vector_to_parameters(packed[:-1] / packed[-1], self.model.parameters())
        for name, value in self.model.state_dict().items():
            self.average[name].lerp_(value, 0.1)

    def save(self):
        temporary = self.file.with_suffix(".new")
        torch.save({"model": self.model.state_dict(), "average": self.average,
                    "spent": self.spent, "steps": self.steps, "audio": self.audio,
                    **{name: o.state_dict() for name, o in self.optimizers.items()}}, temporary)
        os.replace(temporary, self.file)

    def report(self, limit):
        other = HubertForCTC(self.config)
        other.load_state_dict(self.average)
        for label, windows in (("full", None), ("250:16:16", Windows(250, 16, 16))):
            self.log(f"dev {label} {evaluate(other, self.dev, self.config, windows, limit)}")
        export.write(self.average, self.config, self.options.out / "model")

    def run(self):
        options, began, losses = self.options, time.time(), []
        self.skipped = 0
        self.done, reported, last, steps = 0, time.time(), time.time(), 0
        before = self.spent
        for batch in self.sampler.batches(self.config, options.seconds):
            self.spent = before + (time.time() - began) / 60
            losses.append(self.step(batch, self.spent))
            steps += 1
            if time.time() - last < options.sync:
                continue
            self.synchronize(steps)
            steps, last = 0, time.time()
            finished = torch.tensor([float(self.spent >= options.minutes)])
            if options.workers > 1:
                dist.broadcast(finished, 0)
            if self.rank == 0:
                self.save()
            if self.rank == 0 and (finished[0] or time.time() - reported > options.report * 60):
                self.log(f"min {self.spent:.1f} steps {self.steps} audio {self.audio / 3600:.1f} h"
                         f" x{self.audio / 60 / max(self.spent, 1e-3):.0f}"
                         f" skipped {self.skipped} loss {np.nanmean(losses[-200:]):.3f}"
                         f" rate {self.optimizers['adamw'].param_groups[0]['lr']:.1e}")
                self.report(400 if finished[0] else 25)
                reported = last = time.time()
            if finished[0]:
                return


def worker(rank, options):
    if options.workers > 1:
        rendezvous = f"file://{options.out.resolve()}/rendezvous"
        dist.init_process_group("gloo", rendezvous, rank=rank, world_size=options.workers)
    Trainer(options, rank).run()


def main():
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "rendezvous").unlink(missing_ok=True)
    if options.workers == 1:
        worker(0, options)
    else:
        mp.spawn(worker, (options,), options.workers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
