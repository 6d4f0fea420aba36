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
        for name in ("client", "server"):
            source = Path(folder.name) / f"{name}.c"
            source.write_text(example(f"{name}.c"))
            program = str(source.with_suffix(""))
            before, _, after = os.environ["NNS_CC"].partition(" -- ")
            argv = [*shlex.split(before), str(source), "-o", program, *shlex.split(after)]
            subprocess.run(argv, check=True, timeout=DEADLINE)
            cls.programs[name] = program

    def test_client(self):
        server = self.nns_listen()
        done = subprocess.run(
            [self.programs["client"], "localhost", str(server.port)],
            env=environment(**ccache("alice.ccache")),
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, "host/localhost@NNS.TEST says: hello\n")

    def test_client_says_why_it_failed(self):
        done = subprocess.run(
            [self.programs["client"], "localhost", "1"],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn("Connection refused", done.stderr)

    def test_server(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            statuses = []

            def inetd():
                connection, _ = listener.accept()
                with connection:
                    done = subprocess.run(
                        [self.programs["server"]],
                        env=environment(KRB5_KTNAME="FILE:" + realm("keytab")),
                        stdin=connection.fileno(),
                        timeout=DEADLINE,
                        check=False,
                    )
                    statuses.append(done.returncode)

            thread = threading.Thread(target=inetd)
            thread.start()
            result = self.nns_connect(port, data=b"hello")
            thread.join(DEADLINE)
        self.assertEqual((result.status, result.output, statuses), (0, b"hello", [0]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
