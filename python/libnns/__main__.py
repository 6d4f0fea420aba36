# SPDX-License-Identifier: MIT
"""python -m libnns connect|probe HOST:PORT - a client for the shell.

connect sends standard input to the peer and writes what comes back to standard output; the end of
the input half-closes. probe does the handshake alone and prints what was negotiated. The exit
status is that of nns(1), which can do more."""

from __future__ import annotations

import argparse
import dataclasses
import getpass
import os
import socket
import stat
import sys
import threading
from collections.abc import Sequence

from libnns import (
    NegotiateAuthenticationError,
    NegotiateError,
    NegotiateInternalError,
    NegotiateLimitError,
    NegotiatePeerError,
    NegotiateProtocolError,
    NegotiateStream,
    NegotiateUsageError,
    Options,
    __version__,
)

CHUNK = 65_536
STATUS: list[tuple[type[OSError], int]] = [  # the first that fits
    (NegotiateUsageError, 2),
    (NegotiateProtocolError, 5),
    (NegotiateAuthenticationError, 6),
    (NegotiatePeerError, 7),
    (NegotiateLimitError, 8),
    (NegotiateInternalError, 70),
    (TimeoutError, 4),
    (OSError, 3),
]


def address(text: str) -> tuple[str, int]:
    """HOST:PORT, or [V6]:PORT."""
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m libnns", description="A client of the .NET NegotiateStream protocol."
    )
    parser.add_argument("--version", action="version", version=f"libnns {__version__}")
    add = parser.add_subparsers(dest="command", required=True, metavar="connect|probe").add_parser
    for name, what in (
        ("connect", "standard input to the peer, the peer to standard output"),
        ("probe", "the handshake alone: prints what was negotiated"),
    ):
        command = add(name, help=what, description=what)
        command.add_argument("address", type=address, metavar="HOST:PORT")
        command.add_argument("--target", help="SERVICE/HOST[@REALM] asked for (host/HOST)")
        command.add_argument(
            "--protection", choices=("encrypt", "sign"), default="encrypt", help="(encrypt)"
        )
        command.add_argument(
            "--mech",
            choices=("kerberos", "negotiate", "ntlm"),
            default="kerberos",
            help="the last two allow NTLM, which is weak (kerberos)",
        )
        command.add_argument("--user", help="log in with a password, which is asked for")
        command.add_argument("--password-file", metavar="FILE", help="or stands in this file, the user's alone")
        command.add_argument("--ccache", help="Kerberos credential cache")
        command.add_argument(
            "--timeout", type=float, default=30.0, metavar="SECONDS", help="to be connected (30)"
        )
    return parser


def private(path: str, flags: int) -> int:
    """Opens a file, if it is the user's (or root's) and nobody else can read it."""
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        why = "it is not a file"
    elif found.st_uid not in (os.geteuid(), 0):
        why = "it belongs to somebody else"
    elif found.st_mode & 0o077:
        why = "others can read it: chmod 600"
    else:
        return descriptor
    os.close(descriptor)
    raise NegotiateUsageError(f"--password-file: {path}: {why}")


def password_of(arguments: argparse.Namespace) -> str:
    if arguments.password_file is None:
        return getpass.getpass(f"Password for {arguments.user}: ")
    with open(arguments.password_file, encoding="utf-8", opener=private) as file:
        return file.readline().rstrip("\r\n")


def options_of(arguments: argparse.Namespace) -> Options:
    options = Options(protection=arguments.protection)
    if arguments.user is not None:
        options["user"] = arguments.user
        options["password"] = password_of(arguments)
    elif arguments.password_file is not None:
        raise NegotiateUsageError("--password-file: a password needs --user")
    if arguments.ccache is not None:
        options["ccache"] = arguments.ccache
    if arguments.mech == "negotiate":
        options["insecure_allow_ntlm"] = True
    elif arguments.mech == "ntlm":
        options["insecure_ntlm_only"] = True
    return options


def authenticated(arguments: argparse.Namespace) -> NegotiateStream:
    """A stream to the address, its handshake done, without a time-out from then on."""
    options = options_of(arguments)
    sock = socket.create_connection(arguments.address, arguments.timeout)
    stream = NegotiateStream(arguments.address[0], sock, target=arguments.target, **options)
    try:
        stream.authenticate_as_client()
    except BaseException:
        stream.close()
        raise
    sock.settimeout(None)
    print(stream.session, file=sys.stderr, flush=True)
    return stream


def send_input(stream: NegotiateStream) -> None:
    """Standard input to the peer. What the peer breaks is told by the reader."""
    try:
        while data := os.read(0, CHUNK):
            stream.write(data)
        stream.write_eof()
    except NegotiateError:
        pass


def connect(stream: NegotiateStream) -> None:
    threading.Thread(target=send_input, args=(stream,), daemon=True).start()
    output = sys.stdout.buffer
    while data := stream.read():
        output.write(data)
        output.flush()


def probe(stream: NegotiateStream) -> None:
    for field in dataclasses.fields(stream.session):
        value = getattr(stream.session, field.name)
        if value is not None:
            print(f"{field.name.replace('_', ' '):16}{value}")


def status_of(error: OSError) -> int:
    return next(status for kind, status in STATUS if isinstance(error, kind))


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; answers its exit status."""
    arguments = make_parser().parse_args(argv)
    try:
        with authenticated(arguments) as stream:
            (connect if arguments.command == "connect" else probe)(stream)
            sys.stdout.flush()
    except OSError as error:
        print(f"libnns: {error}", file=sys.stderr)
        return status_of(error)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
