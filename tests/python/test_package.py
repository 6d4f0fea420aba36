# SPDX-License-Identifier: MIT
"""The package as it is given away: an sdist, and from it a wheel against the installed library, which
pkg-config finds. Nothing comes from an index."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

SOURCES = Path(os.environ["NNS_SOURCE_DIR"])
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir", "-q"]
OFFLINE = ["--no-index", "--no-deps", "--no-build-isolation"]


def run(*argv, cwd, **changes):
    env = {k: v for k, v in os.environ.items() if k not in ("NNS_BUILD_DIR", "NNS_SOURCE_DIR")}
    env.pop("PYTHONWARNINGS", None)
    done = subprocess.run(
        list(map(str, argv)),
        cwd=cwd,
        env=env | changes,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """Where the library is installed."""
    folder = tmp_path_factory.mktemp("prefix")
    cmake = shutil.which("cmake")
    run(cmake, "--install", os.environ["NNS_BUILD_DIR"], "--prefix", folder, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """The archive of the sources."""
    folder = tmp_path_factory.mktemp("sdist")
    shutil.copytree(
        SOURCES / "python",
        folder / "python",
        ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"),
    )
    library = {name: os.environ[name] for name in ("NNS_BUILD_DIR", "NNS_SOURCE_DIR")}
    make = "import setuptools.build_meta as b; b.build_sdist('..')"
    run(sys.executable, "-c", make, cwd=folder / "python", **library)
    (archive,) = folder.glob("*.tar.gz")
    return archive


@pytest.fixture(scope="module")
def wheel(tmp_path_factory, prefix, sdist):
    """The wheel, made of the sdist alone."""
    folder = tmp_path_factory.mktemp("wheel")
    (pc,) = prefix.rglob("nns.pc")
    run(*PIP, "wheel", *OFFLINE, sdist, cwd=folder, PKG_CONFIG_PATH=str(pc.parent))
    (archive,) = folder.glob("*.whl")
    return archive


def test_sdist_has_what_builds_it(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    here = {path.name for path in (SOURCES / "python" / "libnns").glob("*.py*") if path.is_file()}
    assert {f"libnns/{name}" for name in here} | {"libnns/py.typed"} <= names
    assert {"build_binding.py", "waits.h", "joined.h"} <= names
    assert {"VERSION", "setup.py", "pyproject.toml"} <= names


def test_wheel_has_what_runs_it(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "libnns/py.typed" in names and "libnns/_binding.pyi" in names
    assert [name for name in names if name.startswith("libnns/_binding.") and ".so" in name]
    assert not [name for name in names if not name.startswith(("libnns/", "libnns-"))]


def test_the_licence_goes_with_both(sdist, wheel):
    text = (SOURCES / "LICENSE").read_bytes()
    with tarfile.open(sdist) as archive:
        (member,) = [m for m in archive.getmembers() if m.name.endswith("/LICENSE")]
        assert archive.extractfile(member).read() == text
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/LICENSE")]
        assert archive.read(name) == text


def test_wheel_installs_and_runs(wheel, prefix, tmp_path):
    run(sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", tmp_path, cwd="/")
    python = tmp_path / "bin" / "python"
    (site,) = tmp_path.glob("lib/python*/site-packages")
    run(*PIP, "install", *OFFLINE, "--target", site, wheel, cwd="/")
    where = "import libnns; print(libnns.__file__, libnns.__version__)"
    file, version = run(python, "-c", where, cwd="/").split()
    assert Path(file).is_relative_to(tmp_path)
    assert version == (SOURCES / "python" / "VERSION").read_text().strip()
    mapped = "import libnns; print(open('/proc/self/maps').read())"
    assert str(prefix) in run(python, "-c", mapped, cwd="/")


def test_without_a_library_it_says_so(sdist, tmp_path):
    with pytest.raises(AssertionError, match="libnns is not installed for development"):
        run(*PIP, "wheel", *OFFLINE, sdist, cwd=tmp_path, PKG_CONFIG_LIBDIR=str(tmp_path))
