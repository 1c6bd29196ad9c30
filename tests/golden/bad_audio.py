"""Recordings that are none, or not quite."""

import os
import struct


def wav(data, rate=16000, channels=1, bits=16, form=1, size=None):
    size = len(data) if size is None else size
    block = channels * bits // 8
    return (
        struct.pack("<4sI4s4sIHHIIHH", b"RIFF", (36 + size) & 0xFFFFFFFF, b"WAVE", b"fmt ", 16, form,
                    channels, rate, (rate * block) & 0xFFFFFFFF, block & 0xFFFF, bits)
        + struct.pack("<4sI", b"data", size & 0xFFFFFFFF)
        + data
    )  # fmt: skip


def cases(bench):
    directory = bench.fixture("short-base")
    path = os.path.join(bench.scratch, "audio.wav")
    tone = b"".join(struct.pack("<h", (i * 997) % 2000 - 1000) for i in range(8000))

    def write(data):
        with open(path, "wb") as file:
            file.write(data)

    for name, data in {
        "empty": b"",
        "one byte": b"R",
        "text": b"this is no recording\n" * 50,
        "only a RIFF header": wav(tone)[:12],
        "cut in the format": wav(tone)[:30],
        "no channels": wav(tone, channels=0),
        "no rate": wav(tone, rate=0),
        "an unknown format": wav(tone, form=0x7777),
    }.items():
        write(data)
        bench.refused(f"audio: {name}", directory, path, audio=path)
    for name, data in {
        "without samples": wav(b""),
        "cut in the samples": wav(tone)[:1001],
        "promising more than it has": wav(tone, size=1 << 31),
        "promising four gigabytes": wav(tone, size=0xFFFFFFFF),
        "of 4 GHz": wav(tone, rate=0xFFFFFFFF),
        "of 1 Hz": wav(tone[:64], rate=1),
        "of 1024 channels": wav(tone * 4, channels=1024),
        "of one bit": wav(tone, bits=1),
        "of NaN": wav(struct.pack("<f", float("nan")) * 8000, bits=32, form=3),
        "of infinities": wav(struct.pack("<f", float("inf")) * 8000, bits=32, form=3),
        "of numbers near the largest float": wav(struct.pack("<f", 3e38) * 8000, bits=32, form=3),
        "of silence": wav(bytes(16000)),
    }.items():
        write(data)
        bench.survives(f"audio: {name}", directory, path, audio=path)
    bench.refused("audio: no such file", directory, "none.wav",
                  audio=os.path.join(bench.scratch, "none.wav"))  # fmt: skip
    bench.refused("audio: a directory", directory, bench.scratch, audio=bench.scratch)
