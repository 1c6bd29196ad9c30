#!/usr/bin/env python3
"""Many clients at once, some of them bad: everybody else gets exactly their words."""

import unittest
import wave

from harness import *


def sentence(i):
    words = ["ALPHA", "BRAVO", "CHARLY", "DELTA", "ECHO", "FOXTROT", "GOLF", "HOTEL"]
    return " ".join(words[(i * k + k) % 8] for k in range(1, 5)) + " " + chr(65 + i % 26)


class Pusher(threading.Thread):
    def __init__(self, address, i):
        super().__init__()
        self.address, self.i, self.client, self.error = address, i, None, None

    def transcribe(self, text):
        """A daemon that is behind real time with its own source refuses new streams,
        and says so: no word is lost, the client asks again."""
        options = {"heard": {"final": "stream"}} if self.i % 2 else {}
        while True:
            try:
                return self.client.transcribe(speak(text), options, chunk=500 + 37 * self.i)
            except Ended as end:
                if end.code != "overloaded":
                    raise
            self.client.close()
            time.sleep(0.1)
            self.client = Client(self.address)

    def run(self):
        try:
            self.client = Client(self.address)
            for round_ in range(3):
                text = sentence(self.i + 64 * round_)
                heard = self.transcribe(text)
                wanted = text if self.i % 2 else text.lower()
                if heard != wanted:
                    raise AssertionError(f"{heard!r} is not {wanted!r}")
        except Exception as error:  # told by the main thread
            self.error = error
        if self.client:
            self.client.close()


class Subscriber(threading.Thread):
    def __init__(self, address, rounds):
        super().__init__()
        self.client, self.rounds, self.texts, self.error = Client(address), rounds, [], None
        self.client.ask("heard-subscribe", {}, "heard-device")

    def run(self):
        try:
            while len(self.texts) < self.rounds:
                self.texts.append(text_of(self.client.until("transcript-stop")))
        except Exception as error:
            self.error = error
        self.client.close()


class Crowd(unittest.TestCase):
    def test_crowd(self):
        verse = ["SOURCE ONE", "SOURCE TWO", "SOURCE THREE"]
        with tempfile.NamedTemporaryFile(suffix=".wav") as f:
            with wave.open(f.name, "wb") as w:
                w.setparams((1, 2, RATE, 0, "NONE", ""))
                w.writeframes(b"".join(speak(line + "...") for line in verse))
            port = free_port()
            with Daemon(
                "--listen", f"tcp://127.0.0.1:{port}", "--loop", "--gate=no", source=f"file:{f.name}"
            ) as daemon:
                self.crowd(daemon, ("127.0.0.1", port), verse)

    def crowd(self, daemon, tcp, verse):
        subscribers = [Subscriber(daemon.path, 4) for _ in range(8)]
        pushers = [Pusher(daemon.path if i % 2 else tcp, i) for i in range(52)]

        # One that reads nothing, and asks for much.
        silent = daemon.connect()
        silent.send("heard-subscribe")
        # One that sends garbage, one that ends in the middle of a payload, one
        # that stands still in the middle of a line, one that resets.
        garbage = daemon.connect()
        dying = daemon.connect()
        dying.send("audio-start", audio_format())
        dying.send_bytes(event("audio-chunk", audio_format(), b"x" * 50000)[:-30000])
        still = daemon.connect()
        still.send_bytes(b'{"type": "pi')

        for thread in subscribers + pushers:
            thread.start()
        garbage.send_bytes(random.Random(1).randbytes(100000)[:5000] + b"\n")
        garbage.until("error")
        garbage.close()
        dying.close()
        for thread in subscribers + pushers:
            thread.join(PATIENCE * 3)
            self.assertFalse(thread.is_alive())
            if thread.error:
                raise thread.error

        wanted = [line.lower() for line in verse]
        for subscriber in subscribers:
            # They came in at different lines of the loop.
            first = wanted.index(subscriber.texts[0]) if subscriber.texts[0] in wanted else None
            if first is None:
                first = wanted.index(subscriber.texts[1]) - 1
            rest = [wanted[(first + i) % len(wanted)] for i in range(len(subscriber.texts))]
            self.assertEqual(subscriber.texts[1:], rest[1:])
        still.send_bytes(b'ng"}\n')
        still.until("pong")
        still.close()
        silent.close()

    def test_slow_reader(self):
        """It loses partials first; past its cap it is told and dropped."""
        with Daemon() as daemon, daemon.connect() as other:
            slow = daemon.connect()
            slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            ping = event("ping", {"text": "x" * 50000})
            with self.assertRaises(OSError):
                while True:
                    slow.send_bytes(ping)
            other.transcribe(speak("FINE"))
            daemon.wait_log("dropped, it does not read")
            self.assertEqual(other.ask("heard-status")["dropped_clients"], 1)
            slow.close()

    def test_slow_subscriber_keeps_finals(self):
        """Partials are replaced by newer ones, transcripts never are."""
        texts = [sentence(i) for i in range(40)]
        pcm = b"".join(speak(text + "...") for text in texts)
        with Daemon() as daemon:
            slow = daemon.connect()
            slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            options = {"heard": {"words": True, "endpoint": {"silence_text": 1}}}
            data = b"".join(push_events(pcm, options))
            slow.send_bytes(data)
            # Now everything is under way; read late.
            with daemon.connect() as other:
                wait(lambda: other.ask("heard-status")["utterances_total"] >= 41, "all finals")
            heard = []
            while len(heard) < 41:
                heard.append(text_of(slow.until("transcript-stop")))
            self.assertEqual(heard, [t.lower() for t in texts] + [""])
            slow.close()

    def test_client_limit(self):
        with Daemon("--max-clients", "3") as daemon:
            clients = [daemon.connect() for _ in range(3)]
            for client in clients:
                self.addCleanup(client.close)
                client.ask("ping", answer="pong")
            with daemon.connect() as fourth:
                self.assertEqual(fourth.until("error")[-1][1]["code"], "too-many-clients")
                self.assertEqual(fourth.rest(), [])
            clients.pop().close()

            def fits():
                with daemon.connect() as client:
                    client.send("ping")
                    return client.recv()[0] == "pong"

            wait(fits, "a free place")
            for client in clients:
                client.close()


if __name__ == "__main__":
    unittest.main()
