# SPDX-License-Identifier: MIT
"""Three lines to an echo server and back: usage: sync_client.py HOST PORT"""

import socket
import sys

from libnns import NegotiateStream

hostname, port = sys.argv[1], int(sys.argv[2])
sock = socket.create_connection((hostname, port))

stream = NegotiateStream(hostname, sock)
stream.authenticate_as_client()
for data in (b'first line', b'second line', b'third line'):
    stream.write(data)
    response = stream.read()
    print("Received: ", response)

stream.close()
