# SPDX-License-Identifier: MIT
"""Starts the command nns and others, and reads what they say, always with a deadline.

What the tests need from outside:
    NNS             the nns command
    NNS_REALM_DIR   the folder made by `tests/realm/realm start`
    NNS_CLOCK       support/clock.c, compiled, for programs whose clock is off
    NNS_TEST_RECORD_ENGINE   if it is set, what makes the records of every nns: gss, krb5, or
                    krb5+mb, which is what --record-engine auto then has to come to
A process started here is ended by its id when its test ends, and by the kernel when this one dies.
"""

import hashlib
import json
import os
import queue
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

DEADLINE = 60  # seconds; only a hang ever waits that long
SKIP = 77
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:")
NO_WAIT = "atexit_sleep_ms=0"  # of ThreadSanitizer, which would wait a second at every exit

OPEN = object()  # as a command's input: a pipe to which nothing is written and that stays open


def realm(name):
    """A file of the realm."""
    return os.path.join(os.environ["NNS_REALM_DIR"], name)


def environment(**changes):
    """The caller's, with the realm's variables in place of all others of Kerberos and NTLM."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("KRB5", "NTLM_"))}
    for line in Path(realm("env.list")).read_text().splitlines():
        name, value = line.split("=", 1)
        env[name] = value
    env.update(leaks("lsan.supp"))
    env["TSAN_OPTIONS"] = NO_WAIT
    env.update(DOTNET_NOLOGO="1", DOTNET_CLI_TELEMETRY_OPTOUT="1", DOTNET_EnableDiagnostics="0")
    env.update(changes)
    return env


def ccache(name):
    """The environment change that selects a credential cache of the realm (or none, if missing)."""
    return {"KRB5CCNAME": "FILE:" + realm(name)}


def credentials(options, env):
    """The options that give `nns` the ticket of alice, unless the test says otherwise: the command
    has to work without a variable of Kerberos but KRB5_CONFIG (scripts/test-as-user)."""
    if {"--ccache", "--user", "--client-keytab"} & set(options) or "KRB5CCNAME" in env:
        return []
    return ["--ccache", ccache("alice.ccache")["KRB5CCNAME"]]


def engine_to_set():
    """The record engine that this run sets."""
    name = os.environ.get("NNS_TEST_RECORD_ENGINE", "auto")
    return "auto" if name == "krb5+mb" else name


def record_engine():
    """The options that choose what makes the records."""
    return ["--record-engine", engine_to_set()]


def kerberos_engine():
    """A pattern of the engine that a Kerberos connection then has."""
    name = os.environ.get("NNS_TEST_RECORD_ENGINE", "auto")
    return r"^krb5(\+mb|\+ni)?$" if name == "auto" else f"^{re.escape(name)}$"


NO_TICKET = "no-such.ccache"


def content(size):
    """Bytes that do not repeat, the same in every run."""
    return random.Random(size).randbytes(size)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def tied_to_us(argv):
    """The kernel ends the process when we die, so that a killed test leaves nothing behind."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *argv] if setpriv else argv


def off_clock(seconds):
    """The environment change by which a program sees a clock that is off; its deadlines do not."""
    if not seconds:
        return {}
    return {
        "LD_PRELOAD": os.environ["NNS_CLOCK"],
        "NNS_CLOCK_OFF": str(seconds),
        "ASAN_OPTIONS": "verify_asan_link_order=0",  # which is second then
        "TSAN_OPTIONS": f"{NO_WAIT}:suppressions={support('faketime.supp')}",
    }


def support(name):
    """A file beside this one."""
    return Path(__file__).resolve().parent / name


def leaks(name):
    """The environment change that has LeakSanitizer overlook what the file names."""
    return {"LSAN_OPTIONS": f"suppressions={support(name)}:print_suppressions=0"}


def ntlm_account():
    """The environment change that gives the process NTLM's accounts: NNS\\alice."""
    return {"NTLM_USER_FILE": realm("ntlm.users"), **leaks("ntlm-leaks.supp")}


def changed_conf(test, pattern, text):
    """The environment change to a krb5.conf of the realm with one line changed."""
    folder = tempfile.TemporaryDirectory()
    test.addCleanup(folder.cleanup)
    conf = Path(folder.name) / "krb5.conf"
    conf.write_text(re.sub(pattern, text, Path(realm("krb5.conf")).read_text()))
    return {"KRB5_CONFIG": str(conf)}


def unreachable_kdc(test):
    """The environment change that sends Kerberos to a port where nobody listens."""
    closed = socket.socket()
    test.addCleanup(closed.close)
    closed.bind(("127.0.0.1", 0))
    return changed_conf(test, r"kdc = \S+", f"kdc = 127.0.0.1:{closed.getsockname()[1]}")


class Lines:
    """The lines of a stream, read by a thread so that waiting for one can have a deadline."""

    def __init__(self, stream):
        self.seen = []
        self._ended = False
        self._queue = queue.Queue()
        self._thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    def _read(self, stream):
        for line in stream:
            self._queue.put(line.decode("utf-8", "replace").rstrip("\n"))
        self._queue.put(None)
        stream.close()

    def next(self):
        """The next line; None at the end."""
        if self._ended:
            return None
        try:
            line = self._queue.get(timeout=DEADLINE)
        except queue.Empty:
            raise AssertionError(f"nothing more after {self.seen}") from None
        if line is None:
            self._ended = True
        else:
            self.seen.append(line)
        return line

    def until(self, pattern):
        """The match of the first line, from here on, in which the pattern is found."""
        while (line := self.next()) is not None:
            if match := re.search(pattern, line):
                return match
        raise AssertionError(f"no line has {pattern!r}: {self.seen}")

    def rest(self):
        """All lines from the first to the end."""
        while self.next() is not None:
            pass
        return self.seen


class Process:
    """A running program: standard output and standard error as lines, no standard input unless
    one is given."""

    def __init__(self, argv, env, stdin=subprocess.DEVNULL):
        self.popen = subprocess.Popen(
            tied_to_us(argv),
            env=env,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.out = Lines(self.popen.stdout)
        self.err = Lines(self.popen.stderr)

    def wait(self):
        """The exit status of a program that ends by itself."""
        return self.popen.wait(DEADLINE)

    def pause(self):
        """Stops the program; answers when all of it stands still."""
        self.popen.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.popen.pid, os.WSTOPPED)

    def resume(self):
        self.popen.send_signal(signal.SIGCONT)

    def run_times(self):
        """Nanoseconds that each thread has run, by its id."""
        stats = Path(f"/proc/{self.popen.pid}/task").glob("*/schedstat")
        return {int(stat.parent.name): int(stat.read_text().split()[0]) for stat in stats}

    def end(self):
        """Ends the program if it still runs, and returns the lines of its standard error."""
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        return self.err.rest()


class DotnetProgram(Process):
    """A program of tests/interop in C#. Its events are dictionaries, see
    tests/interop/dotnet/Events.cs."""

    def __init__(self, dll, *arguments, env):
        super().__init__(["dotnet", dll, *map(str, arguments)], env)

    def event(self, name):
        """The next event, which must be the named one."""
        line = self.out.next()
        if line is None:
            raise AssertionError(f"end instead of {name!r}: {self.out.seen} {self.err.rest()}")
        event = json.loads(line)
        if event["event"] != name:
            raise AssertionError(f"expected {name!r}: {line}")
        return event


class Result:
    """How a finished `nns connect` ended."""

    def __init__(self, status, output, errors):
        self.status = status
        self.output = output
        self.errors = errors


class NnsTest(unittest.TestCase):
    """Runs nns and checks what it says."""

    maxDiff = None

    def nns_listen(
        self,
        *options,
        allow="alice@NNS.TEST",
        address="127.0.0.1:0",
        service=("--echo",),
        stdin=subprocess.DEVNULL,
        clock=0,
        **env,
    ):
        """`nns listen` on a free port, which is `.port`."""
        argv = [os.environ["NNS"], "listen", *record_engine(), *service, "--allow", allow]
        argv += ["--keytab", realm("keytab"), *options, address]
        server = Process(argv, environment(**off_clock(clock), **env), stdin)
        self.addCleanup(lambda: self.assert_no_finding(server.end()))
        server.port = int(server.err.until(r"^listening on 127\.0\.0\.1:(\d+)$")[1])
        return server

    def nns_connect(
        self,
        port,
        *options,
        data=b"",
        host="127.0.0.1",
        target="host/localhost",
        clock=0,
        **env,
    ):
        """Runs `nns connect` to its end with `data` as its input."""
        argv = self.connect_command(port, *options, host=host, target=target, env=env)
        if data is OPEN:
            reading, writing = os.pipe()
            self.addCleanup(os.close, writing)
            self.addCleanup(os.close, reading)
            source = {"stdin": reading}
        else:
            source = {"input": data}
        done = subprocess.run(
            tied_to_us(argv),
            env=environment(**off_clock(clock), **env),
            capture_output=True,
            timeout=DEADLINE,
            check=False,
            **source,
        )
        errors = done.stderr.decode("utf-8", "replace").splitlines()
        self.assert_no_finding(errors)
        return Result(done.returncode, done.stdout, errors)

    def nns_probe(self, port, *options, target="host/localhost", clock=0, **env):
        """Runs `nns probe` to its end."""
        named = ["--target", target] if target else []
        named += [*record_engine(), *credentials(options, env)]
        done = subprocess.run(
            tied_to_us([os.environ["NNS"], "probe", *named, *options, f"127.0.0.1:{port}"]),
            env=environment(**off_clock(clock), **env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DEADLINE,
            check=False,
        )
        errors = done.stderr.decode("utf-8", "replace").splitlines()
        self.assert_no_finding(errors)
        return Result(done.returncode, done.stdout.decode(), errors)

    @staticmethod
    def connect_command(port, *options, host="127.0.0.1", target="host/localhost", env=()):
        """The command line of `nns connect` in an environment with such changes; without a target,
        the default one."""
        named = ["--target", target] if target else []
        named += [*record_engine(), *credentials(options, env)]
        return [os.environ["NNS"], "connect", *named, *options, f"{host}:{port}"]

    @staticmethod
    def kinit(cache, *options):
        """alice's ticket, of another kind than the realm's own, in a cache of the test's."""
        with open(realm("alice.password"), "rb") as password:
            subprocess.run(
                ["kinit", "-c", cache, *options, "alice@NNS.TEST"],
                env=environment(),
                stdin=password,
                stdout=subprocess.DEVNULL,
                timeout=DEADLINE,
                check=True,
            )

    def assert_no_finding(self, errors):
        """The sanitizers had nothing to say."""
        self.assertFalse([line for line in errors if SANITIZER.search(line)], "\n".join(errors))

    def assert_record_engine(self, errors, level="encrypt"):
        """What `nns` said with -v names the record engine that it has to have at this level."""
        words = [line.split()[-1] for line in errors if "record engine" in line]
        self.assertEqual(len(words), 1, errors)
        self.assertRegex(words[0], "^raw$" if level == "none" else kerberos_engine())

    def assert_connected(self, result, level, target="host/localhost"):
        """`nns connect` ended well and named what was negotiated."""
        self.assertEqual(result.status, 0, result.errors)
        line = f"connected to {target}@NNS.TEST using Kerberos ({level}, mutual)"
        self.assertIn(line, result.errors)

    def assert_refused(self, result, status, pattern):
        """`nns connect` ended with the status and no output, and its message has the pattern."""
        self.assertEqual(result.status, status, result.errors)
        self.assertEqual(result.output, b"")
        message = "\n".join(result.errors)
        self.assertNotIn("connected to", message)
        self.assertRegex(message, pattern)
