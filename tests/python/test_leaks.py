# SPDX-License-Identifier: MIT
"""What many connections leave behind: nothing of Python's, and no memory of the process."""

import gc
import os
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import libnns
from conftest import client_config, descriptors, descriptors_once, server_config, tcp_pair
from libnns import NegotiateStream

CONNECTS = 10_000
WARM = 1_000  # until pools, caches and the allocator's arenas have their size
PYTHON_MOST = 65_536  # bytes, of all that was allocated below the package
PROCESS_MOST = 4 << 20  # bytes; a leak of a connection's smallest part would be 10 MB


def resident():
    """Bytes of memory that the process has."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def ours():
    """Bytes that the package has allocated, as tracemalloc sees it."""
    gc.collect()
    folder = os.path.dirname(libnns.__file__)
    only = tracemalloc.Filter(True, os.path.join(folder, "*"))
    statistics = tracemalloc.take_snapshot().filter_traces([only]).statistics("filename")
    return sum(line.size for line in statistics)


def test_connects_leave_nothing():
    client = client_config()
    server = server_config(insecure_no_replay_cache=True)

    def connect(pool):
        here, there = tcp_pair()
        with (
            NegotiateStream(None, here, target="host/localhost", config=client) as ours,
            NegotiateStream(None, there, config=server) as theirs,
        ):
            served = pool.submit(theirs.authenticate_as_server)
            ours.authenticate_as_client()
            served.result()
            ours.write(b"x")
            assert theirs.read() == b"x"

    opened = None
    with ThreadPoolExecutor(1) as pool:
        for number in range(WARM + CONNECTS):
            if number == WARM:
                tracemalloc.start()
                connect(pool)
                before, memory = ours(), resident()
                opened = descriptors()
            connect(pool)
    grown = ours() - before
    tracemalloc.stop()
    assert grown < PYTHON_MOST
    assert resident() - memory < PROCESS_MOST
    assert descriptors_once(opened) <= opened
