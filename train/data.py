"""What the network hears in training: clips, joined, bent and put in rooms.

Reads what prepare.py and synthesize.py wrote. Everything random comes from one
numpy generator, so a seed gives the same batches again.
"""
import csv
import json
import pathlib

import numpy as np
import torch

from model import RATE, TOKEN

# Sets whose clips are one word or phrase: several are joined to one utterance.
ISOLATED = {"fsdd", "speech_commands", "picovoice_wakewords", "mycroft_precise",
            "custom_keywords", "speech_commands_more", "nato", "klettres", "gcompris"}
LONGEST = 17 * RATE
# No further clip is joined beyond this.
JOINED = 10 * RATE


class Clip:
    __slots__ = ("set", "split", "speaker", "start", "samples", "text", "audio")

    def __init__(self, row, audio):
        self.set, self.split, self.speaker = row["set"], row["split"], row["speaker"]
        self.start, self.samples, self.text = int(row["start"]), int(row["samples"]), row["text"]
        self.audio = audio

    def wave(self):
        return self.audio[self.start:self.start + self.samples].astype(np.float32) / 32768


def read_clips(directories, split):
    clips = []
    for directory in map(pathlib.Path, directories):
        audio = np.memmap(directory / "audio.i16", dtype="<i2", mode="r")
        with open(directory / "clips.tsv", newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            clips += [Clip(row, audio) for row in rows if row["split"] == split]
    return clips


def read_pieces(directory, name, dtype):
    audio = np.memmap(pathlib.Path(directory) / name, dtype=dtype, mode="r")
    table = pathlib.Path(directory) / (name.split(".")[0] + ".tsv")
    with open(table, newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [audio[int(r["start"]):int(r["start"]) + int(r["samples"])] for r in rows]


def level(x):
    return float(np.sqrt(np.mean(x * x)) + 1e-6)


class Sampler:
    """Draws training utterances from a mixture of sets (weights by name)."""

    def __init__(self, directories, weights, seed):
        self.rng = np.random.default_rng(seed)
        self.hardness = 1.0  # scales rooms and noise
        self.sets = {}
        for clip in read_clips(directories, "train"):
            if clip.samples <= LONGEST:
                self.sets.setdefault(clip.set, []).append(clip)
        self.names = [n for n in weights if n in self.sets]
        total = sum(weights[n] for n in self.names)
        self.shares = [weights[n] / total for n in self.names]
        self.by_speaker = {}
        for clips in self.sets.values():
            for clip in clips:
                self.by_speaker.setdefault(clip.speaker, []).append(clip)
        self.everything = [c for clips in self.sets.values() for c in clips]
        self.noises = read_pieces(directories[0], "noise.i16", "<i2")
        self.rooms = read_pieces(directories[0], "rir.f32", "<f4")

    def pick(self, items):
        return items[self.rng.integers(len(items))]

    def silence(self, low, high):
        n = int(self.rng.uniform(low, high) * RATE)
        return (self.rng.standard_normal(n) * 10 ** self.rng.uniform(-5, -3)).astype(np.float32)

    def cut_close(self, x):
        """Begins at the first sound or up to 20 ms late, as a button or a gate may cut it."""
        blocks = np.square(x[:len(x) // 80 * 80].reshape(-1, 80)).mean(1)
        loud = np.flatnonzero(blocks > 0.003 * blocks.max()) if len(blocks) else ()
        return x[max(0, 80 * int(loud[0]) - self.rng.integers(-320, 480)):] if len(loud) else x

    def words(self):
        """A clip, or several of a speaker (now and then of several) one after the other."""
        rng, clip = self.rng, self.pick(self.sets[rng_choice(self.rng, self.names, self.shares)])
        if clip.set in ISOLATED:
            count = 1 if rng.random() < 0.3 else int(rng.integers(2, 8))
        else:
            count = 2 if rng.random() < 0.12 else 1
        parts, texts, size = [], [], 0
        start = rng.random()
        if start < 0.65:
            parts.append(self.silence(0, 0.6))
        pool = self.by_speaker[clip.speaker]
        if clip.set in ISOLATED and rng.random() < 0.2:
            pool = self.sets[clip.set]
        for i in range(count):
            if i:
                clip = self.pick(pool)
            if size + clip.samples > JOINED and size:
                break
            wave = clip.wave()
            if not i and start > 0.8:
                wave = self.cut_close(wave)
            if clip.set in ISOLATED and rng.random() < 0.5:
                wave = wave * np.float32(10 ** rng.uniform(-0.2, 0.2))
            parts += [wave, self.silence(0, 0.4)]
            texts.append(clip.text)
            size += clip.samples
        end = rng.random()
        if end < 0.4:
            parts.append(self.silence(0, 0.6))
        elif end < 0.75:
            parts.pop()  # ends with its last word, as a clip does: the last letter must be out
        return np.concatenate(parts), " ".join(texts)

    def noise(self, n):
        """A recording, voices, or noise of a random colour."""
        rng, kind = self.rng, self.rng.random()
        if kind < 0.45:
            piece = self.pick(self.noises)
            start = rng.integers(max(1, len(piece) - n))
            return np.resize(piece[start:start + n].astype(np.float32), n)
        if kind < 0.75:
            out = np.zeros(n, np.float32)
            for _ in range(int(rng.integers(1, 7))):
                wave = self.pick(self.everything).wave()
                wave = wave / level(wave) * np.float32(rng.uniform(0.4, 1))
                start = rng.integers(len(wave))
                out += np.resize(np.roll(wave, int(start)), n)
            return out
        spectrum = np.fft.rfft(rng.standard_normal(n).astype(np.float32))
        hz = np.arange(len(spectrum)) + 20.0 * n / RATE
        spectrum *= hz ** rng.uniform(-1.2, 0.3)
        return np.fft.irfft(spectrum, n).astype(np.float32)

    def colour(self, x):
        """A room, a telephone or old recording, a tilted microphone: one multiplication of
        the spectrum."""
        rng = self.rng
        room, narrow, tilt = rng.random(3) < (0.25 * self.hardness, 0.3, 0.35)
        if not (room or narrow or tilt):
            return x
        response = np.asarray(self.pick(self.rooms)) if room else None
        tail = len(response) if room else 0
        size = 1 << int(np.ceil(np.log2(len(x) + tail + 1)))
        spectrum = np.fft.rfft(x, size)
        hz = np.linspace(0, RATE / 2, len(spectrum), dtype=np.float32)
        if room:
            spectrum *= np.fft.rfft(response, size)
        if narrow:
            edge = rng.uniform(3200, 5500) if rng.random() < 0.6 else 3800
            spectrum *= np.clip((edge + 300 - hz) / 600, 0, 1)
        if tilt:
            points = np.linspace(0, RATE / 2, 9)
            gain = np.cumsum(rng.normal(0, 2.0, 9))
            gain = np.interp(hz, points, gain - gain.mean())
            spectrum *= 10 ** (np.clip(gain, -14, 14) / 20)
        y = np.fft.irfft(spectrum, size).astype(np.float32)
        delay = int(np.argmax(np.abs(response))) if room else 0
        return y[delay:delay + len(x)]

    def utterance(self):
        """(samples, tokens)"""
        rng = self.rng
        x, text = self.words()
        speed = rng.uniform(0.85, 1.22)
        x = np.interp(np.arange(int(len(x) / speed)) * speed, np.arange(len(x)), x)
        x = self.colour(x.astype(np.float32))
        if rng.random() < self.hardness * 0.6:
            noise = self.noise(len(x))
            snr = rng.uniform(30 - 28 * self.hardness, 30)
            x = x + noise * np.float32(level(x) / level(noise) * 10 ** (-snr / 20))
        x = x * np.float32(10 ** rng.uniform(-2.3, -0.6) / level(x))
        return np.clip(x, -1, 1), [TOKEN["|" if c == " " else c] for c in text]

    def batches(self, config, seconds):
        """Endless batches of at most `seconds` of padded audio, sizes alike within one:
        samples [B, N], frames [B], targets, target lengths [B]"""
        while True:
            pool = []
            while sum(len(x) for x, _ in pool) < 8 * seconds * RATE:
                x, tokens = self.utterance()
                repeats = sum(a == b for a, b in zip(tokens, tokens[1:]))
                if len(x) > 0 and config.frames(len(x)) > len(tokens) + repeats:
                    pool.append((x, tokens))
            pool.sort(key=lambda item: len(item[0]))
            groups = [[]]
            for item in pool:
                if (len(groups[-1]) + 1) * len(item[0]) > seconds * RATE and groups[-1]:
                    groups.append([])
                groups[-1].append(item)
            for i in self.rng.permutation(len(groups)):
                yield self.collate(config, groups[i])

    @staticmethod
    def collate(config, group):
        samples = np.zeros((len(group), max(len(x) for x, _ in group)), np.float32)
        for row, (x, _) in zip(samples, group):
            row[:len(x)] = x
        return (torch.from_numpy(samples),
                torch.tensor([config.frames(len(x)) for x, _ in group]),
                torch.tensor([t for _, tokens in group for t in tokens]),
                torch.tensor([len(tokens) for _, tokens in group]))

    def state(self):
        return json.dumps(self.rng.bit_generator.state)

    def restore(self, state):
        self.rng.bit_generator.state = json.loads(state)


def rng_choice(rng, names, shares):
    return names[int(np.searchsorted(np.cumsum(shares), rng.random()).clip(0, len(names) - 1))]


class Masker:
    """SpecAugment on projected features: stretches of frames and one band of channels."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def __call__(self, x, lengths):
        keep = torch.ones(x.shape[0], x.shape[1], 1)
        channels = torch.ones(x.shape[0], 1, x.shape[2])
        for row in range(x.shape[0]):
            n = int(lengths[row])
            for _ in range(max(1, n // 50)):
                width = int(self.rng.integers(1, 12))
                start = int(self.rng.integers(max(1, n - width)))
                keep[row, start:start + width] = 0
            width = int(self.rng.integers(0, x.shape[2] // 6))
            start = int(self.rng.integers(x.shape[2] - width))
            channels[row, 0, start:start + width] = 0
        return x * keep * channels
