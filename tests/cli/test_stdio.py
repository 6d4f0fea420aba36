# SPDX-License-Identifier: MIT
"""nns listen on standard input and output: one connection, joined with what the shell gave it."""

import fcntl
import os
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
    Lines,
    NnsTest,
    content,
    environment,
    realm,
    record_engine,
    tied_to_us,
)

F_GETPIPE_SZ = 1032  # fcntl has the name since Python 3.10
USAGE, TRANSPORT, TIMEOUT, AUTHENTICATION, PEER = 2, 3, 4, 6, 7


class StdioTest(NnsTest):
    def start(self, *options, allow="alice@NNS.TEST", stdout=subprocess.PIPE):
        """A server whose standard input and output are the test's; its port is `.port`."""
        argv = [os.environ["NNS"], "listen", *record_engine(), "--allow", allow]
        argv += ["--keytab", realm("keytab"), *options, "127.0.0.1:0"]
        return self.popen(argv, stdout, self.listening)

    @staticmethod
    def listening(server):
        server.port = int(server.lines.until(r"^listening on 127\.0\.0\.1:(\d+)$")[1])

    def client(self, port):
        """A client whose standard input and output are the test's, connected."""
        return self.popen(
            self.connect_command(port), subprocess.PIPE, lambda c: c.lines.until("connected to")
        )

    def popen(self, argv, stdout, ready):
        process = subprocess.Popen(
            tied_to_us(argv),
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )
        process.lines = Lines(process.stderr)
        self.addCleanup(self.end, process)
        ready(process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.kill()
        process.wait(DEADLINE)
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
        self.assert_no_finding(process.lines.rest())

    def assert_ends(self, status, *processes):
        for process in processes:
            ended = process.wait(DEADLINE)
            self.assertEqual(ended, status, process.lines.seen)


class BothWays(StdioTest):
    def test_pipes_hold_what_is_moved_at_once(self):
        server = self.start()
        client = self.client(server.port)
        client.stdin.write(b"a line\n")
        client.stdin.flush()
        self.assertEqual(server.stdout.readline(), b"a line\n")
        for pipe in (client.stdin, client.stdout, server.stdin, server.stdout):
            self.assertGreaterEqual(fcntl.fcntl(pipe, F_GETPIPE_SZ), 16 * 64512)

    def test_lines_there_and_back_while_both_stay_open(self):
        server = self.start()
        client = self.client(server.port)
        for way in ((server, client), (client, server)) * 3:
            way[0].stdin.write(b"a line\n")
            way[0].stdin.flush()
            self.assertEqual(way[1].stdout.readline(), b"a line\n")
        client.stdin.close()
        self.assertEqual(server.stdout.read(), b"")
        server.stdin.close()
        self.assertEqual(client.stdout.read(), b"")
        self.assert_ends(0, server, client)

    def test_bulk_both_ways_at_once(self):
        server = self.start()
        client = self.client(server.port)
        sent = {server: content(20_000_000), client: content(20_000_001)}
        received = {}
        writers = {p: self.thread(p.stdin.write, data) for p, data in sent.items()}
        readers = {p: self.thread(self.read, p, received) for p in sent}
        # The client's end first: it waits for no more input after the server's.
        for end, other in ((client, server), (server, client)):
            writers[end].join(DEADLINE)
            end.stdin.close()
            readers[other].join(DEADLINE)
        self.assertTrue(received[server] == sent[client])
        self.assertTrue(received[client] == sent[server])
        self.assert_ends(0, server, client)

    @staticmethod
    def thread(function, *arguments):
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        thread.start()
        return thread

    @staticmethod
    def read(process, received):
        received[process] = process.stdout.read()


class HalfClose(StdioTest):
    def test_clients_end_closes_the_servers_output_and_the_answer_follows(self):
        server = self.start()
        client = self.client(server.port)
        client.stdin.write(b"question")
        client.stdin.close()
        self.assertEqual(server.stdout.read(), b"question")  # to its end
        server.stdin.write(b"answer")
        server.stdin.close()
        self.assertEqual(client.stdout.read(), b"answer")
        self.assert_ends(0, server, client)

    def test_servers_end_ends_the_client_which_waits_for_nothing_more(self):
        server = self.start()
        client = self.client(server.port)
        server.stdin.close()
        self.assertEqual(client.stdout.read(), b"")
        self.assert_ends(0, client, server)

    def test_server_that_has_no_answer_waits_as_long_as_it_may_be_idle(self):
        server = self.start("--idle-timeout", "300ms")
        result = self.nns_connect(server.port, data=b"x")
        self.assertEqual(result.status, 0)
        self.assert_ends(TIMEOUT, server)
        server.lines.until("timed out")


class OneConnection(StdioTest):
    def test_nobody_listens_any_more_once_it_came(self):
        server = self.start()
        self.client(server.port)
        result = self.nns_connect(server.port)
        self.assertEqual(result.status, TRANSPORT)
        self.assertRegex(result.errors[0], "Connection refused")

    def test_exit_status_is_the_connections(self):
        server = self.start(allow="bob@NNS.TEST")
        self.assertEqual(self.nns_connect(server.port, data=b"x").status, PEER)
        self.assert_ends(AUTHENTICATION, server)
        self.assertEqual(server.stdout.read(), b"")

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "wb") as full:
            server = self.start(stdout=full)
            self.nns_connect(server.port, data=b"x")
        self.assert_ends(TRANSPORT, server)
        server.lines.until("standard output: No space left on device")

    def test_output_that_nobody_reads(self):
        server = self.start()
        server.stdout.close()
        self.nns_connect(server.port, data=b"x")
        self.assert_ends(TRANSPORT, server)
        server.lines.until("standard output: Broken pipe")


class ConnectsInput(StdioTest):
    """Of nns connect, which is the same on the other side."""

    def test_input_that_cannot_be_read(self):
        server = self.nns_listen()
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                ["sh", "-c", 'exec "$@" <.', "sh", *tied_to_us(self.connect_command(server.port))],
                cwd=folder,
                env=environment(),
                capture_output=True,
                timeout=DEADLINE,
                check=False,
            )
        self.assertEqual(done.returncode, TRANSPORT, done.stderr)
        self.assertIn(b"standard input: Is a directory", done.stderr)

    def test_closed_standard_descriptors_do_no_harm(self):
        server = self.nns_listen()
        for closed in ("<&-", ">&-", "<&- >&-", "2>&-"):
            with self.subTest(closed):
                argv = tied_to_us(self.connect_command(server.port))
                done = subprocess.run(
                    ["sh", "-c", f'exec "$@" {closed}', "sh", *argv],
                    input=b"x",
                    env=environment(),
                    capture_output=True,
                    timeout=DEADLINE,
                    check=False,
                )
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(done.stdout, b"x" if closed == "2>&-" else b"")

    def test_end_of_the_peer_with_input_that_stays_open(self):
        server = self.nns_listen(service=("--exec", "echo x"))
        result = self.nns_connect(server.port, data=OPEN)
        self.assertEqual((result.status, result.output), (0, b"x\n"))


if __name__ == "__main__":
    for name in ("NNS", "NNS_REALM_DIR"):
        if name not in os.environ:
            sys.exit(f"cli: {name} is not set")
    unittest.main(verbosity=2)
