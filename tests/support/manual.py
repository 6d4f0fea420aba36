# SPDX-License-Identifier: MIT
"""Reads the manual's sources (man/*.scd) and what `nns --help` says."""

import os
import re
import shlex
import subprocess
from pathlib import Path


def source_folder():
    return Path(os.environ["NNS_SOURCE_DIR"])


def pages():
    """The pages by name: {"nns_stream.3": text}."""
    found = sorted((source_folder() / "man").glob("*.scd"))
    return {path.name[: -len(".scd")]: path.read_text() for path in found}


def section(text, title):
    """What stands below `# TITLE`, up to the next one; "" if there is none."""
    match = re.search(rf"^# {re.escape(title)}\n(.*?)(?=^# |\Z)", text, re.S | re.M)
    return match[1] if match else ""


def blocks(text):
    """The literal blocks, each as (the comment line before it or "", the text as it is shown)."""
    found = re.findall(r"(?:^; ([^\n]*)\n)?^```\n(.*?)^```$", text, re.S | re.M)
    return [(comment, re.sub(r"\\(.)", r"\1", body)) for comment, body in found]


def examples():
    """{NAME.c: program text} of every page."""
    found = {}
    for page, text in pages().items():
        for comment, body in blocks(section(text, "EXAMPLES")):
            kind = re.fullmatch(r"example: (\S+)", comment)
            if kind is not None and kind[1] == "shell":
                continue
            if kind is None or kind[1] in found:
                raise AssertionError(f"{page}: an example without a name of its own: {body[:60]}")
            found[kind[1]] = body
    return found


def compiled(source, text, whole=True):
    """Writes a program to the path and compiles it; what came of it, linked if it is whole."""
    before, _, after = os.environ["NNS_CC"].partition(" -- ")
    source.write_text(text)
    out = str(source.with_suffix(""))
    more = [*shlex.split(after)] if whole else ["-c"]
    argv = [*shlex.split(before), str(source), "-o", out, *more]
    subprocess.run(argv, check=True, timeout=60)
    return out


def names(text):
    """What a page says it is about, in its NAME section."""
    return [name.strip() for name in section(text, "NAME").split(" - ")[0].split(",")]


def nns_help():
    done = subprocess.run(
        [os.environ["NNS"], "--help"], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def long_options(text):
    """Every --option that stands anywhere in a text."""
    return set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*[a-z0-9]", text))


def commands(text):
    """The commands that the usage lines of --help name."""
    usage = text.split("\n\n")[0]
    return set(re.findall(r"\bnns ([a-z]+)\b", usage))
