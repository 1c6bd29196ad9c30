#!/usr/bin/env python3
"""hear status, hear devices, the command line, and the examples of docs/CLIENTS.md."""

import json
import os
import subprocess
import sys

from fake_daemon import stamp, take_stream, transcript, welcome
from hear_case import EXAMPLE, HEAR, SECONDS, HearTest, main


class Questions(HearTest):
    STATUS = {**stamp(5), "version": "0.1.0", "state": "ready", "model": "default", "rate": 16000,
              "left": 250, "chunk": 16, "right": 16, "lookahead": 0.64, "final": "stream",
              "source": "mic", "device": "USB", "device_state": "open", "level": -41.5,
              "gate_open": True, "uptime": 93784, "clients": 3, "subscribers": 1, "pushers": 2,
              "clients_total": 9, "utterances_total": 8, "audio_total": 100.5, "behind": 0,
              "rung": 0, "rtf": 0.25, "step_p50": 0.01, "step_p99": 0.02, "steps": 7,
              "overrun": 0, "memory": 104857600, "memory_peak": 209715200, "words_shown": 10,
              "words_revised": 1, "flicker": 0.1}

    def answer(self, question, *answers):
        def serve(_, connection, __):
            welcome(connection)
            self.assertEqual(connection.read()[0], question)
            for kind, data in answers:
                connection.write(kind, **data)
            connection.read()

        self.serve(serve)

    def test_status(self):
        self.answer("heard-status", ("heard-status", self.STATUS))
        out, _ = self.run_hear("status")
        self.assertEqual(out.splitlines()[:5], [
            "daemon      heard 0.1.0, ready",
            "uptime      1 d 2 h 3 min 4 s",
            "model       default, 16000 Hz, final stream",
            "context     250:16:16 frames of 20 ms, text after 0.64 s",
            "source      mic, USB, open",
        ])
        self.assertIn("memory      100.0 MiB, peak 200.0 MiB\n", out)
        self.assertIn("flicker     10.0 % of 10 unstable words were revised\n", out)

    def test_status_json(self):
        self.answer("heard-status", ("heard-status", self.STATUS))
        out, _ = self.run_hear("--json", "status")
        self.assertEqual(json.loads(out), {"type": "heard-status", "data": self.STATUS})

    def test_devices(self):
        self.answer("heard-device", ("heard-device", {
            **stamp(0), "state": "open", "name": "USB", "devices": [
                {"index": 0, "name": "pulse", "host": "ALSA", "rate": 44100, "channels": 32,
                 "default": True},
                {"index": 3, "name": "USB", "host": "ALSA", "rate": 48000, "channels": 1,
                 "default": False}]}))
        out, _ = self.run_hear("devices")
        self.assertEqual(out, "  0  pulse  (ALSA, 44100 Hz, 32 channels) [default]\n"
                              "  3  USB  (ALSA, 48000 Hz, 1 channel) [open]\n")

    def test_no_devices(self):
        self.answer("heard-device", ("heard-device", {**stamp(0), "state": "searching",
                                                      "devices": []}))
        out, err = self.run_hear("devices")
        self.assertEqual((out, err), ("", "hear: the daemon sees no device to record from\n"))

    def test_error(self):
        self.answer("heard-status", ("error", {"text": "too many clients",
                                               "code": "too-many-clients"}))
        _, err = self.run_hear("status", status=1)
        self.assertEqual(err, "hear: too many clients\n")

    def test_closed(self):
        self.serve(lambda *_: None)
        _, err = self.run_hear("status", status=1)
        self.assertEqual(err, "hear: the daemon closed the connection\n")


class Examples(HearTest):
    maxDiff = None
    """Those of docs/CLIENTS.md do what it says."""

    def run_example(self, *command, **options):
        done = subprocess.run(command, env={**os.environ, "HEARD_SOCKET": self.path},
                              capture_output=True, timeout=SECONDS, check=False, **options)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def test_c(self):
        def serve(_, connection, __):
            welcome(connection)
            for _ in range(3):
                connection.read()
            connection.write("heard-partial", **stamp(1), stable="A", unstable="B", utt=0, seq=0)
            audio = take_stream(connection)[2]
            transcript(connection, f"{len(audio)}", 1, rule="stop")
            connection.read()

        self.serve(serve)
        self.assertEqual(self.run_example(EXAMPLE, input=bytes(1000000)),
                         (0, "996800\n", "\r\33[KA\33[2mB\33[0m\r\33[K"))

    def test_c_without_daemon(self):
        self.assertEqual(self.run_example(EXAMPLE, input=b""),
                         (1, "", "transcribe: No such file or directory\n"))

    def test_python(self):
        def serve(_, connection, __):
            self.assertEqual(connection.read()[0], "heard-subscribe")
            connection.write("heard-partial", **stamp(1), stable="A", unstable="B", utt=0, seq=0)
            connection.write("transcript-stop")
            connection.raw(b'{"type":"transcript","data_length":14}\n{"text": "AC"}')
            connection.write("transcript", text="")

        self.serve(serve)
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                              "../../docs/examples/captions.py")
        self.assertEqual(self.run_example(sys.executable, script),
                         (0, "\r\33[KAB\r\33[KAC\n", ""))


class CommandLine(HearTest):
    def test_no_daemon(self):
        for arguments in [], ["status"], ["devices"], ["x.wav"]:
            _, err = self.run_hear(*arguments, status=3)
            self.assertEqual(err, f"hear: unix://{self.path}: No such file or directory "
                                  "(is heard running?)\n")

    def test_usage(self):
        for arguments in (["--nothing"], ["--final", "x", "a"], ["--silence", "-1", "a"],
                          ["--silence", "nan", "a"], ["--raw-rate", "0", "-"],
                          ["--raw-rate", "-5", "-"], ["--raw-format", "mp3", "-"],
                          ["status", "a"], ["-r"], ["-l", "de"], ["--final", "stream"],
                          ["--srt", "x", "status"], ["--srt", "x", "a", "b"],
                          ["--socket", "http://x"], ["--socket", "tcp://x:99999", "status"]):
            out, err = self.run_hear(*arguments, status=2)
            self.assertEqual(out, "", arguments)
            self.assertNotEqual(err, "", arguments)

    def test_help(self):
        self.assertTrue(self.run_hear("--help")[0].startswith("usage: hear "))
        self.assertRegex(self.run_hear("-V")[0], r"^hear \d+\.\d+")

    def test_file_named_like_a_command(self):
        def serve(_, connection, __):
            welcome(connection)
            take_stream(connection)
            transcript(connection, "A FILE", 1, rule="stop")
            connection.read()

        self.serve(serve)
        os.rename(self.wav("a.wav"), self.file("status"))
        self.assertEqual(self.run_hear("./status", cwd=self.directory.name)[0], "A FILE\n")

    def test_default_socket(self):
        """XDG_RUNTIME_DIR where HEARD_SOCKET is not set."""
        self.path = self.file("heard.sock")
        self.serve(lambda *_: None)
        environment = {k: v for k, v in os.environ.items() if k != "HEARD_SOCKET"}
        environment["XDG_RUNTIME_DIR"] = self.directory.name
        done = subprocess.run([HEAR, "status"], env=environment, capture_output=True,
                              timeout=SECONDS, check=False)
        self.assertEqual(done.stderr, b"hear: the daemon closed the connection\n")


if __name__ == "__main__":
    main()
