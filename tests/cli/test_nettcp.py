# SPDX-License-Identifier: MIT
"""connect, listen and probe with --nettcp: NegotiateStream inside of WCF's framing."""

import json
import re
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

import nettcp  # noqa: E402
from nettcp import SINGLETON, Client, Fault  # noqa: E402
from processes import (  # noqa: E402
    DEADLINE,
    NO_TICKET,
    NnsTest,
    Process,
    ccache,
    content,
    environment,
    tied_to_us,
)
from wire import handshake, read_exactly, read_handshake, read_record  # noqa: E402

VIA = "net.tcp://localhost:808/echo"
VECTORS = Path(__file__).resolve().parent.parent / "dissect" / "nbfx.vectors"


def prefixed(*messages):
    return b"".join(len(message).to_bytes(4, "big") + message for message in messages)


class NetTcp(NnsTest):
    def test_envelopes_come_back(self):
        server = self.nns_listen("--nettcp", VIA)
        for messages in ((), (b"",), (b"x",), (b"one", content(127), content(128), content(1_000_000))):
            data = prefixed(*messages)
            result = self.nns_connect(server.port, "--nettcp", VIA, data=data)
            self.assert_connected(result, "encrypt")
            self.assertTrue(result.output == data)
        server.err.until(r"alice@NNS\.TEST authenticated using Kerberos \(encrypt\)")

    def test_a_trace_shows_the_call(self):
        """Of a client and of a server, which has it the other way round."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        call = re.search(r"^call 1\tsession\t(\w+)", VECTORS.read_text(), re.M)[1]
        trace = ("--trace-secrets", "--trace")
        options = ("--nettcp", VIA, *trace, f"{folder.name}/server")
        server = self.nns_listen(*options, service=("--exec", "cat"))
        data = prefixed(bytes.fromhex(call))
        result = self.nns_connect(
            server.port, "--nettcp", VIA, *trace, f"{folder.name}/client", data=data
        )
        self.assertEqual((result.status, result.output), (0, data), result.errors)
        server.end()
        for name, there, back in (("client", ">>", "<<"), ("server", "<<", ">>")):
            text = (Path(folder.name) / name).read_text()
            lines = [rf"{there} preamble: duplex, .*, {VIA}\n"]
            for way in (there, back):
                lines.append(rf"{way} envelope, \d+ bytes\n  <s:Envelope[^|]*>hello</text>")
                lines.append(rf"{way} end\n")
            for line in lines:
                self.assertTrue(re.search(line, text), f"{name}: {line}")

    def test_levels(self):
        for level in ("sign", "none"):
            server = self.nns_listen("--nettcp", VIA, "--protection", level)
            data = prefixed(b"one", content(300_000))
            result = self.nns_connect(
                server.port, "--nettcp", VIA, "--protection", level, data=data
            )
            self.assert_connected(result, level)
            self.assertTrue(result.output == data)

    def test_streamed(self):
        server = self.nns_listen("--nettcp", VIA)
        for length in (1, 70_000, 3_000_000):
            data = content(length)
            result = self.nns_connect(server.port, "--nettcp", VIA, "--streamed", data=data)
            self.assert_connected(result, "encrypt")
            self.assertTrue(result.output == data)

    def test_standard_input_and_output_of_a_server(self):
        question, answer = prefixed(b"question"), prefixed(b"the", b"answer")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        (Path(folder.name) / "answer").write_bytes(answer)
        with (Path(folder.name) / "answer").open("rb") as stdin:
            server = self.nns_listen("--nettcp", VIA, service=(), stdin=stdin)
        result = self.nns_connect(server.port, "--nettcp", VIA, data=question)
        self.assertEqual((result.status, result.output), (0, answer), result.errors)
        self.assertEqual(server.wait(), 0)
        self.assertEqual(server.out.rest(), ["\0\0\0\x08question"])

    def test_another_path_is_not_found(self):
        server = self.nns_listen("--nettcp", VIA)
        result = self.nns_connect(server.port, "--nettcp", "net.tcp://localhost/other", data=b"")
        self.assertEqual((result.status, result.output), (7, b""))
        self.assertIn("EndpointNotFound", result.errors[-1])
        result = self.nns_connect(server.port, "--nettcp", "net.tcp://elsewhere:1/Echo", data=b"")
        self.assertEqual(result.status, 0, result.errors)

    def test_bare_negotiatestream_is_something_else(self):
        result = self.nns_connect(self.nns_listen().port, "--nettcp", VIA, data=b"")
        self.assertIn(result.status, (3, 5), result.errors)
        server = self.nns_listen("--nettcp", VIA)
        result = self.nns_connect(server.port, data=b"")
        self.assertIn(result.status, (3, 5), result.errors)
        server.err.until("does not speak net.tcp: it began with 0x16")

    def test_an_input_that_is_no_envelope(self):
        server = self.nns_listen("--nettcp", VIA)
        for data in (b"\0\0", prefixed(b"whole") + b"\0\0\0\5part", b"\xff\xff\xff\xff"):
            result = self.nns_connect(server.port, "--nettcp", VIA, data=data)
            self.assertEqual(result.status, 3, result.errors)
            self.assertIn("standard input: an envelope", result.errors[-1])

    def test_a_client_without_security(self):
        server = self.nns_listen("--nettcp", VIA)
        for mode in (nettcp.DUPLEX, SINGLETON):
            client = Client(server.port, mode=mode)
            self.addCleanup(client.close)
            with self.assertRaises(Fault) as caught:
                client.open()
            self.assertEqual(str(caught.exception), "UpgradeInvalid")
        server.err.until("does not ask for security")

    def test_the_next_client_is_told_though_it_came_early(self):
        """bob's preamble and token come in one piece with alice's End: he is another, all the same."""
        server = self.nns_listen("--nettcp", VIA, "--allow", "bob@NNS.TEST")
        middle = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(middle.close)

        def connect(user):
            env = ccache(f"{user}.ccache")
            argv = self.connect_command(middle.getsockname()[1], "--nettcp", VIA, env=env)
            client = Process(argv, environment(**env))
            self.addCleanup(lambda: self.assert_no_finding(client.end()))
            connection, _ = middle.accept()
            self.addCleanup(connection.close)
            connection.settimeout(DEADLINE)
            preamble = b""
            while not preamble.endswith(b"application/negotiate"):
                preamble += read_exactly(connection, 1)
            return connection, preamble

        service = socket.create_connection(("127.0.0.1", server.port), DEADLINE)
        self.addCleanup(service.close)
        alice, preamble = connect("alice")
        service.sendall(preamble)
        alice.sendall(read_exactly(service, 1))
        service.sendall(handshake(*read_handshake(alice)))
        alice.sendall(handshake(*read_handshake(service)))
        service.sendall(read_record(alice))  # the preamble's end
        alice.sendall(read_record(service))
        server.err.until("alice@NNS.TEST authenticated")
        end = read_record(alice)
        bob, preamble = connect("bob")
        bob.sendall(bytes([nettcp.UPGRADED]))
        service.sendall(end + preamble + handshake(*read_handshake(bob)))
        alice.sendall(read_record(service))
        self.assertEqual(read_exactly(service, 1), bytes([nettcp.UPGRADED]))
        bob.sendall(handshake(*read_handshake(service)))
        server.err.until("bob@NNS.TEST authenticated")

    def test_probe(self):
        server = self.nns_listen("--nettcp", VIA)
        result = self.nns_probe(server.port, "--nettcp", VIA)
        self.assertEqual(result.status, 0, result.errors)
        self.assertRegex(result.output, rf"^result: +ok\nvia: +{VIA}\ntarget: +host/localhost@NNS.TEST\n")
        self.assertIn("mechanism:         Kerberos\n", result.output)
        result = self.nns_probe(server.port, "--nettcp", VIA, "--json")
        found = json.loads(result.output)
        self.assertEqual((found["result"], found["via"]), ("ok", VIA))

    def assert_probe_failed(self, status, expected, port, *options, **more):
        """One object for programs, lines for people, with the same message."""
        result = self.nns_probe(port, *options, "--json", **more)
        self.assertEqual((result.status, result.errors), (status, []), result.output)
        self.assertEqual(result.output.count("\n"), 1)
        found = json.loads(result.output)
        expected = {"event": "probe", "result": "failed", "exit_status": status} | expected
        self.assertEqual({name: found.get(name) for name in expected}, expected)
        people = self.nns_probe(port, *options, **more)
        self.assertEqual(people.status, status)
        target, via = found["target"], found["via"]
        self.assertEqual(people.output, f"{'result:':18} failed\n{'via:':18} {via}\n{'target:':18} {target}\n")
        self.assertEqual(people.errors[0], "nns: " + found["message"])

    def test_probe_that_fails(self):
        server = self.nns_listen("--nettcp", VIA)
        other = "net.tcp://localhost/other"
        options = ("--nettcp", other)
        expected = {"target": "host/localhost@NNS.TEST", "via": other, "phase": "handshake"}
        refused = expected | {"code": "NNS_ERR_PEER"}
        self.assert_probe_failed(7, refused, server.port, *options)
        missing = {"code": "NNS_ERR_CREDENTIALS", "target": "host/localhost", "via": VIA}
        self.assert_probe_failed(6, missing, server.port, "--nettcp", VIA, **ccache(NO_TICKET))
        closed = {"code": "NNS_ERR_IO", "phase": "connect", "target": "host/127.0.0.1"}
        self.assert_probe_failed(3, closed, 1, *options, target=None)

    def test_a_connection_that_fails(self):
        result = self.nns_connect(1, "--nettcp", VIA, "--json")
        self.assertEqual((result.status, result.output), (3, b""))
        self.assertEqual(json.loads(result.errors[0])["phase"], "connect")

    def test_probe_of_active_directory_web_services(self):
        path = "ActiveDirectoryWebServices/Windows/Enumeration"
        server = self.nns_listen("--echo", "--nettcp", f"net.tcp://dc/{path}")
        result = self.nns_probe(server.port, "--adws")
        self.assertEqual(result.status, 0, result.errors)
        via = f"net.tcp://127.0.0.1:{server.port}/{path}"
        self.assertRegex(result.output, rf"^result: +ok\nvia: +{via}\n")
        self.assertRegex(result.output, r"\nendpoint: +Enumeration\nno endpoint: +Resource: EndpointNotFound\n")
        found = json.loads(self.nns_probe(server.port, "--adws", "--json").output)
        self.assertEqual(found["endpoints"]["Enumeration"], "ok")
        self.assertEqual(found["endpoints"]["TopologyManagement"], "EndpointNotFound")
        self.assertEqual(len(found["endpoints"]), 5)
        other = self.nns_listen("--echo", "--nettcp", "net.tcp://dc/other")
        via = f"net.tcp://127.0.0.1:{other.port}/{path}"
        expected = {"code": "NNS_ERR_PEER", "via": via, "host": "127.0.0.1"}
        self.assert_probe_failed(7, expected, other.port, "--adws")

    def test_endpoints_that_cannot_be_asked_for(self):
        path = "ActiveDirectoryWebServices/Windows/Enumeration"
        server = self.nns_listen("--echo", "--once", "--nettcp", f"net.tcp://dc/{path}")
        result = self.nns_probe(server.port, "--adws", "--json")
        self.assertEqual((result.status, result.errors), (0, []))
        self.assertRegex(json.loads(result.output)["endpoints"]["Resource"], "^connect: .*refused$")

    def test_usage(self):
        result = self.nns_probe(1, "--adws", "--nettcp", VIA)
        self.assertEqual(result.status, 2)
        result = self.nns_connect(1, "--adws")
        self.assertEqual(result.status, 2)
        result = self.nns_connect(1, "--streamed")
        self.assertEqual(result.status, 2)


class Command(NnsTest):
    """A command for each conversation."""

    def serve(self, command, **env):
        return self.nns_listen("--nettcp", VIA, service=("--exec", command), **env)

    def connect(self, server, *options, data=b""):
        return self.nns_connect(server.port, "--nettcp", VIA, *options, data=data)

    def test_what_goes_through_cat_comes_back(self):
        server = self.serve("cat")
        messages = (b"", b"x", content(70_000), content(3_000_000), *[content(n) for n in range(500)])
        for data, options in ((prefixed(*messages), ()), (b"", ()), (content(3_000_000), ("--streamed",))):
            result = self.connect(server, *options, data=data)
            self.assertEqual(result.status, 0, result.errors)
            self.assertTrue(result.output == data)

    def test_what_the_command_knows(self):
        server = self.serve('echo "$NNS_NETTCP_MODE $NNS_PEER_NAME $NNS_PROTECTION"', NNS_NETTCP_MODE="x")
        result = self.connect(server, "--streamed", data=b"question")
        self.assertEqual(result.output, b"streamed alice@NNS.TEST encrypt\n", result.errors)
        server = self.serve(r"""printf '\000\000\000\006%s' "$NNS_NETTCP_MODE" """)
        self.assertEqual(self.connect(server).output, prefixed(b"duplex"))
        bare = self.nns_listen(service=("--exec", "echo $NNS_NETTCP_MODE"), NNS_NETTCP_MODE="x")
        self.assertEqual(self.nns_connect(bare.port).output, b"\n")

    def test_a_command_that_does_not_read(self):
        server = self.serve(r"printf '\0\0\0\2ok'; exit 3")
        result = self.connect(server, data=prefixed(content(2_000_000)))
        self.assertEqual((result.status, result.output), (0, prefixed(b"ok")), result.errors)
        server.err.until(r"^127\.0\.0\.1:\d+ the command ended with status 3$")

    def test_an_output_that_is_no_envelope(self):
        server = self.serve(r"printf '\0\0\0\5part'")
        result = self.connect(server)
        self.assertIn(result.status, (3, 5), result.errors)  # the connection is cut, or reset
        server.err.until("the command's output: an envelope")

    def test_a_command_that_ends_first(self):
        """The client sends the envelope that it has begun, and waits for nothing else."""
        question = prefixed(b"question")
        server = self.serve(r"printf '\0\0\0\6answer'; exec >&-; tail -c 6 >&2; echo ' it was' >&2")
        for options, before, behind, heard in (
            ((), question[:7], question[7:], b"estion"),
            ((), question, b"", b"estion"),
            ((), b"", b"", b""),
            (("--streamed",), question[:9], b"", b"quest"),
        ):
            with self.subTest(options=options, before=before):
                argv = self.connect_command(server.port, "--nettcp", VIA, *options)
                client = subprocess.Popen(
                    tied_to_us(argv),
                    env=environment(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                )
                with client:
                    client.stdin.write(before)
                    client.stdin.flush()
                    self.assertEqual(client.stdout.read(), prefixed(b"answer"))
                    if behind:
                        client.stdin.write(behind)
                        client.stdin.flush()
                    self.assertEqual(client.wait(DEADLINE), 0)
                server.err.until(rf"{heard.decode()} it was$")

    def test_a_client_that_is_gone_ends_the_command(self):
        server = self.serve("echo here >&2; exec sleep 600")
        client = Process(self.connect_command(server.port, "--nettcp", VIA), environment(), subprocess.PIPE)
        self.addCleanup(client.popen.stdin.close)
        server.err.until("^here$")
        client.popen.kill()
        client.wait()
        server.err.until(r"the command was killed by signal 1 \(Hangup\)$")


if __name__ == "__main__":
    unittest.main(verbosity=2)
