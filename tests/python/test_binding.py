# SPDX-License-Identifier: MIT
"""The binding has the whole C API, by the headers; and the package knows nothing that they do not."""

import os
import sys
from pathlib import Path

import libnns
from libnns._binding import ffi, lib

SOURCES = Path(os.environ["NNS_SOURCE_DIR"])
sys.path.insert(0, str(SOURCES / "python"))

import build_binding  # noqa: E402


def test_every_symbol_is_bound_or_left_out_for_a_reason():
    symbols = set((SOURCES / "src" / "nns.symbols").read_text().split())
    bound = {name for name in dir(lib) if name.startswith("nns_")}
    assert symbols - bound == build_binding.LEFT_OUT.keys()
    assert bound - symbols == set()
    assert all(build_binding.LEFT_OUT.values())


def test_the_declarations_are_those_of_the_headers():
    declared = build_binding.functions(build_binding.declarations(build_binding.Library()))
    symbols = set((SOURCES / "src" / "nns.symbols").read_text().split())
    assert declared == symbols - build_binding.LEFT_OUT.keys()


def test_every_constant_is_bound():
    names = set(build_binding.constants(build_binding.Library().preprocess("-dM")))
    assert {"NNS_STATE_OPEN", "NNS_PROTECT_SEAL", "NNS_PHASE_CLOSE"} <= names
    assert names <= set(dir(lib))


def test_the_version_is_the_librarys():
    assert libnns.__version__ == ffi.string(lib.nns_version_string()).decode()
    assert (SOURCES / "python" / "VERSION").read_text().strip() == libnns.__version__


def test_every_result_has_an_exception():
    for name in dir(lib):
        if name.startswith("NNS_ERR_"):
            error = libnns._errors.error_of(getattr(lib, name))
            assert isinstance(error, libnns.NegotiateError) and error.name == name


def test_every_public_name_says_what_it_is():
    for name in libnns.__all__:
        thing = getattr(libnns, name)
        assert thing.__doc__, name
        for attribute, value in vars(thing).items():
            if not attribute.startswith("_") and callable(value):
                assert value.__doc__, f"{name}.{attribute}"
