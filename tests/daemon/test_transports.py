#!/usr/bin/env python3
"""The same bytes give the same events through every transport and in every split."""

import unittest

from harness import *

SCRIPT = b"".join(
    [event("describe"), event("heard-hello", {})]
    + push_events(speak("THE QUICK BROWN FOX"), {"heard": {"final": "stream", "words": True}})
    + [event("ping", {"text": "1"}, b"payload of a ping")]
    + push_events(speak("JUMPS..OVER"), {"language": "en", "heard": {"final": "stream", "endpoint": True}}, chunk=999)
    + push_events(b"", {})
    + [event("ping", {"text": "last"}, inline=True)]
)


def clean(events):
    """In the order that heard-protocol(7) promises: some answers may overtake text,
    and while the model loads they say less."""
    events = [e for e in plain(events) if e[0] != "heard-welcome"]
    for kind, data in events:
        if kind == "info":
            data["asr"][0].pop("heard", None)
    hasty = ("info", "pong")
    return [e for e in events if e[0] in hasty], [e for e in events if e[0] not in hasty]


def through_socket(address, pieces):
    with Client(address) as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

        def write():
            for piece in pieces:
                client.send_bytes(piece)
            client.socket.shutdown(socket.SHUT_WR)

        writer = threading.Thread(target=write)
        writer.start()
        events = client.rest()
        writer.join()
        return events


def parse(data):
    reader = Reader()
    reader.feed(data)
    events = []
    while (item := reader.next()) is not None:
        events.append(item)
    return events


def split(data, size):
    return [data[i : i + size] for i in range(0, len(data), size)]


class Transports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.port = free_port()
        cls.daemon = Daemon("--listen", f"tcp://127.0.0.1:{cls.port}", "--languages", "en")
        cls.wanted = clean(through_socket(cls.daemon.path, [SCRIPT]))

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def test_script(self):
        """What the comparison below compares."""
        hasty, events = self.wanted
        self.assertEqual([kind for kind, _ in hasty], ["info", "pong", "pong"])
        texts = [data["text"] for kind, data in events if kind == "transcript"]
        self.assertEqual(texts, ["THE QUICK BROWN FOX", "JUMPS", "OVER", ""])

    def test_tcp(self):
        self.assertEqual(clean(through_socket(("127.0.0.1", self.port), [SCRIPT])), self.wanted)

    def test_stdio(self):
        for stdin in subprocess.PIPE, "file":
            if stdin == "file":
                stdin = tempfile.TemporaryFile()
                stdin.write(SCRIPT)
                stdin.seek(0)
                self.addCleanup(stdin.close)
            with Daemon("--languages", "en", listen="stdio://", wait=False, stdin=stdin, stdout=subprocess.PIPE) as d:
                output, _ = d.process.communicate(SCRIPT if d.process.stdin else None, PATIENCE)
                self.assertEqual(clean(parse(output)), self.wanted)
                self.assertEqual(d.process.returncode, 0)

    def test_stdio_to_a_file(self):
        with tempfile.TemporaryFile() as out:
            with Daemon("--languages", "en", listen="stdio://", wait=False, stdin=subprocess.PIPE, stdout=out) as d:
                d.process.communicate(SCRIPT, PATIENCE)
            out.seek(0)
            self.assertEqual(clean(parse(out.read())), self.wanted)

    def test_splits(self):
        generator = random.Random(7)
        for size in 7, 160, 4096:
            events = through_socket(self.daemon.path, split(SCRIPT, size))
            self.assertEqual(clean(events), self.wanted, f"split {size}")
        for _ in range(3):
            pieces, at = [], 0
            while at < len(SCRIPT):
                n = generator.choice([1, 2, 3, 50, 1000, 70000])
                pieces.append(SCRIPT[at : at + n])
                at += n
            self.assertEqual(clean(through_socket(self.daemon.path, pieces)), self.wanted)

    def test_single_bytes(self):
        short = b"".join([event("describe")] + push_events(speak("HI"), {"heard": {}}))
        wanted = clean(through_socket(self.daemon.path, [short]))
        self.assertEqual(clean(through_socket(self.daemon.path, split(short, 1))), wanted)


if __name__ == "__main__":
    unittest.main()
