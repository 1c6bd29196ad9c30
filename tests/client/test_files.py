#!/usr/bin/env python3
"""hear FILE...: what is pushed, what is printed, what happens when it breaks."""

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import termios
import threading

from fake_daemon import take_stream, transcript, welcome
from hear_case import HEAR, SECONDS, HearTest, main, read_text, words
from screen import Screen


class Files(HearTest):
    def test_transcript(self):
        """The file's samples arrive as they are, as floats at the model's rate."""
        got = {}

        def serve(_, connection, __):
            welcome(connection)
            while (stream := take_stream(connection)) is not None:
                got["options"], got["start"], got["audio"] = stream
                transcript(connection, "HELLO", 1, rule="stop")

        self.serve(serve)
        out, err = self.run_hear(self.wav("a.wav"))
        self.assertEqual((out, err), ("HELLO\n", ""))
        self.assertEqual(got["start"], {"rate": 16000, "width": 4, "channels": 1,
                                        "heard": {"format": "f32"}})
        self.assertEqual(got["options"], {"heard": {"partials": False, "words": False}})
        samples = struct.unpack("<8000f", got["audio"])
        self.assertEqual(list(samples), [(i % 2000 - 1000) / 32768 for i in range(8000)])

    def test_options(self):
        got = {}

        def serve(_, connection, __):
            welcome(connection, rate=8000)
            got["options"], got["start"], got["audio"] = take_stream(connection)
            transcript(connection, "ONE", 1)
            transcript(connection, "TWO", 2, rule="stop")
            connection.read()

        self.serve(serve)
        out, _ = self.run_hear("-l", "de", "--final", "stream", "--silence", "0.5",
                               self.wav("a.wav", 16000, 16000, 2))
        self.assertEqual(out, "ONE\nTWO\n")
        self.assertEqual(got["options"]["heard"], {
            "language": "de", "final": "stream", "partials": False, "words": False,
            "endpoint": {"silence_text": 0.5}})
        self.assertEqual(got["start"]["rate"], 8000)
        self.assertEqual(len(got["audio"]), 4 * 8000)

    def test_several(self):
        """One line a file, in order, on one connection; a missing one is named."""
        def serve(_, connection, __):
            welcome(connection)
            while (stream := take_stream(connection)) is not None:
                transcript(connection, f"{len(stream[2]) // 4} SAMPLES", 1, rule="stop")

        self.serve(serve)
        out, err = self.run_hear(self.wav("a.wav", 100), self.file("none.wav"),
                                 self.wav("b.wav", 200000), status=4)
        self.assertEqual(out, "100 SAMPLES\n200000 SAMPLES\n")
        self.assertIn("none.wav: No such file", err)
        self.assertEqual(self.daemon.connections, 1)

    def test_empty(self):
        def serve(_, connection, __):
            welcome(connection)
            self.assertEqual(take_stream(connection)[2], b"")
            transcript(connection, "", 0, rule="stop")
            connection.read()

        self.serve(serve)
        self.assertEqual(self.run_hear(self.wav("a.wav", 0))[0], "\n")

    def test_stdin(self):
        def serve(_, connection, __):
            welcome(connection)
            transcript(connection, f"{len(take_stream(connection)[2])}", 1, rule="stop")
            connection.read()

        self.serve(serve)
        process = self.start("-", stdin=subprocess.PIPE)
        for _ in range(10):
            process.stdin.write(bytes(3333))
            process.stdin.flush()
        out, err = process.communicate(timeout=SECONDS)
        self.assertEqual((process.returncode, out, err), (0, b"66660\n", b""))

    def test_raw_stdin(self):
        def serve(_, connection, __):
            welcome(connection)
            audio = take_stream(connection)[2]
            transcript(connection, str(struct.unpack(f"<{len(audio) // 4}f", audio)), 1,
                       rule="stop")
            connection.read()

        self.serve(serve)
        process = self.start("--raw-format", "f32le", "--raw-channels", "2", "-",
                             stdin=subprocess.PIPE)
        out, _ = process.communicate(struct.pack("<4f", 0.25, 0.75, -1, 0), timeout=SECONDS)
        self.assertEqual(out, b"(0.5, -0.5)\n")

    def test_json(self):
        def serve(_, connection, __):
            welcome(connection)
            self.assertTrue(take_stream(connection)[0]["heard"]["words"])
            transcript(connection, "HI", 1, words(("HI", 0, 1)), rule="stop")
            connection.read()

        self.serve(serve)
        path = self.wav('q"\u00e9.wav')
        events = [json.loads(line) for line in self.run_hear("-j", path)[0].splitlines()]
        self.assertEqual(events[-1]["type"], "transcript")
        self.assertEqual(events[-1]["file"], path)
        self.assertEqual(events[-1]["data"]["heard"]["words"][0]["word"], "HI")

    def test_subtitles(self):
        def serve(_, connection, __):
            welcome(connection)
            take_stream(connection)
            transcript(connection, "HI YOU", 3700, words(("HI", 3600.5, 3600.75),
                                                         ("YOU", 3601, 3601.5)), rule="stop")
            connection.read()

        self.serve(serve)
        self.run_hear("--srt", self.file("a.srt"), self.wav("a.wav"))
        self.assertEqual(read_text(self.file("a.srt")),
                         "1\n01:00:00,500 --> 01:00:01,500\nHI YOU\n\n")

    def test_restarts(self):
        """The daemon dies in the middle of the audio and of the answers: nothing is lost or
        said twice."""
        path = self.wav("a.wav", 400000)

        def serve(_, connection, number):
            welcome(connection)
            if number == 1:
                for _ in range(5):
                    connection.read()
                transcript(connection, "ONE", 1)
                return
            stream = take_stream(connection)
            self.assertEqual(len(stream[2]), 1600000)
            transcript(connection, "ONE", 1)
            transcript(connection, "TWO", 2)
            if number == 2:
                return
            transcript(connection, "THREE", 3, rule="stop")
            connection.read()

        self.serve(serve)
        out, _ = self.run_hear("-e", path)
        self.assertEqual(out, "ONE\nTWO\nTHREE\n")
        self.assertEqual(self.daemon.connections, 3)

    def test_refused(self):
        def serve(_, connection, __):
            welcome(connection)
            connection.read()
            connection.write("error", text="transcribe.heard.language: no", code="no-language")
            connection.read()

        self.serve(serve)
        path = self.wav("a.wav", 3000000)
        out, err = self.run_hear(path, status=1)
        self.assertEqual((out, err), ("", f"hear: {path}: transcribe.heard.language: no\n"))

    def test_says_it_once(self):
        """What is in the way is said once, not at each attempt; again when it is another."""
        answers = ["overloaded", "full", "overloaded", "timeout"]

        def serve(_, connection, number):
            answer = answers[number - 1] if number <= len(answers) else "transcript"
            if answer == "full":  # refused before it asks for anything
                connection.write("error", text="too many clients", code="too-many-clients")
                connection.read()
                return
            welcome(connection)
            take_stream(connection)
            if answer == "transcript":
                transcript(connection, "AT LAST", 1, rule="stop")
            else:
                connection.write("error", text=f"it is {answer}", code=answer)
            connection.read()

        self.serve(serve)
        out, err = self.run_hear(self.wav("a.wav"))
        self.assertEqual(out, "AT LAST\n")
        self.assertEqual(err, "hear: it is overloaded\nhear: it is timeout\n")
        self.assertEqual(self.daemon.connections, len(answers) + 1)

    def test_gives_up(self):
        """Not without a word."""
        def serve(_, connection, __):
            welcome(connection)
            take_stream(connection)
            connection.write("error", text="it is overloaded", code="overloaded")
            connection.read()

        self.serve(serve)
        path = self.wav("a.wav")
        out, err = self.run_hear("--quiet", path, status=1)
        self.assertEqual((out, err), ("", f"hear: {path}: given up after 10 attempts\n"))
        self.assertEqual(self.daemon.connections, 10)

    def test_interrupt(self):
        started = threading.Event()

        def serve(_, connection, __):
            welcome(connection)
            connection.read()
            started.set()
            while connection.read():
                pass

        self.serve(serve)
        process = self.start("--realtime", self.wav("a.wav", 1600000))
        self.assertTrue(started.wait(SECONDS))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=SECONDS)
        self.assertEqual((process.returncode, out, err), (130, b"", b""))

    def test_back_pressure(self):
        """A daemon that does not read for a while gets all of it in the end."""
        hold = threading.Event()

        def serve(_, connection, __):
            welcome(connection)
            hold.wait(0.3)
            transcript(connection, f"{len(take_stream(connection)[2])}", 1, rule="stop")
            connection.read()

        self.serve(serve)
        self.assertEqual(self.run_hear(self.wav("a.wav", 1000000))[0], "4000000\n")

    def test_progress(self):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 60, 0, 0))
        read_on = threading.Event()

        def serve(_, connection, __):
            welcome(connection)
            connection.read()
            read_on.wait(SECONDS)
            take_stream(connection)
            transcript(connection, "DONE", 1, rule="stop")
            connection.read()

        self.serve(serve)
        environment = {**os.environ, "HEARD_SOCKET": self.path, "TERM": "xterm"}
        process = subprocess.Popen([HEAR, self.wav("a.wav", 1600000)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=slave, env=environment)
        os.close(slave)
        screen = Screen(60, 10)
        while True:
            try:
                screen.feed(os.read(master, 4096))
            except OSError:
                break
            if screen.text() and "#" in screen.text()[0] and not read_on.is_set():
                self.assertRegex(screen.text()[0], r"^a\.wav +\d+% \[#+-+\] 0:\d\d/1:40")
                read_on.set()
        os.close(master)
        out, _ = process.communicate(timeout=SECONDS)
        self.assertEqual((process.returncode, out), (0, b"DONE\n"))
        self.assertEqual(screen.text(), [])


if __name__ == "__main__":
    main()
