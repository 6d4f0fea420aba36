# SPDX-License-Identifier: MIT
"""The programs in README.md: compiled as they stand there, and run against nns and each other.

Further from outside: NNS_CC (the compiler and its flags), NNS_SOURCE_DIR.
"""

import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from processes import DEADLINE, NnsTest, ccache, environment, realm  # noqa: E402


def example(name):
    """The program behind `<!-- example: NAME -->` in README.md."""
    text = (Path(os.environ["NNS_SOURCE_DIR"]) / "README.md").read_text()
    return re.search(rf"<!-- example: {re.escape(name)} -->\n```c\n(.*?)```", text, re.S)[1]


class Readme(NnsTest):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.programs = {}
        for name in ("client", "server", "loop"):
            source = Path(folder.name) / f"{name}.c"
            source.write_text(example(f"{name}.c"))
            program = str(source.with_suffix(""))
            before, _, after = os.environ["NNS_CC"].partition(" -- ")
            argv = [*shlex.split(before), str(source), "-o", program, *shlex.split(after)]
            subprocess.run(argv, check=True, timeout=DEADLINE)
            cls.programs[name] = program

    def run_program(self, name, *arguments, **more):
        keytab = {"KRB5_KTNAME": "FILE:" + realm("keytab")}
        return subprocess.run(
            [self.programs[name], *arguments],
            env=environment(**(keytab if name == "server" else ccache("alice.ccache"))),
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
            **more,
        )

    def test_client(self):
        server = self.nns_listen()
        done = self.run_program("client", "localhost", str(server.port))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, "host/localhost@NNS.TEST says: hello\n")

    def test_client_says_why_it_failed(self):
        done = self.run_program("client", "localhost", "1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("Connection refused", done.stderr)

    def test_usage_errors_have_no_error_object(self):
        for name, argument in (("server", "nobody"), ("loop", "")):
            done = self.run_program(name, argument, stdin=subprocess.DEVNULL)
            self.assertEqual((done.returncode, done.stderr), (1, "invalid argument\n"))
        for name in self.programs:
            done = self.run_program(name, stdin=subprocess.DEVNULL)
            self.assertEqual((done.returncode, done.stderr), (1, "invalid argument\n"))

    def test_loop(self):
        server = self.nns_listen()
        with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as connection:
            done = self.run_program("loop", "host/localhost", stdin=connection.fileno())
        self.assertEqual((done.returncode, done.stdout), (0, "hello\n"), done.stderr)

    def test_loop_says_why_it_failed(self):
        server = self.nns_listen()
        with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as connection:
            done = self.run_program("loop", "host/nosuch", stdin=connection.fileno())
        self.assertEqual(done.returncode, 1)
        self.assertIn("host/nosuch", done.stderr)

    def serve(self, pattern):
        """A client of the server that lets pattern in: what came of both."""
        served = []
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]

            def inetd():
                connection, _ = listener.accept()
                with connection:
                    served.append(self.run_program("server", pattern, stdin=connection.fileno()))

            thread = threading.Thread(target=inetd)
            thread.start()
            result = self.nns_connect(port, data=b"hello")
            thread.join(DEADLINE)
        return result, served[0]

    def test_server(self):
        result, done = self.serve("*@NNS.TEST")
        self.assertEqual((result.status, result.output), (0, b"hello"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_server_says_whom_it_refused(self):
        result, done = self.serve("bob@NNS.TEST")
        self.assertEqual((result.output, done.returncode), (b"", 1))
        self.assertIn("'alice@NNS.TEST' is not allowed to connect", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
