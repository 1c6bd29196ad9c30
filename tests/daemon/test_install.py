#!/usr/bin/env python3
"""What is installed beside the program: units, example, manual pages.

usage: test_install.py SOURCE_ROOT BUILD_ROOT [unittest arguments]
"""

import glob
import re
import unittest

from harness import *

ROOT = BUILD = ""


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


class Installed(unittest.TestCase):
    """meson install: where a Debian user looks for it, and usable there."""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.dest = cls.directory.name
        meson = shutil.which("meson")
        if not meson:
            raise unittest.SkipTest("no meson")
        subprocess.run(
            [meson, "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", cls.dest],
            check=True, capture_output=True,
        )
        with open(os.path.join(BUILD, "meson-info", "intro-buildoptions.json")) as f:
            cls.options = {option["name"]: option["value"] for option in json.load(f)}

    def path(self, option, *parts):
        """Below the directory that the option names."""
        prefix = self.options["prefix"]
        place = os.path.join(prefix, self.options[option] if option else "", *parts)
        return self.dest + place

    def check(self, *path):
        self.assertTrue(os.path.isfile(self.path(*path)), path)

    def test_files(self):
        for program in "heard", "hear", "heard-model":
            self.check("bindir", program)
            self.assertTrue(os.access(self.path("bindir", program), os.X_OK))
        self.check("sysconfdir", "heard", "heard.conf")
        self.check("includedir", "heard.h")
        self.check("libdir", "libheard.so")
        self.check("libdir", "pkgconfig", "heard.pc")
        for unit in "heard.service", "heard.socket", "heard-tcp.socket":
            self.check("", "lib", "systemd", "system", unit)
        for unit in "heard.service", "heard.socket":
            self.check("", "lib", "systemd", "user", unit)

    def test_units_name_the_program(self):
        for kind in "system", "user":
            with open(self.path("", "lib", "systemd", kind, "heard.service")) as f:
                text = f.read()
            program = re.search(r"(?m)^ExecStart=(\S+)", text)[1]
            self.assertTrue(os.access(self.dest + program, os.X_OK), program)

    def test_pages(self):
        if not glob.glob(os.path.join(BUILD, "man", "*.1")):
            self.skipTest("built without manual pages")
        for page in "hear.1", "heard.1", "heard-model.1", "heard.conf.5", "heard-protocol.7":
            self.check("mandir", "man" + page[-1], page)

    def test_model(self):
        self.check("datadir", "heard", "models", "default", "config.json")

    def test_client_library(self):
        """The example of the documentation is built with what was installed."""
        compiler = shutil.which("cc") or shutil.which("gcc")
        config = shutil.which("pkg-config")
        if not compiler or not config or "san" in self.options.get("b_sanitize", ""):
            self.skipTest("no compiler, or instrumented")
        environment = dict(
            os.environ, PKG_CONFIG_PATH=self.path("libdir", "pkgconfig"),
            PKG_CONFIG_SYSROOT_DIR=self.dest,
        )
        flags = subprocess.run(
            [config, "--cflags", "--libs", "heard"], env=environment, check=True,
            capture_output=True, text=True,
        ).stdout.split()
        program = os.path.join(self.dest, "transcribe")
        subprocess.run(
            [compiler, "-o", program, os.path.join(ROOT, "docs", "examples", "transcribe.c"),
             *flags, f"-Wl,-rpath,{self.path('libdir')}"],
            check=True,
        )
        with Daemon() as daemon:
            environment = dict(os.environ, HEARD_SOCKET=f"unix://{daemon.path}")
            result = subprocess.run(
                [program], input=speak("INSTALLED"), env=environment, check=True,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )
        self.assertEqual(result.stdout.decode(), "installed\n")


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
    ROOT, BUILD = sys.argv.pop(1), sys.argv.pop(1)
    unittest.main()
