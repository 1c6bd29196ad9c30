#!/usr/bin/env python3
"""One client at a time: what the protocol promises a session (heard-protocol(7))."""

import array
import struct
import unittest

from harness import *


class Sessions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("--languages", "en,xx")

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def setUp(self):
        self.client = self.daemon.connect()
        self.addCleanup(self.client.close)

    def hello(self):
        return self.client.ask("heard-hello", {"client": "test"}, "heard-welcome")

    def test_describe(self):
        info = self.client.ask("describe", answer="info")
        asr = info["asr"][0]
        self.assertEqual(asr["name"], "heard")
        self.assertTrue(asr["supports_transcript_streaming"])
        self.assertFalse(asr["requires_external_vad"])
        self.assertEqual(asr["models"][0]["languages"], ["en", "xx"])
        self.assertTrue(asr["models"][0]["installed"])
        self.assertEqual(info["wake"], [])
        self.assertIn("attribution", asr)

    def test_ping(self):
        self.assertEqual(self.client.ask("ping", {"text": "ü\u2028"}, "pong"), {"text": "ü\u2028"})
        self.assertEqual(self.client.ask("ping", answer="pong"), {})

    def test_plain_client(self):
        """Without opting in: standard events only, in their order."""
        events = self.client.push(speak("HELLO WORLD"), {"language": "en"})
        self.assertEqual(
            [kind for kind, _ in events],
            ["transcript-start", "transcript-chunk", "transcript", "transcript-stop"],
        )
        self.assertEqual(text_of(events), "hello world")
        self.assertNotIn("heard", pick(events, "transcript")[0])
        self.assertEqual(pick(events, "transcript")[0]["language"], "en")
        # And once more on the same connection.
        self.assertEqual(self.client.transcribe(speak("AGAIN")), "again")

    def test_empty(self):
        for pcm in b"", speak("...."), b"\1":
            events = self.client.push(pcm)
            self.assertEqual(
                [kind for kind, _ in events],
                ["transcript-start", "transcript", "transcript-stop"],
            )
            self.assertEqual(text_of(events), "")

    def test_context(self):
        context = {"id": [1, {"a": None}]}
        events = self.client.push(speak("X"), {"context": context})
        self.assertEqual(pick(events, "transcript-start")[0]["context"], context)
        self.assertEqual(pick(events, "transcript")[0]["context"], context)
        self.assertNotIn("context", pick(self.client.push(speak("X")), "transcript")[0])

    def test_languages(self):
        for language in "en", "de", "xx", "en-US", None:
            self.assertEqual(self.client.transcribe(speak("X"), {"language": language}), "x")
        self.hello()
        self.client.send_bytes(b"".join(push_events(speak("X"), {"language": "fr"})))
        error = self.client.until("error")[-1][1]
        self.assertEqual(error["code"], "no-language")
        self.assertEqual(error["text"], 'the model has no language "fr"')
        self.assertEqual(self.client.transcribe(speak("Y")), "y")

    def test_partials(self):
        events = self.client.push(
            speak("THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG"),
            {"heard": {"final": "stream", "words": True}},
        )
        partials = pick(events, "heard-partial")
        self.assertGreater(len(partials), 5)
        self.assertEqual([p["seq"] for p in partials], sorted({p["seq"] for p in partials}))
        shown = ""
        for partial in partials:
            self.assertTrue(partial["stable"].startswith(shown))
            shown = partial["stable"]
            self.assertEqual(partial["time"], partial["clock"] / RATE)
        transcript = pick(events, "transcript")[0]
        self.assertTrue(transcript["text"].startswith(shown))
        heard = transcript["heard"]
        self.assertEqual(heard["final"], "stream")
        self.assertEqual(heard["rule"], "stop")
        self.assertTrue(heard["prefix_ok"])
        self.assertEqual(heard["start_sample"], 0)
        self.assertEqual([w["word"] for w in heard["words"]], transcript["text"].split())
        # The chunks came as the text grew.
        self.assertGreater(len(pick(events, "transcript-chunk")), 3)

    def test_partial_options(self):
        verse = speak("THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG")
        all_of_them = pick(self.client.push(verse, {"heard": {}}), "heard-partial")
        self.assertNotIn("words", all_of_them[0])
        spaced = pick(self.client.push(verse, {"heard": {"partial_interval": 1}}), "heard-partial")
        self.assertLess(len(spaced), len(all_of_them))
        for a, b in zip(spaced, spaced[1:]):
            self.assertGreaterEqual(b["time"] - a["time"], 1)
        none = pick(self.client.push(verse, {"heard": {"partials": False}}), "heard-partial")
        self.assertEqual(none, [])

    def test_endpoints(self):
        """Only where asked for; each names its rule, and the stop ends the stream."""
        pcm = speak("ONE...TWO...THREE")
        self.assertEqual(self.client.transcribe(pcm), "onetwothree")
        self.client.send_bytes(
            b"".join(push_events(pcm, {"heard": {"endpoint": {"silence_text": 1}}}))
        )
        texts, rules = [], []
        while not rules or rules[-1] != "stop":
            events = self.client.until("transcript-stop")
            texts.append(text_of(events))
            rules.append(pick(events, "transcript")[0]["heard"]["rule"])
        self.assertEqual(texts, ["one", "two", "three"])
        self.assertEqual(rules, ["silence-text", "silence-text", "stop"])

    def test_vad_sensitivity(self):
        self.client.send_bytes(
            b"".join(push_events(speak("ONE..TWO"), {"vad_sensitivity": "default"}))
        )
        self.assertEqual(text_of(self.client.until("transcript-stop")), "one")
        self.assertEqual(text_of(self.client.until("transcript-stop")), "two")

    def test_flush(self):
        self.hello()
        pcm = speak("ONE TWO")
        self.client.send("audio-start", audio_format())
        self.client.send("audio-chunk", audio_format(), pcm)
        self.client.send("heard-flush")
        first = self.client.until("transcript-stop")
        self.assertEqual(text_of(first), "one two")
        self.assertEqual(pick(first, "transcript")[0]["heard"]["rule"], "flush")
        self.client.send("audio-chunk", audio_format(), speak("THREE"))
        self.client.send("audio-stop")
        second = self.client.until("transcript-stop")
        self.assertEqual(text_of(second), "three")
        heard = pick(second, "transcript")[0]["heard"]
        self.assertEqual(heard["start_sample"], len(pcm) // 2)
        self.assertEqual(heard["utt"], 1)

    def test_reset(self):
        self.hello()
        wrong, right = speak("WRONG"), speak("RIGHT")
        for mode in "full", "utterance", None:
            for final in "stream", "offline":
                self.client.ask("heard-set", {"final": final})
                self.client.send("audio-start", audio_format())
                for pcm in wrong, wrong:
                    self.client.send("audio-chunk", audio_format(), pcm)
                    self.client.send("heard-reset", {"mode": mode})
                # Once more, with nothing to forget.
                self.client.send("heard-reset")
                self.client.send("audio-chunk", audio_format(), right)
                self.client.send("audio-stop")
                transcript = pick(self.client.until("transcript"), "transcript")[0]
                self.client.until("transcript-stop")
                self.assertEqual(transcript["text"].lower(), "right")
                self.assertEqual(transcript["heard"]["utt"], 2)
                self.assertEqual(transcript["heard"]["start_sample"], len(wrong))

    def test_cancel(self):
        self.hello()
        self.client.send("audio-start", audio_format())
        self.client.send("audio-chunk", audio_format(), speak("GONE"))
        self.client.send("heard-cancel")
        self.client.send("audio-chunk", audio_format(), speak("GONE"))
        self.client.send("audio-stop")
        self.assertEqual(self.client.transcribe(speak("NEXT"), {}), "next")

    def test_cancel_of_a_final(self):
        self.hello()
        self.client.send_bytes(b"".join(push_events(speak("LATE" * 100))))
        self.client.send("heard-cancel")
        self.client.send("ping", {"text": "still here"})
        self.client.until("pong")
        self.assertEqual(self.client.transcribe(speak("NEXT"), {}), "next")

    def test_pipelined(self):
        """Everything at once: answers in the order of the questions."""
        words = ["ONE", "TWO", "THREE", "FOUR"]
        self.client.send_bytes(b"".join(b"".join(push_events(speak(w), {})) for w in words))
        texts = [text_of(self.client.until("transcript-stop")) for _ in words]
        self.assertEqual(texts, [w.lower() for w in words])

    def test_formats(self):
        pcm = array.array("h", speak("FORMATS"))
        variants = {
            (2, 1): pcm.tobytes(),
            (3, 1): b"".join(struct.pack("<i", s << 8)[:3] for s in pcm),
            (4, 1): array.array("i", (s << 16 for s in pcm)).tobytes(),
            (2, 2): array.array("h", (s for x in pcm for s in (x, x))).tobytes(),
            (2, 8): array.array("h", (s for x in pcm for s in [x] * 8)).tobytes(),
        }
        for (width, channels), data in variants.items():
            # Chunks of a size that no sample divides.
            text = self.client.transcribe(data, width=width, channels=channels, chunk=1009)
            self.assertEqual(text, "formats")

        floats = array.array("f", (s / 32768 for s in pcm)).tobytes()
        fmt = audio_format(width=4)
        self.client.send("audio-start", dict(fmt, heard={"format": "f32"}))
        self.client.send("audio-chunk", fmt, floats)
        self.client.send("audio-stop")
        self.assertEqual(text_of(self.client.until("transcript-stop")), "formats")

    def test_rates(self):
        pcm = array.array("h", speak("RATES"))
        for rate in 8000, 48000, 44100, 11025:
            n = len(pcm) * rate // RATE
            other = array.array("h", (pcm[min(i * RATE // rate, len(pcm) - 1)] for i in range(n)))
            events = self.client.push(other.tobytes(), {"heard": {}}, rate=rate)
            # The edges of the squares ring, so the letters may differ: the
            # length may not.
            end = pick(events, "transcript")[0]["heard"]["end_sample"]
            self.assertAlmostEqual(end, len(pcm), delta=2)

    def test_nulls_and_unknowns(self):
        self.client.send("transcribe", {"name": None, "language": None, "heard": None, "new": 1})
        self.client.send("something-new", {"a": 1}, b"with a payload")
        self.client.send_bytes(b'{"type":"ping","data":null,"payload_length":null}\r\n\r\n')
        self.assertEqual(self.client.until("pong")[-1][1], {})
        self.assertEqual(self.client.transcribe(speak("OK")), "ok")

    def check_error(self, code, closes, *events):
        """Both kinds of client: an error always closes one that did not opt in."""
        for heard in False, True:
            with self.daemon.connect() as client:
                if heard:
                    client.ask("heard-hello", answer="heard-welcome")
                for data in events:
                    client.send_bytes(data)
                error = client.until("error")[-1][1]
                self.assertEqual(error["code"], code)
                self.assertTrue(error["text"])
                if closes or not heard:
                    client.rest()
                else:
                    client.ask("ping", answer="pong")

    def test_errors(self):
        start = event("audio-start", audio_format())
        self.check_error("bad-order", False, event("audio-chunk", audio_format(), b"12"))
        self.check_error("bad-order", False, event("audio-stop"))
        self.check_error("bad-order", False, start, start)
        self.check_error("bad-order", False, event("heard-flush"))
        self.check_error("bad-field", False, event("audio-start", {"rate": 16000}))
        self.check_error("bad-field", False, event("heard-set", {"partials": 3}))
        self.check_error("bad-format", True, event("audio-start", audio_format(width=1)))
        self.check_error("bad-format", True, event("audio-start", audio_format(channels=9)))
        self.check_error("bad-format", True, event("audio-start", audio_format(rate=999)))
        self.check_error(
            "bad-format", True, start, event("audio-chunk", audio_format(rate=8000), b"12")
        )
        self.check_error("bad-json", True, b"GET / HTTP/1.1\n")
        self.check_error("bad-header", True, b"{}\n")
        self.check_error("bad-utf8", True, b'{"type":"\xff"}\n')
        self.check_error("line-too-long", True, b"x" * 70000)
        self.check_error("payload-too-long", True, b'{"type":"a","payload_length":99999999}\n')

    def test_no_source(self):
        self.client.send("heard-subscribe")
        self.assertEqual(self.client.until("error")[-1][1]["code"], "no-source")
        self.client.ask("ping", answer="pong")

    def test_too_many_streams(self):
        with Daemon("--max-streams", "4") as daemon:
            clients = [daemon.connect() for _ in range(4)]
            for client in clients:
                self.addCleanup(client.close)
                client.send("audio-start", audio_format())
                client.ask("ping", answer="pong")
            with daemon.connect() as fifth:
                fifth.send("audio-start", audio_format())
                self.assertEqual(fifth.until("error")[-1][1]["code"], "overloaded")
            clients[0].send("audio-stop")
            clients[0].until("transcript-stop")
            with daemon.connect() as sixth:
                self.assertEqual(sixth.transcribe(speak("X")), "x")

    def test_set(self):
        self.hello()
        answer = self.client.ask("heard-set", {"words": True, "final": "stream"})
        self.assertTrue(answer["words"])
        self.assertEqual(answer["final"], "stream")
        self.assertIn("clock", answer)
        events = self.client.push(speak("WORDS"))
        self.assertEqual(text_of(events), "WORDS")
        self.assertEqual(len(pick(events, "transcript")[0]["heard"]["words"]), 1)
        # What transcribe says holds for one stream.
        self.assertEqual(self.client.transcribe(speak("X"), {"heard": {"final": "offline"}}), "x")
        self.assertEqual(self.client.transcribe(speak("X"), {}), "X")

    def test_status(self):
        before = self.client.ask("heard-status")
        self.client.push(speak("STATUS"))
        after = self.client.ask("heard-status")
        self.assertEqual(after["utterances_total"], before["utterances_total"] + 1)
        self.assertGreater(after["steps"], before["steps"])
        self.assertEqual(after["state"], "ready")
        self.assertEqual(after["source"], "none")
        for key in "memory", "memory_peak", "uptime", "step_p50", "step_p99", "audio_total":
            self.assertGreater(after[key], 0)

    def test_half_closed(self):
        """A peer that has sent all it has still gets its transcript."""
        self.client.send_bytes(b"".join(push_events(speak("BYE"))))
        self.client.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(text_of(self.client.rest()), "bye")


if __name__ == "__main__":
    unittest.main()
