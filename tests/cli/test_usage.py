# SPDX-License-Identifier: MIT
"""What cannot be meant: one line that says what is wrong, exit status 2, nothing begun."""

import os
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from processes import DEADLINE, NnsTest  # noqa: E402


class Usage(NnsTest):
    def nns(self, *arguments):
        """Runs nns: (exit status, standard output, lines of standard error)."""
        done = subprocess.run(
            [os.environ["NNS"], *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=DEADLINE,
            check=False,
        )
        errors = done.stderr.decode().splitlines()
        self.assert_no_finding(errors)
        return done.returncode, done.stdout, errors

    def assert_usage(self, arguments, pattern, lines=1):
        with self.subTest(" ".join(arguments)):
            status, output, errors = self.nns(*arguments)
            self.assertEqual((status, output), (2, b""), errors)
            self.assertEqual(len(errors), lines, errors)
            self.assertRegex(errors[0], pattern)

    def test_commands_and_addresses(self):
        self.assert_usage([], "say connect, listen, probe, decode or proxy")
        self.assert_usage(["serve"], "'serve' is not a command")
        self.assert_usage(["connect"], "connect takes one HOST:PORT")
        self.assert_usage(["connect", "a:1", "b:2"], "connect takes one HOST:PORT")
        self.assert_usage(["probe"], "probe takes one HOST:PORT")
        for address in ("host", "7000", "host:", ":7000", "host:port", "host:65536", "host:-1"):
            self.assert_usage(["connect", address], "is not HOST:PORT")
        for address in ("[::1]", "host:1x", "x" * 300 + ":1"):
            self.assert_usage(["connect", address], "is not HOST:PORT")
        self.assert_usage(["connect", "::1:7000"], r"in brackets, as in \[::1\]:7000$")
        self.assert_usage(["listen", "--echo", "--allow-all", "::1"], "in brackets")
        for address in ("host:port", "host:65536", "host:-1", "[::1]:x"):
            self.assert_usage(["connect", address], "a port is a number from 0 to 65535$")
        self.assert_usage(["connect", "host:"], "is not HOST:PORT$")
        self.assert_usage(["-v", "connect", "x:1"], "options stand behind the command: nns connect")
        self.assert_usage(["-v", "serve"], "say connect, listen, probe, decode or proxy")
        self.assert_usage(["listen", "--echo", "--allow-all", "host"], r"is not \[HOST:\]PORT")

    def test_options(self):
        self.assert_usage(["connect", "--nonsense", "h:1"], "^nns: .*nonsense", lines=2)
        self.assert_usage(["--nonsense"], "^nns: .*nonsense", lines=2)
        self.assert_usage(["connect", "--echo", "h:1"], "--echo is not for connect")
        self.assert_usage(["listen", "--target", "x", "1"], "--target is not for listen")
        self.assert_usage(["probe", "--exec", "x", "h:1"], "--exec is not for probe")
        self.assert_usage(["connect", "--protection", "strong", "h:1"], "'strong' is not encrypt")
        self.assert_usage(["connect", "--impersonation", "all", "h:1"], "'all' is not identify")
        self.assert_usage(["listen", "--impersonation", "identify", "1"], "is not for listen")
        for time in ("10", "s", "-1s", "1d", "99999999999s", "1.5s", ""):
            self.assert_usage(["connect", "--connect-timeout", time, "h:1"], "is not a time")
        most = {"connect-timeout": "1h", "handshake-timeout": "5m", "idle-timeout": "168h"}
        for option, time in most.items():
            more = f"{int(time[:-1]) + 1}{time[-1]}"
            self.assert_usage(["connect", f"--{option}", more, "h:1"], f"--{option}: .* than {time}")
            status, _, errors = self.nns("connect", f"--{option}", time, "127.0.0.1:1")
            self.assertEqual(status, 3, errors)  # the library takes it too; nobody listens there
        for number in ("0", "-1", "x", "1x", ""):
            for option in ("connections", "handshakes", "handshakes-per-source"):
                self.assert_usage(["listen", f"--max-{option}", number, "1"], "is not a number")
        most = {"connections": 1000000, "handshakes": 10000, "handshakes-per-source": 10000}
        for option, number in most.items():
            more = ["listen", f"--max-{option}", str(number + 1), "1"]
            self.assert_usage(more, f"--max-{option}: .* from 1 to {number}$")

    def test_target(self):
        for target in ("", "host", "host/a b", "host/a\n", "a" * 1025 + "/b"):
            for command in ("connect", "probe"):
                options = [command, "--target", target, "127.0.0.1:1"]
                self.assert_usage(options, "^nns: --target: .* is not SERVICE/HOST")
        for target in ("host/a", "host/a@R", "alice@R", "R\\alice"):
            status, _, errors = self.nns("connect", "--target", target, "127.0.0.1:1")
            self.assertEqual(status, 3, errors)  # nobody listens there

    def test_contradictions(self):
        self.assert_usage(["connect", "-v", "-q", "h:1"], "contradict")
        self.assert_usage(["connect", "--password-fd", "0", "h:1"], "needs --user")
        both = ["--user", "a", "--password-fd", "0", "--password-file", "f"]
        self.assert_usage(["connect", *both, "h:1"], "contradict")
        both = ["--user", "a", "--password-fd", "0", "--ccache", "c"]
        self.assert_usage(["connect", *both, "h:1"], "contradict")
        both = ["--user", "a", "--password-fd", "0", "--client-keytab", "k"]
        self.assert_usage(["connect", *both, "h:1"], "contradict")
        both = ["--allow", "a@B", "--allow-all"]
        self.assert_usage(["listen", "--echo", *both, "1"], "contradict")
        both = ["--echo", "--exec", "cat"]
        self.assert_usage(["listen", *both, "--allow-all", "1"], "contradict")
        self.assert_usage(["listen", "--accept-delegation", "--allow-all", "1"], "needs --exec")

    def test_server_must_say_whom_it_lets_in(self):
        self.assert_usage(["listen", "--echo", "0"], "--allow PRINCIPAL or --allow-all")
        for pattern in ("alice", "@R", "alice@", "alice@*", "alice@R*", ""):
            self.assert_usage(["listen", "--echo", "--allow", pattern, "0"], "allowed peer")

    def test_help_and_version(self):
        status, output, errors = self.nns("--help")
        self.assertEqual((status, errors), (0, []))
        self.assertIn(b"usage: nns connect", output)
        status, output, errors = self.nns("--version")
        self.assertEqual((status, errors), (0, []))
        self.assertRegex(output, rb"^nns \d+\.\d+\.\d+\n$")


class PasswordFile(Usage):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "password"

    def assert_refused_file(self, pattern):
        options = ["--user", "alice", "--password-file", str(self.path)]
        self.assert_usage(["connect", *options, "127.0.0.1:1"], pattern)

    def write(self, data, mode=stat.S_IRUSR):
        self.path.unlink(missing_ok=True)
        self.path.write_bytes(data)
        self.path.chmod(mode)

    def test_that_cannot_be_used(self):
        self.assert_refused_file("No such file")
        self.write(b"")
        self.assert_refused_file("is empty")
        self.write(b"\nsecret\n")
        self.assert_refused_file("is empty")
        self.write(b"a\0b\n")
        self.assert_refused_file("NUL")
        self.write(b"x" * 5000)
        self.assert_refused_file("too long")

    def test_only_the_first_line_counts(self):
        self.write(b"secret\r\n" + b"#" * 5000 + b"\0")
        options = ["--user", "alice", "--password-file", str(self.path)]
        status, _, errors = self.nns("connect", *options, "127.0.0.1:1")
        self.assertEqual(status, 3, errors)  # nobody listens there

    def test_that_others_can_read(self):
        for mode in (0o640, 0o604, 0o660, 0o666, 0o610):
            self.write(b"secret\n", mode)
            self.assert_refused_file("others can read it")

    def test_that_is_no_file(self):
        self.path.mkdir()
        self.assert_refused_file("is not a file")

    @unittest.skipIf(os.geteuid() != 0, "needs root to give a file away")
    def test_that_is_somebody_elses(self):
        self.write(b"secret\n")
        os.chown(self.path, 65534, 65534)
        self.assert_refused_file("belongs to somebody else")

    @unittest.skipIf(os.geteuid() == 0, "root reads everything")
    def test_that_is_unreadable(self):
        self.write(b"secret\n", 0)
        self.assert_refused_file("Permission denied")

    def test_descriptor_that_is_not_open(self):
        options = ["--user", "alice", "--password-fd", "9"]
        self.assert_usage(["connect", *options, "127.0.0.1:1"], "Bad file descriptor")


if __name__ == "__main__":
    unittest.main(verbosity=2)
