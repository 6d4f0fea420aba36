# SPDX-License-Identifier: MIT
"""What is installed, and programs that use it: by pkg-config, find_package and add_subdirectory, in C
and C++, shared and static, also after the folder was moved.

From outside, besides what processes.py needs: NNS_PREFIX (where it is installed), NNS_LIBDIR,
NNS_SOURCE_DIR, NNS_BINARY_DIR, NNS_SANITIZE_FLAG, NNS_HAS_MANUAL, CMAKE, CMAKE_GENERATOR, CC, CXX.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from processes import NnsTest, environment  # noqa: E402

DEADLINE = 240
CONSUMER = Path(__file__).resolve().parent / "consumer"
SOURCES = {"c": "client.c", "cxx": "client.cc"}
STANDARDS = {"c": "-std=c99", "cxx": "-std=c++11"}
SANITIZE = shlex.split(os.environ["NNS_SANITIZE_FLAG"])
LIBDIR = os.environ["NNS_LIBDIR"]


def run(argv, **changes):
    env = {**os.environ, **changes}
    for name in ("MAKEFLAGS", "DESTDIR", "CFLAGS", "CXXFLAGS", "LDFLAGS"):
        env.pop(name, None)
    done = subprocess.run(
        argv, env=env, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    if done.returncode != 0:
        raise AssertionError(f"{shlex.join(map(str, argv))}:\n{done.stdout}{done.stderr}")
    return done.stdout


def pkg_config(prefix, *options):
    folder = str(Path(prefix) / LIBDIR / "pkgconfig")
    path = os.pathsep.join(filter(None, [folder, os.environ.get("PKG_CONFIG_PATH")]))
    return shlex.split(run(["pkg-config", *options, "nns"], PKG_CONFIG_PATH=path))


def needs_libnns(program):
    return "libnns.so.0" in run(["readelf", "-d", program])


class Installed(NnsTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.prefix = Path(os.environ["NNS_PREFIX"])

    def library_path(self):
        return {"LD_LIBRARY_PATH": str(self.prefix / LIBDIR)}

    def assert_version(self, program):
        self.assertRegex(run([program]), r"^\d+\.\d+\.\d+\n$")

    def assert_talks(self, program):
        """The program says hello to the installed command, and gets it back."""
        server = self.nns_listen(**self.library_path())
        done = subprocess.run(
            [program, "localhost", str(server.port)],
            env=environment(**self.library_path()),
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        self.assertEqual((done.returncode, done.stdout), (0, "hello\n"), done.stderr)


class Files(Installed):
    def test_what_is_there(self):
        found = {str(path.relative_to(self.prefix)) for path in self.prefix.rglob("*")}
        headers = (Path(os.environ["NNS_SOURCE_DIR"]) / "include/nns").glob("*.h")
        expected = {f"include/nns/{path.name}" for path in headers}
        expected |= {"include/nns/version.h", "bin/nns", f"{LIBDIR}/pkgconfig/nns.pc"}
        expected |= {f"{LIBDIR}/{name}" for name in ("libnns.so", "libnns.so.0", "libnns.a")}
        expected |= {f"{LIBDIR}/pkgconfig/nns-nmf.pc"}
        expected |= {f"{LIBDIR}/libnns-nmf{end}" for end in (".so", ".so.0", ".a")}
        expected |= {f"{LIBDIR}/cmake/nns/{name}.cmake" for name in ("nnsConfig", "nnsTargets")}
        if os.environ["NNS_HAS_MANUAL"] == "1":
            expected |= {"share/man/man1/nns.1", "share/man/man7/libnns.7"}
            expected |= {f"share/man/man3/{name}.3" for name in ("nns_stream", "nns_stream_read")}
        self.assertLessEqual(expected, found)
        self.assertEqual({p.name for p in (self.prefix / "include/nns").iterdir()},
                         {Path(p).name for p in expected if p.startswith("include")})

    def test_nothing_knows_where_it_was_made(self):
        places = [os.environ["NNS_SOURCE_DIR"], os.environ["NNS_BINARY_DIR"]]
        for path in self.prefix.rglob("*"):
            if path.is_file() and path.suffix in (".pc", ".cmake", ".h", ".3", ".1", ""):
                if not path.read_bytes().startswith(b"\x7fELF"):
                    text = path.read_text()
                    self.assertFalse([place for place in places if place in text], path)

    def test_staging_folder(self):
        """DESTDIR puts the same files elsewhere."""
        build = os.environ["NNS_BINARY_DIR"]
        subprocess.run(
            [os.environ["CMAKE"], "--install", build, "--prefix", "/opt/nns"],
            env={**os.environ, "DESTDIR": str(self.folder)},
            stdout=subprocess.DEVNULL,
            timeout=DEADLINE,
            check=True,
        )
        staged = self.folder / "opt/nns"
        self.assertEqual({str(p.relative_to(staged)) for p in staged.rglob("*")},
                         {str(p.relative_to(self.prefix)) for p in self.prefix.rglob("*")})


class PkgConfig(Installed):
    def compile(self, language, libraries, prefix=None):
        prefix = prefix or self.prefix
        program = self.folder / "program"
        flags = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", STANDARDS[language], *SANITIZE]
        compiler = os.environ["CC" if language == "c" else "CXX"]
        flags += pkg_config(prefix, "--cflags")
        run([compiler, *flags, CONSUMER / SOURCES[language], "-o", program, *libraries])
        return program

    def test_shared(self):
        for language in SOURCES:
            with self.subTest(language):
                program = self.compile(language, pkg_config(self.prefix, "--libs"))
                self.assertTrue(needs_libnns(program))
                self.assert_talks(program)

    def test_static(self):
        libraries = pkg_config(self.prefix, "--static", "--libs")
        at = libraries.index("-lnns")
        libraries[at : at + 1] = ["-Wl,-Bstatic", "-lnns", "-Wl,-Bdynamic"]
        for language in SOURCES:
            with self.subTest(language):
                program = self.compile(language, libraries)
                self.assertFalse(needs_libnns(program))
                self.assert_talks(program)

    def test_after_a_move(self):
        moved = self.folder / "moved"
        shutil.copytree(self.prefix, moved, symlinks=True)
        program = self.compile("c", pkg_config(moved, "--libs"), moved)
        include = [flag for flag in pkg_config(moved, "--cflags") if "moved" in flag]
        self.assertTrue(include)
        self.assertNotIn(str(self.prefix), " ".join(pkg_config(moved, "--cflags", "--libs")))
        self.assertTrue(needs_libnns(program))


class CMake(Installed):
    def configure(self, *options):
        argv = [os.environ["CMAKE"], "-S", CONSUMER, "-B", self.folder / "build"]
        run([*argv, "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", *options])

    def build(self):
        """Builds the consumer; the folder with its programs."""
        run([os.environ["CMAKE"], "--build", self.folder / "build", "--parallel", "2"])
        return self.folder / "build"

    def configure_installed(self, prefix, *options):
        flags = [f"-DCMAKE_{name}_FLAGS={' '.join(SANITIZE)}" for name in ("C", "CXX")]
        self.configure(f"-DCMAKE_PREFIX_PATH={prefix}", *flags, *options)

    def assert_programs(self, programs, check):
        for language in SOURCES:
            for library, shared in (("nns", True), ("nns_static", False)):
                with self.subTest(language=language, library=library):
                    program = programs / f"{language}_{library}"
                    self.assertEqual(needs_libnns(program), shared)
                    check(program)

    def test_find_package(self):
        self.configure_installed(self.prefix)
        self.assert_programs(self.build(), self.assert_talks)

    def test_find_package_after_a_move(self):
        moved = self.folder / "moved"
        shutil.copytree(self.prefix, moved, symlinks=True)
        self.configure_installed(moved)
        commands = (self.folder / "build/compile_commands.json").read_text()
        self.assertIn(str(moved / "include"), commands)
        self.assertNotIn(str(self.prefix), commands)

    def test_find_package_refuses_another_version(self):
        version = self.folder / "version"
        version.mkdir()
        (version / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.16)\nproject(v C)\nfind_package(nns 1.0 REQUIRED)\n"
        )
        argv = [os.environ["CMAKE"], "-S", version, "-B", version / "build"]
        with self.assertRaisesRegex(AssertionError, 'requested\\s+version "1.0"'):
            run([*argv, f"-DCMAKE_PREFIX_PATH={self.prefix}"])

    def test_add_subdirectory(self):
        self.configure(f"-DNNS_SOURCE={os.environ['NNS_SOURCE_DIR']}")
        self.assert_programs(self.build(), self.assert_version)
        commands = json.loads((self.folder / "build/compile_commands.json").read_text())
        mine = [entry["command"] for entry in commands if str(CONSUMER) in entry["file"]]
        self.assertEqual(len(mine), 4)
        for command in mine:
            self.assertNotIn("-Wconversion", command)
            self.assertNotIn("_GNU_SOURCE", command)
            self.assertNotIn("-fstack-protector", command)


if __name__ == "__main__":
    unittest.main(verbosity=2)
