#!/usr/bin/env python3
"""The daemon as a process: signals, sockets, systemd, exit codes."""

import grp
import stat
import unittest

from harness import *


class Start(unittest.TestCase):
    def run_heard(self, *args, **options):
        return subprocess.run(
            [HEARD_FAKE, *args], capture_output=True, text=True, timeout=PATIENCE, **options
        )

    def test_help_and_version(self):
        result = self.run_heard("--help")
        self.assertEqual(result.returncode, 0)
        self.assertIn("--listen URI", result.stdout)
        self.assertRegex(self.run_heard("--version").stdout, r"^heard \d+\.\d+")

    def test_wrong_usage(self):
        for args in ["--nonsense"], ["extra"], ["--threads", "x"], ["--listen", "http://x"]:
            result = self.run_heard(*args)
            self.assertEqual(result.returncode, 2)
            self.assertTrue(result.stderr)

    def test_check_config(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
            f.write("model = /x\nlog = info\n")
            f.flush()
            self.assertEqual(self.run_heard("--check-config", "--config", f.name).returncode, 0)
            f.write("\nwrong = 1\n")
            f.flush()
            result = self.run_heard("--check-config", "--config", f.name)
            self.assertEqual(result.returncode, 2)
            self.assertIn(f'{f.name}:4: unknown key "wrong"', result.stderr)
        self.assertEqual(self.run_heard("--config", "/nonexistent").returncode, 2)

    def test_bad_model(self):
        with Daemon(model="/models/bad", wait=False) as daemon:
            self.assertEqual(daemon.process.wait(PATIENCE), 3)
            self.assertFalse(os.path.exists(daemon.path))

    def test_clients_of_a_bad_model(self):
        """Who waits for the model is told that it does not come."""
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "fifo")
            os.mkfifo(path)
            with Daemon(model=path) as daemon:
                with daemon.connect() as waits, daemon.connect() as idle:
                    for client in waits, idle:
                        client.ask("describe", answer="info")
                    waits.send_bytes(b"".join(push_events(speak("NEVER"), {"heard": {}})))
                    os.close(os.open(path, os.O_WRONLY))
                    for client in waits, idle:
                        (error,) = pick(client.rest(), "error")
                        self.assertEqual(error["code"], "not-ready")
                self.assertEqual(daemon.process.wait(PATIENCE), 3)

    def test_describe_while_loading(self):
        with Daemon(model="/models/slow") as daemon, daemon.connect() as client:
            client.send_bytes(b"".join([event("describe")] + push_events(speak("EARLY"))))
            (model,) = client.until("info")[-1][1]["asr"][0]["models"]
            self.assertTrue(model["installed"])
            self.assertEqual(model["languages"], ["en", "de"])
            self.assertNotIn("is loaded", daemon.log())
            self.assertEqual(text_of(client.until("transcript-stop")), "early")


class Sockets(unittest.TestCase):
    def test_default_path(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "heard.sock")
            for env in {"XDG_RUNTIME_DIR": directory}, {"HEARD_SOCKET": f"unix://{path}"}:
                with Daemon(listen="", wait=False, env=env) as daemon:
                    daemon.path = path
                    daemon.wait_socket()

    def test_mode_and_group(self):
        group = grp.getgrgid(os.getgid()).gr_name
        with Daemon() as daemon:
            self.assertEqual(stat.S_IMODE(os.stat(daemon.path).st_mode), 0o660)
        with Daemon("--socket-mode", "0604", "--socket-group", group) as daemon:
            self.assertEqual(stat.S_IMODE(os.stat(daemon.path).st_mode), 0o604)
        with Daemon("--socket-group", "no-such-group", wait=False) as daemon:
            self.assertEqual(daemon.process.wait(PATIENCE), 4)

    def test_stale_is_replaced(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "s")
            stale = socket.socket(socket.AF_UNIX)
            stale.bind(path)
            stale.close()
            with Daemon(listen=f"unix://{path}", wait=False) as daemon:
                daemon.path = path
                daemon.wait_socket()
            self.assertFalse(os.path.exists(path))

    def test_live_is_not(self):
        with Daemon() as daemon:
            with Daemon(listen=f"unix://{daemon.path}", wait=False) as second:
                self.assertEqual(second.process.wait(PATIENCE), 4)
                self.assertIn("another program answers there", second.log())
            with daemon.connect() as client:
                client.ask("ping", answer="pong")

    def test_other_files_are_not(self):
        with tempfile.NamedTemporaryFile() as f:
            with Daemon(listen=f"unix://{f.name}", wait=False) as daemon:
                self.assertEqual(daemon.process.wait(PATIENCE), 4)
            self.assertTrue(os.path.exists(f.name))

    def test_peer_is_logged(self):
        with Daemon() as daemon, daemon.connect():
            daemon.wait_log(f"(pid {os.getpid()}, uid {os.getuid()}): connected")

    def test_killed_peers(self):
        with Daemon() as daemon:
            for _ in range(20):
                client = daemon.connect()
                client.send("audio-start", audio_format())
                client.send("audio-chunk", audio_format(), speak("HALF"))
                client.socket.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
                )
                client.close()
            with daemon.connect() as client:
                self.assertEqual(client.transcribe(speak("WHOLE")), "whole")
                wait(lambda: client.ask("heard-status")["clients"] == 1, "the dead to be gone")


class Signals(unittest.TestCase):
    def test_term_flushes(self):
        """The open stream gets its final, then the end."""
        with Daemon() as daemon, daemon.connect() as client, daemon.connect() as idle:
            client.ask("heard-hello", answer="heard-welcome")
            client.send("audio-start", audio_format())
            client.send("audio-chunk", audio_format(), speak("LAST WORDS"))
            client.ask("ping", answer="pong")
            daemon.kill(signal.SIGTERM)
            self.assertEqual(text_of(client.until("transcript-stop")), "last words")
            self.assertEqual(pick(client.rest(), "error")[0]["code"], "shutdown")
            idle.rest()
            self.assertEqual(daemon.process.wait(PATIENCE), 0)
            self.assertFalse(os.path.exists(daemon.path))

    def test_term_does_not_wait_for_ever(self):
        """Finals that are not ready after four seconds: what is committed is sent."""
        with Daemon(model="/models/late") as daemon, daemon.connect() as client:
            client.send_bytes(b"".join(push_events(speak("IN TIME"), {"heard": {}})))
            client.until("heard-partial")
            daemon.kill(signal.SIGTERM)
            events = client.rest()
            self.assertEqual(text_of(events), "IN TIME")
            heard = pick(events, "transcript")[0]["heard"]
            self.assertEqual((heard["reason"], heard["final"]), ("shutdown", "stream"))
            self.assertEqual(daemon.process.wait(PATIENCE), 0)

    def test_int(self):
        with Daemon() as daemon:
            self.assertEqual(daemon.stop(signal.SIGINT), 0)

    def test_usr1(self):
        with Daemon() as daemon:
            daemon.wait_log("is loaded")
            daemon.kill(signal.SIGUSR1)
            daemon.wait_log("status: ready")

    def test_client_does_not_read(self):
        """A client that reads nothing cannot hold up the end."""
        with Daemon() as daemon:
            client = daemon.connect()
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            client.send_bytes(b"".join(push_events(speak("WORDS " * 300), {"heard": {}})))
            for _ in range(10):
                client.send("ping", {"text": "x" * 40000})
            daemon.wait_log("connected")
            self.assertEqual(daemon.stop(), 0)
            client.close()

    def test_reload_under_load(self):
        """SIGHUP: open streams finish on their model, later ones get the new one."""
        with tempfile.TemporaryDirectory() as directory:
            config = os.path.join(directory, "heard.conf")

            def configure(model):
                with open(config, "w", encoding="ascii") as f:
                    f.write(f"model = /models/{model}\n")

            configure("first")
            with Daemon("--config", config, model=None) as daemon:
                daemon.wait_log("is loaded")
                stop = threading.Event()
                failures = []

                def work():
                    while not stop.is_set():
                        with daemon.connect() as client:
                            text = client.transcribe(speak("LOAD ON IT"))
                            if text.lower() != "load on it":
                                failures.append(text)

                threads = [threading.Thread(target=work) for _ in range(3)]
                for thread in threads:
                    thread.start()
                client = daemon.connect()
                client.send("audio-start", audio_format())
                client.send("audio-chunk", audio_format(), speak("OLD "))
                client.ask("ping", answer="pong")
                for i, model in enumerate(["upper", "first", "upper"]):
                    configure(model)
                    daemon.kill(signal.SIGHUP)
                    daemon.wait_log("is loaded", 2 + i)
                client.send("audio-chunk", audio_format(), speak("MODEL"))
                client.send("audio-stop")
                self.assertEqual(text_of(client.until("transcript-stop")), "old model")
                self.assertEqual(client.transcribe(speak("NEW")), "NEW")
                stop.set()
                for thread in threads:
                    thread.join()
                self.assertEqual(failures, [])
                daemon.wait_log("the replaced model is unloaded", 3)
                client.close()

    def test_reload_of_wrong_config(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
            f.write("model = /models/upper\n")
            f.flush()
            with Daemon("--config", f.name, model=None) as daemon:
                daemon.wait_log("is loaded")
                f.write("nonsense\n")
                f.flush()
                daemon.kill(signal.SIGHUP)
                daemon.wait_log("stays as it was")
                with daemon.connect() as client:
                    self.assertEqual(client.transcribe(speak("X")), "X")

    def test_order_over_the_protocol(self):
        port = free_port()
        with Daemon("--listen", f"tcp://127.0.0.1:{port}") as daemon:
            with daemon.connect() as client:
                self.assertEqual(client.transcribe(speak("X")), "x")
                client.ask("heard-set", {"model": "/models/upper"})
                daemon.wait_log("is loaded", 2)
                self.assertEqual(client.transcribe(speak("X")), "X")
            with Client(("127.0.0.1", port)) as client:
                client.ask("heard-hello", answer="heard-welcome")
                client.send("heard-set", {"reload": True})
                self.assertEqual(client.until("error")[-1][1]["code"], "not-permitted")


class Systemd(unittest.TestCase):
    def test_notify_and_watchdog(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "notify")
            notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            notify.settimeout(PATIENCE)
            notify.bind(path)

            def until(text):
                seen = []
                while True:
                    seen.append(notify.recv(4096).decode())
                    if text in seen[-1]:
                        return seen

            env = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"}
            with Daemon(model="/models/slow", env=env) as daemon:
                before = until("READY=1")
                if not any("STATUS=loading" in text for text in before):
                    self.fail(before)
                # An idle engine answers too.
                for _ in range(5):
                    until("WATCHDOG=1")
                daemon.kill(signal.SIGHUP)
                until("RELOADING=1")
                until("READY=1")
                # A process that stands still is not kept alive by its timer.
                daemon.kill(signal.SIGSTOP)
                notify.settimeout(1)
                with self.assertRaises(socket.timeout):
                    while True:
                        notify.recv(4096)
                notify.settimeout(PATIENCE)
                daemon.kill(signal.SIGCONT)
                until("WATCHDOG=1")
                daemon.kill(signal.SIGTERM)
                until("STOPPING=1")
            notify.close()

    def test_socket_activation(self):
        activate = shutil.which("systemd-socket-activate")
        if not activate:
            self.skipTest("no systemd-socket-activate")
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "activated")
            port = free_port()
            process = subprocess.Popen(
                [activate, "-l", path, "-l", f"127.0.0.1:{port}", HEARD_FAKE]
                + ["--config", os.devnull, "--model", "/models/x", "--source", "none"],
                stderr=subprocess.DEVNULL,
            )
            try:
                with connect_soon(path) as client:
                    self.assertEqual(client.transcribe(speak("UNIX")), "unix")
                with Client(("127.0.0.1", port)) as client:
                    self.assertEqual(client.transcribe(speak("TCP")), "tcp")
            finally:
                process.terminate()
                self.assertEqual(process.wait(PATIENCE), 0)
            # It is systemd's file, not ours to remove.
            self.assertTrue(os.path.exists(path))


if __name__ == "__main__":
    unittest.main()
