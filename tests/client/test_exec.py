#!/usr/bin/env python3
"""hear --commands and --exec: what is asked for, what is printed, what runs."""

import json
import os
import signal
import stat
import threading
import time

from fake_daemon import stamp, take_stream, transcript, welcome
from hear_case import SECONDS, HearTest, main

GRAMMAR = 'public <light> = light (on | "off");\n'


def command(connection, phrase, utterance=0, time=1.0, **fields):
    connection.write("heard-command", **{
        **stamp(time), "utt": utterance, "phrase": phrase, "slots": {}, "confidence": 0.875,
        "start": time - 1, "end": time - 0.5, "words": [], **fields})


class ExecTest(HearTest):
    def write(self, name, text, mode=0o644):
        path = self.file(name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(path, mode)
        return path

    def program(self, text, name="program"):
        return self.write(name, "#!/bin/sh\n" + text, stat.S_IRWXU)

    def await_file(self, name):
        """Its text, once a line of it is there."""
        path, until = self.file(name), time.monotonic() + SECONDS
        while True:
            try:
                with open(path, encoding="utf-8") as file:
                    text = file.read()
            except FileNotFoundError:
                text = ""
            if text.endswith("\n"):
                return text
            self.assertLess(time.monotonic(), until, name)
            time.sleep(0.01)

    def live(self, play, asked=None):
        """A subscription; play(connection), then the source ends."""
        def serve(_, connection, __):
            welcome(connection)
            kind, data, _ = connection.read()
            self.assertEqual(kind, "heard-subscribe")
            if asked is not None:
                asked.update(data)
            connection.write("heard-device", **stamp(0), state="open", name="usb")
            play(connection)
            connection.write("heard-device", **stamp(9), state="ended", name="usb")
            connection.read()

        self.serve(serve)


class Commands(ExecTest):
    def play(self, connection):
        connection.write("heard-partial", **stamp(1), utt=0, seq=0, start=0, stable="",
                         unstable="LI", command="light")
        command(connection, "light on", rule="light", slots={"state": "on"})
        transcript(connection, "LIGHT ON", 1)
        connection.write("heard-no-match", **stamp(2), utt=1, text="HM", start=1, end=2)
        transcript(connection, "HM", 2)

    def test_grammar(self):
        """Matches instead of captions, as the daemon sends them."""
        asked = {}
        self.live(self.play, asked)
        out, err = self.run_hear("--commands", self.write("lights", GRAMMAR), "--threshold", "0.25")
        self.assertEqual(asked, {"grammar": GRAMMAR, "threshold": 0.25, "partials": False,
                                 "words": False})
        (event,) = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(event["type"], "heard-command")
        self.assertEqual((event["data"]["phrase"], event["data"]["slots"]),
                         ("light on", {"state": "on"}))
        self.assertEqual(err, "hear: usb: ended\n")

    def test_phrases(self):
        asked = {}
        self.live(self.play, asked)
        self.run_hear("-c", self.write("l.json", '["light on", "light \\u00e9"]'))
        self.assertEqual(asked["phrases"], ["light on", "light \u00e9"])
        self.assertNotIn("grammar", asked)

    def test_json(self):
        """All events, with what was no command."""
        self.live(self.play)
        out, _ = self.run_hear("--json", "--commands", self.write("lights", GRAMMAR))
        kinds = [json.loads(line)["type"] for line in out.splitlines()]
        self.assertEqual([k for k in kinds if k.startswith("heard-")],
                         ["heard-welcome", "heard-device", "heard-partial", "heard-command",
                          "heard-no-match", "heard-device"])

    def test_subtitles(self):
        self.live(self.play)
        out, _ = self.run_hear("--txt", self.file("t"), "-c", self.write("lights", GRAMMAR))
        self.assertEqual(len(out.splitlines()), 1)
        with open(self.file("t"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "LIGHT ON\nHM\n")

    def test_large(self):
        """More than fits into a line of the protocol."""
        asked = {}
        self.live(self.play, asked)
        text = GRAMMAR + "# " + "x" * 500000
        self.run_hear("-c", self.write("lights", text))
        self.assertEqual(asked["grammar"], text)

    def test_files(self):
        options = []

        def serve(_, connection, __):
            welcome(connection)
            while (stream := take_stream(connection)) is not None:
                options.append(stream[0])
                command(connection, "light on", stream=1)
                transcript(connection, "LIGHT ON", 1, rule="stop")

        self.serve(serve)
        paths = [self.wav("a.wav"), self.wav("b.wav")]
        out, err = self.run_hear("-c", self.write("lights", GRAMMAR), *paths)
        events = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([e["file"] for e in events], paths)
        self.assertEqual(err, "")
        self.assertEqual([o["heard"]["grammar"] for o in options], [GRAMMAR, GRAMMAR])

    def test_refused(self):
        """The daemon names the field, hear the file."""
        def serve(_, connection, __):
            welcome(connection)
            connection.read()
            connection.write("error", text="grammar:2:6: no rule of that name", code="bad-field")
            connection.read()

        self.serve(serve)
        path = self.write("lights", GRAMMAR)
        _, err = self.run_hear("-c", path, status=1)
        self.assertEqual(err, f"hear: {path}:2:6: no rule of that name\n")

    def test_unusable_files(self):
        self.live(self.play)
        cases = {"a.json": "[5]", "b.json": "{}", "c.json": "[", "d": "x" * (1 << 20) + ";"}
        for name, text in cases.items():
            path = self.write(name, text)
            _, err = self.run_hear("-c", path, status=4)
            self.assertTrue(err.startswith(f"hear: {path}: is "), err)
        with open(self.file("e"), "wb") as out:
            out.write(b"a\xffb;")
        for name in "e", "missing":
            _, err = self.run_hear("-c", self.file(name), status=4)
            self.assertTrue(err.startswith(f"hear: {self.file(name)}: "), err)

    def test_usage(self):
        for arguments in (["-c", "x", "status"], ["--exec", "true", "devices"],
                          ["--threshold", "2"], ["--threshold", "x"], ["--threshold", "-1"]):
            out, err = self.run_hear(*arguments, status=2)
            self.assertEqual(out, "")
            self.assertIn("hear: ", err)


class Exec(ExecTest):
    def outlived(self, names, *arguments):
        """hear ends while programs whose numbers are in these files run, holding its standard
        error."""
        process = self.start(*arguments)
        self.assertEqual(process.wait(timeout=SECONDS), 0)
        for name in [names] if isinstance(names, str) else names:
            os.kill(int(self.await_file(name)), signal.SIGKILL)
        out, err = process.communicate(timeout=SECONDS)
        return out.decode(), err.decode()

    def test_environment(self):
        """Slots by name, nothing of an outer hear, nothing for a shell to chew on."""
        self.live(lambda connection: command(
            connection, "light $(touch x) on", rule="light", slots={
                "room": "bed room", "numberOfShots": "two", "a.b-c": "1", "a_b_c": "2",
                "x=y;": "'\""}))
        program = self.program(f"env >'{self.file('env')}.new'; cat; echo noise;"
                               f"mv '{self.file('env')}.new' '{self.file('env')}'\n")
        os.environ.update(HEARD_SLOT_OLD="1", HEARD_RULE="2", HEARD_FILE="3")
        try:
            out, err = self.run_hear("--exec", program)
        finally:
            for name in "HEARD_SLOT_OLD", "HEARD_RULE", "HEARD_FILE":
                del os.environ[name]
        self.assertEqual(out, "")
        self.assertIn("usb: ended", err)
        lines = self.await_file("env").splitlines()
        self.assertEqual(sorted(line for line in lines if line.startswith("HEARD_")), sorted([
            f"HEARD_SOCKET={self.path}", "HEARD_PHRASE=light $(touch x) on", "HEARD_RULE=light",
            "HEARD_CONFIDENCE=0.8750", "HEARD_START=0.0000", "HEARD_END=0.5000",
            "HEARD_SLOT_ROOM=bed room", "HEARD_SLOT_NUMBEROFSHOTS=two", "HEARD_SLOT_A_B_C=2",
            "HEARD_SLOT_X_Y_='\""]))

    def test_captions_go_on(self):
        """A program that hangs holds nothing up; captions are shown without --commands."""
        def play(connection):
            command(connection, "light on")
            transcript(connection, "LIGHT ON", 1)
            self.await_file("started")
            transcript(connection, "AND ON", 2)

        self.live(play)
        program = self.program(f"echo $$ >'{self.file('started')}'; exec sleep {SECONDS}\n")
        out, err = self.outlived("started", "--exec", program)
        self.assertEqual(out, "LIGHT ON\nAND ON\n")
        self.assertEqual(err, "hear: usb: ended\n")

    def test_reaped(self):
        """As soon as they end, with what went wrong, while nothing else happens."""
        ended = threading.Event()

        def play(connection):
            command(connection, "fail")
            ended.wait(SECONDS)

        self.live(play)
        process = self.start("--exec", self.program(
            f"echo $$ >'{self.file('pid')}'; exit 3\n"))
        self.assertEqual(process.stderr.readline().decode(),
                         f"hear: {self.file('program')}: exit status 3\n")
        self.assertFalse(os.path.exists(f"/proc/{int(self.await_file('pid'))}"))
        ended.set()
        process.communicate(timeout=SECONDS)
        self.assertEqual(process.returncode, 0)

    def test_signal(self):
        said = threading.Event()

        def play(connection):
            command(connection, "fail")
            said.wait(SECONDS)

        self.live(play)
        process = self.start("--exec", self.program("kill -9 $$\n"))
        self.assertIn(b"ended by signal 9", process.stderr.readline())
        said.set()
        process.communicate(timeout=SECONDS)

    def test_too_many_running(self):
        """Eight hang; the ninth is not started, and it is said once."""
        def play(connection):
            for i in range(12):
                command(connection, "hang", i)
            for i in range(8):
                self.await_file(f"run.{i}")

        self.live(play)
        counter = self.file("run")
        program = self.program(
            f"i=0; while ! (set -C; echo $$ >'{counter}.'$i) 2>/dev/null; do i=$((i+1)); done\n"
            f"exec sleep {SECONDS}\n")
        _, err = self.outlived([f"run.{i}" for i in range(8)], "--exec", program)
        self.assertFalse(os.path.exists(self.file("run.8")))
        self.assertEqual(err.count("too many of them are running"), 1)

    def test_rate(self):
        """A burst of ten, then as the clock goes; a hundred at once start a few."""
        def play(connection):
            for i in range(100):
                # One after the other, so that it is the rate that stops them.
                command(connection, "go", i)
                if i < 10:
                    self.await_file(f"run.{i}")
                    time.sleep(0.05)

        self.live(play)
        counter = self.file("run")
        program = self.program(
            f"i=0; while ! (set -C; echo $$ >'{counter}.'$i) 2>/dev/null; do i=$((i+1)); done\n")
        out, err = self.run_hear("-c", self.write("lights", GRAMMAR), "--exec", program)
        self.assertEqual(len(out.splitlines()), 100)
        self.assertIn("not started: too many", err)
        self.assertLess(len([n for n in os.listdir(self.directory.name)
                             if n.startswith("run.")]), 100)

    def test_files_once(self):
        """A file that is pushed again runs nothing twice."""
        def serve(_, connection, number):
            welcome(connection)
            if take_stream(connection) is None:
                return
            command(connection, "one", 0, stream=1)
            transcript(connection, "ONE", 1)
            if number == 1:
                command(connection, "two", 1, stream=1)
                return
            command(connection, "two", 1, stream=1)
            transcript(connection, "TWO", 2)
            command(connection, "three", 2, stream=1)
            transcript(connection, "THREE", 3, rule="stop")
            connection.read()

        self.serve(serve)
        # Order of arrival is not order of writing: three programs may run at once.
        program = self.program(f"echo $HEARD_FILE >>'{self.file('run')}.'$HEARD_PHRASE\n")
        path = self.wav("a.wav")
        out, _ = self.run_hear("-e", "-x", program, path)
        self.assertEqual(out, "ONE\nTWO\nTHREE\n")
        for phrase in "one", "two", "three":
            self.assertEqual(self.await_file(f"run.{phrase}"), path + "\n")

    def test_found_along_the_path(self):
        self.live(lambda connection: command(connection, "x"))
        self.program(f"echo yes >'{self.file('found')}'\n", "heard-test-program")
        path = os.environ["PATH"]
        os.environ["PATH"] = f"{path}::{self.directory.name}"
        try:
            self.run_hear("--exec", "heard-test-program")
        finally:
            os.environ["PATH"] = path
        self.assertEqual(self.await_file("found"), "yes\n")

    def test_not_there(self):
        self.live(lambda _: None)
        plain = self.write("plain", "no program\n")
        for name, reason in (("heard-no-such-program", "No such file or directory"),
                             (plain, "Permission denied"), ("", "No such file or directory"),
                             (self.directory.name, "Permission denied")):
            _, err = self.run_hear("--exec", name, status=4)
            self.assertEqual(err, f"hear: --exec: {name}: {reason}\n")

    def test_unrunnable(self):
        """Found, but no program after all: captions go on."""
        def play(connection):
            command(connection, "x")
            transcript(connection, "X", 1)

        self.live(play)
        out, err = self.run_hear("-x", self.write("odd", "\0\0", stat.S_IRWXU))
        self.assertEqual(out, "X\n")
        self.assertIn("Exec format error", err)


if __name__ == "__main__":
    main()
