#!/usr/bin/env python3
"""hear: captions of the microphone, as lines, on terminals, in files."""

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import termios
import threading

from fake_daemon import stamp, transcript, welcome
from hear_case import HEAR, SECONDS, HearTest, main, read_text, words
from screen import Screen


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

    def test_says_it_once(self):
        """A refusal that may pass is said once, and the way back when it is one."""
        def serve(_, connection, number):
            self.subscription(connection)
            if number <= 3:
                connection.write("error", text="the model is loading", code="not-ready")
                return
            connection.write("heard-device", **stamp(2), state="ended", name="usb")
            connection.read()

        self.serve(serve)
        _, err = self.run_hear()
        self.assertEqual(err, "hear: the model is loading\nhear: connected again\nhear: usb: ended\n")

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


if __name__ == "__main__":
    main()
