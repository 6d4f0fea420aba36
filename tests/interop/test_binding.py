# SPDX-License-Identifier: MIT
"""Channel bindings between our library and the real .NET."""

import os

from peers import (
    ERROR_TRUST_FAILURE,
    REQUIREMENT_THERE,
    InteropTest,
    Process,
    engine_to_set,
    environment,
    main,
    realm,
)


class Bound(InteropTest):
    def bound(self, *arguments):
        """Our program with a channel binding."""
        process = Process([os.environ["NNS_BOUND"], *map(str, arguments), engine_to_set()], environment())
        self.addCleanup(lambda: self.assert_no_finding(process.end()))
        return process

    def bound_server(self, binding):
        server = self.bound("server", realm("keytab"), binding)
        server.port = int(server.out.until(r"^listening (\d+)$")[1])
        return server


class OurServer(Bound):
    def test_same_binding(self):
        server = self.bound_server("tls-unique:one")
        client = self.dotnet_client(server.port, "--binding", "tls-unique:one", "--mode", "send")
        self.assert_authenticated(client.event("authenticated"))
        self.assertEqual(server.out.next(), "open")

    def test_other_binding_and_none(self):
        for options, words in (
            (["--binding", "tls-unique:two"], "channel bindings"),
            ([], "not bound to the channel"),
        ):
            with self.subTest(options=options):
                server = self.bound_server("tls-unique:one")
                client = self.dotnet_client(server.port, *options)
                self.assert_failed(
                    client.event("failed"), REQUIREMENT_THERE, ERROR_TRUST_FAILURE
                )
                self.assertRegex(server.out.next(), rf"^NNS_ERR_POLICY .*{words}")


class OurClient(Bound):
    def test_dotnet_on_linux_compares_nothing(self):
        """So a binding costs no interoperability, and gives no security there."""
        for ours, theirs in (("one", []), ("one", ["--binding", "one"]), ("one", ["--binding", "two"])):
            with self.subTest(theirs=theirs):
                server = self.dotnet_server(*theirs)
                client = self.bound("client", server.port, ours)
                self.assertEqual(client.out.next(), "open")
                self.assert_authenticated(server.event("authenticated"))


if __name__ == "__main__":
    main()
