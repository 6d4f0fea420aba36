# SPDX-License-Identifier: MIT
"""What a figure depends on: the processor, the system, and the libraries that do the work."""

import datetime
import os
import platform
import re
import subprocess
from pathlib import Path

FLAGS = re.compile(r"aes|sha_ni|avx2|avx512\w*|vaes|pclmulqdq|vpclmulqdq")  # of the cipher work


def first_line(*argv):
    """What a program says first; None where there is none."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip().split("\n")[0] or None


def processor():
    """The model, and those of its flags that matter."""
    text = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    flags = re.search(r"^flags\s*: (.*)$", text, re.MULTILINE)
    names = flags[1].split() if flags else []
    return model and model[1], " ".join(sorted(filter(FLAGS.fullmatch, names)))


def multi_buffer():
    """The version of libipsec-mb, from its header."""
    header = Path("/usr/include/intel-ipsec-mb.h")
    found = header.is_file() and re.search(r'IMB_VERSION_STR "([^"]+)"', header.read_text())
    return found[1] if found else None


def commit():
    root = Path(__file__).resolve().parent.parent
    return first_line("git", "-C", str(root), "describe", "--always", "--dirty")


def conditions(dotnet):
    """Names and values, in the order of the table. dotnet: the command line of the .NET program,
    or None."""
    import json

    model, flags = processor()
    about = first_line(*dotnet, "about") if dotnet else None
    found = {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
        "processor": f"{model}, {os.cpu_count()} processors",
        "its flags": flags,
        "kernel": f"{platform.system()} {platform.release()}",
        "load before": f"{os.getloadavg()[0]:.2f}",
        "compiler": first_line(os.environ.get("CC", "cc"), "--version"),
        "OpenSSL": first_line("openssl", "version"),
        "libipsec-mb": multi_buffer(),
        "MIT krb5": first_line("pkg-config", "--modversion", "mit-krb5"),
        ".NET": about and json.loads(about)["framework"],
    }
    return {name: value or "not there" for name, value in found.items()}
