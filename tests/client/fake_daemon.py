"""A daemon that says what a test tells it to, and remembers what it was sent."""

import json
import os
import socket
import threading


class Connection:
    """One client: events in and out, in Wyoming's framing."""

    def __init__(self, sock):
        self.sock = sock
        self.file = sock.makefile("rb")

    def read(self):
        """The next event as (type, data, payload), or None at the end."""
        line = self.file.readline()
        if not line:
            return None
        header = json.loads(line)
        data = header.get("data") or {}
        length = header.get("data_length") or 0
        if length:
            data = {**data, **json.loads(self.file.read(length))}
        payload = self.file.read(header.get("payload_length") or 0)
        return header["type"], data, payload

    def write(self, kind, **data):
        self.raw(json.dumps({"type": kind, "data": data}).encode() + b"\n")

    def raw(self, data):
        self.sock.sendall(data)

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.file.close()
        self.sock.close()


def stamp(time, stream=0):
    return {"stream": stream, "clock": int(time * 16000), "time": time}


class FakeDaemon:
    """Serves connections one after the other with serve(daemon, connection, number)."""

    def __init__(self, path, serve):
        self.path = path
        self.serve = serve
        self.connections = 0
        self.errors = []
        self.listener = socket.socket(socket.AF_UNIX)
        if os.path.exists(path):
            os.unlink(path)
        self.listener.bind(path)
        self.listener.listen(8)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            connection = Connection(sock)
            self.connections += 1
            try:
                self.serve(self, connection, self.connections)
            except (BrokenPipeError, ConnectionResetError):
                pass
            except Exception as error:  # shown by the test, not lost in the thread
                self.errors.append(repr(error))
            finally:
                connection.close()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(timeout=10)
        os.unlink(self.path)


def welcome(connection, rate=16000):
    kind, _, _ = connection.read()
    assert kind == "heard-hello", kind
    connection.write("heard-welcome", **stamp(0), version="1", ready=True, model="m", rate=rate)


def transcript(connection, text, time=1.0, words=None, rule="silence-text", **heard):
    """The standard sequence of one utterance."""
    heard = {**stamp(time), "start": max(time - 1, 0), "end": time, "rule": rule, "prefix_ok": True,
             **heard}
    if words is not None:
        heard["words"] = words
    connection.write("transcript-start")
    if text:
        connection.write("transcript-chunk", text=text)
    connection.write("transcript", text=text, heard=heard)
    connection.write("transcript-stop")


def take_stream(connection):
    """Reads a pushed stream: (transcribe, audio-start, samples' bytes), None at the end."""
    options, start, audio = {}, None, b""
    while True:
        event = connection.read()
        if event is None:
            return None
        kind, data, payload = event
        if kind == "transcribe":
            options = data
        elif kind == "audio-start":
            start = data
        elif kind == "audio-chunk":
            audio += payload
        elif kind == "audio-stop":
            return options, start, audio
