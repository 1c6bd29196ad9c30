#!/usr/bin/env python3
"""What is installed beside the program: units, example, manual pages.

usage: test_install.py SOURCE_ROOT [unittest arguments]
"""

import re
import unittest

from harness import *

ROOT = ""


def read(*parts):
    with open(os.path.join(ROOT, *parts), encoding="utf-8") as f:
        return f.read()


def options():
    """The long options that --help prints, without those for the command line only."""
    text = subprocess.run([HEARD, "--help"], capture_output=True, text=True, check=True).stdout
    names = re.findall(r"^  --([a-z-]+)", text, re.MULTILINE)
    return [n for n in names if n not in ("config", "check-config", "help", "version")]


class Units(unittest.TestCase):
    def setUp(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("no systemd-analyze")
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = directory.name

    def put(self, source, name):
        text = read("systemd", source).replace("@bindir@/heard", HEARD)
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def analyze(self, *args):
        return subprocess.run(["systemd-analyze", *args], capture_output=True, text=True)

    def test_verify(self):
        system = [
            self.put("heard.service.in", "heard.service"),
            self.put("heard.socket", "heard.socket"),
            self.put("heard-tcp.socket", "heard-tcp.socket"),
        ]
        result = self.analyze("verify", "--man=no", *system)
        self.assertEqual((result.stdout + result.stderr, result.returncode), ("", 0))

    def test_verify_user(self):
        user = [
            self.put("heard-user.service.in", "heard.service"),
            self.put("heard-user.socket", "heard.socket"),
        ]
        # The user's manager needs a runtime directory to be looked into.
        environment = dict(os.environ, XDG_RUNTIME_DIR=self.dir)
        result = subprocess.run(
            ["systemd-analyze", "--user", "verify", "--man=no", *user],
            capture_output=True, text=True, env=environment,
        )
        self.assertEqual((result.stdout + result.stderr, result.returncode), ("", 0))

    def test_security(self):
        unit = self.put("heard.service.in", "heard.service")
        result = self.analyze("security", "--offline=true", "--threshold=10", unit)
        self.assertEqual(result.returncode, 0, result.stdout[-300:] + result.stderr)


class Pages(unittest.TestCase):
    def test_every_option_is_told(self):
        page, conf, example = read("man/heard.1.scd"), read("man/heard.conf.5.scd"), read("daemon/heard.conf")
        for name in options():
            self.assertIn(f"*--{name}*", page)
            self.assertIn(f"|  {name}\n", conf.replace(":[ *Default*\n|", "|"))
            self.assertRegex(example, rf"(?m)^#{name} = ")

    def test_no_other_is(self):
        known = set(options())
        table = re.findall(r"^\|  ([a-z-]+)$", read("man/heard.conf.5.scd"), re.MULTILINE)
        self.assertEqual(set(table), known)

    def test_example_is_right(self):
        """With all its lines in force."""
        text = re.sub(r"(?m)^#(?=[a-z-]+ = )", "", read("daemon/heard.conf"))
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
            f.write(text)
            f.flush()
            result = subprocess.run(
                [HEARD, "--check-config", "--config", f.name], capture_output=True, text=True
            )
        self.assertEqual((result.stderr, result.returncode), ("", 0))
        # And without them it changes nothing.
        self.assertNotRegex(read("daemon/heard.conf"), r"(?m)^[^#\n]")


if __name__ == "__main__":
    ROOT = sys.argv.pop(1)
    unittest.main()
