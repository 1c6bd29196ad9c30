#!/usr/bin/env python3
"""An hour of audio through the daemon, faster than real time: resident memory
after warm-up stays flat. Prints the figures.

HEARD_SOAK_MODEL names another model than the fixture.
"""

import unittest

from harness import *

MINUTE = 60 * RATE * 2  # bytes
MIB = 1 << 20


class Soak(unittest.TestCase):
    MODEL = os.environ.get("HEARD_SOAK_MODEL") or os.path.join(FIXTURES, "large-style")

    def report(self, minutes, daemon, start):
        sys.stderr.write(
            f"{minutes:4d} min of audio, {time.monotonic() - start:6.0f} s, "
            f"{daemon.memory() / MIB:7.1f} MiB resident\n"
        )

    def soak(self, work, minutes, allowed):
        """Runs work(client, minute); memory may grow by `allowed` bytes after a tenth."""
        with Daemon(program=HEARD, model=self.MODEL) as daemon, daemon.connect() as client:
            start = time.monotonic()
            warm = None
            for minute in range(minutes):
                work(daemon, client, minute)
                if minute == minutes // 10:
                    warm = daemon.memory()
                if minute % 10 == 0:
                    self.report(minute, daemon, start)
            self.report(minutes, daemon, start)
            grown = daemon.memory() - warm
            sys.stderr.write(f"grown by {grown / MIB:.2f} MiB after warm-up\n")
            self.assertLess(grown, allowed)
            status = client.ask("heard-status")
            self.assertGreater(status["audio_total"], minutes * 59)

    def test_many_streams(self):
        """Sixty streams of a minute, on one connection and on new ones."""
        pcm = [tones(60, seed) for seed in range(3)]

        def work(daemon, client, minute):
            final = "offline" if minute % 2 else "stream"
            options = {"heard": {"final": final, "words": True, "endpoint": minute % 3 == 0}}
            if minute % 3 == 0:
                with daemon.connect() as other:
                    other.send_bytes(b"".join(push_events(pcm[minute % 3], options)))
                    while True:
                        transcript = pick(other.until("transcript-stop"), "transcript")[0]
                        if transcript["heard"]["rule"] == "stop":
                            break
            else:
                client.push(pcm[minute % 3], options)

        self.soak(work, 60, 4 * MIB)

    def test_one_stream(self):
        """One stream of an hour: what grows is its text."""
        pcm = [tones(60, seed) for seed in range(3)]
        fmt = audio_format()

        def work(daemon, client, minute):
            if minute == 0:
                client.send("transcribe", {"heard": {"final": "stream", "partials": False}})
                client.send("audio-start", fmt)
            # Answers are read meanwhile: chunks come as the text grows.
            data = event("audio-chunk", fmt, pcm[minute % 3])
            writer = threading.Thread(target=client.send_bytes, args=(data,))
            writer.start()
            while writer.is_alive():
                self.drain(client)
            writer.join()
            if minute == 59:
                client.send("audio-stop")
                client.until("transcript-stop")

        self.soak(work, 60, 8 * MIB)

    def drain(self, client):
        ready, _, _ = select.select([client.socket], [], [], 0.05)
        if ready:
            client.reader.feed(client.socket.recv(65536))
        while client.reader.next():
            pass


if __name__ == "__main__":
    unittest.main()
