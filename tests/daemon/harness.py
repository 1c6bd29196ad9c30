"""Runs the daemon on temporary sockets and talks to it, for the e2e tests.

Nothing here asserts on a clock: waits end with what is waited for, and the
timeouts are there only to fail instead of hanging.

The fake daemon (fake_recognizer.c) hears what `speak` writes: two frames a
letter, half a second of silence for a '.'. Its offline pass answers in lower
case.
"""

import array
import json
import math
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HEARD = os.environ.get("HEARD", "")
HEARD_FAKE = os.environ.get("HEARD_FAKE", "")
HEARD_MODEL = os.environ.get("HEARD_MODEL", "")
FIXTURES = os.environ.get("HEARD_FIXTURES", "")

RATE = 16000
FRAME = 320
PATIENCE = 60.0  # seconds until a wait has failed


def speak(text):
    """What the fake recognizer reads as `text`, as 16 bit samples."""
    out = array.array("h")
    for letter in text:
        if letter == ".":
            out.extend([0] * (25 * FRAME))
            continue
        token = 26 if letter == " " else ord(letter) - ord("A")
        out.extend([round((token + 5) / 100 * 32768)] * (2 * FRAME))
        out.extend([0] * FRAME)
    return out.tobytes()


def event(kind, data=None, payload=b"", inline=False):
    """One event as bytes; the data as a part of its own, as the reference writes it."""
    header = {"type": kind, "version": "1.9.0"}
    part = b""
    if data is not None and inline:
        header["data"] = data
    elif data is not None:
        part = json.dumps(data).encode()
        header["data_length"] = len(part)
    if payload:
        header["payload_length"] = len(payload)
    return json.dumps(header).encode() + b"\n" + part + payload


def audio_format(rate=RATE, width=2, channels=1):
    return {"rate": rate, "width": width, "channels": channels}


def push_events(pcm, transcribe=None, chunk=4096, **fmt):
    """The events of one pushed stream."""
    fmt = audio_format(**fmt)
    out = [event("transcribe", transcribe)] if transcribe is not None else []
    out.append(event("audio-start", dict(fmt, timestamp=None)))
    for i in range(0, len(pcm), chunk):
        out.append(event("audio-chunk", fmt, pcm[i : i + chunk]))
    out.append(event("audio-stop", {"timestamp": None}))
    return out


class Reader:
    """Events out of bytes."""

    def __init__(self):
        self.buffer = b""

    def feed(self, data):
        self.buffer += data

    def next(self):
        end = self.buffer.find(b"\n")
        if end < 0:
            return None
        header = json.loads(self.buffer[:end])
        need = end + 1 + header.get("data_length", 0) + header.get("payload_length", 0)
        if len(self.buffer) < need:
            return None
        data = header.get("data") or {}
        if header.get("data_length"):
            data = dict(data, **json.loads(self.buffer[end + 1 : end + 1 + header["data_length"]]))
        self.buffer = self.buffer[need:]
        return header["type"], data


class Ended(AssertionError):
    """The connection ended before what was waited for; `code` of the last error event."""

    def __init__(self, kind, events):
        super().__init__(f"no {kind}: the connection ended after {events[-3:]}")
        self.code = next((data["code"] for name, data in events[::-1] if name == "error"), None)


class Client:
    def __init__(self, address):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
        else:
            self.socket = socket.socket(socket.AF_INET)
        self.socket.settimeout(PATIENCE)
        try:
            self.socket.connect(address)
        except OSError:
            self.socket.close()
            raise
        self.reader = Reader()
        self.ended = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, kind, data=None, payload=b""):
        self.send_bytes(event(kind, data, payload))

    def recv(self):
        """The next event; None at the end."""
        while True:
            item = self.reader.next()
            if item or self.ended:
                return item
            data = self.socket.recv(65536)
            if data:
                self.reader.feed(data)
            else:
                self.ended = True

    def until(self, kind):
        """All events up to one of this kind."""
        events = []
        while True:
            item = self.recv()
            if item is None:
                raise Ended(kind, events)
            events.append(item)
            if item[0] == kind:
                return events

    def ask(self, kind, data=None, answer=None):
        self.send(kind, data)
        return self.until(answer or kind)[-1][1]

    def push(self, pcm, transcribe=None, **options):
        """Pushes a stream and returns its events, writing and reading at once."""
        data = b"".join(push_events(pcm, transcribe, **options))

        def write():
            try:
                self.send_bytes(data)
            except OSError:
                pass  # the reader is told why

        writer = threading.Thread(target=write)
        writer.start()
        try:
            return self.until("transcript-stop")
        finally:
            writer.join()

    def transcribe(self, pcm, transcribe=None, **options):
        return text_of(self.push(pcm, transcribe, **options))

    def transcribe_floats(self, samples, transcribe):
        """The same for an array of floats at the model's rate."""
        fmt = audio_format(width=4)
        self.send("transcribe", transcribe)
        self.send("audio-start", dict(fmt, heard={"format": "f32"}))
        self.send("audio-chunk", fmt, samples.tobytes())
        self.send("audio-stop")
        return text_of(self.until("transcript-stop"))

    def rest(self):
        """All events up to the end of the connection."""
        events = []
        while (item := self.recv()) is not None:
            events.append(item)
        return events


def pick(events, kind):
    return [data for name, data in events if name == kind]


def text_of(events):
    """The transcript's text, after checking that the chunks add up to it."""
    (transcript,) = pick(events, "transcript")
    chunks = "".join(data["text"] for data in pick(events, "transcript-chunk"))
    if chunks != transcript["text"]:
        raise AssertionError(f"chunks {chunks!r} are not {transcript['text']!r}")
    return transcript["text"]


def plain(events):
    """Events without what differs from run to run."""
    out = []
    for kind, data in events:
        data = json.loads(json.dumps(data))
        for holder in (data, data.get("heard", {})):
            holder.pop("stream", None)
            holder.pop("latency", None)
        out.append((kind, data))
    return out


def read_floats(path):
    """The samples of a WAV file of floats; the wave module does not know them."""
    with open(path, "rb") as f:
        data = f.read()
    return array.array("f", data[data.index(b"data") + 8 :])


class Daemon:
    """One process. `listen` None: a unix socket of its own, ready when constructed."""

    def __init__(self, *args, program=None, model="/models/x", source="none", listen=None,
                 wait=True, env=None, preexec=None, **popen):
        self.dir = tempfile.mkdtemp(prefix="heard-e2e-")
        self.path = os.path.join(self.dir, "heard.sock")
        self.log_path = os.path.join(self.dir, "log")
        self.args = [program or HEARD_FAKE]
        self.args += ["--config", os.devnull]
        if model:
            self.args += ["--model", model]
        if source:
            self.args += ["--source", source]
        if listen != "":
            self.args += ["--listen", listen or f"unix://{self.path}"]
        self.args += list(args)
        environment = dict(os.environ)
        environment.pop("NOTIFY_SOCKET", None)
        environment.pop("XDG_RUNTIME_DIR", None)
        environment.update(env or {})
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.args, stderr=log, env=environment, **popen)
        if wait:
            self.wait_socket()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.stop()
        if kind:
            sys.stderr.write(self.log())
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def wait_socket(self):
        ready = "listening on"
        wait(lambda: self.process.poll() is not None or ready in self.log(), "the socket")
        if self.process.poll() is not None:
            raise AssertionError(f"heard ended with {self.process.returncode}: {self.log()}")

    def wait_log(self, text, count=1):
        wait(lambda: self.log().count(text) >= count, f"{text!r} in the log")

    def connect(self):
        return Client(self.path)

    def kill(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def memory(self):
        """Resident bytes."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        return 0


def connect_soon(path):
    """Between bind and listen a socket's file is there, and refuses."""
    made = []

    def connect():
        try:
            made.append(Client(path))
        except OSError:
            pass
        return made

    wait(connect, "the socket")
    return made[0]


def wait(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.01)


def free_port():
    with socket.socket(socket.AF_INET) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tones(seconds, seed=1):
    """Sound with pauses, for models that were not trained: their words mean nothing.
    Built of whole periods, which is quick."""
    generator = random.Random(seed)
    out = array.array("h")
    while len(out) < seconds * RATE:
        n = generator.randrange(8, 160)
        level = generator.choice([0, 2000, 8000])
        period = [level * math.sin(2 * math.pi * i / n) for i in range(n)]
        noise = [generator.uniform(-0.3, 0.3) * level for _ in range(n)]
        out.extend([round(a + b) for a, b in zip(period, noise)]
                   * round(RATE * generator.uniform(0.05, 0.4) / n))
    return out[: int(seconds * RATE)].tobytes()


if __name__ == "__main__":
    unittest.main()
