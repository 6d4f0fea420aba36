# SPDX-License-Identifier: MIT
"""WCF's client with Windows security, nns proxy, and a service that has none; and two proxies
between a client and a service of which neither knows of security."""

import os
import re
import tempfile
from pathlib import Path

from wcf import (
    DEADLINE,
    ENDPOINT_NOT_FOUND,
    NEGOTIATION_FAILED,
    PROTOCOL_ERROR,
    Process,
    WcfTest,
    ccache,
    environment,
    main,
    ntlm_account,
    ntlm_login,
    realm,
    record_engine,
)

MODES = ("buffered", "streamed")
SIZES = (1, 1_000_000)
WINDOWS = ("--security", "windows")
BUFFER = ("--socket-buffer", 65536)  # else an answer waits 200 ms for each 16 KiB on the loopback
NTLM = ("--mech", "negotiate")


class ProxyTest(WcfTest):
    def proxy(self, role, to, *options, **env):
        """A proxy on a free port, which is `.port`."""
        argv = [os.environ["NNS"], "proxy", role, *record_engine()]
        argv += ["--listen", "127.0.0.1:0"]
        argv += ["--connect", f"127.0.0.1:{to}", "--max-handshakes-per-source", "64", *options]
        if role == "--terminate":
            argv += ["--keytab", realm("keytab")]
            argv += [] if "--allow" in options else ["--allow", "alice@NNS.TEST"]
        else:
            argv += ["--target", "host/localhost", "--ccache", ccache("alice.ccache")["KRB5CCNAME"]]
        proxy = Process(argv, environment(**env))
        self.addCleanup(lambda: self.assert_no_finding(proxy.end()))
        self.record_server(proxy)
        proxy.port = int(proxy.err.until(r"^listening on 127\.0\.0\.1:(\d+)$")[1])
        return proxy

    def assert_every_size_comes_back(self, port, *options, **env):
        for mode in MODES:
            for size in SIZES:
                with self.subTest(mode=mode, size=size):
                    given = ("--mode", mode, "--bytes", size, *BUFFER, *options)
                    self.assert_called(self.client(port, *given, **env), 1)


class Terminate(ProxyTest):
    def test_every_size_comes_back(self):
        service = self.service()
        proxy = self.proxy("--terminate", service.port)
        self.assert_every_size_comes_back(proxy.port, *WINDOWS)
        proxy.err.until(r"alice@NNS\.TEST authenticated using Kerberos \(encrypt\)$")
        self.assert_called(self.client(proxy.port, *WINDOWS, "--bytes", 100_000), 1)  # stock buffers
        service.end()
        self.assertEqual(service.events("authenticated"), [])

    def test_ntlm(self):
        service = self.service()
        proxy = self.proxy("--terminate", service.port, *NTLM, "--allow", r"NNS\alice", **ntlm_account())
        self.assert_every_size_comes_back(proxy.port, *WINDOWS, *ntlm_login(), **ntlm_account())
        proxy.err.until(r"NNS\\alice authenticated using NTLM \(encrypt\)$")

    def test_a_thousand_calls_of_twenty_clients(self):
        proxy = self.proxy("--terminate", self.service().port)
        client = self.client(proxy.port, *WINDOWS, "--clients", 20, "--calls", 50)
        self.assert_called(client, 1000)

    def test_a_thousand_calls_on_one_channel(self):
        proxy = self.proxy("--terminate", self.service().port)
        self.assert_called(self.client(proxy.port, *WINDOWS, "--calls", 1000), 1000)

    def test_a_closed_channels_connection_is_used_again(self):
        service = self.service()
        proxy = self.proxy("--terminate", service.port)
        self.assert_called(self.client(proxy.port, *WINDOWS, "--channels", 3), 1, channels=3)
        service.end()
        used = [event["connection"] for event in service.events("preamble")]
        self.assertEqual(used, [used[0]] * 3)


class InARow(ProxyTest):
    """client -> --initiate -> --terminate -> service: Windows security in the middle alone."""

    def row(self, service):
        outer = self.proxy("--terminate", service.port)
        return outer, self.proxy("--initiate", outer.port)

    def test_every_size_comes_back(self):
        outer, inner = self.row(self.service())
        self.assert_every_size_comes_back(inner.port)
        inner.err.until(r"connected to host/localhost@NNS\.TEST using Kerberos \(encrypt, mutual\)")
        outer.err.until(r"alice@NNS\.TEST authenticated using Kerberos \(encrypt\)$")

    def test_twenty_clients(self):
        _, inner = self.row(self.service())
        self.assert_called(self.client(inner.port, "--clients", 20, "--calls", 50), 1000)

    def test_initiate_in_front_of_dotnet(self):
        service = self.service(*WINDOWS)
        proxy = self.proxy("--initiate", service.port)
        self.assert_every_size_comes_back(proxy.port)
        self.assert_called(self.client(proxy.port, "--channels", 3), 1, channels=3)
        service.end()
        for event in service.events("authenticated"):
            self.assertEqual((event["name"], event["type"]), ("alice@NNS.TEST", "Kerberos"))


class Refusals(ProxyTest):
    def test_a_wrong_service_name(self):
        proxy = self.proxy("--terminate", self.service().port)
        client = self.client(proxy.port, *WINDOWS, "--spn", "host/nosuch")
        self.assert_failed(client, NEGOTIATION_FAILED)

    def test_a_wrong_password(self):
        self.mechanism = "NTLM"
        proxy = self.proxy("--terminate", self.service().port, *NTLM, **ntlm_account())
        login = ntlm_login(password="wrong")
        client = self.client(proxy.port, *WINDOWS, *login, **ntlm_account())
        self.assert_failed(client, NEGOTIATION_FAILED)

    def test_a_client_who_is_not_allowed(self):
        proxy = self.proxy("--terminate", self.service().port, "--allow", "bob@NNS.TEST")
        self.assert_failed(self.client(proxy.port, *WINDOWS), NEGOTIATION_FAILED)

    def test_no_endpoint(self):
        proxy = self.proxy("--terminate", self.service().port)
        client = self.client(proxy.port, *WINDOWS, path="/nosuch")
        self.assert_failed(client, ENDPOINT_NOT_FOUND)

    def test_no_upgrade(self):
        proxy = self.proxy("--initiate", self.service(*WINDOWS).port)
        message = self.assert_failed(self.client(proxy.port, *WINDOWS), PROTOCOL_ERROR)
        self.assertIn("upgrade is not supported", message)


class Trace(ProxyTest):
    def traced(self, *options):
        """What is traced, and decoded, of two conversations with a call each on one connection."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / "proxy.trace"
        service = self.service()
        proxy = self.proxy("--terminate", service.port, "-v", "--trace", str(path), *options)
        given = (*WINDOWS, "--text", "can you read this", "--channels", 2)
        self.assert_called(self.client(proxy.port, *given), 1, channels=2)
        proxy.err.until(r"ended|closed")
        proxy.end()
        decode = Process([os.environ["NNS"], "decode", str(path)], environment())
        self.addCleanup(decode.end)
        self.assertEqual(decode.popen.wait(DEADLINE), 0)
        return path.read_text(), "\n".join(decode.out.rest())

    def assert_call_and_answer(self, text, value):
        for line in (
            r"<a:Action s:mustUnderstand=\"1\">http://tempuri.org/IEcho/Say</a:Action>",
            rf"<Say xmlns=\"http://tempuri.org/\">\n +<text>{value}</text>",
            r"<a:Action s:mustUnderstand=\"1\">http://tempuri.org/IEcho/SayResponse</a:Action>",
            rf"<SayResponse xmlns=\"http://tempuri.org/\">\n +<SayResult>{value}</SayResult>",
            r"<< preamble: duplex, binary with session dictionary, net\.tcp://127\.0\.0\.1:\d+/echo",
            r"<< end",
            r">> end",
        ):
            self.assertRegex(text, line)

    def test_a_person_can_read_the_call(self):
        trace, decoded = self.traced("--trace-secrets")
        self.assert_call_and_answer(trace, "can you read this")
        self.assert_call_and_answer(decoded, "can you read this")
        self.assertIn("SPNEGO NegTokenInit", decoded)
        self.assertRegex(decoded, r"< data, \d+ bytes")
        self.assertNotIn("(byte ", trace)
        self.assertNotIn("not NegotiateStream", decoded)
        self.assertEqual(len(re.findall(r" 1 upgrade to NegotiateStream$", decoded, re.M)), 2)
        self.assertEqual(len(re.findall(r" 1 [<>] HandshakeDone", decoded)), 2)

    def test_values_are_left_out(self):
        trace, decoded = self.traced()
        self.assert_call_and_answer(trace, r"\(left out\)")
        self.assert_call_and_answer(decoded, r"\(left out\)")
        self.assertNotIn("can you read", trace)


if __name__ == "__main__":
    main()
