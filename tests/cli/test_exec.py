# SPDX-License-Identifier: MIT
"""nns listen --exec: a command for each connection, and commands that do not do what they should.

NNS_PIPE_BYTES    how much goes through `cat` and back (default 64 MiB)
"""

import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from processes import (  # noqa: E402
    DEADLINE,
    OPEN,
    NnsTest,
    Process,
    content,
    environment,
    realm,
    record_engine,
    sha256,
    tied_to_us,
)

PIPE_BYTES = int(os.environ.get("NNS_PIPE_BYTES", 64 << 20))
MASKS = "grep -E 'Sig(Blk|Ign)' /proc/self/status"
BYTES_A_SECOND = 4 << 20  # slower than that is a hang, also under a sanitizer


class ExecTest(NnsTest):
    def serve(self, command, *options, **env):
        return self.nns_listen(*options, service=("--exec", command), **env)

    def run_command(self, command, data=b"", *options):
        """The server, and the result of one connection to it."""
        server = self.serve(command, *options)
        return server, self.nns_connect(server.port, data=data)

    def assert_serves(self, server):
        """The server has outlived what came before."""
        result = self.nns_connect(server.port, "-q", data=b"still there")
        self.assertEqual(result.status, 0, result.errors)

    def serve_after(self, setup, command, *options):
        """A server that a shell has started after this set-up of its own."""
        argv = ["sh", "-c", f'{setup}; exec "$@"', "sh", os.environ["NNS"], "listen"]
        argv += [*record_engine(), "--allow-all"]
        argv += ["--keytab", realm("keytab"), "--exec", command, *options, "127.0.0.1:0"]
        server = Process(argv, environment())
        self.addCleanup(lambda: self.assert_no_finding(server.end()))
        server.port = int(server.err.until(r"^listening on 127\.0\.0\.1:(\d+)$")[1])
        return server


class Bulk(ExecTest):
    def test_what_goes_through_cat_comes_back(self):
        server = self.serve("cat")
        argv = tied_to_us(self.connect_command(server.port, "-q"))
        deadline = str(DEADLINE + PIPE_BYTES // BYTES_A_SECOND)
        with tempfile.TemporaryFile() as errors:
            client = subprocess.Popen(
                ["timeout", deadline, *argv],
                env=environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
            with client, Feeder(client.stdin, PIPE_BYTES) as sent:
                received = hashlib.sha256()
                size = 0
                while chunk := client.stdout.read(1 << 20):
                    received.update(chunk)
                    size += len(chunk)
            errors.seek(0)
            self.assertEqual((client.returncode, errors.read()), (0, b""))
        self.assertEqual((size, received.hexdigest()), (PIPE_BYTES, sent.sha256.hexdigest()))

    def test_many_at_once(self):
        server = self.serve("cat")
        data = content(1_000_000)
        argv = tied_to_us(self.connect_command(server.port, "-q"))
        running = [
            subprocess.Popen(
                argv, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            for _ in range(16)
        ]
        outputs = [client.communicate(data, DEADLINE)[0] for client in running]
        self.assertEqual([client.returncode for client in running], [0] * 16)
        self.assertTrue(all(output == data for output in outputs))


class Feeder:
    """Writes so many bytes to a pipe and closes it, on a thread that is joined at the end."""

    def __init__(self, pipe, size):
        self.sha256 = hashlib.sha256()
        self._pipe = pipe
        self._size = size
        self._thread = threading.Thread(target=self._write, daemon=True)

    def _write(self):
        block = content(1 << 20)
        left = self._size
        with self._pipe:
            while left > 0:
                piece = left.to_bytes(8, "big") + block[8:]  # no two are the same
                piece = piece[:left]
                self.sha256.update(piece)
                self._pipe.write(piece)
                left -= len(piece)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._thread.join(DEADLINE)


class Environment(ExecTest):
    def test_who_the_peer_is(self):
        command = 'printf "%s|" "$NNS_PEER_NAME" "$NNS_MECHANISM" "$NNS_PROTECTION"'
        command += ' "$NNS_PEER_ADDRESS"'
        server = self.serve(command, NNS_PEER_NAME="root@EVIL", NNS_PEER_NAMES="kept")
        result = self.nns_connect(server.port)
        match = re.match(rb"alice@NNS\.TEST\|Kerberos\|encrypt\|(127\.0\.0\.1:\d+)\|$", result.output)
        self.assertTrue(match, result.output)
        self.assertIn(match[1].decode(), server.err.until("authenticated").string)
        variables = self.nns_connect(self.serve("env", NNS_PEER_NAME="root@EVIL").port).output
        self.assertEqual(variables.count(b"NNS_PEER_NAME="), 1, variables)

    def test_command_is_the_shells(self):
        _, result = self.run_command("-x; echo a 'b c' | tr a-c A-C; exit 0")
        self.assertEqual(result.output, b"A B C\n")

    def test_no_descriptor_but_the_three_comes_with_it(self):
        server = self.serve("ls -l /proc/self/fd; cat")
        others = [self.connection(server.port) for _ in range(3)]
        result = self.nns_connect(server.port)
        found = re.findall(rb" (\d+) -> (\S+)", result.output)
        self.assertEqual([number for number, _ in found[:3]], [b"0", b"1", b"2"], result.output)
        self.assertTrue(all(to.startswith(b"pipe:") for _, to in found[:3]), found)
        self.assertEqual(len(found), 4, result.output)  # the fourth is ls reading the folder
        self.assertTrue(found[3][1].startswith(b"/proc/"), found)
        for client in others:
            client.communicate(b"", DEADLINE)
            self.assertEqual(client.returncode, 0)

    def test_descriptors_the_server_was_started_with_do_not_come_either(self):
        server = self.serve_after("exec 9</dev/null", "ls /proc/self/fd | wc -l")
        self.assertEqual(self.nns_connect(server.port).output.strip(), b"4")

    def test_what_the_server_was_started_ignoring_does_not_matter(self):
        # The shell does not ignore SIGCHLD when it is told to; env does.
        setup = "trap '' HUP INT QUIT TERM; set -- env --ignore-signal=CHLD \"$@\""
        server = self.serve_after(setup, f"{MASKS}; exit 3")
        self.assert_no_masks(self.nns_connect(server.port).output)
        server.err.until("the command ended with status 3")
        server.popen.kill()  # it ignores all else

    def connection(self, port):
        """A client that is connected and has seen the command start."""
        client = subprocess.Popen(
            tied_to_us(self.connect_command(port)),
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.assertTrue(client.stdout.readline())
        return client

    def test_signals_are_as_a_program_expects_them(self):
        _, result = self.run_command(MASKS)
        self.assert_no_masks(result.output)

    def assert_no_masks(self, output):
        masks = [int(line.split()[1], 16) for line in output.splitlines()]
        standard = (1 << 31) - 1  # the C library keeps some of the rest for itself
        self.assertEqual([mask & standard for mask in masks], [0, 0], output)


class Delegation(ExecTest):
    """The command gets the client's ticket, and nothing of it is left behind."""

    SHOW = 'echo "cache ${KRB5CCNAME-unset}"; '

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def serve_delegated(self, command, *options, **env):
        env = {"TMPDIR": self.folder, "KRB5CCNAME": "FILE:ours", **env}
        return self.serve(self.SHOW + command, "--accept-delegation", *options, **env)

    def connect(self, server, level="delegate"):
        result = self.nns_connect(server.port, "--impersonation", level, data=b"x")
        self.assertEqual(result.status, 0, result.errors)
        return result.output.decode()

    def left(self):
        """What is there of ours; the replay cache may be there too, for all servers to come."""
        return [name for name in os.listdir(self.folder) if name.startswith("nns-")]

    def test_command_acts_as_the_client_while_it_runs(self):
        command = 'klist; cd "$(dirname "${KRB5CCNAME#FILE:}")"; stat -c "%a %n" . *'
        # That it is good for another ticket, with the KDC, is what delegation is for.
        server = self.serve_delegated(f"{command}; kvno host/127.0.0.1", "--once")
        output = self.connect(server)
        self.assertIn(f"cache FILE:{self.folder}/nns-", output)
        self.assertIn("Default principal: alice@NNS.TEST", output)
        self.assertIn("krbtgt/NNS.TEST@NNS.TEST", output)
        self.assertIn("700 .\n600 ccache\n", output)
        self.assertIn("host/127.0.0.1@NNS.TEST: kvno =", output)
        self.assertEqual(server.wait(), 0)
        self.assertEqual(self.left(), [])

    def test_without_delegation_there_is_no_cache(self):
        server = self.serve_delegated(":", "--once")
        self.assertEqual(self.connect(server, "impersonate"), "cache unset\n")
        self.assertEqual(server.wait(), 0)
        self.assertEqual(self.left(), [])

    def test_unless_asked_for_nothing_is_taken_and_the_environment_stays(self):
        server = self.serve(self.SHOW, TMPDIR=self.folder, KRB5CCNAME="FILE:ours")
        self.assertEqual(self.connect(server), "cache FILE:ours\n")
        self.assertEqual(self.left(), [])

    def test_what_the_command_leaves_in_the_folder_goes_too(self):
        command = 'touch "${KRB5CCNAME#FILE:}.more"'
        server = self.serve_delegated(command, "--once")
        self.connect(server)
        self.assertEqual(server.wait(), 0)
        self.assertEqual(self.left(), [])

    def test_signal_that_ends_the_server_leaves_nothing(self):
        for ending in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with self.subTest(ending):
                server = self.serve_delegated("cat")
                argv = self.connect_command(server.port, "--impersonation", "delegate")
                client = Process(tied_to_us(argv), environment(), subprocess.PIPE)
                self.addCleanup(client.end)
                self.addCleanup(client.popen.stdin.close)
                client.out.until("cache FILE:")
                self.assertEqual(len(self.left()), 1)
                server.popen.send_signal(ending)
                self.assertEqual(server.wait(), -ending)
                self.assertEqual(self.left(), [])

    def test_signal_that_is_ignored_stays_so(self):
        server = self.serve_after("trap '' HUP", "echo served", "--accept-delegation")
        server.popen.send_signal(signal.SIGHUP)
        for _ in range(3):
            self.assertEqual(self.connect(server), "served\n")
        server.popen.terminate()
        self.assertEqual(server.wait(), -signal.SIGTERM)

    def test_cache_that_cannot_be_written_is_said(self):
        with tempfile.NamedTemporaryFile() as replays:
            cache = f"file2:{replays.name}"
            server = self.serve_delegated("cat", KRB5RCACHENAME=cache)
            self.assert_said(server)

    def assert_said(self, server):
        os.rmdir(self.folder)
        result = self.nns_connect(server.port, "--impersonation", "delegate", data=b"x")
        self.assertEqual(result.output, b"")
        server.err.until("the client's credentials: No such file or directory")
        os.mkdir(self.folder)
        self.assertIn("cache FILE:", self.connect(server))


class HalfClose(ExecTest):
    def test_end_of_input_reaches_the_command_which_answers_only_then(self):
        data = content(200_000)
        _, result = self.run_command("sha256sum", data)
        self.assertEqual(result.output.decode().split()[0], sha256(data))
        self.assertEqual(result.status, 0)

    def test_end_of_the_commands_output_reaches_the_client(self):
        server = self.serve("echo done; exec 1>&-; cat >/dev/null")
        result = self.nns_connect(server.port, data=OPEN)
        self.assertEqual((result.status, result.output), (0, b"done\n"))

    def test_command_that_answers_and_ends_while_the_client_still_sends(self):
        server, result = self.run_command("head -c 5", content(20_000_000))
        self.assertEqual((result.status, result.output), (0, content(20_000_000)[:5]))
        self.assert_serves(server)


class Misbehaving(ExecTest):
    def test_command_that_fails(self):
        server, result = self.run_command("cat; exit 3", b"x")
        self.assertEqual((result.status, result.output), (0, b"x"))
        server.err.until(r"^127\.0\.0\.1:\d+ the command ended with status 3$")
        self.assert_serves(server)

    def test_command_that_does_not_exist(self):
        server, result = self.run_command("nns-no-such-command 2>/dev/null")
        self.assertEqual((result.status, result.output), (0, b""))
        server.err.until("the command ended with status 127$")

    def test_command_that_is_killed(self):
        server, result = self.run_command("echo first; kill -9 $$", b"x")
        self.assertEqual((result.status, result.output), (0, b"first\n"))
        server.err.until(r"the command was killed by signal 9 \(Killed\)$")
        self.assert_serves(server)

    def test_command_that_ignores_its_input(self):
        server, result = self.run_command("exec 0<&-; echo ready", content(5_000_000))
        self.assertEqual((result.status, result.output), (0, b"ready\n"))
        self.assert_serves(server)

    def test_no_command_is_left_as_a_zombie(self):
        server = self.serve("exit 1")
        for _ in range(5):
            self.nns_connect(server.port, data=b"x")
            server.err.until("ended with status 1")  # said after the wait
        children = Path(f"/proc/{server.popen.pid}/task").glob("*/children")
        self.assertEqual([c.read_text() for c in children if c.read_text()], [])

    def test_client_that_is_gone_ends_the_command(self):
        """It neither reads nor writes, so only the signal can reach it."""
        command = "trap 'exit 9' HUP; while :; do sleep 60; done"
        server = self.serve(command, "--idle-timeout", "300ms")
        self.nns_connect(server.port, data=OPEN)
        server.err.until("the command ended with status 9")
        server.err.until("timed out")

    def test_command_that_does_not_end_after_the_clients_end(self):
        server = self.serve("sleep 600", "--idle-timeout", "300ms")
        self.nns_connect(server.port, data=b"x")
        server.err.until(r"the command was killed by signal 1 \(Hangup\)$")
        server.err.until("timed out")


class Once(ExecTest):
    def test_server_ends_with_the_first_connection(self):
        server = self.serve("cat", "--once")
        result = self.nns_connect(server.port, data=b"x")
        self.assertEqual((result.status, result.output), (0, b"x"))
        self.assertEqual(server.wait(), 0)

    def test_exit_status_is_the_connections(self):
        server = self.serve("cat", "--once", allow="bob@NNS.TEST")
        self.assertEqual(self.nns_connect(server.port).status, 7)
        self.assertEqual(server.wait(), 6)

    def test_silent_client_is_the_one_connection_too(self):
        server = self.nns_listen("--once", "--handshake-timeout", "200ms")
        with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
            self.assertEqual(client.recv(100), b"")
        self.assertEqual(server.wait(), 4)


if __name__ == "__main__":
    for name in ("NNS", "NNS_REALM_DIR"):
        if name not in os.environ:
            sys.exit(f"cli: {name} is not set")
    unittest.main(verbosity=2)
