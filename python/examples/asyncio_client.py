# SPDX-License-Identifier: MIT
"""Three lines to an echo server and back, as with asyncio.open_connection(): usage:
asyncio_client.py HOST PORT"""

import asyncio
import sys

from libnns import open_negotiate_stream


async def main(hostname: str, port: int) -> None:
    reader, writer = await open_negotiate_stream(hostname, port)

    for data in (b'first line', b'second line', b'third line'):
        writer.write(data)
        await writer.drain()
        response = await reader.read()
        print("Received: ", response)

    writer.close()
    await writer.wait_closed()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
