#!/usr/bin/env python3
"""Packed recordings to one file of 16 kHz samples that train.py maps.

    prepare.py SPEECH OUT [--licences all]

SPEECH holds a folder a set, each with a manifest.tsv (path, start, samples,
seconds, speaker, split, utt, transcript, note), plus noise/ and rir/. OUT gets

    audio.i16, clips.tsv    every clip with a usable transcript
    noise.i16, noise.tsv    the noise recordings that training may use
    rir.f32, rir.tsv        room impulse responses

Every folder with a manifest is a set, but for the TEST_ONLY ones, which are
never read. Sets under share-alike or copyleft licences are left out of weights
that ship; --licences all keeps them. Two noise recordings are left out so that
a test in noise can use sounds that training has not heard.
"""
import argparse
import csv
import pathlib
import re
import sys

import numpy as np
import soundfile

RATE = 16000
TEST_ONLY = {"picovoice_coffee", "home_commands"}
NO_SPEECH = {"noise", "noise_esc10", "rir", "unlabelled"}
SHARE_ALIKE = {"fsdd", "asterisk_prompts", "gcompris", "klettres", "voxforge"}
# Speakers under such a licence in sets that are free otherwise.
SHARE_ALIKE_SPEAKERS = {"nato-hansen", "nato-fitzpatrick"}
TEST_NOISE = {"gsc_exercise_bike", "gsc_dude_miaowing"}
USABLE = re.compile(r"[A-Z][A-Z' ]*")
SKIPPED_NOTES = {"near-silent", "check-length"}


def low_pass(factor):
    """A windowed sinc that keeps what the lower rate can carry, unit gain."""
    half = 24 * factor
    n = np.arange(-half, half + 1)
    taps = np.sinc(n * 0.97 / factor) * np.blackman(len(n))
    return (taps / taps.sum()).astype(np.float32)


def read(path):
    """Samples of a file at 16 kHz, mono. Opus decodes at 48 kHz."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    samples = samples[:, 0]
    if rate == RATE:
        return samples
    if rate % RATE:
        sys.exit(f"{path}: cannot make {RATE} Hz of {rate} Hz")
    factor = rate // RATE
    taps = low_pass(factor)
    half = len(taps) // 2
    padded = np.pad(samples, half)
    out = np.zeros((len(samples) + factor - 1) // factor, np.float32)
    for i, tap in enumerate(taps):
        part = padded[i:i + len(samples):factor]
        out[:len(part)] += tap * part
    return out


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def to_i16(samples):
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2")


def sets(speech, licences):
    for manifest in sorted(speech.glob("*/manifest.tsv")):
        name = manifest.parent.name
        if name in TEST_ONLY | NO_SPEECH or (licences == "free" and name in SHARE_ALIKE):
            continue
        yield name


def clips(speech, out, licences):
    position = 0
    with open(out / "audio.i16", "wb") as audio, \
            open(out / "clips.tsv", "w", encoding="utf-8") as table:
        table.write("set\tsplit\tspeaker\tstart\tsamples\ttext\n")
        for name in sets(speech, licences):
            seconds, count, decoded = 0.0, 0, {}
            for row in rows(speech / name / "manifest.tsv"):
                notes = set((row["note"] or "").split(","))
                if not USABLE.fullmatch(row["transcript"]) or notes & SKIPPED_NOTES:
                    continue
                if licences == "free" and row["speaker"] in SHARE_ALIKE_SPEAKERS:
                    continue
                if row["path"] not in decoded:
                    decoded = {row["path"]: to_i16(read(speech / row["path"]))}
                start, size = int(row["start"]), int(row["samples"])
                clip = decoded[row["path"]][start:start + size]
                if len(clip) != size:
                    sys.exit(f"{row['path']}: {row['utt']} lies beyond the end")
                audio.write(clip.tobytes())
                table.write(f"{name}\t{row['split']}\t{row['speaker']}\t{position}\t{size}\t"
                            f"{row['transcript']}\n")
                position += size
                seconds += size / RATE
                count += 1
            print(f"{name}: {count} clips, {seconds / 3600:.2f} h", flush=True)


def noise_rows(speech):
    for manifest in sorted(speech.glob("noise*/manifest.tsv")):
        yield from rows(manifest)


def noises(speech, out):
    position = 0
    with open(out / "noise.i16", "wb") as audio, open(out / "noise.tsv", "w") as table:
        table.write("name\tstart\tsamples\n")
        for row in noise_rows(speech):
            name = pathlib.Path(row["path"]).stem
            if name in TEST_NOISE:
                continue
            samples = to_i16(read(speech / row["path"]))
            audio.write(samples.tobytes())
            table.write(f"{name}\t{position}\t{len(samples)}\n")
            position += len(samples)


def rooms(speech, out):
    packed = {}
    with open(out / "rir.f32", "wb") as audio, open(out / "rir.tsv", "w") as table:
        table.write("start\tsamples\n")
        position = 0
        for row in rows(speech / "rir" / "manifest.tsv"):
            if row["path"] not in packed:
                packed[row["path"]] = read(speech / row["path"])
            start, size = int(row["start"]), int(row["samples"])
            response = packed[row["path"]][start:start + size]
            response = response / np.sqrt((response ** 2).sum())
            audio.write(response.astype("<f4").tobytes())
            table.write(f"{position}\t{size}\n")
            position += size


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--licences", choices=("free", "all"), default="free")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    clips(options.speech, options.out, options.licences)
    noises(options.speech, options.out)
    rooms(options.speech, options.out)


if __name__ == "__main__":
    main()
