# SPDX-License-Identifier: MIT
"""nns connect with nns listen --echo: what a user sees when all is well, and when data is not."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from processes import (  # noqa: E402
    DEADLINE,
    NO_TICKET,
    OPEN,
    NnsTest,
    ccache,
    content,
    environment,
    realm,
    tied_to_us,
)
from wire import Middle  # noqa: E402

PROTOCOL = 5
RECORD = 64_512
OVERHEAD = 60  # of a sealed Kerberos message, AES with SHA-1


class Session(NnsTest):
    def test_three_lines_come_back(self):
        server = self.nns_listen()
        lines = b"first line\nsecond line\nthird line\n"
        result = self.nns_connect(server.port, data=lines)
        self.assert_connected(result, "encrypt")
        self.assertEqual(result.output, lines)
        self.assertRegex(
            server.err.next(),
            r"^127\.0\.0\.1:\d+ alice@NNS\.TEST authenticated using Kerberos \(encrypt\)$",
        )

    def test_sizes_at_every_level(self):
        for level in ("encrypt", "sign", "none"):
            server = self.nns_listen("--protection", level)
            for size in (0, 1, RECORD - 1, RECORD, RECORD + 1, 10_000_000):
                with self.subTest(level=level, size=size):
                    data = content(size)
                    result = self.nns_connect(server.port, "--protection", level, data=data)
                    self.assert_connected(result, level)
                    self.assertTrue(result.output == data)

    def test_default_target_is_the_host(self):
        server = self.nns_listen()
        result = self.nns_connect(server.port, target=None, host="LocalHost", data=b"x")
        self.assert_connected(result, "encrypt")

    def test_target_with_realm(self):
        server = self.nns_listen()
        result = self.nns_connect(server.port, target="host/localhost@NNS.TEST", data=b"x")
        self.assert_connected(result, "encrypt")

    def test_many_at_once(self):
        server = self.nns_listen()
        data = content(1_000_000)
        argv = tied_to_us(self.connect_command(server.port))
        running = [
            subprocess.Popen(
                argv,
                env=environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for _ in range(16)
        ]
        outputs = [client.communicate(data, DEADLINE)[0] for client in running]
        self.assertEqual([client.returncode for client in running], [0] * 16)
        self.assertTrue(all(output == data for output in outputs))

    def test_quiet_and_verbose(self):
        server = self.nns_listen()
        result = self.nns_connect(server.port, "-q", data=b"x")
        self.assertEqual((result.status, result.errors), (0, []))
        result = self.nns_connect(server.port, "-v", data=b"x")
        self.assertIn("256 bits", "\n".join(result.errors))
        self.assert_record_engine(result.errors)

    def test_password_from_a_file_and_from_a_descriptor(self):
        server = self.nns_listen()
        user = ["--user", "alice@NNS.TEST"]
        nowhere = {"KRB5CCNAME": "FILE:" + realm("no-such.ccache")}
        file = ["--password-file", realm("alice.password")]
        result = self.nns_connect(server.port, *user, *file, data=b"x", **nowhere)
        self.assert_connected(result, "encrypt")
        with open(realm("bob.password"), "rb") as password:
            done = subprocess.run(
                self.connect_command(server.port, "--user", r"NNS.TEST\alice")
                + ["--password-fd", str(password.fileno())],
                env=environment(**nowhere),
                pass_fds=[password.fileno()],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=DEADLINE,
                check=False,
            )
        self.assertEqual(done.returncode, 6, done.stderr)  # bob's is not alice's

    def test_delegation_needs_a_forwardable_ticket(self):
        server = self.nns_listen()
        delegate = ["--impersonation", "delegate"]
        result = self.nns_connect(server.port, *delegate, data=b"x")
        self.assert_connected(result, "encrypt")
        self.assertNotIn("delegated", "\n".join(result.errors))
        with tempfile.TemporaryDirectory() as folder:
            cache = f"FILE:{folder}/ccache"
            self.kinit(cache, "-F")
            result = self.nns_connect(server.port, *delegate, "--ccache", cache, data=b"x")
        self.assert_connected(result, "encrypt")
        self.assertRegex("\n".join(result.errors), "nothing was delegated")

    def test_client_keytab_needs_no_ticket(self):
        server = self.nns_listen(allow="robot@NNS.TEST")
        keytab = ["--client-keytab", realm("robot.keytab")]
        result = self.nns_connect(server.port, *keytab, data=b"x", **ccache(NO_TICKET))
        self.assert_connected(result, "encrypt")
        self.assertFalse(os.path.exists(realm(NO_TICKET)))
        with tempfile.TemporaryDirectory() as folder:
            cache = ["--ccache", f"FILE:{folder}/ccache"]
            self.assert_connected(self.nns_connect(server.port, *keytab, *cache), "encrypt")
            self.assert_connected(self.nns_connect(server.port, *cache), "encrypt")  # kept there

    def test_service_under_a_user_principal(self):
        server = self.nns_listen("--service", "service")
        result = self.nns_connect(server.port, target="service@NNS.TEST", data=b"x")
        self.assert_connected(result, "encrypt", target="service")

    def test_options_take_the_place_of_the_environment(self):
        server = self.nns_listen("--service", "host/localhost", KRB5_KTNAME="FILE:/nonexistent")
        result = self.nns_connect(
            server.port,
            "--ccache",
            "FILE:" + realm("alice.ccache"),
            data=b"x",
            KRB5CCNAME="FILE:/nonexistent",
        )
        self.assert_connected(result, "encrypt")

    def test_several_patterns(self):
        server = self.nns_listen("--allow", "*/admin@NNS.TEST", allow="a*e@NNS.TEST")
        self.assert_connected(self.nns_connect(server.port, data=b"x"), "encrypt")

    def test_end_of_peer_does_not_wait_for_input(self):
        server = self.nns_listen("--idle-timeout", "200ms")
        result = self.nns_connect(server.port, data=OPEN)
        self.assertEqual(result.status, 0, result.errors)


class BadData(NnsTest):
    """Somebody in the middle. Every record before the fault arrives, nothing after it."""

    def through(self, touched, change):
        """Sends some records through the middle to the echo server and back."""

        def note(index, record):
            sizes.append(len(record) - 4 - OVERHEAD)
            return change(index, record)

        # Of the plaintext of each record; the middle of an earlier call may still be counting.
        sizes = self.sizes = []
        server = self.nns_listen()
        middle = Middle(self, server.port, touched, note)
        self.data = content(5 * RECORD)
        return server, self.nns_connect(middle.port, data=self.data)

    def assert_cut(self, result, records, pattern):
        """The command failed and wrote just what came in the first so many records."""
        self.assertEqual(result.status, PROTOCOL, result.errors)
        intact = sum(self.sizes[:records])
        self.assertTrue(result.output == self.data[:intact], (len(result.output), intact))
        self.assertRegex("\n".join(result.errors), pattern)

    @staticmethod
    def flip(record, at):
        return record[:at] + bytes([record[at] ^ 1]) + record[at + 1 :]

    def test_flipped_bit(self):
        _, result = self.through("server", lambda i, r: self.flip(r, 1000) if i == 2 else r)
        self.assert_cut(result, 2, "receive")

    def test_replayed_record(self):
        _, result = self.through("server", lambda i, r: r + r if i == 1 else r)
        self.assert_cut(result, 2, "replayed|order|lost")

    def test_missing_record(self):
        _, result = self.through("server", lambda i, r: b"" if i == 1 else r)
        self.assert_cut(result, 1, "replayed|order|lost")

    def test_illegal_lengths(self):
        for length in (0, 4, 65_537, 0x7FFFFFFF, 0xFFFFFFFF):
            with self.subTest(length):
                wrong = length.to_bytes(4, "little")
                _, result = self.through("server", lambda i, r, w=wrong: w if i == 3 else r)
                self.assert_cut(result, 3, f"announces {length} bytes")

    def test_truncated_record(self):
        def cut(index, record):
            return None if index == 3 else record[:-1] if index == 2 else record

        _, result = self.through("server", cut)
        self.assert_cut(result, 2, "announces|ended .* bytes into a record")

    def test_server_ends_the_session_too(self):
        server, result = self.through("client", lambda i, r: self.flip(r, 1000) if i == 0 else r)
        self.assertEqual(result.output, b"")  # the status depends on how the connection broke
        server.err.until("authenticated using")
        self.assertRegex(server.err.next(), r"^127\.0\.0\.1:\d+ receive: ")
        self.assert_connected(self.nns_connect(server.port, data=b"x"), "encrypt")


if __name__ == "__main__":
    for name in ("NNS", "NNS_REALM_DIR"):
        if name not in os.environ:
            sys.exit(f"cli: {name} is not set")
    unittest.main(verbosity=2)
