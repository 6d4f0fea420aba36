# SPDX-License-Identifier: MIT
"""An echo server with a thread for each connection: usage: threaded_server.py PORT PATTERN...

The patterns say whom it lets in: '*@CORP.EXAMPLE'. Its key is in the system's keytab, or in the one
that KRB5_KTNAME names."""

import logging
import socketserver
import sys

from libnns import Config, NegotiateError, NegotiateStream

config = Config(allow=sys.argv[2:])


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with NegotiateStream(None, self.request, config=config) as stream:
            try:
                stream.authenticate_as_server()
                while data := stream.read():
                    stream.write(data)
            except NegotiateError as error:
                logging.warning("%s:%d %s", *self.client_address[:2], error)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 100

    def shutdown_request(self, request: object) -> None:
        """The stream has closed it."""


logging.basicConfig(level=logging.INFO, format="%(message)s")
with Server(("127.0.0.1", int(sys.argv[1])), Echo) as server:
    print(f"listening on 127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()
