"""What a tool runs: a command of this program in a process of its own, bounded to the folder of the server.

A process of its own has the limits of time and memory per file, which need its main thread; it can be ended when the
agent cancels a call; and it writes nothing into the protocol.
"""

import contextlib
import os
import re
import sys
from subprocess import DEVNULL, PIPE

import anyio
from anyio.abc import Process
from mcp.server.mcpserver.exceptions import ToolError

MOST = 60_000
"""The maximum number of characters of an answer: what an agent can still read."""

_FILE = re.compile("(?m)^(?=diff --git )")
_BYTES = re.compile("[\udc80-\udcff]")
"""A byte that is not UTF-8, as ``surrogateescape`` reads it."""

_INSTALLED = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

_PATIENCE = 20.0
"""Seconds that an ended command has to clean up (``prove`` removes its images) before it is killed."""


class Commands:
    """The commands of the program on one folder, one at a time."""

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root)
        self.turn = anyio.Lock()
        self.process: Process | None = None

    def inside(self, path: str) -> str:
        """Return a path relative to the folder, with links followed. Raises ``ToolError`` for one that leaves it."""
        if "\0" in path:
            raise ToolError("a path cannot have a NUL")
        try:
            found = os.path.realpath(os.path.join(self.root, path))
        except (OSError, ValueError) as error:
            raise ToolError(f"{quoted(path)}: {error}") from None
        if found != self.root and not found.startswith(self.root.rstrip(os.sep) + os.sep):
            raise ToolError(f"{quoted(path)} is outside {self.root}, the folder that this server was started for")
        below = os.path.relpath(found, self.root)
        return os.path.join(os.curdir, below) if below.startswith("-") else below  # no option, nor standard input

    async def run(self, *words: str, text: str | None = None) -> tuple[str, str]:
        """Return what a command prints to standard output and to standard error, given ``text`` as standard input.

        Raises ``ToolError`` with both if it could not do all that it was asked for.
        """
        async with self.turn:
            try:
                self.process = process = await anyio.open_process(
                    [sys.executable, "-P", "-m", "echo_migrate", *words],
                    cwd=self.root,
                    env=_environment(self.root),
                    stdin=DEVNULL if text is None else PIPE,
                    stdout=PIPE,
                    stderr=PIPE,
                )
            except (OSError, ValueError) as error:
                raise ToolError(f"the command could not be started: {error}") from None
            try:
                out, err = await _communicate(process, text)
            finally:
                await self.stop()
        if process.returncode not in (0, 1):
            raise ToolError(joined(out, err) or f"the command ended with {process.returncode}")
        return out, err

    async def stop(self) -> None:
        """End the command that still runs, if one does; it cleans up before."""
        process = self.process
        if process is None or process.returncode is not None:
            return
        with anyio.CancelScope(shield=True):
            process.terminate()
            with anyio.move_on_after(_PATIENCE):
                await process.wait()
            if process.returncode is None:
                process.kill()
                await process.wait()


def joined(*parts: str) -> str:
    """Return texts one below the other; of what is too long the rest is counted."""
    text = "\n".join(part.strip("\n") for part in parts if part.strip())
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if len(text) <= MOST:
        return text
    lines = text[:MOST].splitlines()[:-1]
    left = text.count("\n") + 1 - len(lines)
    return "\n".join([*lines, f"({left} more lines omitted: name fewer paths)"])


def patch_of(text: str) -> tuple[str, str]:
    """Return a patch of whole files, and which files it omits: too long an answer, or bytes that no text has."""
    shown, names, size = list[str](), list[str](), 0
    for file in filter(None, _FILE.split(text)):
        size += len(file)
        if size <= MOST and not _BYTES.search(file):
            shown.append(file)
        else:
            names.append(file.partition("\n")[0].rpartition(" b/")[2])
    left = f"{len(names)} more files would change, name them alone: {', '.join(names[:50])}" if names else ""
    return "".join(shown), left


def quoted(path: str) -> str:
    """Return a text of an agent as messages quote it: at most 200 characters of it."""
    return repr(path if len(path) <= 200 else f"{path[:200]}…")


def _environment(root: str) -> dict[str, str]:
    """Return the environment of a command, which imports what this process can, and nothing from the folder."""
    others = [entry for entry in sys.path if os.path.isabs(entry) and os.path.realpath(entry) != root]
    found = os.pathsep.join((_INSTALLED, *others))
    return os.environ | {"PYTHONPATH": found, "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1", "COLUMNS": "120"}


async def _communicate(process: Process, text: str | None) -> tuple[str, str]:
    """Return what a process writes until it ends."""
    written = {"out": b"", "err": b""}

    async def read(name: str) -> None:
        stream = process.stdout if name == "out" else process.stderr
        assert stream
        written[name] = b"".join([piece async for piece in stream])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read, "out")
        tasks.start_soon(read, "err")
        if process.stdin and text is not None:
            with contextlib.suppress(anyio.BrokenResourceError):  # it ended before it had read all, and says why
                await process.stdin.send(text.encode("utf-8", "replace"))
            await process.stdin.aclose()
    await process.wait()
    return written["out"].decode("utf-8", "surrogateescape"), written["err"].decode("utf-8", "replace")
