# SPDX-License-Identifier: MIT
"""The programs of python/examples as they stand, against `nns listen --echo`, the real .NET and each
other."""

import ast
import asyncio
import os
import re
import shutil
import subprocess
import sys
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import DEADLINE, client_config, tcp_pair
from processes import Process, ccache, environment, ntlm_account, realm

from libnns import NegotiateStream

EXAMPLES = Path(os.environ["NNS_SOURCE_DIR"]) / "python" / "examples"
PYTHON = [sys.executable, "-B", "-X", "dev", "-W", "error"]
WITH_NTLM = [str(Path(__file__).with_name("with_ntlm.py")), realm("ntlm.password")]
CLIENTS = ("sync_client.py", "async_client.py", "asyncio_client.py")
SLOW = re.compile(r"^Executing <.*> took [\d.]+ seconds\n", re.M)  # asyncio's, where others are busy
OUTPUT = "".join(f"Received:  {line!r}\n" for line in (b"first line", b"second line", b"third line"))

# What the issue that asked for this package has, word for word behind its first import.
PROGRAM = '''
stream = NegotiateStream(hostname, sock)
stream.authenticate_as_client()
for data in (b'first line', b'second line', b'third line'):
    stream.write(data)
    response = stream.read()
    print("Received: ", response)
'''

needs_dotnet = pytest.mark.skipif(
    not shutil.which("dotnet") and os.environ.get("NNS_REQUIRE_DOTNET") != "1",
    reason="dotnet is not on PATH",
)


def run_client(name, port, before=()):
    """Runs a client to its end against the port and checks what it says."""
    done = subprocess.run(
        [*PYTHON, *before, str(EXAMPLES / name), "localhost", str(port)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert (done.returncode, done.stdout, SLOW.sub("", done.stderr)) == (0, OUTPUT, "")


def server_process(stack, name, *arguments):
    """A server of the examples; its port is `.port`."""
    server = Process(
        [*PYTHON, str(EXAMPLES / name), "0", *arguments], environment(**ntlm_account())
    )
    stack.addCleanup(server.end)
    server.port = int(server.out.until(r"^listening on 127\.0\.0\.1:(\d+)$")[1])
    return server


def dotnet_echo_server(peers, **env):
    """The plain .NET program; its port is `.port`."""
    server = peers._peer("echo-server", env=environment(**env))
    server.port = int(server.out.until(r"^listening on 127\.0\.0\.1:(\d+)$")[1])
    return server


def test_the_program_that_was_asked_for_is_an_example():
    assert PROGRAM in (EXAMPLES / "sync_client.py").read_text()
    readme = (EXAMPLES.parent.parent / "README.md").read_text()
    assert f"<!-- example: python -->\n```python{PROGRAM}```" in readme


def documented(index):
    """A block of Python in docs/python.md."""
    text = (EXAMPLES.parent.parent / "docs" / "python.md").read_text()
    return re.findall(r"^```python\n(.*?)^```", text, re.S | re.M)[index]


def run_documented(index, capsys, **names):
    """Runs it, as in a module where await is allowed: what it prints."""
    code = compile(documented(index), "python.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    main = types.FunctionType(code, names)()
    if main is not None:
        asyncio.run(main)
    return capsys.readouterr().out


@pytest.mark.parametrize("index", [0, 2])
def test_documented_clients(peers, capsys, monkeypatch, index):
    for name, value in ccache("alice.ccache").items():
        monkeypatch.setenv(name, value)
    port = peers.nns_listen().port
    assert run_documented(index, capsys, hostname="localhost", port=port) == "b'hello'\n"


def test_documented_server(peers, capsys, monkeypatch):
    monkeypatch.setenv("KRB5_KTNAME", "FILE:" + realm("keytab"))
    ours, theirs = tcp_pair()
    with ThreadPoolExecutor(1) as pool:
        client = NegotiateStream("localhost", ours, config=client_config())
        calling = pool.submit(client.authenticate_as_client)
        program = documented(1).replace("CORP.EXAMPLE", "NNS.TEST")
        exec(program, {"NegotiateStream": NegotiateStream, "connection": theirs})
        calling.result()
        client.close()
    assert capsys.readouterr().out == "alice@NNS.TEST encrypt\n"


@pytest.mark.parametrize("client", CLIENTS)
def test_client_and_the_command(peers, client):
    run_client(client, peers.nns_listen().port)


@pytest.mark.parametrize("client", CLIENTS)
def test_client_and_the_command_by_ntlm(peers, client):
    server = peers.nns_listen("--mech", "ntlm", allow=r"NNS\alice", **ntlm_account())
    run_client(client, server.port, WITH_NTLM)


@needs_dotnet
@pytest.mark.parametrize("client", CLIENTS)
def test_client_and_dotnet(peers, client):
    server = dotnet_echo_server(peers)
    run_client(client, server.port)
    server.out.until(r"^alice@NNS\.TEST authenticated using Kerberos$")
    assert server.wait() == 0


@needs_dotnet
@pytest.mark.parametrize("client", CLIENTS)
def test_client_and_dotnet_by_ntlm(peers, client):
    server = dotnet_echo_server(peers, **ntlm_account())
    run_client(client, server.port, WITH_NTLM)
    server.out.until(r"^NNS\\alice authenticated using NTLM$")
    assert server.wait() == 0


SERVERS = ("threaded_server.py", "asyncio_server.py")


@pytest.mark.parametrize("name", SERVERS)
def test_server_and_many_clients(peers, name):
    server = server_process(peers, name, "alice@NNS.TEST")
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(run_client, client, server.port) for client in 3 * CLIENTS]:
            done.result()
    data = os.urandom(3_000_000)
    result = peers.nns_connect(server.port, data=data)
    assert (result.status, result.output == data) == (0, True)
    said = server.end()
    who = "alice@NNS.TEST authenticated using Kerberos (encrypt)"
    assert sum(who in line for line in said) == 10, said


@pytest.mark.parametrize("name", SERVERS)
def test_server_lets_nobody_else_in(peers, name):
    server = server_process(peers, name, "bob@NNS.TEST")
    result = peers.nns_connect(server.port, data=b"x")
    assert (result.status, result.output) == (7, b"")
    refused = server.err.until("not allowed to connect")
    assert re.search(r"127\.0\.0\.1:\d+ .*'alice@NNS.TEST'", refused.string)


@needs_dotnet
@pytest.mark.parametrize("name", SERVERS)
def test_server_and_dotnet_client(peers, name):
    server = server_process(peers, name, "alice@NNS.TEST")
    client = peers.dotnet_echo_client(server.port, "host/localhost")
    assert client.out.rest() == ["first line", "second line", "third line"]
    assert client.wait() == 0
