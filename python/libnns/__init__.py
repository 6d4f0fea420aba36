# SPDX-License-Identifier: MIT
"""The .NET NegotiateStream protocol (MS-NNS) for Python, on the C library libnns: authenticate with
Kerberos single sign-on (or NTLM, where it is allowed), then exchange signed or encrypted records
over a connection. Client and server.

    NegotiateStream         on a socket
    NegotiateStreamAsync    on the reader and writer of asyncio.open_connection()
    open_negotiate_stream() and start_negotiate_server(), as asyncio has them; for protocols
                            create_negotiate_connection() and create_negotiate_server()

What the library logs goes to the logger 'libnns': a server's peers as INFO, a client's connections
as DEBUG, NTLM where Kerberos was possible as WARNING.
"""

from libnns._binding import ffi as _ffi
from libnns._binding import lib as _lib
from libnns._async import NegotiateStreamAsync
from libnns._config import Config, Options
from libnns._errors import (
    NegotiateAuthenticationError,
    NegotiateBrokenPipeError,
    NegotiateCanceledError,
    NegotiateConnectionError,
    NegotiateError,
    NegotiateForeignError,
    NegotiateIntegrityError,
    NegotiateInternalError,
    NegotiateLimitError,
    NegotiateMemoryError,
    NegotiatePeerError,
    NegotiateProtocolError,
    NegotiateResetError,
    NegotiateStateError,
    NegotiateTimeoutError,
    NegotiateTruncatedError,
    NegotiateUsageError,
)
from libnns._session import Session
from libnns._stream import NegotiateStream
from libnns._streams import (
    ConnectOptions,
    NegotiateStreamReader,
    ServeOptions,
    create_negotiate_connection,
    create_negotiate_server,
    open_negotiate_stream,
    start_negotiate_server,
)
from libnns._transport import NegotiateTransport

__version__: str = _ffi.string(_lib.nns_version_string()).decode()  # of the library

__all__ = [
    "Config",
    "ConnectOptions",
    "NegotiateAuthenticationError",
    "NegotiateBrokenPipeError",
    "NegotiateCanceledError",
    "NegotiateConnectionError",
    "NegotiateError",
    "NegotiateForeignError",
    "NegotiateIntegrityError",
    "NegotiateInternalError",
    "NegotiateLimitError",
    "NegotiateMemoryError",
    "NegotiatePeerError",
    "NegotiateProtocolError",
    "NegotiateResetError",
    "NegotiateStateError",
    "NegotiateStream",
    "NegotiateStreamAsync",
    "NegotiateStreamReader",
    "NegotiateTimeoutError",
    "NegotiateTransport",
    "NegotiateTruncatedError",
    "NegotiateUsageError",
    "Options",
    "ServeOptions",
    "Session",
    "create_negotiate_connection",
    "create_negotiate_server",
    "open_negotiate_stream",
    "start_negotiate_server",
]
