"""The server for coding agents, seen by the protocol's own client over standard input and output."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import anyio
import pytest
from anyio.from_thread import start_blocking_portal
from click.testing import CliRunner
from mcp import Client, StdioServerParameters
from mcp_types import Tool

from echo_migrate.cli import cli
from echo_migrate.mcp.commands import MOST, joined, patch_of

ROOT = Path(__file__).parent.parent
DOCKERFILE = "FROM node:22-slim\nCMD npm start\n"


class Agent:
    """An agent, and the server that it started for a folder."""

    def __init__(self, folder: Path, *options: str, env: dict[str, str] | None = None) -> None:
        self.portal = start_blocking_portal()
        started = self.portal.__enter__()
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "echo_migrate", "mcp", *options],
            cwd=str(folder),
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"} | (env or {}),
        )
        self.client: Client
        self.session = started.wrap_async_context_manager(Client(server))
        self.client = self.session.__enter__()
        self.started = started

    def tools(self) -> dict[str, Tool]:
        return {tool.name: tool for tool in self.started.call(self.client.list_tools).tools}

    def call(self, tool: str, **arguments: object) -> tuple[bool, list[str]]:
        """Return whether a call failed, and the texts of its answer."""
        result = self.started.call(self.client.call_tool, tool, arguments)
        return bool(result.is_error), [getattr(block, "text", "") for block in result.content]

    def close(self) -> None:
        self.session.__exit__(None, None, None)
        self.portal.__exit__(None, None, None)


def tree(folder: Path) -> Path:
    (folder / ".git").mkdir(parents=True)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    return folder


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """A server as it starts without options. Tests remove the files that they add: each worker runs some of them."""
    folder = tree(tmp_path_factory.mktemp("agent") / "tree")
    (folder / "click.py").write_text("raise SystemExit('code of the tree was run')\n")
    (folder.parent / "secret").write_text("FROM node:22-slim\n")
    (folder / "out").symlink_to(folder.parent)
    (folder / "Dockerfile.out").symlink_to(folder.parent / "secret")
    started = Agent(folder)
    yield started
    started.close()
    assert (folder / "Dockerfile").read_text() == DOCKERFILE
    assert {path.name for path in folder.iterdir()} == {".git", "Dockerfile", "Dockerfile.out", "click.py", "out"}


def test_without_options_every_tool_only_reads(agent: Agent) -> None:
    tools = agent.tools()
    assert set(tools) == {"check", "match", "fix", "explain"}
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools.values())
    assert all(tool.description for tool in tools.values())


def test_a_check_is_that_of_the_command_line(agent: Agent) -> None:
    failed, (text,) = agent.call("check", paths=["Dockerfile"])
    assert not failed
    assert "1:6  warning  unhardened-image    node:22-slim -> reg.echohq.com/node:22-slim" in text
    assert "2:1  note     shell-form-command" in text


def test_a_text_that_is_not_written_yet(agent: Agent) -> None:
    failed, (text,) = agent.call("check", paths=["new/compose.yaml"], text="services: {a: {image: 'python:3.13'}}\n")
    assert not failed
    assert "python:3.13 -> reg.echohq.com/python:3.13" in text
    failed, (patch, rest) = agent.call("fix", paths=["new/Dockerfile"], text="FROM python:3.13\r\n")
    assert not failed
    assert patch.startswith("diff --git a/new/Dockerfile b/new/Dockerfile\n")
    assert patch.endswith("+FROM reg.echohq.com/python:3.13\r\n")
    assert rest == "Would fix 1 in 1 file."
    assert agent.call("check", paths=["a", "b"], text="")[0]


def test_the_patch_of_a_fix_applies(agent: Agent, tmp_path: Path) -> None:
    failed, (patch, _) = agent.call("fix", unsafe=True, images=["node"])
    assert not failed
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=patch, text=True, check=True)
    assert (tmp_path / "Dockerfile").read_text() == DOCKERFILE.replace("node", "reg.echohq.com/node")


def test_a_file_of_which_no_text_has_the_bytes_is_named(agent: Agent) -> None:
    folder = agent.call("check", paths=["nothing"])
    assert folder[0]
    path = Path(str(agent.client.server.cwd)) / "bytes.Dockerfile"  # type: ignore[union-attr]
    path.write_bytes(b"# \xe9\nFROM node:22-slim\n")
    failed, (said,) = agent.call("fix", paths=["bytes.Dockerfile"])
    path.unlink()
    assert not failed
    assert said.startswith("1 more files would change, name them alone: bytes.Dockerfile\n")


def test_a_match_and_a_page(agent: Agent) -> None:
    failed, (text,) = agent.call("match", images=["node:22", "--help"])
    assert not failed
    assert "node:22 -> reg.echohq.com/node:22 (safe)" in text
    assert "--help -> not an image reference" in text
    assert "node:22\n" in agent.call("match", images=["node:22"], provider="all")[1][0]
    assert agent.call("match", images=["node:22"], provider="--help")[0]
    failed, (text,) = agent.call("explain", rule="shell-needed")
    assert (failed, text.splitlines()[0]) == (False, "# shell-needed")
    failed, (text,) = agent.call("explain", rule="--cases")
    assert failed
    assert "no rule '--cases'" in text


@pytest.mark.parametrize(
    "path",
    [
        "/etc",
        "..",
        "../secret",
        "out",
        "out/secret",
        "Dockerfile.out",
        "a/../../secret",
        "\0",
        "x\0/../..",
        "~",
        "-",
        "--help",
    ],
)
def test_what_lies_outside_is_refused(agent: Agent, path: str) -> None:
    for tool in ("check", "fix"):
        failed, (text,) = agent.call(tool, paths=[path])
        assert failed
        assert "FROM" not in text
        assert "hardened-image" not in text


@pytest.mark.parametrize(
    "arguments",
    [
        {"paths": []},
        {"paths": "Dockerfile"},
        {"paths": [1]},
        {"paths": ["a"] * 1001},
        {"text": 1},
        {"paths": ["x" * 99_999]},
    ],
)
def test_wrong_arguments_are_an_error_and_the_server_goes_on(agent: Agent, arguments: dict[str, object]) -> None:
    assert agent.call("check", **arguments)[0]
    assert not agent.call("explain", rule="shell-needed")[0]


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("check", {"path": "Dockerfile"}, "check has no argument 'path': it has paths, text"),
        (
            "fix",
            {"paths": ["."], "unsafe_fixes": True},
            "fix has no argument 'unsafe_fixes': it has paths, text, unsafe, images",
        ),
        ("match", {"image": "node"}, "match has no argument 'image': it has images, provider"),
        ("explain", {"rule": "shell-needed", "": 1}, "explain has no argument '': it has rule"),
        ("check", {"x" * 9_999: 1}, f"check has no argument '{'x' * 200}…': it has paths, text"),
    ],
)
def test_an_unknown_argument_is_refused(agent: Agent, tool: str, arguments: dict[str, object], said: str) -> None:
    assert agent.call(tool, **arguments) == (True, [said])


def test_schemas_allow_no_other_arguments(agent: Agent) -> None:
    for tool in agent.tools().values():
        assert tool.input_schema["additionalProperties"] is False


def test_a_link_out_is_not_followed_from_within(agent: Agent) -> None:
    failed, (text,) = agent.call("check")
    assert not failed
    assert "Dockerfile.out" in text
    assert "is a symbolic link that leaves the tree" in text


def test_files_are_written_only_if_the_server_was_started_so(tmp_path: Path) -> None:
    folder = tree(tmp_path / "tree")
    agent = Agent(tmp_path, str(folder), "--write", "--prove", env={"PATH": "/nowhere"})
    try:
        tools = agent.tools()
        assert {name for name, tool in tools.items() if not (tool.annotations or tool).read_only_hint} == {  # type: ignore[union-attr]
            "apply_fixes",
            "prove",
        }
        assert agent.call("apply_fixes", paths=["../Dockerfile"])[0]
        failed, (text,) = agent.call("apply_fixes", paths=["."], image=["python"])
        assert (failed, text) == (True, "apply_fixes has no argument 'image': it has paths, unsafe, images")
        failed, (text,) = agent.call("prove", paths=["."])
        assert failed
        assert "no builder can be used" in text
        assert (folder / "Dockerfile").read_text() == DOCKERFILE
        failed, (text,) = agent.call("apply_fixes", paths=[str(folder)])
        assert not failed
        assert "Fixed 1 in 1 file" in text
        assert (folder / "Dockerfile").read_text() == "FROM reg.echohq.com/node:22-slim\nCMD npm start\n"
    finally:
        agent.close()


def test_a_cancelled_call_ends_its_command(tmp_path: Path) -> None:
    """Its builder never ends; what ran the builder is gone before the next call is answered."""
    folder, programs = tree(tmp_path / "tree"), tmp_path / "bin"
    programs.mkdir()
    (programs / "docker").write_text(f"#!/bin/sh\necho $PPID > {tmp_path}/pid\nexec /bin/sleep 600\n")
    (programs / "docker").chmod(0o755)
    agent = Agent(folder, "--prove", env={"PATH": str(programs)})

    async def cancelled() -> int:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(agent.client.call_tool, "prove", {"paths": ["."]})
            while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
                await anyio.sleep(0.05)
            tasks.cancel_scope.cancel()
        return int((tmp_path / "pid").read_text())

    try:
        process = agent.started.call(cancelled)
        assert not agent.call("check", paths=["Dockerfile"])[0]
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
    finally:
        agent.close()


def test_a_signal_ends_the_server(tmp_path: Path) -> None:
    """While the agent still holds its standard input open."""
    command = [sys.executable, "-m", "echo_migrate", "mcp", str(tmp_path)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, bufsize=0)
    assert server.stdin
    assert server.stdout
    client = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}
    request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": client}
    server.stdin.write(json.dumps(request).encode() + b"\n")
    assert b"echo-migrate" in server.stdout.readline()
    server.send_signal(signal.SIGTERM)
    assert server.wait(60) == 128 + signal.SIGTERM
    server.stdin.close()
    server.stdout.close()


def test_an_answer_is_bounded() -> None:
    text = joined("\n".join(f"line {number}" for number in range(20_000)))
    assert len(text) < MOST + 100
    assert text.splitlines()[-1].endswith("more lines omitted: name fewer paths)")
    files = [
        f"diff --git a/{name} b/{name}\n--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-{'x' * 30_000}\n+y\n"
        for name in "abc"
    ]
    patch, left = patch_of("".join(files))
    assert (patch, left) == (files[0], "2 more files would change, name them alone: b, c")


def test_the_whole_machine_is_not_served() -> None:
    done = CliRunner().invoke(cli, ["mcp", "/"])
    assert (done.exit_code, done.output.splitlines()[-1]) == (2, "Error: / is the whole machine: name a folder")


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("echo_migrate.cli.mcp")  # until it is loaded, the name in its package is the command's
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    done = CliRunner().invoke(cli, ["mcp"])
    assert (done.exit_code, done.output.splitlines()[-1]) == (
        2,
        "Error: mcp needs the extra `mcp`: pip install 'echo-migrate[mcp]'",
    )
