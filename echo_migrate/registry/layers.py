"""What the layers of an image have: programs, packages, users and os-release, without keeping a file of them.

Layers are read as they arrive: each is decompressed and its tar entries looked at, in the order in which they lie on
each other (github.com/opencontainers/image-spec, layer.md). Nothing is written to the disk, no path is followed, and
all that a layer can make us read, keep or wait for is limited.
"""

import posixpath
import tarfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple, cast

from echo_migrate.images.answers import Config, Contents
from echo_migrate.registry import packages
from echo_migrate.registry.client import Client
from echo_migrate.registry.content import Descriptor, Manifest
from echo_migrate.registry.errors import Malformed, RegistryError

MOST_BYTES = 20_000_000_000
"""Of all layers of an image, decompressed; the largest known has some 15 GB."""

MOST_ENTRIES = 3_000_000
LARGEST_FILE = 64_000_000
"""Of a file whose text is read: the databases of packages have some 10 MB."""

MOST_LAYERS = 200
_LONGEST_PATH = 4096
_CHUNK = 1 << 16

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MERGED = ("bin", "sbin")
"""Folders that are links into /usr in most distributions."""

_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_LARGEST_HEADER = 1_000_000

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_READ = frozenset(("etc/passwd", "etc/os-release", "usr/lib/os-release", *packages.FILES))

_SHELL_PLACES = ("busybox/sh",)
"""Where images keep a shell outside of PATH (gcr.io/distroless, :debug)."""


class Entry(NamedTuple):
    """A file or a link in an image: whether it can be executed, where it leads, and its text if that was read."""

    runs: bool
    link: str = ""
    text: bytes | None = None


Files = dict[str, Entry]


def contents_of(client: Client, name: str, manifest: Manifest, config: Config) -> Contents:
    """Return what the layers of an image have. Raises ``RegistryError``, also for what is larger than allowed."""
    digest = manifest.digest
    kept = client.noted(name, "contents", digest)
    if kept is not None and (known := _from_data(kept)) is not None:
        return known
    if len(manifest.layers) > MOST_LAYERS:
        raise Malformed(f"{name}@{digest}: has more than {MOST_LAYERS} layers")
    path = dict(config.environment).get("PATH") or _PATH
    folders = tuple(dict.fromkeys(one.strip("/") for one in path.split(":")[:50] if one.startswith("/")))
    files: Files = {}
    budget = _Budget(f"{name}@{digest}")
    for layer in manifest.layers:
        _lay(files, client, name, layer, _wanted(folders), budget)
    found = _contents(files, folders)
    client.note(name, "contents", digest, value=_as_data(found))
    return found


class _Budget:
    """What is left of the limits of one image."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.bytes = MOST_BYTES
        self.entries = MOST_ENTRIES

    def spend(self, size: int) -> None:
        self.bytes -= size
        if self.bytes < 0:
            raise Malformed(f"{self.what}: its layers have more than {MOST_BYTES:,} bytes")

    def count(self) -> None:
        self.entries -= 1
        if self.entries < 0:
            raise Malformed(f"{self.what}: its layers have more than {MOST_ENTRIES:,} entries")


def _wanted(folders: tuple[str, ...]) -> Callable[[str], bool]:
    """Return whether a path is one of a program, or of a file that is read."""
    programs = frozenset((*folders, *_MERGED))
    return lambda path: (
        path in _READ
        or path in programs  # a folder that is a link
        or posixpath.dirname(path) in programs
        or path in _SHELL_PLACES
        or path.startswith(packages.BELOW)
    )


def _lay(
    files: Files, client: Client, name: str, layer: Descriptor, wanted: Callable[[str], bool], budget: _Budget
) -> None:
    """Lay a layer on the files of those below it."""
    what = f"{name}@{layer.digest}"
    above: Files = {}
    with client.stream(name, layer.digest) as chunks:
        unpacked = _unpacked(chunks, layer.media_type, what)
        reader = _Reader(unpacked, budget)
        try:
            with tarfile.open(fileobj=cast(IO[bytes], reader), mode="r|", tarinfo=_Member) as archive:
                for member in archive:
                    budget.count()
                    path = posixpath.normpath(f"/{member.name[:_LONGEST_PATH]}").lstrip("/")
                    _take(files, above, archive, member, path, wanted)
                    archive.members = []  # type: ignore[attr-defined]  # tarfile keeps every entry otherwise
        except (tarfile.TarError, UnicodeError, ValueError, EOFError, OverflowError, RecursionError) as error:
            raise Malformed(f"{what}: is no valid archive ({type(error).__name__})") from None
        for _ in unpacked:  # up to the end, so that the digest is verified
            pass
    files |= above


def _take(
    files: Files,
    above: Files,
    archive: tarfile.TarFile,
    member: tarfile.TarInfo,
    path: str,
    wanted: Callable[[str], bool],
) -> None:
    """Take one entry of a layer: a whiteout removes from the layers below, a file replaces."""
    folder, name = posixpath.split(path)
    if name == _OPAQUE:
        _remove(files, f"{folder}/" if folder else "")
    elif name.startswith(_WHITEOUT):
        gone = posixpath.join(folder, name.removeprefix(_WHITEOUT))
        files.pop(gone, None)
        _remove(files, f"{gone}/")
    elif not wanted(path):
        return
    elif member.issym() or member.islnk():
        target = member.linkname[:_LONGEST_PATH]
        linked = posixpath.join("/", "" if member.islnk() else folder, target)
        above[path] = Entry(True, posixpath.normpath(linked).lstrip("/"))
    elif member.isreg():
        text = None
        if (path in _READ or path.startswith(packages.BELOW)) and member.size <= LARGEST_FILE:
            opened = archive.extractfile(member)
            text = opened.read() if opened else b""
        above[path] = Entry(bool(member.mode & 0o111), "", text)


def _remove(files: Files, prefix: str) -> None:
    for path in [path for path in files if path.startswith(prefix)]:
        del files[path]


class _Member(tarfile.TarInfo):
    """An entry of an archive whose headers are of limited size, and which is not sparse: no builder writes those, and
    ``tarfile`` reads their maps into memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Member":
        member = super().frombuf(buf, encoding, errors)
        if member.type in _HEADERS and member.size > _LARGEST_HEADER:
            raise tarfile.ReadError("a header is too large")
        return member

    def _refused(self, *_: object) -> None:
        raise tarfile.ReadError("a sparse file")

    _proc_sparse = _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _refused


class _Reader:
    """A file of what is unpacked, for ``tarfile``: read in order, and counted."""

    def __init__(self, chunks: Iterator[bytes], budget: _Budget) -> None:
        self.chunks = chunks
        self.budget = budget
        self.left = b""

    def read(self, size: int) -> bytes:
        parts = [self.left]
        have = len(self.left)
        while have < size:
            chunk = next(self.chunks, b"")
            if not chunk:
                break
            self.budget.spend(len(chunk))
            parts.append(chunk)
            have += len(chunk)
        text = b"".join(parts)
        self.left = text[size:]
        return text[:size]


def _unpacked(chunks: Iterator[bytes], media_type: str, what: str) -> Iterator[bytes]:
    """Yield a layer decompressed, in pieces of limited size, by the first bytes that it has."""
    first = next(chunks, b"")
    while len(first) < 4 and (more := next(chunks, b"")):
        first += more
    if first[:2] == b"\x1f\x8b":
        return _gunzipped(first, chunks, what)
    if first[:4] == b"\x28\xb5\x2f\xfd":
        return _unzstd(first, chunks, what)
    return _plain(first, chunks)


def _plain(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from chunks


def _gunzipped(first: bytes, chunks: Iterator[bytes], what: str) -> Iterator[bytes]:
    """Yield what is within gzip, of which there may be several members."""
    machine = zlib.decompressobj(wbits=31)
    try:
        for chunk in _plain(first, chunks):
            rest = chunk
            while rest:
                yield machine.decompress(rest, _CHUNK)
                while machine.unconsumed_tail:
                    yield machine.decompress(machine.unconsumed_tail, _CHUNK)
                rest = machine.unused_data if machine.eof else b""
                if machine.eof:
                    machine = zlib.decompressobj(wbits=31)
    except zlib.error:
        raise Malformed(f"{what}: is not valid gzip") from None


def _unzstd(first: bytes, chunks: Iterator[bytes], what: str) -> Iterator[bytes]:
    try:
        import zstandard
    except ImportError:
        raise RegistryError(f"{what}: zstd needs the extra: install echo-migrate[registry]") from None
    source = _Raw(first, chunks)
    try:
        machine = zstandard.ZstdDecompressor(max_window_size=1 << 27)
        with machine.stream_reader(cast(IO[bytes], source), read_across_frames=True) as file:
            while piece := file.read(_CHUNK):
                yield piece
    except zstandard.ZstdError:
        raise Malformed(f"{what}: is not valid zstd") from None


class _Raw:
    """A file of chunks as they arrive, for zstandard."""

    def __init__(self, first: bytes, chunks: Iterator[bytes]) -> None:
        self.chunks = _plain(first, chunks)
        self.left = b""

    def read(self, size: int) -> bytes:
        if not self.left:
            self.left = next(self.chunks, b"")
        piece, self.left = self.left[:size], self.left[size:]
        return piece


def _contents(files: Files, folders: tuple[str, ...]) -> Contents:
    """Return what is in the files of an image: names of programs on its PATH, packages, users, os-release."""
    places = tuple(dict.fromkeys((*folders, *(f"usr/{one}" for one in _MERGED if _is_link(files, one, f"usr/{one}")))))
    programs = {
        posixpath.basename(path)
        for path, entry in files.items()
        if entry.runs and posixpath.dirname(path) in places and _leads_somewhere(files, entry)
    }
    shell_at = next((f"/{path}" for path in _SHELL_PLACES if path in files), "") if "sh" not in programs else ""
    installed = packages.installed({path: entry.text for path, entry in files.items() if entry.text})
    system = _os_release(files)
    names = frozenset(one.name for one in installed)
    purls = tuple(one.purl(dict(system)) for one in installed)
    return Contents(frozenset(programs), names, _users(_text(files, "etc/passwd")), system, shell_at, purls)


def _is_link(files: Files, path: str, target: str) -> bool:
    return path in files and files[path].link == target


def _leads_somewhere(files: Files, entry: Entry) -> bool:
    """Return whether an entry is no link, or one to something that is there as far as is known: a link to a program
    that was removed runs nothing."""
    for _ in range(10):
        if not entry.link:
            return entry.runs
        folder, name = posixpath.split(entry.link)
        top, _, rest = folder.partition("/")
        if _is_link(files, top, f"usr/{top}"):
            folder = f"usr/{top}/{rest}".rstrip("/")
        following = files.get(f"{folder}/{name}")
        if following is None:
            return posixpath.basename(folder) not in _MERGED  # elsewhere than programs are looked at
        entry = following
    return False


def _text(files: Files, path: str) -> str:
    entry = files.get(path)
    return entry.text.decode("utf-8", "replace") if entry and entry.text else ""


def _users(passwd: str) -> tuple[tuple[str, int], ...]:
    rows = [line.split(":") for line in passwd.split("\n")[:10_000]]
    return tuple((row[0], int(row[2])) for row in rows if len(row) > 3 and row[2].isascii() and row[2].isdecimal())


def _os_release(files: Files) -> tuple[tuple[str, str], ...]:
    """Return the values of os-release (freedesktop.org, os-release), without their quotes."""
    text = _text(files, "etc/os-release") or _text(files, "usr/lib/os-release")
    pairs = [line.split("=", 1) for line in text.split("\n")[:200] if "=" in line and not line.startswith("#")]
    return tuple((name.strip(), value.strip().strip("\"'")) for name, value in pairs)


def _as_data(found: Contents) -> list[object]:
    """Return contents as data for the cache."""
    return [sorted(found.programs), sorted(found.packages), found.users, found.os_release, found.shell_at, found.purls]


def _from_data(kept: object) -> Contents | None:
    """Return contents from the cache's data, None if they are not what was put there."""
    try:
        programs, packages, users, system, shell_at, purls = cast(list[list[object]], kept)
        pairs = [cast(list[object], pair) for pair in users]
        values = [cast(list[object], pair) for pair in system]
        return Contents(
            frozenset(map(str, programs)),
            frozenset(map(str, packages)),
            tuple((str(name), int(cast(int, uid))) for name, uid in pairs),
            tuple((str(name), str(value)) for name, value in values),
            str(shell_at),
            tuple(map(str, purls)),
        )
    except (ValueError, TypeError):
        return None
