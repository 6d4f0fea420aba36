# SPDX-License-Identifier: MIT
"""What was negotiated, taken from an engine once and kept when that is long gone."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from libnns._binding import lib
from libnns._errors import error_of, text

log = logging.getLogger("libnns")

IMPERSONATIONS = {
    lib.NNS_IDENTIFY: "identify",
    lib.NNS_IMPERSONATE: "impersonate",
    lib.NNS_DELEGATE: "delegate",
}


@dataclass(frozen=True)
class Session:
    """What was negotiated.

    mechanism       'Kerberos' or 'NTLM'
    protection      'encrypt', 'sign' or 'none'
    is_mutual       True: the server has proved who it is
    peer_name       server: who the client is, 'alice@REALM', by NTLM 'DOMAIN\\alice'; client: None
    target          client: whom it asked for, with the realm; server: whom the client asked for,
                    or None where the mechanism does not say
    impersonation   what the client lets the server do: 'identify', 'impersonate' or 'delegate'
    ssf             strength of the session key, bits
    enctype         its Kerberos encryption type, or None
    ticket_end      when the ticket ends, seconds since 1970; None: unknown or never
    record_engine   who makes and checks the records: 'krb5' (or 'krb5+mb'), 'gss' or 'raw' (level none)
    why_ntlm        where NTLM was used although Kerberos was allowed: why; else None
    legs            handshake records, both ways
    """

    mechanism: str
    protection: str
    is_mutual: bool
    peer_name: str | None
    target: str | None
    impersonation: str | None
    ssf: int
    enctype: str | None
    ticket_end: int | None
    record_engine: str | None
    why_ntlm: str | None
    legs: int

    def __str__(self) -> str:
        extra = ", mutual" if self.is_mutual and self.peer_name is None else ""
        who = f"{self.peer_name} authenticated" if self.peer_name else f"connected to {self.target}"
        return f"{who} using {self.mechanism} ({self.protection}{extra})"


def session_of(engine: Any) -> Session:
    """What this nns_engine has negotiated; it is open, or asks whether it may."""
    return Session(
        mechanism=text(lib.nns_engine_mechanism(engine)) or "",
        protection=text(lib.nns_protection_name(lib.nns_engine_protection(engine))) or "",
        is_mutual=lib.nns_engine_is_mutual(engine) != 0,
        peer_name=text(lib.nns_engine_peer_name(engine)),
        target=text(lib.nns_engine_target(engine)),
        impersonation=IMPERSONATIONS.get(lib.nns_engine_impersonation(engine)),
        ssf=lib.nns_engine_ssf(engine),
        enctype=text(lib.nns_engine_enctype(engine)),
        ticket_end=lib.nns_engine_ticket_end(engine) or None,
        record_engine=text(lib.nns_engine_record_engine(engine)),
        why_ntlm=text(lib.nns_engine_why_ntlm(engine)),
        legs=lib.nns_engine_legs(engine),
    )


def report(session: Session) -> None:
    """One line in the log: a server's peers are news, a client's connections are not."""
    if session.why_ntlm is not None:
        log.warning("NTLM in place of Kerberos: %s", session.why_ntlm)
    log.log(logging.DEBUG if session.peer_name is None else logging.INFO, "%s", session)


class Negotiated:
    """The properties that every face has once its handshake is complete. Before that they raise
    NegotiateStateError; after close() they stay."""

    _session: Session | None = None
    _target: str | None = None

    @property
    def session(self) -> Session:
        """All that was negotiated."""
        if self._session is None:
            raise error_of(lib.NNS_ERR_STATE, "nobody is authenticated yet")
        return self._session

    @property
    def is_authenticated(self) -> bool:
        """True once the handshake is complete."""
        return self._session is not None

    @property
    def target(self) -> str | None:
        """Client: whom it asks for, with the realm once that is known. Server: whom the client
        asked for, or None."""
        return self._target if self._session is None else self._session.target

    @property
    def peer_name(self) -> str | None:
        """Server: who the client is, 'alice@REALM', by NTLM 'DOMAIN\\alice'. Client: None."""
        return self.session.peer_name

    @property
    def mechanism(self) -> str:
        """'Kerberos' or 'NTLM'."""
        return self.session.mechanism

    @property
    def protection(self) -> str:
        """'encrypt', 'sign' or 'none'."""
        return self.session.protection

    @property
    def is_mutual(self) -> bool:
        """True: the server has proved who it is."""
        return self.session.is_mutual
