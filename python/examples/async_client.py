# SPDX-License-Identifier: MIT
"""Three lines to an echo server and back, with asyncio: usage: async_client.py HOST PORT"""

import asyncio
import sys

from libnns import NegotiateStreamAsync


async def main(hostname: str, port: int) -> None:
    reader, writer = await asyncio.open_connection(hostname, port)

    stream = NegotiateStreamAsync(hostname, reader, writer)
    await stream.authenticate_as_client()
    for data in (b'first line', b'second line', b'third line'):
        stream.write(data)
        await stream.drain()
        response = await stream.read()
        print("Received: ", response)

    stream.close()
    await stream.wait_closed()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
