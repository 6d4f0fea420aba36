# SPDX-License-Identifier: MIT
"""Makes a folder of fuzzing seeds, one file each, from a text with one seed a line.

usage: make_seeds.py TEXT FOLDER

A line is made of words: bytes in hexadecimal (14010000), texts in double quotes with JSON's
escapes ("NTLMSSP\\u0000"), and repetitions (60*100). What follows # is a comment.
"""

import json
import re
import sys
from pathlib import Path

WORD = re.compile(r'\s*(?:(#.*)|("(?:[^"\\]|\\.)*")|([0-9a-fA-F]{2})\*(\d+)|((?:[0-9a-fA-F]{2})+))')


def seed(line):
    """The bytes of one line; None where it is only a comment."""
    data, at = b"", 0
    line = line.rstrip()
    while at < len(line):
        match = WORD.match(line, at)
        if not match:
            raise ValueError(f"not understood: {line[at:]!r}")
        comment, text, repeated, count, plain = match.groups()
        if text:
            data += json.loads(text).encode("latin-1")
        elif repeated:
            data += bytes.fromhex(repeated) * int(count)
        elif plain:
            data += bytes.fromhex(plain)
        at = match.end()
        if comment and at == len(comment):
            return None
    return data if line else None


def main():
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for number, line in enumerate(source.read_text().splitlines(), 1):
        data = seed(line)
        if data is not None:
            (folder / f"{number:03}").write_bytes(data)


main()
