# SPDX-License-Identifier: MIT
"""What the tests of the Python package share: sessions with both ends in this process, `nns listen`
and the real .NET as peers. From outside, as tests/python/CMakeLists.txt sets it: NNS, NNS_REALM_DIR,
KRB5_CONFIG, KRB5RCACHEDIR, NTLM_USER_FILE (and the folders of sources and build)."""

import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "support"), str(TESTS / "interop")]

from peers import InteropTest  # noqa: E402
from processes import DEADLINE, ccache, engine_to_set, realm  # noqa: E402
from record import Record  # noqa: E402

from libnns import Config, NegotiateStream  # noqa: E402


class Peers(InteropTest):
    """The processes of tests/support and tests/interop, for one test of pytest's."""

    def runTest(self):
        """Not a test of its own."""


@pytest.fixture
def peers():
    """Starts peers (`peers.nns_listen()`), which end with the test."""
    started = Peers()
    started.record = Record(started)
    yield started
    started.doCleanups()


def descriptors():
    """How many this process has open."""
    return len(os.listdir("/proc/self/fd"))


def descriptors_once(most):
    """The same, once it is no more than most, or at the deadline: one of the library's threads may
    have told of a call's end and not yet let go of what it told it by."""
    end = time.monotonic() + DEADLINE
    while descriptors() > most and time.monotonic() < end:
        time.sleep(0.01)
    return descriptors()


def client_config(**options):
    """alice's."""
    options.setdefault("ccache", ccache("alice.ccache")["KRB5CCNAME"])
    options.setdefault("record_engine", engine_to_set())
    return Config(**options)


def server_config(**options):
    """That of host/localhost, which lets alice in."""
    if not {"allow", "allow_any", "authorize"} & options.keys():
        options["allow"] = "alice@NNS.TEST"
    options.setdefault("record_engine", engine_to_set())
    return Config(keytab=realm("keytab"), **options)


def ntlm_client(**options):
    """NNS\\alice's, by NTLM alone."""
    password = Path(realm("ntlm.password")).read_text().strip()
    return Config(**{"user": r"NNS\alice", "password": password, "insecure_ntlm_only": True} | options)


def ntlm_server(**options):
    """One that lets her in."""
    return Config(allow=r"NNS\alice", insecure_ntlm_only=True, **options)


def tcp_pair():
    """Two ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname(), DEADLINE)
        client.settimeout(None)
        return client, listener.accept()[0]


def both(first, second):
    """Calls both at once, each in a thread: their results. What one raises is raised after the
    other is done."""
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(first), pool.submit(second)]
        return [future.result(DEADLINE) for future in futures]


@pytest.fixture
def streams():
    """Makes the two ends of a connection, not authenticated yet; they are closed with the test."""
    with ExitStack() as stack:

        def make(client=None, server=None, target="host/localhost"):
            ours, theirs = tcp_pair()
            ends = (
                NegotiateStream(None, ours, target=target, config=client or client_config()),
                NegotiateStream(None, theirs, config=server or server_config()),
            )
            for end in ends:
                stack.callback(end.close)
            return ends

        yield make


@pytest.fixture
def session(streams):
    """Makes a client and a server that are authenticated."""

    def make(**more):
        client, server = streams(**more)
        both(client.authenticate_as_client, server.authenticate_as_server)
        return client, server

    return make
