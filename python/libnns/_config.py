# SPDX-License-Identifier: MIT
"""The configuration: what connections have in common."""

from __future__ import annotations

import itertools
import logging
import math
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from libnns._binding import ffi, lib
from libnns._errors import error_of, text
from libnns._session import Session

if TYPE_CHECKING:
    from typing_extensions import Unpack

log = logging.getLogger("libnns")

PROTECTIONS = {
    "encrypt": lib.NNS_PROTECT_SEAL,
    "sign": lib.NNS_PROTECT_SIGN,
    "none": lib.NNS_PROTECT_NONE,
}
LEVELS = {
    "identify": lib.NNS_IDENTIFY,
    "impersonate": lib.NNS_IMPERSONATE,
    "delegate": lib.NNS_DELEGATE,
}
LIMITS = {
    name.removeprefix("NNS_LIMIT_").lower(): getattr(lib, name)
    for name in dir(lib)
    if name.startswith("NNS_LIMIT_")
}

Password = str | bytes | Callable[[], str | bytes]
Trace = Callable[[bool, bytes], None]


class Options(TypedDict, total=False):
    """The keyword arguments of Config, see there."""

    protection: str
    impersonation: str
    user: str
    password: Password
    ccache: str
    client_keytab: str
    keytab: str
    acceptor: str
    allow: str | Iterable[str]
    allow_any: bool
    authorize: Callable[[Session], bool]
    accept_delegation: bool
    require_channel_binding: bool
    min_ssf: int
    handshake_timeout: float
    idle_timeout: float
    limits: Mapping[str, int]
    record_engine: str
    trace: Trace
    insecure_allow_ntlm: bool
    insecure_ntlm_only: bool
    insecure_allow_unprotected: bool
    insecure_no_replay_cache: bool
    insecure_outlive_ticket: bool


class Config:
    """What connections have in common, made once and used for any number of them, in any thread.

    The defaults are the strict ones: Kerberos alone, signed and encrypted, mutual authentication,
    no delegation, and a server that lets nobody in until it is told whom.

    Both sides:
        protection          the level asked for and the least accepted: 'encrypt' (default),
                            'sign', or 'none', which needs insecure_allow_unprotected
        min_ssf             least strength of the session key in bits (128)
        handshake_timeout   seconds for the whole handshake (30 for a client, 10 for a server);
                            0: none
        idle_timeout        seconds that one read or write may last without a byte moving; the
                            connection is then over. 0, the default: for ever. (A time-out of the
                            socket ends only the wait.)
        limits              others by name, see nns_config(3): {'empty_records': 16, ...}
        record_engine       'auto' (default), 'krb5' or 'gss'; the bytes on the wire are the same
        trace               called with (outgoing, data) for the bytes on the wire, encrypted as
                            they are; after the handshake perhaps in two threads at once
    Client:
        user, password      'alice@REALM', 'REALM\\alice', for NTLM 'DOMAIN\\alice'. The password
                            is a string, or a function that answers it, called on a thread of the
                            library's, once for each connection
        ccache              credential cache, 'FILE:/path'; default: the system's
        client_keytab       a keytab with the client's own key, for unattended programs
        impersonation       what the server may do: 'identify' (default), 'impersonate', 'delegate'
    Server:
        allow               whom to let in: a pattern or several, 'alice@CORP', '*@CORP', for NTLM
                            'DOMAIN\\alice'
        allow_any           let in everybody who authenticates
        authorize           called with the Session before the client is let in; what it answers
                            decides (patterns, where there are some, must agree as well). An
                            exception in it refuses the client and is raised
        keytab              'FILE:/path'; default: the system's
        acceptor            the one principal to be; default: any in the keytab
        accept_delegation   take the credentials that a client delegates
        require_channel_binding
    Weaker, each for a reason that the manual has: insecure_allow_ntlm, insecure_ntlm_only,
    insecure_allow_unprotected, insecure_no_replay_cache, insecure_outlive_ticket.

    Errors: NegotiateUsageError says which argument cannot be, TypeError that there is no such.
    """

    def __init__(self, **options: Unpack[Options]) -> None:
        unknown = options.keys() - Options.__annotations__.keys()
        if unknown:
            raise TypeError(f"no such option: {', '.join(sorted(unknown))}")
        called("trace", options.get("trace"))
        called("authorize", options.get("authorize"))
        if not isinstance(options.get("password", ""), (str, bytes)):
            called("password", options.get("password"))
        made = ffi.new("nns_config **")
        check(lib.nns_config_new(made, ffi.NULL))
        self._cfg = ffi.gc(made[0], lib.nns_config_unref)
        self._key = next(_keys)
        self._password: Password | None = options.get("password")
        self._trace: Trace | None = options.get("trace")
        self.authorize = options.get("authorize")
        self.outlives_ticket = bool(options.get("insecure_outlive_ticket"))
        _configs[self._key] = self
        self._set_switches(options)
        self._set_both(options)
        self._set_client(options)
        self._set_server(options)

    @property
    def c(self) -> Any:
        """The nns_config, borrowed."""
        return self._cfg

    def limit(self, name: str) -> int:
        """The value of a limit by its name in nns_config(3), lower case, 'idle_ms'."""
        value = ffi.new("int64_t *")
        check(lib.nns_config_limit(self._cfg, LIMITS[name], value))
        return int(value[0])

    # ---- setting ----

    def _check(self, result: int) -> None:
        check(result, text(lib.nns_config_message(self._cfg)))

    def _set_switches(self, options: Options) -> None:
        for name in (
            "insecure_allow_ntlm",
            "insecure_ntlm_only",
            "insecure_allow_unprotected",
            "insecure_no_replay_cache",
            "insecure_outlive_ticket",
        ):
            if options.get(name):
                self._check(getattr(lib, f"nns_config_{name}")(self._cfg))

    def _set_strings(self, options: Options, *names: str) -> None:
        for name in names:
            value = options.get(name)
            if value is not None:
                function = getattr(lib, f"nns_config_set_{name}")
                self._check(function(self._cfg, encoded(name, value)))

    def _set_both(self, options: Options) -> None:
        level = options.get("protection", "encrypt")
        self._check(lib.nns_config_set_protection(self._cfg, chosen("protection", level)))
        if (bits := options.get("min_ssf")) is not None:
            self._check(lib.nns_config_set_min_ssf(self._cfg, whole("min_ssf", bits, 0, 2**32)))
        self._set_strings(options, "record_engine")
        limits = dict(options.get("limits") or {})
        if (seconds := options.get("handshake_timeout")) is not None:
            time = milliseconds("handshake_timeout", seconds)
            limits["client_handshake_ms"] = limits["server_handshake_ms"] = time
        if (seconds := options.get("idle_timeout")) is not None:
            limits["idle_ms"] = milliseconds("idle_timeout", seconds)
        for name, value in limits.items():
            if name not in LIMITS:
                raise error_of(lib.NNS_ERR_ARGUMENT, f"no such limit: {name!r}")
            value = whole(name, value, -(2**63), 2**63)
            self._check(lib.nns_config_set_limit(self._cfg, LIMITS[name], value))
        if self._trace is not None:
            key = ffi.cast("void *", self._key)
            self._check(lib.nns_config_set_trace(self._cfg, lib.libnns_trace, key))

    def _set_client(self, options: Options) -> None:
        self._set_strings(options, "ccache", "client_keytab")
        level = options.get("impersonation", "identify")
        self._check(lib.nns_config_set_impersonation(self._cfg, chosen("impersonation", level)))
        user = options.get("user")
        if (user is None) != (self._password is None):
            raise error_of(lib.NNS_ERR_ARGUMENT, "user and password belong together")
        if user is not None:
            key = ffi.cast("void *", self._key)
            name = encoded("user", user)
            self._check(lib.nns_config_set_user(self._cfg, name, lib.libnns_password, key))

    def _set_server(self, options: Options) -> None:
        self._set_strings(options, "keytab", "acceptor")
        allow = options.get("allow", ())
        for pattern in (allow,) if isinstance(allow, str) else allow:
            self._check(lib.nns_config_allow_peer(self._cfg, encoded("allow", pattern)))
        if options.get("allow_any"):
            self._check(lib.nns_config_allow_any_peer(self._cfg))
        if self.authorize is not None:
            self._check(lib.nns_config_defer_authorization(self._cfg, 1))
        for name in ("accept_delegation", "require_channel_binding"):
            if options.get(name):
                self._check(getattr(lib, f"nns_config_{name}")(self._cfg, 1))


def config_of(config: Config | None, options: Options) -> Config:
    """The one that was given, or one of the options that were."""
    if config is None:
        return Config(**options)
    if options:
        raise TypeError("config= and its options exclude each other")
    return config


def check(result: int, message: str | None = None) -> None:
    """Raises where a result is an error."""
    if result < 0:
        raise error_of(result, message)


def encoded(name: str, value: object) -> bytes:
    """A string for the library."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is a string, not {type(value).__name__}")
    if "\0" in value:
        raise error_of(lib.NNS_ERR_ARGUMENT, f"{name}: there is a NUL in it")
    return value.encode()


def chosen(name: str, value: str) -> int:
    """The number of a word."""
    words = PROTECTIONS if name == "protection" else LEVELS
    if value not in words:
        known = ", ".join(map(repr, words))
        raise error_of(lib.NNS_ERR_ARGUMENT, f"{name} is one of {known}, not {value!r}")
    number: int = words[value]
    return number


def whole(name: str, value: int, least: int, end: int) -> int:
    """A number that the library can be given."""
    if not isinstance(value, int):
        raise TypeError(f"{name} is a whole number, not {type(value).__name__}")
    if not least <= value < end:
        raise error_of(lib.NNS_ERR_ARGUMENT, f"{name} cannot be {value}")
    return value


def milliseconds(name: str, seconds: float) -> int:
    """Rounded up, so that a time that is not 0 does not mean none."""
    if not math.isfinite(seconds):
        raise error_of(lib.NNS_ERR_ARGUMENT, f"{name} cannot be {seconds}")
    return math.ceil(seconds * 1000)


def called(name: str, value: object) -> None:
    """Only what can be called is a function of the application's."""
    if value is not None and not callable(value):
        raise TypeError(f"{name} is a function, not {type(value).__name__}")


def target_of(hostname: str | None, target: str | None) -> str | None:
    """Whom a client asks for: target, or host/ and the host's name in lower case."""
    if target is not None or hostname is None:
        return target
    return f"host/{hostname.lower()}"


# ---- what the library calls, on any thread ----

_keys = itertools.count(1)
_configs: weakref.WeakValueDictionary[int, Config] = weakref.WeakValueDictionary()


def _config_at(key: Any) -> Config | None:
    return _configs.get(int(ffi.cast("uintptr_t", key)))


def _failed(kind: Any, error: BaseException, where: Any) -> None:
    log.error("a function of the application's failed", exc_info=(kind, error, where))


@ffi.def_extern("libnns_password", lib.NNS_ERR_CREDENTIALS, _failed)  # type: ignore[misc]
def _on_password(key: Any, buf: Any, size: int) -> int:
    config = _config_at(key)
    if config is None or config._password is None:
        return int(lib.NNS_ERR_CREDENTIALS)
    password = config._password() if callable(config._password) else config._password
    raw = password.encode() if isinstance(password, str) else password
    if len(raw) >= size:
        log.error("the password is longer than %d bytes", size - 1)
        return int(lib.NNS_ERR_CREDENTIALS)
    ffi.memmove(buf, raw + b"\0", len(raw) + 1)
    return len(raw)


@ffi.def_extern("libnns_trace", onerror=_failed)  # type: ignore[misc]
def _on_trace(key: Any, engine: Any, outgoing: int, data: Any, size: int) -> None:
    config = _config_at(key)
    if config is not None and config._trace is not None:
        config._trace(outgoing != 0, bytes(ffi.buffer(data, size)))
