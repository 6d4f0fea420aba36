# SPDX-License-Identifier: MIT
"""An echo server with a task for each connection: usage: asyncio_server.py PORT PATTERN...

The patterns say whom it lets in: '*@CORP.EXAMPLE'. Its key is in the system's keytab, or in the one
that KRB5_KTNAME names."""

import asyncio
import logging
import sys

from libnns import NegotiateStreamReader, start_negotiate_server


async def echo(reader: NegotiateStreamReader, writer: asyncio.StreamWriter) -> None:
    """Whoever comes here is let in: writer.get_extra_info('peer_name')."""
    try:
        while data := await reader.read():
            writer.write(data)
            await writer.drain()
        writer.close()
        await writer.wait_closed()
    except OSError as error:
        host, port = writer.get_extra_info("peername")[:2]
        logging.warning("%s:%d %s", host, port, error)
        writer.close()


async def main() -> None:
    server = await start_negotiate_server(echo, "127.0.0.1", int(sys.argv[1]), allow=sys.argv[2:])
    print(f"listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await server.serve_forever()


logging.basicConfig(level=logging.INFO, format="%(message)s")
asyncio.run(main())
