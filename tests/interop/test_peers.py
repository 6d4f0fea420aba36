# SPDX-License-Identifier: MIT
"""The .NET peers against each other: what the other files take for granted about .NET.

A failure here is not ours: another .NET, another MIT Kerberos, or a realm that does not work.
"""

from peers import (
    ERROR_TRUST_FAILURE,
    FAILED_HERE,
    FAILED_THERE,
    NO_TICKET,
    REQUIREMENT_THERE,
    SEC_E_INTERNAL_ERROR,
    SEC_E_UNKNOWN_CREDENTIALS,
    InteropTest,
    ccache,
    main,
)


class Peers(InteropTest):
    def assert_both_failed(self, server, client, here, there, code):
        """One side failed by itself and told the other, which has the same code."""
        self.assert_failed(here.event("failed"), FAILED_HERE, code)
        self.assert_failed(there.event("failed"), FAILED_THERE, code)
        self.assertEqual((client.wait(), server.wait()), (1, 1))

    def test_plain_echo_programs(self):
        server = self.dotnet_echo_server()
        client = self.dotnet_echo_client(server.port, "host/localhost")
        self.assertEqual(client.out.rest(), ["first line", "second line", "third line"])
        self.assertEqual(server.out.rest()[1:], ["alice@NNS.TEST authenticated using Kerberos"])
        self.assertEqual((client.wait(), server.wait()), (0, 0))

    def test_kerberos_client_that_asks_sign_gets_encrypt(self):
        for level in ("encrypt", "sign"):
            with self.subTest(level):
                server = self.dotnet_server("--level", level)
                client = self.dotnet_client(
                    server.port, "--level", level, "--mode", "send", "--bytes", 200_000
                )
                for peer, name in ((server, "alice@NNS.TEST"), (client, "host/localhost")):
                    event = peer.event("authenticated")
                    self.assert_authenticated(event, name=name, isEncrypted=True, isSigned=True)
                ways = client.ways() + server.ways()
                self.assertEqual({way["bytes"] for way in ways}, {200_000})
                self.assertEqual(len({way["sha256"] for way in ways}), 1)
                self.assertEqual((client.wait(), server.wait()), (0, 0))

    def test_client_that_asks_none_wants_ntlm_and_fails(self):
        server = self.dotnet_server("--level", "none")
        client = self.dotnet_client(server.port, "--level", "none")
        self.assert_both_failed(server, client, client, server, SEC_E_UNKNOWN_CREDENTIALS)

    def test_duplex_and_digest(self):
        server = self.dotnet_server("--mode", "duplex", "--bytes", 3_000_000)
        client = self.dotnet_client(server.port, "--mode", "send", "--bytes", 2_000_000)
        for peer in (server, client):
            peer.event("authenticated")
        theirs, ours = server.ways(), client.ways()
        for sent, received in ((theirs[0], ours[1]), (ours[0], theirs[1])):
            self.assertEqual(sent["sha256"], received["sha256"])
        server = self.dotnet_server("--mode", "digest")
        client = self.dotnet_client(server.port, "--mode", "send", "--bytes", 2_000_000)
        client.event("authenticated")
        answer = f"2000000 {ours[0]['sha256']}\n".encode()
        self.assert_way(client.ways()[1], answer)

    def test_requirement_not_met_is_1790(self):
        server = self.dotnet_server("--impersonation", "impersonation")
        client = self.dotnet_client(server.port)
        self.assert_failed(client.event("failed"), REQUIREMENT_THERE, ERROR_TRUST_FAILURE)

    def test_target_that_the_kdc_does_not_know(self):
        server = self.dotnet_server()
        client = self.dotnet_client(server.port, target="host/nosuch")
        self.assert_both_failed(server, client, client, server, SEC_E_INTERNAL_ERROR)

    def test_no_ticket(self):
        server = self.dotnet_server()
        client = self.dotnet_client(server.port, **ccache(NO_TICKET))
        self.assert_both_failed(server, client, client, server, SEC_E_UNKNOWN_CREDENTIALS)

    def test_key_that_the_server_lacks(self):
        server = self.dotnet_server()
        client = self.dotnet_client(server.port, target="host/stranger")
        self.assert_both_failed(server, client, server, client, SEC_E_INTERNAL_ERROR)


if __name__ == "__main__":
    main("NNS_REALM_DIR", "NNS_DOTNET_DIR")
