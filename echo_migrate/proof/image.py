"""What an image is: its configuration, and what of its files a change of base may change."""

import re
import stat
import tarfile
from collections.abc import Iterable, Mapping
from typing import IO, Any, NamedTuple

from echo_migrate.registry import packages

_MOST_ENTRIES = 2_000_000
_LARGEST_FILE = 64_000_000
_AT_ONCE = 1 << 16
"""The bytes that are read at once: with fewer, what is skipped takes longer, and with more, what is looked at."""

_PASSING = re.compile(r"(?:dev|proc|sys|tmp|run|var/tmp|var/run|var/cache|var/log|var/lib/(?:apt|dpkg))(?:/|$)")
"""Folders that belong to the system, or whose files do not stay."""


class Config(NamedTuple):
    """The configuration of an image, as a container gets it."""

    user: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    folder: str = ""
    environment: tuple[tuple[str, str], ...] = ()
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    health: tuple[str, ...] = ()
    stop_signal: str = ""
    size: int = 0
    layers: int = 0


class Files(NamedTuple):
    """What the files of an image show: ``packages``, ``privileged`` (set-uid and set-gid programs), ``open`` (that
    everyone may write), and ``owners`` by path; those of the system's own folders are left out."""

    packages: frozenset[str]
    privileged: frozenset[str]
    open: frozenset[str]
    owners: Mapping[str, tuple[int, int]]


def config_of(found: Mapping[str, Any]) -> Config:
    """Return the configuration in what a builder tells of an image, without fields of another type."""
    config = _table(found.get("Config"))
    pairs = [one.partition("=")[::2] for one in _texts(config.get("Env"))]
    root = _table(found.get("RootFS"))
    return Config(
        str(config.get("User") or ""),
        _texts(config.get("Entrypoint")),
        _texts(config.get("Cmd")),
        str(config.get("WorkingDir") or "/"),
        tuple(sorted(pairs)),
        tuple(sorted(_table(config.get("ExposedPorts")))),
        tuple(sorted(_table(config.get("Volumes")))),
        _texts(_table(config.get("Healthcheck")).get("Test")),
        str(config.get("StopSignal") or ""),
        size if isinstance(size := found.get("Size"), int) else 0,
        len(_texts(root.get("Layers"))),
    )


def _table(value: object) -> dict[str, Any]:
    return {str(key): one for key, one in value.items()} if isinstance(value, dict) else {}


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


class Reader:
    """Reads the files of a container as they arrive; nothing is written, and no path is followed."""

    def __init__(self) -> None:
        self.files: Files | None = None

    def read(self, stream: IO[bytes]) -> None:
        """Read a tar archive to its end."""
        texts: dict[str, bytes] = {}
        privileged, open_to_all, owners = set[str](), set[str](), dict[str, tuple[int, int]]()
        try:
            with tarfile.open(fileobj=stream, mode="r|", errorlevel=0, bufsize=_AT_ONCE) as archive:
                for member in _some(archive):
                    path = member.name.removeprefix("./").strip("/")
                    if member.isfile() and member.mode & (stat.S_ISUID | stat.S_ISGID):
                        privileged.add(path)
                    if _PASSING.match(path):
                        if not (path in packages.FILES or path.startswith(packages.BELOW)):
                            continue
                    elif member.isfile() or member.isdir():
                        owners[path] = (member.uid, member.gid)
                        if member.mode & stat.S_IWOTH and not member.mode & stat.S_ISVTX:
                            open_to_all.add(path)
                    if path in packages.FILES or path.startswith(packages.BELOW):
                        file = archive.extractfile(member) if member.isfile() else None
                        texts[path] = file.read(_LARGEST_FILE) if file else b""
        except (tarfile.TarError, EOFError):
            return
        self.files = Files(
            frozenset(one.name for one in packages.installed(texts)),
            frozenset(privileged),
            frozenset(open_to_all),
            owners,
        )


def _some(archive: tarfile.TarFile) -> Iterable[tarfile.TarInfo]:
    for number, member in enumerate(archive):
        setattr(archive, "members", [])  # noqa: B010 - it would keep each of them
        if number >= _MOST_ENTRIES:
            raise tarfile.ReadError("too many entries")
        yield member


def tops(paths: Iterable[str]) -> list[str]:
    """Return the paths that lie below none of the others."""
    found: list[str] = []
    for path in sorted(paths):
        if not found or not path.startswith(f"{found[-1]}/"):
            found.append(path)
    return found
