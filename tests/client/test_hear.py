#!/usr/bin/env python3
"""hear, and the examples, against a daemon that a script plays:

    test_hear.py HEAR EXAMPLE [unittest arguments]
"""

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import unittest
import wave

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake_daemon import FakeDaemon, stamp, take_stream, transcript, welcome  # noqa: E402
from screen import Screen  # noqa: E402

HEAR, EXAMPLE = (os.path.abspath(path) for path in sys.argv[1:3])
SECONDS = 30  # nothing here takes long; a hang is a failure, not a measurement


def read_text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def words(*items):
    return [{"word": w, "start": s, "end": e, "confidence": 0.9} for w, s, e in items]


class HearTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.directory.name, "s")
        self.daemon = None

    def tearDown(self):
        if self.daemon:
            self.daemon.stop()
            self.assertEqual(self.daemon.errors, [])
        self.directory.cleanup()

    def serve(self, function):
        self.daemon = FakeDaemon(self.path, function)

    def file(self, name):
        return os.path.join(self.directory.name, name)

    def wav(self, name, samples=8000, rate=16000, channels=1):
        path = self.file(name)
        with wave.open(path, "wb") as out:
            out.setparams((channels, 2, rate, 0, "NONE", ""))
            values = [i % 2000 - 1000 for i in range(samples * channels)]
            out.writeframes(struct.pack(f"<{len(values)}h", *values))
        return path

    def start(self, *arguments, **options):
        environment = {**os.environ, "HEARD_SOCKET": self.path, "TERM": "xterm"}
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen([HEAR, *arguments], stderr=subprocess.PIPE, env=environment,
                                **options)

    def run_hear(self, *arguments, status=0, **options):
        process = self.start(*arguments, **options)
        out, err = process.communicate(timeout=SECONDS)
        self.assertEqual(process.returncode, status, err)
        return out.decode(), err.decode()


class Live(HearTest):
    def subscription(self, connection):
        welcome(connection)
        kind, data, _ = connection.read()
        self.assertEqual(kind, "heard-subscribe")
        return data

    def test_lines(self):
        """Not a terminal: transcripts as lines, no partials asked for, ends with the source."""
        asked = {}

        def serve(_, connection, __):
            asked.update(self.subscription(connection))
            connection.write("heard-device", **stamp(10), state="open", name="usb")
            connection.write("future-event", x=1)
            transcript(connection, "ONE", 11)
            transcript(connection, "", 12)
            transcript(connection, "TWO \u00e9", 13)
            connection.write("heard-device", **stamp(14), state="ended", name="usb")
            connection.read()

        self.serve(serve)
        out, err = self.run_hear()
        self.assertEqual(out, "ONE\nTWO \u00e9\n")
        self.assertEqual(err, "hear: usb: ended\n")
        self.assertEqual(asked, {"partials": False, "words": False})

    def test_json(self):
        def serve(_, connection, __):
            self.subscription(connection)
            connection.write("heard-device", **stamp(0), state="open", name="usb")
            connection.write("heard-partial", **stamp(1), utt=0, seq=0, start=0, stable="A",
                             unstable="B")
            transcript(connection, "AB", 1)
            connection.write("heard-device", **stamp(14), state="ended", name="usb")
            connection.read()

        self.serve(serve)
        out, _ = self.run_hear("--json")
        events = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(
            [e["type"] for e in events],
            ["heard-welcome", "heard-device", "heard-partial", "transcript-start",
             "transcript-chunk", "transcript", "transcript-stop", "heard-device"])
        self.assertEqual(events[2]["data"]["unstable"], "B")

    def test_reconnects(self):
        """The daemon goes away and comes back: captions go on."""
        def serve(_, connection, number):
            self.subscription(connection)
            connection.write("heard-device", **stamp(0), state="open", name="usb")
            if number == 1:
                transcript(connection, "BEFORE", 1)
                return
            if number == 2:
                connection.write("error", text="the daemon shuts down", code="shutdown")
                return
            transcript(connection, "AFTER", 1)
            connection.write("heard-device", **stamp(2), state="ended", name="usb")
            connection.read()

        self.serve(serve)
        out, err = self.run_hear()
        self.assertEqual(out, "BEFORE\nAFTER\n")
        self.assertIn("closed the connection", err)
        self.assertEqual(err.count("connected again"), 2)

    def test_restart(self):
        """No socket at all for a while."""
        gone = threading.Event()

        def first(_, connection, __):
            self.subscription(connection)
            connection.write("heard-device", **stamp(0), state="open", name="usb")
            transcript(connection, "BEFORE", 1)
            gone.wait(SECONDS)

        def second(_, connection, __):
            self.subscription(connection)
            connection.write("heard-device", **stamp(0), state="open", name="usb")
            transcript(connection, "AFTER", 1)
            connection.write("heard-device", **stamp(2), state="ended", name="usb")
            connection.read()

        self.serve(first)
        process = self.start()
        self.assertEqual(process.stdout.readline(), b"BEFORE\n")
        daemon = self.daemon
        self.daemon = None
        gone.set()
        daemon.stop()
        self.serve(second)
        out, _ = process.communicate(timeout=SECONDS)
        self.assertEqual(out, b"AFTER\n")
        self.assertEqual(process.returncode, 0)

    def test_refused(self):
        def serve(_, connection, __):
            self.subscription(connection)
            connection.write("error", text="the daemon has no audio source", code="no-source")
            connection.read()

        self.serve(serve)
        out, err = self.run_hear(status=1)
        self.assertEqual((out, err), ("", "hear: the daemon has no audio source\n"))

    def test_garbage(self):
        """What is not the protocol ends the connection, not the program."""
        def serve(_, connection, number):
            if number == 1:
                connection.raw(b"\xff\xfe not json\n")
                connection.read()
                return
            self.subscription(connection)
            connection.write("heard-device", **stamp(2), state="ended", name="usb")
            connection.read()

        self.serve(serve)
        _, err = self.run_hear()
        self.assertIn("not UTF-8", err)

    def test_interrupt(self):
        def serve(_, connection, __):
            self.subscription(connection)
            connection.write("heard-device", **stamp(0), state="open", name="usb")
            transcript(connection, "ONE", 1)
            connection.read()

        self.serve(serve)
        for number in signal.SIGINT, signal.SIGTERM:
            process = self.start()
            self.assertEqual(process.stdout.readline(), b"ONE\n")
            process.send_signal(number)
            out, err = process.communicate(timeout=SECONDS)
            self.assertEqual((process.returncode, out, err), (0, b"", b""))

    def test_interrupt_while_away(self):
        def serve(_, connection, __):
            self.subscription(connection)
            connection.write("error", text="busy", code="too-many-clients")

        self.serve(serve)
        process = self.start()
        self.assertEqual(process.stderr.readline(), b"hear: busy\n")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)
        self.assertEqual(process.returncode, 0)

    def test_closed_pipe(self):
        """hear | head -1"""
        def serve(_, connection, __):
            self.subscription(connection)
            connection.write("heard-device", **stamp(0), state="open", name="usb")
            for i in range(100000):
                transcript(connection, f"LINE {i}", i)

        self.serve(serve)
        for arguments in [], ["--json"]:
            process = self.start(*arguments)
            process.stdout.readline()
            process.stdout.close()
            self.assertEqual(process.wait(timeout=SECONDS), 0)
            self.assertEqual(process.stderr.read(), b"")
            process.stderr.close()

    def test_subtitles(self):
        """Times from the start of hear, cues split, files growing and complete."""
        def serve(_, connection, __):
            self.assertTrue(self.subscription(connection)["words"])
            connection.write("heard-device", **stamp(100), state="open", name="usb")
            transcript(connection, "A <B> & C", 102,
                       words(("A", 100.5, 100.75), ("<B>", 101, 101.25), ("&", 101.25, 101.5),
                             ("C", 103, 103.25)))
            transcript(connection, "", 103)
            connection.write("heard-device", **stamp(103), state="lost", name="usb")
            long = [(f"WORD{i}", 110 + i * 0.25, 110.2 + i * 0.25) for i in range(20)]
            transcript(connection, " ".join(w for w, _, _ in long), 115, words(*long))
            transcript(connection, "NO WORDS", 120)
            connection.write("heard-device", **stamp(121), state="ended", name="usb")
            connection.read()

        srt, vtt, txt = self.file("a.srt"), self.file("a.vtt"), self.file("a.txt")
        self.serve(serve)
        self.run_hear("--srt", srt, "--vtt", vtt, "--txt", txt)
        lines = read_text(srt).split("\n\n")
        self.assertRegex(lines[0], r"^1\n00:00:00,\d{3} --> 00:00:01,\d{3}\nA <B> &$")
        self.assertRegex(lines[1], r"^2\n00:00:0[23],\d{3} --> 00:00:03,\d{3}\nC$")
        self.assertRegex(lines[2], r"^3\n00:00:\d\d,\d{3} --> 00:00:1\d,\d{3}\nWORD0 WORD1 WORD2 "
                                   r"WORD3 WORD4 WORD5 WORD6\nWORD7 ")
        self.assertRegex(lines[-2], r"--> 00:00:\d\d,\d{3}\nNO WORDS$")
        self.assertEqual(lines[-1], "")
        text = read_text(vtt)
        self.assertTrue(text.startswith("WEBVTT\n\n00:00:00."))
        self.assertIn("\nA &lt;B&gt; &amp;\n", text)
        self.assertEqual(read_text(txt).splitlines()[::2],
                         ["A <B> & C", "NO WORDS"])

    def test_unwritable_file(self):
        def serve(_, connection, __):
            connection.read()

        self.serve(serve)
        _, err = self.run_hear("--srt", "/nonexistent/x.srt", status=4)
        self.assertEqual(err, "hear: /nonexistent/x.srt: No such file or directory\n")


class Terminal(HearTest):
    """Live captions on a pseudo-terminal."""

    def watch(self, serve, columns=20, lines=6, arguments=()):
        """Runs hear; serve(connection, settle) where settle() returns the screen once all
        that was sent is on it."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        screen = Screen(columns, lines)
        state = {"seen": b"", "resize": lambda c: fcntl.ioctl(
            slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, c, 0, 0))}
        lock = threading.Condition()

        def pump():
            while True:
                try:
                    data = os.read(master, 4096)
                except OSError:
                    return
                with lock:
                    screen.feed(data.replace(b"\r\n", b"\r\n"))
                    state["seen"] += data
                    lock.notify_all()

        def settle(wanted):
            with lock:
                done = lock.wait_for(lambda: screen.text() == wanted, timeout=SECONDS)
            self.assertTrue(done, (screen.text(), wanted))
            return screen

        def play(_, connection, __):
            welcome(connection)
            connection.read()
            connection.write("heard-device", **stamp(0), state="open", name="usb")
            serve(connection, settle, state)
            connection.write("heard-device", **stamp(9), state="ended", name="usb")
            connection.read()

        self.serve(play)
        process = self.start(*arguments, stdout=slave)
        os.close(slave)
        reader = threading.Thread(target=pump, daemon=True)
        reader.start()
        _, err = process.communicate(timeout=SECONDS)
        self.assertEqual(process.returncode, 0, err)
        reader.join(timeout=SECONDS)
        os.close(master)
        return screen

    @staticmethod
    def partial(connection, stable, unstable, seq=0):
        connection.write("heard-partial", **stamp(1), utt=0, seq=seq, start=0, stable=stable,
                         unstable=unstable)

    def test_redraws_in_place(self):
        def serve(connection, settle, _):
            self.partial(connection, "", "TUR")
            self.assertEqual(settle(["TUR"]).dimmed(), "TUR")
            self.partial(connection, "TURN", " OF")
            screen = settle(["TURN OF"])
            self.assertEqual((screen.plain(), screen.dimmed()), ("TURN", " OF"))
            self.partial(connection, "TURN ON", "")
            self.assertEqual(settle(["TURN ON"]).dimmed(), "")
            transcript(connection, "TURN ON", 1)
            self.partial(connection, "", "NEXT")
            settle(["TURN ON", "NEXT"])
            self.partial(connection, "", "")
            settle(["TURN ON"])

        self.assertEqual(self.watch(serve).text(), ["TURN ON"])

    def test_wraps_at_words(self):
        def serve(connection, settle, _):
            self.partial(connection, "THE QUICK BROWN FOX", " JUMPS OVER THE")
            screen = settle(["THE QUICK BROWN FOX", "JUMPS OVER THE"])
            self.assertEqual(screen.dimmed(), "JUMPS OVER THE")
            self.partial(connection, "THE QUICK BROWN FOX JUMPS", " OVER")
            screen = settle(["THE QUICK BROWN FOX", "JUMPS OVER"])
            self.assertEqual(screen.dimmed(), " OVER")
            self.partial(connection, "THE", "")
            settle(["THE"])
            self.partial(connection, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "")
            settle(["ABCDEFGHIJKLMNOPQRS", "TUVWXYZ"])

        self.watch(serve)

    def test_wide_characters(self):
        """Two cells each, and combining ones none: nothing may be left over."""
        def serve(connection, settle, _):
            self.partial(connection, "\u8bed\u97f3\u8bc6\u522b\u8bed\u97f3\u8bc6\u522b\u8bed\u97f3", "")
            settle(["\u8bed\u97f3\u8bc6\u522b\u8bed\u97f3\u8bc6\u522b\u8bed", "\u97f3"])
            self.partial(connection, "e\u0301" * 19, "")
            settle(["e" * 19])
            self.partial(connection, "", "")
            settle([])

        self.watch(serve)

    def test_longer_than_the_screen(self):
        """What scrolled off cannot be redrawn: only the last rows are."""
        text = " ".join(f"{i:018d}" for i in range(10))

        def serve(connection, settle, _):
            self.partial(connection, text, "")
            settle([f"{i:018d}" for i in range(5, 10)])
            self.partial(connection, text, " X")
            settle([f"{i:018d}" for i in range(6, 10)] + ["X"])
            transcript(connection, "DONE", 1)
            settle(["DONE"])

        self.watch(serve)

    def test_steers_no_terminal(self):
        def serve(connection, settle, state):
            self.partial(connection, "A\u001b[2JB\u009b\u0007", "\nC")
            settle(["A [2JB   C"])
            self.assertNotIn(b"\x1b[2J", state["seen"])
            transcript(connection, "A\u001b]0;X\u0007", 1)
            settle(["A ]0;X"])

        self.watch(serve)

    def test_notices_do_not_mix(self):
        """standard error is the same terminal."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 60, 0, 0))

        def serve(_, connection, __):
            welcome(connection)
            connection.read()
            connection.write("heard-device", **stamp(0), state="open", name="usb")
            self.partial(connection, "HELLO", " WORLD")
            connection.write("heard-lag", **stamp(1), behind=2.5, rung=1, measures="large-chunks",
                             left=1, chunk=1, right=1)
            connection.write("heard-overrun", **stamp(1), dropped=0.25, dropped_total=1)
            connection.write("heard-lag", **stamp(1), behind=0, rung=0, measures="none", left=1,
                             chunk=1, right=1)
            transcript(connection, "HELLO WORLD", 1)
            connection.write("heard-device", **stamp(9), state="ended", name="usb")
            connection.read()

        self.serve(serve)
        environment = {**os.environ, "HEARD_SOCKET": self.path, "TERM": "xterm"}
        process = subprocess.Popen([HEAR], stdin=subprocess.DEVNULL, stdout=slave, stderr=slave,
                                   env=environment)
        os.close(slave)
        screen = Screen(60, 10)
        while True:
            try:
                screen.feed(os.read(master, 4096))
            except OSError:
                break
        os.close(master)
        self.assertEqual(process.wait(timeout=SECONDS), 0)
        self.assertEqual(screen.text(), [
            "hear: 2.5 s behind: large-chunks", "hear: 0.25 s of audio were lost",
            "hear: back to real time", "HELLO WORLD", "hear: usb: ended"])


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
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
