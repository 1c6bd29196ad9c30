"""A private PulseAudio server whose only sink is a null sink: what is played
into it comes out of its monitor, the default source, which ALSA's `pulse`
device and so PortAudio can open. No hardware, no session, no D-Bus; root will do.

    with PulseServer(directory) as pulse:
        subprocess.run([...], env=pulse.env)
        pulse.play(wav)
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

TOOLS = ["pulseaudio", "pactl", "paplay"]

ASOUND = """</usr/share/alsa/alsa.conf>
pcm.!default { type pulse }
ctl.!default { type pulse }
"""


def missing_tools():
    return [tool for tool in TOOLS if shutil.which(tool) is None]


class PulseServer:
    """Nothing runs until start(). The same directory serves several lives."""

    def __init__(self, directory, rate=48000, channels=2):
        self.rate = rate
        self.channels = channels
        self.process = None
        run = Path(directory) / "run"
        run.mkdir(mode=0o700, exist_ok=True)
        asound = Path(directory) / "asound.conf"
        asound.write_text(ASOUND)
        self.log = Path(directory) / "pulseaudio.log"
        self.env = dict(os.environ, XDG_RUNTIME_DIR=str(run), HOME=str(directory),
                        ALSA_CONFIG_PATH=str(asound))
        for name in ("PULSE_SERVER", "PULSE_RUNTIME_PATH", "XDG_CONFIG_HOME", "DISPLAY",
                     "DBUS_SESSION_BUS_ADDRESS"):
            self.env.pop(name, None)

    def start(self):
        # A server that was killed leaves its pid file and its socket behind.
        shutil.rmtree(Path(self.env["XDG_RUNTIME_DIR"]) / "pulse", ignore_errors=True)
        sink = (f"module-null-sink sink_name=mic rate={self.rate} channels={self.channels} "
                f"format=s16le")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["pulseaudio", "--daemonize=no", "--exit-idle-time=-1", "-n",
                 "--load=module-native-protocol-unix", f"--load={sink}"],
                env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while self.control("set-default-source", "mic.monitor") != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"pulseaudio did not start: {self.log.read_text()}")
            time.sleep(0.1)

    def control(self, *args):
        return subprocess.run(["pactl", *args], env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              check=False).returncode

    def play(self, wav):
        """Plays the file to its end."""
        subprocess.run(["paplay", "--device=mic", "--latency-msec=2000", str(wav)],
                       env=self.env, stdin=subprocess.DEVNULL, check=True, timeout=120)

    def kill(self):
        """As a crash: no goodbye to the clients."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.kill()
