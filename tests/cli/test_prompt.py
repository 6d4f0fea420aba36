# SPDX-License-Identifier: MIT
"""--user alone: the password is asked for on the terminal, which is as before afterwards."""

import fcntl
import os
import select
import signal
import subprocess
import sys
import termios
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from processes import DEADLINE, NnsTest, environment, realm, tied_to_us  # noqa: E402

USAGE, AUTHENTICATION = 2, 6
PROMPT = b"Password for alice@NNS.TEST: "


class Terminal:
    """A pseudo terminal and a command that has it as its controlling one."""

    def __init__(self, test, argv, **env):
        self.master, self.slave = os.openpty()
        test.addCleanup(os.close, self.master)
        test.addCleanup(os.close, self.slave)
        self.before = termios.tcgetattr(self.slave)
        self.shown = b""
        self.process = subprocess.Popen(
            argv,
            env=environment(**env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=self._take,
        )
        test.addCleanup(self._end)

    def _take(self):
        os.setsid()
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

    def _end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def until(self, text):
        """Reads what the terminal shows until the text was in it."""
        while text not in self.shown:
            ready, _, _ = select.select([self.master], [], [], DEADLINE)
            if not ready:
                raise AssertionError(f"only {self.shown!r}")
            self.shown += os.read(self.master, 4096)
        self.shown = self.shown.split(text, 1)[1]

    def type(self, text):
        os.write(self.master, text)

    def wait(self):
        """(exit status, output, errors) of the command."""
        output, errors = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, output, errors.decode()

    def rest(self):
        """What else the terminal shows."""
        while select.select([self.master], [], [], 0)[0]:
            self.shown += os.read(self.master, 4096)
        return self.shown

    def settings(self):
        return termios.tcgetattr(self.slave)

    def echoes(self):
        return bool(self.settings()[3] & termios.ECHO)


class Prompt(NnsTest):
    def ask(self, port):
        """`nns connect --user` on a terminal, which has asked for the password."""
        argv = tied_to_us(self.connect_command(port, "--user", "alice@NNS.TEST"))
        terminal = Terminal(self, argv, KRB5CCNAME="FILE:" + realm("no-such.ccache"))
        terminal.until(PROMPT)
        self.assertFalse(terminal.echoes())
        return terminal

    def assert_as_before(self, terminal):
        self.assertEqual(terminal.settings(), terminal.before)

    def password(self, user):
        return Path(realm(f"{user}.password")).read_bytes().split(b"\n")[0]

    def test_password_that_is_typed_logs_in_and_is_not_shown(self):
        server = self.nns_listen()
        terminal = self.ask(server.port)
        terminal.type(self.password("alice") + b"\n")
        status, _, errors = terminal.wait()
        self.assertEqual(status, 0, errors)
        self.assertIn("connected to host/localhost@NNS.TEST", errors)
        self.assertEqual(terminal.rest(), b"\r\n")
        self.assert_as_before(terminal)

    def test_wrong_password(self):
        server = self.nns_listen()
        terminal = self.ask(server.port)
        terminal.type(self.password("bob") + b"\n")
        status, _, errors = terminal.wait()
        self.assertEqual(status, AUTHENTICATION, errors)
        self.assert_as_before(terminal)

    def test_nothing_typed(self):
        for typed in (b"\n", b"\x04"):
            with self.subTest(typed):
                terminal = self.ask(1)
                terminal.type(typed)
                status, _, errors = terminal.wait()
                self.assertEqual((status, errors), (USAGE, "nns: --user: no password was typed\n"))
                self.assert_as_before(terminal)

    def test_password_that_is_too_long(self):
        terminal = self.ask(1)
        terminal.type(b"x" * 2000 + b"\n")
        status, _, errors = terminal.wait()
        self.assertEqual((status, errors), (USAGE, "nns: --user: the password is too long\n"))
        self.assert_as_before(terminal)

    def test_signals_end_it_with_the_terminal_as_before(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            with self.subTest(number):
                terminal = self.ask(1)
                terminal.process.send_signal(number)
                status, _, errors = terminal.wait()
                self.assertEqual((status, errors), (-number, ""))
                self.assert_as_before(terminal)

    def test_interrupt_key(self):
        terminal = self.ask(1)
        terminal.type(b"secr\x03")
        self.assertEqual(terminal.wait()[0], -signal.SIGINT)
        self.assert_as_before(terminal)
        self.assertNotIn(b"secr", terminal.rest())

    def test_stop_restores_the_terminal_and_asks_again_afterwards(self):
        server = self.nns_listen()
        command = " ".join(self.connect_command(server.port, "--user", "alice@NNS.TEST"))
        # A process group of its own below a shell: an orphaned one would not be stopped.
        argv = tied_to_us([sys.executable, "-c", SHELL, command])
        terminal = Terminal(self, argv, KRB5CCNAME="FILE:" + realm("no-such.ccache"))
        terminal.until(PROMPT)
        terminal.type(b"\x1a")
        terminal.until(b"stopped, echo True")
        terminal.type(b"go on\n")
        terminal.until(PROMPT)
        self.assertFalse(terminal.echoes())
        terminal.type(self.password("alice") + b"\n")
        status, _, errors = terminal.wait()
        self.assertEqual(status, 0, errors)
        self.assert_as_before(terminal)

    def test_no_terminal(self):
        done = subprocess.run(
            tied_to_us(self.connect_command(1, "--user", "alice@NNS.TEST")),
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            start_new_session=True,
            timeout=DEADLINE,
            check=False,
        )
        self.assertEqual(done.returncode, USAGE)
        self.assertRegex(done.stderr, b"^nns: --user: there is no terminal to ask .*--password-fi")


# Job control in small: runs a command in the foreground, says when it was stopped, and lets it go
# on after a line was typed.
SHELL = """
import os, shlex, signal, sys, termios
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
tty = os.open('/dev/tty', os.O_RDWR)
pid = os.fork()
if pid == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(tty, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    argv = shlex.split(sys.argv[1])
    os.execv(argv[0], argv)
_, status = os.waitpid(pid, os.WUNTRACED)
assert os.WIFSTOPPED(status), status
os.tcsetpgrp(tty, os.getpid())
echo = bool(termios.tcgetattr(tty)[3] & termios.ECHO)
os.write(tty, f'stopped, echo {echo}\\n'.encode())
os.read(tty, 100)
os.tcsetpgrp(tty, pid)
os.kill(pid, signal.SIGCONT)
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"""


if __name__ == "__main__":
    for name in ("NNS", "NNS_REALM_DIR"):
        if name not in os.environ:
            sys.exit(f"cli: {name} is not set")
    unittest.main(verbosity=2)
