# SPDX-License-Identifier: MIT
"""Much data each way at once over one connection: NNS_DUPLEX_BYTES, 64 MiB unless told."""

import hashlib
import os
import random
import subprocess
import tempfile
import threading

from peers import DEADLINE, InteropTest, environment, main, tied_to_us

BYTES = int(os.environ.get("NNS_DUPLEX_BYTES", 64 << 20))
LIMIT = DEADLINE + BYTES // 1_000_000  # seconds; 1 MB/s would do
CHUNK = 1 << 20


class Pump:
    """Length and hash of what goes through a pipe, moved by a thread."""

    def __init__(self, move, pipe):
        self.bytes = 0
        self.hash = hashlib.sha256()
        self._thread = threading.Thread(target=move, args=(self, pipe), daemon=True)
        self._thread.start()

    def add(self, data):
        self.bytes += len(data)
        self.hash.update(data)

    def result(self):
        self._thread.join(LIMIT)
        if self._thread.is_alive():
            raise AssertionError(f"stuck after {self.bytes} of {BYTES} bytes")
        return self.bytes, self.hash.hexdigest()


def feed(pump, pipe):
    """Writes BYTES bytes that do not repeat, then closes."""
    source = random.Random(0)
    with pipe:
        while pump.bytes < BYTES:
            data = source.randbytes(min(CHUNK, BYTES - pump.bytes))
            pipe.write(data)
            pump.add(data)


def drain(pump, pipe):
    with pipe:
        while data := pipe.read1(CHUNK):
            pump.add(data)


class Duplex(InteropTest):
    def exchange(self, server, *options):
        """Runs `nns connect` with BYTES of input; returns (length, hash) of input and output."""
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                tied_to_us(self.connect_command(server.port, *options)),
                env=environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
            self.addCleanup(process.kill)
            to_peer = Pump(feed, process.stdin)
            from_peer = Pump(drain, process.stdout)
            ways = to_peer.result(), from_peer.result()
            status = process.wait(DEADLINE)
            errors.seek(0)
            text = errors.read().decode("utf-8", "replace")
        self.assertEqual(status, 0, text)
        self.assert_no_finding(text.splitlines())
        return ways

    def test_echo_of_a_dotnet_server_at_every_level(self):
        for level in ("encrypt", "sign", "none"):
            with self.subTest(level):
                server = self.dotnet_server("--level", level)
                sent, received = self.exchange(server, "--protection", level)
                self.assertEqual(sent[0], BYTES)
                self.record.size(BYTES)
                self.assertEqual(received, sent)

    def test_two_independent_streams_with_a_dotnet_server(self):
        server = self.dotnet_server("--mode", "duplex", "--bytes", BYTES)
        sent, received = self.exchange(server)
        server.event("authenticated")
        theirs, ours = server.ways()
        self.assertEqual((ours["bytes"], ours["sha256"]), sent)
        self.assertEqual((theirs["bytes"], theirs["sha256"]), received)
        self.assertEqual((sent[0], received[0]), (BYTES, BYTES))

    def test_dotnet_client_writes_and_reads_at_once_through_our_echo(self):
        server = self.nns_listen()
        client = self.dotnet_client(server.port, "--mode", "send", "--bytes", BYTES)
        client.event("authenticated")
        client.popen.wait(LIMIT)
        sent, received = client.ways()
        self.assertEqual((sent["bytes"], received["bytes"]), (BYTES, BYTES))
        self.assertEqual(received["sha256"], sent["sha256"])


if __name__ == "__main__":
    main()
