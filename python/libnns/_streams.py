# SPDX-License-Identifier: MIT
"""The asyncio-style face: connections as asyncio.open_connection(), start_server() and the loop's
create_connection() and create_server() make them, but each a NegotiateStream connection whose
handshake is complete."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from libnns import _engine
from libnns._binding import lib
from libnns._config import Config, Options, config_of, target_of
from libnns._engine import Engine
from libnns._errors import NegotiateError, error_of
from libnns._handshake import Handshake
from libnns._session import Session
from libnns._transport import NegotiateTransport, Reading
from libnns._wire import Wire

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from socket import socket as Socket

    from typing_extensions import Unpack

log = logging.getLogger("libnns")

LIMIT = 65_536  # bytes, as asyncio has it

AnyProtocol = TypeVar("AnyProtocol", bound=asyncio.BaseProtocol)


class ConnectOptions(Options, total=False):
    """Beside those of Config, which arguments of the loop's create_connection() there are."""

    sock: Socket
    family: int
    proto: int
    flags: int
    local_addr: tuple[str, int]
    happy_eyeballs_delay: float
    interleave: int


class ServeOptions(Options, total=False):
    """Beside those of Config, which arguments of the loop's create_server() there are."""

    sock: Socket
    family: int
    flags: int
    backlog: int
    reuse_address: bool
    reuse_port: bool
    start_serving: bool


def _split(options: Any, config: Config | None) -> tuple[Config, dict[str, Any]]:
    """The configuration, and what is the loop's."""
    ours = {name: value for name, value in options.items() if name in Options.__annotations__}
    loops = {name: value for name, value in options.items() if name not in ours}
    known = ConnectOptions.__annotations__.keys() | ServeOptions.__annotations__.keys()
    unknown = loops.keys() - known
    if "ssl" in unknown:
        raise TypeError("no such option: ssl; over TLS: NegotiateStreamAsync on asyncio's streams")
    if unknown:
        raise TypeError(f"no such option: {', '.join(sorted(unknown))}")
    return config_of(config, ours), loops  # type: ignore[arg-type]


class NegotiateStreamReader(asyncio.StreamReader):
    """An asyncio.StreamReader but for read() without an argument, which answers what is there next
    as the other faces do; asyncio's would read to the end."""

    def __init__(self, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=limit, loop=loop)
        self._pid = os.getpid()

    async def read(self, n: int | None = None) -> bytes:
        """Without a number what has arrived: it waits while that is nothing, b'' is the end. With
        one, at most so many bytes of it; with -1 all until the end of the stream."""
        return await super().read(sys.maxsize if n is None else n)

    # Not "async": it would be a step more for each wait.
    def _wait_for_data(self, func_name: str) -> Coroutine[Any, Any, None]:
        """Where asyncio's waits: not in a child of fork(), whose loop is not the stream's."""
        if self._pid != os.getpid():
            raise error_of(lib.NNS_ERR_FORKED, "this stream belongs to the parent of this process")
        return super()._wait_for_data(func_name)  # type: ignore[misc,no-any-return]


class _StreamProtocol(asyncio.StreamReaderProtocol, Reading):
    """Between transport and reader; the reader copies what it is given."""


async def create_negotiate_connection(
    loop: asyncio.AbstractEventLoop,
    protocol_factory: Callable[[], AnyProtocol],
    host: str | None = None,
    port: int | None = None,
    *,
    target: str | None = None,
    config: Config | None = None,
    executor: Executor | None = None,
    **options: Unpack[ConnectOptions],
) -> tuple[NegotiateTransport, AnyProtocol]:
    """Connects and authenticates as a client, for a protocol (an asyncio.Protocol or
    BufferedProtocol), which is made when the handshake is complete.

    loop        the running loop, asyncio's or uvloop's
    host, port  as for loop.create_connection(); or sock=, a connected socket, which is then the
                transport's. Of its other arguments there are family, proto, flags, local_addr,
                happy_eyeballs_delay and interleave
    target      whom to ask for; default: 'host/' and the host in lower case
    config      a Config, or its options by name
    executor    where the mechanism is called, which may wait; default: threads of the package's

    Errors: those of loop.create_connection(); NegotiateAuthenticationError, NegotiatePeerError
    (the server refused), NegotiateTimeoutError (handshake_timeout), NegotiateProtocolError,
    NegotiateForeignError, NegotiateConnectionError, NegotiateUsageError. Whoever cancels it, or
    lets it run into asyncio.timeout(), leaves nothing behind."""
    settings, loops = _split(options, config)
    engine = Engine(settings, _engine.CLIENT, target_of(host, target))
    done: asyncio.Future[tuple[NegotiateTransport, AnyProtocol]] = loop.create_future()
    wire = Wire(loop, engine)

    def opened(wire: Wire, session: Session) -> None:
        transport, protocol = NegotiateTransport(loop, wire, session), protocol_factory()
        transport.start(protocol)
        if not done.done():
            done.set_result((transport, protocol))

    def failed(_: Wire, error: BaseException) -> None:
        if not done.done():
            done.set_exception(error)

    Handshake(loop, wire, executor, opened, failed)
    try:
        await loop.create_connection(lambda: wire, host, port, **loops)  # type: ignore[arg-type]
        return await done
    except BaseException:
        done.cancel()
        wire.drop()
        raise


async def create_negotiate_server(
    loop: asyncio.AbstractEventLoop,
    protocol_factory: Callable[[], asyncio.BaseProtocol],
    host: str | Sequence[str] | None = None,
    port: int | None = None,
    *,
    config: Config | None = None,
    executor: Executor | None = None,
    **options: Unpack[ServeOptions],
) -> asyncio.base_events.Server:
    """Listens, and authenticates clients as a server; each that is let in gets a protocol of its
    own, made when its handshake is complete. What becomes of the others is a WARNING in the log.

    loop        the running loop, asyncio's or uvloop's
    host, port  as for loop.create_server(); or sock=, a listening socket. Of its other arguments
                there are family, flags, backlog, reuse_address, reuse_port and start_serving
    config      a Config, or its options by name. It has to say whom to let in (allow, allow_any or
                authorize)
    executor    where the mechanism is called; default: threads of the package's

    Answers what loop.create_server() does. Errors: its, and NegotiateUsageError."""
    settings, loops = _split(options, config)

    def opened(wire: Wire, session: Session) -> None:
        NegotiateTransport(loop, wire, session).start(protocol_factory())

    def accept() -> Wire:
        wire = Wire(loop, Engine(settings, _engine.SERVER))
        Handshake(loop, wire, executor, opened, lambda w, e: _refused(loop, w, e))
        return wire

    return await loop.create_server(accept, host, port, **loops)  # type: ignore[arg-type]


def _refused(loop: asyncio.AbstractEventLoop, wire: Wire, error: BaseException) -> None:
    """A server's handshake that came to nothing."""
    address = wire.below.get_extra_info("peername")
    where = ":".join(map(str, address[:2])) if isinstance(address, tuple) else "a client"
    if isinstance(error, NegotiateError):
        log.warning("%s %s", where, error)
    else:
        message = f"the handshake with {where} failed"
        loop.call_exception_handler({"message": message, "exception": error})


async def open_negotiate_stream(
    hostname: str | None = None,
    port: int | None = None,
    *,
    limit: int = LIMIT,
    target: str | None = None,
    config: Config | None = None,
    executor: Executor | None = None,
    **options: Unpack[ConnectOptions],
) -> tuple[NegotiateStreamReader, asyncio.StreamWriter]:
    """As asyncio.open_connection(), but authenticated as a client, and encrypted.

    reader, writer = await open_negotiate_stream('db1.corp.example', 8000)
    writer.write(b'hello')
    print(await reader.read())

    limit       bytes that the reader holds before it holds the peer up: twice as many; and the
                longest line

    The writer is asyncio's, the reader differs in read() without an argument alone, which answers
    what has arrived. writer.get_extra_info() has what was negotiated ('session', 'mechanism',
    'protection', 'target', ...), writer.transport is a NegotiateTransport. The rest, and the
    errors, are as for create_negotiate_connection(). What breaks a connection later is raised by
    the reader and by drain(), as asyncio does it: a NegotiateError."""
    loop = asyncio.get_running_loop()
    reader = NegotiateStreamReader(limit=limit, loop=loop)
    transport, protocol = await create_negotiate_connection(
        loop,
        lambda: _StreamProtocol(reader, loop=loop),
        hostname,
        port,
        target=target,
        config=config,
        executor=executor,
        **options,
    )
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def start_negotiate_server(
    client_connected_cb: Callable[
        [NegotiateStreamReader, asyncio.StreamWriter], Awaitable[None] | None
    ],
    host: str | Sequence[str] | None = None,
    port: int | None = None,
    *,
    limit: int = LIMIT,
    config: Config | None = None,
    executor: Executor | None = None,
    **options: Unpack[ServeOptions],
) -> asyncio.base_events.Server:
    """As asyncio.start_server(), but a client has authenticated and is let in when the callback is
    called, with a reader and a writer as open_negotiate_stream() has them: who it is says
    writer.get_extra_info('peer_name'). The rest is as for create_negotiate_server()."""
    loop = asyncio.get_running_loop()

    def factory() -> _StreamProtocol:
        reader = NegotiateStreamReader(limit=limit, loop=loop)
        return _StreamProtocol(reader, client_connected_cb, loop=loop)  # type: ignore[arg-type]

    return await create_negotiate_server(
        loop, factory, host, port, config=config, executor=executor, **options
    )
