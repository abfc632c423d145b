"""Records of proofs: in the user's own cache folder, and in a folder that is named on the command line.

A record says what was proven of which bytes. It is a claim of whoever wrote it: those in the cache folder are the
user's own, and those in a folder are believed only if the command line names it. A repository never vouches for itself.
"""

import contextlib
import getpass
import hashlib
import json
import os
import re
import socket
import stat
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, cast, get_args

from echo_migrate.files.source import Source, Unreadable, contents, reason_of
from echo_migrate.files.write import NotWritten, replace
from echo_migrate.proof.compare import VERDICTS, Row, Verdict, Weight
from echo_migrate.registry.cache import default_folder

_HEX = re.compile(r"[0-9a-f]{64}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_OF_ANOTHER_FORM = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


class Proof(NamedTuple):
    """What was found by building and running. ``before`` and ``after`` are hashes of the texts, ``context`` of what the
    builder saw and what ran beside it (``context.ground``), and ``options`` of how it was asked; ``images`` are the
    digests of the images that both and their siblings are from, "" where one is not on this machine, and ``added`` are
    those that the change brings; ``places`` are where it brings them, in the text before and in that after. ``cause``
    says why something failed, and ``predicted`` what said so before."""

    path: str
    verdict: Verdict
    reason: str
    rows: tuple[Row, ...] = ()
    before: str = ""
    after: str = ""
    context: str = ""
    options: str = ""
    images: tuple[tuple[str, str], ...] = ()
    added: tuple[str, ...] = ()
    builder: str = ""
    date: str = ""
    by: str = ""
    line: int = 0
    cause: str = ""
    predicted: str = ""
    seconds: float = 0
    unsafe: bool = False
    places: tuple[tuple[int, int], ...] = ()
    remembered: bool = False

    @property
    def passes(self) -> bool:
        """Whether nothing differs, and it was started: the change may be applied."""
        return self.verdict == "same" and not self.reason


def text_hash(source: Source) -> str:
    """Return the hash of a file's text."""
    return hashlib.sha256(source.data).hexdigest()


def account() -> str:
    """Return who runs this, as user@host."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):
        return socket.gethostname()


class Records:
    """Proofs by the texts that they are of. ``folders`` are searched in their order; the first one is written to."""

    def __init__(self, folders: Iterable[str]) -> None:
        self.folders = list(folders)
        self._listed: dict[str, list[str]] = {}

    def of(self, before: str, after: str, path: str) -> Iterator[Proof]:
        """Yield the proofs of a change, whether they still fit or not."""
        for folder in self.folders:
            proof = _read(os.path.join(folder, f"{_stem(folder, before, path)}{after[:16]}.json"))
            if proof and (proof.before, proof.after) == (before, after):
                yield proof

    def about(self, before: str, path: str) -> Iterator[Proof]:
        """Yield the proofs of all changes of a text."""
        for folder in self.folders:
            stem = _stem(folder, before, path)
            for name in self._names(folder):
                if name.startswith(stem):
                    proof = _read(os.path.join(folder, name))
                    if proof and proof.before == before:
                        yield proof

    def leading_to(self, after: str, path: str) -> Iterator[Proof]:
        """Yield the proofs of the changes of a file that made it the text that it is now."""
        for folder in self.folders:
            for name in self._names(folder):
                proof = _read(os.path.join(folder, name)) if name.endswith(f"-{after[:16]}.json") else None
                if proof and proof.after == after and name.startswith(_stem(folder, proof.before, path)):
                    yield proof

    def _names(self, folder: str) -> list[str]:
        if folder not in self._listed:
            self._listed[folder] = []
            with contextlib.suppress(OSError):
                self._listed[folder] = sorted(os.listdir(folder))
        return self._listed[folder]

    def keep(self, proof: Proof) -> None:
        """Write a proof, whole or not at all. Raises ``NotWritten``."""
        for folder in self.folders[:1]:
            try:
                os.makedirs(folder, 0o700 if folder == own_folder() else 0o777, exist_ok=True)
            except OSError as error:
                raise NotWritten(f"could not be written: {reason_of(error)}") from None
            data = json.dumps(as_data(proof), indent=2, sort_keys=True, ensure_ascii=False)
            path = os.path.join(folder, f"{_stem(folder, proof.before, proof.path)}{proof.after[:16]}.json")
            replace(path, f"{data}\n".encode("utf-8", "backslashreplace"))


def own_folder() -> str | None:
    """Return the folder in the user's cache; None if there is none, or it is not the user's alone."""
    base = default_folder()
    if base is None:
        return None
    folder = os.path.join(base, "proofs")
    with contextlib.suppress(FileNotFoundError):
        try:
            status = os.lstat(folder)
        except PermissionError:
            return None
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
            return None
    return folder


def records(named: str = "") -> Records:
    """Return the records of a folder that was named, and the user's own."""
    own = own_folder()
    return Records([one for one in (named, own) if one])


def _stem(folder: str, before: str, path: str) -> str:
    """Return how the names of the records of a text begin. In the cache, files of other trees have their own."""
    place = os.path.abspath(path) if folder == own_folder() else os.path.normpath(path)
    key = f"{before} {place}".encode("utf-8", "surrogateescape")
    return f"{hashlib.sha256(key).hexdigest()[:32]}-"


def as_data(proof: Proof) -> dict[str, Any]:
    """Return a proof as JSON has it."""
    return {
        "version": 1,
        "path": proof.path,
        "verdict": proof.verdict,
        "reason": proof.reason or None,
        "differences": [row._asdict() for row in proof.rows],
        "line": proof.line or None,
        "cause": proof.cause or None,
        "predicted": proof.predicted or None,
        "unsafe": proof.unsafe,
        "before": proof.before,
        "after": proof.after,
        "context": proof.context or None,
        "options": proof.options or None,
        "images": dict(proof.images),
        "added": list(proof.added),
        "places": [list(pair) for pair in proof.places],
        "builder": proof.builder,
        "date": proof.date,
        "by": proof.by,
        "seconds": round(proof.seconds, 1),
    }


def _read(path: str) -> Proof | None:
    """Return the proof in a file; None if there is none, or it is not of the form that is written."""
    try:
        data = json.loads(contents(path))
        return _proof(data)._replace(remembered=True) if data["version"] == 1 else None
    except (Unreadable, *_OF_ANOTHER_FORM):
        return None


def printed(data: Any) -> list[Proof]:
    """Return the proofs in what ``prove --output-format json`` prints. Raises ``ValueError`` for anything else."""
    try:
        if data["version"] == 1:
            return [_proof(one) for one in data["proofs"]]
    except _OF_ANOTHER_FORM:
        pass
    raise ValueError("is not what `echo-migrate prove --output-format json` prints")


def _proof(data: Any) -> Proof:
    """Return a proof as JSON has it. Raises one of ``_OF_ANOTHER_FORM``."""
    if data["verdict"] not in VERDICTS or not _DATE.match(_text(data["date"])):
        raise ValueError
    return Proof(
        _text(data["path"]),
        cast(Verdict, data["verdict"]),
        _text(data["reason"] or ""),
        tuple(map(_row, data["differences"])),
        before=_hash(data["before"]),
        after=_hash(data["after"]),
        context=_hash(data["context"]) if data["context"] else "",
        options=_hash(data["options"]) if data["options"] else "",
        images=tuple((_text(name), _text(id)) for name, id in data["images"].items()),
        added=tuple(map(_text, data["added"])),
        builder=_text(data["builder"]),
        date=_text(data["date"]),
        by=_text(data["by"]),
        line=_place(data["line"] or 0),
        cause=_text(data["cause"] or ""),
        predicted=_text(data["predicted"] or ""),
        seconds=_seconds(data["seconds"]),
        unsafe=bool(data["unsafe"]),
        places=tuple((_place(before), _place(after)) for before, after in data.get("places", ())),
    )


def _row(data: Mapping[str, object]) -> Row:
    if data["weight"] not in get_args(Weight):
        raise ValueError
    return Row(_text(data["name"]), _text(data["before"]), _text(data["after"]), cast(Weight, data["weight"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _place(value: object) -> int:
    if type(value) is not int or value < 0:
        raise TypeError
    return value


def _seconds(value: object) -> float:
    if not isinstance(value, int | float) or not 0 <= value < 10**9:  # what is no number is not in between either
        raise TypeError
    return float(value)


def _hash(value: object) -> str:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise ValueError
    return value
