# SPDX-License-Identifier: MIT
"""Runs a program as it stands, but NTLM as NNS\\alice is what its streams are configured with:
with_ntlm.py PASSWORD-FILE PROGRAM ARGUMENT..."""

import functools
import runpy
import sys
from pathlib import Path

import libnns

config = libnns.Config(
    user=r"NNS\alice",
    password=Path(sys.argv[1]).read_text().strip(),
    insecure_ntlm_only=True,
)
for name in ("NegotiateStream", "NegotiateStreamAsync", "open_negotiate_stream"):
    if hasattr(libnns, name):
        setattr(libnns, name, functools.partial(getattr(libnns, name), config=config))
del sys.argv[:2]
runpy.run_path(sys.argv[0], run_name="__main__")
