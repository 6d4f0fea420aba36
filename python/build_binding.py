# SPDX-License-Identifier: MIT
"""Makes libnns._binding, the package's door to the C library, from the library's own headers.

Nothing of the C API is written down here a second time: the declarations are what the compiler's
preprocessor leaves of <nns/nns.h>, and the constants are its macros. So the binding cannot differ
from the headers, and the C compiler checks it once more against them.

Which library:
    NNS_BUILD_DIR   a build folder of the sources around this one, or of those in NNS_SOURCE_DIR:
                    its library is used where it lies. Absolute, for pip works elsewhere
    otherwise       the installed one, as pkg-config finds it (PKG_CONFIG_PATH, for another prefix)
"""

import os
import re
import shlex
import subprocess
import sysconfig
import tempfile
from pathlib import Path

import cffi  # type: ignore[import]

HERE = Path(__file__).resolve().parent

# Public functions that the binding leaves out, and why.
LEFT_OUT = {
    "nns_config_set_gss_cred": "nns/gss.h needs the headers of GSSAPI; Python has no handles of it",
    "nns_engine_take_delegated_cred": "likewise: nns_engine_store_delegated() writes a cache",
    "nns_engine_gss_context": "likewise",
}

# What the library calls back. It happens on its own threads; arg is a key, never a pointer, since
# a mechanism call may outlive every Python object that it came from.
CALLBACKS = """
extern "Python" int libnns_password(void *arg, char *buf, size_t size);
extern "Python" void libnns_trace(void *arg, const nns_engine *e, int outgoing, const void *data,
                                  size_t len);
"""


class Library:
    """Where the headers and the library are."""

    def __init__(self) -> None:
        build = os.environ.get("NNS_BUILD_DIR")
        if build:
            folder = Path(build).resolve()
            if not (folder / "include" / "nns" / "version.h").is_file():
                raise SystemExit(f"NNS_BUILD_DIR: {folder} is not a build of libnns")
            source = Path(os.environ.get("NNS_SOURCE_DIR", HERE.parent)).resolve()
            self.include_dirs = [str(source / "include"), str(folder / "include")]
            self.library_dirs = [str(folder / "src")]
        else:
            self.include_dirs = self._ask("--cflags-only-I", "-I")
            self.library_dirs = self._ask("--libs-only-L", "-L")

    @staticmethod
    def _ask(option: str, prefix: str) -> list[str]:
        """The folders that pkg-config names; none where they are the system's own."""
        command = [os.environ.get("PKG_CONFIG", "pkg-config"), option, "nns"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(
                "libnns is not installed for development: pkg-config does not find nns "
                f"(or set NNS_BUILD_DIR)\n{done.stderr}"
            )
        return [word.removeprefix(prefix) for word in shlex.split(done.stdout)]

    def preprocess(self, *options: str) -> str:
        """What the preprocessor makes of <nns/nns.h>, with the system's headers left empty."""
        compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
        with tempfile.TemporaryDirectory() as empty:
            for name in ("stddef.h", "stdint.h"):
                (Path(empty) / name).touch()
            # Without __GNUC__ the headers have no attributes, with NNS_STATIC no visibility.
            argv = [*compiler, "-E", "-P", "-nostdinc", "-U__GNUC__", "-DNNS_STATIC=", *options]
            argv += [f"-I{folder}" for folder in [empty, *self.include_dirs, "/usr/include"]]
            done = subprocess.run(
                [*argv, "-x", "c", "-"],
                input="#include <nns/nns.h>\n",
                capture_output=True,
                text=True,
                check=True,
            )
        return done.stdout


def constants(macros: str) -> list[str]:
    """The names of the macros that are numbers."""
    named = re.findall(r"^#define (NNS_\w+) (.+)$", macros, re.M)
    number = re.compile(r"[\s()|<u\d+x-]|NNS_\w+")
    return sorted(name for name, value in named if not number.sub("", value))


def functions(declarations: str) -> set[str]:
    """The names of the functions that are declared."""
    return set(re.findall(r"\b(nns_\w+)\([^;]*\)\s*;", declarations))


def declarations(library: Library) -> str:
    """The C API in the words that cffi understands."""
    text = library.preprocess()
    names = constants(library.preprocess("-dM"))
    return text + "".join(f"#define {name} ...\n" for name in names)


def builder() -> cffi.FFI:
    """What setup.py names: makes libnns._binding."""
    library = Library()
    ours = [(HERE / name).read_text() for name in ("waits.h", "joined.h")]
    ffi = cffi.FFI()
    ffi.cdef(declarations(library))
    for header in ours:
        ffi.cdef(header.partition("/* cdef */")[2].partition("/* end */")[0])
    ffi.cdef(CALLBACKS)
    ffi.set_source(
        "libnns._binding",
        "\n".join(ours),
        libraries=["nns"],
        include_dirs=library.include_dirs,
        library_dirs=library.library_dirs,
        runtime_library_dirs=library.library_dirs,
    )
    return ffi
