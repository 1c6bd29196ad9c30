#!/usr/bin/env python3
"""The way of a real microphone: paplay -> PulseAudio's null sink -> its monitor as
ALSA's device -> PortAudio -> gate -> engine -> captions on the socket.

usage: test_pulse.py DIRECTORY_OF_PULSE_SERVER [unittest arguments]
"""

import unittest
import wave

from harness import *


class Pulse(unittest.TestCase):
    MODEL = os.path.join(FIXTURES, "large-style")

    def setUp(self):
        if pulse_server.missing_tools():
            self.skipTest("no PulseAudio")
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = directory.name

    def recording(self, seed):
        """At 44.1 kHz: the sink resamples it, the daemon resamples the monitor."""
        path = os.path.join(self.dir, f"{seed}.wav")
        with wave.open(path, "wb") as w:
            w.setparams((2, 2, 44100, 0, "NONE", ""))
            silence = b"\0" * (44100 * 4)
            samples = array.array("h", tones(4, seed))
            n = len(samples) * 441 // 160
            both = array.array("h", (samples[i * 160 // 441] for i in range(n) for _ in (0, 1)))
            w.writeframes(silence[: 44100 * 2] + both.tobytes() + silence * 3)
        return path

    def start(self, pulse, dump):
        return Daemon(
            "--dump", dump, "--final", "offline", "--endpoint-max-length", "3",
            "--device-rate", str(pulse.rate), program=HEARD, model=self.MODEL, source="mic", env=pulse.env,
        )

    def next_device(self, client, state, events):
        while True:
            item = client.recv()
            self.assertIsNotNone(item, "the connection ended")
            events.append(item)
            if item[0] == "heard-device" and item[1]["state"] == state:
                return item[1]

    def until_silence(self, client, events):
        """Everything up to the end of what was played."""
        events += client.until("voice-stopped")
        # The last final may come after the gate has closed.
        client.send("heard-status")
        events += client.until("heard-status")

    def run_through(self, rate, channels):
        dump = os.path.join(self.dir, f"dump-{rate}.wav")
        events = []
        with pulse_server.PulseServer(self.dir, rate=rate, channels=channels) as pulse:
            pulse.start()
            with self.start(pulse, dump) as daemon, daemon.connect() as client:
                state = client.ask("heard-subscribe", {"words": True}, "heard-device")
                if state["state"] != "open":
                    state = self.next_device(client, "open", events)
                self.assertEqual(state["rate"], rate)
                pulse.play(self.recording(1))
                self.until_silence(client, events)
                before = len(pick(events, "transcript"))

                # As if it were unplugged, and plugged in again.
                pulse.kill()
                self.next_device(client, "lost", events)
                pulse.start()
                back = self.next_device(client, "open", events)
                self.assertGreater(back["gap"], 0)
                pulse.play(self.recording(2))
                self.until_silence(client, events)
                daemon.kill(signal.SIGTERM)
                events += client.rest()
        transcripts = pick(events, "transcript")
        self.assertGreater(before, 0)
        self.assertGreater(len(transcripts), before)
        self.check_clock(transcripts, back)
        self.check_dump(dump, transcripts)

    def check_clock(self, transcripts, back):
        """Utterances follow each other, and the gap lies between them."""
        end = 0
        for transcript in transcripts:
            heard = transcript["heard"]
            self.assertGreaterEqual(heard["start_sample"], end)
            self.assertGreater(heard["end_sample"], heard["start_sample"])
            end = heard["end_sample"]
        self.assertGreater(transcripts[-1]["heard"]["time"], back["gap"])

    def check_dump(self, path, transcripts):
        """What the engine got, pushed: the same words."""
        samples = read_floats(path)
        with Daemon(program=HEARD, model=self.MODEL) as daemon, daemon.connect() as client:
            for transcript in transcripts:
                heard = transcript["heard"]
                piece = samples[heard["start_sample"] : heard["end_sample"]]
                text = client.transcribe_floats(piece, {"heard": {"final": "offline"}})
                self.assertEqual(text, transcript["text"])

    def test_48000(self):
        self.run_through(48000, 2)

    def test_44100(self):
        self.run_through(44100, 2)

    def test_rate_left_open(self):
        """PortAudio calls the server a device of 44.1 kHz; a multiple of the model's
        rate is asked for, which is converted more cheaply."""
        with pulse_server.PulseServer(self.dir, rate=44100) as pulse:
            pulse.start()
            with Daemon(
                program=HEARD, model=self.MODEL, source="mic", env=pulse.env
            ) as daemon, daemon.connect() as client:
                state = client.ask("heard-subscribe", {}, "heard-device")
                if state["state"] != "open":
                    state = self.next_device(client, "open", [])
                self.assertEqual((state["rate"], state["channels"]), (48000, 2))

    def test_no_server(self):
        """No microphone: pushed audio is served, and it is found when it comes."""
        pulse = pulse_server.PulseServer(self.dir)
        with self.start(pulse, os.path.join(self.dir, "dump.wav")) as daemon:
            with daemon.connect() as client:
                events = [("", client.ask("heard-subscribe", {}, "heard-device"))]
                self.assertEqual(events[0][1]["state"], "searching")
                with daemon.connect() as other:
                    other.transcribe(tones(1))
                with pulse:
                    pulse.start()
                    self.next_device(client, "open", events)
                    devices = client.ask("heard-device", answer="heard-device")["devices"]
                    self.assertTrue(devices)


if __name__ == "__main__":
    sys.path.insert(0, sys.argv.pop(1))
    import pulse_server

    unittest.main()
