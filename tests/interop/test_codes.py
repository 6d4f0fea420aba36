# SPDX-License-Identifier: MIT
"""Why we refused, as .NET is told: the code of our HandshakeError record in its exception. The words
and hints that we give for each cause are in tests/cli/test_reasons.py."""

from peers import (
    ERROR_TRUST_FAILURE,
    FAILED_THERE,
    NO_TICKET,
    REQUIREMENT_THERE,
    SEC_E_UNKNOWN_CREDENTIALS,
    InteropTest,
    ccache,
    main,
)
from processes import changed_conf, realm, unreachable_kdc

HOUR, DAY = 3600, 86400

SEC_E_INTERNAL_ERROR = 0x80090304
SEC_E_LOGON_DENIED = 0x8009030C
SEC_E_NO_AUTHENTICATING_AUTHORITY = 0x80090311
SEC_E_TIME_SKEW = 0x80090324
SEC_E_WRONG_PRINCIPAL = 0x80090322
SEC_I_CONTEXT_EXPIRED = 0x00090317


class OurClient(InteropTest):
    """Our client fails, and a .NET server hears why."""

    def failure(self, *options, **more):
        """The .NET server's event."""
        server = self.dotnet_server()
        result = self.nns_connect(server.port, *options, data=b"x", **more)
        self.assertEqual((result.status, result.output), (6, b""), result.errors)
        return server.event("failed")

    def assert_told(self, code, *options, **more):
        self.assert_failed(self.failure(*options, **more), FAILED_THERE, code)

    def test_no_ticket(self):
        self.assert_told(SEC_E_UNKNOWN_CREDENTIALS, **ccache(NO_TICKET))

    def test_expired_ticket(self):
        self.assert_told(SEC_I_CONTEXT_EXPIRED, clock=3 * DAY)

    def test_target_that_the_kdc_does_not_know(self):
        self.assert_told(SEC_E_INTERNAL_ERROR, target="host/nosuch")

    def test_account_with_rc4_only(self):
        aes = changed_conf(
            self, "allow_rc4 = .*", r"\g<0>\n    permitted_enctypes = aes256-cts-hmac-sha1-96"
        )
        self.assert_told(SEC_E_INTERNAL_ERROR, target="host/rc4", **aes)

    def test_kdc_unreachable(self):
        closed = unreachable_kdc(self)
        self.assert_told(SEC_E_NO_AUTHENTICATING_AUTHORITY, target="host/127.0.0.1", **closed)

    def test_wrong_password(self):
        """.NET has an exception of its own for SEC_E_LOGON_DENIED."""
        wrong = ("--user", "alice", "--password-file", realm("bob.password"))
        exception = self.failure(*wrong)["exception"]
        self.assertTrue(exception["type"].endswith(".InvalidCredentialException"), exception)
        code = exception["inner"]["nativeErrorCode"] & 0xFFFFFFFF
        self.assertEqual(code, SEC_E_LOGON_DENIED, exception)

    def test_clock_of_the_client(self):
        alice = ("--user", "alice", "--password-file", realm("alice.password"))
        self.assert_told(SEC_E_TIME_SKEW, *alice, clock=-HOUR)


class OurServer(InteropTest):
    """Our server fails, and a .NET client hears why."""

    def assert_told(self, server, message, code):
        client = self.dotnet_client(server.port)
        self.assert_failed(client.event("failed"), message, code)
        self.assertEqual(client.wait(), 1)

    def test_no_keytab(self):
        server = self.nns_listen("--keytab", realm("no-such.keytab"))
        self.assert_told(server, FAILED_THERE, SEC_E_UNKNOWN_CREDENTIALS)

    def test_key_not_in_the_keytab(self):
        server = self.nns_listen("--keytab", realm("stranger.keytab"))
        self.assert_told(server, FAILED_THERE, SEC_E_WRONG_PRINCIPAL)

    def test_clock_of_the_server(self):
        server = self.nns_listen(clock=HOUR)
        self.assert_told(server, FAILED_THERE, SEC_E_TIME_SKEW)

    def test_peer_that_is_not_allowed(self):
        server = self.nns_listen(allow="bob@NNS.TEST")
        self.assert_told(server, REQUIREMENT_THERE, ERROR_TRUST_FAILURE)


if __name__ == "__main__":
    main()
