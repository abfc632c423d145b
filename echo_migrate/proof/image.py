"""What an image is: its configuration, and what of its files a change of base may change."""

import re
import stat
import tarfile
from collections.abc import Iterable, Mapping
from typing import IO, Any, NamedTuple, Self, cast

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
    """Reads the files of a container as they arrive; nothing is written, and no path is followed. ``cut`` tells that
    they were not read to their end."""

    def __init__(self) -> None:
        self.files: Files | None = None
        self.cut = False

    def read(self, stream: IO[bytes]) -> None:
        """Read a tar archive to its end."""
        self.cut = True  # until the end, whatever is raised before
        texts: dict[str, bytes] = {}
        privileged, open_to_all, owners = set[str](), set[str](), dict[str, tuple[int, int]]()
        try:
            with tarfile.open(
                fileobj=cast(IO[bytes], _Forward(stream)), mode="r:", errorlevel=0, tarinfo=_Header
            ) as archive:
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
        self.cut = False
        self.files = Files(
            frozenset(one.name for one in packages.installed(texts)),
            frozenset(privileged),
            frozenset(open_to_all),
            owners,
        )


class _Forward:
    """A stream as a file of which nothing that lies behind is asked for. What tarfile has for streams (``r|``) puts
    together all that it skips, and takes twice as long."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream, self.place = stream, 0

    def tell(self) -> int:
        return self.place

    def read(self, size: int) -> bytes:
        data = self.stream.read(size)
        self.place += len(data)
        return data

    def seek(self, place: int) -> None:
        if place < self.place:
            raise tarfile.StreamError("what lies behind is asked for")
        while self.place < place and self.read(min(place - self.place, _AT_ONCE)):
            pass


class _Header(tarfile.TarInfo):
    """The header of an entry. Of plain files and folders no more is read than is asked for, in half of the time; of all
    others, such as those with a long name, tarfile reads all (pax, "ustar Interchange Format")."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        if len(buf) != tarfile.BLOCKSIZE:
            return super().frombuf(buf, encoding, errors)
        found = cls(buf[:100].partition(b"\0")[0].decode(encoding, errors))
        numbers = (buf[100:108], buf[108:116], buf[116:124], buf[124:136], buf[148:156])
        try:
            found.mode, found.uid, found.gid, found.size, checksum = [
                int(one.partition(b"\0")[0], 8) for one in numbers
            ]
        except ValueError:
            return super().frombuf(buf, encoding, errors)
        found.type = bytes(buf[156:157])
        plain = found.type in (tarfile.REGTYPE, tarfile.DIRTYPE) and buf[257:262] == b"ustar" and not buf[345]
        if not plain or sum(buf) - sum(buf[148:156]) + 8 * ord(" ") != checksum:
            return super().frombuf(buf, encoding, errors)
        return found


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
