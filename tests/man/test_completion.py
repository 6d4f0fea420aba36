# SPDX-License-Identifier: MIT
"""Each shell completes every command and every long option of `nns --help`. bash is run, fish too
where it is installed; zsh's file is read."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

import manual  # noqa: E402

DEADLINE = 60

# Prints what bash would offer for the words given, the last of which is being typed.
BASH = """
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
compopt() { :; } # works only while bash itself completes
_nns nns "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def run(argv, folder):
    done = subprocess.run(
        argv, cwd=folder, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    if done.returncode != 0 or done.stderr:
        raise AssertionError(f"{argv}: {done.stderr}")
    return {line for line in done.stdout.splitlines() if line}


class Shell:
    """What the shells have in common; offers() is theirs."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        (Path(self.folder) / "secret file").touch()
        self.file = manual.source_folder() / "completions" / self.name
        self.help = manual.nns_help()

    def test_commands(self):
        self.assertLessEqual(manual.commands(self.help), self.offers(""))

    def test_every_long_option(self):
        offered = self.offers("--")
        for command in manual.commands(self.help):
            offered |= self.offers(command, "--")
        offered = {word for word in offered if word.startswith("--")}
        self.assertEqual(offered, manual.long_options(self.help))

    def test_options_belong_to_a_command(self):
        self.assertNotIn("--echo", self.offers("connect", "--"))
        self.assertNotIn("--target", self.offers("listen", "--"))

    def test_values(self):
        self.assertEqual(self.offers("connect", "--protection", ""), {"encrypt", "sign", "none"})
        self.assertEqual(self.offers("listen", "--echo", "--protection", "e"), {"encrypt"})

    def test_files(self):
        self.assertIn("secret file", self.offers("listen", "--keytab", "secr"))
        self.assertIn("secret file", self.offers("connect", "--password-file", "secr"))


class Bash(Shell, unittest.TestCase):
    name = "nns.bash"

    def offers(self, *words):
        return run(["bash", "-c", BASH, "bash", str(self.file), "nns", *words], self.folder)

    def test_options_with_and_without_a_value(self):
        """After one that takes a value no option is offered; after another one there is."""
        entries = re.findall(r"^(\*-.*)$", manual.section(manual.pages()["nns.1"], "OPTIONS"), re.M)
        flags = {option for entry in entries if not re.sub(r"\*-[\w-]+\*[, ]*", "", entry)
                 for option in manual.long_options(entry)}
        for command in manual.commands(self.help):
            for option in self.offers(command, "--"):
                more = {word for word in self.offers(command, option, "--") if word[:2] == "--"}
                self.assertEqual(bool(more), option in flags, f"{command} {option}")

    def test_value_behind_an_equals_sign(self):
        self.assertEqual(self.offers("connect", "--protection", "=", "si"), {"sign"})
        self.assertEqual(
            self.offers("connect", "--protection", "="), {"encrypt", "sign", "none"}
        )

    def test_is_registered(self):
        done = run(["bash", "-c", 'source "$1"; complete -p nns', "bash", str(self.file)], ".")
        self.assertEqual(done, {"complete -F _nns nns"})


@unittest.skipUnless(shutil.which("fish"), "fish is not installed")
class Fish(Shell, unittest.TestCase):
    name = "nns.fish"

    def offers(self, *words):
        line = " ".join(["nns", *(shlex.quote(word) if word else "" for word in words)])
        script = "source $argv[1]; complete -C $argv[2]"
        environment = {"HOME": self.folder, "PATH": os.environ["PATH"]}
        argv = ["env", "-i", *(f"{k}={v}" for k, v in environment.items())]
        lines = run([*argv, "fish", "--no-config", "-c", script, str(self.file), line], self.folder)
        return {line.split("\t")[0].replace("\\ ", " ") for line in lines}


class Files(unittest.TestCase):
    """Of shells that may be missing: what stands in the file."""

    def text(self, name):
        return (manual.source_folder() / "completions" / name).read_text()

    def test_zsh(self):
        text = self.text("nns.zsh")
        self.assertEqual(manual.long_options(text), manual.long_options(manual.nns_help()))
        offered = set(re.findall(r"^    '([a-z]+):", text, re.M))
        self.assertEqual(offered, manual.commands(manual.nns_help()))
        handled = set(re.findall(r"^    ([a-z]+)\) _arguments", text, re.M))
        self.assertEqual(handled, offered)

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_zsh_syntax(self):
        run(["zsh", "-n", str(manual.source_folder() / "completions/nns.zsh")], ".")

    def test_fish(self):
        found = re.findall(r"^complete .* -l ([a-z-]+)", self.text("nns.fish"), re.M)
        options = {f"--{name}" for name in found}
        self.assertEqual(options, manual.long_options(manual.nns_help()))


if __name__ == "__main__":
    unittest.main(verbosity=2)
