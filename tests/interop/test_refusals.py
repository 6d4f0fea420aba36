# SPDX-License-Identifier: MIT
"""Who refuses whom, what each side says about it, and that the server goes on serving.

.NET on Linux has no texts for SSPI codes: its exceptions are told apart by message and code.
"""

from peers import (
    ERROR_TRUST_FAILURE,
    FAILED_HERE,
    FAILED_THERE,
    NO_TICKET,
    REQUIREMENT_THERE,
    SEC_E_INTERNAL_ERROR,
    SEC_E_UNKNOWN_CREDENTIALS,
    SEC_E_WRONG_PRINCIPAL,
    InteropTest,
    ccache,
    main,
)

AUTHENTICATION = 6
PEER = 7


class OurClient(InteropTest):
    def assert_next_is_served(self, server):
        """The .NET server, started with --connections 2, serves its second client."""
        result = self.nns_connect(server.port, data=b"x")
        self.assert_connected(result, "encrypt")
        self.assertEqual(result.output, b"x")
        server.event("authenticated")

    def test_level_below_what_the_server_requires(self):
        for level, negotiated in (("sign", "Sign"), ("none", "None")):
            with self.subTest(level):
                server = self.dotnet_server("--level", "encrypt", "--connections", 2)
                result = self.nns_connect(server.port, "--protection", level, data=b"x")
                self.assert_refused(result, PEER, "ERROR_TRUST_FAILURE")
                # .NET swaps the two words.
                self.assert_failed(
                    server.event("failed"),
                    "A security requirement was not fulfilled during authentication. "
                    f"Required: {negotiated}, negotiated: EncryptAndSign.",
                    None,
                )
                self.assert_next_is_served(server)

    def test_impersonation_below_what_the_server_requires(self):
        server = self.dotnet_server("--impersonation", "impersonation")
        result = self.nns_connect(server.port, data=b"x")
        self.assert_refused(result, PEER, "ERROR_TRUST_FAILURE")
        self.assert_failed(
            server.event("failed"),
            "A security requirement was not fulfilled during authentication. "
            "Required: Impersonation, negotiated: Identification.",
            None,
        )

    def test_target_that_the_kdc_does_not_know(self):
        server = self.dotnet_server("--connections", 2)
        result = self.nns_connect(server.port, target="host/nosuch", data=b"x")
        self.assert_refused(result, AUTHENTICATION, "host/nosuch")
        self.assertEqual(server.event("failed")["exception"]["message"], FAILED_THERE)
        self.assert_next_is_served(server)

    def test_no_ticket(self):
        server = self.dotnet_server("--connections", 2)
        result = self.nns_connect(server.port, data=b"x", **ccache(NO_TICKET))
        self.assert_refused(result, AUTHENTICATION, "(?i)credential|ticket")
        self.assertEqual(server.event("failed")["exception"]["message"], FAILED_THERE)
        self.assert_next_is_served(server)

    def test_key_that_the_server_lacks(self):
        server = self.dotnet_server("--connections", 2)
        result = self.nns_connect(server.port, target="host/stranger", data=b"x")
        self.assert_refused(result, PEER, "SEC_E_INTERNAL_ERROR")
        self.assert_failed(server.event("failed"), FAILED_HERE, SEC_E_INTERNAL_ERROR)
        self.assert_next_is_served(server)


class OurServer(InteropTest):
    def assert_next_is_served(self, server, **env):
        client = self.dotnet_client(server.port, "--mode", "send", "--bytes", 1, **env)
        client.event("authenticated")
        server.err.until(r"authenticated using Kerberos \(encrypt\)$")
        self.assertEqual(client.wait(), 0)

    def assert_client_failed(self, client, message, code):
        self.assert_failed(client.event("failed"), message, code)
        self.assertEqual(client.wait(), 1)

    def assert_logged(self, server, pattern):
        """The next line is about this client, and is not that it was let in."""
        line = server.err.next()
        self.assertRegex(line, r"\b127\.0\.0\.1:\d+\b")
        self.assertNotIn("authenticated using", line)
        self.assertRegex(line, pattern)

    def test_peer_that_is_not_allowed(self):
        server = self.nns_listen(allow="bob@NNS.TEST")
        client = self.dotnet_client(server.port)
        self.assert_client_failed(client, REQUIREMENT_THERE, ERROR_TRUST_FAILURE)
        self.assert_logged(server, r"alice@NNS\.TEST")
        self.assert_next_is_served(server, **ccache("bob.ccache"))

    def test_key_that_we_lack(self):
        server = self.nns_listen()
        client = self.dotnet_client(server.port, target="host/stranger")
        self.assert_client_failed(client, FAILED_THERE, SEC_E_WRONG_PRINCIPAL)
        self.assert_logged(server, "(?i)key|principal")
        self.assert_next_is_served(server)

    def test_client_whose_target_the_kdc_does_not_know(self):
        server = self.nns_listen()
        client = self.dotnet_client(server.port, target="host/nosuch")
        self.assert_client_failed(client, FAILED_HERE, SEC_E_INTERNAL_ERROR)
        self.assert_logged(server, "SEC_E_INTERNAL_ERROR")
        self.assert_next_is_served(server)

    def test_client_without_a_ticket(self):
        server = self.nns_listen()
        client = self.dotnet_client(server.port, **ccache(NO_TICKET))
        self.assert_client_failed(client, FAILED_HERE, SEC_E_UNKNOWN_CREDENTIALS)
        self.assert_logged(server, "SEC_E_UNKNOWN_CREDENTIALS")
        self.assert_next_is_served(server)

    def test_client_that_asks_for_no_protection(self):
        """.NET then wants NTLM, for which it has no account."""
        server = self.nns_listen()
        client = self.dotnet_client(server.port, "--level", "none")
        self.assert_client_failed(client, FAILED_HERE, SEC_E_UNKNOWN_CREDENTIALS)
        self.assert_logged(server, "SEC_E_UNKNOWN_CREDENTIALS")
        self.assert_next_is_served(server)


if __name__ == "__main__":
    main()
