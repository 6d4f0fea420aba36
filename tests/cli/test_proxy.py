# SPDX-License-Identifier: MIT
"""nns proxy: a plain net.tcp client through --initiate and --terminate in a row to a plain net.tcp
service, so that Windows security is between the two; and what goes wrong on the way."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

import nettcp  # noqa: E402
from nettcp import DUPLEX, SINGLETON, Client, Fault, Service  # noqa: E402
from processes import (  # noqa: E402
    DEADLINE,
    NO_TICKET,
    NnsTest,
    Process,
    ccache,
    changed_conf,
    content,
    environment,
    realm,
    record_engine,
)


class ProxyTest(NnsTest):
    def proxy(self, role, to, *options, **env):
        """A proxy on a free port, which is `.port`."""
        argv = [os.environ["NNS"], "proxy", role, *record_engine()]
        argv += ["--listen", "127.0.0.1:0"]
        argv += ["--connect", f"127.0.0.1:{to}", *options]
        if role in ("--terminate", "--both") and "--allow" not in options:
            argv += ["--allow", "alice@NNS.TEST"]
        if role in ("--terminate", "--both"):
            argv += ["--keytab", realm("keytab")]
        if role in ("--initiate", "--both"):
            argv += [] if "--target" in options else ["--target", "host/localhost"]
            argv += [] if "--ccache" in options else ["--ccache", ccache("alice.ccache")["KRB5CCNAME"]]
        proxy = Process(argv, environment(**env))
        self.addCleanup(lambda: self.assert_no_finding(proxy.end()))
        proxy.port = int(proxy.err.until(r"^listening on 127\.0\.0\.1:(\d+)$")[1])
        return proxy

    def row(self, service, *options):
        """(the one that terminates, the one that initiates) in front of a service."""
        outer = self.proxy("--terminate", service.port, *options)
        return outer, self.proxy("--initiate", outer.port, *options)

    def client(self, port, mode=DUPLEX, via=None):
        client = Client(port, mode=mode, via=via)
        self.addCleanup(client.close)
        return client


class Conversations(ProxyTest):
    def test_both_modes_at_every_level(self):
        for level in ("encrypt", "sign"):
            service = Service(self)
            _, inner = self.row(service, "--protection", level)
            for mode in (DUPLEX, SINGLETON):
                for length in (1, 127, 128, 70_000, 1_000_000):
                    with self.subTest(level=level, mode=mode, length=length):
                        data = content(length)
                        client = self.client(inner.port, mode).open()
                        self.assertTrue(client.call(data) == data)
                        client.end()

    def test_both_say_who_they_met(self):
        outer, inner = self.row(Service(self))
        client = self.client(inner.port).open()
        self.assertEqual(client.call(b"x"), b"x")
        inner.err.until(r"^connected to host/localhost@NNS\.TEST using Kerberos \(encrypt, mutual\)$")
        outer.err.until(r"alice@NNS\.TEST authenticated using Kerberos \(encrypt\)$")

    def test_a_connection_is_used_again_after_both_ends(self):
        service = Service(self)
        outer, inner = self.row(service)
        client = self.client(inner.port)
        for number in range(5):
            client.mode = SINGLETON if number == 2 else DUPLEX
            client.open()
            self.assertEqual(client.call(b"%d" % number), b"%d" % number)
            client.end()
            inner.err.until("connected to host/localhost@NNS.TEST")  # each time, as there is no other
            outer.err.until("alice@NNS.TEST authenticated")
        self.assertEqual((service.connections, len(service.preambles)), (1, 5))

    def test_the_preamble_is_passed_on(self):
        service = Service(self)
        _, inner = self.row(service)
        self.client(inner.port, via="net.tcp://somewhere/else?x=y").open().end()
        self.assertEqual(
            service.preambles[0],
            [
                (nettcp.VERSION, b"\1\0"),
                (nettcp.MODE, DUPLEX),
                (nettcp.VIA, "net.tcp://somewhere/else?x=y"),
                (nettcp.KNOWN, 8),
                (nettcp.PREAMBLE_END, None),
            ],
        )
        proxy = self.proxy("--terminate", service.port, "--nettcp", "net.tcp://other/path")
        self.client(self.proxy("--initiate", proxy.port).port).open().end()
        self.assertEqual(service.preambles[1][2], (nettcp.VIA, "net.tcp://other/path"))

    def test_a_thousand_calls(self):
        _, inner = self.row(Service(self))
        client = self.client(inner.port).open()
        for number in range(1000):
            data = content(number)
            self.assertTrue(client.call(data) == data)
        client.end()

    def test_twenty_clients_at_once(self):
        outer, inner = self.row(Service(self), "--max-handshakes-per-source", "64")
        clients = [self.client(inner.port) for _ in range(20)]
        done = []

        def run(number):
            data = content(100_000 + number)
            clients[number].open()
            for _ in range(5):
                if clients[number].call(data) != data:
                    return
            clients[number].end()
            done.append(number)

        threads = [threading.Thread(target=run, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        self.assertEqual(sorted(done), list(range(20)))

    def with_shared_threads(self, *proxies):
        """The threads of proxies that are there before the clients of the test: those that
        conversations share, and some that are at rest."""
        self.client(proxies[-1].port).open().call(b"x")
        return [set(proxy.run_times()) for proxy in proxies]

    def work(self, proxy, shared, do):
        """What do() costs: nanoseconds on the conversations' own threads, and on shared ones."""
        before = proxy.run_times()
        do()
        spent = {thread: time - before.get(thread, 0) for thread, time in proxy.run_times().items()}
        together = sum(time for thread, time in spent.items() if thread in shared)
        return sum(spent.values()) - together, together

    def test_calls_of_open_channels_take_turns(self):
        """They share a thread; what ends, and what breaks off, leaves the others alone."""
        _, inner = self.row(Service(self), "--max-handshakes-per-source", "64")
        (shared,) = self.with_shared_threads(inner)
        clients = [self.client(inner.port).open() for _ in range(12)]

        def call(data):
            for client in clients:
                self.assertTrue(client.call(data) == data)

        call(b"x")
        self.assertLess(*self.work(inner, shared, lambda: [call(content(n)) for n in range(20)]))
        for number in range(12):
            call(content(50 + number))
            if number % 2:
                clients.pop().end()
            elif number % 4:
                clients.pop().close()
        for client in clients:
            client.end()

    def test_small_calls_between_large_ones(self):
        """Bulk traffic has a thread of its own, and gives it back."""
        _, inner = self.row(Service(self))
        (shared,) = self.with_shared_threads(inner)
        client = self.client(inner.port).open()

        def call(*lengths):
            for data in map(content, lengths):
                self.assertTrue(client.call(data) == data)

        for length in (1_000_000, 300_000, 2_000_000):
            self.assertGreater(*self.work(inner, shared, lambda: call(*[length] * 5)))
            call(*range(100))
            self.assertLess(*self.work(inner, shared, lambda: call(*range(100))))
        client.end()

    def test_many_small_envelopes_at_once_are_bulk_traffic(self):
        """Also empty ones: the thread of the others has less work with them than their own."""
        count = 1_000_000

        class Sink(Service):
            def _converse(self, peer):
                while peer.record()[0] != nettcp.PREAMBLE_END:
                    pass
                peer.send(bytes([nettcp.ACK]))
                peer.send(nettcp.envelope(peer.expect(nettcp.SIZED)))
                peer.exactly(count * len(nettcp.envelope(b"")))
                peer.expect(nettcp.END)
                peer.send(bytes([nettcp.END]))

        proxies = self.row(Sink(self))
        threads = self.with_shared_threads(*proxies)
        client = self.client(proxies[1].port).open()
        client.call(b"x")

        def flood():
            client.send(nettcp.envelope(b"") * count)
            client.end()

        def of_inner():
            self.assertGreater(*self.work(proxies[1], threads[1], flood))

        self.assertGreater(*self.work(proxies[0], threads[0], of_inner))

    def test_a_channel_at_rest_times_out(self):
        outer = self.proxy("--terminate", Service(self).port, "--idle-timeout", "500ms")
        inner = self.proxy("--initiate", outer.port)
        client = self.client(inner.port).open()
        busy = self.client(inner.port).open()
        ended = threading.Thread(target=client.file.read)
        ended.start()
        while ended.is_alive():  # a channel with calls goes on meanwhile
            self.assertEqual(busy.call(b"x"), b"x")
        outer.err.until("timed out")
        self.assertEqual(busy.call(b"still here"), b"still here")

    def test_both_has_an_identity_on_each_side(self):
        service = Service(self)
        last = self.proxy("--terminate", service.port)
        middle = self.proxy("--both", last.port)
        first = self.proxy("--initiate", middle.port)
        client = self.client(first.port).open()
        self.assertEqual(client.call(b"three in a row"), b"three in a row")
        client.end()
        middle.err.until("alice@NNS.TEST authenticated using Kerberos")
        middle.err.until("connected to host/localhost@NNS.TEST using Kerberos")


class Refusals(ProxyTest):
    def assert_fault(self, port, name):
        with self.assertRaises(Fault) as caught:
            self.client(port).open()
        self.assertEqual(str(caught.exception), name)

    def test_faults_of_the_service_are_passed_on(self):
        for name in ("EndpointNotFound", "ServerTooBusy", "ContentTypeInvalid"):
            _, inner = self.row(Service(self, refuse=name))
            self.assert_fault(inner.port, name)
            inner.err.until(name)

    def test_a_service_that_is_not_there(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        _, inner = self.row(type("Nobody", (), {"port": port}))
        self.assert_fault(inner.port, "EndpointUnavailable")

    def test_wrong_target_and_no_ticket(self):
        outer = self.proxy("--terminate", Service(self).port)
        inner = self.proxy("--initiate", outer.port, "--target", "host/nobody")
        self.assert_fault(inner.port, "EndpointAccessDenied")
        inner.err.until("host/nobody")
        missing = self.proxy("--initiate", outer.port, "--ccache", realm(NO_TICKET))
        self.assert_fault(missing.port, "EndpointAccessDenied")

    def test_a_client_who_is_not_allowed(self):
        outer = self.proxy("--terminate", Service(self).port, "--allow", "bob@NNS.TEST")
        inner = self.proxy("--initiate", outer.port)
        self.assert_fault(inner.port, "EndpointAccessDenied")
        outer.err.until(r"alice@NNS\.TEST.*not allowed|alice@NNS\.TEST")

    def test_an_upgrade_that_is_not_there(self):
        """Windows security is asked of a plain service, and none of one that insists on it."""
        inner = self.proxy("--initiate", self.proxy("--initiate", Service(self).port).port)
        self.assert_fault(inner.port, "UpgradeInvalid")
        outer = self.proxy("--terminate", Service(self).port)
        self.assert_fault(outer.port, "UpgradeInvalid")

    def test_a_client_that_speaks_http(self):
        outer = self.proxy("--terminate", Service(self).port)
        with socket.create_connection(("127.0.0.1", outer.port), DEADLINE) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            self.assertEqual(client.recv(100), b"")
        outer.err.until("does not speak net.tcp")

    def test_a_client_that_says_nothing(self):
        outer = self.proxy("--terminate", Service(self).port, "--handshake-timeout", "200ms")
        with socket.create_connection(("127.0.0.1", outer.port), DEADLINE) as client:
            self.assertEqual(client.recv(100), b"")
        outer.err.until("timed out")

    def test_a_kdc_that_says_nothing(self):
        kdc = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(kdc.close)
        silent = changed_conf(self, r"kdc = \S+", f"kdc = 127.0.0.1:{kdc.getsockname()[1]}")
        outer = self.proxy("--terminate", Service(self).port)
        options = ("--target", "host/127.0.0.1", "--handshake-timeout", "500ms")
        inner = self.proxy("--initiate", outer.port, *options, **silent)
        began = time.monotonic()
        self.assert_fault(inner.port, "EndpointUnavailable")
        self.assertGreaterEqual(time.monotonic() - began, 0.5)
        self.assertLess(time.monotonic() - began, 1.5)
        inner.err.until("handshake: timed out")

    def test_a_session_ends_with_the_clients_ticket(self):
        """Also one that always has something to say. The proxy allows a second of clock skew."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        cache = f"FILE:{folder.name}/short"
        strict = changed_conf(self, r"\[libdefaults\]", "[libdefaults]\n    clockskew = 1")
        outer = self.proxy("--terminate", Service(self).port, **strict)
        self.kinit(cache, "-l", "3s")
        inner = self.proxy("--initiate", outer.port, "--ccache", cache)
        client = self.client(inner.port).open()
        with self.assertRaises((Fault, EOFError, OSError)):
            while True:
                client.call(b"still here")
        outer.err.until("authenticated using Kerberos")
        outer.err.until("data: the client's ticket has ended")

    def test_a_client_that_breaks_the_rules_and_is_gone(self):
        """Nobody is left to hear the fault: the connection ends, and needs no time-out for it."""
        _, inner = self.row(Service(self))
        client = self.client(inner.port).open()
        client.end()
        inner.pause()  # until the client has gone
        client.send(bytes([nettcp.VERSION, 2, 0]))
        client.reset()
        inner.resume()
        inner.err.until("the client speaks version 2.0")

    def test_either_side_that_breaks_off(self):
        service = Service(self)
        outer, inner = self.row(service)
        client = self.client(inner.port).open()
        client.send(bytes([nettcp.SIZED]) + nettcp.size(1000) + b"only this")
        client.connection.shutdown(socket.SHUT_WR)
        inner.err.until("inside of an envelope")
        outer.err.until("inside of an envelope|closed|ended")
        self.assertEqual(client.file.read(), b"")
        again = self.client(inner.port).open()
        self.assertEqual(again.call(b"still here"), b"still here")


class Usage(unittest.TestCase):
    def test_what_is_asked_for_must_fit(self):
        whole = ["--listen", "0", "--connect", "localhost:1"]
        for options, message in (
            (["--terminate", "--allow-all", "--listen", "0"], "proxy needs --listen"),
            (whole, "say where Windows security is"),
            ([*whole, "--terminate", "--initiate"], "contradict each other"),
            ([*whole, "--terminate"], "say whom to let in"),
            ([*whole, "--initiate", "--allow-all"], "does not know its clients"),
            ([*whole, "--terminate", "--allow-all", "--target", "a/b"], "does not log in"),
            ([*whole, "--both", "--allow-all", "x"], "takes no 'x'"),
            ([*whole, "--both", "--allow-all", "--echo"], "--echo is not for proxy"),
            (["--connect", "1", "--initiate"], "'1' is not HOST:PORT"),
        ):
            with self.subTest(options):
                done = subprocess.run(
                    [os.environ["NNS"], "proxy", *options],
                    capture_output=True,
                    text=True,
                    timeout=DEADLINE,
                    check=False,
                )
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(message, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
