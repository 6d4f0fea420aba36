# SPDX-License-Identifier: MIT
"""The manual is true: every exported function on one page, as its header declares it; the command's
options and exit statuses as --help has them; the examples compile, and the whole programs run.

An example stands behind a comment line `; example: NAME.c` (or `; example: shell`). One with main()
is a whole program and needs a test below, in Programs.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

import manual  # noqa: E402
from processes import DEADLINE, NnsTest, environment  # noqa: E402


def prototypes(text):
    """{function: declaration in one line} of what declares nns_ functions."""
    found = {}
    text = re.sub(r"/\*.*?\*/|^\s*#.*?$", " ", text, flags=re.S | re.M).replace("}", ";")
    for statement in text.split(";"):
        statement = re.sub(r"\b(NNS_API|NNS_MUST_CHECK)\b", "", statement)
        statement = re.sub(r'extern "C" \{', "", statement)
        statement = " ".join(statement.split())
        match = re.match(r"[^()]*?\b(nns_\w+) ?\(.*\)$", statement)
        if match and not statement.startswith("typedef"):
            found[match[1]] = statement
    return found


class Reference(unittest.TestCase):
    maxDiff = None

    def test_every_function_is_on_one_page(self):
        symbols = [name for path in ("src/nns.symbols", "src/nmf/nmf.symbols")
                   for name in (manual.source_folder() / path).read_text().split()]
        named = [name for page, text in manual.pages().items() if page.endswith(".3")
                 for name in manual.names(text)]
        self.assertEqual(sorted(named), sorted(symbols))

    def test_synopsis_is_what_the_headers_declare(self):
        headers = (manual.source_folder() / "include/nns").glob("*.h")
        declared = prototypes("\n".join(path.read_text() for path in headers))
        for page, text in manual.pages().items():
            if not page.endswith(".3"):
                continue
            with self.subTest(page):
                shown = prototypes(manual.blocks(manual.section(text, "SYNOPSIS"))[0][1])
                self.assertEqual(sorted(shown), sorted(manual.names(text)))
                self.assertEqual(shown, {name: declared.get(name) for name in shown})

    def test_every_function_is_described(self):
        for page, text in manual.pages().items():
            if page.endswith(".3"):
                for name in manual.names(text):
                    self.assertIn(f"*{name}*()", manual.section(text, "DESCRIPTION"), page)

    def test_results_have_the_values_of_the_header(self):
        header = (manual.source_folder() / "include/nns/result.h").read_text()
        values = dict(re.findall(r"X\((NNS_\w+), (-\d+), ", header))
        page = manual.section(manual.pages()["nns_error.3"], "RESULTS")
        self.assertEqual(dict(re.findall(r"^\*(NNS_\w+)\* \((-\d+)\)$", page, re.M)), values)

    def test_limits_are_those_of_the_header(self):
        header = (manual.source_folder() / "include/nns/config.h").read_text()
        limits = set(re.findall(r"^ +(NNS_LIMIT_\w+) = ", header, re.M))
        page = manual.pages()["nns_config.3"]
        self.assertEqual(set(re.findall(r"^\*(NNS_LIMIT_\w+)\*", page, re.M)), limits)

    def test_limits_of_net_tcp_are_those_of_the_header(self):
        header = (manual.source_folder() / "include/nns/nmf.h").read_text()
        limits = set(re.findall(r"^ +(NNS_NMF_LIMIT_\w+) = ", header, re.M))
        page = manual.pages()["nns_nmf.3"]
        self.assertEqual(set(re.findall(r"^\*(NNS_NMF_LIMIT_\w+)\*", page, re.M)), limits)

    def test_pages_refer_to_pages_that_exist(self):
        pages = manual.pages()
        ours = {name for text in pages.values() for name in manual.names(text)}
        ours |= {page.rsplit(".", 1)[0] for page in pages}
        for page, text in pages.items():
            for name in re.findall(r"\*((?:lib)?nns\w*)\*\(\d?\)", text):
                self.assertIn(name, ours, page)


class Command(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.page = manual.pages()["nns.1"]
        self.help = manual.nns_help()

    def test_options_are_those_of_help(self):
        entries = re.findall(r"^(\*-.*)$", manual.section(self.page, "OPTIONS"), re.M)
        shown = [option for entry in entries for option in manual.long_options(entry)]
        self.assertEqual(sorted(shown), sorted(manual.long_options(self.help)))

    def test_text_and_examples_use_no_other_options(self):
        self.assertLessEqual(manual.long_options(self.page), manual.long_options(self.help))

    def test_commands_are_those_of_help(self):
        shown = set(re.findall(r"\*nns\* \*([a-z]+)\*", manual.section(self.page, "SYNOPSIS")))
        self.assertEqual(shown, manual.commands(self.help))
        described = set(re.findall(r"^\*([a-z]+)\*$", manual.section(self.page, "DESCRIPTION"), re.M))
        self.assertEqual(described, shown)

    def test_exit_statuses_are_those_of_help(self):
        listed = re.search(r"^Exit status: (.*)\Z", self.help, re.S | re.M)[1]
        shown = re.findall(r"^\*(\d+)\*$", manual.section(self.page, "EXIT STATUS"), re.M)
        self.assertEqual(shown, re.findall(r"\b(\d+) [a-z]", listed))


ENVELOPE = """\
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing">
  <s:Header>
    <a:Action s:mustUnderstand="1">http://tempuri.org/IEcho/Echo</a:Action>
    <a:MessageID>urn:uuid:34333231-3635-3837-3930-313233343536</a:MessageID>
    <a:ReplyTo>
      <a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address>
    </a:ReplyTo>
    <a:To s:mustUnderstand="1">net.tcp://localhost/echo</a:To>
  </s:Header>
  <s:Body>
    <Echo xmlns="http://tempuri.org/">
      <data>aGVsbG8=</data>
    </Echo>
  </s:Body>
</s:Envelope>
"""


class Programs(NnsTest):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.programs = {}
        for name, text in manual.examples().items():
            whole = "int main(" in text
            out = manual.compiled(cls.folder / name, text, whole)
            if whole:
                cls.programs[name] = out

    def run_program(self, name, *arguments, **more):
        return subprocess.run(
            [self.programs[name], *arguments],
            env=environment(),
            capture_output=True,
            timeout=DEADLINE,
            check=False,
            **more,
        )

    def test_every_whole_program_is_run(self):
        tested = {name.replace("test_run_", "") + ".c" for name in dir(self) if "test_run_" in name}
        self.assertEqual(set(self.programs), tested)

    def test_run_version(self):
        done = self.run_program("version.c")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, rb"^headers (\S+), library \1\n$")

    def test_run_ask(self):
        server = self.nns_listen()
        done = self.run_program("ask.c", "localhost", str(server.port), input=b"one\ntwo\n")
        self.assertEqual((done.returncode, done.stdout), (0, b"one\ntwo\n"), done.stderr)
        done = self.run_program("ask.c", "localhost", "1", input=b"")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"Connection refused", done.stderr)

    def serve_one(self, program):
        """Starts a thread that gives one connection to the program, as inetd does; its port, and
        the list that will hold how the program ended."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        ended = []

        def inetd():
            connection, _ = listener.accept()
            with connection:
                ended.append(self.run_program(program, stdin=connection.fileno()))

        thread = threading.Thread(target=inetd)
        thread.start()
        self.addCleanup(thread.join, DEADLINE)
        return listener.getsockname()[1], ended, thread

    def test_run_echo(self):
        data = bytes(range(256)) * 1000
        port, ended, thread = self.serve_one("echo.c")
        result = self.nns_connect(port, data=data)
        thread.join(DEADLINE)
        self.assertEqual((result.status, ended[0].returncode), (0, 0), ended[0].stderr)
        self.assertTrue(result.output == data)

    def test_run_call(self):
        via = "net.tcp://localhost/echo"
        trace = self.folder / "trace"
        server = self.nns_listen("--nettcp", via, "--trace-secrets", "--trace", str(trace))
        for path, status, said in ((via, 0, b""), (via + "/no", 1, b"EndpointNotFound")):
            with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
                client.settimeout(None)
                done = self.run_program("call.c", path, "host/localhost", "hello", stdin=client.fileno())
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertIn(said, done.stderr)
            self.assertEqual(b"hello" in done.stdout, status == 0)
        server.end()
        envelope = re.search(r"<< envelope, \d+ bytes\n((?: .*\n)+)", trace.read_text())[1]
        self.assertEqual(textwrap.dedent(envelope), ENVELOPE)

    def test_echo_with_a_peer_that_speaks_http(self):
        port, ended, thread = self.serve_one("echo.c")
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            while client.recv(1000):
                pass
        thread.join(DEADLINE)
        self.assertEqual(ended[0].returncode, 1)
        self.assertIn(b"HTTP", ended[0].stderr)



if __name__ == "__main__":
    unittest.main(verbosity=2)
