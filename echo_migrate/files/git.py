"""Calls of git that start no other program and fetch nothing, whatever the repository configures.

Git 2.30 to 2.50 starts a program, or accesses the network, in the cases below; each is listed with what prevents it in
every call of ``git``. ``-c`` and the environment override all configuration of the repository: its ``config``, its
``config.worktree``, and files included with ``include.path``.

- ``core.fsmonitor`` (a hook or a daemon): off, also in submodules, which inherit ``-c``.
- hooks, ``core.hooksPath`` and (since 2.54) ``hook.*.command``: the hooks path is not a folder; no command with a hook
  is called, and no index is written, after which post-index-change would run: ``GIT_OPTIONAL_LOCKS``, which ``diff``
  ignores, and ``diff.autoRefreshIndex``, which it respects. The index may also lie outside the tree.
- ``filter.*.clean``, ``smudge`` and ``process``: every configured one is emptied where contents are compared
  (``unfiltered``); submodules, which have their own configuration, are ignored.
- ``diff.external``, ``diff.*.command`` and ``diff.*.textconv``: ``--no-ext-diff`` and ``--no-textconv``, options of
  ``diff`` that its callers pass; a submodule that became a file is one line (``diff.submodule``), so that git is not
  started again without them.
- a missing object of a partial clone, or a folder of a sparse index: not fetched (``GIT_NO_LAZY_FETCH``); in versions
  without that variable, the fetch has no allowed protocol.
- ``remote.*.uploadpack``, ``remote.*.vcs``, ``core.sshCommand``, ``core.gitProxy``, ``ext::`` and every other
  transport or helper: ``GIT_ALLOW_PROTOCOL`` allows none, and overrides ``protocol.*.allow``.
- ``credential.helper``, ``core.askPass``: used by transports only; helpers are reset, and prompts are off.
- ``core.alternateRefsCommand``, ``uploadpack.packObjectsHook``: used for fetching and serving only.
- ``core.pager``, ``pager.*``: ``--no-pager``. ``core.editor``, ``merge.*.driver``, ``gpg.program``: used by commands
  that are not called; ``alias.*`` cannot override a built-in command.
- ``gc.auto``, ``maintenance.auto``: off.
- a bare repository inside the tree: used only if named explicitly (``safe.bareRepository``, since 2.38).
- GIT_… variables of the caller's environment: not passed on.

Files that a configuration names (``include.path``, attributes, alternates) are read by git only. They may be pipes, or
expand to more than fits into memory, so git runs with limits of time and size.
"""

import contextlib
import os
import signal
from collections.abc import Mapping
from types import MappingProxyType
from typing import IO, NamedTuple

from echo_migrate.files.lazy_regex import lazy_regex

_KILLED = tuple(-getattr(signal, name) for name in ("SIGKILL", "SIGXCPU") if hasattr(signal, name))
"""The exit codes of a process that a limit ended; Windows has none."""

_SETTINGS = (
    *("core.fsmonitor=false", "core.hooksPath=/dev/null", "core.askPass=", "credential.helper="),
    *("credential.interactive=false", "diff.external=", "gc.auto=0", "log.showSignature=false"),
    *(
        "diff.autoRefreshIndex=false",
        "diff.submodule=short",
        "maintenance.auto=false",
        "safe.bareRepository=explicit",
        "submodule.recurse=false",
    ),
)
NONE = "none\n"
"""A protocol that cannot exist, as no name in a configuration has a newline. An empty string would allow an empty name,
whose helper git looks up among the aliases of the repository."""

_SECONDS = 30
"""The limit for a comparison, in seconds of both wall-clock and CPU time."""

_SECONDS_TO_LIST = 15
"""The same limit for listing files: ignore patterns of 70 bytes can take git an hour."""

_SECONDS_TO_ASK = 60
_PROTOCOLS = ("https", "http", "file")
_SERVED_BY = "--upload-pack=git-upload-pack"
_HEAD = lazy_regex(rb"([0-9a-f]{40}|[0-9a-f]{64})\tHEAD\n")
SECONDS_FOR_REMOTES = 600
"""The same limit for what accesses a remote, or waits for whoever signs."""

_LARGEST = 200_000_000
"""The limit of git's output in bytes; twice as much is the limit of its data segment, which excludes mapped files and
is a multiple of what git needs."""

_LARGEST_FILE = 4_000_000_000
"""The limit of a file that git writes, in bytes: a remote could send a pack without an end."""

_LONGEST = 4096
"""The maximum length of a path on Linux, in bytes (PATH_MAX)."""

_LONG = "file name too long"
_FILTER = lazy_regex(rb"(?s)filter\..*\.(?:clean|smudge|process|required)")
_NOT_ENTERED = lazy_regex(rb"(?m)^warning: could not open directory '([^\n]*?)(?:': ([^\n:]+))?$")
"""Git truncates messages at about 4,000 characters, which cuts off the reason for a name that is too long."""


class UnsafeFilter(ValueError):
    """A filter that git would run and that no setting can disable."""


class TooSlow(Exception):
    """Git exceeded its limit of time or output."""


class Answer(NamedTuple):
    """What git printed on both streams, and whether it succeeded."""

    text: bytes
    complaints: bytes
    done: bool


def git(folder: str, *words: str, settings: tuple[str, ...] = ()) -> bytes | None:
    """Return the output of a git command run in a folder; None if git is missing, fails, or exceeds a limit.

    ``settings`` are additional configuration values, as ``name=value``.
    """
    try:
        answer = ask(folder, words, settings)
    except TooSlow:
        return None
    return answer.text if answer.done else None


def top_of(folder: str) -> str:
    """Return the top folder of the repository that a folder is in; "" outside of any, and if git is missing."""
    return os.fsdecode((git(folder, "rev-parse", "--show-toplevel") or b"").removesuffix(b"\n"))


def files(folder: str) -> tuple[list[tuple[str, str]], dict[str, str]] | None:
    """Return the files below a folder that git tracks or would add, and the folders that could not be read.

    Each file comes with its tag of ``git ls-files -t``, and each folder with the reason. None if git is missing or
    fails. Raises ``TooSlow``.
    """
    words = ("ls-files", "-t", "-z", "--cached", "--others", "--exclude-standard")
    answer = ask(folder, words, (), _SECONDS_TO_LIST)
    if not answer.done:
        return None
    entries = {entry for entry in answer.text.split(b"\0") if entry}
    reached = {entry for entry in entries if len(entry) <= _LONGEST}  # a longer path is from a crafted index
    closed = {
        os.fsdecode(name).rstrip("/"): why.decode() or _LONG for name, why in _NOT_ENTERED.findall(answer.complaints)
    }
    closed |= {os.fsdecode(entry[2:].partition(b"/")[0][:255]): _LONG for entry in entries - reached}
    return [(entry[0], entry[2:]) for entry in map(os.fsdecode, reached)], closed


def unfiltered(folder: str) -> tuple[str, ...]:
    """Return the settings that disable all filters of a repository, so that git can compare contents.

    Raises ``UnsafeFilter`` if the name of a filter has a ``=`` (at which ``-c`` ends a name), or if the configuration
    cannot be listed.
    """
    names = git(folder, "config", "-z", "--name-only", "--list")
    if names is None:
        raise UnsafeFilter("its configuration could not be read")
    found = [os.fsdecode(name) for name in dict.fromkeys(names.split(b"\0")) if _FILTER.fullmatch(name)]
    if any("=" in name for name in found):
        raise UnsafeFilter("its configuration has a filter with = in its name")
    return tuple(f"{name}={'false' if name.endswith('required') else ''}" for name in found)


def fetch(folder: str, url: str, revision: str) -> None:
    """Fetch one revision from a URL: the only call of a check that accesses a remote. Failures are silent.

    The URL must use a protocol that git implements without starting other programs (https, http, file; any other is
    not fetched). The configuration cannot redirect to another one, as only that protocol is allowed.
    """
    protocol = url.partition("://")[0]
    if protocol not in _PROTOCOLS:
        return
    options = ("--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--depth=1")
    words = ("fetch", *options, _SERVED_BY, "--", url, revision)
    with contextlib.suppress(TooSlow):
        ask(folder, words, ("core.alternateRefsCommand=true",), SECONDS_FOR_REMOTES, protocol)


def path_of(url: str) -> str:
    """Return the path that a file URL names."""
    from urllib.parse import unquote_to_bytes  # which a start has no use for

    return os.fsdecode(unquote_to_bytes(url.removeprefix("file://")))


def place(clone: str) -> str:
    """Return the path of the repository of a clone, or of a bare one; "" if the folder is neither."""
    folder = os.path.join(clone, ".git")
    if os.path.lexists(folder):
        return folder
    bare = all(os.path.exists(os.path.join(clone, name)) for name in ("HEAD", "objects", "refs"))
    return clone if bare else ""


def head(url: str, environment: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return the commit that a remote's HEAD names, "" if it gives none. It accesses the remote as ``fetch`` does, but
    for a clone on this machine, whose HEAD it reads. ``environment`` has what identifies the user there."""
    protocol = url.partition("://")[0]
    if protocol == "file":
        inside = place(path_of(url))
        said = git(os.sep, f"--git-dir={inside}", "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        return said.decode().strip() if said and inside else ""
    if protocol not in _PROTOCOLS:
        return ""
    try:
        words = ("ls-remote", "--quiet", _SERVED_BY, "--", url, "HEAD")
        answer = ask(os.sep, words, (), _SECONDS_TO_ASK, protocol, environment)
    except TooSlow:
        return ""
    found = _HEAD.match(answer.text)
    return found[1].decode() if found else ""


def ask(
    folder: str,
    words: tuple[str, ...],
    settings: tuple[str, ...] = (),
    seconds: int | None = None,
    protocol: str = NONE,
    environment: Mapping[str, str] = MappingProxyType({}),
    input: bytes = b"",
) -> Answer:
    """Run git and return its answer; one without text if git is missing. Raises ``TooSlow``.

    ``protocol`` is the one that it may use to access a remote. ``environment`` is for this call alone: other processes
    of the machine do not see it, unlike ``settings``.
    """
    import subprocess
    from threading import Thread, Timer

    seconds = seconds or _SECONDS
    given = [part for setting in (*_SETTINGS, *settings) for part in ("-c", setting)]
    with _file_with(input) as stdin:
        try:
            process = subprocess.Popen(
                ["git", "--no-pager", *given, *words],
                cwd=folder,
                env={**_environment(protocol), **environment},
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                process_group=0,
            )
        except (OSError, ValueError):
            return Answer(b"", b"", False)
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        _limit(process.pid, seconds)
        timer = Timer(seconds, _end, (process.pid,))
        timer.daemon = True
        timer.start()
        complaints: list[bytes] = []
        reader = Thread(target=lambda stream: complaints.append(_read(stream)), args=(process.stderr,))
        reader.start()
        try:
            text = _read(process.stdout)
            if len(text) <= _LARGEST:
                process.wait()
        finally:
            timer.cancel()
            if process.poll() is None:
                _end(process.pid)
            reader.join()
    if len(text) > _LARGEST or process.returncode in _KILLED:
        raise TooSlow
    return Answer(text, complaints[0], process.returncode == 0)


def _file_with(data: bytes) -> IO[bytes]:
    """Return an open file with these contents: a pipe could fill while git waits for its output to be read."""
    if not data:
        return open(os.devnull, "rb")
    from tempfile import TemporaryFile

    file = TemporaryFile()  # noqa: SIM115 - as long as the call
    file.write(data)
    file.seek(0)
    return file


def _read(stream: IO[bytes]) -> bytes:
    """Read a stream to its end, or until just above ``_LARGEST``; in pieces, as ``read`` allocates its whole size."""
    pieces, size = [], 0
    while size <= _LARGEST and (piece := stream.read(1_000_000)):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _environment(protocol: str) -> dict[str, str]:
    """Return an environment in which git starts no programs, allows one protocol or none, and prints English."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    folders = [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(folder)]
    return kept | {
        "PATH": os.pathsep.join(folders),  # git is not searched for in the tree
        "GIT_ALLOW_PROTOCOL": protocol,
        "GIT_ASKPASS": "",
        "GIT_EDITOR": ":",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
        "SSH_ASKPASS": "",
    }


def _limit(process: int, seconds: int) -> None:
    """Limit the CPU time, memory and files of a process and those that it starts, if the system supports it."""
    with contextlib.suppress(ImportError):
        import resource

        if not hasattr(resource, "prlimit"):
            return
        limits = (
            (resource.RLIMIT_CPU, seconds),
            (resource.RLIMIT_DATA, 2 * _LARGEST),
            (resource.RLIMIT_FSIZE, _LARGEST_FILE),
        )
        for kind, most in limits:
            with contextlib.suppress(OSError, ValueError):
                resource.prlimit(process, kind, (most, most))


def _end(process: int) -> None:
    """Kill a process and its children."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process, signal.SIGKILL)
        else:  # Windows, where this ends a process at once
            os.kill(process, signal.SIGTERM)
