# SPDX-License-Identifier: MIT
"""`nns probe` against a real .NET server, which sees a client that says nothing and leaves."""

import json

from peers import ERROR_TRUST_FAILURE, NO_TICKET, InteropTest, ccache, main


class Probe(InteropTest):
    def probe(self, port, *options, status=0, **more):
        result = self.nns_probe(port, "--json", *options, **more)
        self.assertEqual((result.status, result.errors), (status, []), result.output)
        return json.loads(result.output)

    def test_what_was_negotiated_and_an_orderly_end(self):
        for level in ("encrypt", "sign", "none"):
            with self.subTest(level):
                server = self.dotnet_server("--level", level)
                found = self.probe(server.port, "--protection", level)
                seen = server.event("authenticated")
                self.assert_authenticated(seen, name="alice@NNS.TEST")
                for event in server.ways():
                    self.assert_way(event, b"")
                server.event("done")
                self.assertEqual((found["result"], found["mechanism"]), ("ok", "Kerberos"))
                self.assertEqual((found["protection"], found["mutual"]), (level, True))
                self.assertEqual(found["target"], "host/localhost@NNS.TEST")
                self.assertEqual(found["enctype"], "aes256-cts-hmac-sha1-96")
                self.assertEqual((found["round_trips"], found["ssf"]), (1, 256))

    def test_no_ticket(self):
        server = self.dotnet_server()
        found = self.probe(server.port, status=6, **ccache(NO_TICKET))
        self.assertEqual((found["result"], found["code"]), ("failed", "NNS_ERR_CREDENTIALS"))

    def test_server_that_requires_more(self):
        server = self.dotnet_server("--level", "encrypt")
        found = self.probe(server.port, "--protection", "sign", status=7)
        self.assertEqual(found["code"], "NNS_ERR_PEER")
        self.assertEqual(int(found["peer_status"], 16), ERROR_TRUST_FAILURE)


if __name__ == "__main__":
    main()
