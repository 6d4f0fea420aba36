# SPDX-License-Identifier: MIT
"""A real .NET client against `nns listen --echo`."""

from peers import InteropTest, ccache, main

SIZES = (0, 1, 64_511, 64_512, 64_513, 10_000_000)
ENCRYPTED = {"isEncrypted": True, "isSigned": True}


class Server(InteropTest):
    def assert_echoed(self, client, size):
        """The client, in mode send, got everything back, and then our end."""
        self.assert_authenticated(
            client.event("authenticated"), name="host/localhost", **ENCRYPTED
        )
        sent, received = client.ways()
        self.assertEqual(sent["bytes"], size)
        self.assertEqual(received["bytes"], size)
        self.assertEqual(received["sha256"], sent["sha256"])
        client.event("done")

    def assert_logged(self, server, name):
        server.err.until(
            rf"^127\.0\.0\.1:\d+ {name}@NNS\.TEST authenticated using Kerberos \(encrypt\)$"
        )

    def test_untouched_echo_client_gets_its_lines_back(self):
        server = self.nns_listen()
        client = self.dotnet_echo_client(server.port, "host/localhost")
        self.assertEqual(client.out.rest(), ["first line", "second line", "third line"])
        self.assertEqual(client.wait(), 0)
        self.assert_logged(server, "alice")

    def test_every_size_comes_back(self):
        server = self.nns_listen("-v")
        for size in SIZES:
            with self.subTest(size=size):
                client = self.dotnet_client(server.port, "--mode", "send", "--bytes", size)
                self.assert_echoed(client, size)
                self.assert_logged(server, "alice")
                self.assert_record_engine([server.err.until("record engine").string])

    def test_many_small_writes_come_back_in_order(self):
        server = self.nns_listen()
        client = self.dotnet_client(
            server.port, "--nodelay", "--mode", "send", "--bytes", 100_000, "--write-size", 100
        )
        self.assert_echoed(client, 100_000)

    def test_end_of_the_client_is_answered_by_our_end_after_the_last_byte(self):
        server = self.nns_listen()
        client = self.dotnet_client(server.port, "--connections", 3, "--mode", "send", "--bytes", 1)
        for _ in range(3):
            self.assert_echoed(client, 1)  # `received` is told at our end only

    def test_client_that_vanishes_disturbs_nobody(self):
        server = self.nns_listen()
        client = self.dotnet_client(server.port, "--mode", "echo")
        client.event("authenticated")  # and now each waits for the other's first byte
        client.popen.kill()
        other = self.dotnet_client(server.port, "--mode", "send", "--bytes", 200_000)
        self.assert_echoed(other, 200_000)

    def test_one_connection_after_another(self):
        server = self.nns_listen()
        client = self.dotnet_client(
            server.port, "--connections", 20, "--mode", "send", "--bytes", 1_000
        )
        for _ in range(20):
            self.assert_echoed(client, 1_000)
        self.assertEqual(client.wait(), 0)

    def test_connections_at_the_same_time(self):
        server = self.nns_listen(allow="*@NNS.TEST")
        clients = [
            self.dotnet_client(server.port, "--mode", "send", "--bytes", 3_000_000, **ccache(user))
            for user in ("alice.ccache", "bob.ccache") * 2
        ]
        for client in clients:
            self.assert_echoed(client, 3_000_000)

    def test_client_that_asks_sign_gets_encrypt(self):
        """.NET on Linux cannot ask Kerberos for less than encryption."""
        for protection in ("encrypt", "sign"):
            with self.subTest(protection):
                server = self.nns_listen("--protection", protection)
                client = self.dotnet_client(
                    server.port, "--level", "sign", "--mode", "send", "--bytes", 1_000
                )
                self.assert_echoed(client, 1_000)
                self.assert_logged(server, "alice")

    def test_client_that_allows_impersonation_is_served(self):
        server = self.nns_listen()
        client = self.dotnet_client(
            server.port, "--impersonation", "impersonation", "--mode", "send", "--bytes", 1_000
        )
        self.assert_authenticated(client.event("authenticated"), impersonation="Impersonation")


if __name__ == "__main__":
    main()
