# SPDX-License-Identifier: MIT
"""nns decode of every way that peers talk, and of what --trace records of real sessions.

The expected outputs are in decode/; NNS_UPDATE=1 writes them anew, for a person to compare.
"""

import os
import random
import re
import stat
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

from flows import FLOWS  # noqa: E402
from processes import DEADLINE, NO_TICKET, NnsTest, ccache, ntlm_account, realm  # noqa: E402
from wire import DONE, IN_PROGRESS, Listener, handshake, read_handshake  # noqa: E402

HEADER = "nns-trace 1\n"
PLAIN = b"a plaintext that nobody else should read, "


def rows(data):
    """The lines of the bytes of an entry."""
    return "".join(
        f"  {at:06x}  {data[at : at + 16].hex(' ')} |.|\n" for at in range(0, len(data), 16)
    )


def trace_of(flow, connection=1):
    """A flow as a trace with secrets, as a client would write it."""
    text = f"0.000000 {connection} client srv.nns.test:7000\n"
    for index, (word, content) in enumerate(flow, 1):
        start = f"0.{index:06} {connection} {word}"
        text += f"{start} {content}\n" if word == "level" else f"{start} {len(content)}\n" + rows(content)
    return text + f"0.999999 {connection} end\n"


class DecodeTest(NnsTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "wire.trace"

    def decode(self, trace, *arguments):
        """Runs nns decode with the trace as its input: (exit status, output, errors)."""
        done = subprocess.run(
            [os.environ["NNS"], "decode", *arguments],
            input=trace if isinstance(trace, bytes) else trace.encode(),
            capture_output=True,
            timeout=DEADLINE,
            check=False,
        )
        errors = done.stderr.decode().splitlines()
        self.assert_no_finding(errors)
        return done.returncode, done.stdout.decode(), errors

    def decoded(self, trace):
        status, output, errors = self.decode(trace)
        self.assertEqual((status, errors), (0, []), output)
        return output

    def assert_golden(self, name, output):
        path = HERE / "decode" / f"{name}.txt"
        if os.environ.get("NNS_UPDATE") == "1":
            path.parent.mkdir(exist_ok=True)
            path.write_text(output)
        self.assertEqual(output, path.read_text())


class Flows(DecodeTest):
    def test_every_flow(self):
        for name, flow in FLOWS.items():
            with self.subTest(name):
                self.assert_golden(name, self.decoded(HEADER + trace_of(flow)))

    def test_pieces_do_not_matter(self):
        for name, flow in FLOWS.items():
            if name in ("none", "illegal-length", "tls", "tls-hello", "http") or "net.tcp" in name:
                continue  # their entries are pieces
            whole = self.decoded(HEADER + trace_of(flow))
            pieces = [
                (word, content[at : at + 1]) for word, content in flow for at in range(len(content))
            ]
            output = self.decoded(HEADER + trace_of(pieces))
            with self.subTest(name):
                self.assertEqual(*(re.sub(r"^\d\.\d+", "", t, flags=re.M) for t in (output, whole)))

    def test_connections_are_kept_apart(self):
        one, two = (
            re.split(r"^(?=0\.)", trace_of(FLOWS["raw-ntlm"], number), flags=re.M)
            for number in (7, 8)
        )
        mixed = "".join(part for pair in zip(one, two) for part in pair)
        output = self.decoded(HEADER + mixed)
        events = [line for line in output.splitlines() if line.startswith("0.")]
        self.assertEqual([line.split()[1] for line in events], ["7", "8"] * (len(events) // 2))

    def test_file_and_dash(self):
        trace = HEADER + trace_of(FLOWS["errors"])
        expected = self.decode(trace)
        self.path.write_text(trace)
        self.assertEqual(self.decode(trace, "-"), expected)
        self.assertEqual(self.decode("", str(self.path)), expected)


class Input(DecodeTest):
    def assert_refused_trace(self, trace, pattern, *arguments):
        status, _, errors = self.decode(trace, *arguments)
        self.assertEqual((status, len(errors)), (2, 1), errors)
        self.assertRegex(errors[0], pattern)

    def test_what_is_not_a_trace(self):
        self.assert_refused_trace("", "standard input:0: this is not a trace")
        self.assert_refused_trace(b"\x16\x03\x01", "this is not a trace")
        self.assert_refused_trace("x\n", "standard input:1: this is not a trace")
        self.assert_refused_trace(HEADER + "0.0 1 > 1\n  000000  zz\n", "standard input:3: ")
        self.assert_refused_trace("", "No such file", str(self.folder / "none"))
        self.assert_refused_trace("", r":\d+: Is a directory", str(self.folder))
        self.assert_refused_trace("", "decode takes one FILE", "a", "b")
        self.assert_refused_trace("", "--trace is not for decode", "--trace", "x")
        self.assert_refused_trace("", "--verbose is not for decode", "-v")

    def test_nothing_steers_a_terminal(self):
        trace = HEADER + "0.0 1 client \x1b[31mred\x7f\xe9\n"
        token = b"NTLMSSP\0\1\0\0\0" + bytes(4) + b"\4\0\4\0\x20\0\0\0" + bytes(8) + b"\x1b[0m"
        trace += trace_of([(">", handshake(IN_PROGRESS, token))])[len("0.000000 1 client") :]
        output = self.decoded(trace.replace(" srv.nns.test:7000\n", "", 1))
        self.assertRegex(output, r"client of \\x1b\[31mred\\x7f\\xc3\\xa9\n")
        self.assertIn(r"domain '\x1b[0m'", output)
        self.assertRegex(output, r"\A[\n\x20-\x7e]*\Z")

    def test_what_passed_inside_of_net_tcp(self):
        trace = HEADER + (
            "0.1 1 client h:1\n0.2 1 upgrade\n0.3 1 >> preamble: duplex, \x1b\n"
            "0.4 1 << envelope, 5 bytes\n  <a>\n    <b\x1b/>\n  </a>\n0.5 1 < 3\n  000000  16 01 00\n"
            "0.6 1 upgrade\n0.7 1 > 5\n  000000  14 01 00 00 00\n0.8 1 end\n"
        )
        self.assertEqual(
            self.decoded(trace),
            "0.1 1 client of h:1\n0.2 1 upgrade to NegotiateStream\n0.3 1 >> preamble: duplex, \\x1b\n"
            "0.4 1 << envelope, 5 bytes\n      <a>\n        <b\\x1b/>\n      </a>\n"
            "0.6 1 upgrade to NegotiateStream\n"
            "0.6 1 < HandshakeInProgress, cut after 3 bytes\n0.7 1 > HandshakeDone, 0 bytes\n0.8 1 end\n",
        )

    def test_cut_and_changed_traces(self):
        trace = (HEADER + "".join(map(trace_of, FLOWS.values()))).encode()
        chance = random.Random(4)
        for _ in range(60):
            text = bytearray(trace[: chance.randrange(len(HEADER), len(trace))])
            status, _, errors = self.decode(bytes(text))
            self.assertEqual((status, errors), (0, []))
            for _ in range(chance.randrange(1, 6)):
                text[chance.randrange(len(text))] = chance.randrange(256)
            self.assertIn(self.decode(bytes(text))[0], (0, 2))

    def test_closed_output(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [os.environ["NNS"], "decode"],
                input=(HEADER + trace_of(FLOWS["errors"])).encode(),
                stdout=full,
                stderr=subprocess.PIPE,
                timeout=DEADLINE,
                check=False,
            )
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn(b"standard output: No space left", done.stderr)


def known_bytes(trace):
    """All bytes that a trace holds, entry by entry, left-out ones as a dot."""
    entries = []
    for line in trace.splitlines():
        if re.match(r"\d+\.\d+ \d+ [<>] ", line):
            entries.append(b"")
        elif line.startswith("  "):
            values = line.split("|")[0].split()[1:]
            entries[-1] += b"".join(b"." if v == ".." else bytes.fromhex(v) for v in values)
    return entries


class Recorded(DecodeTest):
    def session(self, level, *options, data=PLAIN):
        """A session traced at both ends: the two traces."""
        theirs = self.folder / "server.trace"
        server = self.nns_listen("--protection", level, "--trace", str(theirs), *options)
        ours = ["--protection", level, "--trace", str(self.path), *options]
        result = self.nns_connect(server.port, *ours, data=data)
        self.assert_connected(result, level)
        self.assertEqual(result.output, data)
        server.end()
        return self.path.read_text(), theirs.read_text()

    def events(self, trace):
        """What decode says, event by event, without what differs from run to run."""
        output = self.decoded(trace)
        output = re.sub(r"^\d+\.\d{6} ", "", output, flags=re.M)
        output = re.sub(r"127\.0\.0\.1:\d+", "PEER", output)
        output = re.sub(r"(\d+ bytes|sequence \d+|kvno \d+)", self.without_number, output)
        return re.split(r"^(?=1 )", output, flags=re.M)[1:]

    @staticmethod
    def without_number(match):
        return re.sub(r"\d+", "N", match[0])

    def outline(self, trace):
        """All events; the directions, between which there is no order, one after the other."""
        rank = {"<": 1, "e": 2}  # 1 < data, 1 end
        events = self.events(trace)
        level = next(i for i, event in enumerate(events) if event.startswith("1 level"))
        events[level + 1 :] = sorted(events[level + 1 :], key=lambda e: rank.get(e[2], 0))
        return "".join(events)

    def test_sessions(self):
        for level in ("encrypt", "sign", "none"):
            for secrets in ([], ["--trace-secrets"]):
                with self.subTest(level=level, secrets=secrets):
                    client, _ = self.session(level, *secrets)
                    self.assert_golden(f"session-{level}", self.outline(client))

    def test_a_server_sees_the_mirror_image(self):
        client, server = self.session("encrypt")
        for mine, theirs in ("><", "<>"):
            seen = [event[3:] for event in self.events(client) if event[2] == mine]
            self.assertEqual(seen, [e[3:] for e in self.events(server) if e[2] == theirs])
            self.assertEqual(len(seen), 2)

    def test_secrets_are_left_out(self):
        for level in ("encrypt", "sign", "none"):
            with self.subTest(level):
                full, full_server = map(known_bytes, self.session(level, "--trace-secrets"))
                self.assertEqual(b"".join(full).count(b"...."), 0)
                self.assertEqual(level != "encrypt", PLAIN in b"".join(full + full_server))
                for trace in self.session(level):
                    known = known_bytes(trace)
                    self.assertNotIn(b"plaintext", b"".join(known))
                    self.assertNotIn("plaintext", trace)
                    self.assertEqual(len(known), len(full))
                    self.assertLess(len(b"".join(known)), len(b"".join(full)) * 3 // 4)

    def test_ticket_is_left_out(self):
        """The ticket in the credential cache, its cipher above all, is nowhere in the trace."""
        cache = Path(realm("alice.ccache")).read_bytes()

        def windows(trace):
            """What runs of 12 bytes of the ticket's cipher the trace holds."""
            found = 0
            for entry in known_bytes(trace):
                found += sum(entry[at : at + 12] in cache for at in range(max(0, len(entry) - 11))
                             if b"...." not in entry[at : at + 12])
            return found

        left_out = windows(self.session("encrypt")[0])
        with_secrets = windows(self.session("encrypt", "--trace-secrets")[0])
        self.assertGreater(with_secrets, 250)  # the search does find it
        self.assertLess(left_out, 120)  # realm, service and the DER around them

    def test_many_records_and_connections(self):
        theirs = self.folder / "server.trace"
        server = self.nns_listen("--trace", str(theirs))
        data = os.urandom(1_000_000)
        for _ in range(3):
            result = self.nns_connect(server.port, "--trace", str(self.path), data=data)
            self.assertTrue(result.output == data)
        server.end()
        output = self.decoded(theirs.read_text())
        self.assertEqual(len(re.findall(r"^\d+\.\d+ \d server of ", output, re.M)), 3)
        for number in "123":
            sequences = re.findall(
                rf"^\d+\.\d+ {number} < data, .*\n.*Wrap: sealed.*sequence (\d+)$", output, re.M
            )
            first = int(sequences[0])
            self.assertEqual([int(s) - first for s in sequences], list(range(len(sequences))))
            self.assertGreaterEqual(len(sequences), 16)

    def test_a_failed_handshake(self):
        def refuse(connection):
            read_handshake(connection)
            connection.sendall(handshake(0x15, bytes.fromhex("0C030980FFFFFFFF")))

        port = Listener(self, refuse).port
        result = self.nns_connect(port, "--trace", str(self.path))
        self.assertEqual(result.status, 7)
        output = self.decoded(self.path.read_text())
        self.assertIn("status: 8009030C SEC_E_LOGON_DENIED, as .NET 8 and later", output)
        self.assertRegex(output, r"\d 1 end\n\Z")

    def test_a_peer_that_breaks_off(self):
        def cut(connection):
            read_handshake(connection)
            connection.sendall(handshake(DONE, bytes(20))[:12])

        result = self.nns_connect(Listener(self, cut).port, "--trace", str(self.path))
        self.assertEqual(result.status, 5)
        output = self.decoded(self.path.read_text())
        self.assertRegex(output, r"1 < HandshakeDone, 20 bytes, cut after 12 bytes\n")


def ntlm_secrets(trace):
    """What a password can be guessed with, by name, from a trace with secrets: the challenge, the
    parts of the response, session key and MIC ([MS-NLMP] 2.2.1.2, 2.2.1.3, 2.2.2.8)."""
    messages = {}
    for entry in known_bytes(trace):
        if (at := entry.find(b"NTLMSSP\0")) >= 0:
            messages[entry[at + 8]] = entry[at:]
    answer = messages[3]
    size, _, start = struct.unpack_from("<HHI", answer, 20)
    response = answer[start : start + size]
    size, _, start = struct.unpack_from("<HHI", answer, 52)
    return {
        "challenge": messages[2][24:32],
        "proof": response[:16],
        "timestamp": response[24:32],
        "client challenge": response[32:40],
        "session key": answer[start : start + size],
        "MIC": answer[72:88],
    }


class RecordedNtlm(DecodeTest):
    """NTLM alone, and through SPNEGO for want of a ticket; traced at both ends."""

    def session(self, mechanism, level="encrypt", ours=(), theirs=()):
        """The traces of the client and of the server of one session; ours and theirs: options."""
        path = self.folder / "server.trace"
        options = ("--mech", mechanism, "--protection", level)
        env = ntlm_account() | ccache(NO_TICKET)
        allow = {"allow": r"NNS\alice"}
        server = self.nns_listen("--trace", str(path), *options, *theirs, **allow, **env)
        options = ("--trace", str(self.path), *options, *ours)
        result = self.nns_connect(server.port, *options, data=PLAIN, **env)
        self.assertEqual((result.status, result.output), (0, PLAIN), result.errors)
        self.assertIn(f"connected to host/localhost using NTLM ({level})", result.errors)
        server.end()
        return self.path.read_text(), path.read_text()

    def assert_messages(self, output, ours, mechanism):
        """Every NTLM message of a session is named, in its direction; ours: the client's."""
        found = []
        for event in re.split(r"^(?=\d+\.\d{6} )", output, flags=re.M):
            name = re.search(r"NTLM (NEGOTIATE|CHALLENGE|AUTHENTICATE)\n", event)
            if name:
                found.append((event.split()[2] == ours, name[1]))
        names = [(True, "NEGOTIATE"), (False, "CHALLENGE"), (True, "AUTHENTICATE")]
        self.assertEqual(found, names, output)
        self.assertIn(r"user: NNS\alice, workstation: ", output)
        self.assertRegex(output, r"NTLMv2 response, \d+ bytes\n")
        self.assertEqual("SPNEGO NegTokenInit" in output, mechanism == "negotiate")

    def test_messages_are_named(self):
        for mechanism, first in (("ntlm", 0), ("negotiate", 1)):  # SPNEGO's own signature is 0
            record = f"NTLM signature: version 1, sequence {first}\n"
            for level in ("encrypt", "sign"):
                for secrets in ((), ("--trace-secrets",)):
                    with self.subTest(mechanism, level=level, secrets=secrets):
                        traces = self.session(mechanism, level, secrets, secrets)
                        for output, ours in zip(map(self.decoded, traces), "><"):
                            self.assert_messages(output, ours, mechanism)
                            self.assertEqual(output.count(record), 2, output)

    def assert_left_out(self, trace, secrets):
        """No 5 bytes of a secret stand anywhere in the trace."""
        known = known_bytes(trace)
        self.assertTrue(any(b"NTLMSSP\0\3" in entry for entry in known))
        for name, secret in secrets.items():
            for at in range(len(secret) - 4):
                piece = secret[at : at + 5]
                self.assertFalse(any(piece in entry for entry in known), f"{name}, byte {at}")

    def test_responses_are_left_out(self):
        """One end traces with secrets, so they are known; the other one does not."""
        for mechanism in ("ntlm", "negotiate"):
            for full, options in ((0, "ours"), (1, "theirs")):
                with self.subTest(mechanism, secrets=options):
                    traces = self.session(mechanism, **{options: ["--trace-secrets"]})
                    secrets = ntlm_secrets(traces[full])
                    self.assertEqual([len(s) for s in secrets.values()], [8, 16, 8, 8, 16, 16])
                    self.assert_left_out(traces[1 - full], secrets)
                    with self.assertRaises(AssertionError):  # the search does find them
                        self.assert_left_out(traces[full], secrets)


class File(DecodeTest):
    def connect(self, path):
        """nns connect to nobody: whether the trace can be made is known before."""
        return self.nns_connect(1, "--trace", str(path))

    def assert_not_made(self, path, pattern):
        result = self.connect(path)
        self.assertEqual((result.status, len(result.errors)), (2, 1), result.errors)
        self.assertRegex(result.errors[0], pattern)

    def test_is_the_users_alone(self):
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        self.assertEqual(self.connect(self.path).status, 3)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.path.write_text("old " * 1000)
        self.path.chmod(0o666)
        self.assertEqual(self.connect(self.path).status, 3)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertNotIn("old", self.path.read_text())
        self.assertRegex(
            self.decoded(self.path.read_text()),
            r"\A\d\.\d{6} 1 client of 127\.0\.0\.1:1\n\d\.\d{6} 1 end\n\Z",
        )

    def test_that_cannot_be_made(self):
        target = self.folder / "target"
        target.write_text("keep me")
        self.path.symlink_to(target)
        self.assert_not_made(self.path, "symbolic link")
        self.assertEqual(target.read_text(), "keep me")
        self.assert_not_made(self.folder, "Is a directory")
        self.assert_not_made(self.folder / "no" / "file", "No such file")
        self.assert_not_made("/dev/null", "it is not a file")
        os.mkfifo(self.folder / "fifo")
        self.assert_not_made(self.folder / "fifo", "No such device")

    @unittest.skipIf(os.geteuid() != 0, "needs root to give a file away")
    def test_of_somebody_else(self):
        self.path.write_text("keep me")
        os.chown(self.path, 65534, 65534)
        self.assert_not_made(self.path, "belongs to somebody else")
        self.assertEqual(self.path.read_text(), "keep me")

    def test_secrets_need_a_trace(self):
        result = self.nns_connect(1, "--trace-secrets")
        self.assertEqual(result.status, 2)
        self.assertIn("--trace-secrets needs --trace", result.errors[0])


if __name__ == "__main__":
    for name in ("NNS", "NNS_REALM_DIR"):
        if name not in os.environ:
            sys.exit(f"cli: {name} is not set")
    unittest.main(verbosity=2)
