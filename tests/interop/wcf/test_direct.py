# SPDX-License-Identifier: MIT
"""WCF's client and the test's own service, without nns: what the tests of nns take for granted."""

from wcf import (
    ENDPOINT_NOT_FOUND,
    NEGOTIATION_FAILED,
    PROTOCOL_ERROR,
    WcfTest,
    main,
    ntlm_account,
    ntlm_login,
)

MODES = ("buffered", "streamed")
WINDOWS = ("--security", "windows")


class WithoutSecurity(WcfTest):
    mechanism = "-"

    def test_every_size_comes_back(self):
        service = self.service()
        for mode in MODES:
            for size in (0, 1, 100_000, 1_000_000):
                with self.subTest(mode=mode, size=size):
                    client = self.client(service.port, "--mode", mode, "--bytes", size)
                    self.assert_called(client, 1)

    def test_a_closed_channels_connection_is_used_again(self):
        service = self.service()
        client = self.client(service.port, "--channels", 3)
        self.assert_called(client, 1, channels=3)
        service.end()
        used = [event["connection"] for event in service.events("preamble")]
        self.assertEqual(used, [used[0]] * 3)


class Kerberos(WcfTest):
    def test_every_size_comes_back(self):
        service = self.service(*WINDOWS)
        for mode in MODES:
            for size in (1, 1_000_000):
                with self.subTest(mode=mode, size=size):
                    client = self.client(service.port, *WINDOWS, "--mode", mode, "--bytes", size)
                    self.assert_called(client, 1)
        service.end()
        for event in service.events("authenticated"):
            self.assertEqual((event["name"], event["type"]), ("alice@NNS.TEST", "Kerberos"))
            self.assertEqual(event["upgrade"], "application/negotiate")
            self.assertTrue(event["isEncrypted"])

    def test_many_clients_and_calls(self):
        service = self.service(*WINDOWS)
        client = self.client(service.port, *WINDOWS, "--clients", 20, "--calls", 50)
        self.assert_called(client, 1000)

    def test_a_closed_channels_connection_is_used_again(self):
        service = self.service(*WINDOWS)
        client = self.client(service.port, *WINDOWS, "--channels", 3)
        self.assert_called(client, 1, channels=3)
        service.end()
        used = [event["connection"] for event in service.events("authenticated")]
        self.assertEqual(used, [used[0]] * 3)

    def test_a_wrong_service_name(self):
        service = self.service(*WINDOWS)
        client = self.client(service.port, *WINDOWS, "--spn", "host/nosuch")
        self.assert_failed(client, NEGOTIATION_FAILED)

    def test_no_endpoint(self):
        service = self.service(*WINDOWS)
        client = self.client(service.port, *WINDOWS, path="/nosuch")
        self.assert_failed(client, ENDPOINT_NOT_FOUND)

    def test_a_service_that_does_not_upgrade(self):
        service = self.service()
        message = self.assert_failed(self.client(service.port, *WINDOWS), PROTOCOL_ERROR)
        self.assertIn("upgrade is not supported", message)


class Ntlm(WcfTest):
    mechanism = "NTLM"

    def test_every_size_comes_back(self):
        service = self.service(*WINDOWS, **ntlm_account())
        for mode in MODES:
            for size in (1, 1_000_000):
                with self.subTest(mode=mode, size=size):
                    options = (*WINDOWS, "--mode", mode, "--bytes", size, *ntlm_login())
                    self.assert_called(self.client(service.port, *options, **ntlm_account()), 1)
        service.end()
        for event in service.events("authenticated"):
            self.assertEqual((event["name"], event["type"]), ("NNS\\alice", "NTLM"))

    def test_a_wrong_password(self):
        service = self.service(*WINDOWS, **ntlm_account())
        login = ntlm_login(password="wrong")
        client = self.client(service.port, *WINDOWS, *login, **ntlm_account())
        self.assert_failed(client, NEGOTIATION_FAILED)


if __name__ == "__main__":
    main()
