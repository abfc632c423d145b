"""What git says of a tree, asked so that it starts no program and fetches nothing, whatever the tree configures.

Git of 2.30 to 2.50 starts a program, or reaches a network, in the ways below; beside each stands what keeps it from
that in every call of ``git``. What ``-c`` and the environment say is above all configuration of the repository: its
``config``, its ``config.worktree``, and whatever ``include.path`` leads to.

- ``core.fsmonitor`` (a hook or a daemon): off, also in submodules, which are given what ``-c`` says.
- hooks, ``core.hooksPath`` and (from 2.54 on) ``hook.*.command``: the folder of hooks is a file; nothing is done that
  has a hook, and no index is written, after which post-index-change would run: ``GIT_OPTIONAL_LOCKS``, which ``diff``
  does not ask, and ``diff.autoRefreshIndex``, which it does. An index may also lie elsewhere than in the tree.
- ``filter.*.clean``, ``smudge`` and ``process``: each that is configured is emptied where contents are compared
  (``unfiltered``); submodules, which have a configuration of their own, are ignored.
- ``diff.external``, ``diff.*.command`` and ``diff.*.textconv``: ``--no-ext-diff`` and ``--no-textconv``, which belong
  to ``diff`` and are said there; a submodule that became a file is a line of its own (``diff.submodule``), for which
  git is not started once more without them.
- a missing object of a partial clone, a folder of a sparse index included: not fetched (``GIT_NO_LAZY_FETCH``); where
  git does not know that word yet, the fetch finds no protocol that it may use.
- ``remote.*.uploadpack``, ``remote.*.vcs``, ``core.sshCommand``, ``core.gitProxy``, ``ext::`` and every other
  transport or helper: ``GIT_ALLOW_PROTOCOL`` allows none, and is above ``protocol.*.allow``.
- ``credential.helper``, ``core.askPass``: belong to transports; helpers are taken back, nobody is asked.
- ``core.alternateRefsCommand``, ``uploadpack.packObjectsHook``: belong to fetching and serving.
- ``core.pager``, ``pager.*``: ``--no-pager``. ``core.editor``, ``merge.*.driver``, ``gpg.program``: belong to
  commands that are not called; ``alias.*`` never hides one that is.
- ``gc.auto``, ``maintenance.auto``: off.
- a bare repository somewhere in the tree: must be named (``safe.bareRepository``, from 2.38 on).
- variables GIT_… of the caller's environment: none goes on.

Files that a configuration names (``include.path``, attributes, alternates) are read by git alone. That one may be a
pipe, or stand for more than a machine can hold, so that git has limits of time and size.
"""

import contextlib
import os
import re
import signal
from typing import IO, NamedTuple

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
"""A protocol that is none. An empty word would allow an empty name, whose helper git looks for among the aliases of the
repository; no name in a configuration has a newline."""

_SECONDS = 30
"""How long git may take to compare, by the clock and of a processor."""

_SECONDS_TO_LIST = 15
"""The same to list files: patterns of 70 bytes can keep it for an hour."""

_SECONDS_TO_FETCH = 600

_LARGEST = 200_000_000
"""How many bytes git may print, and a multiple of what it needs for itself beside the files that it maps."""

_LONGEST = 4096
"""Bytes of a path that Linux takes (PATH_MAX)."""

_LONG = "file name too long"
_FILTER = re.compile(rb"filter\..*\.(?:clean|smudge|process|required)", re.DOTALL)
_NOT_ENTERED = re.compile(rb"(?m)^warning: could not open directory '([^\n]*?)(?:': ([^\n:]+))?$")
"""Git cuts a message off behind some 4,000 characters, and so the reason of a name that is too long."""


class UnsafeFilter(ValueError):
    """A filter that git would run, and that no setting can take back."""


class TooSlow(Exception):
    """Git took longer, or printed more, than it may."""


class _Answer(NamedTuple):
    text: bytes
    complaints: bytes


def git(folder: str, *words: str, settings: tuple[str, ...] = ()) -> bytes | None:
    """Return what git prints in a folder; None where it is missing, fails, or takes too long.

    ``settings`` are more of its configuration, as ``name=value``.
    """
    try:
        answer = _asked(folder, words, settings)
    except TooSlow:
        return None
    return answer.text if answer else None


def files(folder: str) -> tuple[list[tuple[str, str]], dict[str, str]] | None:
    """Return the files below a folder that git knows or would add, each with its tag of ``git ls-files -t``, and the
    folders that could not be entered, with the reason; None where git is missing or fails. Raises ``TooSlow``."""
    words = ("ls-files", "-t", "-z", "--cached", "--others", "--exclude-standard")
    answer = _asked(folder, words, (), _SECONDS_TO_LIST)
    if answer is None:
        return None
    entries = {entry for entry in answer.text.split(b"\0") if entry}
    reached = {entry for entry in entries if len(entry) <= _LONGEST}  # of others the index is what somebody made of it
    closed = {
        os.fsdecode(name).rstrip("/"): why.decode() or _LONG for name, why in _NOT_ENTERED.findall(answer.complaints)
    }
    closed |= {os.fsdecode(entry[2:].partition(b"/")[0][:255]): _LONG for entry in entries - reached}
    return [(entry[0], entry[2:]) for entry in map(os.fsdecode, reached)], closed


def unfiltered(folder: str) -> tuple[str, ...]:
    """Return the settings with which git compares contents of a repository and runs none of its filters.

    Raises ``UnsafeFilter`` for one whose name a setting cannot have (``-c`` ends a name at its first ``=``), and where
    it is not known which there are.
    """
    names = git(folder, "config", "-z", "--name-only", "--list")
    if names is None:
        raise UnsafeFilter("its configuration could not be read")
    found = [os.fsdecode(name) for name in dict.fromkeys(names.split(b"\0")) if _FILTER.fullmatch(name)]
    if any("=" in name for name in found):
        raise UnsafeFilter("its configuration has a filter with = in its name")
    return tuple(f"{name}={'false' if name.endswith('required') else ''}" for name in found)


def fetch(folder: str, url: str, revision: str) -> None:
    """Fetch one revision from a URL on purpose: the only call that reaches a remote. What fails is not said.

    The URL must be of a kind whose transport is git's own and starts nothing else (https, http, file); the
    configuration can lead to no other, as only that kind is allowed.
    """
    protocol = url.partition("://")[0]
    if protocol not in ("https", "http", "file"):
        return
    options = ("--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--depth=1")
    words = ("fetch", *options, "--upload-pack=git-upload-pack", "--", url, revision)
    with contextlib.suppress(TooSlow):
        _asked(folder, words, ("core.alternateRefsCommand=true",), _SECONDS_TO_FETCH, protocol)


def _asked(
    folder: str, words: tuple[str, ...], settings: tuple[str, ...], seconds: int | None = None, protocol: str = NONE
) -> _Answer | None:
    """Run git, and return what it prints to either stream if it succeeds. Raises ``TooSlow``."""
    import subprocess
    from threading import Thread, Timer

    seconds = seconds or _SECONDS
    given = [part for setting in (*_SETTINGS, *settings) for part in ("-c", setting)]
    try:
        process = subprocess.Popen(
            ["git", "--no-pager", *given, *words],
            cwd=folder,
            env=_environment(protocol),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
        )
    except (OSError, ValueError):
        return None
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
    if len(text) > _LARGEST or process.returncode in (-signal.SIGKILL, -signal.SIGXCPU):
        raise TooSlow
    return _Answer(text, complaints[0]) if process.returncode == 0 else None


def _read(stream: IO[bytes]) -> bytes:
    """Read a stream to its end, or a piece more than is wanted; what is asked for at once is set aside at once."""
    pieces, size = [], 0
    while size <= _LARGEST and (piece := stream.read(1_000_000)):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _environment(protocol: str) -> dict[str, str]:
    """Return the environment in which git starts nothing and uses one protocol, or none; its messages are English."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    folders = [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(folder)]
    return kept | {
        "PATH": os.pathsep.join(folders),  # git is not looked for in the tree
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
    """Limit what a process may use, where the system can."""
    import resource

    if hasattr(resource, "prlimit"):
        for kind, most in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_DATA, 2 * _LARGEST)):
            with contextlib.suppress(OSError, ValueError):
                resource.prlimit(process, kind, (most, most))


def _end(process: int) -> None:
    """End a process with those that it started."""
    with contextlib.suppress(OSError):
        os.killpg(process, signal.SIGKILL)
