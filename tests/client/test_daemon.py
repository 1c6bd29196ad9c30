#!/usr/bin/env python3
"""hear with the real daemon: test_daemon.py HEAR, and the environment of tests/daemon."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import wave

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../daemon"))
from harness import (  # noqa: E402
    FIXTURES, HEARD, HEARD_MODEL, PATIENCE, RATE, Daemon, free_port, speak, tones, wait)

HEAR = os.path.abspath(sys.argv[1])


def hear_command(address, *arguments, **options):
    environment = {**os.environ, "HEARD_SOCKET": address, "TERM": "dumb"}
    return subprocess.Popen([HEAR, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=environment, **options)


class HearTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="hear-e2e-")
        self.addCleanup(shutil.rmtree, self.directory)

    def wav(self, name, pcm, rate=RATE, channels=1):
        path = os.path.join(self.directory, name)
        with wave.open(path, "wb") as out:
            out.setparams((channels, 2, rate, 0, "NONE", ""))
            out.writeframes(pcm)
        return path

    def hear(self, address, *arguments, status=0):
        process = hear_command(address, *arguments)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, status, err)
        return out.decode()


class Files(HearTest):
    def test_transcripts(self):
        one = self.wav("one.wav", speak("TURN ON THE LIGHT"))
        two = self.wav("two.wav", speak("AND OFF"))
        pause = self.wav("pause.wav", speak("AND.....OFF"))
        none = self.wav("none.wav", b"")
        with Daemon() as daemon:
            self.assertEqual(self.hear(daemon.path, one, none, two),
                             "turn on the light\n\nand off\n")
            self.assertEqual(self.hear(daemon.path, "--final", "stream", one),
                             "TURN ON THE LIGHT\n")
            self.assertEqual(self.hear(daemon.path, "--endpoint", pause), "and\noff\n")
            self.assertEqual(self.hear(daemon.path, "--realtime", one), "turn on the light\n")
            self.assertIn("nothing.wav", self.failing(daemon, "nothing.wav", status=4))
            self.assertIn("tlh", self.failing(daemon, "-l", "tlh", one, status=1))

    def failing(self, daemon, *arguments, status):
        process = hear_command(daemon.path, *arguments)
        _, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, status, err)
        return err.decode()

    def test_events(self):
        """The same through a unix socket and TCP, with words."""
        path = self.wav("a.wav", speak("A BC"))
        events = []
        with Daemon() as daemon:
            events.append(self.hear(daemon.path, "--json", path))
        port = free_port()
        with Daemon(listen=f"tcp://127.0.0.1:{port}") as daemon:
            events.append(self.hear(f"tcp://127.0.0.1:{port}", "--json", path))
        for i, text in enumerate(events):
            lines = [json.loads(line) for line in text.splitlines()]
            for line in lines:
                line.get("data", {}).get("heard", {}).pop("latency", None)
            self.assertTrue(all(line["file"] == path for line in lines))
            events[i] = lines
        self.assertEqual(*events)
        (transcript,) = [e["data"] for e in events[0] if e["type"] == "transcript"]
        self.assertEqual([w["word"] for w in transcript["heard"]["words"]], ["a", "bc"])
        self.assertIn("heard-partial", [e["type"] for e in events[0]])

    def test_daemon_dies(self):
        """In the middle of a file: the next daemon gets all of it."""
        text = "NEVER SAY DIE " * 400
        path = self.wav("a.wav", speak(text))
        first = Daemon()
        address = first.path
        process = hear_command(address, "--realtime", "--json", path)
        lines = []
        while not lines or lines[-1]["type"] != "heard-partial":
            lines.append(json.loads(process.stdout.readline()))
        first.kill(signal.SIGKILL)
        first.process.wait()
        second = Daemon(listen=f"unix://{address}", wait=False)
        with first, second:
            second.wait_socket()
            while lines[-1]["type"] != "heard-partial" or lines[-1]["data"]["seq"] > 0:
                lines.append(json.loads(process.stdout.readline()))
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=PATIENCE)
            self.assertEqual(process.returncode, 130)


@unittest.skipUnless(HEARD and FIXTURES, "no daemon")
class Model(HearTest):
    """Words that mean nothing, of a small untrained model: the same as heard-model prints."""

    def test_equal(self):
        mono = tones(3)
        stereo = b"".join(mono[i : i + 2] * 2 for i in range(0, len(mono), 2))
        paths = [self.wav("mono.wav", mono), self.wav("stereo.wav", stereo, 44100, 2),
                 self.wav("short.wav", mono[:100]), self.wav("long.wav", mono[:16000] * 70)]
        for fixture in "base-style", "large-style":
            model = os.path.join(FIXTURES, fixture, "model")
            if not os.path.isdir(model):
                model = os.path.join(FIXTURES, fixture)
            done = subprocess.run([HEARD_MODEL, "transcribe", model, *paths], check=True,
                                  stdout=subprocess.PIPE)
            with Daemon(program=HEARD, model=model) as daemon:
                wait(lambda: '"state":"ready"' in self.hear(daemon.path, "--json", "status"),
                     "the model")
                out = self.hear(daemon.path, "--final", "offline", *paths)
            self.assertEqual(out.encode(), done.stdout)


    def test_commands(self):
        """Those of heard-model over the same samples, and where the file is wrong."""
        path = self.wav("a.wav", tones(3))
        grammar = os.path.join(self.directory, "lights")
        with open(grammar, "w", encoding="utf-8") as out:
            out.write("public <light> = light (<state>);\n<state> = on | off;\n")
        model = os.path.join(FIXTURES, "base-style")
        done = subprocess.run([HEARD_MODEL, "transcribe", "--json", "--grammar", grammar, model,
                               path], check=True, stdout=subprocess.PIPE)
        wanted = json.loads(done.stdout)
        with Daemon(program=HEARD, model=model) as daemon:
            wait(lambda: '"state":"ready"' in self.hear(daemon.path, "--json", "status"),
                 "the model")
            out = self.hear(daemon.path, "--final", "offline", "--threshold", "0", "-c", grammar,
                            path)
            event = json.loads(out)["data"]
            self.assertEqual([event[key] for key in ("phrase", "rule", "slots")],
                             [wanted[key] for key in ("phrase", "rule", "slots")])
            self.assertEqual(self.hear(daemon.path, "--threshold", "1", "-c", grammar, path), "")
            with open(grammar, "w", encoding="utf-8") as out:
                out.write("light 5;\n")
            process = hear_command(daemon.path, "-c", grammar, path)
            _, err = process.communicate(timeout=PATIENCE)
            self.assertEqual(process.returncode, 1)
            self.assertTrue(err.decode().startswith(f"hear: {grammar}:1:7: "), err)


class Live(HearTest):
    def follow(self, daemon, *arguments):
        process = hear_command(daemon.path, *arguments)
        with daemon.connect() as client:
            wait(lambda: client.ask("heard-status")["subscribers"] == 1, "the subscription")
        return process

    def test_captions(self):
        read, write = os.pipe()
        srt, txt = (os.path.join(self.directory, name) for name in ("a.srt", "a.txt"))
        with Daemon(source="stdin", stdin=read) as daemon:
            os.close(read)
            process = self.follow(daemon, "--srt", srt, "--txt", txt)
            with os.fdopen(write, "wb") as pipe:
                pipe.write(speak("ONE TWO....."))
                pipe.flush()
                self.assertEqual(process.stdout.readline(), b"one two\n")
                with open(txt, encoding="utf-8") as file:
                    self.assertEqual(file.read(), "one two\n")
                pipe.write(speak("LAST WORDS"))
            out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, out), (0, b"last words\n"))
        self.assertIn(b"ended", err)
        with open(srt, encoding="utf-8") as file:
            cues = file.read().split("\n\n")
        self.assertEqual([cue.splitlines()[2] for cue in cues[:2]], ["one two", "last words"])

    def test_restart(self):
        """heard goes and comes back, hear stays."""
        path = self.wav("a.wav", speak("AGAIN....."))
        with Daemon("--loop", source=f"file:{path}") as first:
            process = self.follow(first)
            self.assertEqual(process.stdout.readline(), b"again\n")
            address = first.path
            first.stop()
            with Daemon("--loop", source=f"file:{path}", listen=f"unix://{address}"):
                for line in process.stderr:
                    if line == b"hear: connected again\n":
                        break
                while process.stdout.readline() != b"again\n":
                    pass
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 0)

    def test_no_source(self):
        with Daemon() as daemon:
            process = hear_command(daemon.path)
            _, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, err), (1, b"hear: the daemon has no audio source\n"))


class Questions(HearTest):
    def test_status(self):
        with Daemon() as daemon:
            wait(lambda: ", ready\n" in self.hear(daemon.path, "status"), "the model")
            out = self.hear(daemon.path, "status")
            self.assertRegex(out, r"(?m)^model +x, 16000 Hz, final offline$")
            self.assertRegex(out, r"(?m)^source +none")
            status = json.loads(self.hear(daemon.path, "-j", "status"))
            self.assertEqual(status["data"]["clients"], 1)
            self.hear(daemon.path, "devices")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
