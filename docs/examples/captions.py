#!/usr/bin/env python3
"""Captions of heard's microphone, with nothing but the standard library."""
import json
import os
import socket

runtime = os.environ.get("XDG_RUNTIME_DIR", "") + "/heard.sock"
path = os.environ.get("HEARD_SOCKET", "").removeprefix("unix://") or (
    runtime if os.path.exists(runtime) else "/run/heard/heard.sock")
with socket.socket(socket.AF_UNIX) as s:
    s.connect(path)
    s.sendall(b'{"type":"heard-subscribe"}\n')
    for line in (stream := s.makefile("rb")):
        event = json.loads(line)
        data = event.get("data") or {}
        data.update(json.loads(stream.read(event.get("data_length") or 0) or b"{}"))
        if event["type"] == "heard-partial":
            print("\r\33[K" + data["stable"] + data["unstable"], end="", flush=True)
        elif event["type"] == "transcript" and data["text"]:
            print("\r\33[K" + data["text"], flush=True)
