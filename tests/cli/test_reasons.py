# SPDX-License-Identifier: MIT
"""Errors that help: each cause of a failed connection, made for real. Compared are the message and
its hint, the exit status, and the code that the peer was told; and that `nns probe --json` finds the
same. What .NET makes of the codes is in tests/interop/test_codes.py."""

import json
import os
import socket
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from processes import (  # noqa: E402
    NO_TICKET,
    NnsTest,
    ccache,
    changed_conf,
    ntlm_account,
    realm,
    unreachable_kdc,
)
from wire import ERROR, Listener, handshake, read_handshake  # noqa: E402

IO, TIMEOUT, PROTOCOL, AUTHENTICATION, PEER = 3, 4, 5, 6, 7
HOUR, DAY = 3600, 86400

NO_LIBRARY = {"GSS_MECH_CONFIG": os.devnull}  # as if gss-ntlmssp were not installed
NO_LEGACY = {"OPENSSL_MODULES": os.devnull}  # OpenSSL finds no legacy.so
NTLM_USER = ("--user", r"NNS\alice", "--password-file")
ALICE = {"allow": r"NNS\alice"}


def permitted(test, types):
    """The environment change that permits these types of keys."""
    return changed_conf(test, "allow_rc4 = .*", rf"\g<0>\n    permitted_enctypes = {types}")


class Reasons(NnsTest):
    def assert_client(self, result, status, message, hint):
        """What `nns connect` says: the message, the hint, the exit status."""
        self.assert_refused(result, status, message)
        hints = [line for line in result.errors if line.startswith("  hint: ")]
        if hint is None:
            self.assertEqual(hints, [])
        else:
            self.assertRegex(hints[-1], hint)

    def assert_server(self, server, message, hint=None):
        """What `nns listen` logs: one line for the connection, and its hint."""
        line = server.err.next()
        if line.startswith("nns: NTLM is allowed"):
            line = server.err.next()
        self.assertRegex(line, rf"^127\.0\.0\.1:\d+ .*{message}")
        if hint:
            self.assertRegex(server.err.next(), rf"^  hint: .*{hint}")

    def assert_probe(self, port, status, message, hint, *options, **more):
        """`nns probe --json` finds the same as `nns connect`."""
        found = json.loads(self.nns_probe(port, "--json", *options, **more).output)
        self.assertEqual((found["result"], found["exit_status"]), ("failed", status), found)
        self.assertRegex(found["message"], message)
        if hint is None:
            self.assertNotIn("hint", found)
        else:
            self.assertRegex(found["hint"], hint.removeprefix("hint: "))

    def client_fails(self, message, hint, code, *options, status=AUTHENTICATION, **more):
        """The client finds the reason and tells our server the code."""
        server = self.nns_listen()
        self.assert_client(self.nns_connect(server.port, *options, **more), status, message, hint)
        self.assert_server(server, rf"the peer reported .*{code}")
        self.assert_probe(server.port, status, message, hint, *options, **more)

    def server_fails(self, server, message, hint, code, client_hint, *options, **more):
        """The server finds the reason and tells our client the code."""
        result = self.nns_connect(server.port, *options, **more)
        reported = rf"the peer reported .*{code}"
        self.assert_client(result, PEER, reported, client_hint)
        self.assert_server(server, message, hint)
        self.assert_probe(server.port, PEER, reported, client_hint, *options, **more)


class KerberosClient(Reasons):
    def test_no_ticket(self):
        self.client_fails(
            r"credential cache .*no-such\.ccache|No credentials cache",
            "there is no ticket: run kinit",
            "8009030D",
            **ccache(NO_TICKET),
        )

    def test_expired_ticket(self):
        self.client_fails("expired", "the ticket has expired: run kinit", "00090317", clock=3 * DAY)

    def test_target_unknown_to_the_kdc(self):
        self.client_fails(
            "ask for host/nosuch: .*not found in Kerberos database",
            "the KDC does not know the target",
            "80090304",
            target="host/nosuch",
        )

    def test_account_with_rc4_only_that_the_kdc_refuses(self):
        self.client_fails(
            "KDC has no support for encryption type",
            "only key types that are not allowed any more .RC4.: give it AES keys",
            "80090304",
            target="host/rc4",
            **permitted(self, "aes256-cts-hmac-sha1-96"),
        )

    def test_kdc_unreachable(self):
        self.client_fails(
            "Cannot contact any KDC for realm 'NNS.TEST'",
            "no KDC answered: check the network",
            "80090311",
            target="host/127.0.0.1",  # no ticket for it yet
            **unreachable_kdc(self),
        )

    def test_kdc_unreachable_with_a_password(self):
        self.client_fails(
            "Cannot contact any KDC for realm 'NNS.TEST'",
            "no KDC answered: check the network",
            "80090311",
            *("--user", "alice", "--password-file", realm("alice.password")),
            **unreachable_kdc(self),
        )

    def test_clock_of_the_client(self):
        self.client_fails(
            "Clock skew too great",
            "the clocks of client, server and KDC differ",
            "80090324",
            *("--user", "alice", "--password-file", realm("alice.password")),
            clock=-HOUR,
        )

    def test_wrong_password(self):
        self.client_fails(
            "log in as 'alice': ",
            "the password is wrong",
            "8009030C",
            *("--user", "alice", "--password-file", realm("bob.password")),
        )

    def test_user_unknown_to_the_kdc(self):
        self.client_fails(
            "log in as 'nobody': .*not found in Kerberos database",
            "the KDC does not know the user",
            "8009030C",
            *("--user", "nobody", "--password-file", realm("bob.password")),
        )


class KerberosServer(Reasons):
    def test_no_keytab(self):
        self.server_fails(
            self.nns_listen("--keytab", realm("no-such.keytab")),
            r"keytab '.*no-such\.keytab': ",
            "name a keytab that has the server's key",
            "8009030D",
            "the peer has no credentials: as a server no keytab",
        )

    def test_key_not_in_the_keytab(self):
        self.server_fails(
            self.nns_listen("--keytab", realm("stranger.keytab")),
            "accept the client: .*host/localhost@NNS.TEST",
            "the keytab does not have the key that the client's ticket is for",
            "80090322",
            "the server lacks the key that the ticket is for",
        )

    def test_clock_of_the_server(self):
        self.server_fails(
            self.nns_listen(clock=HOUR),
            "accept the client: Clock skew too great",
            "the clocks of client, server and KDC differ",
            "80090324",
            "the clocks of client, server and KDC differ",
        )

    def test_account_with_rc4_only(self):
        """Where both sides can do better, MIT's make an AES key all the same."""
        self.server_fails(
            self.nns_listen(**permitted(self, "arcfour-hmac")),
            "the session key has 64 bits, min SSF is 128",
            "only weak keys .RC4 has 64 bits.: give it AES keys, or lower min SSF",
            "ERROR_TRUST_FAILURE .000006FE",
            "policy refused us: .* stronger keys",
            target="host/rc4",
        )

    def test_peer_that_is_not_allowed(self):
        self.server_fails(
            self.nns_listen(allow="bob@NNS.TEST"),
            r"'alice@NNS\.TEST' is not allowed to connect",
            None,
            "ERROR_TRUST_FAILURE .000006FE",
            "policy refused us: .*does not let this identity in",
        )

    def test_client_with_ntlm_alone(self):
        self.server_fails(
            self.nns_listen(),
            "it is NTLM, and only Kerberos is allowed",
            "the client found no Kerberos ticket",
            "80090302",
            "the peer does not take this mechanism",
            *("--mech", "ntlm"),
            **ntlm_account(),
        )


class Ntlm(Reasons):
    def test_library_missing(self):
        for mechanism in ("ntlm", "negotiate"):
            with self.subTest(mechanism):
                self.client_fails(
                    "NTLM: " if mechanism == "ntlm" else "no-such.ccache|No credentials cache",
                    "gss-ntlmssp" if mechanism == "ntlm" else "NTLM is allowed, but: .*NTLM: ",
                    "80090302" if mechanism == "ntlm" else "8009030D",
                    *("--mech", mechanism),
                    **ntlm_account(),
                    **NO_LIBRARY,
                    **ccache(NO_TICKET),
                )

    def test_library_missing_at_the_server(self):
        self.server_fails(
            self.nns_listen("--mech", "ntlm", **ALICE, **ntlm_account(), **NO_LIBRARY),
            "NTLM: ",
            "NTLM needs the library gss-ntlmssp: install the package",
            "80090302",
            "the peer does not take this mechanism",
            *("--mech", "ntlm"),
            **ntlm_account(),
        )

    def test_openssl_without_its_legacy_provider(self):
        self.client_fails(
            "NTLM: Crypto routine failure",
            "OpenSSL 3 has in its legacy provider",
            "8009030D",
            *("--mech", "ntlm", *NTLM_USER, realm("ntlm.password")),
            **ntlm_account(),
            **NO_LEGACY,
        )

    def test_openssl_without_its_legacy_provider_at_the_server(self):
        for mechanism in ("ntlm", "negotiate"):
            with self.subTest(mechanism):
                self.server_fails(
                    self.nns_listen("--mech", "negotiate", **ALICE, **ntlm_account(), **NO_LEGACY),
                    "NTLM: ",
                    "OpenSSL 3 has in its legacy provider",
                    "8009030C",
                    "the peer refused the user or the password",
                    *("--mech", mechanism),
                    **ntlm_account(),
                    **ccache(NO_TICKET),
                )

    def test_wrong_password_and_unknown_user(self):
        logins = ((r"NNS\alice", "bob.password"), (r"NNS\nobody", "ntlm.password"))
        for user, password in logins:
            for mechanism in ("ntlm", "negotiate"):
                with self.subTest(user, mechanism=mechanism):
                    self.server_fails(
                        self.nns_listen("--mech", "negotiate", **ALICE, **ntlm_account()),
                        "NTLM: ",
                        "the user or the password is wrong, or this server does not have the",
                        "8009030C",
                        "the peer refused the user or the password",
                        *("--mech", mechanism, "--user", user),
                        *("--password-file", realm(password)),
                        LSAN_OPTIONS=ntlm_account()["LSAN_OPTIONS"],
                    )

    def test_ntlm_for_want_of_a_ticket_at_a_server_with_kerberos_alone(self):
        self.server_fails(
            self.nns_listen(),
            "it is NTLM, and only Kerberos is allowed",
            "the client found no Kerberos ticket",
            "80090302",
            "this was NTLM, because: .*host/nosuch.* not found in Kerberos database",
            *("--mech", "negotiate"),
            target="host/nosuch",
            **ntlm_account(),
        )

    def test_no_account(self):
        self.client_fails(
            "NTLM: ", "give a user and a password, or name a file", "8009030D", "--mech", "ntlm"
        )

    def test_server_with_ntlm_alone(self):
        self.server_fails(
            self.nns_listen("--mech", "ntlm", **ALICE, **ntlm_account()),
            "it is Kerberos, and only NTLM is allowed",
            None,
            "80090302",
            "the peer does not take this mechanism",
        )


class NeverSilently(Reasons):
    """The account is there, Kerberos cannot begin: no byte of NTLM is sent unless asked for."""

    def sent(self, *options, **env):
        """All that a client sends, and how it ends."""
        seen = bytearray()

        def serve(connection):
            while data := connection.recv(65536):
                seen.extend(data)

        listener = Listener(self, serve)
        result = self.nns_connect(
            listener.port,
            *("--handshake-timeout", "1s", *options),
            target="host/127.0.0.1",
            **env,
        )
        listener.close()
        return result, bytes(seen)

    def test_kdc_closed(self):
        causes = (unreachable_kdc(self), ccache(NO_TICKET))
        for cause in causes:
            with self.subTest(str(cause)):
                result, seen = self.sent(**ntlm_account(), **cause)
                self.assertEqual(result.status, AUTHENTICATION, result.errors)
                self.assertNotIn(b"NTLMSSP", seen)
                self.assertEqual(seen[:5], bytes([ERROR, 1, 0, 0, 8]))
                result, seen = self.sent("--mech", "negotiate", **ntlm_account(), **cause)
                self.assertIn(b"NTLMSSP", seen)  # this test would have seen it


class OtherPeers(Reasons):
    """A server that reads the client's first record, answers with bytes, and closes."""

    def answered(self, data, status, message, hint, told=None):
        records = []

        def serve(connection):
            read_handshake(connection)
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            rest = b""
            while more := connection.recv(65536):
                rest += more
            records.append(rest)

        listener = Listener(self, serve)
        self.assert_client(self.nns_connect(listener.port), status, message, hint)
        listener.close()
        if told:
            code = bytes.fromhex(told)
            self.assertEqual(records, [handshake(ERROR, code[::-1] + code)])

    def test_other_protocols(self):
        invalid = "80090308"
        fault = b"\x08\x44http://schemas.microsoft.com/ws/2006/05/framing/faults/X"
        rows = (
            (bytes.fromhex("15030300020228"), "speaks TLS", "this port wants TLS"),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", "speaks HTTP", "a web server or a proxy"),
            (fault, "speaks net.tcp", "this is WCF: its net.tcp framing comes before"),
            (b"SSH-2.0-x\r\n", "speaks SSH", "an SSH server answers here"),
            (b"+OK ready\r\n", r"does not speak .*2b 4f 4b 20 72", "another service answers here"),
        )
        for data, message, hint in rows:
            with self.subTest(message):
                self.answered(data, PROTOCOL, message, hint, invalid)

    def test_peer_that_closes(self):
        self.answered(b"", PROTOCOL, "the peer closed the connection", "it said nothing")

    def test_peer_that_says_nothing(self):
        def serve(connection):
            while connection.recv(65536):
                pass

        result = self.nns_connect(Listener(self, serve).port, "--handshake-timeout", "300ms")
        self.assert_client(
            result, TIMEOUT, "timed out", "the peer took the connection and said nothing"
        )

    def test_codes_of_dotnet(self):
        rows = (
            ("80090304", "SEC_E_INTERNAL_ERROR", ".NET on Linux says this for almost everything"),
            ("000006fe", "ERROR_TRUST_FAILURE", "policy refused us: .*another protection level"),
        )
        for code, name, hint in rows:
            with self.subTest(name):
                data = handshake(ERROR, bytes.fromhex(code)[::-1] + b"\xff" * 4 * (code[0] == "8")
                                 + bytes(4) * (code[0] == "0"))
                self.answered(data, PEER, name, hint)


class OtherClients(Reasons):
    """What a server says of clients that speak something else."""

    def test_other_protocols(self):
        hello = bytes.fromhex("16030100c8010000c40303")
        rows = (
            (hello, "the peer speaks TLS", "this port wants TLS|TLS"),
            (b"GET / HTTP/1.1\r\n\r\n", "the peer speaks HTTP", "a web server or a proxy"),
            (b"\x00\x01\x00\x01\x02\x02", "the peer speaks net.tcp", "this is WCF"),
        )
        server = self.nns_listen()
        for data, message, hint in rows:
            with self.subTest(message):
                with socket.create_connection(("127.0.0.1", server.port), 10) as client:
                    client.sendall(data)
                    client.shutdown(socket.SHUT_WR)
                    self.assertEqual(
                        client.recv(100)[:5] + b"", bytes([ERROR, 1, 0, 0, 8])
                    )
                self.assert_server(server, message, hint)


if __name__ == "__main__":
    for needed in ("NNS", "NNS_REALM_DIR"):
        if needed not in os.environ:
            sys.exit(f"cli: {needed} is not set")
    unittest.main(verbosity=2)
