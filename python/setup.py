# SPDX-License-Identifier: MIT
"""The one part of the package that pyproject.toml cannot say: it has a binding to compile."""

from setuptools import setup  # type: ignore[import]

setup(cffi_modules=["build_binding.py:builder"])
