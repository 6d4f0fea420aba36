# SPDX-License-Identifier: MIT
"""python -m libnns, as a user of the shell runs it."""

import socket
import subprocess
import sys

import pytest
from conftest import DEADLINE
from processes import content, credentials, environment, ntlm_account, realm


def command(*arguments, data=b"", **env):
    """Runs it to its end: exit status, output, lines of standard error."""
    done = subprocess.run(
        [sys.executable, "-B", "-X", "dev", "-W", "error", "-m", "libnns", *arguments],
        env=environment(**env),
        input=data,
        capture_output=True,
        timeout=DEADLINE,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr.decode().splitlines()


def alice(port, *options):
    """Options and address for alice, who is at 127.0.0.1 as host/localhost."""
    return *credentials(options, {}), "--target", "host/localhost", *options, f"127.0.0.1:{port}"


@pytest.mark.parametrize("size", [0, 1, 2_000_000])
def test_connect(peers, size):
    data = content(size)
    status, output, errors = command("connect", *alice(peers.nns_listen().port), data=data)
    assert (status, output == data) == (0, True)
    assert errors == ["connected to host/localhost@NNS.TEST using Kerberos (encrypt, mutual)"]


def test_the_default_target(peers):
    port = peers.nns_listen().port
    ticket = credentials((), {})
    assert command("connect", *ticket, f"localhost:{port}", data=b"x")[:2] == (0, b"x")


def test_probe(peers):
    status, output, _ = command("probe", *alice(peers.nns_listen().port))
    said = dict(line.split(maxsplit=1) for line in output.decode().splitlines() if " " in line)
    assert (status, said["mechanism"], said["protection"]) == (0, "Kerberos", "encrypt")
    assert said["target"] == "host/localhost@NNS.TEST"


def test_a_user_with_a_password(peers):
    port = peers.nns_listen().port
    login = "--user", "alice@NNS.TEST", "--password-file", realm("alice.password")
    assert command("connect", *alice(port, *login), data=b"x")[:2] == (0, b"x")


def test_a_password_file_is_the_users_alone(tmp_path):
    path = tmp_path / "password"
    path.write_text("x")
    path.chmod(0o640)
    for name, why in ((path, "chmod 600"), (tmp_path, "not a file")):
        login = "--user", "alice@NNS.TEST", "--password-file", str(name)
        assert_fails(2, why, "probe", *login, "127.0.0.1:1")
    assert_fails(2, "needs --user", "probe", "--password-file", str(path), "127.0.0.1:1")


@pytest.mark.parametrize("mech", ["negotiate", "ntlm"])
def test_ntlm(peers, mech):
    server = peers.nns_listen("--mech", "ntlm", allow=r"NNS\alice", **ntlm_account())
    login = "--user", r"NNS\alice", "--password-file", realm("ntlm.password")
    status, output, errors = command(
        "connect", *alice(server.port, "--mech", mech, *login), data=b"x"
    )
    assert (status, output) == (0, b"x")
    assert any("using NTLM (encrypt)" in line for line in errors)


def assert_fails(status, pattern, *arguments, **env):
    ended, output, errors = command(*arguments, **env)
    assert (ended, output) == (status, b""), errors
    assert any(pattern in line for line in errors), errors


def test_usage():
    for arguments in ((), ("listen",), ("probe", "nowhere"), ("probe", "h:99999"), ("probe", ":1")):
        assert_fails(2, "usage: ", *arguments)
    assert command("--version")[1].startswith(b"libnns ")


def test_exit_statuses(peers):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert_fails(4, "timed out", "probe", *alice(port, "--timeout", "0.05"))
    assert_fails(3, "refused", "probe", *alice(port))
    port = peers.nns_listen(allow="bob@NNS.TEST").port
    assert_fails(7, "ERROR_TRUST_FAILURE", "probe", *alice(port))
    assert_fails(6, "host/nosuch", "probe", "--target", "host/nosuch", *alice(port)[:2], f"127.0.0.1:{port}")
    assert_fails(2, "target", "probe", *alice(port, "--target", ""))


def test_a_peer_that_speaks_something_else():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = subprocess.Popen(
            [sys.executable, "-m", "libnns", "probe", *alice(listener.getsockname()[1])],
            env=environment(),
            stderr=subprocess.PIPE,
        )
        connection, _ = listener.accept()
        with connection, process:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            assert b"HTTP" in process.communicate(timeout=DEADLINE)[1]
    assert process.returncode == 5
