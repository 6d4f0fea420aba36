# SPDX-License-Identifier: MIT
"""`nns connect` against a real .NET server."""

from peers import OPEN, InteropTest, content, main, sha256

SIZES = (0, 1, 64_511, 64_512, 64_513, 10_000_000)
LEVELS = {
    "encrypt": {"isEncrypted": True, "isSigned": True},
    "sign": {"isEncrypted": False, "isSigned": True},
    "none": {"isEncrypted": False, "isSigned": False},
}


class Client(InteropTest):
    def test_untouched_echo_server_returns_the_lines_and_names_the_user(self):
        server = self.dotnet_echo_server()
        lines = b"first line\nsecond line\nthird line\n"
        result = self.nns_connect(server.port, data=lines)
        self.assert_connected(result, "encrypt")
        self.assertEqual(result.output, lines)
        self.assertEqual(server.wait(), 0)
        self.assertEqual(server.out.rest()[1:], ["alice@NNS.TEST authenticated using Kerberos"])

    def test_target_is_host_and_the_name_given_by_default(self):
        server = self.dotnet_server()
        result = self.nns_connect(server.port, host="localhost", target=None, data=b"x")
        self.assert_connected(result, "encrypt")
        self.assertEqual(result.output, b"x")

    def test_every_size_comes_back_at_every_level(self):
        for level in LEVELS:
            server = self.dotnet_server("--level", level, "--connections", len(SIZES))
            for size in SIZES:
                with self.subTest(level=level, size=size):
                    self.echo(server, level, content(size))
            self.assertEqual(server.wait(), 0)

    def echo(self, server, level, data):
        result = self.nns_connect(server.port, "-v", "--protection", level, data=data)
        self.assert_connected(result, level)
        self.assert_record_engine(result.errors, level)
        self.assertEqual(sha256(result.output), sha256(data))
        seen = server.event("authenticated")
        self.assert_authenticated(seen, name="alice@NNS.TEST", **LEVELS[level])
        for event in server.ways():
            self.assert_way(event, data)
        server.event("done")

    def test_server_may_accept_less_than_the_client_asks(self):
        server = self.dotnet_server("--level", "none")
        result = self.nns_connect(server.port, data=b"x")
        self.assert_connected(result, "encrypt")
        self.assert_authenticated(server.event("authenticated"), **LEVELS["encrypt"])

    def test_many_small_writes_of_the_server_arrive_in_order(self):
        server = self.dotnet_server("--mode", "send", "--bytes", 100_000, "--write-size", 100)
        result = self.nns_connect(server.port)
        self.assert_connected(result, "encrypt")
        server.event("authenticated")
        self.assert_way(server.ways()[0], result.output)


    def test_server_may_do_what_the_client_lets_it(self):
        for option, level in (
            ("identify", "Identification"),
            ("impersonate", "Impersonation"),
            ("delegate", "Delegation"),
        ):
            with self.subTest(option):
                server = self.dotnet_server("--impersonation", level)
                result = self.nns_connect(server.port, "--impersonation", option, data=b"x")
                self.assert_connected(result, "encrypt")
                self.assert_authenticated(server.event("authenticated"), impersonation=level)


class HalfClose(InteropTest):
    def test_end_of_input_reaches_the_server_which_answers_only_then(self):
        for level in LEVELS:
            server = self.dotnet_server("--level", level, "--mode", "digest", "--connections", 3)
            for size in (0, 1, 200_000):
                with self.subTest(level=level, size=size):
                    data = content(size)
                    result = self.nns_connect(server.port, "--protection", level, data=data)
                    self.assert_connected(result, level)
                    self.assertEqual(result.output.decode(), f"{size} {sha256(data)}\n")
            self.assertEqual(server.wait(), 0)

    def test_end_of_the_server_ends_the_client_while_its_input_stays_open(self):
        for level in LEVELS:
            with self.subTest(level=level):
                server = self.dotnet_server("--level", level, "--mode", "send", "--bytes", 200_000)
                result = self.nns_connect(server.port, "--protection", level, data=OPEN)
                self.assert_connected(result, level)
                server.event("authenticated")
                sent, received = server.ways()
                self.assert_way(sent, result.output)
                self.assert_way(received, b"")
                server.event("done")

    def test_both_ends_at_once_without_data(self):
        server = self.dotnet_server("--mode", "send")
        result = self.nns_connect(server.port)
        self.assert_connected(result, "encrypt")
        self.assertEqual(result.output, b"")
        self.assertEqual(server.wait(), 0)


if __name__ == "__main__":
    main()
