"""The daemon and the reference implementation of its protocol, as Home Assistant uses it.

HEARD, HEARD_DEFAULT and HEARD_CLIP name the daemon, the model and a recording.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import soundfile
from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong

HEARD = os.environ["HEARD"]
MODEL = os.environ["HEARD_DEFAULT"]
CLIP = os.environ["HEARD_CLIP"]
PATIENCE = 60.0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Wyoming(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="heard-wyoming-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.unix = f"unix://{self.dir}/heard.sock"
        self.tcp = f"tcp://127.0.0.1:{free_port()}"
        self.log = open(f"{self.dir}/log", "w+", encoding="utf-8")
        self.addCleanup(self.log.close)
        self.daemon = subprocess.Popen(
            [HEARD, "--config", os.devnull, "--model", MODEL, "--source", "none",
             "--listen", self.unix, "--listen", self.tcp],
            stderr=self.log,
        )
        self.addCleanup(self.stop)
        end = time.monotonic() + PATIENCE
        while self.text().count("listening on") < 2:
            self.assertIsNone(self.daemon.poll(), self.text())
            self.assertLess(time.monotonic(), end, self.text())
            time.sleep(0.02)

    def text(self):
        with open(f"{self.dir}/log", encoding="utf-8") as log:
            return log.read()

    def stop(self):
        self.daemon.send_signal(signal.SIGTERM)
        self.assertEqual(self.daemon.wait(PATIENCE), 0)

    def client(self, uri):
        return AsyncClient.from_uri(uri, connect_timeout=PATIENCE, read_timeout=PATIENCE)

    def chunks(self):
        samples, rate = soundfile.read(CLIP, dtype="int16")
        for begin in range(0, len(samples), 1024):
            audio = samples[begin : begin + 1024].tobytes()
            yield AudioChunk(rate=rate, width=2, channels=1, audio=audio)

    def start(self):
        return AudioStart(rate=16000, width=2, channels=1).event()

    async def until(self, client, kind):
        while True:
            event = await client.read_event()
            self.assertIsNotNone(event, "the connection ended")
            self.assertFalse(Error.is_type(event.type), event.data)
            if kind.is_type(event.type):
                return event

    async def push(self, client, **options):
        await client.write_event(Transcribe(**options).event())
        await client.write_event(self.start())
        for chunk in self.chunks():
            await client.write_event(chunk.event())
        await client.write_event(AudioStop().event())

    async def transcript(self, client):
        return Transcript.from_event(await self.until(client, Transcript)).text

    async def test_info(self):
        for uri in (self.unix, self.tcp):
            async with self.client(uri) as client:
                await client.write_event(Describe().event())
                info = Info.from_event(await self.until(client, Info))
                program = info.asr[0]
                self.assertTrue(program.installed and program.models[0].installed)
                self.assertIn("en", program.models[0].languages)
                self.assertTrue(program.supports_transcript_streaming)

    async def test_ping(self):
        async with self.client(self.unix) as client:
            await client.write_event(Ping(text="x").event())
            self.assertEqual(Pong.from_event(await self.until(client, Pong)).text, "x")

    async def test_transcript(self):
        """A batch client; its chunks add up to the transcript."""
        texts = []
        for uri in (self.unix, self.tcp):
            async with self.client(uri) as client:
                await self.push(client, language="en")
                await self.until(client, TranscriptStart)
                chunks = ""
                while True:
                    event = await client.read_event()
                    if Transcript.is_type(event.type):
                        break
                    chunks += TranscriptChunk.from_event(event).text
                text = Transcript.from_event(event).text
                self.assertEqual(text, chunks)
                await self.until(client, TranscriptStop)
                texts.append(text)
        self.assertNotEqual(texts[0], "")
        self.assertEqual(texts[0], texts[1])

    async def test_one_connection_many_streams(self):
        async with self.client(self.tcp) as client:
            texts = []
            for _ in range(3):
                await self.push(client)
                texts.append(await self.transcript(client))
            self.assertEqual(len(set(texts)), 1)

    async def test_late_and_early_events(self):
        """The reference's servers take chunks behind the stop, and a stop without a start."""
        async with self.client(self.tcp) as client:
            await client.write_event(AudioStop().event())
            await self.push(client, language="en")
            await client.write_event(next(iter(self.chunks())).event())
            first = await self.transcript(client)
            await self.push(client, language="en")
            self.assertEqual(await self.transcript(client), first)

    async def test_unknown_event(self):
        async with self.client(self.unix) as client:
            await client.write_event(Event("run-pipeline", {"name": "x"}, b"payload"))
            await client.write_event(Ping().event())
            await self.until(client, Pong)


if __name__ == "__main__":
    unittest.main()
