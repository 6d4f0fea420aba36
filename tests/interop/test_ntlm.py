# SPDX-License-Identifier: MIT
"""NTLM with the real .NET, both roles: with SPNEGO and without, where .NET does it."""

from peers import (
    FAILED_HERE,
    SEC_E_INTERNAL_ERROR,
    SEC_E_LOGON_DENIED,
    InteropTest,
    content,
    main,
    ntlm_account,
    realm,
    sha256,
)

PEER = 7
SIZES = (0, 1, 64_511, 64_512, 64_513, 10_000_000)
LEVELS = {
    "encrypt": {"isEncrypted": True, "isSigned": True},
    "sign": {"isEncrypted": False, "isSigned": True},
    "none": {"isEncrypted": False, "isSigned": False},
}
SPNEGO, RAW = "negotiate", "ntlm"  # our --mech; .NET's client uses the second at level none alone
USER = r"NNS\alice"
LEAKS = {"LSAN_OPTIONS": ntlm_account()["LSAN_OPTIONS"]}


def login(user=USER, password="ntlm.password"):
    """The options of both commands for a user with a password."""
    return "--user", user, "--password-file", realm(password)


class Ntlm(InteropTest):
    mechanism = "NTLM"

    def assert_ntlm(self, event, level, **expected):
        """What a .NET peer says of a connection by NTLM, which is never mutual."""
        expected = {"type": "NTLM", "isMutual": False} | LEVELS[level] | expected
        self.assert_authenticated(event, **expected)


class OurClient(Ntlm):
    def connect(self, server, mechanism, level, data=b"", **account):
        return self.nns_connect(
            server.port,
            *("--mech", mechanism, "--protection", level, *login(**account)),
            data=data,
            **LEAKS,
        )

    def assert_connected_by_ntlm(self, result, level):
        self.assertEqual(result.status, 0, result.errors)
        self.assertIn(f"connected to host/localhost using NTLM ({level})", result.errors)
        self.assertIn("NTLM is allowed", result.errors[0])

    def test_every_size_comes_back(self):
        courses = [(SPNEGO, "encrypt"), (SPNEGO, "sign")]
        courses += [(RAW, level) for level in LEVELS]
        for mechanism, level in courses:
            options = ("--level", level, "--connections", len(SIZES))
            server = self.dotnet_server(*options, **ntlm_account())
            for size in SIZES:
                with self.subTest(mechanism=mechanism, level=level, size=size):
                    self.echo(server, mechanism, level, content(size))
            self.assertEqual(server.wait(), 0)

    def echo(self, server, mechanism, level, data):
        result = self.connect(server, mechanism, level, data)
        self.assert_connected_by_ntlm(result, level)
        self.assertEqual(sha256(result.output), sha256(data))
        seen = server.event("authenticated")
        self.assert_ntlm(seen, level, name=USER, impersonation="Identification")
        for event in server.ways():
            self.assert_way(event, data)
        server.event("done")

    def test_spnego_signs_where_nothing_was_asked_for(self):
        server = self.dotnet_server("--level", "none", **ntlm_account())
        result = self.connect(server, SPNEGO, "none", b"x")
        self.assert_connected_by_ntlm(result, "sign")
        self.assertEqual(result.output, b"x")

    def test_kerberos_is_used_where_there_is_a_ticket(self):
        server = self.dotnet_server(**ntlm_account())
        result = self.nns_connect(server.port, "--mech", SPNEGO, data=b"x", **ntlm_account())
        self.assert_connected(result, "encrypt")
        self.assert_authenticated(server.event("authenticated"), name="alice@NNS.TEST")

    def test_target_unknown_to_the_kdc_says_why_it_was_ntlm(self):
        server = self.dotnet_server(**ntlm_account())
        options = ("--mech", SPNEGO)
        result = self.nns_connect(
            server.port, *options, target="host/nosuch", data=b"x", **ntlm_account()
        )
        self.assertEqual((result.status, result.output), (0, b"x"), result.errors)
        self.assertRegex(
            "\n".join(result.errors),
            r"connected to host/nosuch using NTLM \(encrypt\)\n"
            r"  not Kerberos: .*host/nosuch.* not found in Kerberos database",
        )

    def test_wrong_password_and_unknown_user(self):
        accounts = ({"password": "bob.password"}, {"user": r"NNS\nobody"})
        for mechanism in (SPNEGO, RAW):
            server = self.dotnet_server("--connections", 3, **ntlm_account())
            for account in accounts:
                with self.subTest(mechanism, **account):
                    result = self.connect(server, mechanism, "encrypt", b"x", **account)
                    self.assert_refused(result, PEER, "SEC_E_INTERNAL_ERROR")
                    self.assertRegex(result.errors[-1], "hint: .NET on Linux says this for")
                    self.assert_failed(server.event("failed"), FAILED_HERE, SEC_E_INTERNAL_ERROR)
            self.assert_connected_by_ntlm(
                self.connect(server, mechanism, "encrypt", b"x"), "encrypt"
            )


class OurServer(Ntlm):
    def listen(self, level, mechanism=SPNEGO):
        options = ("--mech", mechanism, "--protection", level)
        return self.nns_listen(*options, allow="nns\\*", **ntlm_account())

    def test_every_size_comes_back(self):
        for level in LEVELS:
            server = self.listen(level)
            for size in SIZES:
                with self.subTest(level=level, size=size):
                    self.echoed(server, level, size)

    def echoed(self, server, level, size):
        client = self.dotnet_client(
            server.port, "--level", level, "--mode", "send", "--bytes", size, *login()
        )
        self.assert_ntlm(client.event("authenticated"), level, name="host/localhost")
        sent, received = client.ways()
        self.assertEqual((sent["bytes"], received["bytes"]), (size, size))
        self.assertEqual(received["sha256"], sent["sha256"])
        client.event("done")
        server.err.until(
            rf"^127\.0\.0\.1:\d+ NNS\\alice authenticated using NTLM \({level}\)$"
        )

    def test_server_with_ntlm_alone(self):
        self.echoed(self.listen("encrypt", RAW), "encrypt", 1000)

    def test_ticket_at_a_server_with_both(self):
        server = self.nns_listen("--mech", SPNEGO, **ntlm_account())
        client = self.dotnet_client(server.port, "--mode", "send", "--bytes", 1)
        self.assert_authenticated(client.event("authenticated"), name="host/localhost")
        server.err.until(r"alice@NNS\.TEST authenticated using Kerberos \(encrypt\)$")

    def test_wrong_password_and_unknown_user(self):
        server = self.listen("none")
        for level in ("encrypt", "none"):
            for account in ({"password": "bob.password"}, {"user": r"NNS\nobody"}):
                with self.subTest(level, **account):
                    client = self.dotnet_client(server.port, "--level", level, *login(**account))
                    exception = client.event("failed")["exception"]
                    self.assertRegex(exception["type"], "InvalidCredentialException")
                    code = exception["inner"]["nativeErrorCode"] & 0xFFFFFFFF
                    self.assertEqual(code, SEC_E_LOGON_DENIED)
                    server.err.until("hint: the user or the password is wrong")
        self.echoed(server, "encrypt", 1)

    def test_ntlm_at_a_server_that_did_not_ask_for_it(self):
        server = self.nns_listen(**ntlm_account())
        client = self.dotnet_client(server.port, *login())
        self.assertEqual(client.event("failed")["exception"]["inner"]["nativeErrorCode"]
                         & 0xFFFFFFFF, 0x80090302)
        server.err.until("it is NTLM, and only Kerberos is allowed")


if __name__ == "__main__":
    main()
