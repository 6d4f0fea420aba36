# SPDX-License-Identifier: MIT
"""The exceptions: one class for each of the library's classes of error, each also what a Python
program that knows nothing of NegotiateStream would catch.

    NegotiateError                  OSError
      NegotiateUsageError             ValueError       a wrong argument
      NegotiateStateError             RuntimeError     not now, not here, not in this process
      NegotiateConnectionError        ConnectionError  the connection failed
        NegotiateResetError             ConnectionResetError
        NegotiateBrokenPipeError        BrokenPipeError
        NegotiateCanceledError          ConnectionAbortedError   closed here meanwhile
      NegotiateTimeoutError           TimeoutError     a deadline passed; the ticket ended
      NegotiateProtocolError                           the peer broke the protocol
        NegotiateForeignError                          it does not speak NegotiateStream at all
        NegotiateTruncatedError         ConnectionError  it closed within a record
        NegotiateIntegrityError                        a record was tampered with
      NegotiateAuthenticationError    PermissionError  who somebody is, or is allowed to be
      NegotiatePeerError              PermissionError  the peer refused us and said why
      NegotiateLimitError                              a limit was reached
      NegotiateInternalError
        NegotiateMemoryError            MemoryError
"""

from __future__ import annotations

import errno as _errno
import os
from typing import Any

from libnns._binding import ffi, lib

PHASES = {
    lib.NNS_PHASE_CONNECT: "connect",
    lib.NNS_PHASE_HANDSHAKE: "handshake",
    lib.NNS_PHASE_DATA: "data",
    lib.NNS_PHASE_CLOSE: "close",
}


def text(pointer: Any) -> str | None:
    """The string behind a char pointer; None for NULL."""
    if not pointer:
        return None
    raw: bytes = ffi.string(pointer)
    return raw.decode("utf-8", "backslashreplace")


class NegotiateError(OSError):
    """What went wrong with a NegotiateStream connection.

    code            the library's number, below 0 (NNS_ERR_AUTH is -400)
    name            its name, 'NNS_ERR_AUTH'
    phase           'connect', 'handshake', 'data', 'close', or None for a wrong call
    message         one line: operation, what, why
    hint            what to do about it, or None
    mech_text       the mechanism's own words, or None
    mech_major      GSS major status, or 0
    mech_minor      GSS minor status, or 0
    hresult         the status that the peer reported, or 0. Nobody signed it: a hint, never a
                    reason to try again with less security
    hresult_name    its name, 'SEC_E_LOGON_DENIED', or None
    errno, strerror of the operating system, or None
    """

    def __init__(self, message: str, code: int = 0, *, errno: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.name = text(lib.nns_result_name(code)) or ""
        if errno is not None:
            self.errno = errno
            self.strerror = os.strerror(errno)
        self.phase: str | None = None
        self.hint: str | None = None
        self.mech_text: str | None = None
        self.mech_major = 0
        self.mech_minor = 0
        self.hresult = 0
        self.hresult_name: str | None = None

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        system = {"errno": self.errno, "strerror": self.strerror}
        return (type(self), (self.message, self.code), self.__dict__ | system)


class NegotiateUsageError(NegotiateError, ValueError):
    """A wrong argument, or a configuration that cannot be."""


class NegotiateStateError(NegotiateError, RuntimeError):
    """A call that is not possible now: before the handshake, after close(), beside another one of
    the same kind, or in a child of fork()."""


class NegotiateConnectionError(NegotiateError, ConnectionError):
    """The connection below failed."""


class NegotiateResetError(NegotiateConnectionError, ConnectionResetError):
    """The peer reset the connection."""


class NegotiateBrokenPipeError(NegotiateConnectionError, BrokenPipeError):
    """The peer takes no more bytes."""


class NegotiateCanceledError(NegotiateConnectionError, ConnectionAbortedError):
    """The connection was closed or canceled on this side while something was going on."""


class NegotiateTimeoutError(NegotiateError, TimeoutError):
    """A deadline passed; or, on a server, the client's ticket has ended."""


class NegotiateProtocolError(NegotiateError):
    """The peer broke the protocol."""


class NegotiateForeignError(NegotiateProtocolError):
    """The peer speaks something else than NegotiateStream."""


class NegotiateTruncatedError(NegotiateProtocolError, ConnectionError):
    """The peer closed the connection in the middle of a record."""


class NegotiateIntegrityError(NegotiateProtocolError):
    """A record was changed, replayed, swapped or left out on its way."""


class NegotiateAuthenticationError(NegotiateError, PermissionError):
    """Authentication failed, there are no usable credentials, or who the peer is or what was
    negotiated is not good enough."""


class NegotiatePeerError(NegotiateError, PermissionError):
    """The peer refused and reported why: see hresult."""


class NegotiateLimitError(NegotiateError):
    """A limit was reached."""


class NegotiateInternalError(NegotiateError):
    """An error of the library itself."""


class NegotiateMemoryError(NegotiateInternalError, MemoryError):
    """There was no memory."""


_BY_CODE: dict[int, type[NegotiateError]] = {
    lib.NNS_ERR_STATE: NegotiateStateError,
    lib.NNS_ERR_REENTRANT: NegotiateStateError,
    lib.NNS_ERR_FORKED: NegotiateStateError,
    lib.NNS_ERR_CANCELED: NegotiateCanceledError,
    lib.NNS_ERR_FOREIGN: NegotiateForeignError,
    lib.NNS_ERR_TRUNCATED: NegotiateTruncatedError,
    lib.NNS_ERR_INTEGRITY: NegotiateIntegrityError,
    lib.NNS_ERR_NOMEM: NegotiateMemoryError,
}
_BY_ERRNO: dict[int, type[NegotiateError]] = {
    _errno.ECONNRESET: NegotiateResetError,
    _errno.EPIPE: NegotiateBrokenPipeError,
    _errno.ESHUTDOWN: NegotiateBrokenPipeError,
}
_BY_CLASS: dict[int, type[NegotiateError]] = {
    lib.NNS_CLASS_USAGE: NegotiateUsageError,
    lib.NNS_CLASS_IO: NegotiateConnectionError,
    lib.NNS_CLASS_TIMEOUT: NegotiateTimeoutError,
    lib.NNS_CLASS_PROTOCOL: NegotiateProtocolError,
    lib.NNS_CLASS_AUTH: NegotiateAuthenticationError,
    lib.NNS_CLASS_PEER: NegotiatePeerError,
    lib.NNS_CLASS_LIMIT: NegotiateLimitError,
}


def _class_of(code: int, os_error: int) -> type[NegotiateError]:
    if code in _BY_CODE:
        return _BY_CODE[code]
    by_class = _BY_CLASS.get(lib.nns_result_class(code), NegotiateInternalError)
    if by_class is NegotiateConnectionError:
        return _BY_ERRNO.get(os_error, by_class)
    return by_class


def error_of(code: int, message: str | None = None, *, phase: str | None = None) -> NegotiateError:
    """The exception for a result below 0 of a call that left no error object."""
    error = _class_of(code, 0)(message or text(lib.nns_strerror(code)) or "", code)
    error.phase = phase
    return error


def error_from(err: Any) -> NegotiateError:
    """The exception for the library's error object, which is not NULL."""
    code = lib.nns_error_code(err)
    os_error: int = lib.nns_error_os(err)
    message = text(lib.nns_error_message(err)) or ""
    error = _class_of(code, os_error)(message, code, errno=os_error or None)
    error.phase = PHASES.get(lib.nns_error_phase(err))
    error.hint = text(lib.nns_error_hint(err))
    error.mech_text = text(lib.nns_error_mech_text(err))
    error.mech_major = lib.nns_error_mech_major(err)
    error.mech_minor = lib.nns_error_mech_minor(err)
    error.hresult = lib.nns_error_peer_status(err)
    error.hresult_name = text(lib.nns_error_peer_status_name(err))
    return error


def failure(code: int, err: Any) -> NegotiateError:
    """The exception for a result below 0 of an object whose first failure, or NULL, is err. A
    wrong call says so itself: it is nothing that happened to the connection."""
    if err and lib.nns_result_class(code) != lib.NNS_CLASS_USAGE:
        return error_from(err)
    return error_of(code)
